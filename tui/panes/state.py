"""The State of a run as a tree of values; what the latest operation changed is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from ...core.journal.events import StateAppended, StateCleared, StateIncremented, StateSet
from .. import keys
from ..clean import cells, oneline
from ..readable import brief, readable
from ..screen_safety import safe_line
from ..widgets.tree import Node, TreeLines
from ..widgets.values import brief_value, inside, is_branch
from ..words import time_of_day
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from ...core.journal.events import Record
    from ...core.values import Value
    from ..live.reader import RunReader, RunView, StateView

_KINDS = (StateSet.kind, StateIncremented.kind, StateAppended.kind, StateCleared.kind)
_WIDE = 22
"""Columns that keys may take before values move right."""


class StateTree(TreeLines):
    """The values."""

    LAYER: ClassVar[str] = "state"
    BINDINGS = keys.bindings("state")

    def __init__(self, pane: StatePane) -> None:
        super().__init__(id="state-tree")
        self._pane: StatePane = pane
        self.state: StateView | None = None
        self._column: int = 8

    def show(self, state: StateView) -> None:
        """Shows values."""
        self.state = state
        names = [*state.values, *state.changes]
        self._column = min(_WIDE, max((cells(oneline(name)) for name in names), default=0)) + 3
        self.rebuild()
        self.redraw()

    def value_at(self, path: tuple[str, ...]) -> Value:
        """The value of a place."""
        assert self.state is not None
        value: Value = self.state.values.get(path[0])
        for name in path[1:]:
            value = inside(value).get(name)
        return value

    def below(self, path: tuple[str, ...]) -> Sequence[tuple[str, bool]]:
        """As in the base class."""
        if self.state is None:
            return ()
        if not path:
            gone = [key for key, change in self.state.changes.items() if change.how == "removed"]
            return [
                *((key, is_branch(value)) for key, value in self.state.values.items()),
                *((key, False) for key in gone),
            ]
        return [(name, is_branch(value)) for name, value in inside(self.value_at(path)).items()]

    def tint(self, index: int) -> str:
        """As in the base class."""
        node = self.nodes[index]
        change = self.state.changes.get(node.path[0]) if self.state is not None and len(node.path) == 1 else None
        return change.how if change is not None else ""

    def node_row(self, node: Node, width: int) -> Content:
        """As in the base class."""
        change = self.state.changes.get(node.path[0]) if self.state is not None and len(node.path) == 1 else None
        name = safe_line(node.path[-1]).truncate(max(4, self._column - 3 if node.depth == 0 else _WIDE), ellipsis=True)
        pad = " " * max(1, self._column - name.cell_length - 2 * node.depth)
        if change is None:
            return Content.assemble(name, pad, brief_value(self.value_at(node.path)))
        glyph: str = getattr(self.glyphs, change.how)
        colour = {"added": "$good", "changed": "$wait", "removed": "$bad"}[change.how]
        parts: list[Content | str | tuple[str, str]] = [
            name.stylize(colour),
            pad[: max(0, len(pad) - 2)],
            (f"{glyph} ", f"b {colour}"),
        ]
        if change.how == "removed":
            parts.append(brief_value(change.before))
        else:
            value = brief_value(self.value_at(node.path))
            before = brief_value(change.before)
            plain = not is_branch(change.before) and before.cell_length + value.cell_length + 3 <= width - self._column
            if change.how == "changed" and plain:
                parts += [before, (f" {self.glyphs.arrow} ", "$quiet")]
            parts.append(value)
        return Content.assemble(*parts)

    def copied(self, index: int) -> str:
        """The value as YAML."""
        return readable(self.value_at(self.nodes[index].path))

    def action_open(self) -> None:
        """The value in full."""
        from ..screens.value import ValueScreen

        if self.node is None or self.node.rest:
            self.action_fold()
            return
        value = self.value_at(self.node.path)
        self.proc.push_screen(ValueScreen(".".join(self.node.path), lambda: readable(value)))

    def action_history(self) -> None:
        """Every change of the key."""
        if self.node is not None:
            self._pane.history(self.node.path[0])


class StatePane(Pane):
    """The State."""

    NAME: ClassVar[str] = "state"
    body: ClassVar[str] = "StateTree"

    def __init__(self) -> None:
        super().__init__()
        self._tree: StateTree = StateTree(self)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._tree

    def reset(self) -> None:
        """As in the base class: what was unfolded stays unfolded at another moment."""

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None or view.seq != before.seq:
            self.read(lambda reader: reader.state(view), self._read)

    def _read(self, state: StateView) -> None:
        if state != self._tree.state:
            self._tree.show(state)
        self.say(None if state.values or state.changes else "the State is empty")
        self.about(f"changed by event {state.by}" if state.by else "")

    def history(self, key: str) -> None:
        """Shows every change of a key; picking one goes to its moment."""
        from ..screens.picking import Choice, PickDialog

        view = self.view
        if view is None:
            return

        def reading(reader: RunReader) -> list[Record]:
            return reader.records(view, kinds=_KINDS)

        def chosen(seq: str | None) -> None:
            if seq is not None:
                self.proc.look_at(int(seq))

        def found(records: list[Record]) -> None:
            rows = [
                Choice(str(record.seq), f"{time_of_day(record.at)}  line {record.line}  {what}", f"event {record.seq}")
                for record in records
                if (what := _change(record, key)) is not None
            ]
            self.proc.push_screen(PickDialog(f"{key}: {len(rows)} changes", rows), chosen)

        self.read(reading, found)


def _change(record: Record, key: str) -> str | None:
    match record.event:
        case StateSet(key=changed, value=value) if changed == key:
            return "removed" if value is None else f"= {brief(value)}"
        case StateIncremented(key=changed, value=value, amount=amount) if changed == key:
            return f"= {brief(value)} (by {brief(amount)})"
        case StateAppended(key=changed, value=value) if changed == key:
            return f"appended {brief(value)}"
        case StateCleared():
            return "all cleared"
        case _:
            return None
