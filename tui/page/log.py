"""The log of a run, which can be narrowed to warnings or errors without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readable import brief, readable
from ..shapes import log_entry
from ..words import several
from .paper import choice, folded, left_out, table, time

if TYPE_CHECKING:
    from ...core.journal.events import Record
    from .paper import Paper
    from .reading import Sight

LEVELS = ("debug", "info", "warn", "warning", "error", "critical")
_HEADS = (("Time", ""), ("Level", ""), ("Message", ""), ("Line", "n where"))
_FEW = 120
"""Characters of a line's context that are shown unfolded."""


def log(sight: Sight, paper: Paper, prefix: str) -> str:
    """The lines with a choice of levels; empty for a run that logged nothing."""
    if not sight.log:
        return ""
    rows: list[str] = []
    skipped = sight.logged - len(sight.log) - len(sight.loud)
    if sight.loud or skipped > 0:
        rows += [_row(one, paper, prefix) for one in sight.loud]
        kept = "; warnings and errors of them stand above" if sight.loud else ""
        words = left_out(f"{several(skipped, 'earlier line')} not in this page{kept}. proc-tui log RUN shows them all.")
        rows.append(f'<tr><td colspan="{len(_HEADS)}">{words}</td></tr>\n')
    rows += [_row(one, paper, prefix) for one in sight.log]
    body = table(_HEADS, rows, "log small", "The log, oldest first")
    return _filter(sight, prefix, body)


def _filter(sight: Sight, prefix: str, body: str) -> str:
    present = {str(getattr(one.event, "level", "info")) for one in (*sight.log, *sight.loud)}
    offered = [("all", "everything")]
    offered += [("info", "without debug")] if "debug" in present else []
    offered += [("warn", "warnings and errors")] if present & {"warn", "warning"} else []
    offered += [("error", "errors")] if present & {"error", "critical"} else []
    if len(offered) == 1 or len(present) < 2:
        return body
    name = f"{prefix}level"
    return choice(name, "from", offered, body)


def _row(record: Record, paper: Paper, prefix: str) -> str:
    entry = log_entry(record)
    level = entry.level if entry.level in LEVELS else "info"
    context = getattr(record.event, "context", None)
    more = ""
    if context is not None:
        short = f'<span class="quiet">{paper.brief(context, _FEW)}</span>'
        more = f" {short}" if len(brief(context, _FEW)) <= _FEW else folded(short, paper.block(readable(context)))
    what = "" if entry.kind == "logged" else f'<span class="quiet">{entry.kind}</span> '
    line = f'<a href="#{prefix}L{record.line}">{record.line}</a>' if record.line else ""
    return (
        f'<tr class="{level}"><td class="t">{time(record.at)}</td><td class="level">{level}</td>'
        f'<td class="message">{what}{paper.words(entry.message.rstrip(), 4000)}{more}</td>'
        f'<td class="n where">{line}</td></tr>\n'
    )
