"""The `runs` table: one row a run, kept in step with its events in the same transactions.

Belongs here: every statement about `runs` and `waits`, leases among them. Never: decisions about what a
run may do next (`operator.py`, `engine/`). All functions take a connection and are called inside the
caller's transaction or short read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import LeaseLost, NotFound
from ..model.states import ENDED, RunStatus
from .journal import Ranges, decode_ranges, encode_ranges

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

SOON = 0.0
"""The `wake_at` of a run that a worker should pick up now."""


class Run(msgspec.Struct, frozen=True):
    """A row of `runs`."""

    id: str
    root: str
    """The run at the top of its tree of children; its own id for a run that a person started."""
    parent: str | None
    depth: int
    procedure: str
    version: str
    file: str
    path: str
    source: str
    status: RunStatus
    epoch: int
    owner: str | None
    lease_until: float | None
    wake_at: float | None
    mail: int
    last_seq: int
    attempt: int
    history: Ranges
    stage: str | None
    waiting: str | None
    error: str | None
    summary: str | None
    starter: str
    params: str
    forked_from: str | None
    created_at: float
    updated_at: float
    ended_at: float | None


_FIELDS = Run.__struct_fields__
COLUMNS = ", ".join(_FIELDS)
_STATUS, _HISTORY = _FIELDS.index("status"), _FIELDS.index("history")


def of_row(row: tuple[object, ...]) -> Run:
    """The run of a row with `COLUMNS`."""
    items = list(row)
    items[_STATUS] = RunStatus(str(items[_STATUS]))
    items[_HISTORY] = decode_ranges(str(items[_HISTORY]))
    return Run(*items)  # pyright: ignore[reportArgumentType] - STRICT tables hold these types


def insert(connection: sqlite3.Connection, run: Run) -> None:
    """Adds a run."""
    values = [getattr(run, name) for name in _FIELDS]
    values[_STATUS], values[_HISTORY] = run.status.value, encode_ranges(run.history)
    marks = ",".join("?" * len(values))
    connection.execute(f"INSERT INTO runs({COLUMNS}) VALUES ({marks})", values)


def find(connection: sqlite3.Connection, run: str) -> Run | None:
    """The run with exactly this id."""
    row = connection.execute(f"SELECT {COLUMNS} FROM runs WHERE id=?", (run,)).fetchone()
    return None if row is None else of_row(row)


def get(connection: sqlite3.Connection, run: str) -> Run:
    """The run with exactly this id; raises `NotFound`."""
    found = find(connection, run)
    if found is None:
        raise NotFound(f'there is no run "{run}"')
    return found


def resolve(connection: sqlite3.Connection, prefix: str) -> Run:
    """The run whose id begins with `prefix`; raises `NotFound` when none or several do."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM runs WHERE id>=? AND id<? ORDER BY id LIMIT 4", (prefix, prefix + "\U0010ffff")
    ).fetchall()
    if not prefix or not rows:
        raise NotFound(f'there is no run "{prefix}"')
    exact = [row for row in rows if row[0] == prefix]
    if len(rows) > 1 and not exact:
        names = ", ".join(str(row[0]) for row in rows[:3])
        raise NotFound(f'"{prefix}" is the beginning of several runs: {names}{", …" if len(rows) > 3 else ""}')
    return of_row(exact[0] if exact else rows[0])


def listing(
    connection: sqlite3.Connection,
    *,
    statuses: Iterable[RunStatus] = (),
    procedure: str | None = None,
    root: str | None = None,
    parent: str | None = None,
    limit: int = -1,
) -> list[Run]:
    """Runs by the moment they were last touched, newest first."""
    wheres, values = ["1"], cast("list[object]", [])
    chosen = [status.value for status in statuses]
    if chosen:
        wheres.append(f"status IN ({','.join('?' * len(chosen))})")
        values.extend(chosen)
    for column, value in (("procedure", procedure), ("root", root), ("parent", parent)):
        if value is not None:
            wheres.append(f"{column}=?")
            values.append(value)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM runs WHERE {' AND '.join(wheres)} ORDER BY updated_at DESC, id LIMIT ?",
        (*values, limit),
    )
    return [of_row(row) for row in rows.fetchall()]


def counts(connection: sqlite3.Connection, *, procedure: str | None = None) -> dict[RunStatus, int]:
    """How many runs there are of each status that occurs."""
    where, values = ("", ()) if procedure is None else ("WHERE procedure=?", (procedure,))
    rows = connection.execute(f"SELECT status, count(*) FROM runs {where} GROUP BY status", values)
    return {RunStatus(str(row[0])): row[1] for row in rows.fetchall()}


def next_wake(connection: sqlite3.Connection, roots: Sequence[str] = ()) -> float | None:
    """The earliest moment at which a run wants a worker; None when none does."""
    where = f"AND root IN ({','.join('?' * len(roots))})" if roots else ""
    row = connection.execute(
        f"SELECT min(wake_at) FROM runs WHERE wake_at IS NOT NULL AND owner IS NULL {where}", tuple(roots)
    ).fetchone()
    return row[0]


# ---- leases


def claim(
    connection: sqlite3.Connection,
    *,
    owner: str,
    now: float,
    lease: float,
    limit: int,
    dead: Sequence[str] = (),
    roots: Sequence[str] = (),
) -> list[Run]:
    """Takes the lease of up to `limit` runs that want a worker and have none, raising their epochs.

    A lease counts as free when it ran out, when its owner is in `dead`, or when it reaches further than
    two lease times into the future (somebody set the clock back).
    """
    only = f"AND root IN ({','.join('?' * len(roots))})" if roots else ""
    gone = f"OR owner IN ({','.join('?' * len(dead))})" if dead else ""
    rows = connection.execute(
        f"""SELECT {COLUMNS} FROM runs WHERE wake_at IS NOT NULL AND wake_at<=?
            AND (owner IS NULL OR lease_until<? OR lease_until>? {gone}) {only}
            ORDER BY wake_at, created_at LIMIT ?""",
        (now, now, now + 2 * lease, *dead, *roots, limit),
    ).fetchall()
    claimed: list[Run] = []
    for row in rows:
        run = of_row(row)
        connection.execute(
            "UPDATE runs SET owner=?, epoch=?, lease_until=?, status=?, updated_at=? WHERE id=?",
            (owner, run.epoch + 1, now + lease, RunStatus.RUNNING.value, now, run.id),
        )
        claimed.append(msgspec.structs.replace(run, owner=owner, epoch=run.epoch + 1, lease_until=now + lease))
    return claimed


def renew(connection: sqlite3.Connection, *, owner: str, now: float, lease: float, active: Sequence[str]) -> None:
    """Prolongs an owner's leases of the runs that it is driving; one that it let go of without a word runs out."""
    connection.executemany(
        "UPDATE runs SET lease_until=? WHERE id=? AND owner=?", [(now + lease, run, owner) for run in active]
    )


def owners(connection: sqlite3.Connection) -> list[str]:
    """Everybody who holds a lease, or held one when it died."""
    return [str(row[0]) for row in connection.execute("SELECT DISTINCT owner FROM runs WHERE owner IS NOT NULL")]


class Lease(msgspec.Struct, frozen=True):
    """Who holds how many runs."""

    owner: str
    runs: int
    until: float
    """When the first of them runs out."""


def leases(connection: sqlite3.Connection) -> list[Lease]:
    """Every owner of a lease."""
    rows = connection.execute(
        "SELECT owner, count(*), min(lease_until) FROM runs WHERE owner IS NOT NULL GROUP BY owner ORDER BY owner"
    )
    return [Lease(row[0], row[1], row[2] or 0.0) for row in rows.fetchall()]


def held(connection: sqlite3.Connection, owner: str) -> dict[str, tuple[int, int]]:
    """Epoch and mail of every run whose lease the owner holds."""
    rows = connection.execute("SELECT id, epoch, mail FROM runs WHERE owner=?", (owner,))
    return {str(row[0]): (row[1], row[2]) for row in rows.fetchall()}


def advance(connection: sqlite3.Connection, run: str, epoch: int, *, seq: int, stage: str | None) -> int:
    """Moves a run's projection to its newest event and returns its count of undelivered mail.

    The first statement of every append by a worker: raises `LeaseLost` when the epoch is not its own.
    """
    row = connection.execute(
        "UPDATE runs SET last_seq=?, stage=? WHERE id=? AND epoch=? RETURNING mail",
        (seq, stage, run, epoch),
    ).fetchone()
    if row is None:
        raise LeaseLost(f"run {run} was taken over by another worker, or cancelled; this worker lets go of it")
    return row[0]


def release(
    connection: sqlite3.Connection,
    run: str,
    *,
    status: RunStatus,
    wake_at: float | None,
    waiting: str | None = None,
    error: str | None = None,
) -> None:
    """Lets go of a run's lease and says what it waits for."""
    connection.execute(
        "UPDATE runs SET status=?, wake_at=?, owner=NULL, lease_until=NULL, waiting=?, error=? WHERE id=?",
        (status.value, wake_at, waiting, error, run),
    )


def abandon(connection: sqlite3.Connection, owner: str) -> None:
    """Gives back every lease of an owner that stops driving; its runs go on where their records end."""
    connection.execute(
        "UPDATE runs SET owner=NULL, lease_until=NULL, status=?, wake_at=? WHERE owner=?",
        (RunStatus.PENDING.value, SOON, owner),
    )


def end(connection: sqlite3.Connection, run: str, *, status: RunStatus, now: float, error: str | None) -> None:
    """Marks a run as ended and wakes whoever waits for it."""
    connection.execute(
        """UPDATE runs SET status=?, wake_at=NULL, owner=NULL, lease_until=NULL, waiting=NULL, error=?, ended_at=?,
           updated_at=? WHERE id=?""",
        (status.value, error, now, now, run),
    )
    wake_waiters(connection, run)


def revive(
    connection: sqlite3.Connection, run: str, *, seq: int, attempt: int, history: str, source: str, now: float
) -> None:
    """Makes a run pending again with this history; whoever drove it loses it."""
    connection.execute(
        """UPDATE runs SET status=?, wake_at=?, owner=NULL, lease_until=NULL, epoch=epoch+1, last_seq=?, attempt=?, history=?,
           source=?, waiting=NULL, error=NULL, ended_at=NULL, updated_at=? WHERE id=?""",
        (RunStatus.PENDING.value, SOON, seq, attempt, history, source, now, run),
    )


# ---- waking


def wake(connection: sqlite3.Connection, run: str) -> None:
    """Something that the run may wait for has happened: a worker should look at it."""
    connection.execute(f"UPDATE runs SET wake_at=? WHERE id=? AND status NOT IN ({_ENDED})", (SOON, run))


def wake_waiters(connection: sqlite3.Connection, child: str) -> None:
    """Wakes every run that waits for this child, which ended."""
    connection.execute(
        f"UPDATE runs SET wake_at=? WHERE id IN (SELECT run FROM waits WHERE child=?) AND status NOT IN ({_ENDED})",
        (SOON, child),
    )


def wake_watchers(connection: sqlite3.Connection, child: str) -> None:
    """Wakes every run that polls this child, whose status or stage changed."""
    connection.execute(
        """UPDATE runs SET wake_at=? WHERE id IN (SELECT run FROM waits WHERE child=?) AND waiting LIKE '%"until":"change"%'""",
        (SOON, child),
    )


def wait_for(connection: sqlite3.Connection, run: str, children: Iterable[str]) -> None:
    """Notes that the run is to be woken when one of the children changes."""
    connection.executemany("INSERT OR IGNORE INTO waits(run, child) VALUES (?,?)", [(run, child) for child in children])


def stop_waiting(connection: sqlite3.Connection, run: str) -> None:
    """Forgets which children the run waited for."""
    connection.execute("DELETE FROM waits WHERE run=?", (run,))


_ENDED = ",".join(f"'{status.value}'" for status in sorted(ENDED))
