"""The procedure as the run has pinned it, and where it is. (A stand-in: no colours of the language, no editor.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..clean import cells
from ..screen_safety import safe_line
from ..widgets.lines import Lines
from .pane import Pane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..live.reader import RunView, SourceView


class SourceLines(Lines):
    """The text."""

    LAYER: ClassVar[str] = "source"
    BINDINGS = keys.bindings("source")
    DEFAULT_CSS = "SourceLines { overflow-x: auto; }"

    def __init__(self) -> None:
        super().__init__(id="source-lines")
        self.texts: list[str] = []
        self.here: int = 0
        self._widest: int = 0

    def show(self, text: str, here: int) -> None:
        """Shows a text and a line of it."""
        self.texts = text.expandtabs(4).splitlines()
        self._widest = max((cells(line) for line in self.texts), default=0) + 8
        self.here = here
        self.update()
        self.redraw()

    def total(self) -> int:
        """As in the base class."""
        return len(self.texts)

    def widest(self, width: int) -> int:
        """As in the base class."""
        return max(width, self._widest)

    def tint(self, index: int) -> str:
        """As in the base class."""
        return "changed" if index + 1 == self.here else ""

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        here = index + 1 == self.here
        mark = (self.glyphs.forth if here else " ", "b $wait")
        line = self.texts[index]
        comment = line.lstrip().startswith(("#", "--"))
        text = Content(" " * (len(line) - len(line.lstrip()))) + safe_line(line, "$quiet" if comment else "")
        return Content.assemble(mark, (f"{index + 1:>4} ", "$quiet"), text)

    def copied(self, index: int) -> str:
        """The line."""
        return self.texts[index]


class SourcePane(Pane):
    """The source."""

    NAME: ClassVar[str] = "source"
    body: ClassVar[str] = "SourceLines"

    def __init__(self) -> None:
        super().__init__()
        self._lines: SourceLines = SourceLines()
        self._wanted: int | None = None

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._lines

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None or before.seq != view.seq:
            self.read(lambda reader: reader.source(view), self._read)

    def _read(self, source: SourceView) -> None:
        first = not self._lines.texts
        moved = self._lines.here != source.line
        self._lines.show(source.text, source.line)
        self.about(source.file)
        self.say(None)
        if self._wanted is not None:
            self.go_to(self._wanted)
        elif (first or moved) and source.line and not self._lines.has_focus:
            self._lines.call_after_refresh(self._show_line, source.line)

    def _show_line(self, line: int) -> None:
        self._lines.select(line - 1)
        height = self._lines.size.height
        self._lines.scroll_to(y=max(0, line - 1 - height // 2), animate=False)

    def go_to(self, line: int) -> None:
        """Shows a line."""
        if self._lines.texts:
            self._wanted = None
            self._show_line(line)
        else:
            self._wanted = line
