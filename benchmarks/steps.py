"""`Step.run`: many in one run, and many runs stepping at once."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.journal.events import Ended
from workspaces import drive, found, steps, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

ROUNDS = {10: 25, 100: 9, 1_000: 5, 10_000: 3}


def measure(quick: bool) -> Iterator[Figure]:
    for durability, synchronous, aim in (("full", "FULL", 1.5), ("fast", "NORMAL", 3.0)):
        seconds: dict[int, float] = {}
        for count, rounds in ROUNDS.items():
            yardstick = raw.commit(synchronous)
            seconds[count] = _steps(count, durability, rounds=2 if quick else rounds)
            yardstick = min(yardstick, raw.commit(synchronous))
            name = f"Step.run, {count:,} in one run, {durability}"
            yield Figure(name, seconds[count], "s", yardstick, synchronous, aim, relative=True, note="each")
        growth = seconds[10_000] / seconds[100]
        yield Figure(f"Step.run, {durability}: the last of 10,000 to one of 100", growth, "x", aim=1.25)
    yield from _at_once(quick)


def _steps(count: int, durability: Literal["full", "fast"], *, rounds: int) -> float:
    """Seconds from one step's outcome to the next; the best run."""
    with workspace(steps(count), durability=durability) as operator:
        best: list[float] = []
        for _ in range(rounds):
            run = operator.start("case")
            drive(operator)
            ends = [record.at for record in found(operator, run, Ended)]
            assert len(ends) == count
            best.append((ends[-1] - ends[0]) / (count - 1))
    return statistics.median(best) if count == 10 else min(best)


def _at_once(quick: bool) -> Iterator[Figure]:
    runs, count = 100, 20 if quick else 100
    yardstick = raw.commit("FULL")
    with workspace(steps(count)) as operator:
        best = 1e9
        for _ in range(2 if quick else 5):
            started = [operator.start("case") for _ in range(runs)]
            drive(operator)
            ends = sorted(record.at for run in started for record in found(operator, run, Ended))
            assert len(ends) == runs * count
            best = min(best, (ends[-1] - ends[0]) / (len(ends) - 1))
    yardstick = min(yardstick, raw.commit("FULL"))
    yield Figure(f"Step.run, {runs} runs at once, full", best, "s", yardstick, "FULL", 0.1, relative=True, note="each")
