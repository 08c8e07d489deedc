"""An artifact as lines: its source, with what is hidden made visible and code in colours; and a list that shows it.

Belongs here: from a value to rows. Never: reading requests, or deciding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content, Span

from ...core.values import as_bytes
from ..colours import style_of
from ..differences import changes
from ..readable import as_source
from ..screen_safety import safe
from .diff import split, unified
from .laid import Rows, words
from .lines import Lines
from .source_text import SourceText, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.values import Value
    from ..differences import Change
    from ..glyphs import Glyphs
    from .laid import Section

MOST_COLOURED = 200_000
"""Characters up to which code is coloured."""
QUICK = 100_000
"""Characters up to which texts are compared at once; more of them off the loop."""
QUICK_STRINGS, QUICK_VALUES = 20_000, 500
"""Characters, and values, up to which a value is written as YAML at once."""
LAYING, PAUSE = 0.015, 0.01
"""Seconds for which rows are laid out, and then are not."""
_CALLED = {"code": "text", "document": "markdown", "md": "markdown", "table": "yaml"}
"""What people call a type of artifact, and the lexer for it."""


class Text(msgspec.Struct, frozen=True, eq=False):
    """A value as the lines that are shown, edited and compared. Equal only to itself: lines do not compare colours."""

    source: str
    """As it is edited: a text as it is, anything else as YAML."""
    lines: SourceText
    is_text: bool
    kind: str
    unread: bool = False
    """Whether it is being written as YAML yet: nothing of it is shown."""


def text_of(value: Value, kind: str = "") -> Text:
    """The lines of an artifact; colours are added by `coloured`."""
    return of_source(as_source(value), as_bytes(value) is not None, kind)


def of_source(source: str, is_text: bool, kind: str = "") -> Text:
    """The same of what somebody edited."""
    return Text(source, SourceText(source), is_text, kind if is_text else "yaml")


def unread(kind: str = "") -> Text:
    """What stands for an artifact that is being written as YAML."""
    return Text("", SourceText("reading…"), False, kind, unread=True)


def is_quick(value: Value) -> bool:
    """Whether a value is written as YAML at once."""
    return as_bytes(value) is not None or _spent(value, [QUICK_STRINGS, QUICK_VALUES])


def _spent(value: Value, left: list[int]) -> bool:
    left[1] -= 1
    if isinstance(value, str):
        left[0] -= len(value)
    elif isinstance(value, list):
        return all(_spent(item, left) for item in value)
    elif isinstance(value, dict):
        return all(_spent(name, left) and _spent(item, left) for name, item in value.items())
    return min(left) >= 0


def coloured(text: Text) -> Text:
    """The same with the words of its language in colours, when that is known. For threads: it loads a lexer."""
    if not text.kind or text.lines.size > MOST_COLOURED:
        return text
    content = safe(text.source.removesuffix("\n"))
    spans = _spans(content.plain, text.kind)
    lines = _split(marked(content.add_spans(spans)))
    return msgspec.structs.replace(text, lines=SourceText(text.source, lines))


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


def compare(before: Text, after: Text) -> list[Change]:
    """How two artifacts differ. For threads, where they are not short together."""
    return changes(before.lines.raw, after.lines.raw)


def compared(
    before: Text, after: Text, found: Sequence[Change], width: int, glyphs: Glyphs, *, columns: bool
) -> Section:  # fmt: skip
    """How two artifacts differ, as rows."""
    if not found:
        return words("no difference")
    return (split if columns else unified)(before.lines, after.lines, found, width, glyphs)


class RowLines(Lines):
    """Rows that depend on the width; keys scroll them."""

    DEFAULT_CSS = "RowLines { height: 1fr; } RowLines.-inline { height: auto; }"

    def __init__(self, build: Callable[[int], Rows], source: Callable[[], str | None] = lambda: None) -> None:
        """`source` is what `y` copies, where that is not what is shown."""
        super().__init__()
        self.cursor_shown = False
        self._build: Callable[[int], Rows] = build
        self._source: Callable[[], str | None] = source
        self._rows: Rows = Rows()
        self._width: int = 0
        self._laying: bool = False

    def rebuild(self) -> None:
        """What is shown has changed."""
        self._width = 0
        self.update()
        self.redraw()

    def _built(self) -> Rows:
        width = self.scrollable_content_region.width
        if width != self._width and width > 0:
            self._width = width
            self._rows = self._build(width)
            if not self._rows.complete and not self._laying:
                self._laying = True
                self.set_timer(PAUSE, self._lay)
        return self._rows

    def _lay(self) -> None:
        """Lays out more of a long text: there is room for keys between."""
        self._laying = False
        if self._rows.lay(LAYING):
            self._laying = True
            self.set_timer(PAUSE, self._lay)
        self.update()

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

    def text_of(self, index: int) -> str:
        """As in the base class."""
        return self._built()[index].content.plain

    def select(self, index: int, *, scroll: bool = True) -> None:
        """As in the base class; what was found is shown in the middle."""
        super().select(index, scroll=False)
        if scroll:
            self.scroll_to(y=max(0, index - self.size.height // 3), animate=False, immediate=True)

    def copied(self, index: int) -> str:
        """All of it."""
        source = self._source()
        rows = self._built()
        return source if source is not None else "\n".join(rows[place].content.plain for place in range(len(rows)))

    def step_hunk(self, step: int) -> bool:
        """Goes to the next group of changes, or the one before; False when there is none."""
        here = self.scroll_offset.y
        places = self._built().hunks
        way = [place for place in places if (place - 1 > here if step > 0 else place - 1 < here)]
        if way:
            self.scroll_to(y=max(0, (way[0] if step > 0 else way[-1]) - 1), animate=False, immediate=True)
        return bool(way)

    async def on_click(self, event: object) -> None:
        """There is no row to select."""
