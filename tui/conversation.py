"""Everything that was said in a run, in order, whoever said it: LANGUAGE section 5.

Belongs here: which event is which class of message, and answers in words. Never: how a message looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.journal import events
from .shapes import MessageShape
from .words import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.journal.events import Record
    from ..core.values import Value


def messages(records: Sequence[Record]) -> list[MessageShape]:
    """The messages that a run's records hold."""
    found: list[MessageShape] = []
    for record in records:
        event = record.event
        at, name = stamp(record.at), str(record.seq)
        if event.kind == "session.cleared":
            found = [item for item in found if item.class_ != "INTERNAL"]
        elif (said := _said(event)) is not None:
            role, kind, content, parent = said
            found.append(MessageShape(name, parent, role, kind, None, content, at))
    return found


def _said(event: object) -> tuple[str, str, str, str | None] | None:
    """Role, class, content and parent of a message; None for an event that says nothing."""
    match event:
        case events.MessageAppended():
            return event.role, "INTERNAL", event.content, None
        case events.MessageReceived():
            return "USER", "CHAT", event.content, None
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
