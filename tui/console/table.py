"""Rows of cells under each other, in the width of the terminal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ..clean import cells, clip, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
WIDE = 10_000
"""The width of output that goes to a file or a pipe: nothing is cut there."""


def width(*, terminal: bool) -> int:
    """How wide the output may be."""
    return shutil.get_terminal_size().columns if terminal else WIDE


def table(rows: Sequence[Sequence[str]], *, width: int, flexible: int, indent: int = 2) -> list[str]:
    """The lines of a table; the flexible column is cut where the rows are too long, all others are shown whole."""
    if not rows:
        return []
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    shown = [column for column, wanted in enumerate(widths) if wanted]
    fixed = sum(widths[column] + GAP for column in shown if column != flexible) + indent
    widths[flexible] = max(12, min(widths[flexible], width - fixed))
    lines: list[str] = []
    for row in rows:
        parts = [padded(clip(row[column], widths[column]), widths[column]) for column in shown]
        lines.append((" " * indent + (" " * GAP).join(parts)).rstrip())
    return lines
