"""A run that failed, or is blocked: why, and the ways on with what they cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import sqlite3

    from conftest import Stage
    from proc_tui.core.journal.runs import Run
    from textual.pilot import Pilot

pytestmark = pytest.mark.slow

FAILS = """
local draft = Step.run("write the draft", function() return "## 2.4.0" end)
-- the line before
Step.run("charge", function() error("the bank said no") end)
-- the line after
return 1
"""


async def test_the_card_tells_the_error_the_line_the_cause_and_what_is_done_again(stage: Stage) -> None:
    await stage.play(FAILS, name="pays")
    async with stage.open(size=(150, 50)) as app:
        text = app.text()
        assert "Failed" in text
        assert "the bank said no" in text
        assert 'Step.run("charge"' in app.line("4 ▌")
        assert "-- the line before" in text
        assert "-- the line after" in text
        assert "caused by charge" in text
        assert "does charge again" in text
        assert "write the draft" not in app.line("does charge again")
        assert "nothing is lost" in text
        assert "x r resume" in text, "every way has keys of its own"
        assert "x f fork" in text


async def test_resume_is_behind_x_and_says_what_is_kept(stage: Stage) -> None:
    run = await stage.play(FAILS, name="pays")
    async with stage.open(size=(150, 50)) as app:
        await app.press("enter")
        assert app.focused_layer() == "failure"
        for key in ("a", "r", "s", "c"):
            await app.press(key)
        assert stage.operator.run(run.id).status == "FAILED"
        await app.press("x")
        assert "does charge again" in app.line("does charge again")
        assert "keeps 1 operation" in app.text()
        await app.press("r")
        await app.until(lambda: stage.operator.run(run.id).status != "FAILED")
    assert stage.operator.run(run.id).attempt == 2


async def test_a_fork_before_the_cause_keeps_what_was_done(stage: Stage) -> None:
    run = await stage.play(FAILS, name="pays")
    async with stage.open(size=(150, 50)) as app:
        await app.press("enter", "x", "f")
        await app.until(lambda: len(stage.operator.runs()) == 2)
        await app.until(lambda: app.app.selected != run.id)
    (fork,) = [one for one in stage.operator.runs() if one.id != run.id]
    assert fork.forked_from == run.id
    assert stage.operator.run(run.id).status == "FAILED"


async def test_a_completed_run_can_only_be_forked(stage: Stage) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open(size=(150, 50)) as app:
        await app.press("x")
        assert "Fork from the beginning" in app.text()
        for word in ("Resume", "Stop", "Cancel", "Reset"):
            assert word not in app.text()


async def test_stop_asks_and_cancel_ends(stage: Stage) -> None:
    run = await stage.play('Human.approve{message = "Go on?"}', name="gate")
    async with stage.open(size=(150, 50)) as app:
        app.pane("conversation").query_one("Talk").focus()
        await app.press("x")
        assert "Stop.requested()" in app.text()
        assert "waits included" in app.text()
        await app.press("s")
        await app.until(lambda: stage.operator.run(run.id).mail == 1)
        assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"
        await app.press("x", "c")
        await app.until(lambda: stage.operator.run(run.id).status == "CANCELLED")
        await app.until("cancelled by starter")


async def test_a_status_report_is_shown_with_what_it_cost(stage: Stage) -> None:
    await stage.play(
        'Writer.turn() Human.approve{message = "Go on?"}', name="writes",
        agents={"writer": {"system_prompt": "You write.", "initial_message": "Begin."}},
        replies={"writer": [{"text": "Half of it is there."}], "writer.status": [{"text": "I am at chapter 2."}]},
    )  # fmt: skip
    async with stage.open(size=(150, 50)) as app:
        app.pane("conversation").query_one("Talk").focus()
        await app.press("x", "a")
        await app.until("status report of writes")
        assert "I am at chapter 2." in app.text()
        assert "tokens" in app.line("status report of")


async def test_a_failed_run_of_the_past_cannot_be_resumed(stage: Stage) -> None:
    await stage.play(FAILS, name="pays")
    async with stage.open(size=(150, 50)) as app:
        app.app.look_at(2)
        await app.settle()
        assert not app.pane("conversation").query("FailureCard")


async def test_hostile_errors_are_shown_literally(stage: Stage) -> None:
    await stage.play('error("[/foo] [@click=app.quit]x[/] \\27[31mred \\u{202e}bidi")', name="bad")
    async with stage.open(size=(120, 40)) as app:
        assert "[/foo] [@click=app.quit]x[/] ‹U+001B›[31mred ‹U+202E›bidi" in app.text()


def test_failure_card_wide(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(FAILS, name="pays")
    stage.clock.advance(240)
    stage.memory.keep(zoomed=True)
    assert snap_compare(stage.app(), terminal_size=(150, 50), run_before=stage.settle)


def test_failure_card_and_its_ways_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(FAILS, name="pays")

    async def ways(pilot: Pilot[Any]) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("x")
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(120, 40), run_before=ways)


def test_failure_card_at_80x24(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(FAILS, name="pays")

    async def enter(pilot: Pilot[Any]) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)

    assert snap_compare(stage.app(), terminal_size=(80, 24), run_before=enter)


@pytest.mark.parametrize("theme", ["proc-dark", "proc-light"])
def test_the_ways_of_a_failed_run_at_80x24(stage: Stage, snap_compare: Any, theme: str) -> None:
    stage.play_now(FAILS, name="pays")
    assert snap_compare(stage.app(theme=theme), terminal_size=(80, 24), run_before=stage.after("enter", "x"))


def test_failure_card_in_ascii(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(FAILS, name="pays")
    app = stage.app(theme="proc-16", TERM="linux")
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage.after("enter"))


def blocked(stage: Stage) -> Run:
    run = stage.play_now('Human.notify{message = "now it asks a model"} Sleep(3600)', name="asks")

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE runs SET status='BLOCKED', error=? WHERE id=?",
            ("needs OPENAI_API_KEY on this worker; set it", run.id),
        )

    stage.operator._database.write(work)  # pyright: ignore[reportPrivateUsage] - as a worker without the key does
    return run


async def test_a_blocked_run_says_what_it_needs_and_how_to_go_on(stage: Stage) -> None:
    await asyncio.to_thread(blocked, stage)
    async with stage.open(size=(120, 40)) as app:
        assert "needs OPENAI_API_KEY on this worker" in app.text()
        assert "has not failed" in app.text()
        await app.press("enter", "x")
        assert "Try again now" in app.text()


def test_blocked_card(stage: Stage, snap_compare: Any) -> None:
    blocked(stage)
    assert snap_compare(stage.app(), terminal_size=(120, 36), run_before=stage.settle)
