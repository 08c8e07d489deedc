"""The text that the run has pinned, with its lines numbered, in colours, and with how often each one ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..colours import style_of
from ..procedure_text import parts
from ..words import several
from .paper import left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.lexer import RegexLexer

    from .paper import Paper
    from .reading import Sight

MOST_LINES = 5000
MOST_COLUMNS = 2000


def source(sight: Sight, paper: Paper, prefix: str) -> str:
    """The listing."""
    lines = paper.redact(sight.source).expandtabs(4).removesuffix("\n").split("\n")
    shown = [line[:MOST_COLUMNS] for line in lines[:MOST_LINES]]
    rows: list[str] = []
    for number, text in enumerate(_coloured(shown, paper), 1):
        ran = sight.counts.get(number, 0)
        often = f'<span class="ran">{f"{ran:,}×" if ran else ""}</span>' if sight.counts else ""
        rows.append(f'<span class="line" id="{prefix}L{number}">{often}<span class="no">{number}</span>{text}</span>')
    more = len(lines) - len(shown)
    rest = left_out(f"{several(more, 'more line')}, not in this page") if more > 0 else ""
    often = " In front of a line: how many operations and effects it did." if sight.counts else ""
    words = f'<p class="quiet small">As the run has pinned it.{often}</p>\n'
    return f'{words}<div class="source" tabindex="0"><pre>{"".join(rows)}</pre></div>\n{rest}'


def _coloured(lines: list[str], paper: Paper) -> Iterator[str]:
    from pygments.lexers.data import YamlLexer  # pyright: ignore[reportMissingTypeStubs] - it has none
    from pygments.lexers.scripting import LuaLexer  # pyright: ignore[reportMissingTypeStubs] - it has none

    yaml, lua = YamlLexer(), LuaLexer()
    for first, last, is_lua in parts(lines):
        yield from _part(lines[first:last], lua if is_lua else yaml, paper)


def _part(lines: list[str], lexer: RegexLexer, paper: Paper) -> list[str]:
    found: list[list[str]] = [[]]
    for _, token, value in lexer.get_tokens_unprocessed("\n".join(lines)):
        style = style_of(token).removeprefix("$")
        for number, piece in enumerate(value.split("\n")):
            if number:
                found.append([])
            if piece:
                shown = paper.words(piece, MOST_COLUMNS)
                found[-1].append(f'<span class="y-{style}">{shown}</span>' if style and piece.strip() else shown)
    return ["".join(line) for line in found]
