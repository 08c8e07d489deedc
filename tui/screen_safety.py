"""The gate that untrusted text passes on its way to the screen.

Everything that comes from a model, a tool, a file or a person is untrusted (UX 6): it may hold markup that Textual
would obey, and bytes that the terminal would. `safe` and `safe_line` make `Content` of it: never markup, every
dangerous character shown by its number. `ControlGate` is the last gate, for what somebody forgot: it sees every line
that any widget draws.

Belongs here: the two gates. Never: what is shown, or which characters are dangerous (`clean.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.content import Content
from textual.filter import LineFilter

from .clean import oneline, visible

if TYPE_CHECKING:
    from textual.color import Color

TAB = 4
"""Columns of a tab stop."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def safe(text: object, style: str = "") -> Content:
    """Text of several lines, literally; `style` is ours, and never part of the text."""
    return Content.styled(visible(text).expandtabs(TAB), style) if style else Content(visible(text).expandtabs(TAB))


def safe_line(text: object, style: str = "") -> Content:
    """The same on one line, for rows, titles and notifications."""
    return Content.styled(oneline(text), style) if style else Content(oneline(text))


class ControlGate(LineFilter):
    """Shows control characters by their numbers in whatever is about to be drawn, and drops links to elsewhere."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """As in the base class."""
        if not any(_is_bad(segment) for segment in segments):
            return segments
        return [_cleaned(segment) if _is_bad(segment) else segment for segment in segments]


def _is_bad(segment: Segment) -> bool:
    if segment.control:
        return False
    return bool(_CONTROL.search(segment.text)) or (segment.style is not None and segment.style.link is not None)


def _cleaned(segment: Segment) -> Segment:
    """The segment in as many columns: a line that changed its width would shift what is drawn beside it."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", segment.text)
    style = segment.style
    if style is not None and style.link is not None:
        style = style.update_link(None)
    return Segment(text, style, None)
