"""The graph of nodes as a tree. (A stand-in: all nodes are read at once; no sorting, no content beside it.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.content import Content

from .. import keys
from ..readable import brief, readable
from ..screen_safety import safe_line
from ..widgets.lines import beside
from ..widgets.tree import Node, TreeLines
from ..words import several
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from ...core.journal.folds import RunFold
    from ...core.values import Value
    from ..live.reader import RunView


class NodeView(msgspec.Struct, frozen=True):
    """A node, copied."""

    content: Value
    metadata: dict[str, Value]
    children: tuple[str, ...]


class GraphTree(TreeLines):
    """The nodes."""

    LAYER: ClassVar[str] = "graph"
    BINDINGS = keys.bindings("graph")

    def __init__(self) -> None:
        super().__init__(id="graph-tree")
        self.found: dict[str, NodeView] = {}
        self.tops: tuple[str, ...] = ()
        self.current: str | None = None

    def below(self, path: tuple[str, ...]) -> Sequence[tuple[str, bool]]:
        """As in the base class."""
        names = self.found[path[-1]].children if path else self.tops
        return [(name, bool(self.found[name].children)) for name in names]

    def node_row(self, node: Node, width: int) -> Content:
        """As in the base class."""
        one = self.found[node.path[-1]]
        here = node.path[-1] == self.current
        mark = Content.styled(f"{self.glyphs.running} " if here else "  ", "$accent")
        left = Content.assemble(mark, safe_line(brief(one.content, 80), "b $strong" if here else ""))
        score, status = one.metadata.get("score"), one.metadata.get("status")
        facts = "  ".join(brief(value, 12) for value in (status, score) if value is not None)
        return beside(left, safe_line(facts, "$number"), width)

    def action_open(self) -> None:
        """Content and metadata in full."""
        from ..screens.value import ValueScreen

        if self.node is None or self.node.rest:
            self.action_fold()
            return
        one = self.found[self.node.path[-1]]
        self.proc.push_screen(ValueScreen(self.node.path[-1], f"{readable(one.content)}\n\n{readable(one.metadata)}"))


class GraphPane(Pane):
    """The graph."""

    NAME: ClassVar[str] = "graph"
    body: ClassVar[str] = "GraphTree"

    def __init__(self) -> None:
        super().__init__()
        self._tree: GraphTree = GraphTree()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._tree

    def reset(self) -> None:
        """As in the base class."""
        self._tree.unfolded = set()

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None or before.seq != view.seq:
            self.read(lambda reader: reader.look(view, _copy), self._read)

    def _read(self, found: tuple[dict[str, NodeView], tuple[str, ...], str | None]) -> None:
        tree = self._tree
        tree.found, tree.tops, tree.current = found
        if not tree.unfolded:
            tree.unfolded = {(top,) for top in tree.tops}
        tree.rebuild()
        tree.redraw()
        self.say(None if tree.found else "the run has no nodes")
        self.about(several(len(tree.found), "node") if tree.found else "")


def _copy(fold: RunFold) -> tuple[dict[str, NodeView], tuple[str, ...], str | None]:
    nodes = fold.graph.nodes
    found = {name: NodeView(node.content, dict(node.metadata), tuple(node.children)) for name, node in nodes.items()}
    tops = tuple(name for name, node in nodes.items() if node.parent is None or node.parent not in nodes)
    return found, tops, fold.graph.current
