"""Draws the pictures of the README and the docs: the real screens, on the demo, as SVG.

    python docs/pictures.py            writes docs/pictures/*.svg
    python docs/pictures.py operate    only some of them

Runs are driven one after the other by a clock that moves only in between, and ids are counted: a picture changes only
when a screen does. Two of the runs have been answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proc_tui.core import operator as operator_module
from proc_tui.core.model.settings import Settings
from proc_tui.core.operator import Given, Operator
from proc_tui.core.testing import FakeClock
from proc_tui.tui.app import ProcTui
from proc_tui.tui.commands.demo import SCENES, copy_examples, start_scene
from proc_tui.tui.memory import Memory
from textual.widgets import Input, TextArea

if TYPE_CHECKING:
    from textual.pilot import Pilot

PLACE = Path(__file__).parent / "pictures"
ANSWERED = (
    ("self_optimising", 240, Given(decision="Revise", feedback="Who paid and got nothing has a question of billing.")),
    ("release", 420, Given(approved=True, feedback="ship it")),
)
"""Procedures whose first request was answered, after how many seconds, and how."""
AT_REST = 0.7
"""Seconds without anything new after which a screen is drawn."""
ROUNDS = 40
"""How often it is looked whether a screen is at rest before it is given up."""
_ID = re.compile(r"terminal-\d+-")


class Picture:
    """One screen: its size, its theme, and how to get there."""

    def __init__(
        self, *steps: str | Callable[[ProcTui], object], size: tuple[int, int] = (150, 38), theme: str = "proc-dark"
    ) -> None:
        self.steps = steps
        self.size = size
        self.theme = theme


PICTURES: dict[str, Picture] = {
    "operate": Picture(lambda app: app.go_to_run(_run(app, "self_optimising"))),
    "light": Picture(lambda app: app.go_to_run(_run(app, "poet")), theme="proc-light"),
    "graph": Picture(lambda app: app.go_to_run(_run(app, "route_search")), "5", "z", size=(130, 20)),
    "timeline": Picture(
        lambda app: app.go_to_run(_run(app, "self_optimising")), "2", "z", *["less_than_sign"] * 3, size=(150, 27)
    ),
    "failure": Picture(lambda app: app.go_to_run(_run(app, "access_audit"))),
    "inbox": Picture("I"),
    "start": Picture(lambda app: app.start_form("release"), size=(110, 36)),
    "commands": Picture(lambda app: app.go_to_run(_run(app, "poet")), "colon", *"rel", size=(110, 32)),
    "narrow": Picture(size=(80, 24)),
}


def _run(app: ProcTui, procedure: str) -> str:
    return next(run.id for run in app.operator.runs() if run.procedure == procedure)


class _Counted:
    """Ids and seeds that are the same each time."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, size: int) -> bytes:
        self._count += 1
        return hashlib.blake2b(str(self._count).encode(), digest_size=size).digest()

    def token_hex(self, size: int) -> str:
        return self.token_bytes(size).hex()

    def randbits(self, _bits: int) -> int:
        return 7


async def draw(name: str, picture: Picture, folder: Path) -> str:
    """One picture, of a fresh demo."""
    place = folder / name / "demo"
    copy_examples(place)
    clock = FakeClock()
    setattr(operator_module, "secrets", _Counted())  # noqa: B010 - ids that do not change
    with Operator.open(place, settings=Settings(durability="fast"), clock=clock, user="you") as operator:
        # One after the other: which of several runs ends first is up to their threads.
        for scene in SCENES:
            await asyncio.to_thread(start_scene, operator, scene)
            await operator.worker().run(once=True)
            clock.advance(60)
        for procedure, seconds, given in ANSWERED:
            clock.advance(seconds)
            run = next(run.id for run in operator.runs() if run.procedure == procedure)
            operator.answer(operator.inbox(run=run)[0].id, given, by="ada")
            await operator.worker().run(once=True)
        clock.advance(9 * 60)
        memory = Memory(place, folder=folder / name / "memory", terminal="picture")
        app = ProcTui(operator, memory=memory, now=clock.now, environment={"TERM": "xterm-256color"}, drive=False)
        app.theme = picture.theme
        app.feed.own = "picture"
        width, height = picture.size
        # Drawn once more at its size when all is there: what a pane measured on the way does not show.
        async with app.run_test(size=(width + 2, height)) as pilot:
            await _settle(pilot)
            for step in picture.steps:
                if isinstance(step, str):
                    await pilot.press(step)
                else:
                    step(app)
                await _settle(pilot)
            for field in app.screen.query("Input, TextArea"):
                if isinstance(field, (Input, TextArea)):
                    field.cursor_blink = False
            await pilot.resize_terminal(width, height)
            await _settle(pilot)
            svg = app.export_screenshot(title="proc-tui")
            await app.leave()
    # Rich numbers its classes anew each time.
    return _ID.sub(f"{name}-", svg)


async def _settle(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, ProcTui)
    busy: list[Any] = []
    for _ in range(ROUNDS):
        await pilot.pause(AT_REST)
        busy = [worker for worker in app.workers if worker.group in ("read", "act", "start") and not worker.is_finished]
        if not busy and not app.feed.is_behind:
            return
    sys.exit(f"the screen does not come to rest: {busy or 'the feed is behind'}")


def main(wanted: list[str]) -> int:
    """Draws the pictures that are named, or all."""
    for name in ("NO_COLOR", "TEXTUAL_COLOR_SYSTEM"):
        os.environ.pop(name, None)
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="proc-tui-pictures-") as folder:
        for name, picture in PICTURES.items():
            if not wanted or name in wanted:
                svg = asyncio.run(draw(name, picture, Path(folder)))
                (PLACE / f"{name}.svg").write_text(svg, encoding="utf-8")
                print(f"docs/pictures/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
