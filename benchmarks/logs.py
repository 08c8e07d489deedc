"""A run that writes many log lines."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import raw
from figures import Figure
from workspaces import drive, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator


def measure(quick: bool) -> Iterator[Figure]:
    count = 10_000 if quick else 100_000
    yardstick = raw.commit("FULL", rounds=5)
    taken: list[float] = []
    grown = 0
    with workspace(f'for i = 1, {count} do Log.info("line " .. i) end\n') as operator:
        for _ in range(3):
            operator.start("case")
            before = _peak()
            began = time.perf_counter()
            drive(operator)
            taken.append(time.perf_counter() - began)
            grown = grown or _peak() - before
    name = f"{count:,} log lines in one run"
    yield Figure(name, min(taken), "s", yardstick, "FULL", 2.0 * count / 100_000)
    yield Figure(f"{name}: most memory", grown, "B")


def _peak() -> int:
    """The most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
