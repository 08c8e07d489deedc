"""The feed: looks whether anything changed, reads it in a thread, and posts one immutable message a tick.

Belongs here: when to look. Never: what is read (`workspace.py`, `reader.py`), or a widget. Between two ticks nothing
reads the workspace but the panes' own windows, and at rest nothing is posted, so that a slow line stays silent.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec
from textual.message import Message

from ...core.errors import ProcError
from . import workspace
from .reader import RunReader, RunView

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.journal.runs import Partial
    from ...core.operator import Operator
    from .workspace import WorkspaceView

TICK_SECONDS = 0.1
SLOW_TICK_SECONDS = 0.2
"""Over SSH."""
LOAD = 3.0
"""Reading takes at most one part in so many of the time: a big workspace is looked at less often."""
RETRY_SECONDS = 1.0
"""When a workspace that could not be read is tried again."""
KEPT = 4
"""How many runs' readers are kept."""
LEASE_SECONDS = 2.0
"""How often it is looked who drives, though nothing changed in the database."""


class Tick(Message):
    """Something changed."""

    def __init__(self, view: WorkspaceView, run: RunView | None) -> None:
        super().__init__()
        self.view: WorkspaceView = view
        self.run: RunView | None = run
        """The run that is looked at; None when there is none."""

    def same(self, other: Tick) -> bool:
        """Whether it shows the same: only the time went on."""
        mine, others = msgspec.structs.replace(self.view, now=0.0), msgspec.structs.replace(other.view, now=0.0)
        return mine == others and self.run is other.run


class Trouble(Message):
    """The workspace could not be read; it is tried again."""

    def __init__(self, error: ProcError) -> None:
        super().__init__()
        self.error: ProcError = error


class Feed:
    """One workspace as it goes on."""

    def __init__(
        self, operator: Operator, post: Callable[[Message], object], *, now: Callable[[], float], slow: bool
    ) -> None:
        """`post` is called in the loop that runs `run`."""
        self._operator: Operator = operator
        self._post: Callable[[Message], object] = post
        self._now: Callable[[], float] = now
        self._period: float = SLOW_TICK_SECONDS if slow else TICK_SECONDS
        self._changed: asyncio.Event = asyncio.Event()
        self._readers: dict[str, RunReader] = {}
        self._partials: dict[str, Partial] = {}
        self._at: int | None = None
        self._reading: bool = False
        self.watched: str | None = None
        """The run that is looked at."""
        self.own: str = ""
        """The name of this process's worker."""

    def watch(self, run: str | None, *, at: int | None = None) -> None:
        """Looks at another run, or at another moment of it, soon."""
        self.watched, self._at = run, at
        self._changed.set()

    def look(self) -> None:
        """Reads everything soon, whatever changed."""
        self._changed.set()

    @property
    def is_behind(self) -> bool:
        """Whether something is known to have changed that was not posted yet."""
        return self._changed.is_set() or self._reading

    def reader(self, run: str) -> RunReader:
        """What reads a run's contents; kept for the last few runs that were looked at."""
        reader = self._readers.pop(run, None) or RunReader(self._operator, run, now=self._now)
        self._readers[run] = reader
        while len(self._readers) > KEPT:
            del self._readers[next(iter(self._readers))]
        return reader

    def read(self) -> Tick:
        """Everything as it is now. For threads, and for the first frame."""
        watched, at = self.watched, self._at
        view = workspace.read(self._operator, now=self._now(), own=self.own)
        run = None if watched is None else self.reader(watched).view(at=at, partial=self._partials.get(watched))
        return Tick(view, run)

    async def run(self) -> None:
        """Feeds until it is cancelled."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            loop.call_soon_threadsafe(self._changed.set)

        def arrived(partial: Partial, _piece: str) -> None:
            self._partials[partial.run] = partial
            if partial.run == self.watched:
                changed()

        unlisten, unlisten_replies = self._operator.listen(changed), self._operator.listen_replies(arrived)
        try:
            await self._feed()
        finally:
            unlisten()
            unlisten_replies()

    async def _feed(self) -> None:
        version, pause, last = -1, 0.0, 0.0
        before: Tick | None = None
        while True:
            await self._wait(last + pause - time.monotonic())
            try:
                found = self._operator.data_version()
                if not self._changed.is_set() and found == version and time.monotonic() - last < LEASE_SECONDS:
                    continue
                version, last = found, time.monotonic()
                self._changed.clear()
                self._reading = True
                try:
                    tick = await asyncio.to_thread(self.read)
                finally:
                    self._reading = False
                if before is None or not tick.same(before):
                    self._post(tick)
                before = tick
                pause = max(self._period, LOAD * (time.monotonic() - last))
            except ProcError as error:
                self._post(Trouble(error))
                last, pause = time.monotonic(), RETRY_SECONDS

    async def _wait(self, least: float) -> None:
        """Until something changed here, or it is time to look whether somebody else changed something."""
        if least > 0:
            await asyncio.sleep(least)
        try:
            async with asyncio.timeout(self._period):
                await self._changed.wait()
        except TimeoutError:
            pass
