"""What no key and no text may do: decide before it was seen, or reach the terminal as it is.

Belongs here: what passes all keys and all that is drawn. Never: what a key does, what is safe (`screen_safety.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.filter import Monochrome

from ..ascii_signs import AsciiSigns
from ..colourless import Colourless
from ..screen_safety import ControlGate
from ..widgets.arming import HEADLESS, REMOTE, Keyboard, Timing
from .shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from textual.driver import Driver
    from textual.filter import LineFilter

    from ..memory import Memory


class Guarding(Shared):
    """The part of the application that everything passes."""

    def __init__(self, folder: Path, memory: Memory, now: Callable[[], float], environment: Mapping[str, str]) -> None:
        self._gate: ControlGate = ControlGate()
        self._colourless: Colourless = Colourless()
        super().__init__(folder, memory, now, environment)
        self._signs: list[LineFilter] = [AsciiSigns()] if self.glyphs.name == "ascii" else []
        self.keyboard = Keyboard(self._ask, REMOTE if self.remote else Timing(), asks=True)

    def on_mount(self) -> None:
        """Without a terminal there is nothing to ask."""
        if self.is_headless:
            self.keyboard.timing, self.keyboard.asks = HEADLESS, False
        self.app_resume_signal.subscribe(self, self._resumed)  # pyright: ignore[reportUnknownMemberType] - of Textual

    # ---- keys

    def get_driver_class(self) -> type[Driver]:
        """As in the base class; bytes that are no text do no harm."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from ..terminal_input import ForgivingDriver

        return ForgivingDriver

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

    def _ask(self, sequence: str) -> bool:
        """Whether it was written: nothing is while another program has the terminal."""
        if self._batch_count:
            return False
        self.write(sequence)
        return True

    # ---- what is drawn

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As in the base class, with the last gate for untrusted text."""
        found = super().get_line_filters()
        drawn = [self._colourless if isinstance(item, Monochrome) else item for item in found]
        return [*drawn, self._gate, *self._signs]
