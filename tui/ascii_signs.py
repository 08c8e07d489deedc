"""The last resort for terminals that show ASCII alone: signs that were drawn all the same, by ones that look like them.

Letters of people are left as they are. Belongs here: which sign stands for which, each in one column. Never: the signs
that we choose ourselves (`glyphs.py`).
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

_BOXES = range(0x2500, 0x2580)
_BLOCKS = range(0x2580, 0x25A0)
_ALIKE = {
    "…": "~", "·": "-", "•": "*", "‐": "-", "–": "-", "—": "-", "−": "-", "×": "x", "⏎": "/",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‹": "<", "›": ">", "«": "<", "»": ">",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "⇧": "^", "▸": ">", "▾": "v", "◂": "<", "█": "#", "\ufffd": "?",
}  # fmt: skip


def _box(code: int) -> str:
    """A line, or where lines meet."""
    name = unicodedata.name(chr(code))
    if "HORIZONTAL" in name and not any(word in name for word in ("VERTICAL", "UP", "DOWN")):
        return "-"
    return "|" if "VERTICAL" in name and not any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT")) else "+"


_TABLE = str.maketrans({chr(code): _box(code) for code in _BOXES} | {chr(code): " " for code in _BLOCKS} | _ALIKE)


class AsciiSigns(LineFilter):
    """Draws what looks alike."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """As in the base class."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style, segment.control)
            for segment in segments
        ]
