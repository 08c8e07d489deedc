"""The field that `/` opens: it looks in the list or pane that had the focus, as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.widgets import Input

from .. import keys

if TYPE_CHECKING:
    from .lines import Lines


class FindBar(Input):
    """One line above the footer."""

    LAYER: ClassVar[str] = "find"
    BINDINGS = keys.bindings("find")
    DEFAULT_CSS = """
    FindBar {
        dock: bottom; offset-y: -1; height: 1; border: none; padding: 0 1; background: $cursor; width: 1fr;
        &.-textual-compact { padding: 0 1; }
        &:focus { border: none; background-tint: $foreground 0%; }
    }
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(placeholder="find", select_on_focus=False, compact=True)
        self._lines: Lines = lines

    def on_input_changed(self, event: Input.Changed) -> None:
        """Looks as one types."""
        event.stop()
        self._lines.seek(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Goes on with `n` and `N`."""
        event.stop()
        self._leave()

    def action_go(self) -> None:
        """As enter, when that was rebound."""
        self._leave()

    def action_out(self) -> None:
        """Gives up."""
        self._lines.seek("")
        self._leave()

    def _leave(self) -> None:
        self._lines.focus()
        self.remove()
