"""Every operation in order: where in the source, what came of it, how long it took, what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import duration, money
from .paper import left_out, table, time
from .reading import FIRST
from .timeline import DEEPEST

if TYPE_CHECKING:
    from ...core.journal.windows import Operation
    from .paper import Paper
    from .reading import Sight

_HEADS = (
    ("Event", "n"), ("Name", ""), ("Kind", ""), ("Line", "n"), ("Outcome", ""), ("Began", ""), ("Took", "n"),
    ("Tokens", "n"), ("Cost", "n"),
)  # fmt: skip


def checkpoints(sight: Sight, paper: Paper, prefix: str) -> str:
    """The table; empty for a run without operations."""
    if not sight.operations:
        return ""
    paid = any(one.usage is not None for one in sight.operations)
    rows: list[str] = []
    for place, one in enumerate(sight.operations):
        if place == FIRST and sight.skipped:
            words = left_out(f"{sight.skipped:,} operations in between are not in this page")
            rows.append(f'<tr><td colspan="{len(_HEADS) if paid else len(_HEADS) - 2}">{words}</td></tr>\n')
        rows.append(_row(one, paper, prefix, paid=paid))
    return table(_HEADS if paid else _HEADS[:-2], rows, "checkpoints", "Operations in the order in which they began")


def _row(one: Operation, paper: Paper, prefix: str, *, paid: bool) -> str:
    indent = f' class="l{min(one.level, DEEPEST)}"' if one.level else ""
    line = f'<a href="#{prefix}L{one.line}">{one.line}</a>' if one.line else ""
    if not one.seq:
        outcome = '<span class="wait">◆ open</span>'
    elif one.failed:
        error = f'<br><span class="small">{paper.brief(one.error, 300)}</span>' if one.error is not None else ""
        outcome = f'<span class="bad">✖ failed</span>{error}'
    else:
        outcome = '<span class="good">✓ done</span>'
    took = duration(one.ended_at - one.began_at) if one.ended_at is not None else ""
    used = one.usage
    tokens = None if used is None else used.total if used.total is not None else (used.input or 0) + (used.output or 0)
    cost = "" if used is None else money(used.cost)
    end = f'<td class="n">{"" if tokens is None else f"{tokens:,}"}</td><td class="n">{cost}</td>' if paid else ""
    return (
        f'<tr><td class="n quiet">{one.first}</td><td{indent}>{paper.line(one.name, 160)}</td>'
        f'<td class="quiet">{paper.line(one.op, 80)}</td><td class="n">{line}</td><td>{outcome}</td>'
        f'<td class="t">{time(one.began_at)}</td><td class="n">{took}</td>{end}</tr>\n'
    )
