"""The `runs` table: one row a run, kept in step with its events in the same transactions.

Belongs here: every statement about `runs` and `waits`, leases among them. Never: decisions about what a
run may do next (`operator.py`, `engine/`). All functions take a connection and are called inside the
caller's transaction or short read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import LeaseLost, NotFound, StoreDamaged
from ..model.states import ENDED, RunStatus
from .journal import Ranges, decode_ranges, encode_ranges

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from ..model.messages import Usage

SOON = 0.0
"""The `wake_at` of a run that a worker should pick up now."""


SKEW_SECONDS = 60.0
"""By how much a lease may reach further than our own would, before somebody must have set the clock back."""


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
    """Of its newest event; read from `events`, so that an append need not touch this table."""
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
    tokens_in: int = 0
    """What its models read and wrote, over all attempts: what was paid stays paid."""
    tokens_out: int = 0
    cost: float = 0.0
    """US dollars, of the replies whose price is known."""
    unpriced: int = 0
    """How many replies have no known price."""


_FIELDS = Run.__struct_fields__
_STORED = tuple(name for name in _FIELDS if name != "last_seq")
_LAST_SEQ = "(SELECT coalesce(max(seq), 0) FROM events WHERE events.run = runs.id)"
COLUMNS = ", ".join(name if name in _STORED else _LAST_SEQ for name in _FIELDS)
_STATUS, _HISTORY, _OWNER = _FIELDS.index("status"), _FIELDS.index("history"), _FIELDS.index("owner")


def of_row(row: tuple[object, ...]) -> Run:
    """The run of a row with `COLUMNS`. Raises `StoreDamaged`."""
    items = list(row)
    try:
        items[_STATUS] = RunStatus(str(items[_STATUS]))
        items[_HISTORY] = decode_ranges(str(items[_HISTORY]))
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreDamaged(
            f"The row of run {row[0]} in the table of runs cannot be read: {error}. Its events are intact: "
            "restore the row from a copy of the database."
        ) from error
    return Run(*items)  # pyright: ignore[reportArgumentType] - STRICT tables hold these types


def insert(connection: sqlite3.Connection, run: Run) -> None:
    """Adds a run."""
    values = {name: getattr(run, name) for name in _STORED}
    values["status"], values["history"] = run.status.value, encode_ranges(run.history)
    connection.execute(f"INSERT INTO runs({', '.join(_STORED)}) VALUES (:{', :'.join(_STORED)})", values)


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


def several(connection: sqlite3.Connection, names: Sequence[str]) -> list[Run]:
    """The runs with these ids, in no order."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM runs WHERE id IN ({','.join('?' * len(names))})", tuple(names))
    return [of_row(row) for row in rows.fetchall()]


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
    top: bool = False,
    limit: int = -1,
) -> list[Run]:
    """Runs by the moment they were last touched, newest first; with `top` only those that are nobody's children."""
    wheres, values = ["parent IS NULL" if top else "1"], cast("list[object]", [])
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


def latest(now: float, lease: float) -> float:
    """How far into the future a lease may reach, also that of a worker with another lease time."""
    return now + max(2 * lease, SKEW_SECONDS)


def claim(
    connection: sqlite3.Connection,
    *,
    owner: str,
    now: float,
    lease: float,
    limit: int,
    dead: Sequence[str] = (),
    active: Sequence[str] = (),
    roots: Sequence[str] = (),
) -> list[Run]:
    """Takes the lease of up to `limit` runs that want a worker and have none, raising their epochs.

    A lease counts as free when it ran out, when its owner is in `dead`, or when it reaches further than
    `latest` into the future (somebody set the clock back); but those of the `active` runs, which the
    owner is driving, are its own still. Who was driven longest ago comes first, so that everybody's turn comes.
    """
    only = f"AND root IN ({','.join('?' * len(roots))})" if roots else ""
    gone = f"OR owner IN ({','.join('?' * len(dead))})" if dead else ""
    order = f"{only} ORDER BY updated_at, id LIMIT ?"
    left = connection.execute(
        f"""SELECT {COLUMNS} FROM runs WHERE owner IS NOT NULL AND (lease_until<? OR lease_until>? {gone}) {order}""",
        (now, latest(now, lease), *dead, *roots, limit + len(active)),
    ).fetchall()
    waiting = connection.execute(
        f"SELECT {COLUMNS} FROM runs WHERE wake_at IS NOT NULL AND wake_at<=? AND owner IS NULL {order}",
        (now, *roots, limit),
    ).fetchall()
    claimed: list[Run] = []
    for row in (*left, *waiting):
        if len(claimed) == limit:
            break
        if row[_OWNER] == owner and row[0] in active:
            continue
        try:
            run = of_row(row)
        except StoreDamaged as error:
            release(connection, row[0], status=RunStatus.BLOCKED, wake_at=None, error=str(error))
            continue
        connection.execute(
            """UPDATE runs SET owner=?, epoch=epoch+1, lease_until=?, status=?, waiting=NULL, error=NULL, updated_at=?
               WHERE id=?""",
            (owner, now + lease, RunStatus.RUNNING.value, now, run.id),
        )
        claimed.append(msgspec.structs.replace(run, owner=owner, epoch=run.epoch + 1, lease_until=now + lease))
    return claimed


def renew(connection: sqlite3.Connection, *, owner: str, now: float, lease: float, active: Sequence[str]) -> None:
    """Prolongs an owner's leases of the runs that it is driving; one that it let go of without a word runs out."""
    connection.executemany(
        "UPDATE runs SET lease_until=? WHERE id=? AND owner=?", [(now + lease, run, owner) for run in active]
    )


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


def check_lease(connection: sqlite3.Connection, run: str, epoch: int) -> int:
    """Returns the run's count of undelivered mail; raises `LeaseLost` when the epoch is not its own any more.

    The first statement of every append by a worker, inside its transaction. It only reads: each page more that a
    commit writes costs as much as all else that a step does in the database.
    """
    row = connection.execute("SELECT mail FROM runs WHERE id=? AND epoch=?", (run, epoch)).fetchone()
    if row is None:
        raise LeaseLost(f"run {run} was taken over by another worker, or cancelled; this worker lets go of it")
    return row[0]


def enter_stage(connection: sqlite3.Connection, run: str, stage: str | None) -> None:
    """Shows the stage that a run is in."""
    connection.execute("UPDATE runs SET stage=? WHERE id=?", (stage, run))


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


def end(
    connection: sqlite3.Connection,
    run: str,
    *,
    status: RunStatus,
    now: float,
    error: str | None,
    summary: str | None = None,
) -> None:
    """Marks a run as ended and wakes whoever waits for it."""
    connection.execute(
        """UPDATE runs SET status=?, wake_at=NULL, owner=NULL, lease_until=NULL, waiting=NULL, error=?, summary=?,
           ended_at=?, updated_at=? WHERE id=?""",
        (status.value, error, summary, now, now, run),
    )
    wake_waiters(connection, run)


def revive(
    connection: sqlite3.Connection,
    run: str,
    *,
    attempt: int,
    history: str,
    source: str,
    stage: str | None,
    now: float,
) -> None:
    """Makes a run pending again with this history, in which it is at `stage`; whoever drove it loses it."""
    connection.execute(
        """UPDATE runs SET status=?, wake_at=?, owner=NULL, lease_until=NULL, epoch=epoch+1, attempt=?, history=?,
           source=?, stage=?, waiting=NULL, error=NULL, summary=NULL, ended_at=NULL, updated_at=? WHERE id=?""",
        (RunStatus.PENDING.value, SOON, attempt, history, source, stage, now, run),
    )


def set_version(connection: sqlite3.Connection, run: str, version: str) -> None:
    """Notes the version of the text that the run goes on with."""
    connection.execute("UPDATE runs SET version=? WHERE id=?", (version, run))


def set_params(connection: sqlite3.Connection, run: str, params: str) -> None:
    """Notes the parameters of a restart."""
    connection.execute("UPDATE runs SET params=? WHERE id=?", (params, run))


# ---- agents


QUARTER = 900.0
"""Seconds for which usage is added up: every time zone's midnight begins one."""


def add_usage(connection: sqlite3.Connection, run: str, usage: Usage, at: float) -> None:
    """Counts what one more reply of a model used, for the run and for the time."""
    used = (usage.input or 0, usage.output or 0, usage.cost or 0.0, int(usage.cost is None))
    connection.execute(
        "UPDATE runs SET tokens_in=tokens_in+?, tokens_out=tokens_out+?, cost=cost+?, unpriced=unpriced+? WHERE id=?",
        (*used, run),
    )
    connection.execute(
        """INSERT INTO usage(quarter, tokens_in, tokens_out, cost, unpriced) VALUES (?,?,?,?,?)
           ON CONFLICT(quarter) DO UPDATE SET tokens_in=tokens_in+excluded.tokens_in,
           tokens_out=tokens_out+excluded.tokens_out, cost=cost+excluded.cost, unpriced=unpriced+excluded.unpriced""",
        (int(at // QUARTER), *used),
    )


class Spent(msgspec.Struct, frozen=True):
    """What the models of a workspace used in some time, or those of some runs."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """US dollars, of the replies whose price is known."""
    unpriced: int = 0
    """How many replies have no known price."""


_SUMS = """coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0), coalesce(sum(cost), 0.0),
    coalesce(sum(unpriced), 0)"""
"""The fields of `Spent`, of a table that has them for each of something."""


def spent(connection: sqlite3.Connection, since: float) -> Spent:
    """What models used from a moment on, to the quarter of an hour."""
    row = connection.execute(f"SELECT {_SUMS} FROM usage WHERE quarter>=?", (int(since // QUARTER),)).fetchone()
    return Spent(*row)


def spent_by_others(connection: sqlite3.Connection, run: Run) -> Spent:
    """What the models of the other runs in a run's tree used, over all their attempts."""
    row = connection.execute(f"SELECT {_SUMS} FROM runs WHERE root=? AND id<>?", (run.root, run.id)).fetchone()
    return Spent(*row)


class Partial(msgspec.Struct, frozen=True):
    """What has arrived of a reply that is not recorded yet, or never will be."""

    run: str
    name: str
    """The turn: `worker.turn#3`."""
    agent: str
    text: str
    at: float


def keep_partial(connection: sqlite3.Connection, partial: Partial, epoch: int) -> None:
    """Keeps the beginning of a reply for readers, while the run is driven under this epoch or was just cancelled."""
    connection.execute(
        """INSERT OR REPLACE INTO partials(run, name, agent, text, at) SELECT ?,?,?,?,? WHERE EXISTS (
           SELECT 1 FROM runs WHERE id=? AND (epoch=? OR status=?))""",
        (*msgspec.structs.astuple(partial), partial.run, epoch, RunStatus.CANCELLED.value),
    )


def forget_partial(connection: sqlite3.Connection, run: str) -> None:
    """The reply was recorded, or is asked for again."""
    connection.execute("DELETE FROM partials WHERE run=?", (run,))


def partial(connection: sqlite3.Connection, run: str) -> Partial | None:
    """The beginning of the reply that the run's agent is giving, or was giving when the run was cancelled."""
    row = connection.execute("SELECT run, name, agent, text, at FROM partials WHERE run=?", (run,)).fetchone()
    return None if row is None else Partial(*row)


def place_in_tree(connection: sqlite3.Connection, run: str) -> int:
    """Which run of its procedure this is in its tree, from 1, by the order in which they were made."""
    row = connection.execute(
        """SELECT count(*) FROM runs AS one JOIN runs AS other ON other.root=one.root AND other.procedure=one.procedure
           AND other.rowid<=one.rowid WHERE one.id=?""",
        (run,),
    ).fetchone()
    return row[0]


# ---- waking


def wake(connection: sqlite3.Connection, run: str) -> None:
    """Something that the run may wait for has happened: a worker should look at it."""
    connection.execute(f"UPDATE runs SET wake_at=? WHERE id=? AND status NOT IN ({_ENDED})", (SOON, run))


def wake_waiters(connection: sqlite3.Connection, child: str) -> None:
    """Wakes every run that waits for this child, which ended, unless it waits for others that go on as well."""
    connection.execute(
        f"""UPDATE runs SET wake_at=? WHERE id IN (SELECT run FROM waits WHERE child=?) AND status NOT IN ({_ENDED})
            AND (waiting IS NULL OR waiting NOT LIKE '%"until":"all"%' OR NOT EXISTS (
                SELECT 1 FROM waits JOIN runs AS other ON other.id=waits.child
                WHERE waits.run=runs.id AND other.status NOT IN ({_ENDED})))""",
        (SOON, child),
    )


def wake_watchers(connection: sqlite3.Connection, child: str) -> None:
    """Wakes every run that polls this child, whose status or stage changed."""
    connection.execute(
        """UPDATE runs SET wake_at=? WHERE id IN (SELECT run FROM waits WHERE child=?)
           AND waiting LIKE '%"until":"change"%'""",
        (SOON, child),
    )


def wait_for(connection: sqlite3.Connection, run: str, children: Iterable[str]) -> None:
    """Notes that the run is to be woken when one of the children changes."""
    connection.executemany("INSERT OR IGNORE INTO waits(run, child) VALUES (?,?)", [(run, child) for child in children])


def stop_waiting(connection: sqlite3.Connection, run: str) -> None:
    """Forgets which children the run waited for."""
    connection.execute("DELETE FROM waits WHERE run=?", (run,))


_ENDED = ",".join(f"'{status.value}'" for status in sorted(ENDED))
