"""A loop of short sleeps: the run is suspended and woken each time, from a Lua state that is kept warm."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.journal.events import Logged
from proc_tui.core.model.settings import WorkerSettings
from workspaces import beside, found, until, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_tui.core.engine.worker import Worker

LOOK = 0.0001
"""Seconds that pass with each look at the clock."""


class Looks:
    """A clock that moves when it is looked at, so that short waits are waits and take no time."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0

    def now(self) -> float:
        self._now += LOOK
        return self._now


def measure(quick: bool) -> Iterator[Figure]:
    count = 2_000 if quick else 10_000
    part = count // 10
    code = f"""\
for i = 1, {count} do
  if (i - 1) % {part} == 0 then Log.info("part") end
  Sleep({5 * LOOK})
end
"""
    yardstick = raw.commit("FULL", rounds=5)
    parts: list[float] = []
    with workspace(code, clock=Looks(), worker=WorkerSettings(lease_seconds=1e6)) as operator:
        run = operator.start("case")

        async def watch(_worker: Worker) -> None:
            for number in range(1, 11):
                await until(lambda: len(found_logs()) >= number or ended(), every=0.005)  # noqa: B023
                parts.append(time.perf_counter())
            await until(ended, every=0.005)
            parts.append(time.perf_counter())

        def found_logs() -> list[object]:
            return [*operator.log(operator.run(run.id), kinds=[Logged.kind])]

        def ended() -> bool:
            return operator.run(run.id).status.ended

        beside(operator, watch)
        assert len(found(operator, run, Logged)) == 10
    seconds = (parts[-1] - parts[0]) / count
    yield Figure(f"{count:,} short sleeps in one run", seconds, "s", yardstick, "FULL", note="each")
    growth = (parts[-1] - parts[-2]) / (parts[2] - parts[1])
    yield Figure(f"{count:,} short sleeps: the last tenth to the second", growth, "x", aim=1.5)
