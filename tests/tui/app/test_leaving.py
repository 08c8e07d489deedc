from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.engine import worker
from proc_tui.core.operator import Given
from proc_tui.tui import leaving
from proc_tui.tui.application.shared import keep_crash
from proc_tui.tui.screens.dialogs import LeaveDialog

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The workspaces for which a background worker was started; none really is."""
    found: list[str] = []

    def start(workspace: object) -> int:
        found.append(str(workspace))
        return 1

    monkeypatch.setattr(leaving, "start_worker", start)
    return found


async def test_q_leaves_at_once_when_nothing_goes_on(stage: Stage, started: list[str]) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open(drive=True) as app:
        await app.pilot.press("q")
        await app.pilot.pause(0.2)
        assert app.app.left
    assert not started


async def test_it_can_be_left_when_something_cannot_be_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open() as app:

        def broken() -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(stage.operator, "end_waits", broken)
        with pytest.raises(RuntimeError, match="broken"):
            await app.app.leave()
        assert not app.app.is_running or app.app._exit  # pyright: ignore[reportPrivateUsage]


async def test_leaving_runs_to_a_worker_starts_one(stage: Stage, started: list[str]) -> None:
    await stage.play("Sleep(3600)", name="nap")
    async with stage.open(drive=True) as app:
        await app.press("q")
        await app.until("Leave them to a background worker")
        assert "1 run goes on here" in app.text()
        await app.pilot.press("enter")
        await app.pilot.pause(0.3)
        assert app.app.left
    assert started == [str(stage.folder)]


async def test_esc_stays_and_a_demo_leaves_no_worker(stage: Stage, started: list[str]) -> None:
    await stage.play("Sleep(3600)", name="nap")
    (stage.folder / ".proc-tui-demo").touch()
    async with stage.open(drive=True) as app:
        await app.press("q")
        await app.until("Stop here")
        assert "background" not in app.text()
        await app.press("escape")
        assert not app.app.left
        await app.press("q")
        await app.pilot.press("enter")
        await app.pilot.pause(0.3)
        assert app.app.left
    assert not started


async def test_a_demo_that_is_removed_says_so_before(stage: Stage, started: list[str]) -> None:
    await stage.play("Sleep(3600)", name="nap")
    (stage.folder / leaving.DEMO).write_text(leaving.PASSING)
    async with stage.open(drive=True) as app:
        await app.press("q")
        await app.until("Leave the demo")
        assert "The demo is removed" in app.text()
        assert "Nothing is lost" not in app.text()


async def test_control_c_twice_asks_and_a_third_time_stops_here(stage: Stage, started: list[str]) -> None:
    await stage.play("Sleep(3600)", name="nap")
    async with stage.open(drive=True) as app:
        await app.press("ctrl+c")
        assert not app.app.left
        await app.press("ctrl+c")
        await app.until("Leave proc-tui?")
        await app.pilot.press("ctrl+c")
        await app.pilot.pause(0.3)
        assert app.app.left
    assert not started


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c"])
async def test_what_leaving_waits_for_is_said_and_need_not_be_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(worker, "QUIT_SECONDS", 3600.0)
    monkeypatch.setattr(worker.Worker, "busy", True)
    async with stage.open(drive=True) as app:
        await app.until("driven by this process")
        going = asyncio.create_task(app.app.leave())
        await app.until("would be paid for")
        assert not going.done()
        await app.pilot.press(key)
        async with asyncio.timeout(8):
            await going


async def test_a_second_signal_to_end_waits_for_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "QUIT_SECONDS", 3600.0)
    monkeypatch.setattr(worker.Worker, "busy", True)
    async with stage.open(drive=True) as app:
        await app.until("driven by this process")
        app.app._hung_up(signal.SIGTERM)  # pyright: ignore[reportPrivateUsage]
        await app.until("would be paid for")
        app.app._hung_up(signal.SIGTERM)  # pyright: ignore[reportPrivateUsage]
        await app.until(lambda: app.app._exit)  # pyright: ignore[reportPrivateUsage]


async def test_nobody_asks_when_another_process_drives(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.play("Sleep(3600)", name="nap")
    monkeypatch.setattr(leaving, "stands_by", lambda _operator: True)
    async with stage.open(drive=True) as app:
        await app.pilot.press("q")
        await app.pilot.pause(0.3)
        assert app.app.left


async def test_a_worker_is_idle_when_nothing_goes_on_and_nothing_was_touched_for_long(stage: Stage) -> None:
    assert leaving.idle(stage.operator)
    await stage.play('Human.approve{message = "Go on?"}', name="gate")
    assert leaving.left(stage.operator) == 0
    assert not leaving.idle(stage.operator), "an answer may come"
    stage.clock.advance(leaving.QUIET_SECONDS + 1)
    assert leaving.idle(stage.operator)
    await stage.play("Sleep(3600)", name="nap")
    assert not leaving.idle(stage.operator)
    assert leaving.left(stage.operator) == 1


async def test_a_request_with_a_deadline_wants_a_worker(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Go on?", timeout = 60}', name="gate")
    assert leaving.left(stage.operator) == 1


async def test_an_answer_that_is_not_in_effect_yet_wants_a_worker(stage: Stage) -> None:
    await stage.play('Human.approve{message = "Go on?"} Human.approve{message = "Sure?"}', name="gate")
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), effective_in=2.0)
    assert leaving.left(stage.operator) == 1
    stage.clock.advance(leaving.QUIET_SECONDS + 1)
    assert leaving.left(stage.operator) == 1
    assert not leaving.idle(stage.operator)
    await stage.drive()
    assert leaving.left(stage.operator) == 0


def test_the_worker_takes_no_program_from_the_workspace(stage: Stage) -> None:
    assert "-P" in leaving.command(stage.folder)


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [((120, 30), "proc-light", "xterm-256color"), ((80, 24), "proc-16", "linux")],
    ids=["wide", "narrow"],
)
def test_the_dialog(stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str) -> None:
    stage.play_now("Sleep(3600)", name="nap")
    work = stage.after(lambda app: app.push_screen(LeaveDialog(3)))
    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=size, run_before=work)


def test_the_details_of_a_failure_are_for_their_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = keep_crash(ValueError("the text of a run \ud800"))
    assert "the text of a run" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


async def test_a_failure_of_the_terminal_is_no_success(stage: Stage) -> None:
    async with stage.open() as app:
        app.app.panic("the terminal sends rubbish")
        assert app.app.return_code == 1
