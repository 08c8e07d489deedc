"""What is said when driving a run is over: its result, its failure with what can be done, or what it waits for.

The result alone goes to standard output; with `--json` the one object does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import RepliesError
from ...core.journal.events import Said
from ...core.journal.folds import RunFold
from ...core.journal.runs import SOON
from ...core.model.states import RunStatus
from ...core.scripted import in_chat
from ..clean import oneline, visible
from ..readable import readable
from ..shapes import ListeningShape, error_line, outcome, request_shape
from ..usage import spent_together
from ..words import duration, price, several
from .cards import card, how_to_answer
from .foreground import Stopped
from .output import paint, say, say_json, tell
from .problems import snippet
from .table import table, width

if TYPE_CHECKING:
    from ...core.journal.events import RunEnded
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.operator import Operator

_NO_MODEL = "no model is configured"
"""How the error of a turn says so."""
WAITING, CANCELLED, INTERRUPTED = 3, 4, 130
_CODES = {RunStatus.COMPLETED: 0, RunStatus.FAILED: 1, RunStatus.CANCELLED: CANCELLED}


def exit_code(run: Run, stopped: Stopped) -> int:
    """The exit code of `run` and `resume`."""
    if run.status.ended:
        return _CODES[run.status]
    return INTERRUPTED if stopped is Stopped.INTERRUPTED else WAITING


def conclude(operator: Operator, run: Run, stopped: Stopped, *, as_json: bool) -> int:
    """Says how it came out and returns the exit code."""
    run = operator.run(run.id)
    pending = [] if run.status.ended else operator.inbox(root=run.root)
    ending = operator.ending(run)
    if as_json:
        names = {item.run: operator.run(item.run).procedure for item in pending}
        requests = [request_shape(item, names[item.run]) for item in pending]
        listening = [_listening(operator, member) for member in tree(operator, run) if listens(member)]
        say_json(outcome(run, ending, requests, with_folds(operator, run), listening))
    elif run.status is RunStatus.COMPLETED:
        _completed(operator, run, ending)
    elif run.status is RunStatus.FAILED:
        for line in failure(operator, run, ending):
            tell(line)
    elif run.status is RunStatus.CANCELLED:
        tell(f"{paint('cancelled', 'quiet')} {run.id}{f' by {oneline(ending.by)}' if ending and ending.by else ''}")
    elif stopped is Stopped.INTERRUPTED:
        tell(f"left {run.id} as it was recorded ({_doing(run)})")
        tell(f"  go on here: proc-tui resume {run.id}    in the background: proc-tui watch")
    else:
        _waits(operator, run, pending)
    return exit_code(run, stopped)


def _completed(operator: Operator, run: Run, ending: RunEnded | None) -> None:
    if ending is not None and ending.result is not None:
        say(readable(ending.result))
    if run.summary:
        tell(visible(run.summary))
    took = duration((run.ended_at or run.updated_at) - run.created_at)
    tell(f"{paint('completed', 'good')} {run.id} in {took}{paint(used(operator, run), 'quiet')}")
    living = [child for child in operator.runs(root=run.root) if not child.status.ended]
    if living:
        verb = "goes" if len(living) == 1 else "go"
        tell(f"{several(len(living), 'child', 'children')} {verb} on; drive them with: proc-tui watch")


def with_folds(operator: Operator, run: Run) -> list[tuple[Run, RunFold]]:
    """The run and those below it that used a model, with all that they add up to."""
    return [
        (member, operator.fold(member))
        for member in tree(operator, run)
        if member.id == run.id or member.tokens_in or member.tokens_out or member.unpriced
    ]


def tree(operator: Operator, run: Run) -> list[Run]:
    """The run and all below it."""
    found: dict[str, Run] = {}
    for row in sorted(operator.runs(root=run.root), key=lambda row: row.depth):
        if row.id == run.id or row.parent in found:
            found[row.id] = row
    return list(found.values())


def used(operator: Operator, run: Run) -> str:
    """What the models of a run and of those below it used, for the end of a line; nothing when there were none."""
    rows = [row for row in tree(operator, run) if row.tokens_in or row.tokens_out or row.unpriced]
    if not rows:
        return ""
    total = spent_together(rows)
    own = any(row.id == run.id for row in rows)
    whose = "" if own and len(rows) == 1 else f", {'with' if own else 'in'} the runs below it"
    return f"  {total.total_tokens:,} tokens, {price(total.cost, total.unpriced)}{whose}"


def _waits(operator: Operator, run: Run, pending: list[PendingRequest]) -> None:
    now = time.time()
    members = tree(operator, run)
    for member in members:
        name = member.id if member.id == run.id else f"{member.id} ({oneline(member.procedure)})"
        if member.status is RunStatus.BLOCKED:
            tell(f"{paint('blocked', 'bad')} {name}: {visible(member.error or '')}")
        elif listens(member):
            tell(f"{paint('waits', 'waits')} {name} for a message: proc-tui chat {member.id}")
            tell(f"  or, without a terminal: proc-tui send {member.id} TEXT, then proc-tui resume {run.id}")
    if pending:
        tell(f"{paint('waits', 'waits')} {run.id} for {several(len(pending), 'answer')}")
    for request in pending:
        for line in card(request, operator.run(request.run).procedure, now):
            tell(line)
        tell(f"  answer: {how_to_answer(request)}")
    if pending or any(member.status is RunStatus.BLOCKED for member in members):
        tell(f"  then go on: proc-tui resume {run.id}, unless a proc-tui watch runs")


def listens(run: Run) -> bool:
    """Whether a run waits to be sent a message."""
    return run.status is RunStatus.WAITING_FOR_HUMAN and in_chat(run) and run.wake_at != SOON and not run.mail


def _listening(operator: Operator, run: Run) -> ListeningShape:
    found = operator.log(run, kinds=(Said.kind,), limit=1, newest=True)
    said = found[0].event.content if found and isinstance(found[0].event, Said) else None
    return ListeningShape(run.id, run.procedure, said)


def _doing(run: Run) -> str:
    return run.status.value.lower().replace("_", " ")


# ---- the failure card


def failure(operator: Operator, run: Run, ending: RunEnded | None, fold: RunFold | None = None) -> list[str]:
    """The error of a failed run, its source line with three around it, the trace, and what can be done."""
    message = ending.message if ending is not None else run.error or ""
    code = f" {ending.code}" if ending is not None and ending.code else ""
    first, *rest = visible(message).split("\n")
    lines = [f"{paint('failed', 'bad')} {run.id}{code}: {first}", *(f"  {line}" for line in rest)]
    line = error_line(message)
    if line is not None and message.startswith(f"{run.file}:"):
        lines += snippet(operator.source(run).split("\n"), line, around=3)
    if ending is not None:
        if ending.trace:
            lines += ["  trace:", *(f"    {text.strip()}" for text in visible(ending.trace).strip().split("\n"))]
        if ending.returned is not None:
            lines += ["  returned:", *(f"    {text}" for text in readable(ending.returned).split("\n"))]
    return [*lines, *_what_can_be_done(operator, run, ending, fold)]


def _what_can_be_done(operator: Operator, run: Run, ending: RunEnded | None, fold: RunFold | None) -> list[str]:
    if ending is not None and ending.code == RepliesError.code:
        rows = [
            (
                f"proc-tui run {oneline(run.file)} --replies FILE",
                "anew, once FILE is right: a run keeps what it was given",
            )
        ]
        return table(rows, width=width(terminal=sys.stderr.isatty()), flexible=1)
    entries = (fold or operator.fold(run)).checkpoints.entries
    cause = ending.cause if ending is not None else 0
    again = [entry.name for entry in entries if cause and entry.first >= cause]
    kept = len(entries) - len(again)
    does = f"does {oneline(again[0])} again" if again else "goes on after the last record"
    keeps = f"; {several(kept, 'operation')} not repeated" if kept else ""
    scripted = Path(run.file).with_suffix(".replies.yaml")
    offline = (operator.workspace / scripted).exists() and ending is not None and _NO_MODEL in ending.message
    rows = (
        [(f"proc-tui run {oneline(run.file)} --replies {oneline(scripted)}", "offline, as scripted")] if offline else []
    )
    rows += [
        (f"proc-tui resume {run.id}", f"{does}{keeps}"),
        (f"proc-tui resume {run.id} --edited", f"the same, after you corrected {oneline(run.file)}"),
        (f"proc-tui reset {run.id} --after NAME", "forgets a checkpoint and all after it"),
        (f"proc-tui fork {run.id}", "begins anew as another run"),
    ]
    return table(rows, width=width(terminal=sys.stderr.isatty()), flexible=1)
