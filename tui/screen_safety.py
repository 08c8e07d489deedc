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

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.filter import LineFilter

from .clean import EMOJI, HIDDEN, oneline, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.color import Color

TAB = 4
"""Columns of a tab stop."""
MOST = 4000
"""Characters of one line that are looked at: more than any screen has columns."""
SIGN = "\N{REPLACEMENT CHARACTER}"
"""What the last gate shows for a character that nobody may see."""
_CONTROL = re.compile(f"[\x00-\x1f{HIDDEN}]|(?<![{EMOJI}\ufe0f])\u200d|\u200d(?![{EMOJI}])")
_BLANKS = re.compile(" {2,}")


def safe(text: object, style: str = "") -> Content:
    """Text of several lines, literally; `style` is ours, and never part of the text."""
    shown = visible(text).expandtabs(TAB)
    return Content.styled(shown, style) if style else Content(shown)


def safe_line(text: object, style: str = "") -> Content:
    """The same on one line, for rows, titles and notifications; a very long one is cut."""
    whole = str(text)
    if len(whole) > MOST:
        whole = whole.strip()
        whole = f"{whole[:MOST]}…" if len(whole) > MOST else whole
    shown = oneline(whole)
    return Content.styled(shown, style) if style else Content(shown)


class ControlGate(LineFilter):
    """Shows control characters in whatever is about to be drawn, and drops links to elsewhere.

    Text fields depend on it: they hold what was given as it is, since it shall come back as it was.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """As in the base class; the line keeps its width, or what is drawn beside it would be shifted."""
        if not any(_is_bad(segment) for segment in segments):
            return segments
        width, marked = _width(segments), segments
        for hide in (False, True):
            marked = list(_marked(segments, hide=hide))
            if _width(marked) == width:
                return marked
        # What stood behind a joiner had no width for Textual, and has one now.
        return _evened(marked, width)


def _is_bad(segment: Segment) -> bool:
    if segment.control:
        return False
    return bool(_CONTROL.search(segment.text)) or (segment.style is not None and segment.style.link is not None)


def _width(segments: Sequence[Segment]) -> int:
    return cell_len("".join(segment.text for segment in segments if not segment.control))


def _marked(segments: Sequence[Segment], *, hide: bool = False) -> Iterator[Segment]:
    """The segments with a sign for each bad character, without links.

    A character without a width gets its column from blanks behind it; with `hide` it is left out instead.
    """
    owed = 0
    for segment in segments:
        text, style = segment.text, segment.style
        if segment.control or not text:
            yield segment
            continue
        parts: list[str] = []
        at = 0
        for found in _CONTROL.finditer(text):
            part, owed = _paid(text[at : found.start()], owed)
            width = cell_len(found[0])
            parts += [part, SIGN + " " * (width - 1) if width else "" if hide else SIGN]
            owed += not width and not hide
            at = found.end()
        part, owed = _paid(text[at:], owed)
        if style is not None and style.link is not None:
            style = style.update_link(None)
        shown = "".join((*parts, part))
        if shown:
            yield Segment(shown, style, None)


def _evened(segments: list[Segment], width: int) -> list[Segment]:
    """The segments in so many columns: the last blanks give way, else the end."""
    owed = max(0, _width(segments) - width)
    found: list[Segment] = []
    for segment in reversed(segments):
        text, owed = _paid(segment.text, owed)
        found.insert(0, Segment(text, segment.style, segment.control))
    return Segment.adjust_line_length(found, width)


def _paid(text: str, owed: int) -> tuple[str, int]:
    """The text with so many blanks fewer, as far as it has some side by side, and how many are missing."""
    if not owed:
        return text, 0
    parts: list[str] = []
    at = 0
    for found in _BLANKS.finditer(text):
        fewer = min(owed, len(found[0]) - 1)
        owed -= fewer
        parts += [text[at : found.start()], found[0][fewer:]]
        at = found.end()
    return "".join((*parts, text[at:])), owed
