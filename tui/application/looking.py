"""Which run and which moment is looked at, and showing what is new.

Belongs here: the selection, and who is given what was read. Never: reading (`live/`), or how anything looks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...core.errors import ProcError
from .shared import Shared

if TYPE_CHECKING:
    from ...core.journal.windows import Step
    from ..live.feed import Tick, Trouble


class Looking(Shared):
    """The part of the application that knows what is looked at."""

    def on_tick(self, message: Tick) -> None:
        """Something changed."""
        self.tick = message
        self.ticks.publish(message)
        if self.selected is None:
            first = next((entry.run.id for entry in message.view.entries()), None)
            if first is not None:
                self.select(first)
        self._show(message)

    def _show(self, tick: Tick) -> None:
        from ..screens.screen import ProcDialog, ProcScreen

        for screen in reversed(self.screen_stack):
            if isinstance(screen, (ProcScreen, ProcDialog)):
                if isinstance(screen, ProcScreen):
                    screen.show(tick)
                if not screen.is_modal:
                    break

    def on_trouble(self, message: Trouble) -> None:
        """The workspace could not be read."""
        self.say(str(message.error), "error")

    # ---- which run

    def select(self, run: str | None) -> None:
        """Looks at a run, as it is now."""
        if run != self.selected or self.at is not None:
            self.selected, self.at = run, None
            self.feed.watch(run)
            self.memory.keep(run=run)

    def go_to_run(self, run: str) -> None:
        """Selects a run in the list and looks at it."""
        from ..screens.operate import OperateScreen

        for screen in self.screen_stack:
            if isinstance(screen, OperateScreen):
                screen.choose(run)
        self.select(run)

    def step_request(self, step: int) -> None:
        """Goes to the run of the next request, or the one before."""
        waiting = [request.run for request in self.workspace.requests]
        if not waiting:
            self.say("nothing waits for you")
            return
        here = waiting.index(self.selected) if self.selected in waiting else -1 if step > 0 else 0
        self.go_to_run(waiting[(here + step) % len(waiting)])

    # ---- which moment

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
        if view is None or view.run.id != self.selected:
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
        if view is None or view.run.id != self.selected:
            return
        run, here = view.run, self.at if self.at is not None else view.last

        def found(seq: int | None) -> None:
            if seq is not None or step > 0:
                self.look_at(seq)

        to: Step = "previous checkpoint" if step < 0 else "next checkpoint"
        self.act(lambda: self.operator.step(run, here, to), found)

    def show_source(self, line: int) -> None:
        """Shows a line of the run's source."""
        from ..panes.source import SourcePane
        from ..screens.operate import RunScreen

        screen = self.screen
        if isinstance(screen, RunScreen):
            screen.panel.bring("source")
            pane = screen.panel.pane("source")
            if isinstance(pane, SourcePane):
                self.call_after_refresh(pane.go_to, line)
