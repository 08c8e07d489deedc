"""The Review: everything that is decided about, and the way through the queue."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given
from proc_tui.tui.widgets import card_reading
from proc_tui.tui.widgets.card import Card

if TYPE_CHECKING:
    from conftest import OpenApp, Stage
    from proc_tui.core.engine.answers import Accepted
    from proc_tui.tui.widgets.artifact import Text

DRAFT = """## 2.4.0

### Breaking
- config: `retries` moved
- cli: exit code 3 means waiting for a person

### Added
- runs can be stepped backwards
- many dependency bumps
- `proc-tui serve`

### Thanks
Everyone who filed the 31 issues closed here.
"""
NOTES = f"""
local r = Human.review("final", {{artifact = [[{DRAFT}]], artifact_type = "markdown",
  options = {{"approve", "reject", "revise"}}, context = {{target = "production", commits = 48}}, timeout = 86148}})
State.set("decision", r.decision)
State.set("text", r.edited_artifact)
Log.info("decided " .. r.decision)
return r
"""
ASKED = 'return Human.review{{message = "Fine?", artifact = "{}", artifact_type = "markdown"}}'
POINT: dict[str, Any] = {
    "hitl": {"final": {"type": "review", "message": "Please review the release notes before they are published"}}
}

pytestmark = pytest.mark.slow


async def review(app: OpenApp) -> None:
    """Opens the first request of the inbox as a review."""
    await app.press("I", "v")


async def test_the_whole_artifact_is_shown_as_source_with_its_question(stage: Stage) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    async with stage.open(size=(120, 40)) as app:
        await review(app)
        text = app.text()
        assert "Please review the release notes" in text
        assert "│  1 ## 2.4.0" in text
        assert "│ 13 Everyone who filed" in text
        assert 'context commits=48 target="production"' in text
        assert "reject in 23:55:48" in text


async def test_an_edit_is_shown_as_a_difference_and_goes_with_the_decision(stage: Stage) -> None:
    run = await stage.play(NOTES, name="notes", **POINT)
    async with stage.open(size=(150, 40), drive=True) as app:
        await review(app)
        await app.press("e")
        assert app.focused_layer() == "text"
        field: Any = app.app.screen.focused
        field.text = DRAFT.replace("many dependency bumps", "seven dependency bumps")
        await app.press("escape")
        assert "as proposed, and edited by you · 1 change" in app.text()
        assert "a Approve the edited version" in app.text()
        assert stage.operator.request(f"{run.id}.{run.last_seq}") is not None
        await app.press("a")
        stage.clock.advance(3)
        await app.until(lambda: stage.operator.run(run.id).status == "COMPLETED")
        answered = stage.operator.answers(stage.operator.resolved(0)[0].id)[0]
        assert answered.answer["edited_artifact"] == DRAFT.replace("many", "seven")
        assert answered.audit["digest_shown"] != answered.audit["digest_returned"]


async def test_v_shows_the_ways_in_turn(stage: Stage) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    first = stage.operator.inbox()[0]
    stage.operator.answer(first.id, Given(decision="approve"), by="anna")
    await stage.drive()
    await stage.play(NOTES.replace("many dependency", "few dependency"), name="notes", **POINT)
    async with stage.open(size=(120, 40)) as app:
        await review(app)
        assert "differs from what anna approved" in app.text()
        assert "as proposed" in app.text()
        await app.press("v")
        assert "against the last approved · 1 change" in app.text()
        assert "- many dependency bumps" in app.text()
        assert "- few dependency bumps" in app.text()
        await app.press("v")
        assert "the last approved, and this one" in app.text()
        await app.press("v")
        assert "as proposed" in app.text()


async def test_the_same_as_was_approved_last_is_said(stage: Stage) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(decision="approve"), by="anna")
    await stage.drive()
    await stage.play(NOTES, name="notes", **POINT)
    async with stage.open(size=(120, 40)) as app:
        await review(app)
        assert "identical to what anna approved on 15 Jan" in app.text()


async def test_j_and_k_go_through_the_queue_and_esc_goes_back(stage: Stage) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    await stage.play('Human.approve{message = "Deploy?", timeout = 60}', name="deploy")
    async with stage.open(size=(120, 40)) as app:
        await review(app)
        assert "approval 1 of 2" in app.text()
        await app.press("J")
        assert "review 2 of 2" in app.text()
        await app.press("K")
        assert "Deploy?" in app.text()
        await app.press("escape")
        assert app.focused_layer() == "inbox"


async def test_colours_that_come_late_stay_with_their_own_artifact(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.play(ASKED.format("apples"), name="first")
    await stage.play(ASKED.format("pears"), name="second")
    real, begun, go_on = card_reading.coloured, threading.Event(), threading.Event()

    def coloured(text: Text) -> Text:
        if "apples" in text.source:
            begun.set()
            assert go_on.wait(10)
        return real(text)

    async with stage.open(size=(120, 40)) as app:
        await review(app)
        monkeypatch.setattr(card_reading, "coloured", coloured)
        app.app.screen.query_one(Card).reading.begin()
        await app.until(begun.is_set)
        await app.pilot.press("J")
        await app.until("pears")
        go_on.set()
        await app.settle()
        assert "pears" in app.text()
        assert "apples" not in app.text()


async def test_colours_that_come_late_are_shown(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    real, go_on = card_reading.coloured, threading.Event()

    def coloured(text: Text) -> Text:
        assert go_on.wait(10)
        return real(text)

    def colours(app: OpenApp) -> int:
        lines = app.app.screen.query_one(Card).body.lines
        return len({segment.style for y in range(lines.size.height) for segment in lines.render_line(y)})

    async with stage.open(size=(120, 40)) as app:
        monkeypatch.setattr(card_reading, "coloured", coloured)
        await app.pilot.press("I", "v")
        await app.until("Everyone who filed")
        plain = colours(app)
        go_on.set()
        await app.settle()
        assert colours(app) > plain


async def test_an_answer_that_is_taken_late_leaves_the_next_request_to_be_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.play(ASKED.format("apples"), name="first")
    await stage.play(ASKED.format("pears"), name="second")
    real, begun, go_on = stage.operator.answer, threading.Event(), threading.Event()

    def answer(*args: Any, **options: Any) -> Accepted:
        begun.set()
        assert go_on.wait(10)
        return real(*args, **options)

    monkeypatch.setattr(stage.operator, "answer", answer)
    async with stage.open(size=(120, 40)) as app:
        await review(app)
        await app.pilot.press("a")
        await app.until(begun.is_set)
        await app.pilot.press("J")
        await app.until("pears")
        go_on.set()
        await app.settle()
        assert "u undo" not in app.text()
        await app.press("a")
        assert "u undo" in app.text()
    given = [stage.operator.answers(request.id) for request in stage.operator.inbox()]
    assert [[answer.answer for answer in found] for found in given] == [[{"decision": "Approve"}]] * 2


async def test_after_an_answer_the_next_request_of_the_queue_is_shown(stage: Stage) -> None:
    await stage.play(NOTES, name="notes", **POINT)
    await stage.play('Human.approve{message = "Deploy?", timeout = 60}', name="deploy")
    async with stage.open(size=(120, 40), drive=True) as app:
        await review(app)
        await app.press("a")
        assert "approving in 2 s · u undo" in app.text()
        stage.clock.advance(3)
        await app.until("Please review the release notes")


async def test_hidden_characters_are_seen(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "pay \\226\\128\\174 bob\\27[31m"}', name="it")
    async with stage.open(size=(100, 30)) as app:
        await review(app)
        assert "pay ‹U+202E› bob‹U+001B›[31m" in app.text()


async def test_at_80x24_the_buttons_are_pinned(stage: Stage) -> None:
    long = "\\n".join(f"line {number}" for number in range(200))
    await stage.play(f'Human.review{{message = "Fine?", artifact = "{long}"}}', name="it")
    async with stage.open(size=(80, 24)) as app:
        await review(app)
        assert "a Approve" in app.text()
        assert "line 1" in app.text()
        await app.press("G")
        assert "line 199" in app.text()
        assert "a Approve" in app.text()


def test_a_review(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(NOTES, name="notes", **POINT)

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("I", "v")
        await stage.settle(pilot)

    assert snap_compare(stage.app(), terminal_size=(150, 40), run_before=opened)


def test_an_edited_review_in_two_columns(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(NOTES, name="notes", **POINT)
    assert snap_compare(stage.app(), terminal_size=(150, 40), run_before=lambda pilot: _edited(stage, pilot))


def test_an_edited_review_at_80x24_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(NOTES, name="notes", **POINT)
    app = stage.app(theme="proc-light")
    assert snap_compare(app, terminal_size=(80, 24), run_before=lambda pilot: _edited(stage, pilot))


def test_a_review_in_ascii(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(NOTES, name="notes", **POINT)
    app = stage.app(theme="proc-16", TERM="linux")
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage.after("I", "v"))


async def _edited(stage: Stage, pilot: Any) -> None:
    await stage.settle(pilot)
    await pilot.press("I", "v")
    await stage.settle(pilot)
    await pilot.press("e")
    await stage.settle(pilot)
    pilot.app.screen.focused.text = DRAFT.replace("moved", "is now `response.retries`").replace(
        "many dependency bumps", "seven dependency bumps, none with a new major"
    )
    await stage.settle(pilot)
    await pilot.press("escape")
    await stage.settle(pilot)
    await pilot.press("c")
    await pilot.pause()
    pilot.app.screen.focused.text = "Say which bumps; link the migration page."
    await stage.settle(pilot)
    await pilot.press("enter")
    await stage.settle(pilot)
