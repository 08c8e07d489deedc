"""Every operation of a run in order: name, line, outcome, duration, tokens, cost. (A stand-in: no reset, fork, compare.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.lines import Lines, beside
from ..words import duration, money, several
from .pane import Pane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..live.reader import CheckpointRow, RunView


class CheckpointRows(Lines):
    """The operations."""

    LAYER: ClassVar[str] = "checkpoints"
    BINDINGS = keys.bindings("checkpoints")

    def __init__(self) -> None:
        super().__init__(id="checkpoint-rows")
        self.rows: tuple[CheckpointRow, ...] = ()

    def total(self) -> int:
        """As in the base class."""
        return len(self.rows)

    def key_of(self, index: int) -> int | None:
        """As in the base class."""
        return self.rows[index].first if index < len(self.rows) else None

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row, glyphs = self.rows[index], self.glyphs
        glyph, style = (glyphs.failed, "$bad") if row.failed else (glyphs.done, "$good") if row.ended_at else (glyphs.waits, "$wait")
        took = duration(row.ended_at - row.began_at) if row.ended_at is not None else "open"
        used = f"{row.tokens:,} tok {money(row.cost)}  " if row.tokens is not None and width > 50 else ""
        left = Content.assemble("  " * row.level, (f"{glyph} ", style), safe_line(row.name))
        return beside(left, Content.assemble((used, "$quiet"), (f"{row.line or '':>4}", "$quiet"), (f"{took:>9}", "$quiet")), width)

    def action_open(self) -> None:
        """Shows that moment."""
        if self.rows:
            row = self.rows[self.cursor]
            self.proc.look_at(row.seq or row.first)


class CheckpointsPane(Pane):
    """The operations."""

    NAME: ClassVar[str] = "checkpoints"
    body: ClassVar[str] = "CheckpointRows"

    def __init__(self) -> None:
        super().__init__()
        self._rows: CheckpointRows = CheckpointRows()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._rows

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None or before.seq != view.seq:
            self.read(lambda reader: reader.checkpoints(view), self._read)

    def _read(self, rows: tuple[CheckpointRow, ...]) -> None:
        following = self._rows.following
        self._rows.rows = rows
        self.say(None if rows else "no operation yet")
        self.about(several(len(rows), "operation"))
        self._rows.update(follow=following)
