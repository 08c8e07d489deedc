"""The interface: one application over one open workspace.

The worker runs in the application's loop and Lua in its threads; screens show what the feed posts and call the
operator. Belongs here: what all screens share (the selected run and moment, the feed, the worker, notices, leaving).
Never: what a screen looks like. Only what the first frame needs is imported here; all else is when it is opened.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

import platformdirs
from rich.text import Text
from textual import events
from textual.app import App
from textual.signal import Signal
from textual.worker import Worker, WorkerState

from .. import themes
from ..core.errors import ProcError
from ..core.model import settings as configuration
from . import glyphs, keys
from .announcing import Announcer
from .clean import oneline
from .live.driving import Driving
from .live.feed import Feed, Tick, Trouble
from .memory import Memory
from .screen_safety import ControlGate
from .screens.operate import OperateScreen, RunScreen
from .screens.screen import ProcDialog, ProcScreen
from .widgets.arming import HEADLESS, REMOTE, Keyboard, Timing
from .widgets.find_bar import FindBar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from ..core.journal.windows import Step
    from ..core.operator import Operator
    from .live.workspace import WorkspaceView
    from .widgets.lines import Lines

T = TypeVar("T")

CLOCK_SECONDS = 1.0
SEEN_SECONDS = 20.0
"""How often it is noted that somebody has the workspace before their eyes, for what may end without a word."""
AWAY_SECONDS = 60.0
"""Whoever was away for less knows what happened."""
TWICE_SECONDS = 2.0
"""Within which a second ^C means it."""
COPIED = "copied, if your terminal takes it (OSC 52)"


class ProcTui(App[int], inherit_bindings=False):
    """The interface of one workspace."""

    LAYER: ClassVar[str] = "app"
    TITLE = "proc-tui"
    BINDINGS = keys.bindings("app")
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {"operate": OperateScreen}
    DEFAULT_MODE = "operate"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    CSS_PATH = Path(__file__).with_name("app.tcss")

    def __init__(
        self, operator: Operator, *, memory: Memory | None = None, now: Callable[[], float] = time.time,
        environment: Mapping[str, str] = os.environ, drive: bool = True,
    ) -> None:  # fmt: skip
        """`drive` is False for a look at what others drive. Whoever opened the operator closes it."""
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
        self.ticks: Signal[Tick] = Signal(self, "ticks")
        """For what keeps itself up to date."""
        self.keyboard: Keyboard = Keyboard(self._ask, REMOTE if self.remote else Timing(), asks=True)
        """What comes from the terminal, before anything acts on it."""
        self.selected: str | None = None
        """The run that is looked at."""
        self.at: int | None = None
        """The event whose moment is looked at; None is the present."""
        self.whole_keymap: dict[str, str] = {}
        """What keys were rebound to; empty when none was."""
        self._driving: Driving | None = Driving(operator, self._problem) if drive else None
        self._announcer: Announcer | None = None
        self._seen_at: float = 0.0
        self._interrupted_at: float = 0.0
        self._leaving: bool = False
        self._failures: set[str] = set()
        self._prepare(environment)

    # ---- beginning and ending

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Themes, keys, and what the first frame shows."""
        if self.remote:
            self.animation_level = "none"
        self.set_class(self.glyphs.name == "ascii", "-ascii")
        found, problems = themes.load(Path(platformdirs.user_config_dir("proc-tui")) / "themes")
        for theme in found:
            self.register_theme(theme)
        said = _sections(self.operator.workspace)
        self.theme = self._chosen_theme(said.get("theme"), environment)
        self.whole_keymap, more = keys.keymap(_table(_own_sections().get("keys")))
        if self.whole_keymap:
            self.set_keymap(self.whole_keymap)
        self._problems: list[str] = [*problems, *more, *self.operator.notes]
        self.tick = self.feed.read()
        view = self.tick.view
        remembered = self.memory.now.run
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
        if self.is_headless:
            self.keyboard.timing, self.keyboard.asks = HEADLESS, False
        self.app_resume_signal.subscribe(self, self._resumed)  # pyright: ignore[reportUnknownMemberType] - of Textual
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self.feed.run(), exit_on_error=False, group="feed", name="feed")
        if self._driving is not None:
            self.run_worker(self._driving.run(self._named), exit_on_error=False, group="driving", name="worker")
        self.set_interval(CLOCK_SECONDS, self._clock)
        for problem in self._problems:
            self.say(problem, "warning")
        self._announcer = Announcer.of(self.operator, problem=lambda text: self.say(text, "warning"))
        self._announcer.know(self.workspace.requests)
        self.run_worker(self._show_since(), exit_on_error=False, group="since", name="what happened")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._hung_up, number)
            self._write("\x1b[22;2t")
            if self.remote:
                # Clicks only: reports of every motion of the mouse flood a slow line.
                self._write("\x1b[?1003l\x1b[?1000h")
        self._retitle()

    def _named(self, owner: str) -> None:
        self.feed.own = owner
        self.feed.look()

    async def _show_since(self) -> None:
        """Says what happened since this person was here last."""
        left, now = self.memory.left_at, self.now()
        self.memory.keep_left(now)
        if not left or now - left < AWAY_SECONDS:
            return
        from .screens.since import SinceScreen, is_news

        found = await asyncio.to_thread(self.operator.since, left)
        if is_news(found) and not self._leaving and not self.screen.is_modal:
            self.push_screen(SinceScreen(found, self.glyphs))

    async def leave(self, code: int = 0, *, background: bool = False) -> None:
        """Lets go of the runs and ends; they stay as they were recorded.

        With `background` another process drives on what goes on, unless one does already.
        """
        if self._leaving:
            return
        self._leaving = True
        self.memory.keep_left(self.now())
        self.memory.keep(run=self.selected, left_at=self.now(), seen=self._newest())
        if self._driving is not None:
            await self._driving.end()
        if background:
            await self._hand_over()
        self.workers.cancel_group(self, "feed")  # pyright: ignore[reportUnknownMemberType] - of Textual
        if not self.is_headless:
            self._write("\x1b[23;2t")
        self.exit(code, return_code=code)

    def _newest(self) -> int:
        with suppress(ProcError):
            return self.operator.newest_event()
        return self.memory.now.seen

    @property
    def left(self) -> bool:
        """Whether somebody left it, rather than that it was taken away."""
        return self._leaving

    async def _hand_over(self) -> None:
        from . import leaving

        try:
            await asyncio.to_thread(leaving.hand_over, self.operator)
        except (OSError, ProcError) as error:
            self.failed(error, "no background worker could be started")

    def _hung_up(self, number: int) -> None:
        """The terminal is gone, or somebody ends the program: nothing can be asked any more.

        Runs go on without a terminal; who ends the program itself ends its runs here, too.
        """
        gone = number == signal.SIGHUP and self._driving is not None
        self.run_worker(self.leave(128 + number, background=gone), exit_on_error=False, group="leave")

    # ---- what is new

    @property
    def workspace(self) -> WorkspaceView:
        """The workspace as it was read last."""
        assert self.tick is not None
        return self.tick.view

    def on_tick(self, message: Tick) -> None:
        """Something changed."""
        before, self.tick = self.tick, message
        self.ticks.publish(message)
        if self.selected is None:
            first = next((entry.run.id for entry in message.view.entries()), None)
            if first is not None:
                self.select(first)
        self._show(message)
        self._announce()
        if before is None or len(before.view.requests) != len(message.view.requests):
            self._retitle()

    def _show(self, tick: Tick) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, (ProcScreen, ProcDialog)):
                if isinstance(screen, ProcScreen):
                    screen.show(tick)
                if not screen.is_modal:
                    break

    def _announce(self) -> None:
        """Tells what is new, or nearly due."""
        if self._announcer is None:
            return
        found = self._announcer.news(self.workspace.requests, self.now())
        if found and self._announcer.notify.bell:
            self.bell()
        for item in found:
            if not self.is_headless and (said := self._announcer.sequence(item, os.environ)):
                self._write(said)
            if self._announcer.notify.command:
                self.run_worker(asyncio.to_thread(self._announcer.run, item), exit_on_error=False, group="announce")

    def on_trouble(self, message: Trouble) -> None:
        """The workspace could not be read."""
        self.say(str(message.error), "error")

    def _clock(self) -> None:
        now = self.now()
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ProcScreen):
                screen.clock(now)
                break
        self._announce()
        if now - self._seen_at >= SEEN_SECONDS:
            self._seen_at = now
            self.memory.keep_left(now)

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
        if view is None:
            return
        here = self.at if self.at is not None else view.last
        with suppress(ProcError):
            # One look into an index: quick enough to be done here, so that no press of a key that is held is lost.
            found = self.operator.step(view.run, here, "previous" if step < 0 else "next")
            if found is not None or step > 0:
                self.look_at(found)

    def step_checkpoint(self, step: int) -> None:
        """Looks at the end of the operation before or after."""
        view = self.tick.run if self.tick is not None else None
        if view is None:
            return
        run, here = view.run, self.at if self.at is not None else view.last

        def found(seq: int | None) -> None:
            if seq is not None or step > 0:
                self.look_at(seq)

        to: Step = "previous checkpoint" if step < 0 else "next checkpoint"
        self.act(lambda: self.operator.step(run, here, to), found)

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
        from .panes.source import SourcePane

        screen = self.screen
        if isinstance(screen, RunScreen):
            screen.panel.bring("source")
            pane = screen.panel.pane("source")
            if isinstance(pane, SourcePane):
                self.call_after_refresh(pane.go_to, line)

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
        """Opens the form that starts a procedure; without one, what there is to start."""
        from .screens.start import StartPicker, StartScreen

        self.push_screen(StartPicker() if procedure is None else StartScreen(procedure))

    def new_procedure(self, template: str) -> None:
        """Writes a procedure from a template and opens it in the editor."""
        from . import editing

        self.run_worker(editing.new(self, template), exit_on_error=False, group="edit")

    def edit_file(self, path: Path, line: int = 0) -> None:
        """Opens a procedure in the editor, and checks it on return."""
        from . import editing

        self.run_worker(editing.edit(self, path, line=line), exit_on_error=False, group="edit")

    def edit_source(self) -> None:
        """Opens the procedure of the run in the editor, and offers to go on with it."""
        from .panes.source_edit import edit_source

        view = self.tick.run if self.tick is not None else None
        if view is not None:
            edit_source(self, view.run)

    def actions(self) -> None:
        """Opens what can be done with the selected run."""
        from .screens.run_actions import open_actions

        view = self.tick.run if self.tick is not None else None
        if view is not None:
            open_actions(self, view)

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

    async def action_back(self) -> None:
        """Back to the screen before; at the root, asks how to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
            return
        await self._ask_to_leave()

    async def _ask_to_leave(self) -> None:
        from . import leaving
        from .screens.dialogs import LeaveDialog

        def chosen(choice: str | None) -> None:
            if choice is not None:
                leave = self.leave(background=choice == "background")
                self.run_worker(leave, exit_on_error=False, group="leave")

        going_on = 0
        with suppress(ProcError):
            if self._driving is not None and not await asyncio.to_thread(leaving.stands_by, self.operator):
                going_on = await asyncio.to_thread(leaving.left, self.operator)
        if going_on:
            self.push_screen(LeaveDialog(going_on, background=not leaving.is_demo(self.operator.workspace)), chosen)
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

    async def action_interrupt(self) -> None:
        """^C copies what is selected by the mouse; twice, it asks how to leave."""
        text = self.screen.get_selected_text()
        now = time.monotonic()
        if text:
            self.copy(text)
        elif now - self._interrupted_at < TWICE_SECONDS:
            await self._ask_to_leave()
        else:
            self.say("q leaves, or ^C again; nothing is lost by it")
        self._interrupted_at = now

    # ---- what must not decide

    async def on_event(self, event: events.Event) -> None:
        """As in the base class; what was pasted, torn or typed ahead is noticed first (`widgets/arming.py`)."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self.keyboard.sees(event, in_text=self._in_text()):
                return
        elif isinstance(event, events.Paste) and not event.is_forwarded and not self._in_text():
            self.keyboard.pasted()
        await super().on_event(event)

    def _in_text(self) -> bool:
        return getattr(self.screen.focused, "LAYER", "") == "text" or any(
            base.__name__ in ("Input", "TextArea") for base in type(self.screen.focused).__mro__
        )

    def on_cursor_position(self) -> None:
        """The terminal has seen everything that was written until it was asked."""
        self.keyboard.answered()

    def on_app_focus(self) -> None:
        """The window came to the front."""
        self.rearm()

    def on_resize(self) -> None:
        """Everything stands elsewhere."""
        self.rearm()

    def _resumed(self, _app: object) -> None:
        self.rearm()

    def rearm(self) -> None:
        """Keys of cards count anew: something else is seen."""
        for card in self.screen.query(".-card"):
            getattr(card, "arm", bool)()

    def _ask(self, sequence: str) -> None:
        if not self._batch_count:
            self._write(sequence)

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
            self.say(f"{text}; details in {_keep_crash(error)}", "error")

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


def _own_sections() -> dict[str, object]:
    """What the user's own configuration says: keys are a person's, and no workspace moves them."""
    with suppress(ProcError):
        return configuration.sections(Path(platformdirs.user_config_dir("proc-tui")) / "config.toml")
    return {}


def _sections(workspace: Path) -> dict[str, object]:
    """What the configuration says besides the core's settings."""
    said: dict[str, object] = {}
    for file in configuration.config_files(workspace):
        with suppress(ProcError):
            said |= configuration.sections(file)
    return said


def _table(value: object) -> dict[str, object]:
    return (
        {str(key): item for key, item in cast("dict[object, object]", value).items()} if isinstance(value, dict) else {}
    )
