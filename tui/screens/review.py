"""One request, full screen. (A stand-in: it shows the card; the diff, notes and hunks are to come.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.card import Card
from ..widgets.footer import Footer
from ..widgets.header import Header
from .screen import ProcScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ...core.journal.requests import PendingRequest
    from ..live.feed import Tick


class ReviewScreen(ProcScreen[None]):
    """A request with all the room there is."""

    LAYER: ClassVar[str] = "review"
    BINDINGS = keys.bindings("review")
    DEFAULT_CSS = "ReviewScreen VerticalScroll { padding: 1 2; }"

    def __init__(self, request: PendingRequest) -> None:
        super().__init__()
        self._request: PendingRequest = request
        self._card: Card = Card(request, whole=True)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header()
        with VerticalScroll():
            yield self._card
        yield Footer()

    def on_mount(self) -> None:
        """The card takes the focus."""
        self.query_one(VerticalScroll).can_focus = False
        self.query_one(Header).trail(Content.assemble(safe_line(self._request.run[:4]), " ", (self._request.type, "$wait")))
        self._card.focus()

    def show(self, tick: Tick) -> None:
        """Goes back when somebody answered it."""
        super().show(tick)
        if all(request.id != self._request.id for request in tick.view.requests) and self.is_current:
            self.proc.pop_screen()
