"""The calls of tools over a run, by agents and by the code itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...values import Value

if TYPE_CHECKING:
    from ..events import Ended, Record, StopRequested, ToolForgotten


TOOL_PREFIX = "tools."
"""How the kinds of operations begin that are calls of tools."""


class ToolCall(msgspec.Struct, frozen=True):
    """One finished call of a tool."""

    name: str
    args: Value
    result: Value
    agent: str | None = None
    error: str | None = None


class ToolFold:
    """What `Tool.*` and `Stop.*` read."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self.stop: StopRequested | None = None

    def last(self, name: str, agent: str | None = None) -> ToolCall | None:
        """The latest call of the tool, by this agent when one is named."""
        for call in reversed(self.calls):
            if call.name == name and (agent is None or call.agent == agent):
                return call
        return None

    def add(self, event: Ended) -> None:
        """Takes the outcome of an operation that was the call of a tool."""
        result = event.values[0] if event.values else None
        error = str(event.error) if event.failed else None
        agent = event.detail.get("agent") if isinstance(event.detail, dict) else None
        name = event.op.removeprefix(TOOL_PREFIX)
        self.calls.append(ToolCall(name, event.args, result, agent if isinstance(agent, str) else None, error))

    def _apply_tool_forgotten(self, event: ToolForgotten, record: Record) -> None:
        self.calls = [call for call in self.calls if call.name != event.name]

    def _apply_stop_requested(self, event: StopRequested, record: Record) -> None:
        self.stop = event
