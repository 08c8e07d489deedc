"""Every operation of a run as a bar on a time axis. (A stand-in: no zoom of the axis, no events between operations.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.lines import Lines
from ..words import duration
from .pane import Pane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..live.reader import CheckpointRow, RunView

_STYLES = {"turn": "$agent", "reply": "$agent", "summary": "$agent", "step": "$accent", "sleep": "$quiet"}


class TimelineRows(Lines):
    """The operations."""

    LAYER: ClassVar[str] = "timeline"
    BINDINGS = keys.bindings("timeline")

    def __init__(self) -> None:
        super().__init__(id="timeline-rows")
        self.rows: tuple[CheckpointRow, ...] = ()
        self.first: float = 0.0
        self.last: float = 0.0

    def total(self) -> int:
        """As in the base class."""
        return len(self.rows)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row = self.rows[index]
        names = max(12, width * 2 // 5)
        name = Content.assemble("  " * row.level, safe_line(row.name, "$bad" if row.failed else "")).truncate(names, ellipsis=True, pad=True)
        room, span = max(1, width - names - 10), max(0.001, self.last - self.first)
        end = row.ended_at if row.ended_at is not None else self.last
        start = min(room - 1, int((row.began_at - self.first) / span * room))
        length = max(1, min(room - start, round((end - row.began_at) / span * room)))
        waits = row.ended_at is None
        style = "$wait" if waits else "$bad" if row.failed else _STYLES.get(row.op, "$accent")
        bar = self.glyphs.line * (length - 1) + self.glyphs.closed if waits else self.glyphs.block * length
        took = "" if waits else duration(end - row.began_at)
        return Content.assemble(name, " " * start, (bar, style), " " * (room - start - length), (f"{took:>10}", "$quiet"))

    def action_open(self) -> None:
        """Shows that moment."""
        if self.rows:
            row = self.rows[self.cursor]
            self.proc.look_at(row.seq or row.first)


class TimelinePane(Pane):
    """The operations on a time axis."""

    NAME: ClassVar[str] = "timeline"
    body: ClassVar[str] = "TimelineRows"

    def __init__(self) -> None:
        super().__init__()
        self._rows: TimelineRows = TimelineRows()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._rows

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        g = self.glyphs
        place = "live" if view.at is None else "past"
        self.about(Content.assemble((f"{g.back} {view.seq} of {view.last} {g.forth} ", "$quiet"), (place, "$quiet" if view.live else "b $agent")))
        if before is None or before.seq != view.seq:
            self.read(lambda reader: reader.checkpoints(view), self._read)

    def _read(self, rows: tuple[CheckpointRow, ...]) -> None:
        view = self.view
        if view is None:
            return
        following = self._rows.following
        self._rows.rows = rows
        self._rows.first = view.run.created_at
        ends = [row.ended_at or row.began_at for row in rows]
        now = view.moment or view.run.ended_at or self.proc.now()
        self._rows.last = max([now, *ends]) if rows else view.run.created_at
        self.say(None if rows else "no operation yet")
        self._rows.update(follow=following)
        if following:
            self._rows.select(len(rows) - 1)
