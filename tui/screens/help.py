"""The help of what is focused: every key that acts, innermost layer first, searchable; enter does what it lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .. import keys
from .palette import acting
from .picking import Choice, PickDialog

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen

    from ..app import ProcTui

OUTER = ("lines", "operate", "app")
"""Layers that come last, in this order: they are much the same everywhere."""


class HelpScreen(PickDialog):
    """The keys of the layers that act."""

    def __init__(self, screen: Screen[object]) -> None:
        nodes = acting(screen)
        proc = cast("ProcTui", screen.app)  # pyright: ignore[reportUnknownMemberType] - of Textual
        whole, plain = proc.whole_keymap, proc.glyphs.name == "ascii"
        nodes.setdefault("app", proc)
        self._owners: dict[str, DOMNode] = nodes
        order = sorted(nodes, key=lambda layer: OUTER.index(layer) if layer in OUTER else -1)
        choices = [
            Choice(key.id, key.what, keys.shortcut(key, whole, plain=plain), keys.title(layer))
            for layer in order
            for key in keys.of_layer(layer)
            if not self._is_hidden(key, order, whole)
        ]
        inner = next((layer for layer in order if layer not in OUTER), None)
        title = f"Keys in {keys.LAYERS[inner]}" if inner is not None else "Keys"
        super().__init__(title, choices, placeholder="/ to search; enter does it")

    @staticmethod
    def _is_hidden(key: keys.Key, order: list[str], whole: dict[str, str]) -> bool:
        """Whether every key of it means something else further in."""
        inner = order[: order.index(key.layer)]
        taken = {name for layer in inner for one in keys.of_layer(layer) for name in keys.names(one, whole)}
        return all(name in taken for name in keys.names(key, whole))

    def action_choose(self) -> None:
        """Does what the line says."""
        picked = self._list.picked
        if picked is None:
            return
        key = next(key for key in keys.KEYS if key.id == picked.key)
        node, proc = self._owners[key.layer], self.proc
        self.dismiss(None)
        proc.call_after_refresh(proc.run_action, key.action, node)
