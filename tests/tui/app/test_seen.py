"""What you see is what you decide: nothing that was prepared for one request lands on another, or on the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given
from proc_tui.tui.widgets.card import Card
from proc_tui.tui.widgets.composer import Composer
from proc_tui.tui.widgets.seen import Seen, about, seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import OpenApp, Stage
    from proc_tui.core.journal.requests import PendingRequest

pytestmark = pytest.mark.slow

DANGEROUS = """
name: it
version: "1"
hitl: {gate: {type: review, message: "Fine?", confirm: "yes"}}
code: |
  return Human.review("gate", {artifact = "the same each time"})
"""
PLAIN = 'return Human.review{message = "Fine?", artifact = "the same each time"}'
QUESTION = 'return Human.input{message = "Which city?"}'
ANYWAY = 'return Human.approve{message = "Go on?", timeout = 60, on_timeout = "retry"}'


def waiting(stage: Stage) -> PendingRequest:
    """The one request that waits."""
    (request,) = stage.operator.inbox()
    return request


async def ask_again(stage: Stage) -> PendingRequest:
    """Resets the run, which asks the same once more."""
    before = waiting(stage)
    stage.operator.reset(stage.operator.run(before.run))
    await stage.drive()
    again = waiting(stage)
    assert again.digest == before.digest
    assert again.message == before.message
    return again


def said(app: OpenApp) -> str:
    """What was said in notifications."""
    return "\n".join(str(note.message) for note in app.app._notifications)  # pyright: ignore[reportPrivateUsage]


async def pick_in_x(app: OpenApp, held: Card, ask: Callable[[], Any]) -> None:
    """`x`, another request behind it, and enter."""
    await app.press("x")
    await ask()
    await app.press("enter")


async def say_a_name(app: OpenApp, held: Card, ask: Callable[[], Any]) -> None:
    """A key that asks for the name first."""
    app.app.memory.keep_name("")
    await app.press("a")
    await app.until("Who answers?")
    await ask()
    await app.press(*"anna", "enter")


async def type_the_word(app: OpenApp, held: Card, ask: Callable[[], Any]) -> None:
    """A key that asks for the word first."""
    await app.press("a", *"yes")
    await ask()
    await app.press("enter")
    held.answering.confirm("yes")


@pytest.mark.parametrize(
    ("code", "way"),
    [(PLAIN, pick_in_x), (PLAIN, say_a_name), (DANGEROUS, type_the_word)],
    ids=["x", "name", "word"],
)
async def test_what_was_prepared_before_a_reset_never_lands_on_what_is_asked_after_it(
    stage: Stage, code: str, way: Callable[..., Any]
) -> None:
    await stage.play(code, name="it")
    async with stage.open(size=(120, 40)) as app:
        await app.press("I", "enter")
        held = app.app.screen.query_one(Card)

        async def ask() -> None:
            again = await ask_again(stage)
            held.take(again)
            await app.until(lambda: held.request.id == again.id)

        await way(app, held, ask)
        await app.settle()
        assert stage.operator.answers(waiting(stage).id) == []
        assert held.decider.now is None


async def test_what_the_editor_gives_back_after_a_reset_is_not_taken_for_what_is_asked_after_it(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor, go_on = tmp_path / "editor", tmp_path / "go-on"
    editor.write_text(f'#!/bin/sh\nprintf changed > "$1"\nwhile [ ! -e {go_on} ]; do sleep 0.02; done\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    await stage.play(PLAIN, name="it")
    async with stage.open(size=(120, 40)) as app:
        await app.press("I", "enter")
        held = app.app.screen.query_one(Card)
        await app.pilot.press("E")
        held.take(await ask_again(stage))
        go_on.touch()
        await app.until(lambda: "what was edited was not taken" in said(app))
        assert held.edited is None


async def test_a_comment_for_one_attempt_is_no_comment_for_the_next(stage: Stage) -> None:
    await stage.play(PLAIN, name="it")
    async with stage.open(size=(120, 40)) as app:
        await app.press("I", "enter", "c", *"not yet", "enter")
        held = app.app.screen.query_one(Card)
        assert held.note == "not yet"
        held.take(await ask_again(stage))
        await app.settle()
        assert held.note == ""
        assert stage.memory.draft(seen(held.request).key) is None


async def test_an_answer_to_a_batch_that_is_another_by_now_is_not_given(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        await stage.play(
            'return Human.approve("gate")', name=name, hitl={"gate": {"type": "approval", "message": "Go?"}}
        )
    async with stage.open(size=(120, 40)) as app:
        first, second, third = stage.operator.inbox()
        await app.press("I", "enter")
        held = app.app.screen.query_one(Card)
        held.take(first, (first, second))
        await app.settle()
        app.app.memory.keep_name("")
        await app.press("a")
        await app.until("Who answers?")
        held.take(first, (first, second, third))
        await app.press(*"anna", "enter")
        assert all(stage.operator.answers(one.id) == [] for one in (first, second, third))
        assert "another request is shown by now; nothing was decided" in said(app)


async def test_a_request_that_is_tried_again_is_another_one(stage: Stage) -> None:
    await stage.play(ANYWAY, name="it")
    before = waiting(stage)
    stage.clock.advance(61)
    await stage.drive()
    again = waiting(stage)
    assert (before.attempt, again.attempt) == (1, 2)
    assert about(before) != about(again)


async def test_an_answer_that_was_typed_for_an_attempt_is_sent_to_the_next_only_when_it_was_looked_at(
    stage: Stage,
) -> None:
    await stage.play(QUESTION, name="it")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"Bremen")
        again = await ask_again(stage)
        await app.until(lambda: any(card.request.id == again.id for card in app.app.screen.query(Card)))
        await app.settle()
        for _ in range(3):
            await app.press("enter")
        assert stage.operator.answers(again.id) == []
        assert "settled already" in app.text()
        assert app.app.screen.query_one(Composer).field.text == "Bremen"
        await app.press("escape", "i", "enter")
        assert [answer.answer for answer in stage.operator.answers(again.id)] == [{"text": "Bremen"}]


async def test_the_operator_refuses_what_was_given_to_another_attempt(stage: Stage) -> None:
    await stage.play(PLAIN, name="it")
    again = await ask_again(stage)
    given = Given(decision="Approve", digest=again.digest, attempt=again.attempt + 1)
    with pytest.raises(Exception, match="was asked again since"):
        stage.operator.answer(again.id, given, via="interface")


@pytest.mark.parametrize("one", [Seen("run.3", 1, "0f"), Seen("run.3", 12, ""), Seen("a", 1, "b:c")])
def test_a_key_stands_for_one_thing_that_is_seen(one: Seen) -> None:
    assert Seen.of_key(one.key) == one


@pytest.mark.parametrize("key", ["", "guidance", "a:b:c", "a:", "a:²:c"])
def test_what_is_no_key_stands_for_nothing(key: str) -> None:
    assert Seen.of_key(key) is None
