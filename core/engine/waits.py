"""What a suspended run waits for, as data: judged in the transaction that suspends it.

Belongs here: the conditions and when they hold. Never: the operations that wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ..journal import requests
from ..model.states import ENDED, RunStatus

if TYPE_CHECKING:
    import sqlite3


class RequestWait(msgspec.Struct, frozen=True, tag="request"):
    """A person's answer, or the deadline of the request."""

    request: str
    deadline: float | None = None


class TimeWait(msgspec.Struct, frozen=True, tag="time"):
    """A moment, in seconds since the epoch."""

    due: float


class ChildWait(msgspec.Struct, frozen=True, tag="children"):
    """The end of any or all of the children, a change of any, or a deadline."""

    children: tuple[str, ...]
    until: Literal["any", "all", "change"]
    deadline: float | None = None
    seen: tuple[tuple[str, str | None], ...] = ()
    """Status and stage of each child when it was last looked at, for `change`."""


class MailWait(msgspec.Struct, frozen=True, tag="mail"):
    """Mail: a message, or the request to stop; or a deadline."""

    run: str
    deadline: float | None = None


class Now(msgspec.Struct, frozen=True, tag="now"):
    """Nothing: the run lets go of its worker and goes on at once (always-suspend mode)."""


Wait = RequestWait | TimeWait | ChildWait | MailWait | Now


def status_of(wait: Wait) -> RunStatus:
    """The status of a run that is suspended on this wait."""
    match wait:
        case RequestWait() | MailWait():
            return RunStatus.WAITING_FOR_HUMAN
        case TimeWait():
            return RunStatus.SLEEPING
        case ChildWait():
            return RunStatus.WAITING_FOR_CHILD
        case Now():
            return RunStatus.PENDING


def wake_at(connection: sqlite3.Connection, wait: Wait) -> float | None:
    """When the run wants a worker though nothing happens any more; None for never."""
    match wait:
        case RequestWait(request=request):
            return requests.wake_at(connection, request)
        case ChildWait(deadline=deadline) | MailWait(deadline=deadline):
            return deadline
        case TimeWait(due=due):
            return due
        case Now():
            return 0.0


def ready(connection: sqlite3.Connection, wait: Wait, now: float) -> bool:
    """Whether the wait is over; also asked in the transaction that suspends the run, so that no wake is lost."""
    match wait:
        case RequestWait(request=request):
            return requests.over(connection, request, now)
        case TimeWait(due=due):
            return now >= due
        case ChildWait(children=children, until=until, deadline=deadline, seen=seen):
            if deadline is not None and now >= deadline:
                return True
            rows = [_child(connection, child) for child in children]
            if until == "change":
                return tuple(rows) != seen
            ended = [row is None or row[0] in ENDED for row in rows]
            return all(ended) if until == "all" else any(ended)
        case MailWait(run=run, deadline=deadline):
            row = connection.execute("SELECT mail FROM runs WHERE id=?", (run,)).fetchone()
            return row is None or row[0] > 0 or (deadline is not None and now >= deadline)
        case Now():
            return False


def _child(connection: sqlite3.Connection, child: str) -> tuple[str, str | None] | None:
    return connection.execute("SELECT status, stage FROM runs WHERE id=?", (child,)).fetchone()
