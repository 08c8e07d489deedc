"""The head of a run's page: what ran, how it came out, who started it, when, and what it cost; and how it ended.

Belongs here: the first screen of the page. Never: lists that grow with a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.model.states import RunStatus
from ..glyphs import UNICODE, sign
from ..readable import readable
from ..shapes import error_line
from ..usage import spent
from ..words import duration, money, price
from .paper import row, table, time

if TYPE_CHECKING:
    from .paper import Paper
    from .reading import Sight

AROUND = 3
"""Lines of the source before and after the one at which a run failed."""
_COLOURS = {"$good": "good", "$bad": "bad", "$wait": "wait", "$accent": "accent"}


def status(sight: Sight) -> tuple[str, str]:
    """What the state of the run is called, with its sign, and its colour."""
    if sight.at is not None and sight.outline.ended is None:
        return f"{UNICODE.running} going on", "accent"
    found = sign(UNICODE, RunStatus(sight.outline.ended) if sight.at is not None else sight.run.status)
    word = "waiting for a person" if found.glyph == UNICODE.waits else found.word
    return f"{found.glyph} {word}", _COLOURS.get(found.style, "quiet")


def title(sight: Sight, paper: Paper, level: int) -> str:
    """The heading."""
    word, colour = status(sight)
    run = sight.run
    version = f" <small>{paper.line(run.version)}</small>" if run.version else ""
    return (
        f'<h{level}><span class="from">{paper.line(run.procedure)}</span>{version} '
        f'<span class="badge {colour}">{word}</span></h{level}>\n'
    )


def facts(sight: Sight, paper: Paper) -> str:
    """When, who, how long, at what cost."""
    run, outline = sight.run, sight.outline
    ended = run.ended_at if sight.at is None else outline.at if outline.ended is not None else None
    used = outline.usage
    tokens = (used.input or 0) + (used.output or 0) or used.total or 0
    paid = spent(run)
    cost = ""
    if used.cost is not None or outline.unpriced:
        cost = price(used.cost, outline.unpriced).removeprefix("cost ")
    more = (
        f"{paid.total_tokens:,} tokens, {money(paid.cost)}" if sight.at is None and paid.total_tokens > tokens else ""
    )
    rows = [
        ("Run", f'<span class="code">{run.id}</span>'),
        ("File", paper.line(run.file + (f" ({run.path})" if run.path else ""))),
        ("Started", time(run.created_at, day=True)),
        ("Started by", paper.line(run.starter) if run.starter else "its parent" if run.parent else ""),
        ("Ended", time(ended, day=True) if ended is not None else ""),
        ("Took" if ended is not None else "Going for", duration((ended or sight.until) - run.created_at)),
        ("Attempt", str(outline.attempt) if outline.attempt > 1 else ""),
        ("Stage", paper.line(outline.stage) if outline.stage else ""),
        ("Parent", f'<span class="code">{run.parent}</span>' if run.parent else ""),
        ("Forked from", f'<span class="code">{run.forked_from}</span>' if run.forked_from else ""),
        ("Tokens", f"{used.input or 0:,} in, {used.output or 0:,} out" if tokens else ""),
        ("Cost", cost),
        ("With earlier attempts", more),
        ("Blocked", paper.line(run.error or "") if run.status is RunStatus.BLOCKED and sight.at is None else ""),
    ]
    inner = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in rows if text)
    return f'<dl class="facts">{inner}</dl>\n'


def parameters(sight: Sight, paper: Paper, level: int) -> str:
    """What the run was given."""
    if not sight.params:
        return ""
    return f'<h{level}>Parameters</h{level}>\n<div class="box">{paper.block(readable(sight.params))}</div>\n'


def ending(sight: Sight, paper: Paper, level: int, prefix: str) -> str:
    """What the run returned, or why it failed."""
    found = sight.ending
    if found is None:
        return ""
    if found.status == "FAILED":
        return _failure(sight, paper, level, prefix)
    if found.status == "CANCELLED":
        by = f" by {paper.line(found.by)}" if found.by else ""
        return f"<p>The run was cancelled{by}.</p>\n"
    parts: list[str] = []
    if found.result is not None:
        shown = paper.block(readable(found.result))
        parts.append(f'<h{level}>Result</h{level}>\n<div class="box">{shown}</div>\n')
    return "".join(parts) + _summary(sight, paper, level)


def _summary(sight: Sight, paper: Paper, level: int) -> str:
    text = sight.ending.summary if sight.ending is not None else None
    if not text:
        return ""
    return f'<h{level}>Summary</h{level}>\n<div class="box">{paper.block(text, "words")}</div>\n'


def _failure(sight: Sight, paper: Paper, level: int, prefix: str) -> str:
    found = sight.ending
    assert found is not None
    parts = [f'<h{level}>Why it failed</h{level}>\n<div class="box failed">{paper.block(found.message, "bad")}']
    line = error_line(found.message)
    lines = sight.source.split("\n")
    if line is not None and 0 < line <= len(lines):
        first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
        rows = "".join(
            _line(paper, lines[number - 1], number, here=number == line) for number in range(first, last + 1)
        )
        parts.append(f'<div class="source"><pre>{rows}</pre></div>\n')
        parts.append(f'<p class="small"><a href="#{prefix}L{line}">line {line} of the source</a></p>\n')
    if found.trace:
        parts.append(f"<details><summary>Trace</summary>\n{paper.block(found.trace)}</details>\n")
    parts.append("</div>\n")
    return "".join(parts) + _summary(sight, paper, level)


def _line(paper: Paper, text: str, number: int, *, here: bool) -> str:
    kind = "line here" if here else "line"
    return (
        f'<span class="{kind}"><span class="no">{number}</span>{paper.words(text.rstrip().expandtabs(4), 400)}</span>'
    )


def agents(sight: Sight, paper: Paper, level: int) -> str:
    """What each agent used."""
    if not sight.agents:
        return ""
    heads = (
        ("Agent", ""), ("Model", ""), ("Turns", "n"), ("Input", "n"), ("Output", "n"), ("Cached", "n"), ("Cost", "n"),
    )  # fmt: skip
    rows = [
        row(
            (paper.line(one.agent), ""), (paper.line(one.model or "the default"), ""), (str(one.usage.turns), "n"),
            (f"{one.usage.input_tokens:,}", "n"), (f"{one.usage.output_tokens:,}", "n"),
            (f"{one.usage.cached_tokens:,}", "n"), (money(one.usage.cost), "n"),
        )
        for one in sight.agents
    ]  # fmt: skip
    return f"<h{level}>Agents</h{level}>\n{table(heads, rows)}"
