"""The text field of a card: a comment, an answer, a word that confirms, an artifact.

It takes the focus only when somebody asks for it. Belongs here: typing. Never: what is done with the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.message import Message
from textual.widgets import TextArea

from .. import keys

if TYPE_CHECKING:
    from textual import events

    from ..app import ProcTui

MOST, MOST_LINE = 200_000, 20_000
"""Characters of a text, and of one line of it, that a field takes without being slow."""


def too_long(text: str, already: str = "") -> str:
    """Why a text cannot be put into a field, in words; empty when it can."""
    if len(already) + len(text) > MOST:
        return f"too long for a field: {len(already) + len(text):,} characters, and {MOST:,} are what it takes"
    longest = max(map(len, text.split("\n")))
    return f"too long for a field: a line of {longest:,} characters" if longest > MOST_LINE else ""


class Field(TextArea):
    """A field; enter sends, or breaks the line in an artifact, and esc leaves it with what was typed."""

    LAYER: ClassVar[str] = "text"
    BINDINGS = keys.bindings("text")
    DEFAULT_CSS = """
    Field {
        width: 1fr; height: auto; min-height: 1; max-height: 8; border: none; padding: 0 1; background: $surface;
        scrollbar-size-vertical: 1;
        &:focus { border: none; background: $cursor-blurred; }
        &.-artifact { height: 1fr; max-height: 100%; }
    }
    """

    class Sent(Message):
        """Enter, or ^s in an artifact."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field: Field = field

    class Left(Message):
        """Esc."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field: Field = field

    def __init__(self, purpose: str, text: str = "", *, lines: bool = False, typed: bool = False) -> None:
        """`lines` lets line breaks in by ^j; `typed` refuses pastes. In an `artifact` enter breaks the line."""
        super().__init__(
            text, soft_wrap=True, compact=True, show_line_numbers=purpose == "artifact", tab_behavior="focus",
            classes="-artifact" if purpose == "artifact" else "", highlight_cursor_line=False,
        )  # fmt: skip
        self.purpose: str = purpose
        self._lines: bool = lines
        self._typed: bool = typed

    async def _on_key(self, event: events.Key) -> None:
        artifact = self.purpose == "artifact"
        if event.key == "ctrl+s" or (event.key == "enter" and not artifact):
            event.stop()
            event.prevent_default()
            self.post_message(self.Sent(self))
        elif event.key == "ctrl+j" and not artifact:
            event.stop()
            event.prevent_default()
            if self._lines:
                self.insert("\n")
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        if self._typed:
            event.stop()
            event.prevent_default()
            cast("ProcTui", self.app).say("this word is typed, not pasted", "warning")
        elif why := too_long(event.text, self.text):
            event.stop()
            event.prevent_default()
            more = ": E opens it in $EDITOR" if self.purpose == "artifact" else ""
            cast("ProcTui", self.app).say(f"not pasted, {why}{more}", "warning")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As in the base class: only what acts is shown. In an artifact enter breaks the line, and ^s is not told."""
        if action == "send":
            return self.purpose != "artifact"
        if action == "line":
            return self._lines
        return True

    def action_out(self) -> None:
        """Leaves the field; what was typed is kept."""
        self.post_message(self.Left(self))

    def action_send(self) -> None:
        """As enter, when that was rebound."""
        self.post_message(self.Sent(self))

    def action_line(self) -> None:
        """As ^j, when that was rebound."""
        if self._lines:
            self.insert("\n")
