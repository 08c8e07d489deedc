"""A text that is told again and again, and mostly the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType


class Steady(Static):
    """A text that is drawn, and has the screen laid out anew, only when it is another one."""

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """As in the base class."""
        before = self.content
        if not (isinstance(content, Content) and isinstance(before, Content) and before.is_same(content)):
            super().update(content, layout=layout)
