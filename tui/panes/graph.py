"""The nodes of a run as a tree with their scores; the current one is marked, the selected one is shown in full.

Read 500 children at a time, as they are unfolded. Belongs here: what is read, and the node's details. Never: rows and
folding (`graph_tree.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ...core.journal.events import NodeCreated, NodeMetadataSet, NodeSelected, SessionLoaded, SessionSaved
from ..readable import brief, readable
from ..screen_safety import safe, safe_line
from ..widgets.heading import Heading
from ..widgets.tree import PORTION
from ..words import several, time_of_day
from .graph_tree import GraphTree
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events
    from textual.app import ComposeResult

    from ...core.journal.runs import Run
    from ...core.journal.windows import NodeView
    from ...core.operator import Operator
    from ..live.reader import RunView
    from ..widgets.lines import Lines

_KINDS = (NodeCreated.kind, NodeMetadataSet.kind, NodeSelected.kind, SessionLoaded.kind, SessionSaved.kind)
_DEEP = 200
"""How far up from the current node its way is looked for."""
_MOST = 4000
"""Characters of a node that are shown beside the tree; enter shows all."""
_BESIDE = 110
"""Columns from which on the details stand beside the tree."""
_LOW = 14
"""Rows below which there is no room for details."""


class Graph(msgspec.Struct, frozen=True):
    """What was read."""

    total: int
    current: str | None
    way: tuple[str, ...]
    """The current node and those above it, topmost first."""
    lists: dict[str | None, list[NodeView]]


def read_graph(
    operator: Operator, run: Run, at: int | None, wanted: Mapping[str | None, int], *, by_score: bool, first: bool
) -> Graph:
    """Children of some nodes, so many of each; at first also those on the way to the current node."""
    outline = operator.outline(run, at=at)
    way: list[str] = []
    name = outline.node if first else None
    while name is not None and len(way) < _DEEP:
        node = operator.node(run, name, at=at)
        if node is None:
            break
        way.append(name)
        name = node.parent
    sizes: dict[str | None, int] = {None: PORTION + 1, **wanted}
    if first:
        sizes |= dict.fromkeys(way[1:], PORTION)
    lists: dict[str | None, list[NodeView]] = {}
    for parent, size in sizes.items():
        lists[parent] = operator.children(run, parent, at=at, limit=size, by_score=by_score)
    tops = lists[None]
    if first and len(tops) == 1 and tops[0].children and tops[0].id not in lists:
        lists[tops[0].id] = operator.children(run, tops[0].id, at=at, limit=PORTION, by_score=by_score)
    return Graph(outline.nodes, outline.node, tuple(reversed(way)), lists)


class GraphPane(Pane):
    """The graph."""

    NAME: ClassVar[str] = "graph"
    body: ClassVar[str] = "GraphTree"
    DEFAULT_CSS = """
    GraphPane {
        layout: vertical;
        & #graph-detail { height: 2fr; max-height: 14; border-top: solid $line; scrollbar-size-vertical: 1; }
        & #graph-detail Static { width: 1fr; height: auto; }
        & GraphTree { height: 3fr; }
        & Heading { dock: top; }
        &.-beside { layout: horizontal; }
        &.-beside #graph-detail {
            width: 2fr; height: 1fr; max-height: 100%; border-top: none; border-left: solid $line; padding: 0 1;
        }
        &.-beside GraphTree { width: 3fr; height: 1fr; }
        &.-low #graph-detail { display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._tree: GraphTree = GraphTree(self)
        self._heading: Heading = Heading(self._tree, self._tree.heading)
        self._detail: Static = Static("", markup=False)
        self._run: str = ""
        self._first: bool = True
        self._busy: bool = False
        self._later: bool = False
        self._seen: int = 0

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._heading
        yield self._tree
        with VerticalScroll(id="graph-detail", can_focus=False):
            yield self._detail

    def on_resize(self, event: events.Resize) -> None:
        """Details stand where there is room."""
        self.set_class(event.size.width >= _BESIDE, "-beside")
        self.set_class(event.size.height < _LOW and event.size.width < _BESIDE, "-low")
        self._heading.fit(event.size.height)
        self.call_after_refresh(self._heading.look)

    def reset(self) -> None:
        """As in the base class. What is unfolded stays so at another moment."""
        self._busy = self._later = False

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if self._run != view.run.id:
            self._run, self._first = view.run.id, True
            self._tree.forget()
            self._detail.update("")
        if before is None or before.seq != view.seq:
            self.load(after=0 if before is None else self._seen)

    def load(self, wanted: Mapping[str | None, int] | None = None, *, after: int = 0) -> None:
        """Reads what is unfolded, unless nothing of the graph changed after an event, and `wanted` besides."""
        view, tree = self.view, self._tree
        if view is None:
            return
        tree.wanted |= dict(wanted or {})
        if self._busy:
            self._later = True
            return
        self._busy, self._later = True, False
        run, at, operator, first = view.run, view.at, self.proc.operator, self._first
        sizes, by_score = tree.sizes(), tree.by_score
        self._seen = view.seq

        def reading(_reader: object) -> Graph | None:
            try:
                if after and not first and not operator.log(run, after=after, kinds=_KINDS, limit=1):
                    return None
                return read_graph(operator, run, at, sizes, by_score=by_score, first=first)
            finally:
                self._busy = False

        self.read(reading, self._read)

    def _read(self, found: Graph | None) -> None:
        if found is not None:
            tree = self._tree
            if self._first and found.total:
                self._first = False
                tree.unfolded |= {tuple(found.way[: place + 1]) for place in range(len(found.way) - 1)}
                tree.unfolded |= {(name.id,) for name in found.lists[None][:1] if name.id in found.lists}
                tree.take(found.current, found.lists)
                tree.go_to(found.current)
            else:
                tree.take(found.current, found.lists)
            self.say(None if found.total else "the run has no nodes")
            self._tell(found.total)
            self._heading.look()
            self._show_detail()
        if self._later:
            self.load()

    def find_current(self) -> None:
        """Unfolds the way to the current node."""
        self._first = True
        self.load()

    def _tell(self, total: int) -> None:
        order = "best first" if self._tree.by_score else "oldest first"
        self.about(f"{several(total, 'node')} {self.glyphs.dot} {order}" if total else "")

    def on_lines_moved(self, event: Lines.Moved) -> None:
        """Another node is selected."""
        if event.lines is self._tree:
            self._show_detail()

    def _show_detail(self) -> None:
        node = self._tree.selected
        self._detail.update(detail(node, self._tree.current) if node is not None else Content(""))


def detail(node: NodeView, current: str | None) -> Content:
    """A node's content and metadata."""
    here = "  current" if node.id == current else ""
    head = Content.assemble(
        safe_line(node.id, "b $strong"), (here, "b $accent"),
        (f"  {time_of_day(node.at)}  event {node.seq}  line {node.line}", "$quiet"),
    )  # fmt: skip
    parts = [head]
    for key, value in node.metadata.items():
        shown = safe_line(brief(value, 300), "$number" if key == "score" else "")
        parts.append(Content.assemble(safe_line(key, "$quiet"), ": ", shown))
    parts.append(safe(readable(node.content)[:_MOST]))
    return Content("\n").join(parts)
