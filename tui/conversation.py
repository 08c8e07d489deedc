"""Everything that was said in a run, in order, whoever said it: LANGUAGE section 5.

Belongs here: which event is which class of message, and answers in words. Never: how a message looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.journal import events
from ..core.journal.folds.agents import REPLY, reply_of
from .shapes import CallShape, MessageShape
from .words import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.journal.events import Record
    from ..core.values import Value


def messages(records: Sequence[Record]) -> list[MessageShape]:
    """The messages that a run's records hold."""
    found: list[MessageShape] = []
    agent: str | None = None
    for record in records:
        event = record.event
        at, name = stamp(record.at), str(record.seq)
        if event.kind == "session.cleared":
            found = [item for item in found if item.class_ != "INTERNAL" or item.agent is not None]
        elif isinstance(event, events.Prompted):
            agent = event.agent
            said = [("SYSTEM", event.system)] if event.system else []
            said += [(message.role.upper(), message.content) for message in event.messages]
            found += [
                MessageShape(f"{name}.{place}" if place else name, None, role, "INTERNAL", agent, content, at)
                for place, (role, content) in enumerate(said)
            ]
        elif isinstance(event, events.Ended):
            found += _of_agent(event, agent, name, at)
        elif (said := _said(event)) is not None:
            role, kind, content, parent = said
            found.append(MessageShape(name, parent, role, kind, None, content, at))
    return found


def _of_agent(event: events.Ended, agent: str | None, name: str, at: str | None) -> Iterator[MessageShape]:
    """The reply of a model, or what it is told of the call of a tool."""
    if event.op == REPLY and not event.failed and event.values:
        reply = reply_of(event.values[0])
        calls = [CallShape(call.name, call.arguments) for call in reply.calls]
        yield MessageShape(name, None, "ASSISTANT", "INTERNAL", agent, reply.content, at, None, calls)
    elif isinstance(event.detail, dict) and "index" in event.detail:
        told, tool = event.detail.get("text"), event.detail.get("name")
        yield MessageShape(name, None, "TOOL", "INTERNAL", agent, str(told or ""), at, str(tool or ""))


def _said(event: object) -> tuple[str, str, str, str | None] | None:
    """Role, class, content and parent of a message; None for an event that says nothing."""
    match event:
        case events.MessageAppended():
            return event.role, "INTERNAL", event.content, None
        case events.MessageReceived():
            return "USER", "CHAT", event.content, None
        case events.Said():
            return "ASSISTANT", "CHAT_ASSISTANT", event.content, None
        case events.Notified():
            return "SYSTEM", "NOTIFICATION", event.content or event.message, None
        case events.Alerted():
            return "SYSTEM", f"ALERT_{event.level.upper()}", event.message, None
        case events.Requested():
            return "ASSISTANT", f"PENDING_{event.type.upper()}", event.message, None
        case events.Responded():
            return "USER", "RESPONSE", answer_text(event.answer), event.request
        case events.RequestTimedOut():
            return "SYSTEM", "TIMED_OUT", "nobody answered in time", event.request
        case events.RequestCancelled():
            return "SYSTEM", "CANCELLED", "withdrawn", event.request
        case _:
            return None


def answer_text(answer: dict[str, Value]) -> str:
    """What somebody answered, in words."""
    if "approved" in answer:
        text = "approved" if answer["approved"] else "rejected"
    else:
        text = str(answer.get("decision") or answer.get("text") or answer.get("note") or "")
    return f"{text}: {answer['feedback']}" if answer.get("feedback") else text
