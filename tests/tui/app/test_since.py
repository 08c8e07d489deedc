from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.engine.answers import Given
from proc_tui.tui.screens.since import SinceScreen

if TYPE_CHECKING:
    from conftest import Stage

pytestmark = pytest.mark.slow


async def test_what_happened_while_somebody_was_away_is_shown_once(stage: Stage) -> None:
    await stage.play('return Human.approve{message = "Publish it?"}', name="notes")
    async with stage.open():
        pass
    stage.clock.advance(7200)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="amara")
    await stage.drive()
    await stage.play('error("the disk is full")', name="import")
    await stage.play('Human.approve{message = "And this?"}', name="next")
    async with stage.open() as app:
        await app.until("Since you left, 2h ago")
        text = app.text()
        assert "1 run failed" in text
        assert "the disk is full" in text
        assert "approved, by amara" in text
        assert "And this?" in app.line("And this?")
        await app.press("a")
        assert not isinstance(app.app.screen, SinceScreen)
        assert not stage.operator.answers(stage.operator.inbox()[0].id), "the key that closes it decides nothing"
    async with stage.open() as app:
        assert not isinstance(app.app.screen, SinceScreen)


async def test_nothing_is_shown_to_who_was_away_for_a_moment_or_never_here(stage: Stage) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open() as app:
        assert not isinstance(app.app.screen, SinceScreen)
    stage.clock.advance(30)
    await stage.play("return 2", name="quick")
    async with stage.open() as app:
        assert not isinstance(app.app.screen, SinceScreen)


def happened(stage: Stage) -> None:
    """Somebody was here, and left; then all kinds of things happened."""
    stage.play_now('return Human.approve{message = "Publish 2.4.0?"}', name="notes")
    stage.memory.keep_left(stage.clock.now())
    stage.clock.advance(7200)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="amara")
    stage.drive_now()
    stage.clock.advance(1)
    stage.play_now('error("the disk of the machine in the cellar is full, and so is the other one, and the third")')
    stage.clock.advance(1)
    stage.play_now('System.alert{message = "the 配送 queue grows 🎁", level = "warning"}', name="配送")
    for n in range(6):
        stage.clock.advance(1)
        stage.play_now(f'Human.approve{{message = "Ask number {n}, which says at some length what it is about?"}}')
    stage.clock.advance(1)
    stage.operator.cancel(stage.play_now("Sleep(3600)", name="nap"))
    stage.drive_now()


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [((120, 36), "proc-dark", "xterm-256color"), ((80, 24), "proc-light", "linux")],
    ids=["wide", "narrow"],
)
def test_since_you_left(stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str) -> None:
    happened(stage)

    async def work(pilot: Any) -> None:
        for _ in range(200):
            await stage.settle(pilot)
            if isinstance(pilot.app.screen, SinceScreen):
                break

    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=size, run_before=work)
