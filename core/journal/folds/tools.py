"""The calls of tools over a run, by agents and by the code itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...values import Value
from .agents import TURN

if TYPE_CHECKING:
    from ..events import Began, Ended, Record, StopRequested, ToolForgotten


TOOL_PREFIX = "tools."
"""How the kinds of operations begin that are calls of tools."""


class ToolCall(msgspec.Struct, frozen=True):
    """One finished call of a tool."""

    name: str
    args: Value
    result: Value
    agent: str | None = None
    error: str | None = None
    index: int = -1
    """Its place in the reply that asked for it; -1 for a call by the code."""


class ToolFold:
    """What `Tool.*` and `Stop.*` read."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self._turn: int = 0
        """Where the calls of the open turn begin."""
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
        detail = event.detail if isinstance(event.detail, dict) else {}
        agent, index = detail.get("agent"), detail.get("index")
        self.calls.append(
            ToolCall(
                event.op.removeprefix(TOOL_PREFIX), event.args, result, agent if isinstance(agent, str) else None,
                error, index if isinstance(index, int) else -1,
            )
        )  # fmt: skip

    def _apply_began(self, event: Began, record: Record) -> None:
        if event.op == TURN:
            self._turn = len(self.calls)

    def _apply_ended(self, event: Ended, record: Record) -> None:
        # Calls of one reply end in any order; who asks for the latest means the order of the reply.
        if event.op == TURN:
            self.calls[self._turn :] = sorted(self.calls[self._turn :], key=lambda call: call.index)
            self._turn = len(self.calls)

    def _apply_tool_forgotten(self, event: ToolForgotten, record: Record) -> None:
        kept = [call for call in self.calls if call.name != event.name]
        self._turn = min(self._turn, len(kept))
        self.calls = kept

    def _apply_stop_requested(self, event: StopRequested, record: Record) -> None:
        self.stop = event
