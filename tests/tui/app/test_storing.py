"""An answer that cannot be stored is none: the card says so, keeps what was typed, and the same key tries again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.errors import StoreBusy
from proc_tui.tui.widgets.card import Card

if TYPE_CHECKING:
    from conftest import OpenApp, Stage

GATE = 'return Human.approve{message = "Go on?"}'
QUESTION = 'return Human.input{message = "What is your name?"}'
LOCKED = "another program holds the database locked"

pytestmark = pytest.mark.slow


class Store:
    """Makes calls of the operator wait, and fail as a locked database does."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._free = threading.Event()
        self._free.set()
        self._fails = False
        for name in ("answer", "undo"):
            monkeypatch.setattr(stage.operator, name, self._held(getattr(stage.operator, name)))

    def _held(self, real: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            assert self._free.wait(20)
            if self._fails:
                raise StoreBusy(LOCKED)
            return real(*args, **options)

        return call

    def lock(self) -> None:
        """Whatever is to be stored waits from now on."""
        self._free.clear()

    def give_up(self) -> None:
        """What waits fails, and all that comes."""
        self._fails = True
        self._free.set()

    def unlock(self) -> None:
        """All is well again."""
        self._fails = False
        self._free.set()


@pytest.fixture
def store(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of the workspace."""
    return Store(stage, monkeypatch)


def counting(stage: Stage) -> list[dict[str, Any]]:
    """The answers of the pending request that count."""
    return [found.answer for found in stage.operator.answers(stage.operator.inbox()[0].id) if found.undone_at is None]


def said(app: OpenApp, text: str) -> bool:
    """Whether a text was said for a moment."""
    return any(note.message == text for note in app.app._notifications)


async def wait_for_card(app: OpenApp) -> Card:
    """The card, once keys act on it."""
    card = app.app.screen.query_one(Card)
    await app.until(lambda: card.trigger.armed)
    return card


async def test_the_card_says_that_an_answer_is_not_stored_yet_and_then_counts_from_when_it_is(
    stage: Stage, store: Store
) -> None:
    await stage.play(GATE)
    async with stage.open() as app:
        await app.press("enter")
        store.lock()
        await app.pilot.press("a")
        await app.until("approving in 2 s")
        stage.clock.advance(3)
        await app.until("approving: not stored yet, does not count before · u undo")
        assert counting(stage) == []
        store.unlock()
        await app.until("approving in 2 s · u undo")
        assert counting(stage) == [{"approved": True}]


async def test_an_answer_that_could_not_be_stored_is_none_and_the_same_key_tries_again(
    stage: Stage, store: Store
) -> None:
    await stage.play(GATE)
    async with stage.open() as app:
        await app.press("enter")
        store.give_up()
        await app.press("a")
        assert "not stored, nothing is decided; the same key tries again" in app.text()
        assert LOCKED in app.text()
        assert "a Approve" in app.text()
        await wait_for_card(app)
        store.unlock()
        await app.press("a")
        assert counting(stage) == [{"approved": True}]
        assert "not stored" not in app.text()
        assert "approving in 2 s" in app.text()


async def test_what_is_undone_before_it_is_stored_never_counts(stage: Stage, store: Store) -> None:
    await stage.play(GATE)
    async with stage.open() as app:
        await app.press("enter")
        store.lock()
        await app.pilot.press("a")
        await app.until("approving in 2 s")
        await app.pilot.press("u")
        await app.until("undoing")
        store.unlock()
        await app.until("a Approve")
        await app.settle()
        assert counting(stage) == []


async def test_undoing_what_will_not_be_stored_needs_no_store(stage: Stage, store: Store) -> None:
    await stage.play(GATE)
    async with stage.open() as app:
        await app.press("enter")
        store.lock()
        await app.pilot.press("a")
        await app.until("approving in 2 s")
        await app.pilot.press("u")
        await app.until("undoing")
        store.give_up()
        await app.until(lambda: said(app, "undone: it was not stored"))
        assert "a Approve" in app.text()
        assert "nothing is decided" not in app.text()


async def test_an_answer_whose_undoing_is_not_stored_stands_and_can_be_undone_again(stage: Stage, store: Store) -> None:
    await stage.play(GATE)
    async with stage.open() as app:
        await app.press("enter", "a")
        store.give_up()
        await app.press("u")
        assert said(app, f"not undone: {LOCKED}")
        assert "approving in 2 s · u undo" in app.text()
        store.unlock()
        await app.press("u")
        assert counting(stage) == []


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_text_that_could_not_be_stored_is_there_to_be_sent_again(
    stage: Stage, store: Store, size: tuple[int, int]
) -> None:
    await stage.play(QUESTION)
    async with stage.open(size=size) as app:
        await app.press("enter")
        await wait_for_card(app)
        await app.press("c", *"ann")
        store.give_up()
        await app.press("enter")
        assert "not stored, nothing is decided" in app.text()
        await wait_for_card(app)
        store.unlock()
        await app.press("c")
        assert getattr(app.app.screen.focused, "text", "") == "ann"
        await app.press("enter")
        assert counting(stage) == [{"text": "ann"}]
