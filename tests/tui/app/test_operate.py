from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stage

GATE = """
Stage.set("collect")
State.set("champion", {version = "v2.3", commits = 48})
Log.info("48 commits since v2.3", {since = "v2.3"})
local draft = Step.run("write the draft", function() return "## 2.4.0" end)
Stage.set("review")
State.set("draft", draft)
local ok = Human.approve{message = "Publish it?", timeout = 3600, context = {size = 3}}
Log.info("decided")
return {ok = ok}
"""
STAGES: dict[str, Any] = {"stages": ["collect", "review", "publish"]}

pytestmark = pytest.mark.slow


async def test_the_first_screen_shows_the_groups_and_the_run_that_waits(stage: Stage) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    await stage.play("return 1", name="quick")
    async with stage.open(size=(150, 40)) as app:
        text = app.text()
        assert "Needs you" in text
        assert "Recent" in text
        assert "1 needs you" in app.line("proc-tui")
        assert "notes" in app.line("v1")
        assert "collect" in app.line("review")
        assert "Publish it?" in text
        assert '"v2.3"' not in text, "the table is folded"
        assert "{2}" in app.line("champion")
        assert "48 commits" in text


async def test_an_empty_workspace_shows_its_procedures_and_keys(stage: Stage) -> None:
    (stage.folder / "hello.yaml").write_text('name: hello\nversion: "1"\ncode: |\n  return 1\n')
    async with stage.open(size=(80, 24), drive=True) as app:
        assert "Nothing was run here yet." in app.text()
        assert "hello" in app.text()
        await app.press("enter")
        await app.until("completed")


async def test_the_cursor_stays_on_its_run_when_others_arrive(stage: Stage) -> None:
    first = await stage.play(GATE, name="notes", **STAGES)
    async with stage.open() as app:
        assert app.app.selected == first.id
        stage.clock.advance(-60)
        await stage.play('Human.approve{message = "Older?", timeout = 10}', name="urgent")
        await app.until("urgent")
        await app.settle()
        assert app.app.selected == first.id
        assert app.line("▌").lstrip("│▌ ◆").startswith("notes")


async def test_panes_are_reached_by_number_and_tab(stage: Stage) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(150, 40)) as app:
        for key, layer in (
            ("2", "timeline"),
            ("3", "state"),
            ("4", "checkpoints"),
            ("5", "graph"),
            ("6", "source"),
            ("7", "log"),
        ):
            await app.press(key)
            assert app.focused_layer() == layer or "no nodes" in app.text()
        await app.press("tab")
        assert app.focused_layer() == "runs"
        await app.press("shift+tab")
        assert app.focused_layer() == "log"


async def test_zoom_gives_a_pane_all_room_and_takes_it_back(stage: Stage) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(150, 40)) as app:
        await app.press("7", "z")
        assert "Needs you" not in app.text()
        assert "1 Conversation" in app.line("7 Log")
        await app.press("escape")
        assert "Needs you" in app.text()


async def test_an_earlier_moment_is_marked_and_cannot_answer(stage: Stage) -> None:
    run = await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(150, 40)) as app:
        await app.press("comma", "comma")
        assert "past" in app.line("notes  ")
        assert not app.app.screen.query("Card")
        await app.press("F")
        assert "waiting for you" in app.text()
        assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"


@pytest.mark.parametrize("size", [(200, 60), (150, 40), (120, 36), (100, 30), (80, 24), (60, 16)])
async def test_every_size_is_drawn(stage: Stage, size: tuple[int, int]) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=size) as app:
        assert "notes" in app.text()
        await app.press("7", "1", "q")


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5), (3, 1)])
async def test_a_terminal_that_is_too_small_says_so_until_there_is_room(stage: Stage, size: tuple[int, int]) -> None:
    run = await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=size) as app:
        await app.press("enter", "a", "r", "x")
        assert "too small" in app.text() or size[0] < 20
        await app.resize(80, 24)
        assert "notes" in app.text()
        assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"


async def test_where_there_is_no_room_a_run_has_a_screen_of_its_own(stage: Stage) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(80, 24)) as app:
        assert "Publish it?" in app.line("notes"), "the list says what is asked"
        await app.press("enter")
        assert app.focused_layer() == "card"
        assert "7 Log" in app.line("1 Conv")
        await app.press("q")
        assert app.focused_layer() == "runs"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "1 Conversation│2 Timeline│3 State│4 Checkpoints│5 Graph│6 Source│7 Log"),
        (70, "1 Talk│2 Time│3 State│4 Checkpoints│5 Graph│6 Source│7 Log"),
        (60, "1 Talk│2 Time│3 State│4 Checks│5 Graph│6 Source│7 Log"),
    ],
)
async def test_the_names_of_the_panes_are_words_at_every_width_and_take_clicks(
    stage: Stage, width: int, shown: str
) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(width, 24)) as app:
        await app.press("enter", "4")
        line = app.line("7 Log")
        assert shown in line
        await app.pilot.click("#pane-checkpoints", offset=(line.index("6 Source") + 3, 0))
        await app.settle()
        assert app.focused_layer() == "source"


async def test_a_resize_to_narrow_leaves_the_focus_where_keys_act(stage: Stage) -> None:
    await stage.play(GATE, name="notes", **STAGES)
    async with stage.open(size=(150, 40)) as app:
        await app.press("3")
        await app.resize(80, 24)
        assert app.focused_layer() == "runs"


async def test_finding_goes_to_the_run_and_back_to_the_list(stage: Stage) -> None:
    await stage.play("return 1", name="one")
    await stage.play("return 2", name="two")
    async with stage.open() as app:
        await app.press("slash", "o", "n", "e")
        assert "find" not in app.line("one")
        await app.press("enter")
        assert app.focused_layer() == "runs"
        assert app.line("▌").lstrip("│▌ ✓").startswith("one")


async def test_markup_in_names_and_messages_is_text(stage: Stage) -> None:
    await stage.play('Human.approve{message = "[/foo] [@click=app.quit]x[/] \\27[31m"}', name="notes")
    async with stage.open(size=(150, 40)) as app:
        assert "[/foo] [@click=app.quit]x[/] ‹U+001B›[31m" in app.text()


def test_operate_wide(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(GATE, name="notes", **STAGES)
    stage.clock.advance(1)  # the list has an order then
    stage.play_now('error("it broke")', name="crm_sync")
    stage.clock.advance(1)
    stage.play_now("return 1", name="quick")
    stage.clock.advance(240)
    assert snap_compare(stage.app(), terminal_size=(150, 40), run_before=stage.settle)


def test_operate_at_80x24_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(GATE, name="notes", **STAGES)
    stage.play_now("return 1", name="quick")
    stage.clock.advance(240)
    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(80, 24), run_before=stage.settle)


def test_an_empty_workspace(stage: Stage, snap_compare: Any) -> None:
    assert snap_compare(stage.app(), terminal_size=(100, 30), run_before=stage.settle)
