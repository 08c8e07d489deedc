"""How two texts differ, as rows of one column or of two.

Belongs here: laying out. Never: comparing (`differences.py`), which texts (`artifact.py`), or widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from ..differences import changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..glyphs import Glyphs


class Row(msgspec.Struct, frozen=True):
    """A row of an artifact or of a difference."""

    content: Content
    tint: str = ""
    """`added` or `removed`."""
    hunk: bool = False
    """Whether a change begins here."""


def unified(before: Sequence[Content], after: Sequence[Content], width: int, glyphs: Glyphs) -> list[Row]:
    """One column: what is gone above what came."""
    rows: list[Row] = []
    digits = _digits(before, after)
    for change in changes([line.plain for line in before], [line.plain for line in after]):
        rows += _gap(change.skipped, glyphs, digits)
        if change.same:
            for place, number in zip(change.right, change.left, strict=False):
                rows += numbered(before[number], place + 1, width, glyphs, digits, " ")
            continue
        hunk = change.first
        for places, lines, sign, tint in (
            (change.left, before, glyphs.removed, "removed"), (change.right, after, glyphs.added, "added"),
        ):  # fmt: skip
            for place in places:
                for row in numbered(lines[place], place + 1, width, glyphs, digits, sign):
                    rows.append(Row(row.content, tint, hunk))
                    hunk = False
    return rows


def split(before: Sequence[Content], after: Sequence[Content], width: int, glyphs: Glyphs) -> list[Row]:
    """Two columns, the text before at the left."""
    half = max(8, (width - 1) // 2)
    digits = _digits(before, after)
    rows: list[Row] = []
    for change in changes([line.plain for line in before], [line.plain for line in after]):
        rows += _gap(change.skipped, glyphs, digits)
        for index in range(max(len(change.left), len(change.right))):
            left = _side(before, change.left, index, half, glyphs, digits, "" if change.same else "$removed")
            other, place = (before, change.left) if change.same else (after, change.right)
            right = _side(other, place, index, half, glyphs, digits, "" if change.same else "$added")
            for line in range(max(len(left), len(right))):
                one = left[line] if line < len(left) else Content(" " * half)
                beside = right[line] if line < len(right) else Content("")
                rows.append(Row(Content.assemble(one, " ", beside), "", change.first and index == line == 0))
    return rows


def numbered(line: Content, number: int, width: int, glyphs: Glyphs, digits: int, sign: str = "") -> list[Row]:
    """A line of an untrusted text, wrapped: a bar at the left of every row, its number at the first."""
    room = max(4, width - digits - 3 - (2 if sign else 0))
    rows: list[Row] = []
    for index, part in enumerate(wrapped(line, room)):
        shown = f"{number:>{digits}} " if digits and not index else " " * (digits + 1 if digits else 0)
        mark = f"{sign if not index else ' '} " if sign else ""
        rows.append(Row(Content.assemble((f"{glyphs.bar} {shown}", "$quiet"), mark, part)))
    return rows


def wrapped(line: Content, width: int) -> list[Content]:
    """A line in rows of so many columns, broken anywhere: nothing is left out or moved."""
    text = line.plain
    if len(text) <= width and line.cell_length <= width:
        return [line]
    if text.isascii():
        return _divided(line, list(range(width, len(text), width)))
    from rich.cells import split_graphemes

    places: list[int] = []
    used = 0
    for first, _end, size in split_graphemes(text)[0]:
        if used + size > width:
            places.append(first)
            used = 0
        used += size
    return _divided(line, places)


def _divided(line: Content, places: list[int]) -> list[Content]:
    """A content in pieces; the own way of Textual looks at every span for every piece."""
    if not places:
        return [line]
    if not line.spans:
        ends = [*places, len(line.plain)]
        return [Content(line.plain[first:end]) for first, end in zip([0, *places], ends, strict=True)]
    return line.divide(places)


def _digits(*texts: Sequence[Content]) -> int:
    return len(str(max((len(lines) for lines in texts), default=1)))


def _gap(skipped: int, glyphs: Glyphs, digits: int) -> list[Row]:
    if not skipped:
        return []
    words = "1 unchanged line" if skipped == 1 else f"{skipped:,} unchanged lines"
    return [Row(Content.styled(f"{' ' * (digits + 3)}{glyphs.more} {words}", "$quiet"))]


def _side(
    lines: Sequence[Content], places: range, index: int, width: int, glyphs: Glyphs, digits: int, tint: str
) -> list[Content]:
    if index >= len(places):
        return []
    rows = numbered(lines[places[index]], places[index] + 1, width, glyphs, digits, " ")
    found: list[Content] = []
    for row in rows:
        padded = Content.assemble(row.content, " " * max(0, width - row.content.cell_length))
        found.append(padded.stylize_before(f"on {tint}") if tint else padded)
    return found
