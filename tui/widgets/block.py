"""A part of a card as tall as its lines, which depend on its width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.geometry import Size


class Block(Widget):
    """Lines that somebody else knows."""

    DEFAULT_CSS = "Block { width: 1fr; height: auto; }"

    def __init__(self, build: Callable[[int], Sequence[Content]]) -> None:
        super().__init__()
        self._build: Callable[[int], Sequence[Content]] = build
        self._shown: Content | None = None
        self._lines: int = 0

    def look(self) -> None:
        """Draws anew what changed."""
        if not self.is_attached:
            return
        if not self.size.width:
            # It has no place yet, and lines in one column would be very many.
            self.refresh(layout=True)
            return
        lines = self._build(self.size.width)
        content = Content("\n").join(lines)
        if self._shown is None or not self._shown.is_same(content):
            self.refresh(layout=len(lines) != self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As in the base class."""
        return len(self._build(max(1, width)))

    def render(self) -> Content:
        """As in the base class."""
        lines = self._build(max(1, self.size.width))
        self._lines = len(lines)
        self._shown = Content("\n").join(lines)
        return self._shown
