"""What every part of the application and every screen uses: what is open, saying something, working in a thread.

Belongs here: what all parts share. Never: what a screen looks like, or an import that the first frame does not need.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

import platformdirs
from textual.app import App
from textual.signal import Signal
from textual.worker import Worker, WorkerState

from ...core.errors import ProcError
from .. import glyphs, keys
from ..clean import oneline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.notifications import SeverityLevel

    from ...core.operator import Operator
    from ..configured import Configured
    from ..live.driving import Driving
    from ..live.feed import Feed, Tick
    from ..live.workspace import WorkspaceView
    from ..memory import Memory
    from ..widgets.arming import Keyboard

T = TypeVar("T")

COPIED = "copied, if your terminal takes it (OSC 52)"

MOST_SAID = 1000
"""Characters of what is said for a moment: an error may hold a whole text."""


class Shared(App[int], inherit_bindings=False):
    """What the parts of the application share."""

    LAYER: ClassVar[str] = "app"
    TITLE = "proc-tui"
    BINDINGS = keys.bindings("app")
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False

    operator: Operator
    """What can be done in the workspace; there once it is open."""
    feed: Feed
    """What reads the workspace; there once it is open."""
    keyboard: Keyboard
    """What comes from the terminal, before anything acts on it."""
    configured: Configured
    """What the configuration says of the interface."""

    def __init__(self, folder: Path, memory: Memory, now: Callable[[], float], environment: Mapping[str, str]) -> None:
        self.folder: Path = folder
        """The workspace's."""
        self.glyphs: glyphs.Glyphs = glyphs.choose(environment)
        """The signs that the terminal can show."""
        self.memory: Memory = memory
        """What is remembered for this workspace and terminal."""
        self.now: Callable[[], float] = now
        """The time, as screens show it."""
        self.remote: bool = bool(environment.get("SSH_CONNECTION"))
        super().__init__()
        self.tick: Tick | None = None
        """What was read last; None until the workspace is open."""
        self.ticks: Signal[Tick] = Signal(self, "ticks")
        """For what keeps itself up to date."""
        self.selected: str | None = None
        """The run that is looked at."""
        self.at: int | None = None
        """The event whose moment is looked at; None is the present."""
        self.whole_keymap: dict[str, str] = {}
        """What keys were rebound to; empty when none was."""
        self.driving: Driving | None = None
        """The worker of this process; None where others drive."""
        self.left: bool = False
        """Whether somebody left it, rather than that it was taken away."""
        self._failures: set[str] = set()

    @property
    def workspace(self) -> WorkspaceView:
        """The workspace as it was read last."""
        assert self.tick is not None
        return self.tick.view

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Says something for a moment, literally, whatever is in the text; what stands there already, not again."""
        line = oneline(text[:MOST_SAID])
        if severity == "information" or all(note.message != line for note in self._notifications):
            self.notify(line, severity=severity, markup=False)

    def copy(self, text: str) -> None:
        """Copies a text by the terminal."""
        self.copy_to_clipboard(text)
        self.say(COPIED)

    def act(self, work: Callable[[], T], then: Callable[[T], None] | None = None, *, waits: bool = False) -> None:
        """Does what changes a run, or reads for long, in a thread; its errors are said.

        `waits` is for what waits for a model: it takes none of the threads in which the workspace is read, and is
        left behind at the end.
        """

        async def doing() -> None:
            try:
                result = await (in_own_thread(work) if waits else asyncio.to_thread(work))
            except ProcError as error:
                self.say(str(error), "error")
                return
            self.feed.look()
            if then is not None:
                then(result)

        self.run_worker(doing(), exit_on_error=False, group="act")

    def write(self, sequence: str) -> None:
        """Writes a sequence of ours to the terminal, if there is one."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    # ---- what failed

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What failed in the background is said, and kept where it can be read."""
        worker = cast("Worker[object]", event.worker)
        if event.state is WorkerState.ERROR and worker.error is not None:
            self.failed(worker.error, f"{worker.name} failed")

    def failed(self, error: BaseException, what: str) -> None:
        """Something of the interface itself failed: says so, and goes on."""
        if isinstance(error, ProcError):
            self.say(str(error), "error")
            return
        if self.is_headless and isinstance(error, Exception):
            raise error
        text = f"{what}: {type(error).__name__}: {error}"
        if text not in self._failures:
            self._failures.add(text)
            self.say(f"{text}; details in {keep_crash(error)}", "error")


async def in_own_thread(work: Callable[[], T]) -> T:
    """What `work` gives, from a thread that ends with the program, however long it waits."""
    loop = asyncio.get_running_loop()
    given: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if given.done():
            return  # nobody waits for it any more
        if error is not None:
            given.set_exception(error)
        else:
            given.set_result(cast("T", result))

    def working() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - it is raised where the result is waited for
            error = caught
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=working, name="waits", daemon=True).start()
    return await given


def keep_crash(error: BaseException) -> Path:
    """Writes the details of a failure to a file of its own, for its owner only, and gives its path."""
    folder = Path(platformdirs.user_state_dir("proc-tui"))
    file = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        details = "".join(traceback.format_exception(error)).encode(errors="replace")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(details)
    return file
