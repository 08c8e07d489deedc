"""The messages of a run: its Session as Lua sees it, and what came in from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...values import Value

if TYPE_CHECKING:
    from ..events import MessageAppended, MessageReceived, Record, SessionCleared

ROLES = ("SYSTEM", "USER", "ASSISTANT", "TOOL")


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of the session."""

    role: str
    """One of `ROLES`."""
    content: str
    metadata: Value = None

    def as_value(self) -> dict[str, Value]:
        """The message as a value, for Lua and for the metadata of a node."""
        value: dict[str, Value] = {"role": self.role, "content": self.content}
        if self.metadata is not None:
            value["metadata"] = self.metadata
        return value

    @classmethod
    def of_value(cls, value: Value) -> Message | None:
        """The message that `as_value` gave, or None when the value is something else."""
        if not isinstance(value, dict):
            return None
        role, content = value.get("role"), value.get("content")
        if role not in ROLES or not isinstance(content, str):
            return None
        return cls(str(role), content, value.get("metadata"))


class SessionFold:
    """What `Session.history` and the conversation read."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.received: list[MessageReceived] = []
        """Messages from outside, in the order of their delivery."""

    def _apply_message_appended(self, event: MessageAppended, record: Record) -> None:
        self.messages.append(Message(event.role, event.content, event.metadata))

    def _apply_session_cleared(self, event: SessionCleared, record: Record) -> None:
        self.messages = []

    def _apply_message_received(self, event: MessageReceived, record: Record) -> None:
        self.received.append(event)

    def load(self, messages: list[Message]) -> None:
        """Puts what a node kept in place of the session's messages."""
        self.messages = list(messages)
