"""The Markdown of models as lines of so many columns: headings, emphasis, lists, quotes, code. Never markup.

It works line by line, and only a fence of code reaches over several lines: so a text that grows is laid out again from
its last line on, and looks the same when it is whole. What is not understood is shown as it was written, and the
address of a link always is. Belongs here: text to `Content`. Never: who said it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.content import Content, Span

from ..clean import visible
from ..colours import style_of

if TYPE_CHECKING:
    from ..glyphs import Glyphs

MOST_INLINE = 2000
"""Characters of a line in which emphasis is looked for."""
MOST_CODE = 20_000
"""Characters of code that are highlighted."""
LEAST = 8
"""Columns that a text gets at least, however far in it stands."""

_FENCE = re.compile(r"^ {0,8}(```+|~~~+)\s*([\w+#.-]*)[^`]*$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$")
_QUOTE = re.compile(r"^ {0,3}((?:> ?)+)(.*)$")
_RULE = re.compile(r"^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$")
_INLINE = re.compile(
    r"(?P<tick>`+)(?P<code>.+?)(?P=tick)(?!`)|\*\*(?P<strong>\S(?:.*?\S)?)\*\*|(?<!\w)__(?P<strong2>\S(?:.*?\S)?)__(?!\w)"
    r"|(?<![\w*])\*(?P<em>[^\s*](?:[^*]*[^\s*])?)\*(?![\w*])|(?<!\w)_(?P<em2>[^\s_](?:[^_]*[^\s_])?)_(?!\w)"
    r"|\[(?P<label>[^\[\]]+)\]\((?P<address>[^()\s]+)\)"
)
_STYLES = {"code": "$string", "strong": "b", "strong2": "b", "em": "i", "em2": "i"}


def lay_out(text: str, width: int, glyphs: Glyphs, *, plain: bool = False, most: int | None = None) -> list[Content]:
    """The lines of a text in so many columns, at most so many; `plain` leaves everything as it was written."""
    lines: list[Content] = []
    code: list[str] | None = None
    fence = language = ""
    for line in visible(text).expandtabs(4).split("\n"):
        if most is not None and len(lines) >= most:
            return lines[:most]
        found = None if plain else _FENCE.match(line)
        if code is not None:
            if found is not None and found[1][0] == fence and not found[2]:
                lines += _code(code, language, width)
                code = None
            else:
                code.append(line)
        elif found is not None:
            code, fence, language = [], found[1][0], found[2]
        elif plain:
            lines += _wrapped(Content(line), width)
        else:
            lines += _line(line, width, glyphs)
    if code is not None:
        lines += _code(code, language, width)
    return lines if most is None else lines[:most]


class Growing:
    """A text to which more is added all the time: only what is new is laid out."""

    def __init__(self) -> None:
        self._done: str = ""
        self._lines: list[Content] = []
        self._width: int = 0

    def lines(self, text: str, width: int, glyphs: Glyphs) -> list[Content]:
        """Its lines now."""
        if width != self._width or not text.startswith(self._done):
            self._done, self._lines, self._width = "", [], width
        rest = text[len(self._done) :]
        end, place, fence = 0, 0, ""
        for line in rest.split("\n")[:-1]:
            place += len(line) + 1
            found = _FENCE.match(line)
            if found is not None and (not fence or (found[1][0] == fence and not found[2])):
                fence = "" if fence else found[1][0]
            if not fence:
                end = place
        if end:
            self._lines += lay_out(rest[: end - 1], width, glyphs)
            self._done += rest[:end]
            rest = rest[end:]
        return [*self._lines, *(lay_out(rest, width, glyphs) if rest else [])]


def _line(line: str, width: int, glyphs: Glyphs) -> list[Content]:
    if not line.strip():
        return [Content("")]
    if heading := _HEADING.match(line):
        return _wrapped(inline(heading[2]).stylize_before("b $strong" if len(heading[1]) < 3 else "b"), width)
    if _RULE.match(line):
        return [Content.styled(glyphs.dotted * min(width, 40), "$quiet")]
    if item := _ITEM.match(line):
        sign = glyphs.dot if item[2] in "-*+" else item[2]
        indent = " " * min(len(item[1]), max(0, width // 3))
        return _hanging(Content.assemble(indent, (sign, "$quiet"), " "), inline(item[3]), width)
    if quote := _QUOTE.match(line):
        return _hanging(
            Content.styled(f"{glyphs.bar} ", "$quiet"), inline(quote[2]).stylize_before("$quiet"), width, repeat=True
        )
    indent = line[: len(line) - len(line.lstrip())][: width // 3]
    return _hanging(Content(indent), inline(line.lstrip()), width) if indent else _wrapped(inline(line), width)


def inline(text: str) -> Content:
    """One line with its emphasis."""
    if len(text) > MOST_INLINE or not any(sign in text for sign in "`*_["):
        return Content(text)
    parts: list[str | tuple[str, str]] = []
    at = 0
    for found in _INLINE.finditer(text):
        parts.append(text[at : found.start()])
        kind = found.lastgroup or ""
        if kind == "address":
            parts += [(found["label"], "u"), (f" ({found['address']})", "$quiet")]
        else:
            parts.append((found[kind], _STYLES.get(kind, "")))
        at = found.end()
    parts.append(text[at:])
    return Content.assemble(*(part for part in parts if part))


def _wrapped(content: Content, width: int) -> list[Content]:
    if not content.plain:
        return [content]
    return [content] if content.cell_length <= width else content.wrap(max(2, width))


def _hanging(first: Content, text: Content, width: int, *, repeat: bool = False) -> list[Content]:
    room = max(LEAST, width - first.cell_length)
    rest = first if repeat else Content(" " * first.cell_length)
    return [Content.assemble(rest if place else first, line) for place, line in enumerate(_wrapped(text, room))]


def _code(lines: list[str], language: str, width: int) -> list[Content]:
    room = max(LEAST, width - 2)
    content = _highlighted("\n".join(lines), language)
    found: list[Content] = []
    for line in content.split("\n", allow_blank=True) if lines else []:
        pieces = line.fold(room) if line.cell_length > room else [line]
        found += [Content.assemble("  ", piece) for piece in pieces]
    return found


def _highlighted(code: str, language: str) -> Content:
    if not language or not code.strip() or len(code) > MOST_CODE:
        return Content.styled(code, "$string") if not language else Content(code)
    # Only a conversation with code in it needs the lexers.
    from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Content(code)
    spans: list[Span] = []
    for start, token, value in lexer.get_tokens_unprocessed(code):
        style = style_of(token)
        if style and value.strip():
            spans.append(Span(start, start + len(value), style))
    return Content(code, spans)
