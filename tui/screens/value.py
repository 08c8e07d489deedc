"""A value or a text in full, over the screen: wrapped, scrollable, copied by `y`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from .. import keys
from ..screen_safety import safe_line
from ..widgets.artifact import RowLines
from ..widgets.card_head import words_wrapped
from ..widgets.footer import Footer
from ..widgets.laid import Band, Column, Rows, Section
from ..widgets.source_text import SourceText
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content


class ValueLines(RowLines, inherit_bindings=False):
    """The rows of it; the screen has the keys."""

    LAYER: ClassVar[str] = "value"
    BINDINGS: ClassVar[list[BindingType]] = []


class ValueScreen(ProcDialog[None]):
    """Something in full."""

    LAYER: ClassVar[str] = "value"
    BINDINGS = keys.bindings("value")
    DEFAULT_CSS = """
    ValueScreen > ValueLines {
        width: 90%; height: 90%; background: $surface; border: round $accent; border-title-color: $accent;
        border-subtitle-color: $quiet; padding: 0 1;
    }
    """

    def __init__(self, title: str, text: str | Callable[[], str]) -> None:
        """A text that takes its time to be made is given as what makes it, which is called in a thread."""
        super().__init__()
        self._title: Content = safe_line(title)
        self._read: Callable[[], str] | None = None if isinstance(text, str) else text
        self._text: str = text if isinstance(text, str) else ""
        self._source: SourceText = SourceText(self._text)
        self._box: ValueLines = ValueLines(self._rows)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._box
        yield Footer()

    def on_mount(self) -> None:
        """Says how much there is."""
        self._box.border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self._box.focus()
        if self._read is None:
            self._show(self._text)
        else:
            self._box.border_subtitle = "reading…"
            self.run_worker(self._reading(self._read), exit_on_error=False, group="read", name="value")

    async def _reading(self, read: Callable[[], str]) -> None:
        self._show(await asyncio.to_thread(read))

    def _show(self, text: str) -> None:
        self._text, self._source = text, SourceText(text)
        lines = text.count("\n") + 1
        self._box.border_subtitle = f"{lines:,} lines"
        self._box.rebuild()

    def _rows(self, width: int) -> Rows:
        def show(part: Content, _at: int, _first: bool, _band: Band) -> Content:
            return part

        lines = Band(((self._source, range(len(self._source))),))
        return Rows(Section([lines], [Column(width, show, words_wrapped)]))

    def action_copy(self) -> None:
        """Copies all of it."""
        self.proc.copy(self._text)

    def _scroll(self, rows: int) -> None:
        self._box.scroll_to(y=self._box.scroll_offset.y + rows, animate=False, immediate=True)

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
