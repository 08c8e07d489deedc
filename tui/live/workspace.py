"""The workspace at a glance: which runs need somebody, which go on, which ended, who drives.

`read` is called in a thread; the view it gives is immutable and is all that the header and the list of runs show.
Belongs here: grouping and counting. Never: one run's contents (`reader.py`), or how anything looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ...core.journal.requests import PendingRequest
from ...core.journal.runs import Run
from ...core.model.states import ENDED, RunStatus

if TYPE_CHECKING:
    from ...core.operator import Operator

LISTED = 100
"""How many runs of each group are listed; `find` looks at all."""
BELOW = 200
"""How many runs of one tree are listed."""
DAY = 86400.0


class Entry(msgspec.Struct, frozen=True):
    """A run in the list, with those below it."""

    run: Run
    requests: tuple[PendingRequest, ...] = ()
    """What it asks itself, nearest deadline first."""
    children: tuple[Entry, ...] = ()
    total: int = 0
    """How many runs are below it."""
    over: int = 0
    """How many of them have ended."""

    @property
    def asked(self) -> tuple[PendingRequest, ...]:
        """What it and the runs below it ask, nearest deadline first."""
        found = [*self.requests, *(request for child in self.children for request in child.asked)]
        return tuple(sorted(found, key=_urgency))


def _urgency(request: PendingRequest) -> tuple[bool, float, float]:
    return (request.deadline is None, request.deadline or 0.0, request.created_at)


class Driver(msgspec.Struct, frozen=True):
    """Who drives the runs of the workspace."""

    kind: Literal["here", "other", "none", "stale"]
    name: str = ""
    """`host:pid` of another process."""
    since: float = 0.0
    """When the last sign of life of a stale one was due."""


class WorkspaceView(msgspec.Struct, frozen=True):
    """Everything that the header and the list show."""

    name: str
    """The name of its folder."""
    folder: str
    needs: tuple[Entry, ...] = ()
    running: tuple[Entry, ...] = ()
    recent: tuple[Entry, ...] = ()
    more: int = 0
    """How many ended runs are not listed."""
    failed: int = 0
    """How many of the listed failed within a day."""
    requests: tuple[PendingRequest, ...] = ()
    """The most urgent pending requests, nearest deadline first."""
    pending: int = 0
    """How many requests are pending, also those that are not listed."""
    driver: Driver = Driver("none")
    tokens: int = 0
    """What models used today."""
    cost: float = 0.0
    procedures: tuple[str, ...] = ()
    """The workspace's procedures, while it has no runs."""
    now: float = 0.0
    """When this was read."""

    @property
    def empty(self) -> bool:
        """Whether nothing was ever run here."""
        return not (self.needs or self.running or self.recent)

    def entries(self) -> tuple[Entry, ...]:
        """All listed runs at the top of their trees, in the order of the groups."""
        return (*self.needs, *self.running, *self.recent)

    def find(self, run: str) -> Entry | None:
        """The entry of a run, wherever it is nested."""
        waiting = list(self.entries())
        while waiting:
            entry = waiting.pop()
            if entry.run.id == run:
                return entry
            waiting.extend(entry.children)
        return None


def read(operator: Operator, *, now: float, own: str = "") -> WorkspaceView:
    """The view of this moment; `own` is the name of this process's worker, if it has one. For threads."""
    seen = operator.overview(LISTED)
    rows = {listed.run.id: listed.run for listed in (*seen.recent, *seen.running)}
    rows.update((waiting.run.id, waiting.run) for waiting in seen.needs)
    roots = {listed.run.id for listed in seen.running if listed.children}
    roots.update(waiting.run.root for waiting in seen.needs if waiting.run.parent is not None)
    for root in roots:
        rows.update((run.id, run) for run in operator.runs(root=root, limit=BELOW))
    below = {listed.run.id: listed.below for listed in (*seen.recent, *seen.running)}
    entries = _nested(rows, [waiting.request for waiting in seen.needs], below)
    needs = [entry for entry in entries if entry.asked or entry.run.status is RunStatus.BLOCKED]
    found = {entry.run.id for entry in needs}
    # A tree goes on as long as any run of it does.
    going_on = [entry for entry in entries if entry.run.id not in found and not _is_over(entry)]
    over = [entry for entry in entries if entry.run.id not in found and _is_over(entry)]
    needs.sort(key=_need)
    going_on.sort(key=lambda entry: -entry.run.created_at)
    over.sort(key=lambda entry: -(entry.run.ended_at or entry.run.updated_at))
    return WorkspaceView(
        name=operator.workspace.name or "/",
        folder=str(operator.workspace),
        needs=tuple(needs),
        running=tuple(going_on),
        recent=tuple(over),
        more=max(0, seen.total(ENDED) - len(seen.recent)),
        failed=sum(entry.run.status is RunStatus.FAILED and entry.run.updated_at > now - DAY for entry in over),
        requests=tuple(waiting.request for waiting in seen.needs),
        pending=seen.pending,
        driver=_driver(operator, own, now),
        tokens=seen.today.tokens_in + seen.today.tokens_out,
        cost=seen.today.cost,
        procedures=tuple(operator.procedures()) if not rows else (),
        now=now,
    )


def _nested(
    rows: dict[str, Run], pending: list[PendingRequest], counts: dict[str, dict[RunStatus, int]]
) -> list[Entry]:
    """The runs in their trees; `counts` are of all runs below those at the top, read or not."""
    asked: dict[str, list[PendingRequest]] = {}
    for request in pending:
        asked.setdefault(request.run, []).append(request)
    below: dict[str, list[Run]] = {}
    tops: list[Run] = []
    for run in rows.values():
        if run.parent is not None and run.parent in rows:
            below.setdefault(run.parent, []).append(run)
        elif run.parent is None or run.status not in ENDED:
            tops.append(run)

    def entry(run: Run) -> Entry:
        children = [entry(child) for child in sorted(below.get(run.id, ()), key=lambda row: (row.created_at, row.id))]
        known = counts.get(run.id)
        if known is not None:
            total, over = sum(known.values()), sum(number for status, number in known.items() if status in ENDED)
        else:
            total = sum(1 + child.total for child in children)
            over = sum((child.run.status in ENDED) + child.over for child in children)
        return Entry(run, tuple(asked.get(run.id, ())), tuple(children), total=total, over=over)

    return [entry(run) for run in tops]


def _is_over(entry: Entry) -> bool:
    return entry.run.status in ENDED and all(_is_over(child) for child in entry.children)


def _need(entry: Entry) -> tuple[bool, float, float]:
    asked = entry.asked
    return _urgency(asked[0]) if asked else (True, 0.0, entry.run.updated_at)


def _driver(operator: Operator, own: str, now: float) -> Driver:
    others = [(lease, dead) for lease, dead in operator.leases() if lease.owner != own]
    alive = [lease for lease, dead in others if not dead and lease.until >= now]
    if alive:
        return Driver("other", ":".join(alive[0].owner.split(":")[:2]))
    if own:
        return Driver("here")
    if others:
        return Driver("stale", ":".join(others[0][0].owner.split(":")[:2]), others[0][0].until)
    return Driver("none")
