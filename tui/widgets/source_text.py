"""An untrusted text line by line, each made safe when it is looked at, and broken into rows of so many columns.

What is done takes time in proportion to what is looked at. Belongs here: one line. Never: rows of several (`laid.py`).
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

from textual.content import Content, Span

from ..screen_safety import TAB, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONG = 4000
"""Characters of a line from which on it is broken piece by piece."""
_PIECE = 1000
"""Characters of such a piece."""
_HIDDEN = re.compile("‹U\\+[0-9A-F]{4,6}›")
_MARK = 10
"""Characters of the longest sign of a hidden character."""
_NARROW = re.compile("[ -~\u00a1-\u00a8\u00aa-\u00ac\u00af-\u02ff\u2026\u2039\u203a]*")
"""Characters of one column each, whatever stands beside them."""
_OTHERS = re.compile("[^ -~\u00a1-\u00a8\u00aa-\u00ac\u00af-\u02ff\u2026\u2039\u203a]*")


class SourceText:
    """The lines of a text."""

    def __init__(self, source: str, coloured: Sequence[Content] = ()) -> None:
        """`coloured` are the lines as they are to be shown, where they are known already."""
        self.raw: list[str] = source.removesuffix("\n").replace("\r\n", "\n").split("\n")
        """The lines as they are."""
        self.size: int = len(source)
        self._coloured: Sequence[Content] = coloured

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, place: int) -> Content:
        return self._coloured[place] if self._coloured else marked(safe(self.raw[place]))


def marked(content: Content) -> Content:
    """The content with what was hidden in it standing out."""
    marks = [Span(found.start(), found.end(), "b $bad") for found in _HIDDEN.finditer(content.plain)]
    return content.add_spans(marks) if marks else content


def marked_row(rows: Sequence[str], place: int) -> Content:
    """One of the rows of a long line; what was hidden stands out even where it is broken."""
    row = rows[place]
    before = rows[place - 1][-_MARK:] if place else ""
    after = rows[place + 1][:_MARK] if place + 1 < len(rows) else ""
    marks: list[Span] = []
    if "‹" in before or "‹" in row:
        for found in _HIDDEN.finditer(f"{before}{row}{after}"):
            first, last = max(0, found.start() - len(before)), min(len(row), found.end() - len(before))
            if first < last:
                marks.append(Span(first, last, "b $bad"))
    return Content(row, marks)


def wrapped(line: Content, width: int) -> list[Content]:
    """A line in rows of so many columns, broken anywhere: nothing is left out or moved."""
    text = line.plain
    if len(text) <= width and line.cell_length <= width:
        return [line]
    return _divided(line, list(_breaks(text, width)))


def broken(raw: str, width: int) -> Iterator[list[str]]:
    """The rows of a long line as they are shown, a few at a time: the last of each but the last may grow."""
    rest, column = "", 0
    for piece in _pieces(raw):
        pad = " " * (column % TAB)
        shown = safe(pad + piece).plain[len(pad) :]
        column += len(shown)
        text = rest + shown
        places = [0, *_breaks(text, width)]
        rows = [text[first:end] for first, end in pairwise(places)]
        rest = text[places[-1] :]
        yield rows
    yield [rest]


def _breaks(text: str, width: int) -> Sequence[int]:
    """Where rows begin but the first."""
    if _NARROW.fullmatch(text):
        return range(width, len(text), width)
    from rich.cells import split_graphemes

    places: list[int] = []
    used = place = 0
    while place < len(text):
        found = _NARROW.match(text, place)
        end = found.end() if found is not None else place
        if end < len(text) and end > place:
            end -= 1  # what follows may stand on it
        if end > place:
            places += range(place + width - used, end, width)
            used = (used + end - place - 1) % width + 1
            place = end
        wide = _OTHERS.match(text, place + 1)
        end = wide.end() if wide is not None else len(text)
        for first, _end, size in split_graphemes(text[place:end])[0]:
            if used + size > width:
                places.append(place + first)
                used = 0
            used += size
        place = end
    return places


def _pieces(raw: str) -> Iterator[str]:
    """A long line in pieces, each cut before a character that is one by itself."""
    first = 0
    while first < len(raw):
        end = min(len(raw), first + _PIECE)
        most = min(len(raw), end + _PIECE)
        while end < most and not _begins(raw, end):
            end += 1
        yield raw[first:end]
        first = end


def _begins(text: str, place: int) -> bool:
    character = text[place]
    if text[place - 1] == "\u200d":
        return False
    return character.isascii() or unicodedata.category(character) in ("Lu", "Ll", "Nd")


def _divided(line: Content, places: list[int]) -> list[Content]:
    """A content in pieces; the own way of Textual looks at every span for every piece."""
    if not places:
        return [line]
    if not line.spans:
        ends = [*places, len(line.plain)]
        return [Content(line.plain[first:end]) for first, end in zip([0, *places], ends, strict=True)]
    return line.divide(places)
