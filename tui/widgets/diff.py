"""How two texts differ, as rows of one column or of two; and a text alone.

Belongs here: laying out. Never: comparing (`differences.py`), which texts (`artifact.py`), or widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ..words import several
from .laid import Band, Column, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..differences import Change
    from ..glyphs import Glyphs
    from .source_text import SourceText

SIGNED = 2
"""Columns of the sign that says whether a line is gone or came."""


def whole(text: SourceText, width: int, glyphs: Glyphs, *, numbers: bool = True) -> Section:
    """All lines, wrapped."""
    digits = len(str(len(text))) if numbers and len(text) > 1 else 0

    def show(part: Content, at: int, first: bool, _band: Band) -> Content:
        return _barred(part, at, first, glyphs, digits, "")

    return Section([Band(((text, range(len(text))),))], [Column(_room(width, digits), show)])


def unified(
    before: SourceText, after: SourceText, found: Sequence[Change], width: int, glyphs: Glyphs
) -> Section:  # fmt: skip
    """One column: what is gone above what came."""
    digits = _digits(before, after)
    signs = {"": " ", "removed": glyphs.removed, "added": glyphs.added}
    bands: list[Band] = []
    for change in found:
        bands += _gap(change.skipped, glyphs, digits)
        if change.same:
            bands += [Band(((before, change.left),), numbers=change.right)] if change.left else []
            continue
        hunk = change.first
        for text, lines, tint in ((before, change.left, "removed"), (after, change.right, "added")):
            if lines:
                bands.append(Band(((text, lines),), tint, hunk))
                hunk = False

    def show(part: Content, at: int, first: bool, band: Band) -> Content:
        return _barred(part, at, first, glyphs, digits, signs[band.tint])

    return Section(bands, [Column(_room(width, digits, signed=True), show)])


def split(
    before: SourceText, after: SourceText, found: Sequence[Change], width: int, glyphs: Glyphs
) -> Section:  # fmt: skip
    """Two columns, the text before at the left."""
    half = max(8, (width - 1) // 2)
    digits = _digits(before, after)
    bands: list[Band] = []
    for change in found:
        bands += _gap(change.skipped, glyphs, digits)
        if change.left or change.right:
            other = (before, change.left) if change.same else (after, change.right)
            bands.append(Band(((before, change.left), other), "", change.first, differs=not change.same))

    def side(tint: str) -> Column:
        def show(part: Content, at: int, first: bool, band: Band) -> Content:
            if at < 0:
                return Content(" " * half)
            row = _barred(part, at, first, glyphs, digits, " ")
            padded = Content.assemble(row, " " * max(0, half - row.cell_length))
            return padded.stylize_before(f"on {tint}") if band.differs else padded

        return Column(_room(half, digits, signed=True), show)

    return Section(bands, [side("$removed"), side("$added")], Content(" ").join)


def _room(width: int, digits: int, *, signed: bool = False) -> int:
    return max(4, width - digits - 3 - (SIGNED if signed else 0))


def _barred(part: Content, at: int, first: bool, glyphs: Glyphs, digits: int, sign: str) -> Content:
    """A row of an untrusted text: a bar at its left, and the number of the line where that begins."""
    number = f"{at + 1:>{digits}} " if digits and first else " " * (digits + 1 if digits else 0)
    mark = f"{sign if first else ' '} " if sign else ""
    return Content.assemble((f"{glyphs.bar} {number}", "$quiet"), mark, part)


def _digits(*texts: SourceText) -> int:
    return len(str(max((len(lines) for lines in texts), default=1)))


def _gap(skipped: int, glyphs: Glyphs, digits: int) -> list[Band]:
    if not skipped:
        return []
    words = several(skipped, "unchanged line")
    return [Band(words=Content.styled(f"{' ' * (digits + 3)}{glyphs.more} {words}", "$quiet"))]
