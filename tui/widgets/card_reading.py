"""What a card learns besides its request: facts, what each answer leads to, and what became of it. Read in threads.

Belongs here: when something is read, and whether it is still of use when it comes. Never: what is read (`facts.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...core.errors import ProcError
from .artifact import coloured
from .facts import read_facts, read_outcome, read_preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.journal.requests import PendingRequest
    from .card import Card
    from .facts import Outcome

LOOK_SECONDS = 2.0
"""How often it is looked who else is at it."""


class Reading:
    """Reads for one card."""

    def __init__(self, card: Card) -> None:
        self._card: Card = card
        self._looked_at: float = 0.0
        self._previewed: bool = False
        self.busy: bool = False
        """Whether it is being read what each answer leads to."""

    def begin(self) -> None:
        """The card is about another request."""
        self._previewed = False
        self.look(colours=True)

    def clock(self, now: float) -> None:
        """A second has passed."""
        if now - self._looked_at >= LOOK_SECONDS and self._card.display and self._card.outcome is None:
            self.look()

    def look(self, *, colours: bool = False) -> None:
        """Reads the facts, and with `colours` what kind of words the artifact has."""
        card = self._card
        request, operator, text = card.request, card.proc.operator, card.text
        self._looked_at = card.proc.now()

        async def reading() -> None:
            try:
                facts = await asyncio.to_thread(read_facts, operator, request)
            except ProcError:
                return
            if not self._is_about(request):
                return
            if facts != card.facts:
                card.facts = facts
                card.rebuild()
            if colours and text is not None and text.kind:
                shown = await asyncio.to_thread(coloured, text)
                if text is card.text and card.is_attached:
                    card.text = shown
                    card.rebuild()

        card.run_worker(reading(), exit_on_error=False, group="read", name="card")

    def preview(self) -> None:
        """Reads what each answer leads to, once, when somebody is about to decide."""
        card = self._card
        if self._previewed or card.outcome is not None:
            return
        self._previewed = self.busy = True
        request, operator = card.request, card.proc.operator

        async def reading() -> None:
            try:
                found = await asyncio.to_thread(read_preview, operator, request)
            finally:
                self.busy = False
            if self._is_about(request):
                card.previews = found
                card.rebuild()

        card.run_worker(reading(), exit_on_error=False, group="read", name="preview")

    def _is_about(self, request: PendingRequest) -> bool:
        """Whether the card is there, and still about what was read."""
        card = self._card
        return card.is_attached and (request.id, request.digest) == (card.request.id, card.request.digest)

    def outcome(self, then: Callable[[Outcome], None]) -> None:
        """Reads what became of the request, which waits no more."""
        card = self._card
        request, operator = card.request, card.proc.operator

        def found(outcome: Outcome | None) -> None:
            if outcome is not None and request.id == card.request.id:
                then(outcome)

        card.proc.act(lambda: read_outcome(operator, request.id), found)
