"""How a text was edited, line by line."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from ..words import several
from .paper import left_out

if TYPE_CHECKING:
    from .paper import Paper

AROUND = 3
"""Unchanged lines that are shown around a change."""
MOST_LINES = 4000
"""Up to how many lines the smallest difference is looked for."""
MOST_SHOWN = 600
"""Lines of a difference that are shown."""


def difference(before: str, after: str, paper: Paper) -> str:
    """What is gone above what came, with a few lines around it; `-` and `+` say it besides the colour."""
    old, new = before.removesuffix("\n").split("\n"), after.removesuffix("\n").split("\n")
    if old == new:
        return '<p class="quiet small">no difference</p>\n'
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > MOST_LINES)
    lines: list[str] = []
    seen = 0
    for group in matcher.get_grouped_opcodes(AROUND):
        lines += _gap(group[0][1] - seen)
        seen = group[-1][2]
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [f"<span>  {line}</span>" for line in _lines(old[i1:i2], paper)]
                continue
            lines += [f"<del>- {line}</del>" for line in _lines(old[i1:i2], paper)]
            lines += [f"<ins>+ {line}</ins>" for line in _lines(new[j1:j2], paper)]
    lines += _gap(len(old) - seen)
    over = len(lines) - MOST_SHOWN
    rest = left_out(f"{several(over, 'more line')} of the difference, not in this page") if over > 0 else ""
    return f'<pre class="diff">{"".join(lines[:MOST_SHOWN])}</pre>\n{rest}'


def _lines(lines: list[str], paper: Paper) -> list[str]:
    return [paper.words(line, 2000) for line in lines]


def _gap(skipped: int) -> list[str]:
    return [f'<span class="gap">… {several(skipped, "unchanged line")}</span>'] if skipped > 0 else []
