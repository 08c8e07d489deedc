"""Resuming: a long record is read and the code brought back to where it was."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.engine import rehearsal
from proc_tui.core.lua.sandbox import Limits
from proc_tui.core.operator import Operator
from workspaces import WAIT, drive, steps, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_tui.core.journal.runs import Run


def measure(quick: bool) -> Iterator[Figure]:
    count = 10_000
    with workspace(steps(count) + WAIT, durability="fast") as operator:
        run = operator.start("case")
        drive(operator)
        rounds = [_replay(operator, operator.run(run.id)) for _ in range(5 if quick else 15)]
    # A resume happens once, in a process that has other things in memory: the median, not the best.
    seconds = statistics.median(rounds)
    yardstick = raw.commit("FULL", rounds=5)
    yield Figure(f"replay of {count:,} recorded steps, loading included", seconds, "s", yardstick, "FULL", 0.060)


def _replay(operator: Operator, run: Run) -> float:
    """Seconds from nothing but the database to the end of the record; what a worker does with a run it claimed."""
    environment = operator._environment
    began = time.perf_counter()
    records = operator.records(run)
    with environment.database.read() as connection:
        program = environment.sources.program(connection, run.source, run.path)
    fold, failure = rehearsal.rehearsed(run, program, environment, records, Limits())
    taken = time.perf_counter() - began
    assert failure is None
    assert fold.seq == run.last_seq
    return taken
