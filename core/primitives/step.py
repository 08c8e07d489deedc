"""`Step`: a piece of code whose results are recorded; its Lua half is in `lua/prelude.lua`."""

from __future__ import annotations

from .registry import Family, Function, operation


class Step(Family):
    """Pieces of code whose results are recorded."""

    lua_name = "Step"

    @operation(in_lua=True)
    async def run(self, name: str, fn: Function) -> object:
        """Runs a function and records all that it returns; on a replay it returns the record and does not call the
        function.

        What the function did to State, Session, Stage, the graph and the log counts; what it did to Lua variables
        outside itself does not come back on a replay. A failure is recorded too and raised again; only a completed
        step takes its name. A step that was interrupted is entered again and its recorded parts are recalled. Steps
        nest.

        Args:
            name: Unique among the completed steps of the run; without `#`.
            fn: The code.
        Returns: all that the function returned
        """
