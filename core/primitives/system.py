"""`System`: alerts."""

from __future__ import annotations

from typing import Literal

from ..journal.events import Alerted
from ..values import Value
from .registry import Family, Form, effect

AlertLevel = Literal["info", "warning", "error", "critical"]


class System(Family):
    """What concerns the people who operate the workspace."""

    lua_name = "System"

    @effect(form=Form.OPTIONS)
    def alert(self, message: str, level: AlertLevel = "info", source: str | None = None, context: Value = None) -> None:
        """Raises an alert; it blocks nothing.

        Args:
            message: What happened.
            level: How bad it is.
            source: What it is about.
            context: Anything to show with it.
        """
        self.context.emit(Alerted(message, level, source, context))
