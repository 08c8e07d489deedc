"""The line at the bottom: the keys of the layer that acts, then those around it while there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.actions import parse
from textual.content import Content
from textual.widget import Widget

from .. import keys

if TYPE_CHECKING:
    from textual import events
    from textual.dom import DOMNode
    from textual.signal import Signal

    from ..app import ProcTui

ALONE = ("text", "dialog", "choice", "start", "naming", "find")
"""Layers that take every key: nothing around them acts."""


class Footer(Widget):
    """The footer of every screen."""

    DEFAULT_CSS = "Footer { dock: bottom; height: 1; width: 1fr; background: $panel; padding: 0 1; color: $quiet; }"

    def __init__(self) -> None:
        super().__init__()
        self._shown: Content | None = None
        self._spans: list[tuple[int, int, str]] = []

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def on_mount(self) -> None:
        """The focus decides which layer acts."""
        signal = cast("Signal[object]", self.screen.bindings_updated_signal)  # pyright: ignore[reportUnknownMemberType] - of Textual
        signal.subscribe(self, lambda _screen: self.look())

    def look(self) -> None:
        """Draws anew if other keys act."""
        if self.is_attached and (self._shown is None or not self._content().is_same(self._shown)):
            self.refresh()

    def render(self) -> Content:
        """As in the base class."""
        self._shown = self._content()
        return self._shown

    def _layers(self) -> list[str]:
        """The layers that act, innermost first."""
        node = self.screen.focused
        chain: list[DOMNode] = node.ancestors_with_self if node is not None else [self.screen, self.proc]
        found: list[str] = []
        for one in chain:
            layer: str = getattr(one, "LAYER", "")
            if layer == "operate" and self.screen.has_class("-empty"):
                continue  # nothing of a run can be done where there is none
            if layer and layer not in found:
                found.append(layer)
            if layer in ALONE:
                return found
        return [layer for layer in found if layer != "app"]

    def _acts(self, key: keys.Key) -> bool:
        """Whether the key does something now, as far as whoever has it says."""
        node = self.screen.focused or self.screen
        for one in node.ancestors_with_self:
            if getattr(one, "LAYER", "") == key.layer:
                _, name, parameters = parse(key.action)
                return one.check_action(name, parameters) is True
        return True

    def _content(self) -> Content:
        width = self.size.width - 2
        layers = self._layers()
        alone = bool(layers) and layers[-1] in ALONE
        last = Content("") if alone or self.screen.is_modal else self._keys(keys.shown(keys.of_layer("app")))
        room = width - last.cell_length - 3
        said: list[Content] = []
        taken: set[str] = set()
        for layer in layers:
            for key in keys.shown(keys.of_layer(layer)):
                one = self._keys([key])
                if not self._acts(key):
                    continue
                if key.keys in taken or sum(part.cell_length + 3 for part in said) + one.cell_length > room:
                    continue
                taken.add(key.keys)
                said.append(one)
            if layer == "operate" and said and sum(part.cell_length + 3 for part in said) + 9 <= room:
                said.insert(0 if len(layers) == 1 else len(said), Content.assemble(("1-7", "b $accent"), " panes"))
        left = Content("   ").join(said)
        return Content.assemble(left, " " * max(0, width - left.cell_length - last.cell_length), last)

    def _keys(self, some: list[keys.Key]) -> Content:
        whole, plain = self.proc.whole_keymap, self.proc.glyphs.name == "ascii"
        parts = [
            Content.assemble((keys.display(keys.names(key, whole)[0], plain=plain), "b $accent"), f" {key.what}")
            for key in some
        ]
        return Content("   ").join(parts)

    async def on_click(self, event: events.Click) -> None:
        """Opens the help, which runs what it lists."""
        await self.proc.run_action("help")
