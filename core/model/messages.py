"""What agents, models and tools say to each other, as data.

Belongs here: messages, requested calls, offered tools, usage. Never: anything of a library or a protocol, which
`agents/` and `tools/` translate, or of the journal.
"""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from ..errors import InvalidValue
from ..values import Value, from_json

ChatRole = Literal["system", "user", "assistant", "tool"]


class RequestedCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call as a model asked for it."""

    id: str
    name: str
    arguments: str = "{}"
    """The text that the model wrote; JSON, if it kept to its word."""

    def parsed(self) -> dict[str, Value] | str:
        """The arguments, or what is wrong with their text, in words for the model."""
        try:
            data = msgspec.json.decode(self.arguments or "{}")
        except msgspec.DecodeError as error:
            return f"the arguments are not JSON ({error}); give one JSON object"
        except RecursionError:
            return "the arguments are nested too deep; give one JSON object with fewer levels"
        if not isinstance(data, dict):
            return "the arguments must be one JSON object"
        try:
            value = from_json(cast("dict[str, object]", data))
        except InvalidValue as error:
            return str(error)
        return value if isinstance(value, dict) else {}


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation with a model."""

    role: ChatRole
    content: str = ""
    calls: tuple[RequestedCall, ...] = ()
    """Of an assistant's message: the tools it wants called."""
    call: str = ""
    """Of a tool's message: the id of the call it answers."""
    name: str = ""
    """Of a tool's message: the tool."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one reply, or of several; None where the server did not say."""

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cached: int | None = None
    """Of the input, what the server had kept."""
    reasoning: int | None = None
    """Of the output, what was not shown."""
    cost: float | None = None
    """US dollars; None when the price is not known."""

    def plus(self, other: Usage) -> Usage:
        """The sum; what only one of them knows counts alone."""
        pairs = [(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__]
        return Usage(*[a if b is None else b if a is None else a + b for a, b in pairs])


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as a model is told of it."""

    name: str
    """As the model writes it: 1 to 64 of `[A-Za-z0-9_-]`."""
    description: str = ""
    schema: dict[str, object] = {}
    """JSON Schema of the arguments: an object."""


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model's whole reply."""

    content: str = ""
    calls: tuple[RequestedCall, ...] = ()
    stop_reason: str = ""
    """In the server's words: `stop`, `tool_calls`, `length`, `content_filter`, ..."""
    model: str = ""
    """The model that answered, as the server calls it."""
    usage: Usage = Usage()


class ModelRequest(msgspec.Struct, frozen=True):
    """What a model is asked for one reply."""

    messages: tuple[ChatMessage, ...]
    """The system prompt first; already filtered."""
    offers: tuple[Offer, ...] = ()
    agent: str = ""
    turn: int = 0
    """How many replies this agent had in this run before: the scripted model's place in its script."""
    procedure: str = ""
    nth: int = 1
    """Which run of this procedure it is in its tree, by the order in which they were made."""
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    failures: int = 0
    """How often the agent got no reply in this run before."""


class ToolResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call of a tool gave."""

    value: Value = None
    """For Lua: text, a table when the tool gave structured content, ..."""
    text: str = ""
    """For the model."""
    kept: Value = None
    """What is not text, whole: a list of `{type, mime_type, size, data, uri, ...}`; None when there is none."""
