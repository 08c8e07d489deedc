"""Why a run failed, and the ways on. (A stand-in: the source line and the costs of each way are to come.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.widget import Widget

from .. import keys
from ..screen_safety import safe, safe_line

if TYPE_CHECKING:
    from ...core.journal.events import RunEnded
    from ..app import ProcTui


class FailureCard(Widget, can_focus=True, inherit_bindings=False):
    """A failed run."""

    LAYER: ClassVar[str] = "failure"
    BINDINGS = keys.bindings("failure")
    DEFAULT_CSS = """
    FailureCard {
        height: auto; width: 1fr; border: round $bad; border-title-color: $bad; padding: 0 1; margin-top: 1;
        &:focus { border: heavy $bad; }
    }
    .-ascii FailureCard { border: ascii $bad; }
    """

    def __init__(self, ending: RunEnded) -> None:
        super().__init__()
        self._ending: RunEnded = ending

    def on_mount(self) -> None:
        """The code in the border."""
        glyphs = cast("ProcTui", self.app).glyphs
        self.border_title = Content.assemble(f"{glyphs.failed} Failed  ", safe_line(self._ending.code))  # pyright: ignore[reportAttributeAccessIssue] - takes content

    def render(self) -> Content:
        """As in the base class."""
        parts = [safe(self._ending.message, "b $strong")]
        if self._ending.trace:
            parts += [Content(""), safe(self._ending.trace, "$quiet")]
        parts += [Content(""), Content.assemble(("enter", "b $accent"), " resume, reset or fork")]
        return Content("\n").join(parts)

    def action_open(self) -> None:
        """What can be done with the run."""
        cast("ProcTui", self.app).actions()
