"""The procedure as the run has pinned it, with the line where it is, which lines ran, and what the file says by now.

Belongs here: what is read of the source. Never: its lines (`source_lines.py`), colours (`highlight.py`), what happens
after the editor (`source_edit.py`).
"""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.content import Content

from .highlight import highlight
from .pane import Pane
from .source_lines import SourceLines

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

    from ...core.operator import Operator
    from ..live.reader import RunView

LARGEST = 8 * 2**20
"""Bytes of a file that are compared."""


class Counts(msgspec.Struct, frozen=True):
    """How often lines ran up to an event of a history, to be added to."""

    run: str
    history: object
    seq: int
    lines: dict[int, int]


class Source(msgspec.Struct, frozen=True, eq=False):
    """What was read."""

    text: str
    lines: tuple[Content, ...] | None
    """None when they are those that are shown already."""
    here: int
    waits: bool
    counts: Counts
    file: str | None
    """The text of the file by now; None when it is gone or cannot be read."""


def text_of(path: Path) -> str | None:
    """The text of a file; None when there is none."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def count_lines(operator: Operator, view: RunView, known: Counts | None) -> Counts:
    """How often each line ran, counting what is new since it was counted last."""
    run, upto = view.run, view.seq
    if known is None or (known.run, known.history) != (run.id, run.history) or known.seq > upto:
        known = Counts(run.id, run.history, 0, {})
    lines = dict(known.lines)
    for line, count in operator.line_counts(run, at=view.at, after=known.seq).items():
        lines[line] = lines.get(line, 0) + count
    return Counts(run.id, run.history, upto, lines)


def read_source(operator: Operator, view: RunView, known: Source | None, counts: Counts | None) -> Source:
    """The pinned text, where the run is, and the file."""
    outline = operator.outline(view.run, at=view.at)
    text = operator.source(view.run)
    here = outline.open[-1].line if outline.open else outline.line
    return Source(
        text=text,
        lines=None if known is not None and text == known.text else highlight(text),
        here=here,
        waits=bool(outline.open) and not outline.ended,
        counts=count_lines(operator, view, counts),
        file=text_of(operator.workspace / view.run.file),
    )


def difference(pinned: str, file: str) -> list[str]:
    """The unified difference from the pinned text to the file."""
    return list(unified_diff(pinned.split("\n"), file.split("\n"), "pinned by this run", "the file now", lineterm=""))


class SourcePane(Pane):
    """The source."""

    NAME: ClassVar[str] = "source"
    body: ClassVar[str] = "SourceLines"

    def __init__(self) -> None:
        super().__init__()
        self._lines: SourceLines = SourceLines(self)
        self._source: Source | None = None
        self._counts: Counts | None = None
        """Those of the present, to be added to."""
        self._wanted: int | None = None
        self._busy: bool = False
        self._later: bool = False

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._lines

    def reset(self) -> None:
        """As in the base class."""
        self._busy = self._later = False

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None or before.seq != view.seq:
            self.load()

    def load(self) -> None:
        """Reads it again."""
        view = self.view
        if view is None:
            return
        if self._busy:
            self._later = True
            return
        self._busy, self._later = True, False
        operator, known, counts = self.proc.operator, self._source, self._counts

        def reading(_reader: object) -> Source:
            try:
                return read_source(operator, view, known, counts)
            finally:
                self._busy = False

        self.read(reading, self._read)

    def _read(self, found: Source) -> None:
        before, self._source = self._source, found
        if self.view is not None and self.view.live:
            self._counts = found.counts
        lines = self._lines
        if found.lines is not None:
            lines.show_text(found.text, found.lines)
        moved = before is None or before.here != found.here or found.lines is not None
        lines.mark(found.here, found.counts.lines, waits=found.waits)
        if lines.differs and found.file is not None and found.file != found.text:
            lines.show_difference(difference(found.text, found.file))
        elif lines.differs:
            lines.show_difference(None)
        self.say(None if found.text else "the source is empty")
        self.tell()
        if self._wanted is not None:
            self.go_to(self._wanted)
        elif moved and found.here and not lines.differs:
            lines.call_after_refresh(lines.show_line, found.here)
        if self._later:
            self.load()

    def tell(self) -> None:
        """The line in the lower border."""
        found, view = self._source, self.view
        if found is None or view is None:
            return
        parts = [view.run.file]
        if found.file is None:
            parts.append("the file is gone")
        elif found.file != found.text:
            parts.append(
                "pinned " + self.glyphs.arrow + " file, v back"
                if self._lines.differs
                else "the file differs, v shows how"
            )
        if found.here and not self._lines.differs:
            parts.append(f"{'waits at' if found.waits else 'at'} line {found.here}")
        self.about(f" {self.glyphs.dot} ".join(parts))

    # ---- keys

    def switch(self) -> None:
        """Shows how the file differs from what the run has, or the text again."""
        found, lines = self._source, self._lines
        if found is None:
            return
        if lines.differs:
            lines.show_difference(None)
            lines.show_line(found.here)
        elif found.file is None:
            self.proc.say("the file is gone")
        elif found.file == found.text:
            self.proc.say("the file is what this run has")
        else:
            lines.show_difference(difference(found.text, found.file))
        self.tell()

    def go_to(self, line: int) -> None:
        """Shows a line."""
        if self._source is None:
            self._wanted = line
            return
        self._wanted = None
        if self._lines.differs:
            self._lines.show_difference(None)
            self.tell()
        self._lines.show_line(line)

    def edit(self, line: int) -> None:
        """Opens the file in the editor."""
        from .source_edit import edit_source

        if self.view is not None:
            edit_source(self.proc, self.view.run, line, then=self.load)
