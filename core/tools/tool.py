"""What a tool is, and what gives tools.

Belongs here: the description of a tool, and the protocol that every source of tools keeps. Never: a source.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..model.messages import ToolResult


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as its source describes it."""

    name: str
    """As its source calls it."""
    server: str
    """The name of its source; `SERVER.TOOL` is the qualified name."""
    description: str = ""
    schema: dict[str, object] = {}
    """JSON Schema of the arguments, as the source gave it: it may be wrong."""

    @property
    def qualified(self) -> str:
        """The name that no other tool has: `SERVER.TOOL`."""
        return f"{self.server}.{self.name}"


class Source(Protocol):
    """What gives tools: an MCP server, or a host of Python functions.

    All of it is used in one event loop, and any awaiting may be cancelled, which stops what was asked and leaves the
    source usable.
    """

    @property
    def name(self) -> str:
        """By which its tools are qualified."""
        ...

    @property
    def tools(self) -> list[Tool]:
        """Its tools as last listed; empty until it has started."""
        ...

    @property
    def problems(self) -> list[str]:
        """What is wrong with parts of it, which were left out; empty when nothing is."""
        ...

    async def start(self) -> None:
        """Start it and list its tools; again after a failure, anew. Does nothing when it runs.

        Raises `ToolError` that says what happened, with which source, and what to do; `Blocked` when this worker
        lacks something that it needs.
        """
        ...

    async def call(self, name: str, args: dict[str, object], *, key: str) -> ToolResult:
        """Call the tool `name`; `key` is the same at every try of one call, so that a tool may do it once only.

        `args` is plain JSON data. Raises `ToolError` when the tool fails, its time is over, or it is unknown;
        `Blocked` when it cannot be used on this worker.
        """
        ...

    async def close(self) -> None:
        """End it and what it started, soon and for good; calls under way fail. Never raises."""
        ...
