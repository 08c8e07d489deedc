"""A procedure as data: what a document says once it was read and checked.

Belongs here: frozen structs and what follows from one of them alone. Never: YAML, positions of keys,
or anything about a run.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from ..values import Value, to_plain

FieldType: TypeAlias = Literal["string", "number", "integer", "boolean", "array", "object"]
PointType: TypeAlias = Literal["approval", "input", "review"]
FilterClass: TypeAlias = Literal["StandardFilter", "TokenBudget", "LimitToolResults", "LastMessages", "ComposedFilter"]

PRIMITIVES = frozenset(
    (
        "Human",
        "System",
        "Procedure",
        "Session",
        "State",
        "Stage",
        "Stop",
        "Tool",
        "Iterations",
        "Tools",
        "GraphNode",
        "Step",
        "Checkpoint",
        "Log",
        "Retry",
        "Sleep",
        "Json",
        "File",
        "_G",
        "_ENV",
        "_VERSION",
    )
)
"""Names in Lua that an agent cannot have."""


class LuaSource(msgspec.Struct, frozen=True):
    """Lua text, and where it stands: padded with `line - 1` newlines its line numbers are the file's."""

    text: str
    file: str
    line: int

    @property
    def padded(self) -> str:
        """The text with newlines before it, so that line numbers in errors are lines of the file."""
        return "\n" * (self.line - 1) + self.text


class Field(msgspec.Struct, frozen=True):
    """A declared parameter or output."""

    type: FieldType
    required: bool = False
    default: Value = None
    """None when there is no default; outputs never have one."""
    enum: tuple[Value, ...] | None = None
    description: str = ""
    line: int = 0

    def as_value(self) -> Value:
        """The field as the code is told of it."""
        found: dict[str, Value] = {"type": self.type, "required": self.required}
        if self.default is not None:
            found["default"] = self.default
        if self.enum is not None:
            found["enum"] = list(self.enum)
        return {**found, "description": self.description} if self.description else found

    def schema(self) -> dict[str, object]:
        """The field as JSON Schema, for models."""
        found: dict[str, object] = {"type": self.type}
        if self.description:
            found["description"] = self.description
        if self.enum is not None:
            found["enum"] = [to_plain(item) for item in self.enum]
        if self.default is not None:
            found["default"] = to_plain(self.default)
        return found


class Point(msgspec.Struct, frozen=True):
    """A declared interaction point: `options` are those of the `Human` call of its type."""

    type: PointType
    options: dict[str, Value] = {}
    confirm: str | None = None
    """Template: the word that must be typed."""
    approvals: int = 1
    """How many people must answer."""
    not_starter: bool = False
    """Whether someone other than who started the run must answer."""
    line: int = 0


class Filter(msgspec.Struct, frozen=True):
    """What of a conversation is sent to the model; the options that its class does not have are None."""

    cls: FilterClass
    max_tokens: int | None = None
    count: int | None = None
    max_chars: int | None = None
    chain: tuple[Filter, ...] = ()


class Agent(msgspec.Struct, frozen=True):
    """A declared agent; `prompts.NAME` was replaced by that prompt's text."""

    name: str
    system_prompt: str
    initial_message: str | None = None
    prepare: LuaSource | None = None
    tools: tuple[str, ...] = ()
    filter: Filter | None = None
    retries: int = 3
    retry_delay: float = 1.0
    """Seconds."""
    max_turns: int | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    line: int = 0

    @property
    def lua_names(self) -> tuple[str, ...]:
        """The agent's global names in Lua."""
        return lua_names(self.name)


def lua_names(name: str) -> tuple[str, ...]:
    """The names in Lua of the agent `name`: `data_analyst` is `Data_analyst` and `DataAnalyst`."""
    capital = name[:1].upper() + name[1:]
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    joined = camel if camel and not camel[0].isdigit() else capital
    return (capital,) if joined == capital else (capital, joined)


class Procedure(msgspec.Struct, frozen=True):
    """One procedure: a whole document, or an inline one, whose name is its key and whose version is the outer one."""

    name: str
    version: str
    code: LuaSource
    file: str
    description: str = ""
    params: dict[str, Field] = {}
    outputs: dict[str, Field] = {}
    return_prompt: str | None = None
    error_prompt: str | None = None
    status_prompt: str | None = None
    async_: bool = True
    max_depth: int = 5
    max_turns: int = 50
    checkpoint_interval: int = 10
    guards: tuple[LuaSource, ...] = ()
    hitl: dict[str, Point] = {}
    tools: tuple[str, ...] = ()
    """`dependencies.tools`."""
    uses: tuple[str, ...] = ()
    """`dependencies.procedures`."""
    prompts: dict[str, str] = {}
    procedures: dict[str, Procedure] = {}
    agents: dict[str, Agent] = {}
    stages: tuple[str, ...] = ()
