"""The interface on a workspace in which something was played: fixed size, theme, clock and ids.

    async def test_the_run_is_shown(stage):
        await stage.play('Human.approve{message = "Go on?"}')
        async with stage.open(size=(120, 36)) as app:
            await app.press("enter")
            assert "Go on?" in app.text()

`stage.play` may be called several times, with a `name` each: every call is a run of its own. For a snapshot, which is
not async, play with `stage.play_now` and give `stage.app()` to `snap_compare(..., run_before=stage.settle)`. Nothing
drives runs unless `open(drive=True)`, and the clock stands still.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core import operator as operator_module
from proc_tui.core.model.settings import Settings
from proc_tui.core.operator import Operator
from proc_tui.core.testing import FakeClock, complete, scripted, write_workspace
from proc_tui.tui.app import ProcTui
from proc_tui.tui.memory import Memory
from pytest_textual_snapshot import SVGImageExtension

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proc_tui.core.journal.runs import Run
    from textual.pilot import Pilot

PATIENCE = 20.0
"""Seconds after which something that should be on the screen counts as missing."""


class _Secrets:
    """Ids and seeds that are the same each time."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, size: int) -> bytes:
        self._count += 1
        return hashlib.blake2b(str(self._count).encode(), digest_size=size).digest()

    def randbits(self, _bits: int) -> int:
        return 7

    def token_hex(self, size: int) -> str:
        return self.token_bytes(size).hex()


class OpenApp:
    """The application in a test."""

    def __init__(self, app: ProcTui, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Presses keys one by one, and waits until what follows is on the screen."""
        for key in keys:
            await self.pilot.press(key)
            await settle(self.pilot)

    async def settle(self) -> None:
        """Waits until nothing is read or drawn any more."""
        await settle(self.pilot)

    async def until(self, condition: Any) -> None:
        """Waits until a condition holds, or a text is on the screen."""
        async with asyncio.timeout(PATIENCE):
            while not (condition in self.text() if isinstance(condition, str) else condition()):
                await self.pilot.pause(0.02)

    async def resize(self, width: int, height: int) -> None:
        """Gives the terminal another size."""
        await self.pilot.resize_terminal(width, height)
        await settle(self.pilot)

    def text(self) -> str:
        """What is on the screen, line by line."""
        return screen_text(self.app)

    def line(self, part: str) -> str:
        """The first line on the screen with a text in it."""
        return next((line for line in self.text().splitlines() if part in line), "")

    def pane(self, name: str) -> Any:
        """A pane of the screen in front."""
        return self.app.screen.query_one(f"#pane-{name}")

    def focused_layer(self) -> str:
        """The layer of what has the focus."""
        return getattr(self.app.screen.focused, "LAYER", "")


def screen_text(app: ProcTui) -> str:
    """What is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


async def settle(pilot: Pilot[Any]) -> None:
    """Waits until the application is at rest: nothing is read, and every view was shown."""
    app = pilot.app
    assert isinstance(app, ProcTui)
    quiet = 0
    async with asyncio.timeout(PATIENCE):
        while quiet < 3:
            await pilot.pause(0.01)
            busy = [worker for worker in app.workers if worker.group in ("read", "act") and not worker.is_finished]
            run = app.tick.run if app.tick is not None else None
            behind = (run.run.id if run else None, run.at if run else None) != (app.selected, app.at)
            cards = app.screen.query("Card, FailureCard, ConversationPane")
            armed = all(getattr(card, "is_settled", True) for card in cards)
            quiet = quiet + 1 if not busy and not behind and not app.feed.is_behind and armed else 0


class Stage:
    """A workspace, its clock, and the application on it."""

    def __init__(self, folder: Path, memory: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.memory = Memory(folder, folder=memory, terminal="test")
        self.operator = Operator.open(folder, settings=Settings(durability="fast"), clock=self.clock, user="starter")

    def play_now(
        self, procedure: str, *, name: str = "play", params: dict[str, object] | None = None,
        replies: dict[str, object] | None = None, workspace: dict[str, str | bytes] | None = None, **keys: object,
    ) -> Run:  # fmt: skip
        """Starts a procedure (YAML, or Lua alone) and drives it as far as it goes; not from a running loop."""
        write_workspace(self.folder, {f"{name}.yaml": complete(procedure, name, keys), **(workspace or {})})
        script = None if replies is None else scripted(replies)
        run = self.operator.start(self.folder / f"{name}.yaml", params, replies=script)
        self.drive_now()
        return self.operator.run(run.id)

    def drive_now(self) -> None:
        """Drives everything that is due; not from a running loop."""
        asyncio.run(self.operator.worker().run(once=True))

    async def play(self, procedure: str, **options: Any) -> Run:
        """`play_now` from a test that is async."""
        return await asyncio.to_thread(lambda: self.play_now(procedure, **options))

    async def drive(self) -> None:
        """`drive_now` from a test that is async."""
        await asyncio.to_thread(self.drive_now)

    def app(self, *, theme: str = "proc-dark", drive: bool = False, **environment: str) -> ProcTui:
        """The application, not running; `environment` are variables that it shall see."""
        seen = {"TERM": "xterm-256color", **environment}
        app = ProcTui(self.operator, memory=self.memory, now=self.clock.now, environment=seen, drive=drive)
        app.theme = theme
        return app

    @asynccontextmanager
    async def open(
        self, *, size: tuple[int, int] = (120, 36), theme: str = "proc-dark", drive: bool = False, **environment: str
    ) -> AsyncIterator[OpenApp]:
        """The application, running and at rest."""
        app = self.app(theme=theme, drive=drive, **environment)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            yield OpenApp(app, pilot)
            await app.leave()

    async def settle(self, pilot: Pilot[Any]) -> None:
        """For `run_before` of a snapshot."""
        await settle(pilot)

    def close(self) -> None:
        """Closes the workspace."""
        self.operator.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """An empty workspace called `shop`."""
    monkeypatch.setattr(operator_module, "secrets", _Secrets())
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name in ("TEXTUAL", "TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    found = Stage(folder, tmp_path / "memory")
    yield found
    found.close()


@pytest.fixture(autouse=True)
def snapshots_have_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tests/tui/snapshots`, in it a folder for each file of tests."""

    def dirname(_cls: type, *, test_location: Any) -> str:
        return str(Path(test_location.filepath).parent.parent / "snapshots" / test_location.basename)

    monkeypatch.setattr(SVGImageExtension, "dirname", classmethod(dirname))
