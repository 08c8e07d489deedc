"""Events of runs as lines for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...core.journal.events import (
    Alerted,
    AttemptBegan,
    Ended,
    Logged,
    MessageReceived,
    Notified,
    Prompted,
    ReplyFailed,
    Requested,
    RequestTimedOut,
    Responded,
    RunEnded,
    RunStarted,
    Said,
    StageSet,
    StopRequested,
)
from ...core.journal.folds.agents import REPLY, TURN, reply_of
from ...core.journal.folds.tools import TOOL_PREFIX
from ..clean import cells, oneline, visible
from ..conversation import answer_text
from ..readable import brief
from ..words import money, time_of_day
from .output import paint

if TYPE_CHECKING:
    from ...core.journal.events import Event, Record
    from ...core.model.messages import Usage
    from .output import Meaning

LOG = (Logged.kind, Notified.kind, Alerted.kind, ReplyFailed.kind)
MILESTONES = (
    RunStarted.kind, AttemptBegan.kind, Requested.kind, Responded.kind, RequestTimedOut.kind, RunEnded.kind,
    Alerted.kind,
)  # fmt: skip
"""What `watch` says of every run."""
FOLLOWED = (
    *LOG, StageSet.kind, MessageReceived.kind, StopRequested.kind, AttemptBegan.kind, Responded.kind, Prompted.kind,
    Said.kind,
)  # fmt: skip
"""What `run` says of the runs that it drives."""
TALKING = (*FOLLOWED, Ended.kind)
"""What it says of runs with agents or tools. The outcomes of all operations are a lot to read for the others."""
HAPPENED = tuple(dict.fromkeys((*MILESTONES, *TALKING)))
"""What `log --all` says of a run."""
SHOWN = 100
"""How much of a text a line of news shows."""
LEAST = 12
"""How much in any case."""
GIVEN = 40
"""How much of the arguments of a tool."""

_FROM_LUA = re.compile(r"\A[^\n:]*:\d+: Tools\.\S+: ")
"""Where in Lua a tool was called that failed, and its name: the line begins with the name."""
STOPPING = ("done", "stop")
"""The tools by which an agent ends its work."""

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


def milestone(event: Event, *, spoken: bool = False, room: int = 0) -> str | None:
    """What happened, in a few words; None for an event that is no milestone.

    With `spoken` what a model replies is said in a conversation besides, and left out here. `room` is how many columns
    the outcome of an operation may take; without it as many as a longer line of a file has.
    """
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
        case Said():
            return f"{paint('says', 'strong')}: {brief(event.content, SHOWN)}"
        case Ended():
            return _outcome(event, spoken=spoken, room=room)
        case RunEnded():
            why = f": {oneline(event.message)}" if event.message else f" by {oneline(event.by)}" if event.by else ""
            return f"{paint(event.status.lower(), _ENDS.get(event.status, 'quiet'))}{why}"
        case _:
            return None


def _outcome(event: Ended, *, spoken: bool, room: int) -> str | None:
    """A model's reply, a turn that failed, a call of a tool; None for any other operation."""
    detail = event.detail if isinstance(event.detail, dict) else {}
    if event.op == REPLY and not event.failed and event.values:
        reply, agent = reply_of(event.values[0]), oneline(detail.get("agent") or "agent")
        calls = f" → {', '.join(oneline(call.name) for call in reply.calls)}" if reply.calls else ""
        shown = reply.content.strip() and (reply.calls or not spoken)
        cost = _cost(reply.usage)
        text = "" if reply.calls else " replied"
        if shown:
            text = f": {brief(reply.content, _left(room, agent, calls, cost))}"
        return f"{paint(agent, 'strong')}{calls}{text}{paint(cost, 'quiet')}"
    if event.op == TURN and event.failed:
        return f"{paint('turn failed', 'bad')} {oneline(event.name)}: {brief(event.error, SHOWN)}"
    if event.op.startswith(TOOL_PREFIX):
        name = oneline(event.op.removeprefix(TOOL_PREFIX))
        given = f" {brief(event.args, min(GIVEN, room // 3) if room else GIVEN)}" if event.args else ""
        if event.failed:
            why = _FROM_LUA.sub("", event.error) if isinstance(event.error, str) else event.error
            why = why.removeprefix(f"{event.op.removeprefix(TOOL_PREFIX)}: ") if isinstance(why, str) else why
            return f"{paint('tool failed', 'bad')} {name}{paint(given, 'quiet')}: {brief(why, SHOWN)}"
        if name in STOPPING and "agent" in detail:
            return None  # told as the wish to stop
        told = detail.get("text") if "text" in detail else event.values[0] if event.values else None
        told = " ".join(told.split()) if isinstance(told, str) else told
        return f"tool {name}{paint(given, 'quiet')}: {brief(told, _left(room, 'tool ', name, given))}"
    return None


def _left(room: int, *parts: str) -> int:
    """How much of a text fits behind what stands before and after it, `: ` and `…`; a little in any case."""
    return max(LEAST, room - sum(map(cells, parts)) - 3) if room else SHOWN


def _cost(usage: Usage) -> str:
    counts = [part for part in (usage.input, usage.output) if part is not None]
    tokens = usage.total if usage.total is not None else sum(counts) if counts else None
    parts = [f"{tokens:,} tokens"] if tokens is not None else []
    parts += [money(usage.cost)] if usage.cost is not None else []
    return f"  {', '.join(parts)}" if parts else ""
