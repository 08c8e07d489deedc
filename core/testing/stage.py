"""One open workspace in which things are played: the worker of a play, and replays of what it recorded.

Belongs here: driving runs until nothing is due, a person has acted and no time is left to pass, and rehearsing
journals. Never: what a test gives or looks at (`plays.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from ..engine import rehearsal
from ..engine.outcome import Ended, Suspended
from ..engine.worker import Worker
from ..errors import Divergence
from ..journal.events import RunEnded
from ..journal.folds import RunFold
from ..lua.sandbox import Limits
from ..model.states import RunStatus
from .faults import Crash
from .images import compare

if TYPE_CHECKING:
    from ..engine.driver import Driver
    from ..engine.outcome import Outcome
    from ..errors import ProcError
    from ..journal.events import Record
    from ..journal.runs import Run
    from ..model.settings import Settings
    from ..operator import Operator
    from .clock import FakeClock
    from .people import Person

PATIENCE = 30.0
"""Seconds of real time after which a play that comes to no end is given up."""
PREFIXES = 60
"""How many beginnings of a journal `Played.replay` tries besides the whole."""


class Stage:
    """One open workspace in which things are played."""

    def __init__(self, operator: Operator, clock: FakeClock) -> None:
        self.operator: Operator = operator
        self.clock: FakeClock = clock

    def drive(self, person: Person, run: str, upto: str | None) -> None:
        player = _Player(self.operator, self.clock, person, run, upto)
        try:
            asyncio.run(player.play())
        except Crash:
            self.operator.close()
            raise
        finally:
            player.close()
        for driven, fold in player.folds.items():
            row = self.operator.run(driven)
            records = [record for record in self.operator.records(row) if record.seq <= fold.seq]
            if row.attempt == fold.attempt:
                compare(fold, RunFold(records), f"the live run of {row.procedure}")

    def rehearse(self, run: Run, records: list[Record]) -> None:
        environment = self.operator._environment  # pyright: ignore[reportPrivateUsage] - it stands where the worker stands
        with environment.database.read() as connection:
            program = environment.sources.program(connection, run.source, run.path)
        first = max(1, len(records) - PREFIXES)
        for length in (len(records), *range(first, len(records))):
            kept = records[:length]
            fold, failure = rehearsal.rehearsed(run, program, environment, kept, _limits(self.operator.settings))
            if isinstance(failure, Divergence):
                raise AssertionError(f"the replay of the first {length} of {len(records)} records diverges: {failure}")
            about = records[length - 1 : length + 1]
            ends = [record.event for record in about if isinstance(record.event, RunEnded)]
            if failure is not None and str(failure) not in [event.message for event in ends]:
                raise AssertionError(f"the replay of the first {length} of {len(records)} records fails: {failure}")
            expected = RunFold(kept)
            compare(fold, expected, f"the replay of the first {length} of {len(records)} records")


class _Player(Worker):
    """The worker of a play: when nothing is due it lets the person act, or time pass."""

    def __init__(self, operator: Operator, clock: FakeClock, person: Person, run: str, upto: str | None) -> None:
        environment = operator._environment  # pyright: ignore[reportPrivateUsage] - as `Operator.worker` does
        super().__init__(environment, operator.settings.worker, _limits(operator.settings), on_problem=self._problem)
        self._operator: Operator = operator
        self._clock: FakeClock = clock
        self._person: Person = person
        self._run: str = run
        self._upto: str | None = upto
        self._crash: str | None = None
        self._problems: list[ProcError] = []
        self.folds: dict[str, RunFold] = {}
        """What each run that was driven to a wait or an end added up to in memory."""

    async def play(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.run()
        except TimeoutError:
            raise AssertionError(f"the play came to no end within {PATIENCE:g} s of real time") from None
        if self._crash is not None:
            raise Crash(self._crash)
        if self._problems:
            raise self._problems[0]

    def close(self) -> None:
        self._operator = self._person = cast("Any", None)

    def _problem(self, run: str, error: ProcError) -> None:
        self._problems.append(error)

    async def _pause(self, due: float | None, now: float) -> None:
        idle = not self._active and not self._stopping and not (due is not None and due <= now)
        if not idle or (self._changed is not None and self._changed.is_set()):
            await super()._pause(due, now)
        elif not self._reached() and (self._person.act(self._operator) or self._jump()):
            self.attention()
        else:
            self.stop()

    def _reached(self) -> bool:
        return bool(self._problems) or (self._upto is not None and self._operator.run(self._run).status == self._upto)

    def _jump(self) -> bool:
        """Moves the clock to the next moment at which a run wants a worker."""
        rows = self._operator.runs()
        dues = [row.wake_at for row in rows if row.wake_at is not None and row.status is not RunStatus.BLOCKED]
        if not dues:
            return False
        self._clock.set(max(self._clock.now(), min(dues)))
        return True

    def _drive(self, run: Run, warm: Driver | None) -> None:
        try:
            super()._drive(run, warm)
        except Crash as crash:
            self._die(crash)

    def watch_active(self, *, renew: bool) -> None:
        try:
            super().watch_active(renew=renew)
        except Crash as crash:
            self._die(crash)

    def flush_old(self) -> None:
        try:
            super().flush_old()
        except Crash as crash:
            self._die(crash)

    def _die(self, crash: Crash) -> None:
        self._crash = str(crash)
        self._active.clear()
        self.stop()

    def _finished(self, run: str, driver: Driver | None, outcome: Outcome) -> None:
        if driver is not None and isinstance(outcome, (Suspended, Ended)):
            self.folds[run] = driver.context.fold
        super()._finished(run, driver, outcome)


def _limits(settings: Settings) -> Limits:
    return Limits(memory_bytes=settings.limits.lua_memory_mb * 2**20, instructions=settings.limits.lua_instructions)
