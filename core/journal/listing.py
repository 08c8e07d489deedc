"""Reading all runs of a workspace at once: the overview, the search, what happened since a moment.

Belongs here: queries over `runs` and `requests` that stay quick with ten thousand runs. Never: one run's events
(`windows.py`), or changing anything.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, cast

import msgspec

from ..model.states import ENDED, RequestStatus, RunStatus
from . import requests, runs
from .requests import Alert, Answer, PendingRequest
from .runs import Run, Spent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

LIVING = tuple(status for status in RunStatus if status not in ENDED)


class Waiting(msgspec.Struct, frozen=True):
    """A request with the run that posted it."""

    request: PendingRequest
    run: Run


class Listed(msgspec.Struct, frozen=True):
    """A run that a person started, and how many runs there are below it, by status."""

    run: Run
    below: dict[RunStatus, int] = {}

    @property
    def children(self) -> int:
        """How many runs there are below it."""
        return sum(self.below.values())


class Overview(msgspec.Struct, frozen=True):
    """A workspace at a glance."""

    needs: list[Waiting]
    """Requests that wait for a person, nearest deadline first, then oldest; those that are being decided among them."""
    running: list[Listed]
    """Runs at the top that have not ended, the last touched first."""
    recent: list[Listed]
    """Runs at the top that have, the last touched first."""
    pending: int
    """How many requests are pending, also those that are not listed."""
    counts: dict[RunStatus, int]
    """How many runs at the top there are of each status that occurs."""
    below: dict[RunStatus, int]
    """How many runs below others."""
    today: Spent
    now: float

    def total(self, statuses: Iterable[RunStatus]) -> int:
        """How many runs at the top have one of these statuses."""
        return sum(self.counts.get(status, 0) for status in statuses)


def overview(connection: sqlite3.Connection, *, limit: int, now: float, midnight: float) -> Overview:
    """At most so many of each group, and how many there are."""
    running = _top(connection, LIVING, limit)
    recent = _top(connection, tuple(ENDED), limit)
    below = _below(connection, [run.id for run in (*running, *recent)])
    rows = connection.execute("SELECT status, count(*) FROM runs WHERE parent IS NULL GROUP BY status").fetchall()
    top = {RunStatus(str(row[0])): row[1] for row in rows}
    rest = {status: count - top.get(status, 0) for status, count in runs.counts(connection).items()}
    return Overview(
        needs=waiting(connection, limit=limit, now=now),
        running=[Listed(run, below.get(run.id, {})) for run in running],
        recent=[Listed(run, below.get(run.id, {})) for run in recent],
        pending=_pending(connection), counts=top, below={status: count for status, count in rest.items() if count},
        today=runs.spent(connection, midnight), now=now,
    )  # fmt: skip


def _pending(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT count(*) FROM requests WHERE status=?", (RequestStatus.PENDING.value,))
    return cast("int", found.fetchone()[0])


def waiting(connection: sqlite3.Connection, *, limit: int, now: float) -> list[Waiting]:
    """The most urgent requests with their runs."""
    found = [row for row in requests.urgent(connection, limit) if row.open(now)]
    names = list(dict.fromkeys(row.run for row in found))
    owners = {run.id: run for run in runs.several(connection, names)}
    return [Waiting(row, owners[row.run]) for row in found if row.run in owners]


def _top(connection: sqlite3.Connection, statuses: Sequence[RunStatus], limit: int) -> list[Run]:
    # Each status is in order in the index; all of them at once would be sorted.
    found = [
        connection.execute(
            f"SELECT {runs.COLUMNS} FROM runs WHERE parent IS NULL AND status=? ORDER BY updated_at DESC, id LIMIT ?",
            (status.value, limit),
        ).fetchall()
        for status in statuses
    ]
    listed = [[runs.of_row(row) for row in rows] for rows in found]
    return list(islice(merge(*listed, key=lambda run: (-run.updated_at, run.id)), limit))


def _below(connection: sqlite3.Connection, roots: Sequence[str]) -> dict[str, dict[RunStatus, int]]:
    found: dict[str, dict[RunStatus, int]] = {}
    rows = connection.execute(
        f"""SELECT root, status, count(*) FROM runs WHERE root IN ({",".join("?" * len(roots))}) AND parent IS NOT NULL
            GROUP BY root, status""",
        tuple(roots),
    )
    for root, status, count in rows.fetchall():
        found.setdefault(root, {})[RunStatus(str(status))] = count
    return found


_SEARCHED = """(id || ' ' || procedure || ' ' || replace(status, '_', ' ') || ' ' || coalesce(stage, '') || ' '
    || coalesce(params, '') || ' ' || coalesce(error, '') || ' ' || coalesce(starter, ''))"""


def search(
    connection: sqlite3.Connection, text: str, *, statuses: Sequence[RunStatus] = (), limit: int = 100, offset: int = 0
) -> list[Run]:
    """The runs that have every word of a text in their procedure, id, status, stage, parameters, error or starter."""
    wheres, values = ["1"], cast("list[object]", [])
    for word in text.split():
        wheres.append(f"{_SEARCHED} LIKE ? ESCAPE '\\'")
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values.append(f"%{escaped}%")
    if statuses:
        wheres.append(f"status IN ({','.join('?' * len(statuses))})")
        values += [status.value for status in statuses]
    rows = connection.execute(
        f"SELECT id FROM runs WHERE {' AND '.join(wheres)} ORDER BY updated_at DESC, id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    names = [str(row[0]) for row in rows.fetchall()]
    found = {run.id: run for run in runs.several(connection, names)}
    return [found[name] for name in names if name in found]


class Decision(msgspec.Struct, frozen=True):
    """A request that is over, and what people answered."""

    request: PendingRequest
    procedure: str
    answer: Answer | None
    """The one that counts; None when it timed out or was withdrawn."""
    undone: tuple[Answer, ...] = ()
    """Answers that were undone before."""


class Since(msgspec.Struct, frozen=True):
    """What happened in a workspace between two moments."""

    since: float
    until: float
    started: list[Run]
    """By people, not children."""
    completed: list[Run]
    failed: list[Run]
    """Children too."""
    cancelled: list[Run]
    asked: list[PendingRequest]
    """Posted in this time, whatever became of them."""
    decided: list[Decision]
    """Oldest first."""
    waiting: list[Waiting]
    """What waits for a person now."""
    alerts: list[Alert]
    spent: Spent
    """By all models, to the quarter of an hour."""
    pending: int = 0
    """How many requests wait now, also those that are not listed."""


def since(connection: sqlite3.Connection, moment: float, *, now: float, limit: int) -> Since:
    """What happened since a moment; at most so many of each."""
    ended = f"ended_at>=? AND (parent IS NULL OR status='{RunStatus.FAILED.value}')"
    over = {status: _runs(connection, f"{ended} AND status='{status.value}'", moment, limit) for status in ENDED}
    resolved = requests.listing(connection, pending=False, resolved_since=moment)
    resolved.sort(key=lambda row: row.resolved_at or 0.0)
    return Since(
        since=moment, until=now,
        started=_runs(connection, "created_at>=? AND parent IS NULL", moment, limit),
        completed=over[RunStatus.COMPLETED], failed=over[RunStatus.FAILED], cancelled=over[RunStatus.CANCELLED],
        asked=requests.listing(connection, pending=False, created_since=moment)[:limit],
        decided=[_decision(connection, row) for row in resolved[-limit:]],
        waiting=waiting(connection, limit=limit, now=now), alerts=requests.alerts(connection, since=moment),
        spent=runs.spent(connection, moment), pending=_pending(connection),
    )  # fmt: skip


def _runs(connection: sqlite3.Connection, where: str, moment: float, limit: int) -> list[Run]:
    rows = connection.execute(
        f"SELECT {runs.COLUMNS} FROM runs WHERE {where} ORDER BY updated_at DESC, id LIMIT ?", (moment, limit)
    )
    return [runs.of_row(row) for row in rows.fetchall()]


def _decision(connection: sqlite3.Connection, row: PendingRequest) -> Decision:
    given = requests.answers(connection, row.id)
    counting = [answer for answer in given if answer.undone_at is None]
    undone = tuple(answer for answer in given if answer.undone_at is not None)
    answered = row.status is RequestStatus.ANSWERED and counting
    return Decision(row, row.procedure, counting[-1] if answered else None, undone)
