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
from proc_tui.tui.opening import OpeningProcTui
from pytest_textual_snapshot import SVGImageExtension
from textual.pilot import WaitForScreenTimeout
from textual.widgets import Input

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from proc_tui.core.journal.runs import Run
    from textual.pilot import Pilot

PATIENCE = 20.0
"""Seconds after which something that should be on the screen counts as missing."""
WIDE = """
State.set("名前", "東京タワー 🎁")
State.set("combining", "a\\u{0301}e\\u{0308} x")
State.set("a_rather_long_key_that_goes_on_and_on_and_on", string.rep("long value ", 40))
State.set("table", {list = {1, 2, {deep = true}}, text = "one\\ntwo", none = {}})
Step.run("段階 one 🎁", function() State.set("名前", "京都") return "結果 " .. string.rep("ok ", 30) end)
Step.run("a step with a name that is longer than the column that it has, by far", function() return {n = 1} end)
Log.warn("発送 is late 🎁 " .. string.rep("and late ", 30), {["街"] = "東京", count = 3})
pcall(function() Step.run("unlucky 😀", function() error("壊れた: " .. string.rep("bad ", 30)) end) end)
Step.run("outer", function() Step.run("inner", function() State.set("deep", 1) return 2 end) return 3 end)
local node = GraphNode.create{content = "根 🎁 " .. string.rep("root ", 20), score = 0.25, metadata = {["街"] = "東京"}}
GraphNode.create{content = "子 a\\u{0301}", score = 12.5, parent = node}
GraphNode.set_current(node)
Human.approve{message = "Publish it?"}
"""
"""Wide, combining and long texts in everything that a pane shows."""


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
    """Waits until the application is at rest: nothing is read, and every view was shown.

    Raises `TimeoutError` that says what it waited for.
    """
    app = pilot.app
    assert isinstance(app, ProcTui)
    quiet, waits = 0, "messages of widgets"
    try:
        async with asyncio.timeout(PATIENCE):
            while quiet < 3:
                await pilot.pause(0.01)
                waits = "; ".join(_unrest(app))
                quiet = 0 if waits else quiet + 1
    except (TimeoutError, WaitForScreenTimeout) as error:
        raise TimeoutError(f"not at rest, waited for: {waits or 'messages of widgets'}\n{screen_text(app)}") from error


def _unrest(app: ProcTui) -> list[str]:
    """What goes on yet, in words."""
    if not app.is_open:
        return ["the workspace is not open"]
    found = [
        f"worker {worker.name!r} of {worker.group} is {worker.state.name}"
        for worker in app.workers
        if worker.group in ("read", "act") and not worker.is_finished
    ]
    run = app.tick.run if app.tick is not None else None
    shown = (run.run.id, run.at) if run is not None else (None, None)
    if shown != (app.selected, app.at):
        found.append(f"shown is {shown}, selected {(app.selected, app.at)}")
    if app.feed.is_behind:
        found.append("the feed has something to read")
    for card in app.screen.query("Card, FailureCard, ConversationPane"):
        if not getattr(card, "is_settled", True):
            found.append(f"{card} is not settled")
    return found


class Stage:
    """A workspace, its clock, and the application on it."""

    def __init__(self, folder: Path, memory: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.memory = Memory(folder, folder=memory, terminal="test")
        self.memory.keep_name("starter")
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

    def play_wide_now(self) -> Run:
        """Plays a run with wide, combining and long texts in every pane."""
        run = self.play_now(WIDE, name="発送")
        self.clock.advance(75)
        return run

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

    @asynccontextmanager
    async def opening(self, open_it: Callable[[], Operator]) -> AsyncIterator[OpenApp]:
        """The application, which opens the workspace itself and has drawn its first frame."""
        app = OpeningProcTui(self.folder, open_it, memory=self.memory)
        async with app.run_test(size=(120, 36)) as pilot:
            seen = OpenApp(app, pilot)
            await seen.until("reading…")
            yield seen
            await app.leave()

    async def settle(self, pilot: Pilot[Any]) -> None:
        """For `run_before` of a snapshot."""
        await settle(pilot)

    def after(self, *steps: str | Callable[[ProcTui], object]) -> Callable[[Pilot[Any]], Awaitable[None]]:
        """For `run_before` of a snapshot: keys that are pressed one by one, and calls with the application."""

        async def work(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            for step in steps:
                if isinstance(step, str):
                    await pilot.press(step)
                else:
                    step(pilot.app)  # pyright: ignore[reportArgumentType] - it is ours
                await settle(pilot)
            for field in pilot.app.screen.query("Input, TextArea"):
                field.cursor_blink = False  # pyright: ignore[reportAttributeAccessIssue] - both have it
            for field in pilot.app.screen.query(Input):
                field._cursor_visible = True
            await settle(pilot)

        return work

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


@pytest.fixture(
    params=[((80, 24), "proc-light", "xterm-256color"), ((100, 24), "proc-16", "linux")], ids=["light", "linux"]
)
def wide_is_as_kept(request: pytest.FixtureRequest, stage: Stage, snap_compare: Any) -> Callable[..., bool]:
    """Whether a run with wide, combining and long texts looks as it did, once keys were pressed."""

    def compare(*keys: str) -> bool:
        size, theme, terminal = request.param
        stage.play_wide_now()
        app = stage.app(theme=theme, TERM=terminal)
        return snap_compare(app, terminal_size=size, run_before=stage.after(*keys))

    return compare


@pytest.fixture(autouse=True)
def snapshots_have_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tests/tui/snapshots`, in it a folder for each file of tests."""

    def dirname(_cls: type, *, test_location: Any) -> str:
        return str(Path(test_location.filepath).parent.parent / "snapshots" / test_location.basename)

    monkeypatch.setattr(SVGImageExtension, "dirname", classmethod(dirname))
