"""Every operation of a run in order: name, outcome, tokens, cost, line, duration; what was recalled is dimmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.heading import Heading
from ..widgets.lines import beside
from ..words import duration, money, several
from .operation_pages import Row
from .operations import OperationLines, OperationsPane

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from ..live.reader import RunView

_WIDE = 84
"""Columns from which on tokens and cost have a place of their own."""
_LINE, _TOOK = 5, 9
"""Columns of the line of the source and of the duration."""
_TOKENS, _COST = 7, 10
"""Columns of what models used, where there are any."""
_LEVELS = 8
"""Nesting is shown by indentation as deep as this."""


class CheckpointRows(OperationLines):
    """The operations."""

    LAYER: ClassVar[str] = "checkpoints"
    BINDINGS = keys.bindings("checkpoints")

    def __init__(self, pane: CheckpointsPane) -> None:
        super().__init__(pane, id="checkpoint-rows")
        self._checkpoints: CheckpointsPane = pane
        self.marked: list[Row] = []
        """At most two, to be compared."""
        self.spends: bool = False
        """Whether an operation that was read used tokens."""

    def heading(self, width: int) -> Content:
        """What the columns are."""
        used = f"{'tokens':>{_TOKENS}}" if self.spends else ""
        used += f"{'cost':>{_COST}}" if self.spends and width >= _WIDE else ""
        right = f"{used}{'line':>{_LINE}}{'took':>{_TOOK}}"
        names = self._names(width - len(right) - 1)
        return beside(Content(f"   {'operation':<{names - 1}}outcome"), Content(right), width).stylize("$quiet")

    def _names(self, room: int) -> int:
        """Columns of the names, where there is so much room for them and the outcomes."""
        return min(max(14, room // 2), 34)

    def draw(self, row: Row, index: int, width: int) -> Content:
        """As in the base class."""
        dim = self.is_ahead(row) or self.is_recalled(row)
        opened = self.is_open(row)
        glyph, colour = self._sign(row)
        place = next((str(place) for place, one in enumerate(self.marked, 1) if one.first == row.first), " ")
        here = self.moment is not None and (row.seq or row.first) == self.moment
        right = self._facts(row, width, opened=opened)
        room = max(8, width - right.cell_length - 1)
        names = self._names(room)
        left = Content.assemble(
            (place, "b $accent"), "  " * min(row.level, _LEVELS), (f"{glyph} ", "$quiet" if dim else colour),
            safe_line(row.name, "$quiet" if dim else "b $strong" if here else ""),
        )  # fmt: skip
        if opened and not self.is_ahead(row):
            said = Content.styled("waits" if row.waits else "under way", "$wait" if row.waits else "$accent")
        else:
            said = Content("") if self.is_ahead(row) else row.outcome
        outcome = Content.styled(said.plain, "$quiet") if dim else said
        space = " " * max(2, names - left.cell_length + 2)
        left = left.truncate(max(names, room - 2 - outcome.cell_length), ellipsis=True)
        return beside(left + Content(space) + outcome, right, width)

    def _sign(self, row: Row) -> tuple[str, str]:
        glyphs = self.glyphs
        if self.is_ahead(row):
            return glyphs.pending, "$quiet"
        if self.is_open(row):
            return (glyphs.waits, "$wait") if row.waits else (glyphs.running, "$accent")
        return (glyphs.failed, "$bad") if row.failed else (glyphs.done, "$good")

    def _facts(self, row: Row, width: int, *, opened: bool) -> Content:
        used = ""
        if self.spends:
            used = f"{'' if row.tokens is None else f'{row.tokens:,}':>{_TOKENS}}"
            if width >= _WIDE:
                used += f"{'' if row.tokens is None else money(row.cost):>{_COST}}"
        recalled = "recalled  " if self.is_recalled(row) and width >= _WIDE else ""
        took = duration(row.ended_at - row.began_at) if row.ended_at is not None and not opened else self.glyphs.more
        return Content.styled(f"{recalled}{used}{row.line or '':>{_LINE}}{took:>{_TOOK}}", "$quiet")

    def tint(self, index: int) -> str:
        """As in the base class."""
        row = self.at(index)
        return "changed" if row is not None and any(one.first == row.first for one in self.marked) else ""

    # ---- keys

    def action_open(self) -> None:
        """Arguments and values in full."""
        from . import checkpoint_actions

        if self.here is not None and self._checkpoints.view is not None:
            checkpoint_actions.show_values(self.proc, self._checkpoints.view.run, self.here)

    def action_mark(self) -> None:
        """Marks a row for comparing, or not any more; a third one pushes out the first."""
        row = self.here
        if row is None:
            return
        others = [one for one in self.marked if one.first != row.first]
        self.marked = others if len(others) < len(self.marked) else [*self.marked[-1:], row]
        self._checkpoints.tell()
        self.redraw()

    def action_compare(self) -> None:
        """Compares the two that are marked."""
        from . import checkpoint_actions

        if self._checkpoints.view is not None:
            checkpoint_actions.compare(self.proc, self._checkpoints.view.run, self.marked)

    def action_attempts(self) -> None:
        """Lists the attempts; picking one shows how it ended."""
        from . import checkpoint_actions

        if self._checkpoints.view is not None:
            checkpoint_actions.list_attempts(self.proc, self._checkpoints.view)

    def action_source(self) -> None:
        """Its line of the source."""
        if self.here is not None:
            self.proc.show_source(self.here.line)

    def action_actions(self) -> None:
        """What can be done from here."""
        from . import checkpoint_actions

        view = self._checkpoints.view
        if self.here is None or view is None:
            self.proc.actions()
        else:
            checkpoint_actions.choose(self.proc, view, self.here, self.marked)


class CheckpointsPane(OperationsPane):
    """The operations."""

    NAME: ClassVar[str] = "checkpoints"
    body: ClassVar[str] = "CheckpointRows"
    outcomes = True

    def make(self) -> OperationLines:
        """As in the base class."""
        self.rows: CheckpointRows = CheckpointRows(self)
        self._heading: Heading = Heading(self.rows, self.rows.heading)
        return self.rows

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._heading
        yield self.rows

    def on_resize(self, event: events.Resize) -> None:
        """Headings stand where there is room."""
        self._heading.fit(event.size.height)
        self.call_after_refresh(self._heading.look)

    def shown(self, view: RunView) -> None:
        """As in the base class."""
        if self.rows.marked and self._marks_of != view.run.id:
            self.rows.marked = []
        self._marks_of = view.run.id
        self.rows.spends = any(row.tokens is not None for page in self.rows.pages.values() for row in page)
        self._heading.look()
        self.tell()

    _marks_of: str = ""

    def tell(self) -> None:
        """The line in the lower border."""
        view, marked = self.view, len(self.rows.marked)
        if view is None:
            return
        parts = [several(self.rows.count, "operation")]
        if view.run.attempt > 1:
            parts.append(f"attempt {view.attempt} of {view.run.attempt}")
        if marked:
            parts.append("2 marked, C compares" if marked == 2 else "1 marked, mark another")
        self.about(f" {self.glyphs.dot} ".join(parts))
