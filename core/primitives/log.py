"""`Log`: lines of the run's log."""

from __future__ import annotations

from ..journal.events import Logged
from ..values import Value
from .registry import Family, Text, effect


class Log(Family):
    """Lines of the run's log; `print(...)` is `Log.info`. They are not compared on a replay."""

    lua_name = "Log"

    @effect()
    def debug(self, message: Text = "", context: Value = None) -> None:
        """Writes a line that helps its author.

        Args:
            message: The text.
            context: Anything to show with it.
        """
        self.context.emit(Logged("debug", message, context))

    @effect()
    def info(self, message: Text = "", context: Value = None) -> None:
        """Writes a line.

        Args:
            message: The text.
            context: Anything to show with it.
        """
        self.context.emit(Logged("info", message, context))

    @effect()
    def warn(self, message: Text = "", context: Value = None) -> None:
        """Writes a warning.

        Args:
            message: The text.
            context: Anything to show with it.
        """
        self.context.emit(Logged("warn", message, context))

    @effect()
    def error(self, message: Text = "", context: Value = None) -> None:
        """Writes an error; it raises nothing.

        Args:
            message: The text.
            context: Anything to show with it.
        """
        self.context.emit(Logged("error", message, context))
