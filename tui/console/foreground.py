"""Driving one tree of runs in this process, with a person who watches and perhaps answers.

Belongs here: the loop that looks what is new, and when it is over. Never: the worker itself (the operator makes
it), how things look (`progress.py`, `news.py`), who answers (`answering.py`).
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from enum import Enum
from typing import TYPE_CHECKING

import click

from ...core.errors import Blocked
from ...core.journal.events import Ended, Prompted, ReplyFailed, Responded, RunEnded
from ...core.model.states import RunStatus
from ...core.scripted import in_chat
from ..clean import cells, clip_left, oneline
from ..words import clock, duration, time_of_day
from .news import FOLLOWED, LOG, TALKING, log_line, milestone
from .output import paint

if TYPE_CHECKING:
    from ...core.errors import ProcError
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Partial, Run
    from ...core.operator import Operator
    from .answering import Answering
    from .chatting import Chatting
    from .progress import Progress

TICK_SECONDS = 0.1
"""How often the line in place is redrawn, and other processes' changes are looked for."""
WINDOW = 500
"""How many events are taken at once."""
SOON_SECONDS = 10.0
"""A blocked run that is tried again within so many seconds had an accident; else it lacks something."""
INDENT = 15
"""Columns of the time before a line of news."""
TAIL = 400
"""How many characters of a reply that arrives are looked at for the line in place."""
_ACTS = re.compile(r"\bTools\b|\bagents\s*:")
_TALKS = re.compile(r"\bHuman\s*\.\s*chat\b")
_BUSY = (RunStatus.PENDING, RunStatus.RUNNING)


class Stopped(Enum):
    """Why driving ended."""

    ENDED = 1
    WAITS = 2
    """Only people can make it go on, and none of them is here."""
    INTERRUPTED = 3


class Foreground:
    """One run and its children, until it ends, waits for somebody who is not here, or the person lets go."""

    def __init__(
        self, operator: Operator, run: Run, answering: Answering, chatting: Chatting, progress: Progress, *, seen: int
    ) -> None:
        """`seen` is the place of the newest event that need not be told."""
        self._operator: Operator = operator
        self._run: Run = run
        self._answering: Answering = answering
        self._progress: Progress = progress
        self._seen: int = seen
        self._chatting: Chatting = chatting
        self._kinds: tuple[str, ...] = FOLLOWED
        if chatting.alone:
            self._kinds = (*TALKING, RunEnded.kind)
        elif _ACTS.search(operator.source(run)):
            self._kinds = TALKING
        self._partials: dict[str, Partial] = {}
        """What has arrived of replies, by run; written by other threads."""
        self._tree: dict[str, Run] = {run.id: run}
        self._speaks: dict[str, bool] = {}
        """Whether a run holds conversations, in which the replies of its models are said again."""
        self._operation: str = ""
        self._version: int = -1
        self._more: bool = False
        self._interrupted: int = 0
        self._blocked: str | None = None
        self._driver: str | None = None
        self._since: float = time.monotonic()

    def drive(self) -> Stopped:
        """Drives until it is over. ^C lets go of the runs; a second one ends the process at once."""
        try:
            return asyncio.run(self._drive())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._progress.clear()

    async def _drive(self) -> Stopped:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._answering.wake = changed.set
        self._chatting.wake = changed.set
        worker = self._operator.worker(roots=[self._run.root], on_problem=self._problem)
        unlisten = self._operator.listen(lambda: _signal(loop, changed))
        unlisten_replies = self._operator.listen_replies(self._arrives)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: self._interrupt(changed))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run())
                try:
                    while (over := self._look(group, worker.owner)) is None:
                        await self._pause(changed)
                finally:
                    if self._interrupted and worker.busy:
                        self._progress.line("waiting a moment for what models and tools have under way")
                    worker.stop()
                    self._answering.cancel()
                    self._chatting.cancel()
                    unlisten_replies()
                    unlisten()
                    self._progress.clear()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
        return over

    async def _pause(self, changed: asyncio.Event) -> None:
        if self._more:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await changed.wait()
        except TimeoutError:
            return
        # What else is committed within this moment is looked at together.
        await asyncio.sleep(0.005)
        changed.clear()

    def _interrupt(self, changed: asyncio.Event) -> None:
        if self._answering.editing:
            return
        self._interrupted += 1
        if self._interrupted > 1:
            self._progress.clear()
            os._exit(130)
        if self._asking:
            # The terminal echoed ^C behind the prompt.
            self._progress.paused = False
            self._progress.line("")
        changed.set()

    @property
    def _asking(self) -> bool:
        """Whether somebody is typing."""
        return self._answering.asking or self._chatting.asking

    def _arrives(self, partial: Partial, _piece: str) -> None:
        self._partials[partial.run] = partial

    def _problem(self, run: str, error: ProcError) -> None:
        if isinstance(error, Blocked):
            return  # told with the state that it leaves the run in
        self._progress.line(f"{paint('problem:', 'bad')} {f'run {run}: ' if run else ''}{oneline(error)}")

    # ---- one look

    def _look(self, group: asyncio.TaskGroup, owner: str) -> Stopped | None:
        if self._interrupted:
            return Stopped.INTERRUPTED
        operator = self._operator
        version = operator.data_version()
        if version != self._version or self._more:
            self._version = version
            self._tree = {run.id: run for run in operator.runs(root=self._run.root)}
            self._tell_news()
        run = self._tree[self._run.id]
        pending = operator.inbox(root=run.root) if self._may_ask() else []
        if run.status.ended:
            if self._answering.asking:
                self._answering.look([], group)
            return None if self._more else Stopped.ENDED
        if self._answering.wants(pending):
            self._chatting.cancel()
        self._answering.look(pending, group)
        if not self._more:
            listening = [item for item in self._tree.values() if self._hears(item, pending)]
            listening.sort(key=lambda item: item.id != self._run.id)
            self._chatting.look(listening, group, may_ask=not self._answering.asking)
        if self._chatting.over or self._is_stuck(pending):
            return Stopped.WAITS
        self._tell_state(run, owner)
        if self._asking and not self._progress.paused:
            self._progress.clear()
        self._progress.paused = self._asking
        self._progress.draw(self._status(run))
        return None

    def _may_ask(self) -> bool:
        return self._answering.asking or any(run.status is RunStatus.WAITING_FOR_HUMAN for run in self._tree.values())

    def _is_stuck(self, pending: list[PendingRequest]) -> bool:
        """Nothing goes on by itself, and what waits for people, or for what this worker lacks, waits in vain."""
        living = [run for run in self._tree.values() if not run.status.ended]
        if self._more or self._asking or any(self._is_busy(run) for run in living):
            return False
        if self._answering.unanswered(pending) or any(self._hears(run, pending) for run in living):
            return True
        sleeps = any(run.status is RunStatus.SLEEPING for run in living)
        return not sleeps and any(_lacks(run) for run in living)

    def _hears(self, run: Run, pending: list[PendingRequest]) -> bool:
        """Whether a run waits for a message: for a person, with no request, as of one and the same moment."""
        if self._operator.data_version() != self._version:
            return False
        waits = run.status is RunStatus.WAITING_FOR_HUMAN and in_chat(run) and not self._is_busy(run)
        return waits and not run.mail and all(request.run != run.id for request in pending)

    def _is_busy(self, run: Run) -> bool:
        if run.status.ended:
            return False
        return run.status in _BUSY or (run.wake_at is not None and run.wake_at <= time.time())

    # ---- telling

    def _tell_news(self) -> None:
        operator, root = self._operator, self._run.root
        found = operator.news(self._seen, self._kinds, root=root, limit=WINDOW)
        self._more = len(found) == WINDOW
        for item in found:
            self._seen = item.id
            event, prefix = item.record.event, self._prefix(item.run)
            if isinstance(event, Prompted) and self._kinds is FOLLOWED:
                self._kinds, self._more = TALKING, True
                break
            if isinstance(event, (Ended, ReplyFailed)):
                self._partials.pop(item.run, None)
            run = self._tree.get(item.run) or operator.run(item.run)
            if self._chatting.tell(run, event) or (isinstance(event, RunEnded) and run.path):
                continue
            if isinstance(event, Responded) and event.request in self._answering.answered:
                continue
            if event.kind in LOG:
                self._progress.line(log_line(item.record, prefix))
            elif (text := milestone(event, spoken=self._is_spoken(run), room=self._room(prefix))) is not None:
                self._progress.line(f"{paint(time_of_day(item.record.at), 'quiet')}       {prefix}{text}")
        if self._progress.live:
            self._operation = self._newest_operation()
        if found and self._answering.asking:
            self._answering.show_again()
        elif found:
            self._chatting.show_again()

    def _room(self, prefix: str) -> int:
        """How many columns a line of news has, behind the time and whose it is; 0 where no line is too long."""
        return self._progress.width - INDENT - cells(click.unstyle(prefix)) if self._progress.live else 0

    def _is_spoken(self, run: Run) -> bool:
        if run.id not in self._speaks:
            self._speaks[run.id] = _TALKS.search(self._operator.source(run)) is not None
        return self._speaks[run.id]

    def _prefix(self, run: str) -> str:
        if run == self._run.id:
            return ""
        row = self._tree.get(run)
        return f"{paint(f'[{oneline(row.procedure)} {run}]' if row else f'[{run}]', 'quiet')} "

    def _newest_operation(self) -> str:
        living = next((run for run in self._tree.values() if not run.status.ended), None)
        if living is None:
            return ""
        found = self._operator.log(living, kinds=("began", "ended"), limit=1, newest=True)
        if not found:
            return ""
        event = found[0].event
        return f"{'' if event.kind == 'began' else 'after '}{oneline(event.label or '')}"

    def _tell_state(self, run: Run, owner: str) -> None:
        """What a person has to know and no event says: who else drives, what is missing here."""
        driver = self._operator.driven_by(run) if run.owner not in (None, owner) else None
        if driver is not None and driver != self._driver:
            self._progress.line(f"{run.id} is driven by {driver}; following it here")
        self._driver = driver or self._driver
        lacking = (item for item in self._tree.values() if item.status is RunStatus.BLOCKED and not self._is_busy(item))
        blocked = next((item.error for item in lacking), None)
        if blocked is not None and blocked != self._blocked:
            self._progress.line(f"{paint('blocked:', 'bad')} {oneline(blocked)}")
        self._blocked = blocked

    def _status(self, run: Run) -> str:
        """The line in place: what, where, how long."""
        now = time.time()
        living = [item for item in self._tree.values() if not item.status.ended]
        parts = [oneline(run.procedure), run.id]
        partial = self._arriving(living)
        if partial is not None:
            head = " · ".join([*parts, f"{oneline(partial.agent)}: "])
            return head + clip_left(oneline(partial.text[-TAIL:]), self._progress.width - cells(head))
        if run.stage:
            parts.append(oneline(run.stage))
        match run.status:
            case RunStatus.SLEEPING if run.wake_at:
                parts.append(f"sleeps until {time_of_day(run.wake_at)} ({clock(run.wake_at - now)})")
            case RunStatus.WAITING_FOR_HUMAN:
                parts.append("waits for a person")
            case RunStatus.WAITING_FOR_CHILD:
                parts.append(f"waits for {oneline(living[0].procedure)}" if len(living) == 2 else "waits for children")
            case _:
                pass
        if self._operation and run.status in (*_BUSY, RunStatus.WAITING_FOR_CHILD):
            parts.append(self._operation)
        if len(living) > 2:
            parts.append(f"{len(living) - 1} children")
        parts.append(duration(time.monotonic() - self._since))
        return " · ".join(parts)

    def _arriving(self, living: list[Run]) -> Partial | None:
        """The newest reply that is arriving."""
        found = [self._partials[run.id] for run in living if run.id in self._partials]
        if not found and self._driver is not None:
            kept = [self._operator.partial(run) for run in living if run.status in _BUSY]
            found = [partial for partial in kept if partial is not None]
        return max(found, key=lambda partial: partial.at, default=None)


def _lacks(run: Run) -> bool:
    soon = run.wake_at is not None and run.wake_at - time.time() < SOON_SECONDS
    return run.status is RunStatus.BLOCKED and not soon


def _signal(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(changed.set)
