"""Hostile text from agents and their tools, in the word that confirms, in themes and in the palette of commands."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from proc_tui import themes
from proc_tui.tui.widgets.card import Card
from proc_tui.tui.widgets.field import Field
from proc_tui.tui.widgets.talk import Talk

if TYPE_CHECKING:
    from conftest import Stage

HERE = Path(__file__).parent
STRINGS = runpy.run_path(str(HERE.parent / "hostile_strings.py"))
_PANES = runpy.run_path(str(HERE / "test_hostile.py"))
check, pages, unseen = (_PANES[name] for name in ("check", "pages", "unseen"))
EVIL = "~1~\x1b]0;OWNED\x07[/b][@click=app.quit]x\x9b31m\u202e\u200d\u061c" + "e\u0301" * 5 + "한국어"

pytestmark = pytest.mark.slow


async def test_what_agents_and_tools_say_is_shown_as_text(stage: Stage) -> None:
    texts = [text for text in STRINGS["named"]() if isinstance(text, str) and "\0" not in text]
    said = [text for text in texts if not set(text) & set("`*_#>\n\r<[|\\!~")] + texts[:40]
    given, told = texts[60:160], texts[160:]
    run = await stage.play(
        "for i = 1, 2 do Writer.turn() end Human.approve('danger')",
        name="agents",
        hitl={"danger": {"type": "approval", "message": EVIL, "confirm": EVIL}},
        agents={"writer": {"system_prompt": EVIL, "initial_message": EVIL, "tools": ["look", "done"]}},
        procedures={
            "look": {
                "params": {"at": {"type": "string", "description": EVIL}},
                "code": f"return {STRINGS['lua_list'](told)}",
            }
        },
        replies={
            "writer": [
                {"text": "\n\n".join(said), "calls": [{"look": {"at": " ".join(given)}}]},
                {"text": EVIL, "calls": [{"done": {"reason": EVIL}}]},
            ]
        },
    )
    assert run.status == "WAITING_FOR_HUMAN", run.error
    async with stage.open(size=(150, 120)) as app:
        await app.press("1", "z")
        await pages(app)
        talk = app.app.screen.query_one(Talk)
        for row in [row for row in range(talk.total()) if "look" in talk.text_of(row)][:1]:
            talk.focus()
            talk.select(row)
            await app.press("space")
            await pages(app)
            talk.select(row)
            await app.press("enter")
            check(app)
            await app.press("pagedown", "escape")
        for key in ("f", "G"):
            await app.press(key)
            check(app)
        await app.press("escape")
        card = app.app.screen.query_one(Card)
        card.take_focus()
        await app.until(lambda: card.trigger.armed)
        await app.press("a")
        await app.until(lambda: card.field is not None)
        assert isinstance(card.field, Field)
        assert "‹U+001B›]0;OWNED" in check(app)
        await app.press("escape", "colon", *"agents")
        check(app)


async def test_a_theme_of_any_text_is_refused_or_named_as_text(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stage.folder.parent / "config" / "themes"
    folder.mkdir(parents=True)
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_args: str(folder.parent))
    good = (Path(themes.__file__).parent / "proc_dark.toml").read_text()
    named = "\n".join(line for line in good.splitlines() if not line.startswith("name"))
    (folder / "evil \x1b[31m[b]\u202e.toml").write_text(f"name = {json.dumps(EVIL)}\n{named}", encoding="utf-8")
    for place, text in enumerate(["red; } * { display: none", "\x1b[31m", "$accent", "[/b]", "#12345", "a" * 10**6]):
        colour = json.dumps(text)
        lines = [f"wait = {colour}" if line.startswith("wait ") else line for line in good.splitlines()]
        (folder / f"bad{place} \x1b]0;OWNED\x07.toml").write_text("\n".join(lines), encoding="utf-8")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe[/b]\x1b[31m")
    found, problems = themes.load(folder)
    assert [theme.name for theme in found if theme.name.startswith("~1~")] == [EVIL]
    assert len(problems) == 7
    await stage.play("return 1", name="any")
    async with stage.open(size=(120, 40)) as app:
        app.app.load_themes()
        for problem in app.app.problems:
            app.app.say(problem, "warning")
        await app.settle()
        check(app)
        await app.press("colon", *"theme")
        check(app)
        await app.press("enter")
        check(app)
        app.app.theme = EVIL
        await app.settle()
        check(app)
