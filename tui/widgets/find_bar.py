"""The field that `/` opens: it looks in the list or pane that had the focus, as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events

    from .lines import Lines


class FindBar(Input):
    """One line above the footer."""

    LAYER: ClassVar[str] = "text"
    DEFAULT_CSS = """
    FindBar {
        dock: bottom; offset-y: -1; height: 1; border: none; padding: 0 1; background: $surface; width: 1fr;
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

    async def on_key(self, event: events.Key) -> None:
        """Esc gives up."""
        if event.key == "escape":
            event.stop()
            self._lines.seek("")
            self._leave()

    def _leave(self) -> None:
        self._lines.focus()
        self.remove()
