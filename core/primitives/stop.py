"""`Stop`, `Tool` and `Iterations`: what the loop of an agent asks to know when to end."""

from __future__ import annotations

from ..errors import did_you_mean
from ..journal.events import ToolForgotten
from ..values import Value, describe
from .registry import Family, Record, effect, query


class Stop(Family):
    """Whether somebody asked the run to stop: the `done` and `stop` tools, or a person. It interrupts nothing."""

    lua_name = "Stop"

    @query()
    def requested(self) -> bool:
        """Whether the run was asked to stop.

        Returns: a boolean
        """
        return self.context.fold.tools.stop is not None

    @query()
    def reason(self) -> str | None:
        """Why.

        Returns: the reason, or nil
        """
        stop = self.context.fold.tools.stop
        return stop.reason if stop else None

    @query()
    def success(self) -> bool | None:
        """Whether the one who asked counts the run as a success.

        Returns: a boolean, or nil when nobody asked
        """
        stop = self.context.fold.tools.stop
        return stop.success if stop else None


class Tool(Family):
    """The calls of tools over the whole run; `{agent = "name"}` as the second argument narrows to one agent."""

    lua_name = "Tool"

    @query()
    def called(self, name: str, options: Record | None = None) -> bool:
        """Whether the tool was called.

        Args:
            name: The tool.
            options: `{agent = name}`.
        Returns: a boolean
        """
        return self.context.fold.tools.last(name, self._agent("called", options)) is not None

    @query()
    def last_result(self, name: str, options: Record | None = None) -> Value:
        """What the latest call of the tool gave.

        Args:
            name: The tool.
            options: `{agent = name}`.
        Returns: the result, or nil
        """
        call = self.context.fold.tools.last(name, self._agent("last_result", options))
        return None if call is None else call.result

    @query()
    def last_call(self, name: str, options: Record | None = None) -> Value:
        """The latest call of the tool.

        Args:
            name: The tool.
            options: `{agent = name}`.
        Returns: `{name, args, result, agent, error}`, or nil
        """
        call = self.context.fold.tools.last(name, self._agent("last_call", options))
        if call is None:
            return None
        fields: dict[str, Value] = {"name": call.name, "args": call.args, "result": call.result}
        fields |= {"agent": call.agent, "error": call.error}
        return {key: value for key, value in fields.items() if value is not None}

    @effect()
    def clear(self, name: str) -> None:
        """Forgets the calls of the tool.

        Args:
            name: The tool.
        """
        self.context.emit(ToolForgotten(name))

    def _agent(self, method: str, options: Record | None) -> str | None:
        fields: dict[str, Value] = dict(options or {})
        agent = fields.pop("agent", None)
        if fields:
            unknown = next(iter(fields))
            raise self.refuse(method, f'unknown option "{unknown}"{did_you_mean(unknown, ["agent"])} (options: agent)')
        if agent is not None and not isinstance(agent, str):
            raise self.refuse(method, f'"agent" must be a string, got {describe(agent)}')
        return agent


class Iterations(Family):
    """How many agent turns the run has taken."""

    lua_name = "Iterations"

    @query()
    def current(self) -> int:
        """The turns so far, over all agents.

        Returns: an integer
        """
        return self.context.fold.agents.turns

    @query()
    def exceeded(self, n: int) -> bool:
        """Whether there were at least `n` turns.

        Args:
            n: The limit.
        Returns: a boolean
        """
        return self.context.fold.agents.turns >= n
