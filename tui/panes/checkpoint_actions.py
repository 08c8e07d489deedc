"""What can be done with an operation of a run: its values, its moment, reset, fork, compare, and the attempts.

Belongs here: asking first, in words, and calling the operator. Never: rows, or what a reset does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.journal.events import AttemptBegan, Began, Ended, RunResumed
from ..readable import readable
from ..screens.dialogs import QuestionDialog
from ..screens.picking import Choice, PickDialog
from ..screens.value import ValueScreen
from ..words import duration, listed, moment, several, time_of_day
from .operation_pages import error_text, is_present, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.engine.rewind import Plan
    from ...core.journal.events import Record
    from ...core.journal.runs import Run
    from ..app import ProcTui
    from ..live.reader import RunView
    from .operation_pages import Row


def choose(proc: ProcTui, view: RunView, row: Row, marked: list[Row]) -> None:
    """Offers everything that can be done from an operation."""
    run = view.run
    over = run.status.value in ("COMPLETED", "CANCELLED")
    kept = is_present(run, row.first)
    rows: list[tuple[Choice, Callable[[], object]]] = [
        (Choice("moment", "Show this moment", "everything as it was then"), lambda: proc.look_at(row.seq or row.first)),
        (Choice("values", "Values in full", "enter"), lambda: show_values(proc, run, row)),
        (Choice("source", "Its line of the source", "o"), lambda: proc.show_source(row.line)),
    ]
    if kept and not over:
        rows.append((Choice("reset", "Reset here", "forgets it and all after it"), lambda: reset(proc, run, row.name)))
    if kept:
        rows.append((Choice("fork", "Fork here", "a new run keeps what was before"), lambda: fork(proc, run, row)))
    if len(marked) == 2:
        rows.append((Choice("compare", "Compare the two that are marked", "C"), lambda: compare(proc, run, marked)))
    if run.attempt > 1:
        count = several(run.attempt, "attempt")
        rows.append((Choice("attempts", "Attempts", count), lambda: list_attempts(proc, view)))
    rows.append((Choice("run", "All actions of the run", "stop, cancel, resume"), proc.actions))
    works = {choice.key: work for choice, work in rows}

    def chosen(key: str | None) -> None:
        if key is not None:
            works[key]()

    proc.push_screen(PickDialog(row.name, [choice for choice, _ in rows]), chosen)


def reset(proc: ProcTui, run: Run, name: str | None) -> None:
    """Says what a reset to an operation would forget, and does it when that is confirmed."""

    def planned(plan: Plan) -> None:
        def chosen(choice: str | None) -> None:
            if choice == "reset":
                proc.look_at(None)
                proc.act(lambda: proc.operator.reset(run, name), lambda _: proc.say("reset: a new attempt begins"))

        title = f"Reset {run.procedure} to {name}?" if name else f"Reset {run.procedure} to its beginning?"
        leave = Choice("keep", "Leave it as it is")
        do = Choice("reset", "Reset", "a new attempt; this one stays in the record")
        proc.push_screen(QuestionDialog(title, in_words(plan), [leave, do]), chosen)

    proc.act(lambda: proc.operator.plan_reset(run, name), planned)


def in_words(plan: Plan) -> str:
    """What a reset, a resume or a cut would forget, withdraw and cancel."""
    parts = ["No operation is done again."]
    if plan.checkpoints:
        count = several(len(plan.checkpoints), "operation")
        parts = [f"{count} will be done again: {listed(list(plan.checkpoints))}."]
    if plan.requests:
        parts.append(f"{several(len(plan.requests), 'pending request is', 'pending requests are')} withdrawn.")
    if plan.children:
        parts.append(f"{several(len(plan.children), 'child is', 'children are')} cancelled.")
    parts.append("What was done outside before is not undone. Everything earlier is kept.")
    return " ".join(parts)


def fork(proc: ProcTui, run: Run, row: Row) -> None:
    """Makes a run of what was before an operation, and opens it."""

    def chosen(choice: str | None) -> None:
        if choice == "fork":
            proc.act(lambda: proc.operator.fork(run, row.name), lambda forked: proc.go_to_run(forked.id))

    text = (
        f"A new run recalls {several(row.index, 'operation')} from before it and goes on from there at once, for real. "
        "This run stays as it is."
    )
    choices = [Choice("keep", "Leave it"), Choice("fork", "Fork", "and open the new run")]
    proc.push_screen(QuestionDialog(f"Fork {run.procedure} before {row.name}?", text, choices), chosen)


def compare(proc: ProcTui, run: Run, marked: list[Row]) -> None:
    """Opens two operations beside each other."""
    if len(marked) != 2:
        proc.say("mark two operations first")
        return
    from ..screens.compare import CompareScreen

    first, second = sorted(marked, key=lambda row: row.first)
    proc.push_screen(CompareScreen(run, first, second))


def show_values(proc: ProcTui, run: Run, row: Row) -> None:
    """Arguments, values, error and facts of an operation in full."""

    def found(records: list[Record]) -> None:
        proc.push_screen(ValueScreen(row.name, lambda: _full(row, records)))

    proc.act(lambda: records_of(proc, run, row), found)


def records_of(proc: ProcTui, run: Run, row: Row) -> list[Record]:
    """The records with which an operation began and ended."""
    kinds = (Began.kind, Ended.kind)
    found = proc.operator.log(whole(run), after=row.first - 1, kinds=kinds, limit=1)
    if row.seq and row.seq != row.first:
        found += proc.operator.log(whole(run), after=row.seq - 1, kinds=kinds, limit=1)
    return [record for record in found if record.seq in (row.first, row.seq)]


def _full(row: Row, found: list[Record]) -> str:
    parts = [f"{row.op}, line {row.line or '-'}, began {moment(row.began_at)}"]
    if row.ended_at is not None:
        parts[0] += f", took {duration(row.ended_at - row.began_at)}"
    if row.tokens is not None:
        parts[0] += f", {row.tokens:,} tokens"
    for record in found:
        event = record.event
        if not isinstance(event, (Began, Ended)):
            continue
        if event.args and (isinstance(event, Began) or not event.opened):
            parts.append(f"arguments:\n{readable(event.args)}")
        if isinstance(event, Began):
            continue
        if event.failed:
            parts.append(f"error:\n{error_text(event.error)}")
            parts += [f"raised at:\n{event.trace}"] if event.trace else []
        else:
            values = event.values[0] if len(event.values) == 1 else event.values
            parts.append(f"outcome:\n{readable(values)}" if event.values else "outcome: nothing")
    if not row.seq:
        parts.append("it has no outcome yet")
    return "\n\n".join(parts)


_WHY = {"resume": "resumed", "restart": "restarted", "edit": "resumed with an edited text", "fork": "forked"}


def list_attempts(proc: ProcTui, view: RunView) -> None:
    """Lists the attempts of a run; picking one shows the last moment of it."""
    run = view.run

    def found(records: list[Record]) -> None:
        ends = [*(record.seq - 1 for record in records), 0]
        rows = [Choice(str(ends[0]), f"1  began {moment(run.created_at)}", "given up" if records else "this one")]
        number = 1
        for record, end in zip(records, ends[1:], strict=True):
            event = record.event
            if isinstance(event, AttemptBegan):
                number = event.attempt
                what = f"{_WHY.get(event.why, event.why)} by {event.by or 'nobody'}, kept up to event {event.keep - 1}"
            else:
                what = f"resumed by {event.by}" if isinstance(event, RunResumed) else ""
            hint = "given up" if end else "this one"
            rows.append(Choice(str(end), f"{number}  {time_of_day(record.at)}  {what}", hint))

        def chosen(seq: str | None) -> None:
            if seq is not None:
                proc.look_at(int(seq) or None)

        proc.push_screen(PickDialog(f"Attempts of {run.procedure}", rows), chosen)

    proc.act(lambda: proc.operator.log(whole(run), kinds=(AttemptBegan.kind, RunResumed.kind)), found)
