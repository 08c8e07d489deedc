"""A tree of lines that is unfolded as far as somebody looked: a hundred thousand nodes cost what is on the screen.

A subclass says what the nodes below one are (`below`) and how a node is shown (`node_row`). Belongs here: folding.
Never: where nodes come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from textual.content import Content

from .lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual import events

PORTION = 500
"""How many nodes below one are shown at a time."""


class Node(msgspec.Struct, frozen=True):
    """A place in a tree."""

    path: tuple[str, ...]
    depth: int
    branch: bool
    """Whether there is something below it."""
    rest: int = 0
    """For the last line of a portion: how many more there are."""


class TreeLines(Lines):
    """Nodes, unfolded one by one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.nodes: list[Node] = []
        self.unfolded: set[tuple[str, ...]] = set()
        self._portions: dict[tuple[str, ...], int] = {}
        self._places: dict[tuple[str, ...], int] = {}

    # ---- what a subclass says

    def below(self, path: tuple[str, ...]) -> Sequence[tuple[str, bool]]:
        """The names of the nodes below one, each with whether there is something below it; `()` is the top."""
        raise NotImplementedError

    def node_row(self, node: Node, width: int) -> Content:
        """What a node shows after its indentation and sign."""
        raise NotImplementedError

    # ---- for whoever owns it

    def rebuild(self) -> None:
        """What `below` says has changed."""
        self.nodes = list(self._walk((), 0))
        self._places = {node.path: place for place, node in enumerate(self.nodes)}
        self.update()

    @property
    def node(self) -> Node | None:
        """Where the cursor is."""
        return self.nodes[self.cursor] if self.cursor < len(self.nodes) else None

    def _walk(self, path: tuple[str, ...], depth: int) -> Iterator[Node]:
        rows = self.below(path)
        most = self._portions.get(path, PORTION)
        for name, branch in rows[:most]:
            inner = (*path, name)
            yield Node(inner, depth, branch)
            if branch and inner in self.unfolded:
                yield from self._walk(inner, depth + 1)
        if len(rows) > most:
            yield Node((*path, "…"), depth, branch=False, rest=len(rows) - most)

    # ---- rows

    def total(self) -> int:
        """As in the base class."""
        return len(self.nodes)

    def key_of(self, index: int) -> tuple[str, ...] | None:
        """As in the base class."""
        return self.nodes[index].path if index < len(self.nodes) else None

    def index_of(self, key: object) -> int | None:
        """As in the base class."""
        return self._places.get(cast("tuple[str, ...]", key)) if isinstance(key, tuple) else None

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        node, glyphs = self.nodes[index], self.glyphs
        indent = "  " * node.depth
        if node.rest:
            return Content.styled(f"{indent}  {glyphs.more} {node.rest:,} more", "$quiet")
        sign = (glyphs.open if node.path in self.unfolded else glyphs.closed) if node.branch else " "
        left = Content.assemble(indent, (f"{sign} ", "$quiet"))
        return left + self.node_row(node, max(0, width - left.cell_length))

    def copied_path(self, index: int) -> str:
        """The names down to it."""
        return ".".join(self.nodes[index].path)

    # ---- keys and the mouse

    async def on_click(self, event: events.Click) -> None:
        """A click on the sign of a node folds or unfolds it."""
        place = event.get_content_offset_capture(self) + self.scroll_offset
        if 0 <= place.y < len(self.nodes):
            node = self.nodes[place.y]
            if (node.branch or node.rest) and 0 <= place.x - 2 * node.depth < 2:
                event.prevent_default()
                self.select(place.y, scroll=False)
                self.action_fold()

    def action_fold(self) -> None:
        """Unfolds, or folds."""
        node = self.node
        if node is None:
            return
        if node.rest:
            self._portions[node.path[:-1]] = self._portions.get(node.path[:-1], PORTION) + PORTION
        elif node.branch:
            self.unfolded ^= {node.path}
        else:
            return
        self.rebuild()

    def action_right(self) -> None:
        """Unfolds; on an unfolded node goes to the first one below it."""
        node = self.node
        if node is not None and (node.rest or (node.branch and node.path not in self.unfolded)):
            self.action_fold()
        elif node is not None and node.branch:
            self.action_down()

    def action_left(self) -> None:
        """Folds; on a folded node goes to the one above it."""
        node = self.node
        if node is not None and node.branch and node.path in self.unfolded:
            self.action_fold()
        elif node is not None and len(node.path) > 1:
            above = self._places.get(node.path[:-1])
            if above is not None:
                self.select(above)
