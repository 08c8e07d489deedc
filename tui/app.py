"""The interface: one application over one open workspace.

The worker runs in the application's loop and Lua in its threads; screens show what the feed posts and call the
operator. Belongs here: putting the parts together (`application/`), and what begins when the workspace is open. Never:
what a screen looks like. Only what the first frame needs is imported here; all else is when it is opened.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from .application.choosing import Choosing
from .application.doing import Doing
from .application.ending import Ending
from .application.guarding import Guarding
from .application.looking import Looking
from .application.telling import Telling
from .memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from textual.screen import Screen

    from ..core.errors import ProcError
    from ..core.operator import Operator


def _operate() -> Screen[None]:
    from .screens.operate import OperateScreen

    return OperateScreen()


class ProcTui(Looking, Telling, Doing, Ending, Choosing, Guarding):
    """The interface of one workspace."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {"operate": _operate}
    DEFAULT_MODE = "operate"
    CSS_PATH = Path(__file__).with_name("app.tcss")

    def __init__(
        self, operator: Operator | Path, *, memory: Memory | None = None, now: Callable[[], float] = time.time,
        environment: Mapping[str, str] = os.environ, drive: bool = True,
    ) -> None:  # fmt: skip
        """With the folder of a workspace, it is opened later (`opening.py`). Whoever opened the operator closes it.

        `drive` is False for a look at what others drive.
        """
        folder = operator if isinstance(operator, Path) else operator.workspace
        super().__init__(folder, memory or Memory(folder), now, environment)
        self._drives: bool = drive
        if not isinstance(operator, Path):
            self.load_themes()
            self.take(operator)

    def take(self, operator: Operator) -> None:
        """The workspace is open: reads what its first screen shows. For threads, as long as nothing else was begun."""
        from .live.feed import Feed

        operator.user = self.memory.name or operator.user
        feed = Feed(operator, self.post_message, now=self.now, slow=self.remote)
        tick = feed.read()
        remembered = self.memory.now.run
        if remembered is not None and tick.view.find(remembered) is not None:
            self.selected = remembered
        else:
            self.selected = next((entry.run.id for entry in tick.view.entries()), None)
        feed.watch(self.selected)
        if self._drives:
            from .live.driving import Driving

            self.driving = Driving(operator, self._problem)
        self.operator, self.feed, self.tick = operator, feed, tick
        self.problems += operator.notes

    @property
    def is_open(self) -> bool:
        """Whether there is something to look at."""
        return self.tick is not None

    def on_mount(self) -> None:
        """Everything else begins after the first frame."""
        self.mind_signals()
        self.write("\x1b[22;2t")
        if self.remote:
            # Clicks only: reports of every motion of the mouse flood a slow line.
            self.write("\x1b[?1003l\x1b[?1000h")
        if self.is_open:
            self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """Reads and drives from now on, and tells what is new."""
        self.run_worker(self.feed.run(), exit_on_error=False, group="feed", name="feed")
        if self.driving is not None:
            self.run_worker(self.driving.run(self._named), exit_on_error=False, group="driving", name="worker")
        self.load_themes()
        for problem in self.problems:
            self.say(problem, "warning")
        self.begin_telling()
        self._check_room()

    def on_resize(self) -> None:
        """There may be too little room, or enough again."""
        if self.is_open:
            # Not at once: a screen that is pushed while another is being resized is not painted.
            self.call_later(self._check_room)

    def _check_room(self) -> None:
        """Covers what cannot be read wholly."""
        from .screens.too_small import TooSmallScreen, is_too_small

        covered = isinstance(self.screen, TooSmallScreen)
        if is_too_small(self.size) and not covered:
            self.push_screen(TooSmallScreen())
        elif covered and not is_too_small(self.size):
            self.pop_screen()

    def _named(self, owner: str) -> None:
        self.feed.own = owner
        self.feed.look()

    def _problem(self, run: str, error: ProcError) -> None:
        self.say(f"run {run[:4]}: {error}" if run else str(error), "warning")
