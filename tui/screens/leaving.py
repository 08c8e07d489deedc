"""What the program waits for while it is being left.

Belongs here: saying so, and leaving at once. Never: what is waited for, or for how long (`core/engine/worker.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from .. import keys
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult


class LeavingScreen(ProcDialog[None]):
    """It stays until the program has ended."""

    BINDINGS = keys.bindings("dialog")
    DEFAULT_CSS = """
    LeavingScreen > Container {
        width: 64; max-width: 94%; height: auto; background: $surface; border: round $wait; border-title-color: $wait;
        padding: 1 2;
    }
    LeavingScreen Static { width: 1fr; height: auto; }
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        """`hurry` ends the waiting."""
        super().__init__()
        self._hurry: Callable[[], None] = hurry

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield Static(
                Content.assemble(
                    "A few seconds for what models and tools have under way: it would be paid for, or done, twice.\n\n",
                    ("q", "b $accent"),
                    (" leaves now", "$quiet"),
                ),
                markup=False,
            )

    def on_mount(self) -> None:
        """Says what goes on."""
        self.query_one(Container).border_title = "Leaving"

    def action_out(self) -> None:
        """Waits no more."""
        self._hurry()

    def action_interrupt(self) -> None:
        """^C means it as well."""
        self._hurry()
