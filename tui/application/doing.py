"""What keys, commands and screens ask of the application: screens, forms, the editor.

Belongs here: opening what does it, which is imported then. Never: doing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .shared import Shared

if TYPE_CHECKING:
    from pathlib import Path

    from ..app import ProcTui
    from ..widgets.lines import Lines


class Doing(Shared):
    """The part of the application that opens what was asked for."""

    @property
    def _whole(self) -> ProcTui:
        return cast("ProcTui", self)

    def keep_filter(self, pane: str, value: str) -> None:
        """Remembers what a pane leaves out."""
        self.memory.keep(filters={**self.memory.now.filters, pane: value})

    def find_in(self, lines: Lines) -> None:
        """Opens the field that looks in a list."""
        from ..widgets.find_bar import FindBar

        for bar in self.screen.query(FindBar):
            bar.remove()
        bar = FindBar(lines)
        self.screen.mount(bar)
        bar.focus()

    def start_form(self, procedure: str | None) -> None:
        """Opens the form that starts a procedure; without one, what there is to start."""
        from ..screens.start import StartScreen
        from ..screens.start_picker import StartPicker

        self.push_screen(StartPicker() if procedure is None else StartScreen(procedure))

    def new_procedure(self, template: str) -> None:
        """Writes a procedure from a template and opens it in the editor."""
        from .. import editor

        self.run_worker(editor.new_procedure(self._whole, template), exit_on_error=False, group="edit")

    def edit_file(self, path: Path, line: int = 0) -> None:
        """Opens a procedure in the editor, and checks it on return."""
        from .. import editor

        self.run_worker(editor.open_procedure(self._whole, path, line), exit_on_error=False, group="edit")

    def edit_source(self) -> None:
        """Opens the procedure of the run in the editor, and offers to go on with it."""
        from ..panes.source_edit import edit_source

        view = self.tick.run if self.tick is not None else None
        if view is not None:
            edit_source(self._whole, view.run)

    def actions(self) -> None:
        """Opens what can be done with the selected run."""
        from ..screens.run_actions import open_actions

        view = self.tick.run if self.tick is not None else None
        if view is not None:
            open_actions(self._whole, view)

    # ---- keys

    def action_help(self) -> None:
        """Opens the help."""
        from ..screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_commands(self) -> None:
        """Opens the commands."""
        from ..screens.palette import PaletteScreen

        self.push_screen(PaletteScreen())

    def action_inbox(self) -> None:
        """Opens the inbox."""
        from ..screens.inbox import InboxScreen

        if not isinstance(self.screen, InboxScreen):
            self.push_screen(InboxScreen())

    def action_redraw(self) -> None:
        """Draws the screen again, over whatever another program wrote on it."""
        self.write("\x1b[2J")
        self.refresh(layout=True)
        self.screen.refresh(layout=True)
        for widget in self.screen.query("*"):
            widget.refresh()
