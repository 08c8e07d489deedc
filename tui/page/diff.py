"""How a text was edited, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..differences import changes
from ..words import several
from .paper import left_out

if TYPE_CHECKING:
    from .paper import Paper

MOST_LINE = 2000
"""Characters of a line that are shown."""
MOST_SHOWN = 600
"""Lines of a difference that are shown."""


def difference(before: str, after: str, paper: Paper) -> str:
    """What is gone above what came, with a few lines around it; `-` and `+` say it besides the colour."""
    old, new = before.removesuffix("\n").split("\n"), after.removesuffix("\n").split("\n")
    if old == new:
        return '<p class="quiet small">no difference</p>\n'
    lines: list[str] = []
    for change in changes(old, new):
        lines += _gap(change.skipped)
        gone = [paper.words(old[place], MOST_LINE) for place in change.left]
        if change.same:
            lines += [f"<span>  {line}</span>" for line in gone]
            continue
        lines += [f"<del>- {line}</del>" for line in gone]
        lines += [f"<ins>+ {paper.words(new[place], MOST_LINE)}</ins>" for place in change.right]
    over = len(lines) - MOST_SHOWN
    rest = left_out(f"{several(over, 'more line')} of the difference, not in this page") if over > 0 else ""
    return f'<pre class="diff">{"".join(lines[:MOST_SHOWN])}</pre>\n{rest}'


def _gap(skipped: int) -> list[str]:
    return [f'<span class="gap">… {several(skipped, "unchanged line")}</span>'] if skipped > 0 else []
