"""The rows of the Graph: nodes unfolded as far as somebody looked, each with its score."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..readable import brief, readable
from ..screen_safety import safe_line
from ..widgets.lines import beside
from ..widgets.tree import PORTION, Node, TreeLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.journal.windows import NodeView
    from .graph import GraphPane

_CHILDREN, _SCORE = 8, 8
"""Columns of the number of children and of the score."""
_DEEPEST = 24
"""Levels of indentation; what is deeper stands below each other with its level before it."""


class GraphTree(TreeLines):
    """The nodes."""

    LAYER: ClassVar[str] = "graph"
    BINDINGS = keys.bindings("graph")

    def __init__(self, pane: GraphPane) -> None:
        super().__init__(id="graph-tree")
        self._pane: GraphPane = pane
        self.lists: dict[str | None, list[NodeView]] = {}
        """Children that were read, by their parent."""
        self.found: dict[str, NodeView] = {}
        self.wanted: dict[str | None, int] = {}
        """Children that are to be read besides, and how many of them."""
        self.current: str | None = None
        self.by_score: bool = False
        self.scored: bool = False
        """Whether a node that was read has a score."""

    def forget(self) -> None:
        """Another run is shown."""
        self.lists, self.found, self.wanted, self.unfolded, self.current = {}, {}, {}, set(), None
        self.rebuild()

    def sizes(self) -> dict[str | None, int]:
        """What to read again, and what to read besides: only of what is unfolded."""
        shown = {path[-1] for path in self.unfolded}
        known: dict[str | None, int] = {
            parent: max(PORTION, len(rows)) for parent, rows in self.lists.items() if parent is None or parent in shown
        }
        return {**known, **self.wanted}

    def take(self, current: str | None, lists: Mapping[str | None, list[NodeView]]) -> None:
        """Shows what was read."""
        self.lists, self.current = dict(lists), current
        self.wanted = {parent: size for parent, size in self.wanted.items() if parent not in lists}
        self.found = {node.id: node for rows in lists.values() for node in rows}
        self.scored = any(node.score is not None for node in self.found.values())
        self.rebuild()
        self.redraw()

    @property
    def selected(self) -> NodeView | None:
        """The node that the cursor is on."""
        node = self.node
        return self.found.get(node.path[-1]) if node is not None and not node.rest else None

    # ---- the tree

    def below(self, path: tuple[str, ...]) -> Sequence[tuple[str, bool]]:
        """As in the base class: what was read."""
        rows = self.lists.get(path[-1] if path else None, [])
        return [(node.id, node.children > 0) for node in rows]

    def _walk(self, path: tuple[str, ...], depth: int) -> Iterator[Node]:
        # Not by recursion: a chain of nodes may be deeper than Python's stack.
        stack: list[Iterator[Node]] = [self._level(path, depth)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            yield node
            if node.branch and node.path in self.unfolded:
                stack.append(self._level(node.path, node.depth + 1))

    def _level(self, path: tuple[str, ...], depth: int) -> Iterator[Node]:
        parent = path[-1] if path else None
        rows = self.lists.get(parent)
        if rows is None:
            yield Node((*path, "…"), depth, branch=False, rest=-1)
            return
        total = self.found[parent].children if parent is not None and parent in self.found else len(rows)
        shown = rows if path else rows[: max(PORTION, len(rows) - 1)]
        for node in shown:
            yield Node((*path, node.id), depth, node.children > 0)
        if total > len(shown):
            yield Node((*path, "…"), depth, branch=False, rest=total - len(shown))

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        node, glyphs = self.nodes[index], self.glyphs
        indent = "  " * min(node.depth, _DEEPEST)
        if node.rest:
            text = "reading" if node.rest < 0 else f"{node.rest:,} more" if len(node.path) > 1 else "more"
            return Content.styled(f"{indent}  {glyphs.more} {text}", "$quiet")
        sign = (glyphs.open if node.path in self.unfolded else glyphs.closed) if node.branch else " "
        level = f"{node.depth} " if node.depth > _DEEPEST else ""
        left = Content.assemble(indent, (f"{level}{sign} ", "$quiet"))
        return left + self.node_row(node, max(0, width - left.cell_length))

    def heading(self, width: int) -> Content:
        """What the columns are."""
        score = f"{'score':>{_SCORE}}" if self.scored else ""
        return beside(Content("  node"), Content(f"{'children':>{_CHILDREN}}{score}"), width).stylize("$quiet")

    def node_row(self, node: Node, width: int) -> Content:
        """As in the base class."""
        one = self.found[node.path[-1]]
        here = one.id == self.current
        mark = Content.styled(f"{self.glyphs.running} " if here else "", "b $accent")
        text = brief(one.content, 120) if one.content not in (None, "") else one.id
        left = Content.assemble(mark, safe_line(text, "b $strong" if here else ""))
        parts: list[Content | str | tuple[str, str]] = []
        status = one.metadata.get("status")
        if status is not None and width > 30:
            parts += [safe_line(brief(status, 16), "$quiet"), "  "]
        parts.append((f"{f'{one.children:,}' if one.children else '':>{_CHILDREN}}", "$quiet"))
        if self.scored:
            parts.append((f"{'' if one.score is None else f'{one.score:.3g}':>{_SCORE}}", "$number"))
        return beside(left, Content.assemble(*parts), width)

    def copied(self, index: int) -> str:
        """The content."""
        one = self.found.get(self.nodes[index].path[-1])
        return readable(one.content) if one is not None else ""

    def copied_path(self, index: int) -> str:
        """The name of the node."""
        return self.nodes[index].path[-1]

    # ---- keys

    def action_fold(self) -> None:
        """Unfolds, reading what is below, or folds."""
        node = self.node
        if node is None or node.rest < 0:
            return
        if node.rest:
            parent = node.path[-2] if len(node.path) > 1 else None
            self._pane.load({parent: len(self.lists.get(parent, ())) + PORTION})
            return
        if not node.branch:
            return
        self.unfolded ^= {node.path}
        self.rebuild()
        if node.path in self.unfolded and node.path[-1] not in self.lists:
            self._pane.load({node.path[-1]: PORTION})

    def action_open(self) -> None:
        """Content and metadata in full."""
        from ..screens.value import ValueScreen

        one = self.selected
        if one is None:
            self.action_fold()
            return
        facts = f"parent: {one.parent or 'none'}\nchildren: {one.children:,}\nmade by event {one.seq}, line {one.line}"

        def text() -> str:
            metadata = readable(one.metadata) if one.metadata else "none"
            return f"{readable(one.content)}\n\nmetadata:\n{metadata}\n\n{facts}"

        self.proc.push_screen(ValueScreen(one.id, text))

    def action_sort(self) -> None:
        """Best first, or oldest first."""
        self.by_score = not self.by_score
        self._pane.load()

    def go_to(self, name: str | None) -> bool:
        """Puts the cursor on a node that is shown; False when it is not."""
        place = next((at for at, node in enumerate(self.nodes) if node.path[-1] == name and not node.rest), None)
        if place is not None:
            self.select(place)
        return place is not None

    def action_current(self) -> None:
        """To the current node."""
        if not self.go_to(self.current):
            self._pane.find_current()

    def action_moment(self) -> None:
        """To the moment in which the node was made."""
        if self.selected is not None:
            self.proc.look_at(self.selected.seq)

    def action_source(self) -> None:
        """The line that made it."""
        if self.selected is not None:
            self.proc.show_source(self.selected.line)
