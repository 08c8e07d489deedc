"""The Inbox: the queue, its order, marks, and answers to several requests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given
from proc_tui.tui.widgets.card import Card

if TYPE_CHECKING:
    from conftest import Stage

SAME: dict[str, Any] = {"hitl": {"gate": {"type": "review", "message": "Send it?"}}}
SEND = 'return Human.review("gate", {artifact = "the same letter"})'

pytestmark = pytest.mark.slow


def given(stage: Stage) -> int:
    """How many requests have an answer that counts."""
    return sum(
        any(answer.undone_at is None for answer in stage.operator.answers(request.id))
        for request in stage.operator.inbox()
    )


async def test_the_nearest_deadline_comes_first(stage: Stage) -> None:
    await stage.play('Human.approve{message = "No hurry"}', name="slow")
    await stage.play('Human.approve{message = "Soon", timeout = 60}', name="soon")
    await stage.play('Human.approve{message = "Tomorrow", timeout = 86400}', name="tomorrow")
    async with stage.open(size=(150, 30)) as app:
        await app.press("I")
        rows = [line for line in app.text().splitlines() if "◆" in line[:6]]
        assert ["Soon" in rows[0], "Tomorrow" in rows[1], "No hurry" in rows[2]] == [True, True, True]
        assert "1m left" in rows[0]


async def test_the_selected_request_is_a_card_that_enter_goes_to(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Soon", timeout = 60}', name="soon")
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "a")
        assert given(stage) == 0, "the list has the focus"
        await app.press("enter", "a")
        assert given(stage) == 1


async def test_an_empty_inbox_says_so(stage: Stage) -> None:
    await stage.play("return 1", name="it")
    async with stage.open() as app:
        await app.press("I")
        assert "Nothing waits for you." in app.text()


async def test_marked_requests_of_one_point_are_answered_at_once_and_undone_together(stage: Stage) -> None:
    for _ in range(3):
        await stage.play(SEND, name="letters", **SAME)
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "space", "j", "space", "j", "space")
        assert "3 marked: answered at once" in app.text()
        await app.press("enter")
        assert "a Approve 3 runs" in app.text()
        await app.press("a")
        assert "approving 3 requests in 2 s" in app.text()
        assert given(stage) == 3
        await app.press("u")
        assert given(stage) == 0


async def test_what_is_answered_elsewhere_is_no_part_of_what_is_marked_any_more(stage: Stage) -> None:
    for _ in range(3):
        await stage.play(SEND, name="letters", **SAME)
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "space", "j", "space", "j", "space")
        stage.operator.answer(stage.operator.inbox()[0].id, Given(decision="reject"), by="bob")
        await app.until("2 marked: answered at once")
        await app.press("enter", "a")
        assert "approving 2 requests in 2 s" in app.text()
        decided = [answer for row in stage.operator.inbox() for answer in stage.operator.answers(row.id)]
        assert [(answer.by, answer.audit["batch"]) for answer in decided] == [("starter", 2)] * 2


async def test_questions_and_other_points_are_not_answered_at_once(stage: Stage) -> None:
    await stage.play(SEND, name="letters", **SAME)
    await stage.play('Human.input{message = "Who?"}', name="asks")
    other = {"hitl": {"other": {"type": "review", "message": "Send it?"}}}
    await stage.play(SEND.replace('"gate"', '"other"'), name="letters2", **other)
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "space", "j", "space", "j", "space")
        assert sum("✓" in line or "√" in line for line in app.text().splitlines()) == 1


async def test_what_differs_or_is_dangerous_is_not_answered_at_once(stage: Stage) -> None:
    await stage.play(SEND, name="letters", **SAME)
    await stage.play(SEND.replace("same", "other"), name="letters", **SAME)
    hitl = {"gate": {"type": "approval", "message": "Drop?", "confirm": "prod"}}
    await stage.play('return Human.approve("gate", {timeout = 9})', name="drop", hitl=hitl)
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "space")
        assert "✓ drop" not in app.text()
        await app.press("j", "space", "j", "space")
        assert app.text().count("✓ letters") == 1


async def test_what_is_put_off_comes_last_until_its_reminder(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Soon", timeout = 1000}', name="soon")
    await stage.play('Human.approve{message = "No hurry"}', name="slow")
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "w")
        rows = [line for line in app.text().splitlines() if "◆" in line[:6]]
        assert "No hurry" in rows[0]
        assert "later" in rows[1]
        stage.clock.advance(950)
        await app.until(lambda: app.text().index("soon ") < app.text().index("slow "))


async def test_where_there_is_no_room_enter_opens_a_review(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Soon", timeout = 60}', name="soon")
    async with stage.open(size=(80, 24)) as app:
        await app.press("I", "enter", "a")
        assert given(stage) == 1


async def test_the_cursor_stays_on_its_request_when_others_arrive(stage: Stage) -> None:
    await stage.play('Human.approve{message = "First", timeout = 600}', name="first")
    async with stage.open(size=(150, 30)) as app:
        await app.press("I")
        await stage.play('Human.approve{message = "Urgent", timeout = 10}', name="urgent")
        await app.until("Urgent")
        assert "first" in app.line("▌")


def test_the_inbox(stage: Stage, snap_compare: Any) -> None:
    stage.play_now('Human.approve{message = "Deploy it?", timeout = 400}', name="deploy")
    stage.play_now(SEND, name="letters", **SAME)
    stage.play_now('Human.escalate{message = "The bank does not answer", severity = "high"}', name="bank")

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("I", "j")
        await stage.settle(pilot)

    assert snap_compare(stage.app(), terminal_size=(150, 40), run_before=opened)


def test_the_inbox_at_80x24_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now('Human.approve{message = "Deploy it?", timeout = 400}', name="deploy")
    stage.play_now(SEND, name="letters", **SAME)

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("I")
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(80, 24), run_before=opened)


async def test_what_x_listed_for_one_request_never_answers_another(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Soon", timeout = 60}', name="soon")
    await stage.play('Human.approve{message = "Tomorrow", timeout = 86400}', name="tomorrow")
    soon, tomorrow = stage.operator.inbox()
    async with stage.open(size=(150, 30)) as app:
        await app.press("I", "enter", "x")
        stage.operator.answer(soon.id, Given(approved=False), by="anna")
        app.app.feed.look()
        inbox = app.app.screen_stack[-2]
        await app.until(lambda: inbox.query_one(Card).request.id == tomorrow.id)
        await app.press("enter")
        said = [note.message for note in app.app._notifications]  # pyright: ignore[reportPrivateUsage]
        assert any("another request is shown by now" in text for text in said)
    assert stage.operator.answers(tomorrow.id) == []
