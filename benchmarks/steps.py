"""`Step.run`: many in one run, and many runs stepping at once."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Literal

import raw
from figures import Figure
from proc_tui.core.journal.events import Ended
from workspaces import drive, found, steps, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

AIMS: tuple[tuple[Literal["full", "fast"], str, float], ...] = (("full", "FULL", 1.5), ("fast", "NORMAL", 3.0))
"""Durability, the same for SQLite, and how many raw commits a step may cost."""
ROUNDS = {10: 31, 100: 15, 1_000: 9, 10_000: 5}
QUICK_ROUNDS = {10: 9, 100: 5, 1_000: 3, 10_000: 1}


def measure(quick: bool) -> Iterator[Figure]:
    for durability, synchronous, aim in AIMS:
        seconds: dict[int, float] = {}
        for count, rounds in (QUICK_ROUNDS if quick else ROUNDS).items():
            both = [(_steps(count, durability), raw.commit(synchronous, count)) for _ in range(rounds)]
            seconds[count], yardstick = (statistics.median(column) for column in zip(*both, strict=True))
            name = f"Step.run, {count:,} in one run, {durability}"
            yield Figure(name, seconds[count], "s", yardstick, synchronous, aim, relative=True, note="each")
        growth = seconds[10_000] / seconds[100]
        yield Figure(f"Step.run, {durability}: the last of 10,000 to one of 100", growth, "x", aim=1.25)
    yield from _at_once(quick)


def _steps(count: int, durability: Literal["full", "fast"]) -> float:
    """Seconds from one step's outcome to the next, in a new workspace."""
    with workspace(steps(count), durability=durability) as operator:
        run = operator.start("case")
        drive(operator)
        ends = [record.at for record in found(operator, run, Ended)]
    assert len(ends) == count
    return (ends[-1] - ends[0]) / (count - 1)


def _at_once(quick: bool) -> Iterator[Figure]:
    runs, count = 100, 50 if quick else 200
    both: list[tuple[float, float]] = []
    for _ in range(2 if quick else 7):
        with workspace(steps(count)) as operator:
            started = [operator.start("case") for _ in range(runs)]
            drive(operator)
            ends = [[record.at for record in found(operator, run, Ended)] for run in started]
        # Only while all of them are stepping: before, Lua states are made, and after, fewer and fewer share a commit.
        first, last = max(each[0] for each in ends), min(each[-1] for each in ends)
        within = sum(first < at <= last for each in ends for at in each)
        both.append(((last - first) / within, raw.commit("FULL", 1_000)))
    taken, yardstick = (statistics.median(column) for column in zip(*both, strict=True))
    yield Figure(f"Step.run, {runs} runs at once, full", taken, "s", yardstick, "FULL", 0.1, relative=True, note="each")
