"""`Sleep` and `Retry`: durable waiting."""

from __future__ import annotations

import math
from typing import cast

from ..values import Value, describe
from .execution import Call
from .registry import Family, Form, Function, Record, Seconds, operation, query


class Timing(Family):
    """Waiting that survives restarts."""

    @operation(name="Sleep", checkpoint="sleep")
    async def sleep(self, call: Call, seconds: Seconds) -> None:
        """Waits. A durable timer: nothing of the run stays in memory for a long one, and it goes on while nothing runs.

        Args:
            seconds: How long.
        """
        await self.context.sleep(call, seconds)


class Retry(Family):
    """Trying again what may fail."""

    lua_name = "Retry"

    @operation(in_lua=True)
    async def with_backoff(self, fn: Function, options: Record | None = None) -> object:
        """Calls a function until it succeeds, waiting longer after each failure; the last error is raised.

        Args:
            fn: What to try; usually with operations or steps in it.
            options: `max_attempts` (3), `initial_delay` (1 second), `max_delay` (60), `backoff_factor` (2), and
                `on_error`, a function called with `{attempt, max_attempts, error, delay}`.
        Returns: all that the function returned
        """

    @query(name="_options", form=Form.OPTIONS, serves="Retry.with_backoff")
    def check_options(
        self,
        max_attempts: int = 3,
        initial_delay: Seconds = 1.0,
        max_delay: Seconds = 60.0,
        backoff_factor: float = 2.0,
        on_error: bool = False,
    ) -> object:
        """The options as `with_backoff` uses them; a function cannot come here, so `on_error` says only that there is
        one."""
        if max_attempts < 1:
            raise self.refuse("with_backoff", f"max_attempts must be at least 1, got {max_attempts}")
        factor = cast("Value", backoff_factor)  # inf and nan come in their tagged form
        if not isinstance(factor, (int, float)) or not 0 <= factor < math.inf:
            raise self.refuse(
                "with_backoff", f"backoff_factor must be finite and not negative, got {describe(backoff_factor)}"
            )
        return max_attempts, initial_delay, max_delay, backoff_factor
