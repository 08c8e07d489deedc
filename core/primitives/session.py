"""`Session`: the messages that every agent of the run is given."""

from __future__ import annotations

from ..errors import did_you_mean
from ..journal.events import MessageAppended, SessionCleared, SessionLoaded, SessionSaved
from ..journal.folds.session import ROLES
from ..values import Value
from .registry import Family, Form, NodeId, effect, query


class Session(Family):
    """The messages of the run, in order. Roles are SYSTEM, USER, ASSISTANT and TOOL, in any case."""

    lua_name = "Session"

    @effect(form=Form.EITHER)
    def append(self, role: str, content: str, metadata: Value = None) -> None:
        """Adds a message.

        Args:
            role: Who speaks: system, user, assistant or tool.
            content: The text.
            metadata: Anything to keep with it.
        """
        self.context.emit(MessageAppended(self._role(role), content, metadata))

    @effect()
    def inject_system(self, text: str) -> None:
        """Adds a system message.

        Args:
            text: The text.
        """
        self.context.emit(MessageAppended("SYSTEM", text))

    @effect()
    def clear(self) -> None:
        """Removes every message."""
        self.context.emit(SessionCleared())

    @query()
    def history(self) -> Value:
        """The messages.

        Returns: a list of `{role, content, metadata}`
        """
        return [message.as_value() for message in self.context.fold.session.messages]

    @query()
    def count(self) -> int:
        """How many messages there are.

        Returns: an integer
        """
        return len(self.context.fold.session.messages)

    @effect()
    def save_to_node(self, node: NodeId) -> bool:
        """Keeps the messages in a node's metadata, whose other fields stay.

        Args:
            node: Where to keep them.
        Returns: true, or false when there is no such node
        """
        if node not in self.context.fold.graph.nodes:
            return False
        self.context.emit(SessionSaved(node))
        return True

    @effect()
    def load_from_node(self, node: NodeId) -> int:
        """Replaces the messages by those that were saved to a node.

        Args:
            node: Where they were kept.
        Returns: how many were loaded; 0, and nothing changes, when the node kept none
        """
        if node not in self.context.fold.graph.nodes:
            raise self.refuse("load_from_node", f'there is no node "{node}"')
        saved = self.context.fold.saved_session(node)
        if saved is None:
            return 0
        self.context.emit(SessionLoaded(node))
        return len(saved)

    def _role(self, role: str) -> str:
        folded = role.upper()
        if folded not in ROLES:
            raise self.refuse("append", f'unknown role "{role}"{did_you_mean(role, ROLES)} (roles: {", ".join(ROLES)})')
        return folded
