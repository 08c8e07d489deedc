"""A run as one HTML page that needs nothing else: for reading, printing and keeping."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .clean import visible
from .conversation import messages
from .readable import readable
from .usage import agent_shapes
from .words import duration, moment, money

if TYPE_CHECKING:
    from ..core.journal.folds import RunFold
    from ..core.journal.runs import Run
    from ..core.operator import Operator
    from ..core.values import Value
    from .shapes import MessageShape

_STYLE = """
:root { color-scheme: light dark; --quiet: #777; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
pre, code, td { font-family: ui-monospace, monospace; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; } table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; }
tr { border-bottom: 1px solid var(--line); } .quiet { color: var(--quiet); }
.COMPLETED, .done { color: #2a8a3e; } .FAILED, .failed, .error, .critical { color: #c33; }
.WAITING_FOR_HUMAN, .warn, .warning { color: #b70; }
"""


def page(operator: Operator, run: Run) -> str:
    """The whole page. Everything in it is escaped, and nothing in it is active."""
    body = "".join(_sections(operator, run, level=1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="viewport" content="width=device-width"><title>{_text(run.procedure)} {run.id}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


def _sections(operator: Operator, run: Run, *, level: int) -> list[str]:
    records, fold = operator.records(run), operator.fold(run)
    ending = fold.ended
    facts = [f"started {moment(run.created_at)} by {run.starter or 'its parent'}"]
    if run.ended_at is not None:
        facts.append(f"ended {moment(run.ended_at)} after {duration(run.ended_at - run.created_at)}")
    found = [
        f"<h{level}>{_text(run.procedure)} {_text(run.version)} "
        f'<span class="{run.status.value}">{run.status.value.lower().replace("_", " ")}</span></h{level}>\n'
        f'<p class="quiet"><code>{run.id}</code> · {_text(" · ".join(facts))}</p>\n'
    ]
    if fold.params:
        found.append(_block("Parameters", fold.params))
    if ending is not None and ending.message:
        found.append(f'<h2>Error</h2>\n<pre class="failed">{_text(ending.message)}</pre>\n')
        if ending.trace:
            found.append(f"<pre>{_text(ending.trace)}</pre>\n")
    if ending is not None and ending.result is not None:
        found.append(_block("Result", ending.result))
    if run.summary:
        found.append(f"<h2>Summary</h2>\n<p>{_text(run.summary)}</p>\n")
    rows = [(change.to_stage, moment(change.timestamp)) for change in fold.stages.history]
    found.append(_table("Stages", ("stage", "entered"), rows))
    operations = [
        (
            entry.name, f"line {entry.line}" if entry.line else "",
            "open" if not entry.ended else "failed" if entry.failed else "done",
            duration(entry.ended_at - entry.began_at) if entry.ended else "",
        )
        for entry in fold.checkpoints.entries
    ]  # fmt: skip
    found.append(_table("Operations", ("name", "where", "outcome", "took"), operations, coloured=2))
    found.append(_table("Agents", ("agent", "model", "turns", "tokens", "cost"), _agents(fold)))
    said = [(item.at or "", item.class_.lower(), item.agent or "", _spoken(item)) for item in messages(records)]
    found.append(_table("Conversation", ("at", "what", "who", "text"), said))
    logged = [
        (moment(record.at), str(getattr(record.event, "level", "")), str(getattr(record.event, "message", "")))
        for record in records
        if record.event.kind == "logged"
    ]
    found.append(_table("Log", ("at", "level", "message"), logged, coloured=1))
    if fold.state.values:
        found.append(_block("State", fold.state.values))
    found.append(f"<h2>Source</h2>\n<pre>{_text(operator.source(run))}</pre>\n")
    for child in operator.runs(parent=run.id):
        found += ["<hr>\n", *_sections(operator, child, level=2)]
    return found


def _agents(fold: RunFold) -> list[tuple[str, ...]]:
    return [
        (item.agent, item.model, str(item.usage.turns), f"{item.usage.total_tokens:,}", money(item.usage.cost))
        for item in agent_shapes(fold)
    ]


def _spoken(message: MessageShape) -> str:
    calls = [f"→ {call.name}({call.arguments})" for call in message.calls]
    return "\n".join([*([message.content] if message.content else []), *calls])


def _text(text: object) -> str:
    return escape(visible(text))


def _block(title: str, value: Value) -> str:
    return f"<h2>{title}</h2>\n<pre>{escape(readable(value))}</pre>\n"


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], coloured: int | None = None) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td class="{_text(cell)}">{_text(cell)}</td>' if index == coloured else f"<td>{_text(cell)}</td>"
            for index, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return f"<h2>{title}</h2>\n<table><tr>{head}</tr>\n{lines}</table>\n"
