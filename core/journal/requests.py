"""The `requests`, `answers` and `inbox` tables: what waits for a person, and what came from people.

Belongs here: every statement about these tables. Never: whether an answer fits (`operator.py`), or what
the run does with it (`engine/`). All functions take a connection inside the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import NotFound, StoreDamaged
from ..model.states import RequestStatus
from ..values import Value, decode, encode
from .events import Requested

if TYPE_CHECKING:
    import sqlite3

MAX_MAIL = 100
"""How many messages may wait undelivered for one run."""


class PendingRequest(msgspec.Struct, frozen=True):
    """A row of `requests`."""

    id: str
    run: str
    seq: int
    attempt: int
    type: str
    point: str
    message: str
    data: str
    digest: str
    status: RequestStatus
    created_at: float
    deadline: float | None
    needed: int
    resolved_at: float | None
    resolved_by: str | None
    decided_at: float | None = None
    """When the answer was given that takes effect at `effective_at`; None when there is none."""
    decided_by: str | None = None
    effective_at: float | None = None
    decides: int = 0
    """0 when more people have to answer after it."""
    procedure: str = ""
    approved: int = 0
    """1 for a review that was answered with approval."""

    def undoable(self, now: float) -> bool:
        """Whether somebody's answer has been given that is not in effect yet."""
        return self.status is RequestStatus.PENDING and not _in_effect(self.decided_at, self.effective_at, now)

    def open(self, now: float) -> bool:
        """Whether it waits for a person still: what was answered may wait for a worker."""
        if self.status is not RequestStatus.PENDING:
            return False
        return not (self.decides and _in_effect(self.decided_at, self.effective_at, now))

    @property
    def event(self) -> Requested:
        """The request as the run posted it."""
        try:
            return msgspec.json.decode(self.data, type=Requested)
        except msgspec.MsgspecError as error:
            raise _damaged(f"request {self.id}", error) from error


BACK_SECONDS = 1.0
"""By how much a clock may differ from that by which an answer was given, before somebody must have set it back."""


def _in_effect(decided_at: float | None, effective_at: float | None, now: float) -> bool:
    """Whether the effect of an answer has come; also when the clock was set back meanwhile, for it would wait for ever.

    Without an answer there is nothing to wait for: true.
    """
    if decided_at is None or effective_at is None:
        return True
    return now >= effective_at or now < decided_at - BACK_SECONDS


def _damaged(what: str, error: Exception) -> StoreDamaged:
    return StoreDamaged(f"The row of {what} cannot be read: {error}. Restore it from a copy of the database.")


_FIELDS = PendingRequest.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_STATUS = _FIELDS.index("status")


def _of_row(row: tuple[object, ...]) -> PendingRequest:
    items = list(row)
    items[_STATUS] = RequestStatus(str(items[_STATUS]))
    return PendingRequest(*items)  # pyright: ignore[reportArgumentType] - STRICT tables hold these types


def post(connection: sqlite3.Connection, run: str, seq: int, event: Requested, now: float) -> None:
    """Shows a request to people."""
    needed = event.data.get("approvals")
    row = connection.execute("SELECT procedure FROM runs WHERE id=?", (run,)).fetchone()
    connection.execute(
        f"INSERT INTO requests({_COLUMNS}) VALUES ({','.join('?' * len(_FIELDS))})",
        (
            event.request, run, seq, event.attempt, event.type, event.point, event.message,
            msgspec.json.encode(event).decode(), event.digest, RequestStatus.PENDING.value, now, event.deadline,
            needed if isinstance(needed, int) else 1, None, None, None, None, None, 0, row[0] if row else "", 0,
        ),
    )  # fmt: skip


def get(connection: sqlite3.Connection, request: str) -> PendingRequest:
    """The request with exactly this id; raises `NotFound`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM requests WHERE id=?", (request,)).fetchone()
    if row is None:
        raise NotFound(f'there is no request "{request}"')
    return _of_row(row)


def listing(
    connection: sqlite3.Connection, *, run: str | None = None, root: str | None = None, pending: bool = True,
    prefix: str | None = None, resolved_since: float | None = None, created_since: float | None = None,
) -> list[PendingRequest]:  # fmt: skip
    """Requests, nearest deadline first, then oldest."""
    wheres, values = ["1"], cast("list[object]", [])
    if pending:
        # In a tree it is looked by the run: in a large workspace many requests are pending, and few of them there.
        wheres.append("status=?" if root is None else "+status=?")
        values.append(RequestStatus.PENDING.value)
    if run is not None:
        wheres.append("run=?")
        values.append(run)
    if root is not None:
        wheres.append("run IN (SELECT id FROM runs WHERE root=?)")
        values.append(root)
    if prefix is not None:
        wheres.append("id>=? AND id<?")
        values.extend((prefix, prefix + "\U0010ffff"))
    if resolved_since is not None:
        wheres.append("resolved_at>=?")
        values.append(resolved_since)
    if created_since is not None:
        wheres.append("created_at>=?")
        values.append(created_since)
    rows = connection.execute(
        f"""SELECT {_COLUMNS} FROM requests WHERE {" AND ".join(wheres)}
            ORDER BY deadline IS NULL, deadline, created_at, id""",
        values,
    )
    return [_of_row(row) for row in rows.fetchall()]


def urgent(connection: sqlite3.Connection, limit: int) -> list[PendingRequest]:
    """So many pending requests, in the same order, however many there are."""
    found: list[PendingRequest] = []
    # Both are in order in the index; together they would be sorted.
    for where, order in (("deadline IS NOT NULL", "deadline, created_at"), ("deadline IS NULL", "created_at")):
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM requests WHERE status=? AND {where} ORDER BY {order} LIMIT ?",
            (RequestStatus.PENDING.value, limit - len(found)),
        )
        found += [_of_row(row) for row in rows.fetchall()]
    return found


def resolve(
    connection: sqlite3.Connection, request: str, status: RequestStatus, *, at: float, by: str, approved: bool = False
) -> bool:
    """Moves a pending request to a final status; False when it was no longer pending."""
    changed = connection.execute(
        """UPDATE requests SET status=?, resolved_at=?, resolved_by=?, approved=?, decided_at=NULL, decided_by=NULL,
           effective_at=NULL, decides=0 WHERE id=? AND status=?""",
        (status.value, at, by, int(approved), request, RequestStatus.PENDING.value),
    )
    connection.execute("DELETE FROM editing WHERE request=?", (request,))
    return changed.rowcount == 1


# ---- answers that are not in effect yet


def hold(connection: sqlite3.Connection, row: PendingRequest, *, by: str, at: float, until: float, last: bool) -> None:
    """Notes that an answer takes effect at a moment; its run is looked at then if it is the `last` that is wanted."""
    connection.execute(
        "UPDATE requests SET decided_at=?, decided_by=?, effective_at=?, decides=? WHERE id=?",
        (at, by, until, int(last), row.id),
    )
    if last:
        connection.execute(
            """UPDATE runs SET wake_at=CASE status WHEN 'WAITING_FOR_HUMAN' THEN ? ELSE min(wake_at, ?) END
               WHERE id=? AND owner IS NULL AND (wake_at IS NOT NULL OR status='WAITING_FOR_HUMAN')""",
            (until, until, row.run),
        )


def release(connection: sqlite3.Connection, row: PendingRequest) -> None:
    """Forgets that an answer was to take effect: the request waits for another one, or for its deadline."""
    connection.execute(
        "UPDATE requests SET decided_at=NULL, decided_by=NULL, effective_at=NULL, decides=0 WHERE id=?", (row.id,)
    )
    if row.decides:
        connection.execute(
            "UPDATE runs SET wake_at=? WHERE id=? AND owner IS NULL AND status='WAITING_FOR_HUMAN' AND wake_at=?",
            (row.deadline, row.run, row.effective_at),
        )


def over(connection: sqlite3.Connection, request: str, now: float) -> bool:
    """Whether a request waits no more: it is settled, its answer is in effect, or its time is up without one."""
    row = connection.execute(
        "SELECT status, deadline, decides, decided_at, effective_at FROM requests WHERE id=?", (request,)
    ).fetchone()
    if row is None or row[0] != RequestStatus.PENDING.value:
        return True
    if row[2]:
        return _in_effect(row[3], row[4], now)
    return row[1] is not None and now >= row[1]


def wake_at(connection: sqlite3.Connection, request: str) -> float | None:
    """When a pending request is over by itself: at the effect of its answer, or at its deadline."""
    row = connection.execute("SELECT decides, effective_at, deadline FROM requests WHERE id=?", (request,)).fetchone()
    return None if row is None else row[1] if row[0] else row[2]


def overtaken(connection: sqlite3.Connection, now: float) -> list[str]:
    """The runs whose answers are in effect only because the clock was set back: nothing else would wake them."""
    rows = connection.execute(
        "SELECT run FROM requests WHERE effective_at IS NOT NULL AND decided_at>? AND decides", (now + BACK_SECONDS,)
    )
    return [str(row[0]) for row in rows.fetchall()]


def withdraw(connection: sqlite3.Connection, run: str, *, at: float, by: str, since: int = 0) -> list[str]:
    """Cancels the run's pending requests that were posted at or after the event `since`; returns their ids."""
    rows = connection.execute(
        "SELECT id FROM requests WHERE run=? AND seq>=? AND status=?", (run, since, RequestStatus.PENDING.value)
    ).fetchall()
    for (request,) in rows:
        resolve(connection, request, RequestStatus.CANCELLED, at=at, by=by)
    return [str(row[0]) for row in rows]


class Answer(msgspec.Struct, frozen=True):
    """One person's answer to a request."""

    by: str
    at: float
    """When it was given."""
    answer: dict[str, Value]
    audit: dict[str, Value] = {}
    effective_at: float | None = None
    """When it takes effect; None for `at`."""
    undone_at: float | None = None
    undone_by: str | None = None
    id: int = 0


def add_answer(connection: sqlite3.Connection, request: str, answer: Answer) -> int:
    """Keeps an answer; returns its id."""
    data = encode({"answer": answer.answer, "audit": answer.audit})
    added = connection.execute(
        "INSERT INTO answers(request, by, at, data, effective_at) VALUES (?,?,?,?,?)",
        (request, answer.by, answer.at, data, answer.effective_at),
    )
    return added.lastrowid or 0


def undo_answer(connection: sqlite3.Connection, answer: int, *, by: str, at: float) -> None:
    """Notes that an answer was withdrawn; it stays in the record of the request."""
    connection.execute("UPDATE answers SET undone_at=?, undone_by=? WHERE id=?", (at, by, answer))


def answers(connection: sqlite3.Connection, request: str) -> list[Answer]:
    """The answers of a request, oldest first, with those that were undone."""
    found: list[Answer] = []
    for by, at, data, *rest in connection.execute(
        "SELECT by, at, data, effective_at, undone_at, undone_by, id FROM answers WHERE request=? ORDER BY id",
        (request,),
    ).fetchall():
        try:
            fields = cast("dict[str, dict[str, Value]]", decode(data))
            found.append(Answer(by, at, fields["answer"], fields["audit"], *rest))
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise _damaged(f"an answer to request {request}", error) from error
    return found


def last_approved(connection: sqlite3.Connection, row: PendingRequest) -> PendingRequest | None:
    """The review of the same procedure and point, in any run, that was approved last; without a point, of the same
    message."""
    same = "" if row.point else "AND message=?"
    found = connection.execute(
        f"""SELECT {_COLUMNS} FROM requests WHERE approved=1 AND procedure=? AND point=? {same}
            ORDER BY resolved_at DESC LIMIT 1""",
        (row.procedure, row.point, *(() if row.point else (row.message,))),
    ).fetchone()
    return None if found is None else _of_row(found)


# ---- mail: what came from outside and was not delivered yet


class Mail(msgspec.Struct, frozen=True):
    """A row of `inbox`."""

    id: int
    kind: str
    """`message` or `stop`."""
    data: Value
    by: str


def send(connection: sqlite3.Connection, run: str, kind: str, data: Value, *, by: str, at: float) -> bool:
    """Leaves mail for a run; False when too many messages wait already. The caller checks that the run goes on."""
    (count,) = connection.execute("SELECT count(*) FROM inbox WHERE run=? AND kind='message'", (run,)).fetchone()
    if kind == "message" and count >= MAX_MAIL:
        return False
    connection.execute(
        "INSERT INTO inbox(run, kind, data, by, at) VALUES (?,?,?,?,?)", (run, kind, encode(data), by, at)
    )
    connection.execute(
        """UPDATE runs SET mail=mail+1, wake_at=CASE WHEN waiting LIKE '{"type":"mail"%' THEN 0 ELSE wake_at END
           WHERE id=?""",
        (run,),
    )
    return True


def mail(connection: sqlite3.Connection, run: str) -> list[Mail]:
    """The undelivered mail of a run, oldest first."""
    rows = connection.execute("SELECT id, kind, data, by FROM inbox WHERE run=? ORDER BY id", (run,))
    try:
        return [Mail(row[0], row[1], decode(row[2]), row[3]) for row in rows.fetchall()]
    except msgspec.MsgspecError as error:
        raise _damaged(f"the mail of run {run}", error) from error


def deliver(connection: sqlite3.Connection, run: str, letters: list[Mail]) -> None:
    """Takes mail out of the inbox, in the transaction that appends its events."""
    connection.executemany("DELETE FROM inbox WHERE id=?", [(letter.id,) for letter in letters])
    connection.execute("UPDATE runs SET mail=(SELECT count(*) FROM inbox WHERE run=?) WHERE id=?", (run, run))


def alert(connection: sqlite3.Connection, level: str, message: str, source: str | None, by: str, at: float) -> None:
    """Keeps an alert that belongs to no run."""
    connection.execute(
        "INSERT INTO alerts(level, message, source, by, at) VALUES (?,?,?,?,?)", (level, message, source or "", by, at)
    )


class Alert(msgspec.Struct, frozen=True):
    """A row of `alerts`: an alert that belongs to no run."""

    id: int
    level: str
    message: str
    source: str
    by: str
    at: float


def alerts(connection: sqlite3.Connection, *, since: float = 0.0, after: int = 0) -> list[Alert]:
    """The alerts from a moment on, or after one of them, oldest first."""
    rows = connection.execute(
        'SELECT id, level, message, source, "by", at FROM alerts WHERE at>=? AND id>? ORDER BY id', (since, after)
    )
    return [Alert(*row) for row in rows.fetchall()]
