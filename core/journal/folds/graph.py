"""The graph of nodes that `GraphNode` builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...values import Value

if TYPE_CHECKING:
    from ..events import NodeCreated, NodeMetadataSet, NodeSelected, Record


class Node:
    """A node: content, metadata and its place in the tree."""

    __slots__ = ("children", "content", "id", "metadata", "parent")

    def __init__(self, id: str, content: Value, metadata: dict[str, Value], parent: str | None) -> None:
        self.id: str = id
        self.content: Value = content
        self.metadata: dict[str, Value] = metadata
        self.parent: str | None = parent
        self.children: list[str] = []

    @property
    def score(self) -> Value:
        """`metadata.score`."""
        return self.metadata.get("score")

    @property
    def status(self) -> Value:
        """`metadata.status`, or `open` while none was set."""
        return self.metadata.get("status", "open")


class GraphFold:
    """What `GraphNode.*` and the graph pane read."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.root: str | None = None
        self.current: str | None = None

    def next_id(self) -> str:
        """The id of the next node; the same on a replay."""
        return f"node-{len(self.nodes) + 1}"

    def _apply_node_created(self, event: NodeCreated, record: Record) -> None:
        metadata = dict(event.metadata) if isinstance(event.metadata, dict) else {}
        self.nodes[event.id] = Node(event.id, event.content, metadata, event.parent)
        if event.parent is not None and event.parent in self.nodes:
            self.nodes[event.parent].children.append(event.id)
        elif self.root is None:
            self.root = event.id
        self.current = event.id

    def _apply_node_selected(self, event: NodeSelected, record: Record) -> None:
        self.current = event.id

    def _apply_node_metadata_set(self, event: NodeMetadataSet, record: Record) -> None:
        self.set_metadata(event.id, event.key, event.value)

    def set_metadata(self, node: str, key: str, value: Value) -> None:
        """Sets one field of a node's metadata; nil removes it."""
        metadata = self.nodes[node].metadata
        if value is None:
            metadata.pop(key, None)
        else:
            metadata[key] = value
