from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.tui.configured import Configured

if TYPE_CHECKING:
    from conftest import Stage

pytestmark = pytest.mark.slow


async def test_help_lists_the_keys_of_what_is_focused_first(stage: Stage) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open() as app:
        await app.press("question_mark")
        first, second = (app.text().index(part) for part in ("The list of runs", "Lists and panes"))
        assert first < second


async def test_help_is_searched_and_does_what_it_lists(stage: Stage) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open(size=(150, 40)) as app:
        await app.press("question_mark", "slash", *"timeline", "enter")
        assert app.focused_layer() == "timeline"


async def test_esc_and_q_close_it_and_leave_nothing(stage: Stage) -> None:
    await stage.play("return 1", name="billing")
    async with stage.open() as app:
        await app.press("question_mark", "escape", "question_mark", "q")
        assert not app.app.screen.is_modal
        assert not app.app.left


async def test_a_rebound_key_acts_and_is_shown(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Configured, "own_value", lambda _self, key: {"keys": {"app": {"inbox": "ctrl+g"}}}[key])
    await stage.play("return 1", name="billing")
    async with stage.open() as app:
        await app.press("question_mark", "slash", *"inbox")
        assert "^g" in app.text()
        await app.press("escape", "ctrl+g")
        assert "Inbox" in app.text().splitlines()[0]


@pytest.mark.parametrize(
    ("size", "theme", "terminal", "keys"),
    [
        ((120, 36), "proc-dark", "xterm-256color", ()),
        ((80, 24), "proc-light", "xterm-256color", ("slash", *"event")),
        ((80, 24), "proc-contrast", "linux", ()),
    ],
    ids=["wide", "searched", "ascii"],
)
def test_the_help(
    stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str, keys: tuple[str, ...]
) -> None:
    stage.play_now('Log.info("x")', name="billing")
    work = stage.after("7", "question_mark", *keys)
    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=size, run_before=work)
