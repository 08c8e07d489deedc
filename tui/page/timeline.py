"""When everything happened: stages and operations as bars on one axis of time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ..panes.timescale import TimeScale
from ..words import duration, several, time_of_day
from .paper import left_out, table
from .reading import FIRST

if TYPE_CHECKING:
    from ...core.journal.windows import Operation
    from .paper import Paper
    from .reading import Sight

DEEPEST = 6
"""Levels that are drawn further in."""
WIDTH = 1000.0
"""Units of a bar's picture."""
THINNEST = 3.0
"""What the shortest operation takes of them."""
_KINDS = {
    "approve": "waits", "review": "waits", "input": "waits", "escalate": "waits", "chat": "waits",
    "turn": "turn", "summary": "turn", "reply": "turn",
    "sleep": "sleep", "wait": "sleep", "wait_all": "sleep", "wait_any": "sleep",
}  # fmt: skip
"""How operations are drawn that wait, or are of agents."""
_KEY = (
    ("waits", "waits for a person"), ("turn", "an agent"), ("work", "an operation"),
    ("sleep", "waits for a time or a child"), ("failed", "failed"), ("stage", "a stage"),
)  # fmt: skip


def timeline(sight: Sight, paper: Paper) -> str:
    """The table with the bars; empty for a run that did nothing yet."""
    rows, stages = sight.operations, sight.outline.stages
    if not rows and not stages:
        return ""
    points = [sight.run.created_at, sight.until]
    points += [change.timestamp for change in stages]
    points += [moment for row in rows for moment in (row.began_at, row.ended_at) if moment is not None]
    scale = TimeScale([point for point in points if point >= sight.run.created_at])
    kinds: set[str] = set()
    lines = _stages(sight, scale, paper, kinds)
    for place, one in enumerate(rows):
        if place == FIRST and sight.skipped:
            lines.append(f'<tr><td colspan="3">{left_out(_skipped(sight))}</td></tr>\n')
        lines.append(_operation(one, scale, sight, paper, kinds))
    heads = [("Operation", "name"), (_axis(scale), ""), ("Took", "took n")]
    short = any(scale.is_short((part + 0.5) / 200) for part in range(200))
    note = '<p class="quiet small">Long stretches in which nothing happened are drawn shorter.</p>\n' if short else ""
    return table(heads, lines, "timeline", "Stages and operations with the time they took") + _key(kinds) + note


def _skipped(sight: Sight) -> str:
    return f"{several(sight.skipped, 'operation')} here are left out of this page; proc-tui export RUN has them all"


def _stages(sight: Sight, scale: TimeScale, paper: Paper, kinds: set[str]) -> list[str]:
    """A row for each stage, with a bar for each time the run was in it."""
    history = sight.outline.stages
    leaves = [*(change.timestamp for change in history[1:]), sight.until]
    spans: dict[str, list[tuple[float, float]]] = {}
    for number, change in enumerate(history):
        spans.setdefault(change.to_stage, []).append((change.timestamp, leaves[number]))
    lines: list[str] = []
    for name, times in spans.items():
        kinds.add("stage")
        took = sum(left - entered for entered, left in times)
        often = f' <span class="quiet small">{len(times)}×</span>' if len(times) > 1 else ""
        head = f'<span class="quiet">stage</span> {paper.line(name, 80)}{often}'
        kind = "stage last" if len(lines) == len(spans) - 1 else "stage"
        lines.append(_row(head, _bar(scale, times, "stage"), duration(took), kind))
    return lines


def _operation(one: Operation, scale: TimeScale, sight: Sight, paper: Paper, kinds: set[str]) -> str:
    kind = "failed" if one.failed else _KINDS.get(one.op, "work")
    kinds.add(kind)
    ended = one.ended_at if one.ended_at is not None else max(sight.until, one.began_at)
    took = duration(ended - one.began_at) if one.ended_at is not None else "open"
    name = paper.line(one.name, 120)
    indent = f"l{min(one.level, DEEPEST)}" if one.level else ""
    return _row(name, _bar(scale, [(one.began_at, ended)], kind), took, indent=indent, title=name)


def _row(name: str, bar: str, took: str, kind: str = "", *, indent: str = "", title: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    inward = f' class="{indent}"' if indent else ""
    whole = f' title="{title}"' if title and "<" not in title else ""
    return f'<tr{named}><th scope="row"{inward}{whole}>{name}</th><td>{bar}</td><td class="n quiet">{took}</td></tr>\n'


def _bar(scale: TimeScale, times: list[tuple[float, float]], kind: str) -> str:
    parts: list[str] = []
    for first, last in times:
        start = min(scale.place(first) * WIDTH, WIDTH - THINNEST)
        width = max(THINNEST, min(scale.place(last) * WIDTH, WIDTH) - start)
        parts.append(f'<rect class="{kind}" x="{start:.1f}" width="{width:.1f}" height="10"/>')
    return (
        f'<svg class="bar" viewBox="0 0 {WIDTH:g} 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def _axis(scale: TimeScale) -> str:
    """Five moments along the bars; with milliseconds where two of them are close."""
    moments = [scale.moment(part / 4) for part in range(5)]
    close = any(after - before < 2 for before, after in pairwise(moments))
    texts = [f"{time_of_day(at)}.{int(at % 1 * 1000):03}" if close else time_of_day(at) for at in moments]
    return f'<span class="axis">{"".join(f"<span>{text}</span>" for text in texts)}</span>'


def _key(kinds: set[str]) -> str:
    items = "".join(
        f'<li><svg class="bar" viewBox="0 0 10 10" aria-hidden="true"><rect class="{kind}" width="10" height="10"/>'
        f"</svg>{words}</li>"
        for kind, words in _KEY
        if kind in kinds
    )
    return f'<ul class="key" aria-label="What the colours mean">{items}</ul>\n'
