"""Screens as a whole: keys that were on their way to one that is gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.tui.screens.dialogs import QuestionDialog
from proc_tui.tui.screens.inbox import RequestList
from proc_tui.tui.screens.picking import Choice
from proc_tui.tui.screens.since import SinceScreen
from textual import events

if TYPE_CHECKING:
    from conftest import Stage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", ["choose", "out"])
async def test_keys_that_follow_the_one_that_closed_a_dialog_close_nothing_else(stage: Stage, first: str) -> None:
    await stage.play("return 1")
    given: list[str | None] = []
    async with stage.open() as app:
        dialog = QuestionDialog("Really?", "", [Choice("yes", "Yes", "")])
        below = app.app.screen
        app.app.push_screen(dialog, given.append)
        await app.settle()
        for action in (first, "choose", "out"):
            dialog.call_later(dialog.run_action, action)
        await app.settle()
        assert app.app.screen is below
        assert given == ["yes" if first == "choose" else None]


async def test_keys_that_follow_the_one_that_closed_what_happened_close_nothing_else(stage: Stage) -> None:
    await stage.play("return 1")
    async with stage.open() as app:
        panel = SinceScreen(stage.operator.since(0.0), app.app.glyphs)
        below = app.app.screen
        app.app.push_screen(panel)
        await app.settle()
        for key in ("j", "k", "enter"):
            panel.post_message(events.Key(key, None))
        await app.settle()
        assert app.app.screen is below


async def test_going_to_a_run_twice_from_the_inbox_leaves_it_once(stage: Stage) -> None:
    await stage.play('return Human.approve{message = "Go on?"}')
    async with stage.open() as app:
        below = app.app.screen
        await app.press("I")
        inbox = app.app.screen
        found = inbox.query_one(RequestList)
        found.call_later(found.action_go)
        found.call_later(found.action_go)
        await app.until(lambda: app.app.screen is not inbox)
        await app.settle()
        assert app.app.screen is below
