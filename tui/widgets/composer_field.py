"""The text of the composer: what its keys do, as messages.

Belongs here: typing. Never: what the text is for, or what is done with it (`composer.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.message import Message
from textual.widgets import TextArea

from .. import keys
from .field import too_long

if TYPE_CHECKING:
    from textual import events

    from ..app import ProcTui


class ComposerField(TextArea):
    """The text."""

    LAYER: ClassVar[str] = "text"
    BINDINGS = keys.bindings("text")
    DEFAULT_CSS = """
    ComposerField {
        height: auto; max-height: 6; min-height: 1; width: 1fr; border: none; padding: 0; background: transparent;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0;
        &:focus { border: none; background-tint: $foreground 0%; }
        & .text-area--cursor-line { background: transparent; }
    }
    """

    class Left(Message):
        """Esc was pressed."""

    class Sent(Message):
        """Enter was pressed."""

    class Recalled(Message):
        """An earlier text is asked for."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step: int = step

    def __init__(self) -> None:
        super().__init__(
            soft_wrap=True, compact=True, show_line_numbers=False, highlight_cursor_line=False, tab_behavior="focus"
        )
        self.recalls: bool = True
        """Whether up and down go through the history: the text is empty, or one of it."""

    async def _on_key(self, event: events.Key) -> None:
        named = {key.id: key.keys for key in keys.of_layer("text")} | cast("ProcTui", self.app).whole_keymap
        for name, message in (("text.send", self.Sent()), ("text.out", self.Left())):
            if event.key in named[name].split(","):
                event.stop()
                event.prevent_default()
                self.post_message(message)
                return
        if event.key in named["text.line"].split(","):
            event.stop()
            event.prevent_default()
            self.insert("\n")
        elif event.key in ("up", "down") and self.recalls:
            event.stop()
            event.prevent_default()
            self.post_message(self.Recalled(-1 if event.key == "up" else 1))

    async def _on_paste(self, event: events.Paste) -> None:
        if why := too_long(event.text, self.text):
            event.stop()
            event.prevent_default()
            cast("ProcTui", self.app).say(f"not pasted, {why}", "warning")

    def action_out(self) -> None:
        """Leaves the field."""
        self.post_message(self.Left())

    def action_send(self) -> None:
        """Sends the text."""
        self.post_message(self.Sent())

    def action_line(self) -> None:
        """A new line."""
        self.insert("\n")
