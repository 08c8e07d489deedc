"""`Tools` and agents: the prelude and the driver make their calls; here they are declared for readers and tools."""

from __future__ import annotations

from ..values import Value
from .execution import Call
from .registry import Family, Form, Record, operation


class Tools(Family):
    """Calls a tool directly, without an agent, and counts for `Tool.*`. Tools come from the MCP servers and Python
    files that the workspace's configuration names. `Tools["server.name"]` is the tool of one server."""

    lua_name = "Tools"

    @operation(name="NAME", form=Form.OPTIONS, in_lua=True)
    async def call(self, call: Call, arguments: Record | None = None) -> Value:
        """Calls the tool NAME. Raises when it is unknown, its arguments do not fit, or it fails.

        Args:
            arguments: The tool's arguments, by name.
        Returns: text, or a table when the tool gave structured content
        """


class Worker(Family):
    """An agent: the declared agent `worker` is `Worker`, and `data_analyst` both `Data_analyst` and `DataAnalyst`. The
    model is given the system prompt, the `Session` messages, then the agent's own conversation, through its filter."""

    lua_name = "Worker"

    @operation(form=Form.OPTIONS, in_lua=True)
    async def turn(self, call: Call, inject: str | None = None) -> Value:
        """One reply of the model, and the calls of tools in it. What people or a parent sent to the run since the last
        turn is added as user messages. Raises when the model cannot be reached after the retries, or a limit of turns
        is passed; a tool that fails does not raise.

        Args:
            inject: A user message, after what people sent.
        Returns: `{content, tool_calls, token_usage, model, stop_reason}`; `tool_calls` is a list of `{name, args,
            result, error}`, `token_usage` has `input`, `output`, `total`, `cached`, `reasoning`
        """
