from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.tui.panes.timescale import SHARE, TimeScale

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import OpenApp, Stage

WORK = """
Stage.set("collect")
Step.run("load commits", function() State.set("loaded", true) return 48 end)
Sleep(30)
Step.run("outer", function()
  State.set("inner", 1)
  Step.run("inside", function() return 2 end)
  return 1
end)
Sleep(3)
pcall(function() Step.run("unlucky", function() error("no luck") end) end)
Sleep(7200)
local ok = Human.approve{message = "Publish it?"}
return {ok = ok}
"""


def play(stage: Stage) -> None:
    """A run that slept three times and waits for a person."""
    stage.play_now(WORK, name="notes", stages=["collect", "review"])
    for seconds in (30, 3, 7200):
        stage.clock.advance(seconds)
        stage.drive_now()
    stage.clock.advance(600)


def test_no_stretch_takes_more_than_its_share_of_the_scale() -> None:
    scale = TimeScale([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 100_000.0, 100_001.0])
    assert scale.place(0.0) == 0.0
    assert scale.place(100_001.0) == 1.0
    assert scale.place(100_000.0) - scale.place(6.0) < 3 * SHARE
    assert scale.place(6.0) > 0.3
    assert scale.is_short((scale.place(6.0) + scale.place(100_000.0)) / 2)
    assert not scale.is_short(scale.place(2.5))


def test_a_scale_goes_both_ways() -> None:
    scale = TimeScale([10.0, 12.0, 50.0, 51.0])
    for moment in (10.0, 11.0, 13.0, 42.0, 50.5, 51.0):
        assert scale.moment(scale.place(moment)) == pytest.approx(moment)
    assert scale.place(9.0) == 0.0
    assert scale.place(60.0) == 1.0
    assert TimeScale().place(3.0) == 0.0
    assert TimeScale([5.0]).moment(0.5) == 5.0


def shown_line(app: OpenApp) -> str:
    """The line of the source that the cursor is on."""
    lines = app.pane("source").query_one("SourceLines")
    return lines.copied(lines.cursor)


@pytest.mark.slow
async def test_bars_stand_at_their_times_and_the_open_one_grows(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2", "z")
        sleep = app.line("sleep#1")
        assert "━" in sleep
        assert "30.0 s" in sleep
        assert "┄" in app.line("sleep#3"), "two hours are shortened"
        assert "2:00:00" in app.line("sleep#3")
        waits = app.line("approve#1")
        assert "▸" in waits
        assert waits.index("▸") > app.line("sleep#3").rindex("┄")
        assert "  inside" in app.text(), "children are below and further in"
        before = app.line("sleep#1")
        stage.clock.advance(100_000)
        app.pane("timeline").clock(stage.clock.now())
        await app.settle()
        assert app.line("sleep#1") != before, "the axis goes on"


@pytest.mark.slow
async def test_plus_starts_a_run_there_too(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2")
        assert "= closer" in app.text().splitlines()[-1]
        await app.press("plus")
        await app.until(lambda: len(app.app.screen_stack) > 1)
        assert "2x closer" not in app.text()
        assert "notes" in app.text()


@pytest.mark.slow
async def test_the_axis_is_drawn_out_and_moved(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2", "z", "g", "equals_sign", "equals_sign")
        assert "4x closer" in app.text()
        start = app.line("4x closer")
        await app.press("l")
        assert app.line("4x closer") != start
        await app.press("h")
        assert app.line("4x closer") == start
        await app.press("minus", "minus", "minus")
        assert "closer" not in app.line("load commits")
        assert "x closer" not in app.text()


@pytest.mark.slow
async def test_enter_goes_to_the_moment_and_what_is_after_it_stays_to_go_to(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2", "z", "g", "enter")
        at = app.app.at
        assert at is not None
        assert f"◂ {at} of " in app.text()
        assert "past" in app.text()
        assert "approve#1" in app.text()
        await app.press("j", "j", "enter")
        assert app.app.at is not None
        assert app.app.at > at
        await app.press("F")
        assert "live" in app.line(" of ")


@pytest.mark.slow
@pytest.mark.parametrize("seen_before", [False, True])
async def test_it_says_that_it_is_the_past_when_it_is_opened_there(stage: Stage, seen_before: bool) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        if seen_before:
            await app.press("2")
        await app.press("5", "comma", "comma", "2")
        assert app.app.at is not None
        assert f"◂ {app.app.at} of " in app.text()
        assert "past, F for live" in app.text()


@pytest.mark.slow
async def test_x_offers_what_can_be_done_from_there(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2", "g", "x")
        assert "Reset here" in app.text()
        assert "Fork here" in app.text()


@pytest.mark.slow
async def test_o_goes_to_the_line_of_the_source(stage: Stage) -> None:
    play_in_thread(stage)
    async with stage.open(size=(150, 44)) as app:
        await app.press("2", "g", "o")
        assert app.focused_layer() == "source"
        assert "load commits" in shown_line(app)


@pytest.mark.slow
async def test_a_run_without_operations_says_so(stage: Stage) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open(size=(150, 44)) as app:
        await app.press("2")
        assert "the run had no operations" in app.text()


def play_in_thread(stage: Stage) -> None:
    """`play` from a test that is async."""
    import threading

    thread = threading.Thread(target=play, args=(stage,))
    thread.start()
    thread.join()


@pytest.mark.slow
def test_timeline(stage: Stage, snap_compare: Any) -> None:
    play(stage)
    assert snap_compare(stage.app(), press=["2", "z"], terminal_size=(120, 24), run_before=stage.settle)


@pytest.mark.slow
def test_timeline_in_the_past_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    play(stage)

    async def back(pilot: Any) -> None:
        for key in ("2", "z", "g", "j", "enter"):
            await stage.settle(pilot)
            await pilot.press(key)
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(110, 24), run_before=back)


@pytest.mark.slow
def test_wide_and_long_texts(wide_is_as_kept: Callable[..., bool]) -> None:
    assert wide_is_as_kept("2", "z")
