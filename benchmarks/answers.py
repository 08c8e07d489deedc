"""From a person's answer to the run's next step."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.engine.answers import Given
from proc_tui.core.journal.events import Ended
from workspaces import WAIT, beside, drive, found, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_tui.core.engine.worker import Worker
    from proc_tui.core.journal.runs import Run
    from proc_tui.core.operator import Operator

CODE = WAIT + 'Step.run("next", function() return 1 end)\n'


def measure(quick: bool) -> Iterator[Figure]:
    waiting = 200 if quick else 1_000
    yardstick = raw.commit("FULL", rounds=5)
    with workspace(CODE) as operator:
        runs = [operator.start("case") for _ in range(waiting)]
        drive(operator)
        chosen = runs[:: waiting // (20 if quick else 50)]
        taken = _answer_beside(operator, chosen)
        name = f"answer to next step, {waiting:,} runs waiting"
        yield Figure(name, statistics.median(taken), "s", yardstick, "FULL", 0.005, note="median")
        slowest = statistics.quantiles(taken, n=20)[-1]
        yield Figure(name, slowest, "s", yardstick, "FULL", note="19 of 20 are faster")
        chosen = [run for run in runs if run not in chosen][:: waiting // 5]
        taken = [_answer_by_commands(operator, run) for run in chosen]
        name = "answer to next step, no process running"
        yield Figure(name, statistics.median(taken), "s", yardstick, "FULL", 0.300, note="answer, then watch --once")


def _answer_beside(operator: Operator, chosen: list[Run]) -> list[float]:
    taken: list[float] = []

    async def answer_each(_worker: Worker) -> None:
        await asyncio.sleep(0.5)
        for run in chosen:
            [request] = operator.inbox(run=run.id)
            began = time.time()
            await asyncio.to_thread(operator.answer, request.id, Given(approved=True))
            while not operator.run(run.id).status.ended:
                await asyncio.sleep(0.05)
            taken.append(_stepped(operator, run) - began)

    beside(operator, answer_each)
    return taken


def _answer_by_commands(operator: Operator, run: Run) -> float:
    [request] = operator.inbox(run=run.id)
    command = [str(Path(sys.executable).with_name("proc-tui"))]
    began = time.time()
    for arguments in (["answer", request.id, "--approve", "--json"], ["watch", "--once", "--json"]):
        subprocess.run([*command, *arguments], cwd=operator.workspace, check=True, stdout=subprocess.DEVNULL)
    return _stepped(operator, run) - began


def _stepped(operator: Operator, run: Run) -> float:
    """When the function of the step was called."""
    return next(
        record.event.started_at
        for record in found(operator, run, Ended)
        if isinstance(record.event, Ended) and record.event.op == "step"
    )
