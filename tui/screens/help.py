"""The help of what is focused: every key that acts, searchable; enter does what it lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import keys
from .dialogs import Choice, PickDialog

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen


class HelpScreen(PickDialog):
    """The keys of the layers that act, innermost first."""

    def __init__(self, screen: Screen[object]) -> None:
        nodes: dict[str, DOMNode] = {}
        start: DOMNode = screen.focused or screen
        for node in start.ancestors_with_self:
            layer = getattr(node, "LAYER", "")
            if layer:
                nodes.setdefault(layer, node)
        for layer in list(nodes):
            if layer in ("state", "log", "runs", "checkpoints", "graph", "source", "timeline"):
                nodes.setdefault("lines", nodes[layer])
        self._nodes: dict[str, DOMNode] = nodes
        whole = getattr(screen.app, "whole_keymap", {})
        order = sorted(nodes, key=lambda layer: (layer in ("app",), layer == "operate", layer == "lines"))
        choices = [
            Choice(key.id, key.what, "  ".join(keys.display(one) for one in whole.get(key.id, key.keys).split(",")), keys.LAYERS[layer])
            for layer in order
            for key in keys.of_layer(layer)
        ]
        super().__init__("Keys", choices)

    def action_choose(self) -> None:
        """Does what the line says."""
        picked = self._list.picked
        if picked is None:
            return
        key = next(key for key in keys.KEYS if key.id == picked.key)
        node, proc = self._nodes[key.layer], self.proc
        self.dismiss(None)
        proc.call_later(proc.run_action, key.action, node)
