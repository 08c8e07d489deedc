"""A value or a text in full, over the screen: wrapped, scrollable, copied by `y`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from .. import keys
from ..screen_safety import safe, safe_line
from .screen import ProcDialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

MOST = 200_000
"""Characters that are shown; `y` copies all."""


class ValueScreen(ProcDialog[None]):
    """Something in full."""

    LAYER: ClassVar[str] = "value"
    BINDINGS = keys.bindings("value")
    DEFAULT_CSS = """
    ValueScreen > VerticalScroll {
        width: 90%; height: 90%; background: $surface; border: round $accent; border-title-color: $accent;
        border-subtitle-color: $quiet; padding: 0 1;
    }
    ValueScreen Static { width: 1fr; height: auto; }
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title: Content = safe_line(title)
        self._text: str = text

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with VerticalScroll():
            yield Static(safe(self._text[:MOST]), markup=False)

    def on_mount(self) -> None:
        """Says how much there is."""
        box = self.query_one(VerticalScroll)
        box.border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        lines = self._text.count("\n") + 1
        cut = f", the first {MOST:,} characters shown" if len(self._text) > MOST else ""
        box.border_subtitle = f"{lines:,} lines{cut}"
        box.focus()

    def action_copy(self) -> None:
        """Copies all of it."""
        self.proc.copy(self._text)

    def _scroll(self, rows: int) -> None:
        box = self.query_one(VerticalScroll)
        box.scroll_to(y=box.scroll_offset.y + rows, animate=False)

    def action_down(self) -> None:
        """A line down."""
        self._scroll(1)

    def action_up(self) -> None:
        """A line up."""
        self._scroll(-1)

    def action_page_down(self) -> None:
        """Half a page down."""
        self._scroll(self.size.height // 2)

    def action_page_up(self) -> None:
        """Half a page up."""
        self._scroll(-self.size.height // 2)

    def action_first(self) -> None:
        """The beginning."""
        self._scroll(-(10**9))

    def action_last(self) -> None:
        """The end."""
        self._scroll(10**9)
