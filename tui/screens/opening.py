"""The first frame: the workspace's name, and where its runs will be.

Belongs here: what can be drawn before anything is read, in the places that `operate.py` draws it. Never: waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from ..screen_safety import safe_line

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..app import ProcTui


class OpeningScreen(Screen[None]):
    """What is seen until the workspace is open."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]  # noqa: RUF012 - as in the base class
    DEFAULT_CSS = """
    OpeningScreen {
        .opening--bar { dock: top; height: 1; width: 1fr; background: $panel; padding: 0 1; }
        #opening--keys { dock: bottom; color: $quiet; }
        #list { width: 35; height: 1fr; border: round $line; border-title-color: $quiet; padding: 0 1; color: $quiet; }
        &.-wide #list { width: 42; }
        &.-narrow #list { width: 1fr; }
    }
    """

    def compose(self) -> ComposeResult:
        """As in the base class."""
        name = cast("ProcTui", self.app).folder.name or "/"
        yield Static(Content.assemble(("proc-tui", "b $accent"), "  ", safe_line(name)), classes="opening--bar")
        runs = Static(Content("reading…"), id="list")
        runs.border_title = "Runs"
        yield runs
        yield Static(Content.assemble(("q", "b $accent"), " back"), classes="opening--bar", id="opening--keys")
