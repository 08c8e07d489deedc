"""The graph of a run as nested lists: what each node holds, its score, its status, and which one is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readable import readable
from ..words import several
from .paper import folded, left_out

if TYPE_CHECKING:
    from ...core.journal.windows import NodeView
    from ...core.operator import Operator
    from .paper import Paper
    from .reading import Sight

MOST_NODES = 1000
MOST_CHILDREN = 200
"""Nodes right under one node that are shown, the first."""
MOST_LINE = 200
"""Characters of a node's content that stand on its line."""
DEEPEST = 40
OPEN = 60
"""Nodes up to which all of the tree is unfolded."""


class _Tree:
    """The nodes, read as they are drawn."""

    def __init__(self, operator: Operator, sight: Sight, paper: Paper) -> None:
        self._operator = operator
        self._sight = sight
        self._paper = paper
        self._left = MOST_NODES
        self._opened = sight.outline.nodes <= OPEN

    def under(self, parent: str | None, level: int, total: int) -> str:
        """The nodes under one as a list; `total` says how many there are."""
        if level > DEEPEST or self._left <= 0:
            return left_out(f"{several(total, 'node')} further down, not in this page")
        most = min(MOST_CHILDREN, self._left)
        found = self._operator.children(self._sight.run, parent, at=self._sight.at, limit=most)
        self._left -= len(found)
        items = "".join(f"<li>{self._node(one, level)}</li>\n" for one in found)
        more = total - len(found)
        if more > 0:
            words = left_out(f"{several(more, 'more node')} here, not in this page")
            items += f"<li>{words}</li>\n"
        top = "" if level else ' class="graph"'
        return f"<ul{top}>\n{items}</ul>\n"

    def _node(self, node: NodeView, level: int) -> str:
        paper = self._paper
        current = node.id == self._sight.outline.node
        score = f'<span class="score">{node.score:g}</span> ' if node.score is not None else ""
        status = node.metadata.get("status")
        about = [f'<span class="code">{paper.line(node.id, 60)}</span>']
        about += [paper.brief(status, 60)] if status is not None else []
        about += ["current"] if current else []
        first = node.content.strip().partition("\n")[0] if isinstance(node.content, str) else node.content
        content = paper.brief(first, MOST_LINE) if node.content is not None else ""
        head = f'{score}<span class="from">{content}</span> <span class="quiet small">{" · ".join(about)}</span>'
        head = f'<span class="current">{head}</span>' if current else head
        body = self._whole(node)
        if node.children:
            if body:
                body = folded('<span class="quiet">content and metadata</span>', body, "small")
            return folded(head, body + self.under(node.id, level + 1, node.children), opened=self._opened or level < 1)
        return folded(head, body) if body else f'<div class="leaf">{head}</div>'

    def _whole(self, node: NodeView) -> str:
        """What does not stand on the node's line."""
        rest = {name: value for name, value in node.metadata.items() if name not in ("score", "status")}
        parts: list[str] = []
        text = readable(node.content) if node.content is not None else ""
        if len(text) > MOST_LINE or "\n" in text:
            parts.append(f'<div class="box small">{self._paper.block(text)}</div>\n')
        if rest:
            parts.append(f'<div class="box small">{self._paper.block(readable(rest))}</div>\n')
        return "".join(parts)


def graph(operator: Operator, sight: Sight, paper: Paper) -> str:
    """The tree; empty for a run without nodes."""
    total = sight.outline.nodes
    if not total:
        return ""
    roots = operator.count_children(sight.run, at=sight.at)
    words = f'<p class="quiet small">{several(total, "node")}; a score stands before what a node holds.</p>\n'
    return words + _Tree(operator, sight, paper).under(None, 0, roots)
