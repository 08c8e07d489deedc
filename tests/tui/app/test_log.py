from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stage

LOUD = 'for i = 1, {n} do Log.info("line " .. i) end\nLog.error("the end")'

pytestmark = pytest.mark.slow


async def test_the_newest_lines_are_shown_and_followed(stage: Stage) -> None:
    await stage.play(LOUD.replace("{n}", "60") + '\nHuman.input{message = "?"}', name="loud")
    async with stage.open(size=(150, 40)) as app:
        text = app.text()
        assert "the end" in text
        assert "line 60" in text
        assert "line 1 " not in text
        assert "following" in text


async def test_scrolling_up_ends_following_and_G_begins_it_again(stage: Stage) -> None:
    run = await stage.play(
        LOUD.replace("{n}", "60") + '\nHuman.input{message = "?"}\nLog.info("afterwards")', name="loud"
    )
    async with stage.open(size=(150, 40)) as app:
        await app.press("7", "ctrl+u", "ctrl+u", "ctrl+u", "ctrl+u")
        assert "G follows" in app.text()
        request = stage.operator.inbox(run=run.id)[0]
        from proc_tui.core.operator import Given

        stage.operator.answer(request.id, Given(text="x"))
        await stage.drive()
        await app.until("1 new")
        assert "afterwards" not in app.text()
        await app.press("G")
        assert "afterwards" in app.text()
        assert "G follows" not in app.text()


async def test_earlier_lines_are_read_when_they_come_into_sight(stage: Stage) -> None:
    await stage.play(LOUD.replace("{n}", "2500"), name="loud")
    async with stage.open(size=(150, 40)) as app:
        await app.press("7")
        assert len(app.pane("log").query_one("LogLines").lines) == 1000
        await app.press("g")
        assert "line 1" in app.text()
        assert app.pane("log").query_one("LogLines").lines[0].message == "line 1"
        await app.press("G")
        assert "the end" in app.text()


async def test_a_level_leaves_out_those_below_and_is_remembered(stage: Stage) -> None:
    await stage.play('Log.debug("fine")\nLog.warn("odd")\nLog.error("bad")', name="loud")
    async with stage.open(size=(150, 40)) as app:
        await app.press("7", "f", "f")
        assert "warn+" in app.text()
        assert "fine" not in app.text()
        assert "odd" in app.text()
    assert stage.memory.now.filters["log"] == "warn"


async def test_a_log_of_another_run_never_stays(stage: Stage) -> None:
    await stage.play('Log.info("of one")', name="one")
    await stage.play('Log.info("of two")', name="two")
    async with stage.open(size=(150, 40)) as app:
        for key in ("j", "k", "j"):
            await app.press(key)
            name = app.line("▌").lstrip("│▌ ✓")[:3]
            assert f"of {name}" in app.text()
            assert app.text().count("of one") + app.text().count("of two") == 1


async def test_nothing_logged_is_said(stage: Stage) -> None:
    await stage.play("return 1", name="silent")
    async with stage.open(size=(150, 40)) as app:
        assert "nothing was logged" in app.text()


@pytest.mark.slow
def test_wide_and_long_texts(wide_is_as_kept: Callable[..., bool]) -> None:
    assert wide_is_as_kept("7", "z")


def test_scrolled_up_with_a_level(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(LOUD.replace("{n}", "60"), name="loud")
    work = stage.after("7", "z", "f", *["ctrl+u"] * 4)
    assert snap_compare(stage.app(), terminal_size=(100, 24), run_before=work)
