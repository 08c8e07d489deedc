"""The text of a procedure in colours: YAML, and Lua in its `code` blocks. Pygments is imported when it is needed.

Belongs here: which part of the text has which colour. Never: lines on the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ..clean import visible
from ..colours import style_of
from ..procedure_text import parts
from ..screen_safety import TAB

if TYPE_CHECKING:
    from pygments.lexer import RegexLexer

MOST = 20_000
"""Lines that are coloured; what is longer is shown plain."""


def highlight(text: str) -> tuple[Content, ...]:
    """Every line of a procedure, safe to show."""
    lines = text.expandtabs(TAB).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > MOST:
        return tuple(Content(visible(line)) for line in lines)
    from pygments.lexers.data import YamlLexer  # pyright: ignore[reportMissingTypeStubs] - it has none
    from pygments.lexers.scripting import LuaLexer  # pyright: ignore[reportMissingTypeStubs] - it has none

    yaml, lua = YamlLexer(), LuaLexer()
    found: list[Content] = []
    for first, last, is_lua in parts(lines):
        found += _coloured(lines[first:last], lua if is_lua else yaml)
    return tuple(found)


def _coloured(lines: list[str], lexer: RegexLexer) -> list[Content]:
    found: list[list[Content]] = [[]]
    for _, token, value in lexer.get_tokens_unprocessed("\n".join(lines)):
        style = style_of(token)
        for number, piece in enumerate(value.split("\n")):
            if number:
                found.append([])
            if piece:
                shown = visible(piece)
                found[-1].append(Content.styled(shown, style) if style else Content(shown))
    return [Content("").join(line) for line in found]
