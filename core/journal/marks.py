"""What an event's row says besides the event, for readers of windows: a class, a parent, a score, a level.

Belongs here: the columns `name`, `mark`, `parent` and `score` as they follow from the event alone. Never: anything
that the events themselves do not say; what is here can be made anew from them (`migrations.py` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import (
    Alerted,
    Began,
    Ended,
    Logged,
    MessageAppended,
    MessageReceived,
    NodeCreated,
    NodeMetadataSet,
    Notified,
    Prompted,
    ReplyFailed,
    RequestCancelled,
    Requested,
    RequestTimedOut,
    Responded,
    Said,
    SessionCleared,
)
from .folds.agents import REPLY

if TYPE_CHECKING:
    from ..values import Value
    from .events import Event

SAID, OPENED = 1, 2
"""`mark`: the event belongs to the conversation; or it is one end of an operation that has a beginning and an end."""
NO_SCORE = float("-inf")
"""The `score` of a change that takes a node's score away."""

LOGS = (Logged, Notified, Alerted, ReplyFailed)
"""What a log shows; their `name` is the level."""
_SAID = (
    MessageAppended, MessageReceived, SessionCleared, Said, Notified, Alerted, Prompted, Requested, Responded,
    RequestTimedOut, RequestCancelled,
)  # fmt: skip

Marks = tuple[str | None, int | None, str | None, float | None]
"""`name`, `mark`, `parent`, `score`."""


def marks(event: Event) -> Marks:
    """The columns of an event."""
    if isinstance(event, Ended):
        return event.name, _of_operation(event), None, None
    if isinstance(event, Began):
        return event.name, OPENED, None, None
    said = SAID if isinstance(event, _SAID) else None
    if isinstance(event, LOGS):
        return event.level, said, None, None
    if isinstance(event, NodeCreated):
        metadata = event.metadata if isinstance(event.metadata, dict) else {}
        return event.id, None, event.parent or "", _number(metadata.get("score"))
    if isinstance(event, NodeMetadataSet) and event.key == "score":
        score = _number(event.value)
        return event.id, None, None, NO_SCORE if score is None else score
    return event.label, said, None, None


def _of_operation(event: Ended) -> int | None:
    if event.opened:
        return OPENED
    if event.op == REPLY or (isinstance(event.detail, dict) and "index" in event.detail):
        return SAID
    return None


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
