"""`proc-tui status`: where a run is, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import msgspec

from ...core.errors import Refused
from ...core.journal.runs import SOON
from ...core.model.states import RunStatus
from ..clean import clip_left, oneline, visible
from ..console.cards import asked_below, time_left
from ..console.completion import complete_run
from ..console.output import paint, say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import request_shape, run_row
from ..usage import spent, usage_of
from ..words import age, clock, duration, money, price, several, time_of_day

if TYPE_CHECKING:
    from ...core.journal.folds import RunFold
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.model.messages import Reply
    from ...core.operator import Operator

TAIL = 70
"""How much of a reply that is arriving is shown."""


@click.command("status")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("--summary", "asks", is_flag=True, help="Ask its agent for a report; this calls the model, and costs.")
@json_option
@pass_workspace
def status_command(workspace: Workspace, name: str, asks: bool, as_json: bool) -> int:
    """Say where RUN is: its stage, what it does or waits for, since when, and what it used.

    With --summary the agent that took its latest turn is asked for a report, from a copy of its conversation: the run
    does not notice.
    """
    with workspace.open() as operator:
        run = operator.run(name)
        pending, fold = operator.inbox(run=run.id), operator.fold(run)
        lines = _where(operator, run, fold, pending)
        if not as_json:
            status = run.status.value.lower().replace("_", " ")
            say(f"{paint(oneline(run.procedure), 'strong')} {oneline(run.version)} · {run.id} · {status}")
            for line in lines:
                say(f"  {line}")
        reply = _report(operator, run) if asks else None
        if as_json:
            shape = msgspec.to_builtins(run_row(run))
            shape["where"] = [click.unstyle(line) for line in lines]
            shape["requests"] = [request_shape(item, run.procedure) for item in pending]
            shape["summary"] = reply.content if reply is not None else None
            shape["summary_usage"] = (
                usage_of(reply.usage, turns=1, unpriced=int(reply.usage.cost is None)) if reply is not None else None
            )
            say_json(shape)
        elif reply is not None:
            say(f"\n{visible(reply.content).rstrip()}")
            used = usage_of(reply.usage, turns=1, unpriced=int(reply.usage.cost is None))
            tell(paint(f"this report used {used.total_tokens:,} tokens; cost: {money(used.cost)}", "quiet"))
    return 0


def _report(operator: Operator, run: Run) -> Reply:
    """Raises `Refused` when there is nobody to ask."""
    reply = operator.status_report(run)
    if reply is None:
        raise Refused(f"no agent has taken a turn in run {run.id} yet, so there is none to ask for a report")
    return reply


def _where(operator: Operator, run: Run, fold: RunFold, pending: list[PendingRequest]) -> list[str]:
    """A line for each thing there is to know, the most general first."""
    now = time.time()
    lines: list[str] = []
    history = fold.stages.history
    if fold.stages.current and history:
        lines.append(f"stage {oneline(fold.stages.current)}, for {duration(now - history[-1].timestamp)}")
    if fold.checkpoints.open and not run.status.ended:
        path = " › ".join(oneline(entry.name) for entry in fold.checkpoints.open)
        inner = fold.checkpoints.open[-1]
        line = f", line {inner.line}" if inner.line else ""
        lines.append(f"in {path}{line}, for {duration(now - inner.began_at)}")
    lines += _waits(operator, run, pending, now)
    done = sum(entry.ended for entry in fold.checkpoints.entries)
    parts = [several(done, "operation"), *([several(fold.agents.turns, "turn")] if fold.agents.turns else [])]
    if run.tokens_in or run.tokens_out or run.unpriced:
        used = spent(run)
        parts.append(f"{used.total_tokens:,} tokens, {price(used.cost, used.unpriced)}")
    lines.append(f"so far {', '.join(parts)}, in {duration((run.ended_at or now) - run.created_at)}")
    partial = operator.partial(run)
    if partial is not None:
        text = clip_left(oneline(partial.text), TAIL)
        how = "was replying" if run.status.ended else f"replies, {age(now - partial.at)} ago"
        lines.append(f"{oneline(partial.agent)} {how}: {text}")
    return lines


def _waits(operator: Operator, run: Run, pending: list[PendingRequest], now: float) -> list[str]:
    lines: list[str] = []
    for request in pending:
        left = time_left(request, now)
        facts = f"asked {age(now - request.created_at)} ago{f', {left}' if left else ''}"
        lines.append(f"{paint('asks', 'waits')}: {oneline(request.message)} ({facts}); proc-tui answer {request.id}")
    driver = operator.driven_by(run)
    match run.status:
        case RunStatus.WAITING_FOR_HUMAN if run.wake_at != SOON:
            lines += [] if pending else [f"waits for a message: proc-tui chat {run.id}"]
        case RunStatus.SLEEPING if run.wake_at:
            lines.append(f"sleeps until {time_of_day(run.wake_at)} ({clock(run.wake_at - now)})")
        case RunStatus.WAITING_FOR_CHILD:
            living = [child for child in operator.runs(parent=run.id) if not child.status.ended]
            names = ", ".join(f"{oneline(child.procedure)} {child.id}" for child in living[:5])
            lines.append(f"waits for {several(len(living), 'child', 'children')}: {names}")
            lines += asked_below(operator, run)
        case RunStatus.BLOCKED | RunStatus.FAILED:
            lines.append(
                f"{paint(run.status.value.lower(), 'bad')}: {oneline((run.error or '').partition(chr(10))[0])}"
            )
        case _ if driver is None and not run.status.ended:
            lines.append("goes on when a worker drives it: proc-tui watch")
        case _:
            pass
    return [*lines, f"driven by {driver}"] if driver is not None else lines
