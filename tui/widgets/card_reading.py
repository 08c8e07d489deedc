"""What a card learns besides its request: facts, what each answer leads to, and what became of it. Read in threads.

Belongs here: when something is read, and whether it is still of use when it comes. Never: what is read (`facts.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...core.errors import ProcError
from .artifact import coloured, text_of
from .facts import read_facts, read_outcome, read_preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from .artifact import Text
    from .card import Card
    from .facts import Outcome
    from .source_text import SourceText

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
        if self._card.unread:
            self._read()
        self.look(colours=True)

    def _read(self) -> None:
        """Writes what is large as YAML, in a thread."""
        card = self._card
        before, data, text = card.about, card.event.data, card.text

        def written() -> tuple[Text | None, SourceText]:
            made = text_of(data.get("artifact"), text.kind) if text is not None and text.unread else text
            return made, text_of(data.get("context")).lines

        async def reading() -> None:
            found = await asyncio.to_thread(written)
            if card.is_attached and card.shows(before) and card.unread:
                card.take_read(*found)
                self.look(colours=True)

        card.run_worker(reading(), exit_on_error=False, group="read", name="artifact")

    def clock(self, now: float) -> None:
        """A second has passed."""
        if now - self._looked_at >= LOOK_SECONDS and self._card.display and self._card.outcome is None:
            self.look()

    def look(self, *, colours: bool = False) -> None:
        """Reads the facts, and with `colours` what kind of words the artifact has."""
        card = self._card
        before, request, operator, text = card.about, card.request, card.proc.operator, card.text
        self._looked_at = card.proc.now()

        async def reading() -> None:
            try:
                facts = await asyncio.to_thread(read_facts, operator, request)
            except ProcError:
                return
            if not card.is_attached or not card.shows(before):
                return
            if facts != card.facts:
                card.facts = facts
                card.rebuild()
            if colours and text is not None and text.kind:
                shown = await asyncio.to_thread(coloured, text)
                if card.shows(before) and text is card.text:
                    card.text = shown
                    card.rebuild()

        card.run_worker(reading(), exit_on_error=False, group="read", name="card")

    def preview(self) -> None:
        """Reads what each answer leads to, once, when somebody is about to decide."""
        card = self._card
        if self._previewed or card.outcome is not None:
            return
        self._previewed = self.busy = True
        before, request, operator = card.about, card.request, card.proc.operator

        async def reading() -> None:
            try:
                found = await asyncio.to_thread(read_preview, operator, request)
            finally:
                self.busy = False
            if card.is_attached and card.shows(before):
                card.previews = found
                card.rebuild()

        card.run_worker(reading(), exit_on_error=False, group="read", name="preview")

    def outcome(self, then: Callable[[Outcome], None]) -> None:
        """Reads what became of the request, which waits no more."""
        card = self._card
        before, request, operator = card.about, card.request, card.proc.operator

        def found(outcome: Outcome | None) -> None:
            if outcome is not None and card.shows(before):
                then(outcome)

        card.proc.act(lambda: read_outcome(operator, request.id), found)
