"""Texts whose size is what is bad about them, through everything that shows texts: the interface never stands still.

It is measured how long the thread of the loop is busy without a turn of the loop, in its own time on a processor: a
machine that does other things as well makes no test fail.
"""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from proc_tui.tui.screens.review import ReviewScreen
from proc_tui.tui.screens.value import ValueScreen
from proc_tui.tui.widgets.card import Card
from proc_tui.tui.widgets.composer_field import ComposerField
from proc_tui.tui.widgets.field import Field
from textual import events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conftest import OpenApp, Stage

pytestmark = [pytest.mark.slow]

MOST_BUSY = 1.0
"""Seconds; work that grew with the text took from two to ten times as long."""
LONG = {
    "a line of 1 MB": 'string.rep("x", 1000000)',
    "100,000 lines": 'string.rep("a line of it\\n", 100000) .. "the end"',
    "a letter with 200,000 marks": '"e" .. string.rep("\\u{0301}", 200000)',
    "100,000 sequences": 'string.rep("\\27[31m", 100000)',
}
TABLE = "(function() local t = {} for i = 1, 20000 do t[i] = {id = i, name = 'n' .. i} end return t end)()"
texts = pytest.mark.parametrize("text", LONG.values(), ids=LONG)


@pytest.fixture(autouse=True)
def nothing_of_other_tests_is_collected() -> Iterator[None]:
    """What earlier tests left behind is no part of the application, which a full collection takes a second for."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Busy:
    """How long the loop was busy at most."""

    def __init__(self) -> None:
        self.most = 0.0

    async def watch(self) -> None:
        """Looks at each turn of the loop."""
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            self.most = max(self.most, time.thread_time() - before)


@asynccontextmanager
async def never_still(app: OpenApp) -> AsyncIterator[None]:
    """What is done meanwhile leaves the loop its turns, and a key pressed then is acted on."""
    busy = Busy()
    task = asyncio.create_task(busy.watch())
    try:
        yield
        await app.press("question_mark")
        await app.until(lambda: len(app.app.screen_stack) > 1)
        await app.press("escape")
    finally:
        task.cancel()
    assert busy.most < MOST_BUSY


@texts
async def test_an_artifact_and_its_question(stage: Stage, text: str) -> None:
    await stage.play(f"local t = {text} Human.review{{message = t, artifact = t, artifact_type = 'text'}}", name="long")
    async with stage.open() as app, never_still(app):
        assert "more than" in app.text() or "more lines" in app.text()
        await app.press("1", "v")
        assert isinstance(app.app.screen, ReviewScreen)
        await app.press("pagedown", "G")
        lines = app.app.screen.query_one(Card).body.lines
        await app.until(lambda: lines._rows.complete)
        await app.press("G", "g", "escape")


@texts
async def test_what_is_logged_kept_noted_and_said(stage: Stage, text: str) -> None:
    await stage.play(
        f"local t = {text} Log.info(t, {{x = t}}) State.set('k', t) GraphNode.create(t, {{x = t}})\n"
        "Step.run('s', function() return t end) Human.notify{message = t, content = t} Session.append('assistant', t)\n"
        "System.alert{message = t, source = 'x', level = 'error'} Stage.set('done') error(t)",
        name="long",
    )
    async with stage.open() as app, never_still(app):
        for pane in "73541":
            await app.press(pane, "g")
            await app.press("space" if pane == "7" else "enter")
            if isinstance(app.app.screen, ValueScreen):
                assert "lines" in app.text()
                await app.press("pagedown", "G", "escape")
        await app.press("1", "G", "2", "g")
        assert "FAILED" in app.text() or "Failed" in app.text()


async def test_a_table_is_written_as_yaml_off_the_loop_and_decides_nothing_before(stage: Stage) -> None:
    await stage.play(f"local t = {TABLE} Human.review{{message = 'look', artifact = t, context = t}}", name="long")
    async with stage.open() as app, never_still(app):
        await app.press("1")
        card = app.app.screen.query_one(Card)
        await app.until(lambda: not card.unread)
        assert "id: 1" in app.text()
        assert card.text is not None
        assert card.text.source.count("name: n20000") == 1
        await app.until(lambda: card.trigger.armed)


async def test_nothing_is_decided_while_the_artifact_is_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = asyncio.Event()

    async def held(function: object, *args: object) -> object:
        if getattr(function, "__name__", "") == "written":
            await goes_on.wait()
        return await asyncio.get_running_loop().run_in_executor(None, lambda: function(*args))  # pyright: ignore

    await stage.play(f"Human.review{{message = 'look', artifact = {TABLE}}}", name="long")
    monkeypatch.setattr("proc_tui.tui.widgets.card_reading.asyncio.to_thread", held)
    app = stage.app()
    async with app.run_test(size=(120, 36)) as pilot:
        card = None
        async with asyncio.timeout(20):
            while card is None or not card.is_attached:
                await pilot.pause(0.02)
                card = next(iter(app.screen.query(Card)), None)
        card.take_focus()
        await pilot.pause(0.1)
        await pilot.press("a")
        await pilot.pause(0.1)
        assert card.unread
        assert card.decider.now is None
        assert "not shown yet" in card.why_not()
        goes_on.set()
        async with asyncio.timeout(20):
            while card.unread or not card.trigger.armed:
                await pilot.pause(0.02)
        await app.leave()


async def test_ten_megabytes_from_the_editor_are_compared_off_the_loop(stage: Stage) -> None:
    await stage.play(
        'Human.review{message = "look", artifact = string.rep("line of it\\n", 100000), artifact_type = "text"}',
        name="long",
    )
    async with stage.open() as app, never_still(app):
        await app.press("1", "v")
        card = app.app.screen.query_one(Card)
        card.writing.take("\n".join(f"line {i} of what was made of it, at some length" for i in range(200_000)))
        card.rebuild()
        await app.until("1 change")
        assert "line 0 of what was made of it" in app.text()
        await app.press("v", "full_stop", "G", "g")


async def test_a_long_paste_is_refused_with_a_word(stage: Stage) -> None:
    await stage.play('Human.review{message = "look", artifact = "short"}', name="long")
    async with stage.open() as app, never_still(app):
        await app.press("1", "i")
        composer = app.app.screen.focused
        assert isinstance(composer, ComposerField)
        app.app.post_message(events.Paste("x" * 10**6))
        await app.until(lambda: any("not pasted" in str(note.message) for note in app.app._notifications))
        assert composer.text == ""
        app.app.post_message(events.Paste("a few words"))
        await app.until("a few words")
        assert composer.text == "a few words"
        await app.press("escape", "1", "c")
        field = app.app.screen.query_one(Field)
        app.app.post_message(events.Paste("x" * 10**6))
        app.app.post_message(events.Paste("other words"))
        await app.until("other words")
        assert field.text == "other words"
        await app.press("escape")
