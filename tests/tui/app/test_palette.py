from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.tui.screens.picking import Choice, sought

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stage

pytestmark = pytest.mark.slow


async def test_a_run_is_found_by_its_name_and_shown(stage: Stage) -> None:
    first = await stage.play("return 1", name="billing")
    stage.clock.advance(5)
    await stage.play("return 1", name="shipping")
    async with stage.open() as app:
        assert app.app.selected != first.id
        await app.press("colon", *"bill", "enter")
        assert app.app.selected == first.id


async def test_keys_of_the_focused_layer_are_commands_that_do_what_they_say(stage: Stage) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open(size=(150, 40)) as app:
        await app.press("colon", *"source")
        assert "Source" in app.text()
        await app.press("enter")
        await app.until(lambda: app.focused_layer() == "source")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("key", "Help"), ("shortcut", "Help"), ("quit", "Leave proc-tui"), ("exit", "Leave proc-tui"),
        ("theme", "Theme proc-dark"), ("settings", "Settings in effect"), ("config", "Settings in effect"),
        ("search", "Find"), ("new", "New run"), ("approve", "Inbox"), ("reset", "Actions"),
        ("screenshot", "Save a picture of the screen"),
    ],
)  # fmt: skip
async def test_words_that_anybody_would_look_for_are_found(stage: Stage, word: str, found: str) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open(size=(120, 40)) as app:
        await app.press("colon", *word)
        assert found in app.text()


async def test_settings_are_shown_with_where_each_comes_from(stage: Stage) -> None:
    (stage.folder / ".proc-tui").mkdir(exist_ok=True)
    (stage.folder / ".proc-tui" / "config.toml").write_text('durability = "fast"\n')
    async with stage.open(size=(120, 40)) as app:
        await app.press("colon", *"settings", "enter")
        await app.until("durability")
        assert "fast" in app.line("durability")
        assert "(default)" not in app.line("durability")
        assert "(default)" in app.line("file_root")
        await app.press("q")
        assert "durability" not in app.text()


async def test_a_picture_of_the_screen_is_written_without_the_palette_in_it(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.play("return 1", name="billing")
    monkeypatch.chdir(tmp_path)
    async with stage.open(size=(120, 40)) as app:
        await app.press("colon", *"screenshot", "enter")
        await app.until(lambda: list(tmp_path.glob("*.svg")))
        (file,) = tmp_path.glob("*.svg")
        text = file.read_text()
        assert "billing" in text
        assert "screenshot" not in text


async def test_leaving_from_the_palette_leaves(stage: Stage) -> None:
    async with stage.open() as app:
        await app.press("colon", *"quit")
        await app.pilot.press("enter")
        await app.until(lambda: app.app.left)


async def test_a_theme_is_worn_and_remembered(stage: Stage) -> None:
    async with stage.open() as app:
        await app.press("colon", *"proc-light", "enter")
        assert app.app.theme == "proc-light"
        assert app.app.memory.now.theme == "proc-light"


async def test_in_the_colours_of_the_terminal_a_dialog_leaves_the_screen_behind_it_to_be_seen(stage: Stage) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open(theme="proc-16") as app:
        await app.press("colon", *"theme")
        assert "Commands" in app.text()
        assert "╭─ Runs" in app.text()


def test_words_come_before_letters_in_order_and_groups_stay_together() -> None:
    choices = [
        Choice("1", "previous release", group="A"), Choice("2", "real estate", group="A"), Choice("3", "x", group="A"),
        Choice("4", "release", group="B"),
    ]  # fmt: skip
    assert [choice.key for choice in sought(choices, "release")] == ["4", "1"]
    assert [choice.key for choice in sought(choices, "rlst")] == ["2"]
    assert sought(choices, "") == choices


@pytest.mark.parametrize(
    ("size", "theme", "terminal", "typed"),
    [
        ((110, 34), "proc-dark", "xterm-256color", ""),
        ((80, 24), "proc-light", "xterm-256color", "in"),
        ((80, 24), "proc-16", "linux", "zzz"),
    ],
    ids=["all", "narrow", "nothing"],
)
def test_the_commands(
    stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str, typed: str
) -> None:
    stage.play_now("return 1", name="billing")
    stage.play_now('error("it broke")', name="発送と_instructions_" + "long_" * 12)
    app = stage.app(theme=theme, TERM=terminal)
    assert snap_compare(app, terminal_size=size, run_before=stage.after("colon", *typed))
