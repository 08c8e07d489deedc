"""What `x` lists on a card: every answer with what it leads to, and what else can be done with the request."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from ..clean import oneline
from ..widgets.card_words import differing
from .dialogs import Choice, PickDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..widgets.card import Card

NOT_BEFORE = 0.35
"""Seconds after which enter picks: what was typed ahead picks nothing."""


class CardActions(PickDialog):
    """Answers and actions; what is picked is done."""

    def __init__(self, title: str, rows: list[tuple[Choice, Callable[[], object]]], *, wait: float) -> None:
        super().__init__(title, [choice for choice, _ in rows])
        self._works: dict[str, Callable[[], object]] = {choice.key: work for choice, work in rows}
        self._from: float = monotonic() + wait

    def action_choose(self) -> None:
        """Does it, once it was seen."""
        picked = self._list.picked
        if picked is not None and monotonic() >= self._from:
            self.dismiss(None)
            self._works[picked.key]()


def card_actions(card: Card) -> CardActions:
    """The list for a card."""
    proc = card.proc
    rows: list[tuple[Choice, Callable[[], object]]] = []
    leads = {item.label: item.text for item in card.previews}
    waits = card.outcome is None and card.decider.now is None
    if waits:
        for option in card.options:
            comes = leads.get(option.label, "")
            words = f"{oneline(option.label)} {proc.glyphs.arrow} {comes}" if comes else oneline(option.label)
            rows.append(
                (
                    Choice(f"option {option.label}", words, option.key, "answers"),
                    lambda option=option: card.choose(option),
                )
            )
        if "timeout" in leads:
            rows.append(
                (
                    Choice("timeout", f"nobody answers {proc.glyphs.arrow} {leads['timeout']}", "", "answers"),
                    lambda: None,
                )
            )
    if card.edited is not None:
        rows.append(
            (Choice("drop", "drop what was edited", "back to what was proposed", "the artifact"), card.drop_edit)
        )
    if card.text is not None:
        source = (card.edited or card.text).source
        rows.append((Choice("copy", "copy the artifact", "", "the artifact"), lambda: proc.copy(source)))
    rows += [
        (Choice("later", "put off, or take that back", "w", "the request"), card.action_later),
        (Choice("run", "go to the run", card.request.run[:4], "the request"), lambda: _go(card)),
    ]
    if card.facts is not None and card.facts.params:
        rows.append(
            (
                Choice(
                    "params", f"other parameters than the last run: {differing(card.facts.params)}", "", "the request"
                ),
                lambda: None,
            )
        )
    wait = NOT_BEFORE if proc.keyboard.timing.arm else 0.0
    return CardActions(f"{card.request.type} {card.request.id}, as {oneline(proc.operator.user)}", rows, wait=wait)


def _go(card: Card) -> None:
    proc = card.proc
    while len(proc.screen_stack) > 1:
        proc.pop_screen()
    proc.go_to_run(card.request.run)
