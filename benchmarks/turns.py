"""Turns of agents: what proc-tui adds to the model, from a reply's first piece to the next turn."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import raw
from figures import Figure
from proc_tui.core.agents.replies import Replies
from proc_tui.core.journal.events import Ended
from proc_tui.core.model.settings import ModelSettings, PythonToolSettings, Settings, WorkerSettings
from proc_tui.core.operator import Operator
from waiting import resident
from workspaces import beside, drive, found, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_tui.core.engine.worker import Worker
    from proc_tui.core.journal.runs import Partial, Run

TOOL = 'def note(text: str) -> str:\n    """Notes."""\n    return text\n'
SERVER = Path(__file__).parent.parent / "tests" / "servers" / "openai_server.py"
LONG = "The quick brown fox jumps over the lazy dog. " * 4
CONVERSATION = 500
"""Messages of a long conversation."""


def measure(quick: bool) -> Iterator[Figure]:
    count = 50 if quick else 250
    yardstick = raw.commit("FULL", rounds=5)
    name = "a turn without the model"
    seconds = _turns(count)
    yield Figure(f"{name}, full", seconds, "s", yardstick, "FULL", 0.005, note="each")
    yield Figure(f"{name}, with 4 tools in it, full", _turns(count, tools=4), "s", yardstick, "FULL", note="each")
    yield Figure(f"{name}, message {CONVERSATION} of a conversation", _last_turns(), "s", yardstick, "FULL", 0.005)
    name = f"a turn over HTTP, the server's part in it included, message {CONVERSATION} of a conversation"
    yield Figure(name, _last_turns(over_http=True), "s", yardstick, "FULL")
    yield from _memory(quick)
    yield from _pieces(quick)
    yield from _cold()


@contextmanager
def _workspace(code: str, *, tools: bool = False, settings: Settings | None = None) -> Iterator[Operator]:
    keys = ", tools: [note]" if tools else ""
    document = f'name: case\nversion: "1"\nmax_turns: 100000\nagents: {{worker: {{system_prompt: You work.{keys}}}}}\n'
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        (Path(folder) / "case.yaml").write_text(f"{document}code: |\n{textwrap.indent(code, '  ')}\n")
        (Path(folder) / "tools.py").write_text(TOOL)
        python = PythonToolSettings(interpreter="${PROC_TUI_PYTHON}", modules=["tools.py"] if tools else [])
        with Operator.open(Path(folder), settings=settings or Settings(python_tools=python)) as operator:
            yield operator


def _script(*replies: object) -> Replies:
    return Replies.parse(json.dumps({"worker": list(replies)}), "bench.replies.yaml")


def _moments(operator: Operator, run: Run, op: str = "turn") -> list[float]:
    return [
        record.at for record in found(operator, run, Ended) if isinstance(record.event, Ended) and record.event.op == op
    ]


def _turns(count: int, tools: int = 0) -> float:
    """Seconds from the end of one turn to the end of the next, which the model takes no time of."""
    calls = {"calls": [{"note": {"text": LONG}}] * tools} if tools else {}
    with _workspace(f'for i = 1, {count} do Worker.turn{{inject = "{LONG}"}} end', tools=tools > 0) as operator:
        run = operator.start("case", replies=_script({"text": LONG, "repeat": True, **calls}))
        drive(operator)
        ends = _moments(operator, run)
    assert len(ends) == count
    return statistics.median(b - a for a, b in pairwise(ends))


def _last_turns(*, over_http: bool = False) -> float:
    """The same at the end of a long conversation, or with a server on this machine that answers at once."""
    turns = CONVERSATION // 2
    with _server([{"text": [LONG]}] * turns) as url:
        settings = Settings(models={"main": ModelSettings(model="gpt-test", base_url=url)})
        with _workspace(f'for i = 1, {turns} do Worker.turn{{inject = "{LONG}"}} end', settings=settings) as operator:
            script = None if over_http else _script({"text": LONG, "repeat": True})
            run = operator.start("case", replies=script)
            drive(operator)
            ends = _moments(operator, run)
    assert len(ends) == turns
    return statistics.median(b - a for a, b in pairwise(ends[-20:]))


def _memory(quick: bool) -> Iterator[Figure]:
    """Runs in the middle of a turn, which is where most of a run is in memory."""
    agents = 50 if quick else 200
    turns = CONVERSATION // 2
    code = f'for i = 1, {turns} do Worker.turn{{inject = "{LONG}"}} end\nHuman.approve{{message = "?"}}\nWorker.turn()'
    settings = Settings(worker=WorkerSettings(max_active=agents + 10, warm=0))
    script = [*[LONG] * turns, {"text": "one two three", "delay": 60}]
    with _workspace(code, settings=settings) as operator:
        first = operator.start("case", replies=_script(*script))
        drive(operator)
        from proc_tui.core.operator import Given

        operator.answer(operator.inbox()[0].id, Given(approved=True))
        forks = [operator.fork(first, f"worker.turn#{turns}") for _ in range(agents)]
        drive_one = operator.worker(roots=[forks[0].id])
        asyncio.run(drive_one.run(once=True))
        for request in operator.inbox():
            operator.answer(request.id, Given(approved=True))

        figures: list[Figure] = []

        async def work(worker: Worker) -> None:
            before = resident()
            waiting = {run.id for run in forks}

            def in_conversation() -> bool:
                for request in operator.inbox():
                    operator.answer(request.id, Given(approved=True))
                return all(operator.partial(run) is not None for run in forks)

            await until(in_conversation, every=0.2)
            grown = (resident() - before) / len(waiting)
            name = f"{agents} agents replying, {CONVERSATION} messages of {len(LONG)} letters each"
            figures.append(Figure(f"{name}: memory", grown, "B", note="each"))
            letters = CONVERSATION * len(LONG)
            figures.append(Figure(f"{name}: memory by letter of the conversation", grown / letters, "x"))

        beside(operator, work)
    yield from figures


@contextmanager
def _server(script: object) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        file = Path(folder) / "script.json"
        file.write_text(json.dumps(script))
        process = subprocess.Popen(
            [sys.executable, str(SERVER), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate("")


def _pieces(quick: bool) -> Iterator[Figure]:
    """From the moment at which a server sends a piece of a reply to that at which listeners have it."""
    count = 100 if quick else 400
    script = {"replies": [{"text": ["x "] * count, "stamped": True, "drip": 0.002}] * 2}
    took: list[float] = []
    firsts: list[float] = []

    def listen(partial: Partial, piece: str) -> None:
        now = time.monotonic()
        if not piece.strip() or not piece.split()[0].replace(".", "").isdigit():
            return
        took.append(now - float(piece.split()[0]))
        if partial.text == piece:
            firsts.append(took[-1])

    with _server(script) as url:
        settings = Settings(models={"main": ModelSettings(model="gpt-test", base_url=url)})
        with _workspace("Worker.turn() Worker.turn()", settings=settings) as operator:
            operator.listen_replies(listen)
            run = operator.start("case")
            drive(operator)
            assert operator.run(run.id).status.value == "COMPLETED"
    took.sort()
    yield Figure("a piece of a reply, from the server to who listens: p50", statistics.median(took), "s", aim=0.03)
    yield Figure("a piece of a reply, from the server to who listens: p95", took[int(len(took) * 0.95)], "s", aim=0.03)
    yield Figure("the first piece of the second reply, from the server to who listens", firsts[-1], "s", aim=0.03)


COLD = """
import asyncio, sys, time
from pathlib import Path
from proc_tui.core.model.settings import ModelSettings, Settings
from proc_tui.core.operator import Operator
settings = Settings(models={"main": ModelSettings(model="gpt-test", base_url=sys.argv[1])})
if sys.argv[3] == "imported":
    import langchain_openai
with Operator.open(Path(sys.argv[2]), settings=settings) as operator:
    began = time.perf_counter()
    operator.start("case")
    asyncio.run(operator.worker().run(once=True))
    print(time.perf_counter() - began)
"""


def _cold() -> Iterator[Figure]:
    """A run with one turn in a new process."""
    document = 'name: case\nversion: "1"\nagents: {worker: {system_prompt: You work.}}\ncode: return Worker.turn()\n'

    def one(how: str) -> float:
        with tempfile.TemporaryDirectory(prefix="bench") as folder, _server([{"text": "Hi."}]) as url:
            (Path(folder) / "case.yaml").write_text(document)
            command: list[Any] = [sys.executable, "-c", COLD, url, folder, how]
            return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    yield Figure("the first turn of a process", min(one("new") for _ in range(3)), "s")
    yield Figure("the first turn of a process, langchain imported before", min(one("imported") for _ in range(3)), "s")
