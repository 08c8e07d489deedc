"""`GraphNode` and the methods of nodes: a tree of candidates with scores."""

from __future__ import annotations

from ..journal.events import NodeCreated, NodeMetadataSet, NodeSelected
from ..journal.folds.graph import Node
from ..values import Value, table_of
from .registry import Family, Form, NodeId, Record, effect, query


def as_value(node: Node) -> dict[str, Value]:
    """What Lua gets of a node; the binding adds the methods."""
    value: dict[str, Value] = {"id": node.id, "status": node.status}
    if node.content is not None:
        value["content"] = node.content
    return value


class GraphNode(Family):
    """Nodes with content, metadata and a parent. A node is given as itself or by its id."""

    lua_name = "GraphNode"

    @effect(form=Form.EITHER, wraps="node")
    def create(
        self,
        content: Value = None,
        metadata: Record | None = None,
        parent: NodeId | None = None,
        score: float | None = None,
    ) -> Value:
        """Makes a node, which becomes the current one.

        Args:
            content: What the node holds.
            metadata: A table with string keys.
            parent: The node it hangs under; a node without a parent is a root.
            score: Short for `metadata.score`.
        Returns: the node
        """
        graph = self.context.fold.graph
        if parent is not None:
            self._node("create", parent)
        fields: dict[str, Value] = dict(metadata or {})
        if score is not None:
            fields["score"] = score
        name = graph.next_id()
        self.context.emit(NodeCreated(name, content, table_of(fields) if fields else None, parent))
        return as_value(graph.nodes[name])

    @query(wraps="node")
    def root(self) -> Value:
        """The first node that was made without a parent.

        Returns: the node, or nil
        """
        return self._maybe(self.context.fold.graph.root)

    @query(wraps="node")
    def current(self) -> Value:
        """The current node.

        Returns: the node, or nil
        """
        return self._maybe(self.context.fold.graph.current)

    @effect()
    def set_current(self, node: NodeId) -> bool:
        """Makes a node the current one.

        Args:
            node: The node.
        Returns: false when there is no such node
        """
        if node not in self.context.fold.graph.nodes:
            return False
        self.context.emit(NodeSelected(node))
        return True

    @query(wraps="node")
    def get(self, id: NodeId) -> Value:
        """A node by its id.

        Args:
            id: The id.
        Returns: the node, or nil
        """
        return self._maybe(id)

    def _maybe(self, name: str | None) -> Value:
        node = self.context.fold.graph.nodes.get(name) if name is not None else None
        return None if node is None else as_value(node)

    def _node(self, method: str, name: str) -> Node:
        node = self.context.fold.graph.nodes.get(name)
        if node is None:
            raise self.refuse(method, f'there is no node "{name}"')
        return node


class NodeMethods(GraphNode):
    """Methods of the nodes that `GraphNode` gives; `node.id`, `node.content` and `node.status` are fields."""

    lua_name = "node"

    @query(wraps="nodes")
    def children(self, node: NodeId) -> Value:
        """The nodes under this one, oldest first.

        Returns: a list of nodes
        """
        graph = self.context.fold.graph
        return [as_value(graph.nodes[name]) for name in self._node("children", node).children]

    @query(wraps="node")
    def parent(self, node: NodeId) -> Value:
        """The node above this one.

        Returns: the node, or nil for a root
        """
        return self._maybe(self._node("parent", node).parent)

    @query()
    def score(self, node: NodeId) -> Value:
        """`metadata.score`.

        Returns: the score, or nil
        """
        return self._node("score", node).score

    @query()
    def metadata(self, node: NodeId) -> Value:
        """The node's metadata.

        Returns: a table, a copy
        """
        return table_of(self._node("metadata", node).metadata)

    @effect()
    def set_metadata(self, node: NodeId, key: str, value: Value = None) -> None:
        """Sets one field of the metadata; nil removes it.

        Args:
            key: The field; `score` and `status` are shown with the node.
            value: Any value.
        """
        self._node("set_metadata", node)
        self.context.emit(NodeMetadataSet(node, key, value))
