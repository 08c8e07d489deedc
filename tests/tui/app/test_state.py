from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stage

CHANGES = """
State.set("attempt", 1)
State.set("champion", {version = "v2.3", commits = 48})
State.set("gone", true)
Step.run("first", function() end)
State.set("attempt", 2)
State.set("draft", "## 2.4.0\\nmore")
State.set("gone", nil)
"""

pytestmark = pytest.mark.slow


async def test_what_the_latest_operation_changed_is_marked(stage: Stage) -> None:
    await stage.play(CHANGES, name="notes")
    async with stage.open(size=(150, 40)) as app:
        assert "~ 1 → 2" in app.line("attempt")
        assert '+ "## 2.4.0\\nmore" 2 lines' in app.line("draft")
        assert "- true" in app.line("gone")
        assert "~" not in app.line("champion")


async def test_an_earlier_moment_shows_its_own_values(stage: Stage) -> None:
    await stage.play(CHANGES, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press(*["comma"] * 3)
        assert "draft" not in app.text()
        assert "~ 1 → 2" in app.line("attempt ")


async def test_tables_unfold_and_fold(stage: Stage) -> None:
    await stage.play(CHANGES, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("3", "g", "j", "l")
        assert '"v2.3"' in app.line("version")
        await app.press("h")
        assert '"v2.3"' not in app.text()


async def test_a_value_opens_in_full_and_a_key_has_its_history(stage: Stage) -> None:
    await stage.play(CHANGES, name="notes")
    async with stage.open(size=(150, 40)) as app:
        await app.press("3", "g", "H")
        assert "attempt: 2 changes" in app.text()
        await app.press("escape", "G", "k", "enter")
        assert "2 lines" in app.text()
        await app.press("escape")
        assert app.focused_layer() == "state"


async def test_an_empty_state_is_said(stage: Stage) -> None:
    await stage.play("return 1", name="silent")
    async with stage.open(size=(150, 40)) as app:
        assert "the State is empty" in app.text()


@pytest.mark.slow
def test_wide_and_long_texts(wide_is_as_kept: Callable[..., bool]) -> None:
    assert wide_is_as_kept("3", "z")


def test_state(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(CHANGES, name="notes")
    assert snap_compare(stage.app(), terminal_size=(100, 24), run_before=stage.after("3", "z", "g", "j", "l"))


def test_the_history_of_a_key(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(CHANGES, name="notes")
    app = stage.app(theme="proc-light")
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage.after("3", "g", "H"))


def test_a_value_in_full(stage: Stage, snap_compare: Any) -> None:
    stage.play_wide_now()
    work = stage.after("3", "z", "g", "j", "j", "j", "enter")
    assert snap_compare(stage.app(theme="proc-contrast"), terminal_size=(80, 24), run_before=work)
