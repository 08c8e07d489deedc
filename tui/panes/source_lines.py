"""The lines of the Source: how often each one ran, its number, its text in colours; or a difference of two texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import TAB, safe_line
from ..widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .source import SourcePane

_TINTS = {"+": "added", "-": "removed"}


class SourceLines(Lines):
    """The text."""

    LAYER: ClassVar[str] = "source"
    BINDINGS = keys.bindings("source")
    DEFAULT_CSS = "SourceLines { overflow-x: auto; }"

    def __init__(self, pane: SourcePane) -> None:
        super().__init__(id="source-lines")
        self._pane: SourcePane = pane
        self._texts: Sequence[str] = ()
        self._lines: Sequence[Content] = ()
        self._diff: list[str] | None = None
        self._counts: Mapping[int, int] = {}
        self._here: int = 0
        self._waits: bool = False
        self._widest: int = 0

    # ---- for the pane

    @property
    def differs(self) -> bool:
        """Whether a difference is shown instead of the text."""
        return self._diff is not None

    def show_text(self, text: str, lines: Sequence[Content]) -> None:
        """Shows a text; `lines` are the same in colours."""
        self._texts, self._lines, self._counts, self._here = text.split("\n"), lines, {}, 0
        self._measure()

    def show_difference(self, diff: list[str] | None) -> None:
        """Shows a difference, or with None the text."""
        self._diff = diff
        self._measure()
        self.select(0)

    def mark(self, here: int, counts: Mapping[int, int], *, waits: bool) -> None:
        """Says where the run is, and what ran."""
        if (here, waits, counts) != (self._here, self._waits, self._counts):
            self._here, self._waits, self._counts = here, waits, counts
            self.redraw()

    def show_line(self, line: int) -> None:
        """Puts the cursor on a line, in the middle of the screen when it was not on it."""
        if not 0 < line <= self.total():
            return
        height = max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        if not top <= line - 1 < top + height:
            self.scroll_to(y=max(0, line - 1 - height // 2), animate=False, immediate=True)
        self.select(line - 1)

    def _measure(self) -> None:
        rows = self._lines if self._diff is None else [safe_line(line.expandtabs(TAB)) for line in self._diff]
        self._widest = max((line.cell_length for line in rows), default=0) + 12
        self.update()
        self.redraw()

    # ---- rows

    def total(self) -> int:
        """As in the base class."""
        return len(self._lines) if self._diff is None else len(self._diff)

    def widest(self, width: int) -> int:
        """As in the base class."""
        return max(width, self._widest)

    def tint(self, index: int) -> str:
        """As in the base class."""
        if self._diff is not None:
            return _TINTS.get(self._diff[index][:1], "") if index > 1 else ""
        return "changed" if index + 1 == self._here else ""

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        if self._diff is not None:
            line = self._diff[index].expandtabs(TAB)
            style = (
                "$quiet"
                if line.startswith("@@") or index < 2
                else "$good"
                if line[:1] == "+"
                else "$bad"
                if line[:1] == "-"
                else ""
            )
            return Content.assemble(
                (line[:1], style), Content(" " * (len(line[1:]) - len(line[1:].lstrip()))), safe_line(line[1:], style)
            )
        number = index + 1
        here, ran = number == self._here, self._counts.get(number, 0)
        mark = self.glyphs.waits if here and self._waits else self.glyphs.forth if here else " "
        often = f"{_short(ran):>3}" if ran > 1 else f"  {self.glyphs.dot}" if ran else "   "
        digits = max(3, len(str(len(self._lines)))) + 1
        return Content.assemble(
            (often, "$good" if ran else "$quiet"), (f"{number:>{digits}} ", "$foreground" if ran else "$quiet"),
            (f"{mark} ", "b $wait"), self._lines[index],
        )  # fmt: skip

    def text_of(self, index: int) -> str:
        """As in the base class: the text without its number."""
        return self.copied(index)

    def copied(self, index: int) -> str:
        """The line."""
        rows = self._texts if self._diff is None else self._diff
        return rows[index] if index < len(rows) else ""

    def copied_path(self, index: int) -> str:
        """The file and the number of the line."""
        view = self._pane.view
        return f"{view.run.file}:{index + 1}" if view is not None else str(index + 1)

    # ---- keys

    def action_here(self) -> None:
        """To the line where the run is."""
        if self._here:
            self._pane.go_to(self._here)

    def action_versions(self) -> None:
        """How the file differs, or the text again."""
        self._pane.switch()

    def action_edit(self) -> None:
        """The file in the editor, at this line."""
        self._pane.edit(self.cursor + 1 if self._diff is None else 0)

    def action_open(self) -> None:
        """Nothing to open."""


def _short(count: int) -> str:
    return str(count) if count < 1000 else f"{count // 1000}k" if count < 1_000_000 else f"{count // 1_000_000}M"
