"""The conversation as a person reads it: one entry for each thing that was said, made of the events of a window.

A reply holds the calls of tools it asked for with what came of them, and a request its answer, wherever those stand.
Belongs here: which event is part of which entry, and what is left out. Never: how an entry looks (`blocks.py`), or the
classes of messages as other programs read them (`tui/conversation.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.journal import events
from ...core.journal.folds.agents import REPLY, reply_of
from ..conversation import answer_text
from ..readable import as_source
from . import edit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.journal.events import Record
    from ...core.values import Value

ALL, PEOPLE, AGENT = "all", "people", "agent:"
"""What a filter may be besides empty, which leaves out what is internal."""
_PEOPLE = ("chat", "said", "notice", "alert", "request", "response")


class CallEntry(msgspec.Struct, frozen=True):
    """A tool that an agent wanted called."""

    id: str
    name: str
    arguments: str
    told: str | None = None
    """What the model was told of it; None while it is under way."""
    failed: bool = False
    seconds: float | None = None


class Entry(msgspec.Struct, frozen=True):
    """Something that was said."""

    seq: int
    """Its event; with `part`, what it is known by."""
    part: int
    at: float
    kind: str
    """`reply`, `prompt`, `system`, `message`, `chat`, `said`, `notice`, `alert`, `request`, `response` or `cleared`."""
    who: str = ""
    """The agent, or who sent it."""
    text: str = ""
    title: str = ""
    """Of a notification, an alert or a request: the one line that matters."""
    level: str = ""
    turn: int = 0
    model: str = ""
    tokens: int | None = None
    cost: float | None = None
    calls: tuple[CallEntry, ...] = ()
    request: str = ""
    """The id of the request that it is, or answers."""
    type: str = ""
    outcome: str = ""
    """Of a request: `answered`, `timed out` or `withdrawn`; empty while it is open."""
    good: bool = True
    """Whether the answer lets the run do what it asked for."""
    answer: str = ""
    by: str = ""
    proposed: Value = None
    """The artifact that was shown."""
    edited: Value = None
    """What it was made into by who answered; None when it was left as it is."""
    settled_at: float = 0.0

    @property
    def key(self) -> tuple[int, int]:
        """What it is known by."""
        return self.seq, self.part

    @property
    def internal(self) -> bool:
        """Whether it is hidden until somebody asks: what goes to agents, not what they say."""
        return self.kind in ("prompt", "system") or (self.kind == "message" and self.who == "system")


def shown(entry: Entry, wanted: str) -> bool:
    """Whether a filter lets an entry through."""
    if wanted == ALL:
        return True
    if wanted.startswith(AGENT):
        return entry.kind in ("reply", "prompt", "system") and entry.who == wanted.removeprefix(AGENT)
    if wanted == PEOPLE:
        return entry.kind in _PEOPLE
    return not entry.internal


class Asked(msgspec.Struct, frozen=True):
    """A reply that the newest event of a conversation waits for."""

    agent: str
    at: float
    turn: int


def entries(records: Sequence[Record]) -> list[Entry]:
    """What the events of a window add up to, oldest first."""
    found: dict[tuple[int, int], Entry] = {}
    last_reply: dict[str, tuple[int, int]] = {}
    asked: dict[str, tuple[int, int]] = {}
    for record in records:
        event = record.event
        if isinstance(event, events.Ended):
            if event.op == REPLY:
                if not event.failed and event.values:
                    entry = _reply(event, record)
                    found[entry.key] = entry
                    last_reply[entry.who] = entry.key
            else:
                _result(event, record, found, last_reply)
        elif isinstance(event, (events.Responded, events.RequestTimedOut, events.RequestCancelled)):
            _settle(event, record, found, asked)
        else:
            for entry in _said(event, record):
                if entry.kind == "said" and _repeats(entry, found):
                    continue
                found[entry.key] = entry
                if entry.kind == "request":
                    asked[entry.request] = entry.key
    return list(found.values())


def waits_for(records: Sequence[Record]) -> Asked | None:
    """The reply that an agent was asked for last, when it is not recorded."""
    for place in range(len(records) - 1, -1, -1):
        event = records[place].event
        if isinstance(event, events.Prompted):
            before = (one.event for one in reversed(records[:place]))
            turn = next(
                (
                    _number(one.name)
                    for one in before
                    if isinstance(one, events.Ended) and one.op == REPLY and _agent(one) == event.agent
                ),
                0,
            )
            return Asked(event.agent, records[place].at, turn + 1)
        if isinstance(event, events.Ended):
            return None
    return None


def delivered(records: Iterable[Record]) -> list[str]:
    """The messages that the run received."""
    return [record.event.content for record in records if isinstance(record.event, events.MessageReceived)]


def _agent(event: events.Ended) -> str:
    named = event.detail.get("agent") if isinstance(event.detail, dict) else None
    return named if isinstance(named, str) else event.name.partition(".")[0]


def _number(name: str) -> int:
    number = name.rpartition("#")[2]
    return int(number) if number.isdigit() else 0


def _reply(event: events.Ended, record: Record) -> Entry:
    reply = reply_of(event.values[0])
    usage = reply.usage
    total = usage.total if usage.total is not None else (usage.input or 0) + (usage.output or 0) or None
    return Entry(
        record.seq, 0, record.at, "reply", _agent(event), reply.content, turn=_number(event.name), model=reply.model,
        tokens=total, cost=usage.cost,
        calls=tuple(CallEntry(call.id, call.name, call.arguments) for call in reply.calls),
    )  # fmt: skip


def _result(
    event: events.Ended, record: Record, found: dict[tuple[int, int], Entry], last: dict[str, tuple[int, int]]
) -> None:
    """Adds what came of a call to the reply that asked for it; alone when that reply is further up than the window."""
    detail = event.detail if isinstance(event.detail, dict) else {}
    told, name, id = str(detail.get("text") or ""), str(detail.get("name") or ""), str(detail.get("id") or "")
    seconds = record.at - event.started_at if event.started_at else None
    reply = found.get(last.get(_agent(event), (0, 0)))
    done = CallEntry(id, name, "", told, event.failed, seconds)
    if reply is not None and any(call.id == id for call in reply.calls):
        calls = tuple(
            msgspec.structs.replace(done, arguments=call.arguments) if call.id == id else call for call in reply.calls
        )
        found[reply.key] = msgspec.structs.replace(reply, calls=calls)
    else:
        entry = Entry(record.seq, 0, record.at, "reply", _agent(event), calls=(done,))
        found[entry.key] = entry


def _settle(
    event: events.Responded | events.RequestTimedOut | events.RequestCancelled, record: Record,
    found: dict[tuple[int, int], Entry], asked: dict[str, tuple[int, int]],
) -> None:  # fmt: skip
    """Puts an answer beside its request."""
    edited: Value = None
    match event:
        case events.Responded(answer=answer, by=by):
            text, edited = answer_text(answer), answer.get("edited_artifact")
            refused = answer.get("approved") is False or text.casefold().startswith(("reject", "cancel"))
            outcome, good = "answered", not refused
        case events.RequestCancelled(by=by):
            outcome, good, text = "withdrawn", False, "withdrawn"
        case _:
            outcome, good, text, by = "timed out", False, "nobody answered in time", ""
    request = found.get(asked.get(event.request, (0, 0)))
    if request is not None:
        found[request.key] = msgspec.structs.replace(
            request, outcome=outcome, good=good, answer=text, by=by, edited=edited, settled_at=record.at
        )
        return
    entry = Entry(
        record.seq, 0, record.at, "response", by, request=event.request, outcome=outcome, good=good, answer=text, by=by,
        edited=edited, settled_at=record.at,
    )  # fmt: skip
    found[entry.key] = entry


def _repeats(said: Entry, found: dict[tuple[int, int], Entry]) -> bool:
    """Whether a run says to a person what its agent has just said, which is shown already."""
    last = found[next(reversed(found))] if found else None
    return last is not None and last.kind == "reply" and last.text.strip() == said.text.strip()


def _said(event: events.Event, record: Record) -> list[Entry]:
    seq, at = record.seq, record.at
    match event:
        case events.Prompted(agent=agent, system=system, messages=messages):
            said = [Entry(seq, 0, at, "system", agent, system)] if system else []
            return said + [
                Entry(seq, place, at, "prompt", agent, one.content)
                for place, one in enumerate(messages, 1)
                if one.content
            ]
        case events.MessageAppended(role=role, content=content):
            return [Entry(seq, 0, at, "message", role.lower(), content)]
        case events.MessageReceived(content=content, by=by):
            return [Entry(seq, 0, at, "chat", by, content)]
        case events.Said(content=content):
            return [Entry(seq, 0, at, "said", "", content)]
        case events.Notified(message=message, level=level, content=content):
            return [Entry(seq, 0, at, "notice", "", content or "", message, level)]
        case events.Alerted(message=message, level=level, source=source):
            return [Entry(seq, 0, at, "alert", source or "", "", message, level)]
        case events.Requested(request=request, type=type, message=message, data=data):
            proposed = data.get("artifact")
            return [Entry(seq, 0, at, "request", "", "", message, request=request, type=type, proposed=proposed)]
        case events.SessionCleared():
            return [Entry(seq, 0, at, "cleared", title="the session was cleared")]
        case _:
            return []


def whole(entry: Entry) -> str:
    """All of an entry as text, for reading and copying."""
    parts = [part for part in (entry.title, entry.text) if part]
    for call in entry.calls:
        told = "under way" if call.told is None else call.told
        parts.append(f"{call.name} {call.arguments}\n{'failed: ' if call.failed else ''}{told}")
    if entry.outcome:
        parts.append(f"{entry.answer}{f' (by {entry.by})' if entry.by else ''}")
    if entry.edited is not None:
        parts += [
            edit.changed(entry.proposed, entry.edited),
            f"the artifact as it was answered:\n{as_source(entry.edited)}",
        ]
    return "\n\n".join(parts)
