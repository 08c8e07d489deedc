"""Review: one request with all the room there is, and the way through the queue.

Belongs here: which request is shown, and where to go when it is settled. Never: how it looks or is answered (the card).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.card import Card
from ..widgets.footer import Footer
from ..widgets.header import Header
from .screen import ProcScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from ...core.journal.requests import PendingRequest
    from ..live.feed import Tick


class ReviewScreen(ProcScreen[None]):
    """A request in full."""

    LAYER: ClassVar[str] = "review"
    BINDINGS = keys.bindings("review")
    CSS_PATH = "review.tcss"

    def __init__(
        self, request: PendingRequest, *, batch: Sequence[PendingRequest] = (), queue: bool = False
    ) -> None:  # fmt: skip
        """With `queue` the next request is shown when this one is settled; else it goes back to where it was opened."""
        super().__init__()
        self.add_class("-review")
        self._queue: bool = queue
        self._card: Card = Card(request, whole=True, batch=batch)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header()
        yield self._card
        yield Footer()

    def on_mount(self) -> None:
        """The card takes the focus once it is there."""
        self._trail()
        self.call_after_refresh(self._card.take_focus)

    def show(self, tick: Tick) -> None:
        """As in the base class; what was answered here makes room."""
        super().show(tick)
        self._trail()
        card = self._card
        gone = all(request.id != card.request.id for request in tick.view.requests)
        if gone and self.is_current and card.is_mounted and card.decider.accepted:
            nexts = self._waiting()
            if self._queue and nexts:
                self._go(nexts[0])
            else:
                self.proc.pop_screen()

    def clock(self, now: float) -> None:
        """As in the base class."""
        self._card.clock(now)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Other keys act."""
        self.notice_keys()

    def _trail(self) -> None:
        card = self._card
        place, number = card.place() if self.is_mounted else (0, 0)
        count = f" {place} of {number}" if number > 1 and place else ""
        name = card.request.procedure or ""
        self.query_one(Header).trail(
            Content.assemble(
                safe_line(f"{name} {card.request.run[:4]}"), (f" {self.proc.glyphs.prompt} ", "$quiet"),
                (f"{card.request.type}{count}", "b $wait"),
            )
        )  # fmt: skip

    def _waiting(self) -> list[PendingRequest]:
        memory, now = self.proc.memory, self.proc.now()
        return [
            request
            for request in self.proc.workspace.requests
            if not memory.is_later(request.id, request.attempt, now) and request.id != self._card.request.id
        ]

    def _go(self, request: PendingRequest) -> None:
        self._card.take(request)
        self._card.body.mode = "whole"
        self._card.take_focus()
        self._trail()

    # ---- keys

    def _step(self, step: int) -> None:
        asked = list(self.proc.workspace.requests)
        ids = [request.id for request in asked]
        if not [name for name in ids if name != self._card.request.id]:
            self.proc.say("nothing else waits for you")
            return
        here = ids.index(self._card.request.id) if self._card.request.id in ids else -1 if step > 0 else 0
        self._queue = True
        self._go(asked[(here + step) % len(asked)])

    def action_next_request(self) -> None:
        """To the next request of any run."""
        self._step(1)

    def action_previous_request(self) -> None:
        """To the request before."""
        self._step(-1)

    def action_next_hunk(self) -> None:
        """To the next change."""
        if not self._card.body.lines.step_hunk(1):
            self.proc.say("no change below")

    def action_previous_hunk(self) -> None:
        """To the change before."""
        if not self._card.body.lines.step_hunk(-1):
            self.proc.say("no change above")
