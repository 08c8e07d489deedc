"""Every operation of a run as a bar on a time axis: work as blocks, waiting as a thin line, what is open still growing.

The axis has the operations that are read, so that of a very long run it has the part around the cursor. Belongs here:
the bars and the axis. Never: reading (`operations.py`), the stages (`widgets/run_head.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.steady import Steady
from ..words import duration, several, time_of_day
from .operation_pages import Row
from .operations import OperationLines, OperationsPane
from .timescale import TimeScale

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..live.reader import RunView

_STYLES = {"turn": "$agent", "reply": "$agent", "summary": "$agent", "tool": "$agent", "step": "$accent"}
_CLOSEST = 4096
"""How far the axis can be drawn out."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_TOOK = 9
"""Columns of the durations."""
_LEVELS = 6


class TimelineRows(OperationLines):
    """The operations."""

    LAYER: ClassVar[str] = "timeline"
    BINDINGS = keys.bindings("timeline")

    def __init__(self, pane: TimelinePane) -> None:
        super().__init__(pane, id="timeline-rows")
        self._timeline: TimelinePane = pane
        self.scale: TimeScale = TimeScale()
        self.now: float = 0.0
        """Up to where bars that are open are drawn."""
        self.zoom: int = 1
        self.left: float = 0.0
        """The place on the scale where the axis begins."""

    # ---- the axis

    def names(self, width: int) -> int:
        """Columns of the names."""
        return min(34, max(10, width * 2 // 5))

    def room(self, width: int) -> int:
        """Columns of the axis."""
        return max(1, width - self.names(width) - _TOOK - 1)

    def column(self, moment: float, room: int) -> float:
        """The column of a moment; outside of 0 to `room` when it is not on the screen."""
        return (self.scale.place(moment) - self.left) * self.zoom * room

    def shift(self, left: float) -> None:
        """Begins the axis elsewhere."""
        self.left = max(0.0, min(1.0 - 1.0 / self.zoom, left))
        self.redraw()
        self._timeline.draw_axis()

    def axis(self, width: int) -> Content:
        """The line above the rows: moments, and the one looked at."""
        room, names = self.room(width), self.names(width)
        cells = [" "] * room
        step, before = max(14, room // 6), ""
        for column in range(0, max(1, room - 8), step):
            at = self.scale.moment(self.left + column / room / self.zoom)
            then = self.scale.moment(self.left + (column + step) / room / self.zoom)
            text = f"{time_of_day(at)}.{int(at % 1 * 1000):03}" if 0 < then - at < 2 else time_of_day(at)
            if text != before:
                cells[column : column + len(text)] = text
            before = text
        left = f"operation, {self.zoom}x closer" if self.zoom > 1 else "operation"
        left = left if len(left) < names else f"{self.zoom}x closer"
        return Content.styled(f"{left[:names]:<{names}}{''.join(cells)[:room]}{'took':>{_TOOK}}", "$quiet")

    # ---- rows

    def draw(self, row: Row, index: int, width: int) -> Content:
        """As in the base class."""
        dim = self.is_ahead(row) or self.is_recalled(row)
        opened = self.is_open(row)
        failed = row.failed and not opened
        style = "$quiet" if dim else "$bad" if failed else ""
        names = self.names(width)
        name = Content.assemble("  " * min(row.level, _LEVELS), safe_line(row.name, style))
        took = "" if opened or row.ended_at is None else duration(row.ended_at - row.began_at)
        bar = self._bar(row, self.room(width), opened=opened, dim=dim)
        return Content.assemble(
            name.truncate(names - 1, ellipsis=True, pad=True), " ", bar, (f"{took:>{_TOOK}}", "$quiet")
        )

    def _bar(self, row: Row, room: int, *, opened: bool, dim: bool) -> Content:
        glyphs = self.glyphs
        ended = self.now if row.ended_at is None else row.ended_at
        first, last = self.column(row.began_at, room), self.column(max(row.began_at, ended), room)
        if last < 0 or first > room:
            where, sign = (0, glyphs.back) if last < 0 else (room - 1, glyphs.forth)
            return Content.assemble(" " * where, (sign, "$quiet"), " " * (room - 1 - where))
        start = min(room - 1, max(0, int(first)))
        end = min(float(room), max(last, start + 0.125))
        failed = row.failed and not opened
        colour = "$quiet" if dim else "$bad" if failed else "$wait" if row.waits else _STYLES.get(row.op, "$accent")
        if row.waits:
            length = max(1, min(room - start, round(end) - start))
            line = "".join(
                glyphs.dotted if self.scale.is_short(self.left + (start + at + 0.5) / room / self.zoom) else glyphs.line
                for at in range(length)
            )
            if opened:
                line = line[:-1] + glyphs.closed
            return Content.assemble(" " * start, (line, colour), " " * (room - start - length))
        full = int(end) - start
        text = glyphs.block * full
        if glyphs.name == "unicode":
            eighths = int((end - int(end)) * 8)
            text += _EIGHTHS[max(eighths, 2 if not full else 0)].strip()
        text = (text or glyphs.block)[: room - start]
        if opened and not dim:
            text = text[:-1] + glyphs.closed
        return Content.assemble(" " * start, (text, colour), " " * (room - start - len(text)))

    # ---- keys

    def _around(self) -> float:
        """The place of the row of the cursor."""
        return self.scale.place(self.here.began_at) if self.here is not None else self.left + 0.5 / self.zoom

    def action_zoom_in(self) -> None:
        """Draws the axis out around the row of the cursor."""
        if self.zoom < _CLOSEST:
            around = self._around()
            self.zoom *= 2
            self.shift(around - 0.25 / self.zoom)

    def action_zoom_out(self) -> None:
        """Draws it together again."""
        around = self._around()
        self.zoom = max(1, self.zoom // 2)
        self.shift(around - 0.25 / self.zoom)

    def action_left(self) -> None:
        """Earlier on the axis."""
        self.shift(self.left - 0.25 / self.zoom)

    def action_right(self) -> None:
        """Later on the axis."""
        self.shift(self.left + 0.25 / self.zoom)

    def action_source(self) -> None:
        """Its line of the source."""
        if self.here is not None:
            self.proc.show_source(self.here.line)

    def action_actions(self) -> None:
        """What can be done from here."""
        from . import checkpoint_actions

        view = self._timeline.view
        if self.here is None or view is None:
            self.proc.actions()
        else:
            checkpoint_actions.choose(self.proc, view, self.here, [])

    def action_open(self) -> None:
        """As enter."""
        self.action_moment()


class TimelinePane(OperationsPane):
    """The operations on a time axis."""

    NAME: ClassVar[str] = "timeline"
    body: ClassVar[str] = "TimelineRows"
    DEFAULT_CSS = "TimelinePane #time-axis { height: 1; width: 1fr; }"

    def make(self) -> OperationLines:
        """As in the base class."""
        self.rows: TimelineRows = TimelineRows(self)
        self._axis: Steady = Steady("", id="time-axis", markup=False)
        return self.rows

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._axis
        yield self.rows

    def on_resize(self) -> None:
        """The axis, and the line in the lower border, have another width."""
        self.draw_axis()
        self.call_after_refresh(self._tell)

    def draw_axis(self) -> None:
        """Draws the line above the rows."""
        width = self.rows.scrollable_content_region.width
        if width > 0 and self.rows.count:
            self._axis.update(self.rows.axis(width), layout=False)

    def shown(self, view: RunView) -> None:
        """As in the base class."""
        self._tell()
        self._measure(view, self.proc.now())
        self.draw_axis()

    def _tell(self) -> None:
        g, view = self.glyphs, self.view
        if view is None:
            return
        zoomed = f"{several(self.rows.count, 'operation')} {g.dot} " if self.rows.size.width > 60 else ""
        text = f"{zoomed}{g.back} {view.seq:,} of {view.last:,} {g.forth} "
        place = ("live", "$quiet") if view.live else ("past, F for live", "b $agent")
        self.about(Content.assemble((text, "$quiet"), place))

    def _measure(self, view: RunView, now: float) -> None:
        shown = self.rows.visible_pages()
        rows = [row for page in shown for row in self.rows.pages.get(page, ())]
        ended = view.run.ended_at
        # Operations of a run that is over but that never ended, and of a run whose clock stands still, end with it.
        self.rows.now = max([ended if ended is not None else now, *(row.ended_at or row.began_at for row in rows)])
        if rows:
            opened = any(row.ended_at is None for row in rows)
            points = [moment for row in rows for moment in (row.began_at, row.ended_at) if moment is not None]
            if len(rows) == self.rows.count:
                points.append(view.run.created_at)
            if opened:
                points.append(self.rows.now)
            self.rows.scale = TimeScale(points)

    def clock(self, now: float) -> None:
        """As in the base class: what is open grows."""
        view = self.view
        rows = self.rows
        if view is None or view.run.status.ended or not rows.count:
            return
        # Less than a part of a column is not worth a line that may be slow.
        if now - rows.now < (rows.now - rows.scale.first) / rows.room(rows.size.width) / rows.zoom / 2:
            return
        self._measure(view, now)
        self.rows.update()
        self.draw_axis()
