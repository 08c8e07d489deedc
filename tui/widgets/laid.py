"""Rows of texts of any size: laid out bit by bit, and made when they are looked at.

A text that is not laid out yet counts a row for each line, so that its rows become more while that goes on: `lay` does
some of it. Belongs here: which row shows what. Never: comparing (`differences.py`), or widgets.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from .source_text import LONG, SourceText, broken, marked_row, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SMALL = 30_000
"""Characters of texts that are laid out at once."""
AT_ONCE = 0.01
"""Seconds that are spent at once on others."""
FIRST_ROWS = 200
"""Rows of others that are there at once."""
MOST_KEPT = 64
"""Lines that are kept in rows."""
OFTEN = 200
"""Lines after which it is looked at the clock."""


class Row(msgspec.Struct, frozen=True, eq=False):
    """A row of an artifact or of a difference."""

    content: Content
    tint: str = ""
    """`added` or `removed`."""
    hunk: bool = False
    """Whether a change begins here."""


class Band(msgspec.Struct, frozen=True, eq=False):
    """Lines that follow each other in one text, or in two side by side; or a row of words of our own."""

    columns: tuple[tuple[SourceText, range], ...] = ()
    tint: str = ""
    hunk: bool = False
    words: Content | None = None
    numbers: range | None = None
    """The numbers to be shown of the lines less one, where they are not those of the text."""
    differs: bool = False
    """Whether the texts side by side differ here."""

    @property
    def size(self) -> int:
        """How many lines: of the longer text where there are two."""
        return max(len(lines) for _, lines in self.columns) if self.columns else 1


class Column(msgspec.Struct, frozen=True):
    """How the lines of one text are shown."""

    room: int
    """Columns of a line."""
    show: Callable[[Content, int, bool, Band], Content]
    """Puts a row together: what is in it, the place of its line or -1 for none, whether it is the first of the line."""
    wrap: Callable[[Content, int], list[Content]] = wrapped


def _first(parts: list[Content]) -> Content:
    return parts[0]


class Section:
    """Rows that have the same columns."""

    def __init__(
        self, bands: Sequence[Band], columns: Sequence[Column] = (), shown: Callable[[list[Content]], Content] = _first
    ) -> None:  # fmt: skip
        """`shown` puts the columns of a row side by side."""
        self._bands: Sequence[Band] = bands
        self._columns: Sequence[Column] = columns
        self._shown: Callable[[list[Content]], Content] = shown
        self._firsts: list[int] = []
        """For each band, the number of its first line."""
        size = 0
        for band in bands:
            self._firsts.append(size)
            size += band.size
        self._size: int = size
        self._ends: array[int] = array("Q")
        """For each line that is laid out, the row behind it."""
        self._long: dict[tuple[int, int], list[str]] = {}
        self._kept: dict[tuple[int, int], list[Content]] = {}
        self.complete: bool = False
        """Whether everything is laid out."""
        self._work: Iterator[int] = self._laying()
        self._begin()

    def _begin(self) -> None:
        characters = sum(text.size for band in self._bands for text, _ in band.columns)
        if characters <= SMALL:
            self.lay(float("inf"))
            return
        end = perf_counter() + AT_ONCE
        for _ in self._work:
            if perf_counter() > end and self._laid() >= FIRST_ROWS:
                return

    def _laid(self) -> int:
        return self._ends[-1] if self._ends else 0

    def lay(self, seconds: float) -> bool:
        """Lays out more for some time; whether there is more to do."""
        end = perf_counter() + seconds
        return any(perf_counter() > end for _ in self._work)

    def __len__(self) -> int:
        return self._laid() + self._size - len(self._ends)

    def __getitem__(self, index: int) -> Row:
        line, place = self._line(index)
        band, at = self._band(line)
        if band.words is not None:
            return Row(band.words, band.tint, band.hunk)
        parts: list[Content] = []
        for number, column in enumerate(self._columns[: len(band.columns)]):
            text, lines = band.columns[number]
            here = lines[at] if at < len(lines) else -1
            part = self._part(line, number, text, here, place) if here >= 0 else None
            shown = part if part is not None else Content("")
            number_of = here if band.numbers is None or here < 0 else band.numbers[at]
            parts.append(column.show(shown, number_of if part is not None else -1, place == 0, band))
        return Row(self._shown(parts), band.tint, band.hunk and at == place == 0)

    @property
    def hunks(self) -> list[int]:
        """The rows at which changes begin."""
        return [self._row_of(first) for first, band in zip(self._firsts, self._bands, strict=True) if band.hunk]

    def _row_of(self, line: int) -> int:
        """The first row of a line."""
        if line <= len(self._ends):
            return self._ends[line - 1] if line else 0
        return self._laid() + line - len(self._ends)

    # ---- lines

    def _line(self, index: int) -> tuple[int, int]:
        """The line that a row belongs to, and which of its rows it is."""
        line = bisect_right(self._ends, index)
        if line < len(self._ends) or not self._ends:
            return (line, index - (self._ends[line - 1] if line else 0)) if self._ends else (index, 0)
        return len(self._ends) + index - self._ends[-1], 0

    def _band(self, line: int) -> tuple[Band, int]:
        place = bisect_right(self._firsts, line) - 1
        return self._bands[place], line - self._firsts[place]

    def _part(self, line: int, number: int, text: SourceText, at: int, place: int) -> Content | None:
        """A row of a line in a column; None where it has fewer."""
        long = self._long.get((line, number))
        if long is not None:
            return marked_row(long, place) if place < len(long) else None
        raw = text.raw[at]
        if len(raw) > LONG:
            return Content("")  # it is not laid out yet
        kept = self._kept.get((line, number))
        if kept is None:
            column = self._columns[number]
            kept = column.wrap(text[at], column.room)
            self._kept[line, number] = kept
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return kept[place] if place < len(kept) else None

    # ---- laying out

    def _laying(self) -> Iterator[int]:
        """Lays out line by line; every step is short."""
        since = base = line = 0
        for band in self._bands:
            for at in range(band.size):
                self._ends.append(base + 1)
                for number, (text, lines) in enumerate(band.columns):
                    if at >= len(lines):
                        continue
                    raw, room = text.raw[lines[at]], self._columns[number].room
                    if len(raw) <= room and raw.isascii() and raw.isprintable():
                        continue
                    if len(raw) <= LONG:
                        rows = self._count(raw, text, lines[at], number)
                        since += len(raw) // 50
                        if rows > self._ends[-1] - base:
                            self._ends[-1] = base + rows
                        continue
                    long = self._long[line, number] = []
                    for piece in broken(raw, room):
                        long += piece
                        self._ends[-1] = max(self._ends[-1], base + len(long))
                        yield line
                base, line = self._ends[-1], line + 1
                since += 1
                if since > OFTEN:
                    since = 0
                    yield line
        self.complete = True

    def _count(self, raw: str, text: SourceText, at: int, number: int) -> int:
        column = self._columns[number]
        if column.wrap is wrapped and raw.isascii() and raw.isprintable():
            return -(-len(raw) // column.room)
        return len(column.wrap(text[at], column.room))


def words(*texts: str) -> Section:
    """Rows of our own."""
    return Section([Band(words=Content.styled(text, "$quiet")) for text in texts])


class Rows:
    """Sections below each other."""

    def __init__(self, *sections: Section) -> None:
        self._sections: tuple[Section, ...] = tuple(section for section in sections if len(section))

    def __len__(self) -> int:
        return sum(map(len, self._sections))

    def __getitem__(self, index: int) -> Row:
        for section in self._sections:
            if index < len(section):
                return section[index]
            index -= len(section)
        raise IndexError(index)

    def head(self, number: int) -> list[Row]:
        """The first rows."""
        return [self[index] for index in range(min(number, len(self)))]

    @property
    def complete(self) -> bool:
        """Whether everything is laid out."""
        return all(section.complete for section in self._sections)

    def lay(self, seconds: float) -> bool:
        """Lays out more for some time; whether there is more to do."""
        for section in self._sections:
            if not section.complete:
                return section.lay(seconds) or not self.complete
        return False

    @property
    def hunks(self) -> list[int]:
        """The rows at which changes begin."""
        found: list[int] = []
        above = 0
        for section in self._sections:
            found += [above + row for row in section.hunks]
            above += len(section)
        return found
