"""From what was pressed or typed on a card to the answer that is given, in the name that somebody goes by.

Every answer of the interface comes through here, whether by a key, by `x`, or by the composer. Belongs here: why none
can be given, what has to be asked before, and what an answer says of what was shown. Never: when keys act
(`arming.py`), giving and undoing (`deciding.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.operator import Given
from ..clean import oneline
from .field import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.values import Value
    from .card import Card
    from .options import Option
    from .seen import About

OTHER = "another request is shown by now; nothing was decided"


class Answering:
    """Gives the answers of one card."""

    def __init__(self, card: Card) -> None:
        self._card: Card = card
        self._confirmed: tuple[About, Callable[[str], None]] | None = None
        """What the word that is typed decides, and about what."""

    def choose(self, option: Option) -> None:
        """Gives the answer of an option."""
        note = self._card.note.strip() or None

        def given(typed: str | None) -> Given:
            if self._card.request.type == "approval":
                return Given(approved=option.agrees, feedback=note, typed=typed)
            return Given(decision=option.label, feedback=note, artifact=self._returned(), typed=typed)

        self._give(option.label, given, dangerous=option.agrees)

    def send(self, text: str, *, by: str = "", then: Callable[[], None] | None = None) -> None:
        """Gives a text as the answer to a question, or as what resolved an escalation; `by` is where it was typed.

        `then` is called when it is given: a name or a word may be asked for first. When it is not, it is said why.
        """
        card = self._card
        escalation = card.request.type == "escalation"
        if escalation and not text.strip():
            card.proc.say("an escalation wants a note on how it was resolved", "warning")
            return
        card.note = text
        card.writing.keep()

        def given(typed: str | None) -> Given:
            return Given(note=text, typed=typed) if escalation else Given(text=text, typed=typed)

        self._give("answer", given, by=by, then=then)

    def confirm(self, word: str) -> None:
        """Takes the word that was typed."""
        card, confirmed = self._card, self._confirmed
        if word != card.event.data.get("confirm"):
            card.proc.say("that is not the word; nothing was decided", "warning")
            return
        self._confirmed = None
        card.writing.leave(focus=True)
        if confirmed is None or not card.shows(confirmed[0]):
            card.proc.say(OTHER, "warning")
        elif reason := card.why_not():
            card.proc.say(reason, "warning")
        else:
            confirmed[1](word)

    def _give(
        self,
        label: str,
        given: Callable[[str | None], Given],
        *,
        dangerous: bool = True,
        by: str = "",
        then: Callable[[], None] | None = None,
    ) -> None:
        card = self._card
        if card.decider.now is not None:
            return
        if reason := card.why_not():
            card.proc.say(reason, "warning")
            card.arm()
            return

        def decide(word: str | None) -> None:
            self._decide(label, given(word), by)
            if then is not None:
                then()

        if not card.proc.memory.name:
            self._ask_name(lambda: self._give(label, given, dangerous=dangerous, by=by, then=then))
        elif reason := self.barred():
            card.refusal = reason
            card.rebuild()
        elif dangerous and isinstance(card.event.data.get("confirm"), str):
            self._confirmed = (card.about, decide)
            card.writing.open(Field("confirm", typed=True))
        else:
            decide(None)

    def barred(self) -> str:
        """Why this person may not answer, whatever the answer is, and the way on; empty when they may."""
        card, facts = self._card, self._card.facts
        user = card.proc.operator.user
        way = "x: answer in another name"
        if facts is None:
            return ""
        if card.event.data.get("not_starter") and user == facts.run.starter:
            return f"this wants somebody other than who started the run ({oneline(user)})\n{way}"
        if card.request.needed > 1 and any(answer.by == user for answer in facts.answers):
            return f"{oneline(user)} has answered already, and this wants {card.request.needed} people\n{way}"
        return ""

    def _ask_name(self, then: Callable[[], object]) -> None:
        """Asks in whose name people answer here, which is remembered for good."""
        from ..screens.naming import ask_name

        card, before = self._card, self._card.about

        def named(name: str | None) -> None:
            if name and card.shows(before):
                then()
            elif name:
                card.proc.say(OTHER, "warning")

        ask_name(card.proc, named)

    def _decide(self, label: str, given: Given, by: str) -> None:
        card = self._card
        card.refusal = ""
        card.trigger.disarm()
        answers = [
            (
                request,
                msgspec.structs.replace(
                    given, digest=request.digest, attempt=request.attempt, shown_at=card.shown_at
                ),
            )
            for request in card.together
        ]  # fmt: skip
        screen = by or ("review" if card.whole else "card")
        card.decider.decide(label, answers, {"screen": screen, "shown": card.body.shown()})

    def _returned(self) -> Value:
        return self._card.writing.value()
