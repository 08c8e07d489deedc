"""The line above the rows of a pane that says what its columns are.

Belongs here: drawing it, and leaving it out where rows are few. Never: the words, which whoever draws the rows knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lines import Lines

LEAST = 7
"""Rows of what it stands in from which on it has one of them."""


class Heading(Widget):
    """The names of the columns of some lines."""

    DEFAULT_CSS = """
    Heading { height: 1; width: 1fr; color: $quiet; }
    Heading.-left-out { display: none; }
    """

    def __init__(self, lines: Lines, words: Callable[[int], Content]) -> None:
        """`words` are asked for with the width of the lines whenever it is drawn."""
        super().__init__()
        self._lines: Lines = lines
        self._words: Callable[[int], Content] = words
        self._shown: Content | None = None

    def look(self) -> None:
        """Draws anew if the columns are others."""
        if self.is_attached and (self._shown is None or not self._content().is_same(self._shown)):
            self.refresh()

    def fit(self, height: int) -> None:
        """There are so many rows for it and the lines together."""
        self.set_class(height < LEAST, "-left-out")

    def render(self) -> Content:
        """As in the base class."""
        self._shown = self._content()
        return self._shown

    def _content(self) -> Content:
        width = self._lines.scrollable_content_region.width
        return self._words(width).truncate(self.size.width, ellipsis=True) if width > 0 else Content("")
