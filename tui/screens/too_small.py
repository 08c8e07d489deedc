"""What is shown in a terminal in which a request cannot be read wholly: that it is too small, and nothing that decides.

Belongs here: which size is enough, and saying so. Never: layouts (the `.tcss` of each screen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

from .screen import ProcScreen

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.geometry import Size

LEAST = (60, 16)
"""Columns and rows in which the question of a card and its buttons stand together."""


def is_too_small(size: Size) -> bool:
    """Whether a terminal has less room than is needed."""
    return size.width < LEAST[0] or size.height < LEAST[1]


class TooSmallScreen(ProcScreen[None]):
    """Covers everything until there is room."""

    LAYER = "small"
    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; }
    TooSmallScreen Static { width: auto; max-width: 100%; height: auto; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Static(self._words(), markup=False)

    def on_screen_resume(self) -> None:
        """As in the base class; it may have been covered itself while there came to be room."""
        super().on_screen_resume()
        if not is_too_small(self.proc.size):
            self.dismiss(None)

    def on_resize(self) -> None:
        """Says how much is missing yet."""
        self.query_one(Static).update(self._words())

    def on_key(self, event: events.Key) -> None:
        """`q` leaves as a lost connection does; nothing else acts on what cannot be seen."""
        event.stop()
        event.prevent_default()
        if event.key == "q":
            self.proc.run_worker(self.proc.leave(background=True), exit_on_error=False, group="leave")

    def _words(self) -> str:
        size = self.proc.size
        return f"{size.width}x{size.height} is too small\n{LEAST[0]}x{LEAST[1]} is needed\nq leaves, runs go on"
