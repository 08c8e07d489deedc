"""`proc-tui list`: all runs, by what they want of a person."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from ...core.errors import NotFound, did_you_mean
from ...core.journal.runs import SOON
from ...core.model.states import ENDED, RunStatus
from ..clean import oneline
from ..console.cards import time_left
from ..console.output import Meaning, paint, say, say_json, tell
from ..console.table import table, width
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import run_row
from ..words import age, clock, money, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.operator import Operator

LIVING = 50
"""How many runs of the other groups are shown."""
RECENT = 10
"""How many ended runs are shown."""
FOLDED = 4
"""From how many children on only their number is shown."""

_LIVING = tuple(status for status in RunStatus if status not in ENDED)
_MEANINGS: dict[RunStatus, Meaning] = {
    RunStatus.COMPLETED: "good", RunStatus.FAILED: "bad", RunStatus.CANCELLED: "quiet",
    RunStatus.BLOCKED: "bad", RunStatus.WAITING_FOR_HUMAN: "waits",
}  # fmt: skip


@click.command("list")
@click.option("--status", "names", multiple=True, metavar="STATUS", help="Only these: running, failed, waiting, ...")
@click.option("--procedure", metavar="NAME", type=TEXT, help="Only runs of this procedure.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many, the last touched first.")
@click.option("--all", "everything", is_flag=True, help="Show all ended runs and all children.")
@json_option
@pass_workspace
def list_command(
    workspace: Workspace,
    names: tuple[str, ...],
    procedure: str | None,
    limit: int | None,
    everything: bool,
    as_json: bool,
) -> int:
    """List the runs of the workspace: those that need you, those that go on, and those that ended last."""
    statuses = [status for name in names for status in _statuses(name)]
    try:
        operator = workspace.open()
    except NotFound:
        if not as_json:
            tell(f"No runs in {oneline(workspace.folder)} yet. Begin with: proc-tui run NAME, or proc-tui new NAME")
        return 0
    with operator:
        if as_json:
            for run in operator.runs(statuses=statuses, procedure=procedure, limit=-1 if limit is None else limit):
                say_json(run_row(run))
            return 0
        if statuses or limit is not None:
            found = operator.runs(statuses=statuses, procedure=procedure, limit=-1 if limit is None else limit)
            _Listing(operator, everything=True).show("", found)
            if not found:
                tell("no such runs")
            return 0
        _groups(operator, procedure, everything=everything)
    return 0


def _statuses(name: str) -> list[RunStatus]:
    """The statuses that a name means: exactly, or as the beginning of some (`waiting`)."""
    wanted = name.upper().replace("-", "_")
    found = [status for status in RunStatus if status.value == wanted]
    found = found or [status for status in RunStatus if wanted and status.value.startswith(wanted)]
    if not found:
        known = [status.value.lower() for status in RunStatus]
        hint = did_you_mean(name.lower(), known) or f"; there are {', '.join(known)}"
        raise click.UsageError(f'"{oneline(name)}" is not a status{hint}')
    return found


def _groups(operator: Operator, procedure: str | None, *, everything: bool) -> None:
    living = operator.runs(statuses=_LIVING, procedure=procedure)
    counts = operator.counts(procedure)
    ended = sum(counts.get(status, 0) for status in ENDED)
    listing = _Listing(operator, everything=everything)
    needs = [run for run in living if run.id in listing.requests or run.status is RunStatus.BLOCKED]
    order = {run: index for index, run in enumerate(listing.requests)}
    needs.sort(key=lambda run: order.get(run.id, len(order)))
    shown = {run.id for run in needs}
    running = _nested([run for run in living if run.id not in shown], everything=everything)
    for title, found in (("Needs you", needs), ("Running", running)):
        most = len(found) if everything else LIVING
        listing.show(title, found[:most])
        if len(found) > most:
            say(paint(f"  … {len(found) - most:,} more: proc-tui list --all", "quiet"))
    recent = operator.runs(statuses=ENDED, procedure=procedure, top=not everything, limit=-1 if everything else RECENT)
    listing.show("Recent", recent)
    for name, files in operator.namesakes().items():
        places = " and ".join(oneline(file.relative_to(operator.workspace)) for file in files)
        tell(f'{paint("note:", "waits")} more than one file declares the name "{oneline(name)}": {places}')
    if not counts:
        tell("no runs yet" if procedure is None else f"no runs of {oneline(procedure)}")
    elif ended > len(recent):
        say(paint(f"  … {ended - len(recent):,} more: proc-tui list --all", "quiet"))


def _nested(living: Sequence[Run], *, everything: bool) -> list[Run]:
    """Each run with its children below it; many children are left out, and counted with their parent."""
    by_parent: dict[str | None, list[Run]] = {}
    known = {run.id for run in living}
    for run in living:
        by_parent.setdefault(run.parent if run.parent in known else None, []).append(run)
    found: list[Run] = []

    def add(runs: Sequence[Run]) -> None:
        for run in runs:
            found.append(run)
            children = by_parent.get(run.id, [])
            if everything or len(children) < FOLDED:
                add(children)

    add(by_parent.get(None, []))
    return found


def _paid(run: Run) -> str:
    """What its own models cost, without the runs below it; their tokens where that is not known."""
    tokens = run.tokens_in + run.tokens_out
    return f"{money(run.cost)} own" if run.cost else f"{tokens:,} own tokens" if tokens else ""


class _Listing:
    """Groups of runs as tables."""

    def __init__(self, operator: Operator, *, everything: bool) -> None:
        self._operator = operator
        self._everything = everything
        self._now = time.time()
        self.requests: dict[str, list[PendingRequest]] = {}
        """Pending requests by run, nearest deadline first."""
        for request in operator.inbox():
            self.requests.setdefault(request.run, []).append(request)

    def show(self, title: str, found: Sequence[Run]) -> None:
        """One group; nothing when it is empty."""
        if not found:
            return
        if title:
            say(paint(title, "strong"))
        levels: dict[str, int] = {}
        for run in found:
            # A child is moved in below a parent that is shown above it.
            levels[run.id] = levels.get(run.parent or "", -1) + 1
        rows = [self._row(run, levels[run.id]) for run in found]
        terminal = sys.stdout.isatty()
        lines = table(rows, width=width(terminal=terminal), flexible=3)
        for run, line in zip(found, lines, strict=True):
            meaning = _MEANINGS.get(run.status)
            word = self._word(run)
            say(line.replace(word, paint(word, meaning), 1) if meaning else line)

    def _row(self, run: Run, depth: int) -> tuple[str, ...]:
        name = f"{'  ' * depth}{oneline(run.procedure)}"
        ages = age(self._now - run.created_at), self._left(run)
        return run.id, name, self._word(run), self._what(run), *ages, _paid(run)

    def _what(self, run: Run) -> str:
        pending = self.requests.get(run.id)
        if pending:
            more = f" (and {len(pending) - 1} more)" if len(pending) > 1 else ""
            return f"{oneline(pending[0].message)}{more}"
        if run.status is RunStatus.BLOCKED:
            return oneline(run.error or "")
        if run.status is RunStatus.FAILED:
            return oneline((run.error or "").split("\n")[0])
        parts = [oneline(run.stage)] if run.stage and not run.status.ended else []
        driver = self._operator.driven_by(run)
        if driver is not None:
            parts.append(f"driven by {driver}")
        elif run.status is RunStatus.WAITING_FOR_HUMAN:
            listens = run.wake_at != SOON
            parts.append(f"proc-tui chat {run.id}" if listens else "goes on when a worker drives it")
        if run.status is RunStatus.WAITING_FOR_CHILD and not self._everything:
            living = [child for child in self._operator.runs(parent=run.id) if not child.status.ended]
            if len(living) >= FOLDED:
                parts.append(several(len(living), "child", "children"))
        return " · ".join(parts)

    def _left(self, run: Run) -> str:
        pending = self.requests.get(run.id)
        if pending:
            return time_left(pending[0], self._now)
        if run.status is RunStatus.SLEEPING and run.wake_at:
            return f"wakes in {clock(run.wake_at - self._now)}"
        if run.ended_at is not None:
            return f"ended {age(self._now - run.ended_at)} ago"
        return ""

    def _word(self, run: Run) -> str:
        """A status as people read it: with a settled question it waits for a worker, without any for a message."""
        if run.status is RunStatus.WAITING_FOR_HUMAN:
            return "asks" if run.id in self.requests else "answered" if run.wake_at == SOON else "listens"
        return "waits for child" if run.status is RunStatus.WAITING_FOR_CHILD else run.status.value.lower()
