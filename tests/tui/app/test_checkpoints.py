from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stage

STEPS = """
Stage.set("collect")
State.set("count", 1)
local a = Step.run("first", function() return {rows = 3} end)
State.set("count", 2)
State.set("extra", "yes")
pcall(function() Step.run("unlucky", function() error("no luck today") end) end)
local b = Step.run("second", function()
  State.set("inner", true)
  return "all done"
end)
State.set("count", 3)
local ok = Human.approve{message = "Publish it?"}
return {ok = ok}
"""
HOSTILE = "[/foo] [@click=app.quit]x[/] \\27[31m\\u{202e}z"

pytestmark = pytest.mark.slow


def _joined(text: str) -> str:
    """What the screen says, whatever its lines."""
    return " ".join(re.sub("[^ -~]", " ", line[40:112]).strip() for line in text.splitlines())


async def test_every_operation_has_its_outcome_line_and_duration(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    async with stage.open(size=(160, 44)) as app:
        await app.press("4")
        assert "{rows: 3}" in app.line("✓ first")
        assert "no luck today" in app.line("✖ unlucky")
        assert '"all done"' in app.line("✓ second")
        assert "waits" in app.line("◆ approve#1")
        assert "4 operations" in app.text()


async def test_its_columns_have_headings_where_there_is_room_for_one(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    async with stage.open(size=(80, 24)) as app:
        await app.press("4")
        heading, row = app.line("took"), app.line("✓ first")
        assert heading.index("operation") == row.index("first")
        assert heading.index("outcome") == row.index("{rows")
        assert "line" in heading
        assert "tokens" not in heading, "no model was asked"
        await app.resize(80, 16)
        assert "took" in app.text()
        await app.resize(100, 30)
        await app.resize(150, 20)
        assert "✓ first" in app.text()


async def test_a_long_list_that_opens_at_its_end_has_its_bar_there_too(stage: Stage) -> None:
    await stage.play('for n = 1, 90 do Step.run("step " .. n, function() return n end) end', name="long")
    async with stage.open(size=(80, 24)) as app:
        await app.press("4")
        rows = app.pane("checkpoints").query_one("CheckpointRows")
        await app.until(lambda: rows.scroll_y > 0)
        assert rows.vertical_scrollbar.position == rows.scroll_y


async def test_enter_shows_the_values_in_full(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "g", "enter")
        assert "rows: 3" in app.text()
        await app.press("escape", "j", "enter")
        assert "raised at:" in app.text()
        await app.press("escape", "G", "enter")
        assert "Publish it?" in app.text()
        assert "it has no outcome yet" in app.text()


async def test_a_reset_says_what_is_forgotten_and_is_done_only_when_confirmed(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "g", "x")
        assert "Reset here" in app.text()
        await app.press("j", "j", "j", "enter")
        said = _joined(app.text())
        assert "3 operations will be done again: first, unlucky, second." in said
        assert "1 pending request is withdrawn" in said
        await app.press("enter")
        assert stage.operator.run(run.id).attempt == 1, "the first answer leaves everything"
        await app.press("x", "j", "j", "j", "enter", "j", "enter")
        assert stage.operator.run(run.id).attempt == 2
        assert not stage.operator.inbox()


async def test_what_a_replay_recalled_is_marked_after_a_reset(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    stage.operator.reset(run, "second")
    await stage.drive()
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "z")
        assert "recalled" in app.line("✓ first")
        assert "recalled" not in app.line("✓ second")
        assert "attempt 2 of 2" in app.text()
        await app.press("A")
        assert "given up" in app.line("1  began")
        assert "reset by starter" in app.text()
        await app.press("g", "enter")
        assert app.app.at is not None
        assert "attempt 1 of 2" in app.text()
        assert "waits" in app.line("◆ approve#1")


async def test_a_fork_is_opened_at_once(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "G", "x", "j", "j", "j", "j", "enter")
        assert "recalls 3 operations" in _joined(app.text())
        await app.press("j", "enter")
        assert app.app.selected != run.id
        forked = stage.operator.run(app.app.selected or "")
        assert forked.forked_from == run.id
        assert "3 operations" in app.text()


async def test_two_marked_operations_are_compared(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "g", "m", "j", "j", "space")
        assert "2 marked, C compares" in app.text()
        await app.press("C")
        text = app.text()
        assert "rows: 3" in text
        assert "all done" in text
        assert "3 keys of the State differ" in text
        assert "1" in app.line("~ count")
        assert "+ inner" in text
        await app.press("enter")
        assert "before:" in app.text()
        await app.press("escape", "escape")
        assert app.focused_layer() == "checkpoints"


async def test_a_completed_run_is_only_forked(stage: Stage) -> None:
    await stage.play('Step.run("one", function() return 1 end) return 2', name="quick")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4", "g", "x")
        assert "Fork here" in app.text()
        assert "Reset here" not in app.text()


async def test_hostile_names_and_values_are_text(stage: Stage) -> None:
    await stage.play(
        f'Step.run("{HOSTILE}", function() return "{HOSTILE}" end) Human.approve{{message = "x"}}', name="notes"
    )
    async with stage.open(size=(200, 50)) as app:
        await app.press("4", "z", "g")
        assert "[/foo] [@click=app.quit]x[/] ‹U+001B›" in app.text()
        await app.press("enter")
        assert "‹U+202E›z" in app.text()
        await app.press("escape", "x")
        assert "[/foo]" in app.text()
        await app.press("escape", "m", "j", "m", "C")
        assert "[@click=app.quit]" in app.text()
        await app.press("escape", "2")
        assert "[/foo]" in app.text()


def test_checkpoints(stage: Stage, snap_compare: Any) -> None:
    run = stage.play_now(STEPS, name="notes")
    stage.clock.advance(75)
    stage.operator.reset(run, "second")
    stage.drive_now()
    assert snap_compare(stage.app(), press=["4", "z", "g"], terminal_size=(110, 24), run_before=stage.settle)


def test_comparing_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(STEPS, name="notes")

    async def compare(pilot: Any) -> None:
        for key in ("4", "z", "g", "m", "j", "j", "m", "C"):
            await stage.settle(pilot)
            await pilot.press(key)
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(120, 36), run_before=compare)


@pytest.mark.slow
def test_wide_and_long_texts(wide_is_as_kept: Callable[..., bool]) -> None:
    assert wide_is_as_kept("4", "z")


def test_a_reset_is_asked_for(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(STEPS, name="notes")
    work = stage.after("4", "g", "x", "j", "j", "j", "enter")
    assert snap_compare(stage.app(), terminal_size=(80, 24), run_before=work)


def test_what_can_be_done_from_an_operation(stage: Stage, snap_compare: Any) -> None:
    run = stage.play_now(STEPS, name="notes")
    stage.operator.reset(run, "second")
    stage.drive_now()
    work = stage.after("4", "z", "g", "m", "j", "m", "x")
    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(100, 30), run_before=work)


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [((80, 24), "proc-16", "linux"), ((200, 60), "proc-contrast", "xterm-256color")],
    ids=["linux", "widest"],
)
def test_comparing_wide_and_long_texts(
    stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str
) -> None:
    stage.play_wide_now()
    work = stage.after("4", "z", "g", "m", "G", "k", "m", "C")
    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=size, run_before=work)
