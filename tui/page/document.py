"""The whole page: a run, and below it the runs that it started.

Belongs here: the order of the parts, and what the browser is told. The page has no script and asks for nothing outside
it; its policy forbids both, and allows only its own style sheet, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING

from ...core import __version__
from ..readable import readable
from ..words import duration, several
from . import head
from .checkpoints import checkpoints
from .graph import graph
from .log import log
from .paper import Paper, folded, left_out, redaction, row, section, table, time, zone
from .reading import look
from .source import source
from .talk import conversation
from .timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from .reading import Sight

MOST_RUNS = 40
"""Runs below the run that are in the page wholly; the others are listed."""
MOST_LISTED = 500


def page(operator: Operator, run: Run, *, at: int | None = None) -> str:
    """A page that needs nothing else. Everything from the run is escaped, and nothing in it is active."""
    paper = Paper(redaction(operator.settings))
    sight = look(operator, run, at)
    below = [] if at is not None else [one for one, _ in operator.tree(run) if one.id != run.id]
    found = _sections(operator, sight, paper, "", below)
    name = paper.line(run.procedure)
    parts = [
        f'<header class="run wide">\n{head.title(sight, paper, 1)}{_lead(sight, paper)}',
        f"{head.facts(sight, paper)}</header>\n",
        _navigation([(id, title, count) for id, title, count, _ in found]),
        '<main class="wide" id="run">\n',
        *(section(id, title, body) for id, title, _, body in found),
        "</main>\n",
        _footer(operator, run),
    ]
    style = resources.files(__package__ or __name__).joinpath("page.css").read_text(encoding="utf-8")
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{name} {run.id}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#run">To the run</a>\n{"".join(parts)}</body>\n</html>\n'
    )


_Part = tuple[str, str, str, str]
"""Id, title, count and markup."""


def _sections(
    operator: Operator, sight: Sight, paper: Paper, prefix: str, below: Sequence[Run], level: int = 3
) -> list[_Part]:
    outline = sight.outline
    state = f'<div class="box">{paper.block(readable(outline.state))}</div>\n' if outline.state else ""
    overview = (
        head.ending(sight, paper, level, prefix)
        + head.parameters(sight, paper, level)
        + head.agents(sight, paper, level)
    )
    found: list[_Part] = [
        ("overview", "Overview", "", overview),
        ("timeline", "Timeline", "", timeline(sight, paper)),
        ("conversation", "Conversation", "", conversation(sight, paper, prefix)),
        ("checkpoints", "Checkpoints", f"{outline.operations:,}", checkpoints(sight, paper, prefix)),
        ("state", "State", f"{len(outline.state):,}", state),
        ("graph", "Graph", f"{outline.nodes:,}", graph(operator, sight, paper)),
        ("log", "Log", f"{sight.logged:,}", log(sight, paper, prefix)),
        ("source", "Source", "", source(sight, paper, prefix)),
        ("children", "Children", f"{len(below):,}", _children(operator, below, paper, sight.run)),
    ]
    return [(prefix + id, title, count, body) for id, title, count, body in found if body]


def _children(operator: Operator, below: Sequence[Run], paper: Paper, top: Run) -> str:
    """The runs below, each folded; those that are too many only listed."""
    if not below:
        return ""
    names = {top.id: top.procedure, **{one.id: one.procedure for one in below}}
    sources = {top.source: ""}
    parts: list[str] = []
    for number, child in enumerate(below[:MOST_RUNS], 1):
        if paper.full:
            break
        prefix = f"r{number}-"
        sight = look(operator, child)
        word, colour = head.status(sight)
        took = duration((child.ended_at or sight.until) - child.created_at)
        above = f", started by {paper.line(names.get(child.parent or '', ''), 80)}" if child.parent != top.id else ""
        summary = (
            f'<span class="from">{paper.line(child.procedure, 120)}</span> <span class="{colour}">{word}</span> '
            f'<span class="quiet small">{took}{above} · <span class="code">{child.id}</span></span>'
        )
        same = sources.get(child.source)
        found = _sections(operator, sight, paper, prefix, (), level=4)
        if same is not None:
            link = f'<p>The same text as <a href="#{same}source">above</a>.</p>\n'
            found = [(id, title, count, link if title == "Source" else body) for id, title, count, body in found]
            found = [(id, title, count, _pointed(body, prefix, same)) for id, title, count, body in found]
        else:
            sources[child.source] = prefix
        inner = "".join(section(id, title, body, level=3) for id, title, _, body in found)
        parts.append(folded(summary, head.facts(sight, paper) + inner, "run"))
    return "".join(parts) + _listed(below[len(parts) :], paper)


def _pointed(body: str, prefix: str, same: str) -> str:
    """Links to lines of a source that stands elsewhere in the page."""
    return body.replace(f'href="#{prefix}L', f'href="#{same}L')


def _listed(rest: Sequence[Run], paper: Paper) -> str:
    if not rest:
        return ""
    rows = [
        row(
            (f'<span class="code">{one.id}</span>', ""), (paper.line(one.procedure, 120), ""),
            (one.status.value.lower().replace("_", " "), ""), (time(one.created_at, day=True), "t"),
        )
        for one in rest[:MOST_LISTED]
    ]  # fmt: skip
    over = len(rest) - len(rows)
    words = f"{several(len(rest), 'more run')} below this one, of which only this is in the page"
    more = left_out(f"and {over:,} that are not listed") if over > 0 else ""
    return left_out(words) + table((("Run", ""), ("Procedure", ""), ("Status", ""), ("Started", "")), rows) + more


def _lead(sight: Sight, paper: Paper) -> str:
    """The one thing to know."""
    if sight.at is not None:
        return (
            f'<p class="lead wait">As it was at event {sight.at:,} of {sight.run.last_seq:,}, '
            f"{time(sight.outline.at, day=True)}; what came after is not in this page.</p>\n"
        )
    waiting = [one for one in sight.requests.values() if one.request not in sight.responses]
    if not sight.run.status.ended and waiting and sight.run.status.value == "WAITING_FOR_HUMAN":
        one = waiting[-1]
        link = f'<a href="#{paper.line(one.request, 60)}">{paper.line(one.message, 200)}</a>'
        return f'<p class="lead">It asks: {link}</p>\n'
    if sight.run.summary and sight.ending is None:
        return f'<p class="lead">{paper.line(sight.run.summary, 400)}</p>\n'
    return ""


def _navigation(found: Sequence[tuple[str, str, str]]) -> str:
    links = "".join(
        f'<li><a href="#{id}">{title}{f" <span class=count>{count}</span>" if count else ""}</a></li>'
        for id, title, count in found
    )
    return f'<nav aria-label="Parts of this page"><div class="wide"><ul>{links}</ul></div></nav>\n'


def _footer(operator: Operator, run: Run) -> str:
    now = operator.now()
    return (
        f'<footer><div class="wide"><p>Made by proc-tui {__version__} on {time(now, day=True)}. Times are '
        f"{zone(run.created_at)}. What agents were told is folded; characters that hide or reorder text are shown by "
        "their number, as ‹U+202E›. The page asks for nothing outside of it.</p></div></footer>\n"
    )
