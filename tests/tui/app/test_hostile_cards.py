"""Hostile text in requests, in what people answer, and in the fields that they write in; and in every name."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.model.settings import Settings
from proc_tui.core.operator import Given, Operator
from proc_tui.tui.screens.review import ReviewScreen
from proc_tui.tui.screens.start import StartScreen
from proc_tui.tui.widgets.card import Card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import OpenApp, Stage

HERE = Path(__file__).parent
STRINGS = runpy.run_path(str(HERE.parent / "hostile_strings.py"))
_PANES = runpy.run_path(str(HERE / "test_hostile.py"))
check, pages, unseen = (_PANES[name] for name in ("check", "pages", "unseen"))

pytestmark = pytest.mark.slow

CARDS = """
local T = %s
local all = table.concat(T, "\\n")
local evil = table.concat(T, " ", 15, 25)
local keys, labels, few = {}, {}, {}
for i = 1, #T, 2 do keys[T[i]] = {T[i], {[T[i]] = T[i]}} end
for i = 1, #T, 9 do labels[#labels + 1] = {label = T[i], type = i %% 2 == 0 and "cancel" or "action"} end
for i = 1, 5 do few[T[14 + i]] = T[20 + i] end
local asks = {
  input = function() Human.input{message = evil, placeholder = evil, default = all, context = keys} end,
  text = function() Human.review{message = evil, artifact = all, artifact_type = evil, options = labels} end,
  table = function() Human.review{message = evil, artifact = keys, artifact_type = "json", context = all} end,
  escalate = function() Human.escalate{message = evil, context = few, severity = evil} end,
}
asks["%s"]()
"""
KINDS = ("escalate", "input", "text", "table")


def play(stage: Stage, texts: Sequence[str | bytes]) -> list[str]:
    """A run of each kind of request; their ids."""
    return [stage.play_now(CARDS % (STRINGS["lua_list"](texts), which), name="asks").id for which in KINDS]


async def test_every_kind_of_card_shows_it_as_text(stage: Stage) -> None:
    texts = [text for text in STRINGS["named"]() if isinstance(text, str)][::3]
    runs = await asyncio.to_thread(play, stage, texts)
    async with stage.open(size=(150, 90)) as app:
        for run in runs[1:]:
            await look(app, run, texts)
        app.app.go_to_run(runs[0])
        await app.settle()
        check(app)
        await app.press("I")
        check(app)


async def look(app: OpenApp, run: str, texts: Sequence[str | bytes]) -> None:
    """Goes through everything that a card has."""
    app.app.go_to_run(run)
    await app.settle()
    await app.press("1")
    await app.until(lambda: app.focused_layer() == "card")
    check(app)
    await app.press("x")
    check(app)
    await app.press("escape")
    card = app.app.screen.query_one(Card)
    for key, action in (("c", "comment"), ("e", "edit_artifact")):
        if card.check_action(action, ()):
            await app.press(key)
            check(app)
            if key == "e" and app.focused_layer() == "card":  # it has line ends that a field would change
                assert any("$EDITOR" in str(note.message) for note in app.app._notifications)
                continue
            assert app.focused_layer() == "text"
            await app.press("escape")
    await app.press("v")
    assert isinstance(app.app.screen, ReviewScreen)
    shown = await pages(app)
    if card.text is not None and card.text.is_text:
        # All of it: a text of several lines is several here.
        assert not unseen([text for text in texts if not set(str(text)) & set("\n\t\r ")], shown, 30)
    app.app.pop_screen()
    await app.settle()


async def test_answers_and_names_of_others_are_shown_as_text(stage: Stage) -> None:
    texts = [text for text in STRINGS["named"]() if isinstance(text, str)]
    evil = " ".join(map(str, texts[40:90]))
    await stage.play(
        'local x = Human.input{message = "why?", multiline = true} State.set("x", x)\n'
        'Human.approve{message = "go?"} error("x")',
        name="asks",
    )
    stage.memory.keep_left(stage.clock.now())
    stage.clock.advance(7200)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(text=evil), by=evil)
    await stage.drive()
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True, feedback=evil), by=evil)
    await stage.drive()
    async with stage.open(size=(120, 60)) as app:
        await app.until("Since you left")
        check(app)
        await app.press("escape", "1", "f")
        check(app)
        await app.press("escape", "4", "g", "space", "j", "space", "C")
        check(app)
        await app.press("escape", "escape", "x")
        check(app)


NAMES = """
name: {name}
version: {evil}
description: {evil}
stages: [{evil}, done]
params:
  target: {{type: string, enum: [{evil}, b], default: {evil}, description: {evil}}}
  note: {{type: string, default: {evil}, description: {evil}}}
  list: {{type: array, default: [{evil}], description: {evil}}}
  한국어: {{type: string, default: x}}
code: |
  Stage.set("done")
  Human.approve{{message = params.note}}
"""


async def test_every_name_is_shown_as_text(stage: Stage, tmp_path: Path) -> None:
    evil = "~1~\x1b]0;OWNED\x07[/b][@click=app.quit]x\x9b31m\u202e\u200d\u061c" + "e\u0301" * 5 + "한국어"
    folder = tmp_path / f"shop {evil.replace('/', '')}"
    folder.mkdir()
    file = folder / "evil \x1b[31m[b]\u202e.yaml"
    file.write_text(NAMES.format(name=json.dumps(f"evil {evil}"), evil=json.dumps(evil)), encoding="utf-8")
    (folder / os.fsdecode(b"bad \xff\x1b]0;OWNED\x07.yaml")).write_bytes(b"name: \xff\x1b[31m\nversion: [/b]\n")
    stage.operator.close()
    stage.operator = Operator.open(folder, settings=Settings(durability="fast"), clock=stage.clock, user=evil)
    async with stage.open(size=(120, 50)) as app:
        assert "‹U+001B›]0;OWNED" in check(app)
        await app.press("plus")
        await app.until("[@click=app.quit]")
        check(app)
        await app.press("e", "v", "i", "l", "enter")
        await app.until(lambda: isinstance(app.app.screen, StartScreen))
        await app.settle()
        assert "note" in check(app), app.text()
        await app.press("tab", "tab", "tab", "ctrl+s")
    await asyncio.to_thread(stage.operator.start, file)
    await stage.drive()
    async with stage.open(size=(120, 50)) as app:
        for keys in (["x"], ["colon"], ["question_mark"], ["I"]):
            assert "evil ~1~‹U+001B›]0;OWNED‹U+0007›[/b]" in check(app)
            await app.press(*keys)
            check(app)
            await app.press("escape")
            while len(app.app.screen_stack) > 1:
                app.app.pop_screen()
            await app.settle()
        app.app.say(evil, "error")
        app.app.bell()
        await app.until(lambda: app.text().count("‹U+001B›]0;OWNED") > 1)
        check(app)
        assert "\x1b" not in app.app.title
        await app.press("6")
        assert "‹U+202E›" in check(app) or "\\u202e" in app.text()
