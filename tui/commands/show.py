"""`proc-tui show`: one run, wholly, now or at an earlier event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import msgspec

from ...core.errors import NotFound
from ...core.model.states import RequestStatus, RunStatus
from ..clean import oneline
from ..console.cards import asked_below, card, how_to_answer
from ..console.completion import complete_run
from ..console.ending import failure
from ..console.output import paint, say, say_json
from ..console.table import table, width
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..conversation import messages
from ..readable import readable
from ..shapes import details, request_shape
from ..usage import agent_shapes, spent, turn_usage, usage_of
from ..words import age, duration, moment, money, several

if TYPE_CHECKING:
    from ...core.journal.folds import RunFold
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from ..usage import Usage

FEW = 40
"""How many operations are shown; the rest are counted."""


@click.command("show")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("--at", type=click.IntRange(min=1), metavar="SEQ", help="As it was when this event was recorded.")
@click.option("--all", "everything", is_flag=True, help="Show every operation.")
@json_option
@pass_workspace
def show_command(workspace: Workspace, name: str, at: int | None, everything: bool, as_json: bool) -> int:
    """Show RUN: its parameters, stages, operations, requests, state and children, and how it ended."""
    with workspace.open() as operator:
        run = operator.run(name)
        if at is not None and at > run.last_seq:
            raise NotFound(f"run {run.id} has {several(run.last_seq, 'event')}; there is no event {at}")
        records = operator.records(run, at=at)
        fold = operator.fold(run, at=at)
        requests = _requests(operator, run, fold, at)
        children = operator.runs(parent=run.id) if at is None else []
        if at is not None:
            run = _as_of(run, fold, records[-1].at, asks=bool(requests))
        if as_json:
            shapes = [request_shape(item, run.procedure) for item in requests]
            said, partial = messages(records), operator.partial(run) if at is None else None
            say_json(details(run, fold, said=said, requests=shapes, children=children, partial=partial))
            return 0
        for line in _Card(operator, run, fold, at=at, everything=everything).lines(requests, children):
            say(line)
    return 0


def _as_of(run: Run, fold: RunFold, moment: float, *, asks: bool) -> Run:
    """The run's outline as it was when an event was recorded; `last_seq` stays, to say how much came after."""
    going = RunStatus.WAITING_FOR_HUMAN if asks else RunStatus.RUNNING
    used = fold.agents.usage
    return msgspec.structs.replace(
        run,
        status=RunStatus(fold.ended.status) if fold.ended is not None else going,
        stage=fold.stages.current,
        attempt=fold.attempt,
        updated_at=moment,
        ended_at=moment if fold.ended is not None else None,
        error=None,
        summary=run.summary if fold.ended is not None else None,
        owner=None,
        mail=0,
        tokens_in=used.input or 0,
        tokens_out=used.output or 0,
        cost=used.cost or 0.0,
        unpriced=fold.agents.unpriced,
    )


def _requests(operator: Operator, run: Run, fold: RunFold, at: int | None) -> list[PendingRequest]:
    """The requests that are pending, or were at that event."""
    if at is None:
        return operator.inbox(run=run.id)
    waiting = [name for name, item in fold.requests.requests.items() if item.status is RequestStatus.PENDING]
    return [operator.request(name) for name in waiting]


class _Card:
    """The text of `show`."""

    def __init__(self, operator: Operator, run: Run, fold: RunFold, *, at: int | None, everything: bool) -> None:
        self._operator = operator
        self._run = run
        self._fold = fold
        self._at = at
        self._everything = everything
        self._now = time.time() if at is None else run.updated_at

    def lines(self, requests: list[PendingRequest], children: list[Run]) -> list[str]:
        lines = self._header()
        if self._fold.params:
            lines += _part("params", readable(self._fold.params))
        lines += self._stages()
        lines += self._operations()
        lines += self._agents()
        lines += self._arriving()
        for request in requests:
            lines += ["", *card(request, self._run.procedure, self._now)]
            if self._at is None:
                lines.append(f"  answer: {how_to_answer(request)}")
        if self._fold.state.values:
            lines += _part("state", readable(self._fold.state.values))
        lines += self._graph()
        lines += self._children(children)
        return [*lines, *self._ending()]

    def _header(self) -> list[str]:
        run, fold = self._run, self._fold
        title = f"{paint(oneline(run.procedure), 'strong')} {oneline(run.version)}"
        head = f"{title} · {run.id} · {_status(run, fold, self._at)}"
        if self._at is not None:
            head += paint(f"  (a view of the past: event {self._at} of {run.last_seq})", "waits")
        facts = [
            ("file", oneline(run.file + (f" ({run.path})" if run.path else ""))),
            ("started", f"{moment(run.created_at)}{f' by {oneline(run.starter)}' if run.starter else ''}"),
            (
                "ended",
                f"{moment(run.ended_at)}, after {duration(run.ended_at - run.created_at)}" if run.ended_at else "",
            ),
            ("attempt", str(fold.attempt) if fold.attempt > 1 else ""),
            ("parent", run.parent or ""),
            ("forked from", run.forked_from or ""),
            ("stage", oneline(fold.stages.current or "")),
            ("driven by", self._operator.driven_by(run) or ""),
            ("mail", f"{several(run.mail, 'message')} not delivered yet" if run.mail else ""),
            ("blocked", oneline(run.error or "") if run.status is RunStatus.BLOCKED else ""),
        ]
        return [head, *(f"  {paint(f'{name}:', 'quiet')} {text}" for name, text in facts if text)]

    def _stages(self) -> list[str]:
        history = self._fold.stages.history
        if not history:
            return []
        end = self._run.ended_at or self._now
        leaves = [*(change.timestamp for change in history[1:]), end]
        rows = [
            (oneline(change.to_stage), duration(left - change.timestamp))
            for change, left in zip(history, leaves, strict=True)
        ]
        return ["", paint("stages", "strong"), *table(rows, width=_width(), flexible=0)]

    def _operations(self) -> list[str]:
        entries = self._fold.checkpoints.entries
        if not entries:
            return []
        shown = entries if self._everything else entries[-FEW:]
        rows = [
            (
                str(entry.first),
                f"{'  ' * entry.level}{oneline(entry.name)}",
                "open" if not entry.ended else "failed" if entry.failed else "done",
                duration(entry.ended_at - entry.began_at) if entry.ended else "",
                f"line {entry.line}" if entry.line else "",
                *_paid(self._fold, entry.name),
            )
            for entry in shown
        ]
        more = len(entries) - len(shown)
        head = [
            paint("operations", "strong")
            + (f"  (the last {FEW} of {len(entries):,}; --all shows them)" if more else "")
        ]
        return ["", *head, *table(rows, width=_width(), flexible=1)]

    def _agents(self) -> list[str]:
        found = agent_shapes(self._fold)
        if not found:
            return []
        rows = [("agent", "model", "turns", "messages", "in", "out", "cached", "reasoning", "cost")]
        rows += [
            (oneline(item.agent), oneline(item.model or "(default)"), *_numbers(item.usage, item.messages))
            for item in found
        ]
        total = usage_of(self._fold.agents.usage, turns=self._fold.agents.turns, unpriced=self._fold.agents.unpriced)
        if len(found) > 1:
            rows.append(("total", "", *_numbers(total, sum(item.messages for item in found))))
        lines = table(rows, width=_width(), flexible=1)
        notes = [f"  the cost of {several(total.unpriced, 'reply', 'replies')} is unknown"] if total.unpriced else []
        paid, now = spent(self._run), total.total_tokens
        if self._at is None and paid.total_tokens > now:
            notes.append(
                f"  with earlier attempts {paid.total_tokens:,} tokens, {money(paid.cost)}: what was paid stays paid"
            )
        return [
            "",
            paint("agents", "strong"),
            paint(lines[0], "quiet"),
            *lines[1:],
            *(paint(note, "quiet") for note in notes),
        ]

    def _arriving(self) -> list[str]:
        partial = self._operator.partial(self._run) if self._at is None else None
        if partial is None:
            return []
        how = "was cut off" if self._run.status.ended else f"arrives, {age(self._now - partial.at)} ago"
        return _part(f"the reply of {oneline(partial.agent)} that {how}", readable(partial.text))

    def _graph(self) -> list[str]:
        nodes = self._fold.graph.nodes
        if not nodes:
            return []
        text = f"{several(len(nodes), 'node')}, now at {self._fold.graph.current}"
        return ["", f"{paint('graph', 'strong')}  {text}"]

    def _children(self, children: list[Run]) -> list[str]:
        if not children:
            return []
        shown = children if self._everything else children[:FEW]
        rows = [
            (
                child.id,
                oneline(child.procedure),
                child.status.value.lower().replace("_", " "),
                oneline(child.stage or ""),
            )
            for child in shown
        ]
        more = [f"  … {len(children) - len(shown)} more"] if len(children) > len(shown) else []
        asked = [f"  {line}" for line in asked_below(self._operator, self._run)]
        return ["", paint("children", "strong"), *table(rows, width=_width(), flexible=1), *more, *asked]

    def _ending(self) -> list[str]:
        ending = self._fold.ended
        if ending is None:
            return []
        if ending.status == "FAILED":
            return ["", *failure(self._operator, self._run, ending, self._fold)]
        if ending.status == "COMPLETED":
            result = [] if ending.result is None else _part("result", readable(ending.result))
            summary = _part("summary", readable(self._run.summary)) if self._run.summary else []
            return [*result, *summary]
        return ["", f"cancelled by {oneline(ending.by)}"]


def _status(run: Run, fold: RunFold, at: int | None) -> str:
    if at is not None:
        return fold.ended.status.lower() if fold.ended is not None else "going on"
    return run.status.value.lower().replace("_", " ")


def _paid(fold: RunFold, name: str) -> tuple[str, str]:
    if name not in fold.agents.used_by:
        return "", ""
    tokens, cost = turn_usage(fold, name)
    return "" if tokens is None else f"{tokens:,} tokens", "" if cost is None else money(cost)


def _numbers(used: Usage, messages: int) -> tuple[str, ...]:
    counts = (used.turns, messages, used.input_tokens, used.output_tokens, used.cached_tokens, used.reasoning_tokens)
    return (*(f"{count:,}" for count in counts), money(used.cost))


def _part(title: str, text: str) -> list[str]:
    return ["", paint(title, "strong"), *(f"  {line}".rstrip() for line in text.split("\n"))]


def _width() -> int:
    import sys

    return width(terminal=sys.stdout.isatty())
