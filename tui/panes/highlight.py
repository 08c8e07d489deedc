"""The text of a procedure in colours: YAML, and Lua in its `code` blocks. Pygments is imported when it is needed.

Belongs here: which part of the text has which colour. Never: lines on the screen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.content import Content

from ..clean import visible
from ..screen_safety import TAB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import RegexLexer

MOST = 20_000
"""Lines that are coloured; what is longer is shown plain."""
_LUA = re.compile(r"^(\s*(?:- )?)(?:code|workflow)\s*:\s*[|>][-+0-9]*\s*(?:#.*)?$")
_STYLES = (
    ("Comment", "$quiet"),
    ("Literal.String", "$string"),
    ("Literal.Scalar", ""),
    ("Literal.Number", "$number"),
    ("Keyword.Constant", "$number"),
    ("Keyword.Type", ""),
    ("Keyword", "$agent"),
    ("Operator.Word", "$agent"),
    ("Name.Tag", "$accent"),
    ("Name.Builtin", "$accent"),
    ("Name.Function", "$accent"),
    ("Name.Class", "$accent"),
)


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
    for first, last, is_lua in _parts(lines):
        found += _coloured(lines[first:last], lua if is_lua else yaml)
    return tuple(found)


def _parts(lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """Stretches of lines, each with whether it is Lua."""
    start = at = 0
    while at < len(lines):
        block = _LUA.match(lines[at])
        at += 1
        if block is None:
            continue
        indent, end = len(block[1]), at
        while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
            end += 1
        if end > at:
            yield start, at, False
            yield at, end, True
            start = at = end
    if start < len(lines):
        yield start, len(lines), False


def _coloured(lines: list[str], lexer: RegexLexer) -> list[Content]:
    parts: list[list[Content]] = [[]]
    for _, token, value in lexer.get_tokens_unprocessed("\n".join(lines)):
        style = _style(str(token).removeprefix("Token."))
        for number, piece in enumerate(value.split("\n")):
            if number:
                parts.append([])
            if piece:
                shown = visible(piece)
                parts[-1].append(Content.styled(shown, style) if style else Content(shown))
    return [Content("").join(line) for line in parts]


def _style(token: str) -> str:
    return next((style for name, style in _STYLES if token.startswith(name)), "")
