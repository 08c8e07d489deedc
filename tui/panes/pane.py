"""What every pane is: a framed part of a run, given an immutable view, which reads what it shows by itself.

How to write one, by the model of `log.py` and `state.py`:

1. Subclass `Pane` in `panes/NAME.py` with the class name of `panes/__init__.py`. `compose` yields what fills the
   frame; most panes are one subclass of `widgets.lines.Lines` (or `widgets.tree.TreeLines`), which draws only what is
   on the screen. `body` names the widget that takes the focus.
2. `show(view, before)` is called on the app's loop at most ten times a second, and once when the pane comes to the
   front. Compare the two (`before` is None for another run or moment, after `reset()`), and do nothing when what you
   show did not change. `view.version` changes with anything of the run; `view.run.id` and `view.at` say which run and
   which moment.
3. Read in a thread: `self.read(reading, then)` calls `reading(reader)` there, with the run's `RunReader`, and
   `then(result)` back on the loop, unless the pane was given another run, another moment or a later reading
   meanwhile. A `ProcError` becomes the pane's error state. `reading` returns copies, never a part of a fold. Never
   read anywhere else.
4. States: `self.say("...")` shows a line instead of the body (empty), `self.say(..., "error")`, `self.say(None)`
   shows the body; a list keeps the focus all the while, so that its keys act. Until the first `then` of a run the pane
   says that it loads, after a moment, so that nothing flickers.
5. `self.about(...)` is the line in the lower border. Untrusted text passes `screen_safety.safe` or `safe_line`,
   always.
6. Keys: rows of your layer in `tui/keys.py`; `LAYER = "NAME"` and `BINDINGS = keys.bindings("NAME")` on the widget
   that takes the focus; actions are its methods. A text field takes the focus only by `i c e / :` or a click.
7. To look at another moment: `self.proc.look_at(seq)`, `look_at(None)` for the present; to go to a line of the
   source: `self.proc.show_source(line)`. What changes a run goes through `self.proc.act(...)`.
8. `self.proc.memory.now.filters[NAME]` and `self.proc.keep_filter(NAME, value)` remember a filter. Times that go on
   are drawn in `clock(now)`, called once a second; draw only what differs.

Belongs here: the frame. Never: what a pane shows.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, cast

from textual.containers import Container
from textual.content import Content
from textual.worker import Worker, WorkerState

from ...core.errors import ProcError
from ..screen_safety import safe_line
from ..widgets.steady import Steady

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from ..app import ProcTui
    from ..glyphs import Glyphs
    from ..live.reader import RunReader, RunView

T = TypeVar("T")

PATIENCE = 0.3
"""Seconds after which a pane says that it is loading."""


class Pane(Container):
    """A framed part of a run."""

    NAME: ClassVar[str] = ""
    """As in `panes.PANES`."""
    body: ClassVar[str] = "Lines"
    """Selectors of what takes the focus, separated by commas: the first one that is there."""
    DEFAULT_CSS = """
    Pane {
        border: round $line; border-title-color: $quiet; border-subtitle-color: $quiet; background: transparent;
        padding: 0 1; width: 1fr; height: 1fr;
        border-title-align: left; border-subtitle-align: right;
        &:focus-within { border: round $accent; border-title-color: $accent; }
        &.-past { border: round $agent; }
        .pane--said { width: 1fr; height: auto; padding: 0 1; color: $quiet; display: none; }
        &.-says .pane--said { display: block; }
        &.-says > .pane--body { display: none; }
        &.-says > Lines.pane--body { display: block; height: 0; }
        &.-error .pane--said { color: $bad; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id=f"pane-{self.NAME}")
        self.view: RunView | None = None
        """What is shown, or was when the pane was in front last."""
        self._reading: int = 0
        self._waiting: bool = False
        self._fresh: bool = False
        """Whether nothing was read of the run yet."""
        self._said: Steady = Steady("", classes="pane--said", markup=False)

    # ---- what a pane says

    def show(self, view: RunView, before: RunView | None) -> None:
        """Shows a view, which is `self.view` already; `before` is the one before of the same run and moment, if any."""
        raise NotImplementedError

    def clock(self, now: float) -> None:
        """A second has passed."""

    def reset(self) -> None:
        """Another run, or another moment, is about to be shown: forget what was of the other one."""

    # ---- for panes

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def glyphs(self) -> Glyphs:
        """The signs that the terminal can show."""
        return self.proc.glyphs

    def read(self, reading: Callable[[RunReader], T], then: Callable[[T], None]) -> None:
        """Reads in a thread, and goes on with the result on the loop unless it is of no use any more."""
        view = self.view
        if view is None:
            return
        self._reading += 1
        number, reader = self._reading, self.proc.feed.reader(view.run.id)

        async def work() -> None:
            try:
                result = await asyncio.to_thread(reading, reader)
            except ProcError as error:
                if number == self._reading and self.is_attached:
                    self._waiting = False
                    self.say(str(error), "error")
                return
            if number == self._reading and self.is_attached:
                self._waiting = False
                then(result)

        if self._fresh:
            self._fresh = False
            self._waiting = True
            self.set_timer(PATIENCE, self._say_loading)
        self.run_worker(work(), exit_on_error=False, group="read", name=f"read {self.NAME}")

    def say(self, text: str | Content | None, kind: Literal["empty", "error", "loading"] = "empty") -> None:
        """Shows a text instead of the body, or with None the body."""
        self.set_class(text is not None, "-says")
        self.set_class(kind == "error", "-error")
        if text is not None:
            self._said.update(text if isinstance(text, Content) else safe_line(text))

    def about(self, text: str | Content) -> None:
        """What stands in the lower border."""
        content = text if isinstance(text, Content) else safe_line(text)
        if not isinstance(self._border_subtitle, Content) or not self._border_subtitle.is_same(content):
            self.border_subtitle = content  # pyright: ignore[reportAttributeAccessIssue] - takes content, as its setter says

    # ---- the frame

    def _say_loading(self) -> None:
        if self._waiting:
            self.say("reading…", "loading")

    def take(self, view: RunView) -> None:
        """Gives the pane a view. Called by the run's panel only."""
        before = self.view
        if before is None or (before.run.id, before.at, before.attempt) != (view.run.id, view.at, view.attempt):
            self._reading += 1
            self._fresh = before is None or before.run.id != view.run.id
            self.set_class(view.at is not None, "-past")
            self.view = None
            self.reset()
        elif before is view:
            return
        before, self.view = self.view, view
        try:
            self.show(view, before)
        except Exception as error:  # noqa: BLE001 - one pane that fails must not take the screen with it
            self.say(f"this pane failed: {error}", "error")
            self.proc.failed(error, f"the pane {self.NAME} failed")

    def on_mount(self) -> None:
        """What fills the frame is known now."""
        for child in self.children:
            child.add_class("pane--body")
        self.mount(self._said)

    def focus_body(self) -> None:
        """Gives the focus to what takes it."""
        for selector in self.body.split(","):
            found = self.query(selector.strip())
            if found:
                found.first().focus()
                return

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A reading that failed in a way that nobody expected: this pane says so, the others go on."""
        error = cast("Worker[object]", event.worker).error
        if event.state is WorkerState.ERROR and error is not None:
            self._waiting = False
            self.say(f"this pane failed: {error}", "error")
            self.proc.failed(error, f"the pane {self.NAME} failed")

    async def on_click(self, event: events.Click) -> None:
        """A click into the frame is for the panel, which may change what is in front."""
        if event.widget is self:
            self.focus_body()
