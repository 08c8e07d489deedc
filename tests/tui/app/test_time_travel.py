from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stage

STEPS = """
Stage.set("collect")
State.set("count", 1)
local a = Step.run("first", function() return {rows = 3} end)
State.set("count", 2)
local b = Step.run("second", function() return "done" end)
State.set("count", 3)
Log.info("late line")
local ok = Human.approve{message = "Publish it?"}
Step.run("third", function() return 3 end)
return {ok = ok}
"""

pytestmark = pytest.mark.slow


async def test_every_pane_shows_the_moment_that_is_looked_at(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("4")
        assert "late line" in app.text()
        await app.press("g", "t")
        assert "past · F live" in app.line("notes  ")
        assert "late line" not in app.text()
        await app.press("3")
        assert "count" in app.text()
        assert "1" in app.line("count")
        await app.press("F")
        assert "3" in app.line("count")
        assert "late line" in app.text()


async def test_events_and_checkpoints_are_stepped_through_both_ways(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("less_than_sign")
        first = app.app.at
        assert first is not None
        await app.press("less_than_sign")
        assert app.app.at is not None
        assert app.app.at < first
        assert f"◂ {app.app.at} of" in app.text()
        await app.press("greater_than_sign")
        assert app.app.at == first
        await app.press("comma", "comma", "full_stop")
        assert app.app.at == first - 1
        await app.press(*["full_stop"] * 10)
        assert app.app.at is None, "the newest event is the present"
        await app.press(*["comma"] * 40)
        assert app.app.at == 1
    assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"


async def test_events_of_an_attempt_that_was_given_up_are_stepped_over(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    stage.operator.reset(run, "second")
    await stage.drive()
    history = stage.operator.run(run.id).history
    assert len(history) == 2
    async with stage.open(size=(150, 40)) as app:
        seen: list[int] = []
        for _ in range(14):
            await app.press("comma")
            seen.append(app.app.at or 0)
        gone = range((history[0][1] or 0) + 1, history[1][0])
        assert not set(seen) & set(gone)
        assert 1 in seen


async def test_nothing_can_be_answered_in_the_past(stage: Stage) -> None:
    run = await stage.play(STEPS, name="notes")
    async with stage.open(size=(150, 40), drive=True) as app:
        await app.press("2", "enter")
        await app.press("comma", "1", "a", "r")
        assert not app.app.screen.query("Card")
    assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [
        ((150, 40), "proc-dark", "xterm-256color"),
        ((200, 60), "proc-light", "xterm-256color"),
        ((80, 24), "proc-16", "linux"),
    ],
    ids=["wide", "widest", "linux"],
)
def test_the_past(stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str) -> None:
    stage.play_now(STEPS, name="notes", stages=["collect", "publish"])
    work = stage.after(*(["enter"] if size[0] < 100 else []), "less_than_sign", "less_than_sign", "3")
    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=size, run_before=work)


async def test_a_stage_of_the_past_has_taken_as_long_as_it_had_then(stage: Stage) -> None:
    await stage.play('Stage.set("a") Sleep(30) Human.approve{message = "?"}', name="notes", stages=["a", "b"])
    stage.clock.advance(30)
    await stage.drive()
    stage.clock.advance(7200)
    async with stage.open(size=(150, 40)) as app:
        assert "a 2h" in app.text().splitlines()[2]
        await app.press("less_than_sign")
        assert "a 30s" in app.text().splitlines()[2]


async def test_keys_that_step_do_nothing_until_the_run_that_was_chosen_is_shown(stage: Stage) -> None:
    await stage.play(STEPS, name="notes")
    stage.clock.advance(1)
    await stage.play(STEPS, name="other")
    async with stage.open(size=(150, 40)) as app:
        await app.pilot.press("j", "less_than_sign", "comma")
        await app.settle()
        tick = app.app.tick
        assert tick is not None
        view = tick.run
        assert view is not None
        assert view.run.id == app.app.selected
        assert app.app.at is None or app.app.at < view.last
