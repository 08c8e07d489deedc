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

    @property
    def event(self) -> Requested:
        """The request as the run posted it."""
        try:
            return msgspec.json.decode(self.data, type=Requested)
        except msgspec.MsgspecError as error:
            raise _damaged(f"request {self.id}", error) from error


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
    connection.execute(
        f"INSERT INTO requests({_COLUMNS}) VALUES ({','.join('?' * len(_FIELDS))})",
        (
            event.request, run, seq, event.attempt, event.type, event.point, event.message,
            msgspec.json.encode(event).decode(), event.digest, RequestStatus.PENDING.value, now, event.deadline,
            needed if isinstance(needed, int) else 1, None, None,
        ),
    )  # fmt: skip


def get(connection: sqlite3.Connection, request: str) -> PendingRequest:
    """The request with exactly this id; raises `NotFound`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM requests WHERE id=?", (request,)).fetchone()
    if row is None:
        raise NotFound(f'there is no request "{request}"')
    return _of_row(row)


def listing(
    connection: sqlite3.Connection, *, run: str | None = None, pending: bool = True, prefix: str | None = None,
    resolved_since: float | None = None,
) -> list[PendingRequest]:  # fmt: skip
    """Requests, nearest deadline first, then oldest."""
    wheres, values = ["1"], cast("list[object]", [])
    if pending:
        wheres.append("status=?")
        values.append(RequestStatus.PENDING.value)
    if run is not None:
        wheres.append("run=?")
        values.append(run)
    if prefix is not None:
        wheres.append("id>=? AND id<?")
        values.extend((prefix, prefix + "\U0010ffff"))
    if resolved_since is not None:
        wheres.append("resolved_at>=?")
        values.append(resolved_since)
    rows = connection.execute(
        f"""SELECT {_COLUMNS} FROM requests WHERE {" AND ".join(wheres)}
            ORDER BY deadline IS NULL, deadline, created_at, id""",
        values,
    )
    return [_of_row(row) for row in rows.fetchall()]


def resolve(connection: sqlite3.Connection, request: str, status: RequestStatus, *, at: float, by: str) -> bool:
    """Moves a pending request to a final status; False when it was no longer pending."""
    changed = connection.execute(
        "UPDATE requests SET status=?, resolved_at=?, resolved_by=? WHERE id=? AND status=?",
        (status.value, at, by, request, RequestStatus.PENDING.value),
    )
    return changed.rowcount == 1


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
    answer: dict[str, Value]
    audit: dict[str, Value] = {}


def add_answer(connection: sqlite3.Connection, request: str, answer: Answer) -> None:
    """Keeps an answer."""
    data = encode({"answer": answer.answer, "audit": answer.audit})
    connection.execute(
        "INSERT INTO answers(request, by, at, data) VALUES (?,?,?,?)", (request, answer.by, answer.at, data)
    )


def answers(connection: sqlite3.Connection, request: str) -> list[Answer]:
    """The answers of a request, oldest first."""
    found: list[Answer] = []
    for by, at, data in connection.execute(
        "SELECT by, at, data FROM answers WHERE request=? ORDER BY id", (request,)
    ).fetchall():
        try:
            fields = cast("dict[str, dict[str, Value]]", decode(data))
            found.append(Answer(by, at, fields["answer"], fields["audit"]))
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise _damaged(f"an answer to request {request}", error) from error
    return found


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
