"""Events of runs as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.journal.events import (
    Alerted,
    AttemptBegan,
    Logged,
    MessageReceived,
    Notified,
    Requested,
    RequestTimedOut,
    Responded,
    RunEnded,
    RunStarted,
    StageSet,
    StopRequested,
)
from ..clean import oneline, visible
from ..conversation import answer_text
from ..readable import brief
from ..words import time_of_day
from .output import paint

if TYPE_CHECKING:
    from ...core.journal.events import Event, Record
    from .output import Meaning

LOG = (Logged.kind, Notified.kind, Alerted.kind)
MILESTONES = (
    RunStarted.kind, AttemptBegan.kind, Requested.kind, Responded.kind, RequestTimedOut.kind, RunEnded.kind,
    Alerted.kind,
)  # fmt: skip
"""What `watch` says of every run."""
FOLLOWED = (*LOG, StageSet.kind, MessageReceived.kind, StopRequested.kind, AttemptBegan.kind, Responded.kind)
"""What `run` says of the runs that it drives."""

_LEVELS: dict[str, Meaning] = {
    "debug": "quiet", "info": "quiet", "warn": "waits", "warning": "waits", "error": "bad", "critical": "bad",
}  # fmt: skip
_ENDS: dict[str, Meaning] = {"COMPLETED": "good", "FAILED": "bad", "CANCELLED": "quiet"}


def log_line(record: Record, prefix: str = "") -> str:
    """A log line, a notification or an alert; further lines of its text are indented below it."""
    event = record.event
    level = str(getattr(event, "level", "info"))
    context = getattr(event, "context", None)
    text = str(getattr(event, "content", None) or getattr(event, "message", ""))
    source = getattr(event, "source", None)
    name = "warn" if level == "warning" else level
    marks = {Notified.kind: "notice ", Alerted.kind: "ALERT "}
    head = f"{paint(time_of_day(record.at), 'quiet')} {paint(f'{name:<5}', _LEVELS.get(level, 'quiet'))} {prefix}"
    first, *rest = visible(text).split("\n") or [""]
    line = f"{head}{marks.get(event.kind, '')}{f'[{oneline(source)}] ' if source else ''}{first}"
    if context is not None:
        line += f"  {paint(brief(context), 'quiet')}"
    lines = [line, *(f"{' ' * 15}{part}" for part in rest)]
    details = getattr(event, "details", None)
    if isinstance(details, list):
        lines += [f"{' ' * 15}{brief(section)}" for section in details]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "\n".join(lines)


def milestone(event: Event) -> str | None:
    """What happened, in a few words; None for an event that is no milestone."""
    match event:
        case RunStarted():
            by = f" by {oneline(event.starter)}" if event.starter else ""
            return f"started{' by its parent' if event.parent else by}"
        case AttemptBegan():
            return f"attempt {event.attempt} began ({event.why}{f' by {oneline(event.by)}' if event.by else ''})"
        case StageSet():
            return f"stage {paint(oneline(event.stage), 'strong')}"
        case Requested():
            return f"{paint('asks', 'waits')} ({event.type} {event.request}): {oneline(event.message)}"
        case Responded():
            return f"{oneline(event.by or 'somebody')} answered {event.request}: {brief(answer_text(event.answer), 60)}"
        case RequestTimedOut():
            return f"{paint('time is up', 'waits')} for {event.request}"
        case MessageReceived():
            return f"message from {oneline(event.by or 'somebody')}: {brief(event.content)}"
        case StopRequested():
            return f"{oneline(event.by or 'somebody')} asked it to stop: {brief(event.reason)}"
        case RunEnded():
            why = f": {oneline(event.message)}" if event.message else f" by {oneline(event.by)}" if event.by else ""
            return f"{paint(event.status.lower(), _ENDS.get(event.status, 'quiet'))}{why}"
        case _:
            return None
