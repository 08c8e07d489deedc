"""The states of a run and of a request, and the only ways from one to another.

Belongs here: the enums and their tables. Never: what makes a transition happen. The diagrams in the
docs are made from these tables.
"""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run is; LANGUAGE section 7."""

    PENDING = "PENDING"
    """Ready to be driven by any worker: new, resumed, or handed over."""
    RUNNING = "RUNNING"
    """A worker holds its lease and drives it."""
    WAITING_FOR_HUMAN = "WAITING_FOR_HUMAN"
    SLEEPING = "SLEEPING"
    WAITING_FOR_CHILD = "WAITING_FOR_CHILD"
    BLOCKED = "BLOCKED"
    """The workers that looked at it lack something it needs; its error text says what."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """True when no worker will pick the run up unless a person acts."""
        return self in ENDED


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})

RUN_TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset(set(RunStatus) - {RunStatus.RUNNING}),
    RunStatus.WAITING_FOR_HUMAN: frozenset({RunStatus.RUNNING, RunStatus.PENDING, RunStatus.CANCELLED}),
    RunStatus.SLEEPING: frozenset({RunStatus.RUNNING, RunStatus.PENDING, RunStatus.CANCELLED}),
    RunStatus.WAITING_FOR_CHILD: frozenset({RunStatus.RUNNING, RunStatus.PENDING, RunStatus.CANCELLED}),
    RunStatus.BLOCKED: frozenset({RunStatus.RUNNING, RunStatus.PENDING, RunStatus.CANCELLED}),
    RunStatus.FAILED: frozenset({RunStatus.PENDING}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}


class RequestStatus(StrEnum):
    """Where a request to a person is."""

    PENDING = "pending"
    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


REQUEST_TRANSITIONS: dict[RequestStatus, frozenset[RequestStatus]] = {
    RequestStatus.PENDING: frozenset(set(RequestStatus) - {RequestStatus.PENDING}),
    RequestStatus.ANSWERED: frozenset(),
    RequestStatus.TIMED_OUT: frozenset(),
    RequestStatus.CANCELLED: frozenset(),
}
