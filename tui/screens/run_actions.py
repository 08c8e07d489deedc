"""What can be done with a run: each way with what it does, what it keeps and what it costs, before it is done.

Belongs here: which ways there are for a run, and asking. Never: what they do (the operator), or editing
(`panes/source_edit.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.journal.events import MessageAppended, Prompted
from ..talk import failure
from ..words import money, several
from .picking import Choice, Deed, DeedDialog
from .value import ValueScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.journal.events import RunEnded
    from ...core.journal.runs import Run
    from ...core.model.messages import Reply
    from ...core.operator import Operator
    from ..app import ProcTui
    from ..live.reader import RunView


class Known(msgspec.Struct, frozen=True):
    """What the ways on with a run depend on."""

    run: Run
    facts: failure.Facts
    below: int = 0
    """How many runs below it have not ended."""
    talks: bool = False
    """Whether an agent of it can be asked how it is going."""


def read_known(operator: Operator, run: Run, ending: RunEnded | None = None) -> Known:
    """Reads that, in a thread; `ending` is how a run ended that failed."""
    below = [row for row, _ in operator.tree(run) if row.id != run.id and not row.status.ended]
    kinds = operator.outline(run).kinds
    talks = any(kinds.get(kind, 0) for kind in (MessageAppended.kind, Prompted.kind))
    return Known(run, failure.read(operator, run, ending), len(below), talks)


def open_actions(proc: ProcTui, view: RunView) -> None:
    """Reads what the ways cost, and offers them."""
    run = view.run

    def known(found: Known) -> None:
        title = f"{run.procedure} {run.id[:4]}  {run.status.value.lower()}"
        proc.push_screen(DeedDialog(title, ways_of(proc, found), search=False))

    proc.act(lambda: read_known(proc.operator, run, view.ending), known)


def ways_of(proc: ProcTui, known: Known) -> list[Deed]:
    """What can be done with a run in its state, by letters of their own."""
    status = known.run.status.value
    ways: list[Deed] = []
    if status == "FAILED":
        ways += _ways_of_failed(proc, known)
    elif status == "BLOCKED":
        hint = "nothing is done again; it waits on if this worker lacks it still"
        ways.append(_way("r", "Try again now", hint, _doing(proc, "tried again", proc.operator.resume, known.run)))
    if not known.run.status.ended:
        ways += _ways_of_living(proc, known)
    if known.talks:
        report = "from a copy of the conversation; one reply, paid for by you"
        ways.append(_way("a", "Ask for a status report", report, lambda: ask_status(proc, known.run)))
    if status == "FAILED":
        from ..panes.checkpoint_actions import reset

        hint = "forgets everything that was done; asks before it does"
        ways.append(_way("b", "Reset to the beginning", hint, lambda: reset(proc, known.run, None), "$bad"))
    return [*ways, *_forks(proc, known)]


def _way(letter: str, text: str, hint: str, work: Callable[[], object], style: str = "") -> Deed:
    return Deed(Choice(f"way {letter}", text, more=hint, letter=letter, style=style), work)


def _doing(proc: ProcTui, said: str, work: Callable[[Run], object], run: Run) -> Callable[[], object]:
    return lambda: proc.act(lambda: work(run), lambda _result: proc.say(said))


def _ways_of_failed(proc: ProcTui, known: Known) -> list[Deed]:
    from ..panes.source_edit import edit_source

    run, facts = known.run, known.facts
    withdraws = f", withdraws {several(facts.requests, 'request')}" if facts.requests else ""
    edits = f"opens {run.file} in $EDITOR; what matches the record is not done again"
    resume = _doing(proc, "resumed", proc.operator.resume, run)
    return [
        _way("r", "Resume", f"{facts.resuming}; {facts.keeping}{withdraws}", resume),
        _way("E", "Edit and resume", edits, lambda: edit_source(proc, run, facts.line)),
    ]


def _ways_of_living(proc: ProcTui, known: Known) -> list[Deed]:
    operator = proc.operator
    ask = "its code sees Stop.requested() and ends by itself; waits go on"
    children = f" and its {several(known.below, 'child', 'children')}" if known.below else ""
    now = f"ends it{children} now, waits included; its record stays, to be forked"
    return [
        _way("s", "Stop", ask, _doing(proc, "asked to stop", operator.stop, known.run)),
        _way("c", "Cancel", now, _doing(proc, "cancelled", operator.cancel, known.run), "$bad"),
    ]


def _forks(proc: ProcTui, known: Known) -> list[Deed]:
    run, facts = known.run, known.facts

    def forked(after: str | None) -> Callable[[], object]:
        return lambda: proc.act(lambda: proc.operator.fork(run, after), lambda new: proc.go_to_run(new.id))

    anew = "a new run with the same parameters; this one stays as it is"
    if not facts.cause:
        return [_way("f", "Fork from the beginning", anew, forked(None))]
    kept = f"a new run that keeps {several(facts.kept, 'operation')} and goes on there; this one stays"
    return [
        _way("f", f"Fork before {facts.cause}", kept, forked(facts.cause)),
        _way("F", "Fork from the beginning", anew, forked(None)),
    ]


def ask_status(proc: ProcTui, run: Run) -> None:
    """Asks the agent of a run how it is going, and shows what it says with what that cost."""
    proc.say("asking for a status report…")

    def told(reply: Reply | None) -> None:
        if reply is None:
            proc.say("no agent has taken a turn in this run: there is nobody to ask", "warning")
            return
        usage = reply.usage
        total = usage.total or (usage.input or 0) + (usage.output or 0)
        parts = [f"{total} tokens" if total else "", money(usage.cost) if usage.cost is not None else "cost unknown"]
        about = ", ".join(part for part in parts if part)
        proc.push_screen(ValueScreen(f"status report of {run.procedure} {run.id[:4]}  {about}", reply.content))

    proc.act(lambda: proc.operator.status_report(run), told, waits=True)
