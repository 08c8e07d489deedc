"""What the screens share: a header, a footer, and being given what is new.

Belongs here: the frame of a screen. Never: what stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen, ScreenResultType

from ..widgets.footer import Footer
from ..widgets.header import Header
from .laying_out import TellingCompositor

if TYPE_CHECKING:
    from textual._compositor import Compositor

    from ..app import ProcTui
    from ..live.feed import Tick


class Once(Screen[ScreenResultType], inherit_bindings=False):
    """A screen that is dismissed once.

    Keys that were on their way to it are handled after the first of them dismissed it; in the base class each would
    give a result again and close the screen below.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """As in the base class, while it is in front; otherwise nothing."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class ProcScreen(Once[ScreenResultType], inherit_bindings=False):
    """A screen; it is shown `Tick`s while it is in front, and once when it comes to the front."""

    LAYER: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (150, "-wide")]  # noqa: RUF012 - as in the base class
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self) -> None:
        super().__init__()
        self._compositor: Compositor = TellingCompositor()

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def show(self, tick: Tick) -> None:
        """Something changed."""
        for header in self.query(Header):
            header.show(tick.view)

    def clock(self, now: float) -> None:
        """A second has passed."""

    def on_screen_resume(self) -> None:
        """It is in front: what happened meanwhile is shown."""
        if self.proc.tick is not None:
            self.show(self.proc.tick)
        self.proc.rearm()

    def notice_keys(self) -> None:
        """Other keys act."""
        for footer in self.query(Footer):
            footer.look()


class ProcDialog(Once[ScreenResultType], ModalScreen[ScreenResultType], inherit_bindings=False):
    """A dialog over a screen, which goes on being shown what is new."""

    LAYER: ClassVar[str] = "dialog"
    DEFAULT_CSS = """
    ProcDialog { align: center middle; background: $background 60%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._compositor: Compositor = TellingCompositor()

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def action_out(self) -> None:
        """Closes it; nothing is decided."""
        self.dismiss(None)
