"""The interface: one application over one open workspace.

The worker runs in the application's loop and Lua in its threads; screens show what the feed posts and call the operator.
Belongs here: what all screens share (the selected run and moment, the feed, the worker, notices, leaving). Never: what a
screen looks like. Only what the first frame needs is imported here; all else is when it is opened.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import platformdirs
from rich.text import Text
from textual.app import App
from textual.worker import Worker, WorkerState

from .. import themes
from ..core.errors import ProcError
from ..core.model import settings as configuration
from . import glyphs, keys
from .clean import oneline
from .live.driving import Driving
from .live.feed import Feed, Tick, Trouble
from .memory import Memory
from .screen_safety import ControlGate
from .screens.operate import OperateScreen
from .screens.screen import ProcDialog, ProcScreen
from .widgets.find_bar import FindBar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel

    from ..core.operator import Operator
    from .live.workspace import WorkspaceView
    from .widgets.lines import Lines

T = TypeVar("T")

CLOCK_SECONDS = 1.0
COPIED = "copied, if your terminal takes it (OSC 52)"


class ProcTui(App[int], inherit_bindings=False):
    """The interface of one workspace."""

    LAYER: ClassVar[str] = "app"
    TITLE = "proc-tui"
    BINDINGS = keys.bindings("app")
    MODES = {"operate": OperateScreen}  # noqa: RUF012 - as in the base class
    DEFAULT_MODE = "operate"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    CSS_PATH = Path(__file__).with_name("app.tcss")

    def __init__(
        self, operator: Operator, *, memory: Memory | None = None, now: Callable[[], float] = time.time,
        environment: Mapping[str, str] = os.environ, drive: bool = True,
    ) -> None:  # fmt: skip
        """`drive` is False for a second look at a workspace that somebody else drives. Closes nothing of the operator."""
        self.glyphs: glyphs.Glyphs = glyphs.choose(environment)
        """The signs that the terminal can show."""
        self.operator: Operator = operator
        self.memory: Memory = memory or Memory(operator.workspace)
        """What is remembered for this workspace and terminal."""
        self.now: Callable[[], float] = now
        """The time, as screens show it."""
        self.remote: bool = bool(environment.get("SSH_CONNECTION"))
        self._gate: ControlGate = ControlGate()
        super().__init__()
        self.feed: Feed = Feed(operator, self.post_message, now=now, slow=self.remote)
        """What reads the workspace."""
        self.tick: Tick | None = None
        """What was read last."""
        self.selected: str | None = None
        """The run that is looked at."""
        self.at: int | None = None
        """The event whose moment is looked at; None is the present."""
        self.whole_keymap: dict[str, str] = {}
        """What keys were rebound to; empty when none was."""
        self._driving: Driving | None = Driving(operator, self._problem) if drive else None
        self._asked: frozenset[str] = frozenset()
        self._leaving: bool = False
        self._prepare(environment)

    # ---- beginning and ending

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Themes, keys, and what the first frame shows."""
        if self.remote:
            self.animation_level = "none"
        found, problems = themes.load(Path(platformdirs.user_config_dir("proc-tui")) / "themes")
        for theme in found:
            self.register_theme(theme)
        said = _sections(self.operator.workspace)
        self.theme = self._chosen_theme(said.get("theme"), environment)
        self.whole_keymap, more = keys.keymap(_table(said.get("keys")))
        if self.whole_keymap:
            self.set_keymap(self.whole_keymap)
        self._problems: list[str] = [*problems, *more, *self.operator.notes]
        self.tick = self.feed.read()
        view = self.tick.view
        remembered = self.memory.now.run
        self._asked = frozenset(request.id for request in view.requests)
        if remembered is not None and view.find(remembered) is not None:
            self.selected = remembered
        else:
            self.selected = next((entry.run.id for entry in view.entries()), None)
        self.feed.watch(self.selected)

    def _chosen_theme(self, said: object, environment: Mapping[str, str]) -> str:
        named = said if isinstance(said, str) else _table(said).get("name")
        for name in (self.memory.now.theme, named):
            if isinstance(name, str) and name in self.available_themes:
                return name
        poor = environment.get("TERM") == "linux" or self.console.color_system == "standard"
        return "proc-16" if poor and not self.is_headless else themes.DEFAULT

    def on_mount(self) -> None:
        """Everything else begins after the first frame."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self.feed.run(), exit_on_error=False, group="feed", name="feed")
        if self._driving is not None:
            self.run_worker(self._driving.run(self._named), exit_on_error=False, group="driving", name="worker")
        self.set_interval(CLOCK_SECONDS, self._clock)
        for problem in self._problems:
            self.say(problem, "warning")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGHUP, signal.SIGTERM):
                loop.add_signal_handler(number, self._hung_up)
            self._write("\x1b[22;2t")
            if self.remote:
                # Clicks only: reports of every motion of the mouse flood a slow line.
                self._write("\x1b[?1003l\x1b[?1000h")
        self._retitle()

    def _named(self, owner: str) -> None:
        self.feed.own = owner
        self.feed.look()

    async def leave(self, code: int = 0) -> None:
        """Lets go of the runs and ends; they stay as they were recorded."""
        if self._leaving:
            return
        self._leaving = True
        view = self.workspace
        self.memory.keep(run=self.selected, left_at=self.now(), seen=self._newest())
        if self._driving is not None:
            await self._driving.end()
        self.workers.cancel_group(self, "feed")
        if not self.is_headless:
            self._write("\x1b[23;2t")
        self.exit(code, return_code=code)

    def _newest(self) -> int:
        with suppress(ProcError):
            return self.operator.newest_event()
        return self.memory.now.seen

    def _hung_up(self) -> None:
        """The terminal is gone, or the machine goes down: nothing can be asked any more."""
        self.run_worker(self.leave(129), exit_on_error=False, group="leave")

    # ---- what is new

    @property
    def workspace(self) -> WorkspaceView:
        """The workspace as it was read last."""
        assert self.tick is not None
        return self.tick.view

    def on_tick(self, message: Tick) -> None:
        """Something changed."""
        before, self.tick = self.tick, message
        if self.selected is None:
            first = next((entry.run.id for entry in message.view.entries()), None)
            if first is not None:
                self.select(first)
        self._show(message)
        asked = frozenset(request.id for request in message.view.requests)
        if asked - self._asked:
            self.bell()
        self._asked = asked
        if before is None or len(before.view.requests) != len(asked):
            self._retitle()

    def _show(self, tick: Tick) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, (ProcScreen, ProcDialog)):
                if isinstance(screen, ProcScreen):
                    screen.show(tick)
                if not screen.is_modal:
                    break

    def on_trouble(self, message: Trouble) -> None:
        """The workspace could not be read."""
        self.say(str(message.error), "error")

    def _clock(self) -> None:
        now = self.now()
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ProcScreen):
                screen.clock(now)
                break

    def _retitle(self) -> None:
        needs = len(self.workspace.requests)
        title = f"({needs}) " if needs else ""
        self.title = f"{title}proc-tui {oneline(self.workspace.name)}"
        if not self.is_headless:
            self._write(f"\x1b]2;{self.title}\x1b\\")

    # ---- which run, which moment

    def select(self, run: str | None) -> None:
        """Looks at a run, as it is now."""
        if run != self.selected or self.at is not None:
            self.selected, self.at = run, None
            self.feed.watch(run)
            self.memory.keep(run=run)

    def go_to_run(self, run: str) -> None:
        """Selects a run in the list and looks at it."""
        for screen in self.screen_stack:
            if isinstance(screen, OperateScreen):
                screen.choose(run)
        self.select(run)

    def look_at(self, seq: int | None) -> None:
        """Looks at the moment of an event of the run, or at the present."""
        view = self.tick.run if self.tick is not None else None
        if view is not None and seq is not None and seq >= view.last:
            seq = None
        self.at = seq
        self.feed.watch(self.selected, at=seq)

    def step_event(self, step: int) -> None:
        """Looks at the event before or after."""
        view = self.tick.run if self.tick is not None else None
        if view is not None:
            self.look_at(max(1, (self.at if self.at is not None else view.last) + step))

    def step_checkpoint(self, step: int) -> None:
        """Looks at the end of the operation before or after."""
        view = self.tick.run if self.tick is not None else None
        if view is None:
            return
        here = self.at if self.at is not None else view.last
        reader = self.feed.reader(view.run.id)

        def found(ends: list[int]) -> None:
            nearer = [seq for seq in ends if (seq < here if step < 0 else seq > here)]
            if nearer:
                self.look_at(nearer[-1] if step < 0 else nearer[0])
            elif step > 0:
                self.look_at(None)

        self.act(lambda: sorted(row.seq for row in reader.checkpoints(reader.view()) if row.seq), found)

    def step_request(self, step: int) -> None:
        """Goes to the run of the next request, or the one before."""
        waiting = [request.run for request in self.workspace.requests]
        if not waiting:
            self.say("nothing waits for you")
            return
        here = waiting.index(self.selected) if self.selected in waiting else -1 if step > 0 else 0
        self.go_to_run(waiting[(here + step) % len(waiting)])

    def show_source(self, line: int) -> None:
        """Shows a line of the run's source."""
        from .screens.operate import RunScreen

        screen = self.screen
        if isinstance(screen, RunScreen):
            screen.panel.bring("source")
            pane = screen.panel.pane("source")
            if pane is not None:
                self.call_after_refresh(getattr(pane, "go_to", lambda _line: None), line)

    # ---- for screens, panes and widgets

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Says something for a moment, literally, whatever is in the text."""
        self.notify(oneline(text), severity=severity, markup=False)

    def copy(self, text: str) -> None:
        """Copies a text by the terminal."""
        self.copy_to_clipboard(text)
        self.say(COPIED)

    def act(self, work: Callable[[], T], then: Callable[[T], None] | None = None) -> None:
        """Does what changes a run, or reads for long, in a thread; its errors are said."""

        async def doing() -> None:
            try:
                result = await asyncio.to_thread(work)
            except ProcError as error:
                self.say(str(error), "error")
                return
            self.feed.look()
            if then is not None:
                then(result)

        self.run_worker(doing(), exit_on_error=False, group="act")

    def keep_filter(self, pane: str, value: str) -> None:
        """Remembers what a pane leaves out."""
        self.memory.keep(filters={**self.memory.now.filters, pane: value})

    def find_in(self, lines: Lines) -> None:
        """Opens the field that looks in a list."""
        for bar in self.screen.query(FindBar):
            bar.remove()
        bar = FindBar(lines)
        self.screen.mount(bar)
        bar.focus()

    def start_form(self, procedure: str | None) -> None:
        """Opens the form that starts a procedure."""
        from .screens.start import StartScreen

        self.push_screen(StartScreen(procedure))

    def edit_source(self) -> None:
        """Opens the procedure of the run in the editor."""
        self.say("editing the source is not there yet")

    def actions(self) -> None:
        """Opens what can be done with the selected run."""
        from .screens.dialogs import actions_of

        view = self.tick.run if self.tick is not None else None
        if view is not None:
            self.push_screen(actions_of(self, view))

    # ---- keys

    def action_help(self) -> None:
        """Opens the help."""
        from .screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_commands(self) -> None:
        """Opens the commands."""
        from .screens.palette import PaletteScreen

        self.push_screen(PaletteScreen())

    def action_inbox(self) -> None:
        """Opens the inbox."""
        from .screens.inbox import InboxScreen

        if not isinstance(self.screen, InboxScreen):
            self.push_screen(InboxScreen())

    def action_back(self) -> None:
        """Back to the screen before; at the root, asks how to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
            return
        from .screens.dialogs import LeaveDialog

        def chosen(choice: str | None) -> None:
            if choice is not None:
                self.run_worker(self.leave(), exit_on_error=False, group="leave")

        going_on = len(self.workspace.running)
        if going_on and self.workspace.driver.kind == "here":
            self.push_screen(LeaveDialog(going_on), chosen)
        else:
            chosen("leave")

    def action_redraw(self) -> None:
        """Draws the screen again, over whatever another program wrote on it."""
        if not self.is_headless:
            self._write("\x1b[2J")
        self.refresh(layout=True)
        self.screen.refresh(layout=True)
        for widget in self.screen.query("*"):
            widget.refresh()

    def action_interrupt(self) -> None:
        """^C copies what is selected by the mouse, and ends nothing."""
        text = self.screen.get_selected_text()
        if text:
            self.copy(text)
        else:
            self.say("q leaves; ^C ends nothing here")

    # ---- safety

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As in the base class, with the last gate for untrusted text."""
        return [*super().get_line_filters(), self._gate]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """As in the base class: our names in Textual's own themes."""
        theme = self.current_theme
        wait, good, bad = theme.warning or "#f0b45c", theme.success or "#8fc073", theme.error or "#ee6a6f"
        quiet = "#8a8f98" if theme.dark else "#666c74"
        front = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
        back = theme.background or ("#121212" if theme.dark else "#f5f5f5")
        line, cursor = ("#3a3f48", "#2f3844") if theme.dark else ("#c4c8ce", "#cdd8e6")
        return {
            "wait": wait, "good": good, "bad": bad, "quiet": quiet, "strong": front, "line": line, "cursor": cursor,
            "agent": theme.secondary or theme.primary, "string": good, "number": wait, "cursor-blurred": line,
            "added": line, "changed": line, "removed": line, "card": back, "on-wait": back, "on-accent": back,
        }  # fmt: skip

    def _problem(self, run: str, error: ProcError) -> None:
        self.say(f"run {run[:4]}: {error}" if run else str(error), "warning")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What failed in the background is said, and kept where it can be read."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.failed(event.worker.error, f"{event.worker.name} failed")

    def failed(self, error: BaseException, what: str) -> None:
        """Something of the interface itself failed: says so, and goes on."""
        if isinstance(error, ProcError):
            self.say(str(error), "error")
            return
        if self.is_headless and isinstance(error, Exception):
            raise error
        file = _keep_crash(error)
        self.say(f"{what}: {type(error).__name__}: {error}; details in {file}", "error")

    def _fatal_error(self) -> None:
        """An error that nothing caught: the screen is given back, and one line says where the details are."""
        if self.is_headless or self._exception is None:
            super()._fatal_error()
            return
        file = _keep_crash(self._exception)
        error = self._exception
        self._exit_renderables.append(
            Text(
                f"proc-tui failed: {type(error).__name__}: {oneline(error)}\n"
                f"The runs stay as they were recorded; start it again to go on. Details: {file}"
            )
        )
        self._close_messages_no_wait()

    def _write(self, sequence: str) -> None:
        """Writes a sequence of ours to the terminal."""
        if self._driver is not None:
            self._driver.write(sequence)




def _keep_crash(error: BaseException) -> Path:
    """Writes the details of a failure to a file of its own, and gives its path."""
    folder = Path(platformdirs.user_state_dir("proc-tui"))
    file = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return file


def _sections(workspace: Path) -> dict[str, object]:
    """What the configuration says besides the core's settings."""
    said: dict[str, object] = {}
    for file in configuration.config_files(workspace):
        with suppress(ProcError):
            said |= configuration.sections(file)
    return said


def _table(value: object) -> dict[str, object]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}
