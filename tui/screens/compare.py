"""Two operations of a run beside each other: their outcomes, and how the State differs between their moments.

Belongs here: the comparison. Never: reading by itself while it is open; it is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ...core.journal.events import Ended
from ...core.values import Value
from .. import keys
from ..panes.operation_pages import Row, error_text
from ..readable import readable
from ..screen_safety import safe, safe_line
from ..widgets.footer import Footer
from ..widgets.lines import Lines
from ..widgets.values import brief_value
from ..words import duration, several, time_of_day
from .screen import ProcDialog
from .value import ValueScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ...core.journal.runs import Run

MOST = 20_000
"""Characters of an outcome that are shown; enter on nothing shows more: that is what the values are for."""


class Difference(msgspec.Struct, frozen=True):
    """A key of the State that is not the same."""

    key: str
    how: str
    before: Value
    after: Value


def differences(before: dict[str, Value], after: dict[str, Value]) -> list[Difference]:
    """The keys that differ, in their order."""
    found: list[Difference] = []
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            found.append(Difference(key, "removed", before[key], None))
        elif key not in before:
            found.append(Difference(key, "added", None, after[key]))
        elif before[key] != after[key]:
            found.append(Difference(key, "changed", before[key], after[key]))
    return found


class DifferenceRows(Lines):
    """What differs in the State."""

    LAYER: ClassVar[str] = "compare"
    BINDINGS = keys.bindings("compare")

    def __init__(self) -> None:
        super().__init__(id="differences")
        self.rows: list[Difference] = []
        self.widest_before: int = 0

    def total(self) -> int:
        """As in the base class."""
        return len(self.rows)

    def tint(self, index: int) -> str:
        """As in the base class."""
        return self.rows[index].how

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        one = self.rows[index]
        glyph: str = getattr(self.glyphs, one.how)
        colour = {"added": "$good", "changed": "$wait", "removed": "$bad"}[one.how]
        names = min(24, max(8, width // 4))
        name = safe_line(one.key).truncate(names, ellipsis=True, pad=True)
        room = min(max(6, (width - names - 6) // 2), self.widest_before)
        before = brief_value(one.before) if one.how != "added" else Content("")
        after = brief_value(one.after) if one.how != "removed" else Content("")
        arrow = (f" {self.glyphs.arrow} ", "$quiet")
        left = before.truncate(room, ellipsis=True, pad=True)
        return Content.assemble((f"{glyph} ", f"b {colour}"), name, " ", left, arrow, after)

    def copied(self, index: int) -> str:
        """Both values."""
        one = self.rows[index]
        return f"{one.key}\n{readable(one.before)}\n{readable(one.after)}"

    def action_open(self) -> None:
        """Both values in full."""
        if self.rows:
            one = self.rows[self.cursor]

            def text() -> str:
                return f"before:\n{readable(one.before)}\n\nafter:\n{readable(one.after)}"

            self.proc.push_screen(ValueScreen(f"State.{one.key}", text))


class CompareScreen(ProcDialog[None]):
    """Two operations."""

    LAYER: ClassVar[str] = "compare"
    BINDINGS = keys.bindings("compare")
    DEFAULT_CSS = """
    CompareScreen > Container {
        width: 94%; height: 94%; background: $surface; border: round $accent; border-title-color: $accent;
        border-subtitle-color: $quiet; padding: 0 1;
        & Horizontal { height: 2fr; }
        & VerticalScroll {
            width: 1fr; height: 1fr; border: round $line; border-title-color: $foreground;
            border-subtitle-color: $quiet; padding: 0 1;
        }
        & VerticalScroll:focus { border: round $accent; }
        & Static { width: 1fr; height: auto; }
        & #compare-state { height: 1; color: $quiet; }
    }
    """

    def __init__(self, run: Run, first: Row, second: Row) -> None:
        """Both operations are of the run, the earlier one first."""
        super().__init__()
        self._run: Run = run
        self._rows: tuple[Row, Row] = (first, second)
        self._sides: list[Static] = [Static("", markup=False), Static("", markup=False)]
        self._state: Static = Static("State: reading", id="compare-state", markup=False)
        self._list: DifferenceRows = DifferenceRows()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            with Horizontal():
                for side in self._sides:
                    with VerticalScroll():
                        yield side
            yield self._state
            yield self._list
        yield Footer()

    def on_mount(self) -> None:
        """Reads both."""
        box = self.query_one(Container)
        box.border_title = safe_line(f"Compare, {self._run.procedure}")  # pyright: ignore[reportAttributeAccessIssue] - takes content
        for scroll, row in zip(self.query(VerticalScroll), self._rows, strict=True):
            took = f", took {duration(row.ended_at - row.began_at)}" if row.ended_at is not None else ""
            scroll.border_title = safe_line(row.name)  # pyright: ignore[reportAttributeAccessIssue] - takes content
            scroll.border_subtitle = f"event {row.seq or row.first}, line {row.line}, {time_of_day(row.began_at)}{took}"
        self._list.focus()
        self.proc.act(self._read, self._show)

    def _read(self) -> tuple[list[str], dict[str, Value], dict[str, Value]]:
        from ..panes.checkpoint_actions import records_of

        texts: list[str] = []
        states: list[dict[str, Value]] = []
        for row in self._rows:
            ended = [one.event for one in records_of(self.proc, self._run, row) if isinstance(one.event, Ended)]
            texts.append(_outcome(ended[-1]) if ended else "no outcome yet")
            states.append(dict(self.proc.operator.outline(self._run, at=row.seq or row.first).state))
        return texts, states[0], states[1]

    def _show(self, found: tuple[list[str], dict[str, Value], dict[str, Value]]) -> None:
        if not self.is_attached:
            return
        texts, before, after = found
        same = texts[0] == texts[1]
        for side, text in zip(self._sides, texts, strict=True):
            side.update(safe(text[:MOST], "$quiet" if same else ""))
        self._list.rows = differences(before, after)
        shown = [brief_value(one.before).cell_length for one in self._list.rows if one.how != "added"]
        self._list.widest_before = max(shown, default=0)
        count = len(self._list.rows)
        outcomes = "the same outcome" if same else "the outcomes differ"
        differ = f"{several(count, 'key')} of the State {'differs' if count == 1 else 'differ'}"
        state = differ if count else "the State is the same"
        self._state.update(f"{outcomes}; {state}")
        self._list.update()
        self._list.redraw()


def _outcome(event: Ended) -> str:
    if event.failed:
        return f"failed: {error_text(event.error)}"
    return readable(event.values[0] if len(event.values) == 1 else event.values) if event.values else "nothing"
