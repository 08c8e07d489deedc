"""An artifact as lines: its source, with what is hidden made visible and code in colours; and a list that shows it.

Belongs here: from a value to rows. Never: reading requests, or deciding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from textual.content import Content, Span

from ...core.values import as_bytes
from ..colours import style_of
from ..differences import changes, hunks
from ..readable import as_yaml
from ..screen_safety import safe
from .diff import Row, numbered, split, unified
from .lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.values import Value
    from ..glyphs import Glyphs

MOST_COLOURED = 200_000
"""Characters up to which code is coloured."""
_HIDDEN = re.compile("‹U\\+[0-9A-F]{4,6}›")
_CALLED = {"code": "text", "document": "markdown", "md": "markdown", "table": "yaml"}
"""What people call a type of artifact, and the lexer for it."""


class Text(msgspec.Struct, frozen=True, eq=False):
    """A value as the lines that are shown, edited and compared. Equal only to itself: lines do not compare colours."""

    source: str
    """As it is edited: a text as it is, anything else as YAML."""
    lines: tuple[Content, ...]
    is_text: bool
    kind: str


def text_of(value: Value, kind: str = "") -> Text:
    """The lines of an artifact; colours are added by `coloured`."""
    raw = as_bytes(value)
    source = raw.decode(errors="replace") if raw is not None else as_yaml(value).removesuffix("...\n")
    return of_source(source, raw is not None, kind)


def of_source(source: str, is_text: bool, kind: str = "") -> Text:
    """The same of what somebody edited."""
    return Text(source, lines_of(source), is_text, kind if is_text else "yaml")


def lines_of(source: str) -> tuple[Content, ...]:
    """Untrusted text line by line: hidden characters are shown by number, and stand out."""
    content = safe(source.removesuffix("\n"))
    marks = [Span(found.start(), found.end(), "b $bad") for found in _HIDDEN.finditer(content.plain)]
    return tuple(_split(content.add_spans(marks) if marks else content))


def coloured(text: Text) -> Text:
    """The same with the words of its language in colours, when that is known. For threads: it loads a lexer."""
    content = safe(text.source.removesuffix("\n"))
    if not text.kind or len(content.plain) > MOST_COLOURED:
        return text
    spans = _spans(content.plain, text.kind)
    spans += [Span(found.start(), found.end(), "b $bad") for found in _HIDDEN.finditer(content.plain)]
    return msgspec.structs.replace(text, lines=tuple(_split(content.add_spans(spans))))


def _spans(text: str, kind: str) -> list[Span]:
    from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(_CALLED.get(kind.casefold(), kind.casefold()), stripnl=False, ensurenl=False)
    except (ClassNotFound, ValueError):
        return []
    spans: list[Span] = []
    place = 0
    for token, value in lexer.get_tokens(text):
        style = style_of(token)
        if style and value.strip():
            spans.append(Span(place, place + len(value), style))
        place += len(value)
    return spans if place == len(text) else []


def _split(content: Content) -> list[Content]:
    if not content.spans:
        return [Content(line) for line in content.plain.split("\n")]
    return content.split("\n", allow_blank=True) if "\n" in content.plain else [content]


def whole(lines: Sequence[Content], width: int, glyphs: Glyphs, *, numbers: bool = True) -> list[Row]:
    """All lines, wrapped."""
    digits = len(str(len(lines))) if numbers and len(lines) > 1 else 0
    return [row for number, line in enumerate(lines, 1) for row in numbered(line, number, width, glyphs, digits)]


def compared(before: Text, after: Text, width: int, glyphs: Glyphs, *, columns: bool) -> list[Row]:
    """How two artifacts differ."""
    found = (split if columns else unified)(before.lines, after.lines, width, glyphs)
    return found or [Row(Content.styled("no difference", "$quiet"))]


def count_hunks(before: Text, after: Text) -> int:
    """How many groups of changes there are between two artifacts."""
    return hunks(changes([line.plain for line in before.lines], [line.plain for line in after.lines]))


class RowLines(Lines):
    """Rows that depend on the width; keys scroll them."""

    DEFAULT_CSS = "RowLines { height: 1fr; } RowLines.-inline { height: auto; }"

    def __init__(self, build: Callable[[int], list[Row]]) -> None:
        super().__init__()
        self.cursor_shown = False
        self._build: Callable[[int], list[Row]] = build
        self._rows: list[Row] = []
        self._width: int = 0

    def rebuild(self) -> None:
        """What is shown has changed."""
        self._width = 0
        self.update()
        self.redraw()

    def _built(self) -> list[Row]:
        width = self.scrollable_content_region.width
        if width != self._width and width > 0:
            self._width = width
            self._rows = self._build(width)
        return self._rows

    def total(self) -> int:
        """As in the base class."""
        return len(self._built())

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        return self._built()[index].content

    def tint(self, index: int) -> str:
        """As in the base class."""
        rows = self._built()
        return rows[index].tint if index < len(rows) else ""

    def select(self, index: int, *, scroll: bool = True) -> None:
        """As in the base class; what was found is shown in the middle."""
        super().select(index, scroll=False)
        if scroll:
            self.scroll_to(y=max(0, index - self.size.height // 3), animate=False, immediate=True)

    def copied(self, index: int) -> str:
        """All that is shown."""
        return "\n".join(row.content.plain for row in self._built())

    def step_hunk(self, step: int) -> bool:
        """Goes to the next group of changes, or the one before; False when there is none."""
        here = self.scroll_offset.y
        places = [place for place, row in enumerate(self._built()) if row.hunk]
        way = [place for place in places if (place - 1 > here if step > 0 else place - 1 < here)]
        if way:
            self.scroll_to(y=max(0, (way[0] if step > 0 else way[-1]) - 1), animate=False, immediate=True)
        return bool(way)

    async def on_click(self, event: object) -> None:
        """There is no row to select."""
