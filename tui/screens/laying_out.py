"""The layout of a screen, which tells every widget its size.

Textual (8.2) works out a map of all widgets again, outside of a layout, when something asks where a widget is after a
part of the screen was scrolled. Widgets that were mounted in between are in that map though nobody told them of their
size, and the next layout, which compares with it, does not either: they never draw. Belongs here: nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._compositor import Compositor, CompositorMap, ReflowResult

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.widget import Widget


class TellingCompositor(Compositor):
    """Compares each layout with the layout before, and with nothing that was worked out between the two."""

    def __init__(self) -> None:
        super().__init__()
        self._told: CompositorMap = {}
        """Where the widgets were at the latest layout, after which each was told of its size."""

    def clear(self) -> None:
        """As in the base class."""
        self._told = {}
        super().clear()

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """As in the base class."""
        self._full_map = self._told
        result = super().reflow(parent, size)
        self._told = self._full_map
        return result
