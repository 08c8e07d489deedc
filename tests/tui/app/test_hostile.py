"""Hostile text through every pane: shown as text, never obeyed, and every line as wide as the screen."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.tui.clean import oneline
from rich.cells import cell_len

if TYPE_CHECKING:
    from conftest import OpenApp, Stage

STRINGS = runpy.run_path(str(Path(__file__).parent.parent / "hostile_strings.py"))
OBEYED = re.compile(STRINGS["OBEYED"])
OURS = {
    (f"@mouse.{event}", action)
    for event, action in (("down", "scroll_up"), ("down", "scroll_down"), ("down", "grab"), ("up", "release"))
}
"""What Textual notes in the styles of its scroll bars."""

pytestmark = pytest.mark.slow


def check(app: OpenApp) -> str:
    """What is on the screen: nothing in it is obeyed by anything, and every line has the width of the screen."""
    width = app.app.size.width
    lines: list[str] = []
    for strip in app.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip)
        assert not OBEYED.search(text), repr(text)
        assert cell_len(text) == width == strip.cell_length, (cell_len(text), text)
        for segment in strip:
            assert segment.control is None
            if segment.style is not None:
                assert not segment.style.link
                assert not [item for item in segment.style.meta.items() if item[0] != "offset" and item not in OURS]
        lines.append(text.rstrip())
    return "\n".join(lines)


async def pages(app: OpenApp, *, most: int = 60) -> str:
    """Everything that a list has, page by page: the first key of the next page only moves the cursor."""
    await app.press("g")
    seen = [check(app)]
    for _ in range(most):
        await app.press("pagedown")
        seen.append(check(app))
        if len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]:
            break
    return "\n".join(seen)


def unseen(texts: list[str | bytes], shown: str, characters: int = 20) -> list[str]:
    """Those whose beginning is not shown as it shall be."""
    wanted = [oneline(text)[:characters].rstrip() for text in texts if isinstance(text, str)]
    return [text for text in wanted if text not in shown]


ALL = """
local T = %s
for i, s in ipairs(T) do
  Log.info(s, {[s] = s})
  pcall(State.set, s, s)
  pcall(GraphNode.create, s, {[s] = s, score = i})
  pcall(Step.run, s, function() return s end)
  pcall(Stage.set, s)
end
State.set("deep", Json.decode(string.rep("[", 150) .. string.rep("]", 150)))
error(table.concat(T, " ", 1, 150))
"""
SAID = """
local T = %s
for i, s in ipairs(T) do
  pcall(Human.notify, {message = s, content = s, details = {{title = s, content = s}}})
  pcall(System.alert, {message = s, source = s, level = "error"})
  pcall(Session.append, "assistant", s, {[s] = s})
end
"""


async def test_every_pane_shows_it_as_text(stage: Stage) -> None:
    texts = STRINGS["named"]()
    await stage.play(ALL % STRINGS["lua_list"](texts), name="all")
    async with stage.open(size=(130, 260)) as app:
        check(app)
        await app.press("z")
        for key in "23457":
            await app.press(key)
            # A step has no `#` in its name, a name is no more than a line, and keys are cut where the column ends.
            missing = unseen(texts, await pages(app), 14)
            assert len(missing) <= (12 if key in "24" else 0), (key, missing)
        await app.press("6")
        check(app)
        await app.press("1", "x")
        check(app)


async def test_the_conversation_shows_it_as_text(stage: Stage) -> None:
    texts = STRINGS["named"]()
    await stage.play(SAID % STRINGS["lua_list"](texts), name="said")
    async with stage.open(size=(130, 260)) as app:
        await app.press("1", "z", "f")
        check(app)
        await app.press("escape")
        shown = await pages(app)
        assert not unseen([text for text in texts if not set(str(text)) & set("`*_#>\n\r")], shown, 12)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["narrow", "wide"])
async def test_text_from_right_to_left_keeps_the_widths(stage: Stage, size: tuple[int, int]) -> None:
    word, mixed = "שלום עולם", "مرحبا [b]123[/b] بالعالم"
    await stage.play(
        f'State.set("{word}", "{mixed}") Log.info("{mixed}", {{["{word}"] = "{word}"}}) Stage.set("{word}")'
        f' return Human.approve{{message = "{mixed} {word}", context = {{["{word}"] = "{mixed}"}}}}',
        name="שלום",
    )
    async with stage.open(size=size) as app:
        check(app)
        for key in "137":
            await app.press(key)
            assert word in check(app)
            assert "[b]123[/b]" in app.text()
