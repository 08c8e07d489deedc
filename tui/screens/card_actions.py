"""What `x` lists on a card: every answer with what it leads to, what else can be done with the request, and its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..clean import oneline
from ..widgets.card_answering import OTHER
from ..widgets.card_foot import differing
from .naming import ask_name
from .picking import Choice, Deed, DeedDialog
from .run_actions import read_known, ways_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..app import ProcTui
    from ..widgets.card import Card
    from .run_actions import Known

NOT_BEFORE = 0.35
"""Seconds after which enter picks: what was typed ahead picks nothing."""


def open_card_actions(card: Card) -> None:
    """Reads what the ways on with the run cost, and offers everything."""
    proc, request, before = card.proc, card.request, card.about

    def known(found: Known) -> None:
        if card.is_attached and card.shows(before):
            wait = NOT_BEFORE if proc.keyboard.timing.arm else 0.0
            title = f"{request.type} {request.id}, as {oneline(proc.operator.user)}"
            deeds = [_bound(card, deed) for deed in (*_answers(card), *_artifact(card), *_request(card))]
            proc.push_screen(DeedDialog(title, [*deeds, *_run(card, found)], wait=wait))

    proc.act(lambda: read_known(proc.operator, proc.operator.run(request.run)), known)


def _bound(card: Card, deed: Deed) -> Deed:
    """The same for what the card shows now: behind the list it may come to show something else."""
    before = card.about

    def work() -> None:
        if card.shows(before):
            deed.work()
        else:
            card.proc.say(OTHER, "warning")

    return msgspec.structs.replace(deed, work=work)


def _answers(card: Card) -> Iterator[Deed]:
    if card.outcome is not None or card.decider.now is not None:
        return
    arrow, leads = card.proc.glyphs.arrow, {item.label: item.text for item in card.previews}
    for option in card.options:
        comes = leads.get(option.label, "")
        words = f"{oneline(option.label)} {arrow} {comes}" if comes else oneline(option.label)
        choice = Choice(f"option {option.label}", words, option.key, "answers")
        yield Deed(choice, lambda option=option: card.answering.choose(option))
    if "timeout" in leads:
        yield Deed(Choice("timeout", f"nobody answers {arrow} {leads['timeout']}", "", "answers"), lambda: None)


def _artifact(card: Card) -> Iterator[Deed]:
    if card.edited is not None:
        choice = Choice("drop", "drop what was edited", "back to what was proposed", "the artifact")
        yield Deed(choice, card.writing.drop_edit)
    if card.text is not None:
        source = (card.edited or card.text).source
        yield Deed(Choice("copy", "copy the artifact", "", "the artifact"), lambda: card.proc.copy(source))


def _request(card: Card) -> Iterator[Deed]:
    proc = card.proc
    later = "take it back into the queue" if card.is_later else "put it off"
    yield Deed(Choice("later", later, "w", "the request"), card.action_later)
    name = Choice("name", "answer in another name", oneline(proc.operator.user), "the request")
    yield Deed(name, lambda: ask_name(proc, lambda _name: None))


def _run(card: Card, known: Known) -> Iterator[Deed]:
    """What can be done with the run: by no letter here, where letters answer."""
    proc, run = card.proc, card.request.run
    group = f"the run {run[:4]}"
    yield Deed(Choice("run", "go to it", "", group), lambda: _go(proc, run))
    if card.facts is not None and card.facts.params:
        words = f"other parameters than the last one: {differing(card.facts.params)}"
        yield Deed(Choice("params", words, "", group), lambda: None)
    for deed in ways_of(card.proc, known):
        yield msgspec.structs.replace(deed, choice=msgspec.structs.replace(deed.choice, group=group, letter=""))


def _go(proc: ProcTui, run: str) -> None:
    while len(proc.screen_stack) > 1:
        proc.pop_screen()
    proc.go_to_run(run)
