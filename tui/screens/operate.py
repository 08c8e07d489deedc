"""Operate, the first screen: the runs of the workspace, and the selected one with its panes. Run: that one alone.

Belongs here: what the two screens do with their keys. Never: how runs or panes look.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Horizontal

from .. import keys
from ..panes import BY_NAME
from ..widgets.card import Card
from ..widgets.footer import Footer
from ..widgets.header import Header
from ..widgets.run_list import RunList
from ..widgets.run_panel import RunPanel
from ..widgets.welcome import Welcome
from .screen import ProcScreen

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from ..live.feed import Tick
    from ..widgets.lines import Lines


class RunScreen(ProcScreen[None]):
    """One run with all the room there is."""

    LAYER: ClassVar[str] = "operate"
    BINDINGS = keys.bindings("operate")

    def __init__(self) -> None:
        super().__init__()
        self.panel: RunPanel = RunPanel()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header()
        yield self.panel
        yield Footer()

    def on_mount(self) -> None:
        """Something takes the focus once the first frame is drawn."""
        self.call_after_refresh(self.take_focus)

    def take_focus(self) -> None:
        """To the pane that had it."""
        self.panel.bring(self.panel.front)

    def show(self, tick: Tick) -> None:
        """As in the base class."""
        super().show(tick)
        self.panel.show(tick.run)

    def clock(self, now: float) -> None:
        """As in the base class."""
        self.panel.clock(now)

    def on_key(self, event: events.Key) -> None:
        """A key that would answer the request that is shown, pressed where it does nothing: says where it does."""
        if event.key in self.active_bindings:
            return
        for card in self.query(Card):
            if card.outcome is None and any(option.key == event.key for option in card.options):
                pane = next(key for key in keys.of_layer("operate") if key.id == "operate.pane_1")
                self.proc.say(
                    f"{keys.shortcut(pane, self.proc.whole_keymap)} goes to the request; there {event.key} answers it"
                )
                return

    # ---- panes

    def action_pane(self, name: str) -> None:
        """Goes to a pane."""
        if self.proc.selected is not None and name in BY_NAME:
            self.panel.bring(name)

    def action_next_pane(self) -> None:
        """Goes to the next pane."""
        if not self.panel.next(1):
            self.panel.bring("conversation")

    def action_previous_pane(self) -> None:
        """Goes to the previous pane."""
        if not self.panel.next(-1):
            self.panel.bring("log")

    def action_zoom(self) -> None:
        """Gives the pane all room, or takes it away again."""
        self.panel.zoom()

    def action_filter(self) -> None:
        """The pane has its own, or none."""
        self.proc.say("this pane has nothing to filter")

    def action_out(self) -> None:
        """Leaves a zoomed pane; never the screen."""
        if self.panel.zoomed:
            self.panel.zoom()

    # ---- the run

    def action_actions(self) -> None:
        """What can be done with the run."""
        self.proc.actions()

    def action_new(self) -> None:
        """Starts a procedure."""
        self.proc.start_form(None)

    def action_type(self) -> None:
        """To the composer."""
        self.panel.bring("conversation", focus=False)
        pane = self.panel.pane("conversation")
        if pane is not None:
            self.call_after_refresh(pane.run_action, "type")

    def action_event_back(self) -> None:
        """Looks at the event before."""
        self.proc.step_event(-1)

    def action_event_forward(self) -> None:
        """Looks at the event after."""
        self.proc.step_event(1)

    def action_checkpoint_back(self) -> None:
        """Looks at the checkpoint before."""
        self.proc.step_checkpoint(-1)

    def action_checkpoint_forward(self) -> None:
        """Looks at the checkpoint after."""
        self.proc.step_checkpoint(1)

    def action_live(self) -> None:
        """Back to the present."""
        self.proc.look_at(None)

    def action_next_request(self) -> None:
        """To the next request of any run."""
        self.proc.step_request(1)

    def action_previous_request(self) -> None:
        """To the request before."""
        self.proc.step_request(-1)

    def action_source(self) -> None:
        """To the source."""
        self.panel.bring("source")

    def action_edit(self) -> None:
        """The source in the editor."""
        self.proc.edit_source()


class OperateScreen(RunScreen):
    """The runs, and the selected one."""

    CSS_PATH = Path(__file__).with_name("operate.tcss")

    def __init__(self) -> None:
        super().__init__()
        self._list: RunList = RunList()
        self._welcome: Welcome = Welcome()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header()
        with Horizontal(id="operate"):
            with Container(id="list"):
                yield self._list
            yield self.panel
        yield self._welcome
        yield Footer()

    def on_mount(self) -> None:
        """Shows at once what was read before the first frame."""
        self.query_one("#list").border_title = "Runs"
        if self.proc.tick is not None:
            self.show(self.proc.tick)

    def take_focus(self) -> None:
        """To the list."""
        if self.focused is None:
            (self._welcome.take_focus if self.has_class("-empty") else self._list.focus)()

    def show(self, tick: Tick) -> None:
        """As in the base class."""
        super().show(tick)
        was_empty = self.has_class("-empty")
        self.set_class(tick.view.empty, "-empty")
        if tick.view.empty:
            self._welcome.show(tick.view)
        else:
            self._list.show(tick.view)
        if was_empty != tick.view.empty:
            self.call_after_refresh(lambda: (self._welcome.take_focus if tick.view.empty else self._list.focus)())

    def clock(self, now: float) -> None:
        """As in the base class."""
        super().clock(now)
        self._list.clock(now)

    def on_run_list_selected(self, message: RunList.Selected) -> None:
        """Shows the run."""
        self.proc.select(message.run)

    def choose(self, run: str) -> None:
        """Puts the cursor of the list on a run."""
        self._list.choose(run)

    def on_lines_opened(self, message: Lines.Opened) -> None:
        """Goes to the run: its request, or its conversation."""
        if message.lines is not self._list:
            return
        if self.has_class("-narrow"):
            self.proc.push_screen(RunScreen())
        else:
            self.panel.bring("conversation")

    def action_pane(self, name: str) -> None:
        """As in the base class."""
        if self.has_class("-narrow"):
            self.proc.memory.keep(front=name)
            screen = RunScreen()
            self.proc.push_screen(screen)
            screen.call_after_refresh(screen.panel.bring, name)
        else:
            super().action_pane(name)

    def action_next_pane(self) -> None:
        """As in the base class; the list is one of them."""
        if self.has_class("-narrow"):
            self.action_pane("conversation")
        elif self.focused is self._list:
            self.panel.bring("conversation")
        elif not self.panel.next(1):
            self._list.focus()

    def action_previous_pane(self) -> None:
        """As in the base class."""
        if self.focused is self._list:
            self.panel.bring("log")
        elif not self.panel.next(-1):
            self._list.focus()

    def action_zoom(self) -> None:
        """As in the base class; a zoomed pane has the list's room too."""
        if self.has_class("-narrow"):
            self.action_pane(self.panel.front)
            return
        super().action_zoom()
        self.set_class(self.panel.zoomed, "-alone")
        if self.panel.zoomed:
            self.panel.bring(self.panel.front)

    def action_out(self) -> None:
        """Leaves a zoomed pane, then goes to the list."""
        if self.panel.zoomed:
            self.action_zoom()
        else:
            self._list.focus()

    def on_resize(self) -> None:
        """Where there is no room for the run, the list has the focus."""
        self.call_after_refresh(self._check_focus)

    def _check_focus(self) -> None:
        focused = self.focused
        if not self.has_class("-empty") and (focused is None or not focused.display or not self.panel.display):
            self._list.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Other keys act."""
        self.notice_keys()
