"""Drawing without colours, for `NO_COLOR`: things are told apart by weight, underlining and reversed places alone.

Textual's own way turns colours into greys, which are colours to a terminal. Belongs here: the filter of what is drawn.
Never: which sign or word says what a colour says (`glyphs.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color as Background

_NONE = Style.from_color(Color.default(), Color.default())


class Colourless(LineFilter):
    """Takes the colours away; what stands out by a filled background is reversed."""

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:
        """As in the base class."""
        dark = background.brightness < 0.5
        return [
            segment if segment.style is None else Segment(segment.text, plain(segment.style, dark), segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def plain(style: Style, dark: bool) -> Style:
    """A style without its colours; reversed where text is dark on bright and the theme is `dark`, or the other way."""
    front, back = _brightness(style.color), _brightness(style.bgcolor)
    filled = front is not None and back is not None and front != back and (back > front) == dark
    return style + _NONE + Style(reverse=filled != bool(style.reverse))


def _brightness(color: Color | None) -> float | None:
    """From 0 for black to 255 for white; None where the terminal chooses the colour."""
    if color is None or color.is_default:
        return None
    red, green, blue = color.get_truecolor()
    return 0.299 * red + 0.587 * green + 0.114 * blue
