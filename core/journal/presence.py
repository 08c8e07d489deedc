"""The `workers` and `editing` tables: who is there to drive runs, and who is changing an artifact just now.

Belongs here: every statement about these tables. Never: leases (`runs.py`), which decide; what is here only informs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

FORGET_SECONDS = 86400.0
"""After how long a worker that was not seen is forgotten."""
EDITING_SECONDS = 60.0
"""How long somebody counts as editing after the last word of it."""


class Seen(msgspec.Struct, frozen=True):
    """A row of `workers`."""

    owner: str
    kind: str
    started_at: float
    seen_at: float


def appear(connection: sqlite3.Connection, owner: str, kind: str, now: float, dead: Sequence[str] = ()) -> None:
    """Says that a worker is there, again; forgets those that are known to be gone."""
    connection.executemany("DELETE FROM workers WHERE owner=?", [(name,) for name in dead])
    connection.execute("DELETE FROM workers WHERE seen_at<?", (now - FORGET_SECONDS,))
    connection.execute(
        """INSERT INTO workers(owner, kind, started_at, seen_at) VALUES (?,?,?,?)
           ON CONFLICT(owner) DO UPDATE SET seen_at=excluded.seen_at""",
        (owner, kind, now, now),
    )


def leave(connection: sqlite3.Connection, owner: str) -> None:
    """A worker ends."""
    connection.execute("DELETE FROM workers WHERE owner=?", (owner,))


def seen(connection: sqlite3.Connection) -> list[Seen]:
    """The workers that said they are there, oldest first."""
    rows = connection.execute("SELECT owner, kind, started_at, seen_at FROM workers ORDER BY started_at, owner")
    return [Seen(*row) for row in rows.fetchall()]


class Editing(msgspec.Struct, frozen=True):
    """Somebody is changing the artifact of a request."""

    request: str
    by: str
    owner: str
    """The process in which it is done."""
    at: float
    """When that was last said."""


def edit(connection: sqlite3.Connection, editing: Editing) -> None:
    """Somebody begins to edit, or goes on with it; forgets what was not renewed."""
    connection.execute("DELETE FROM editing WHERE at<?", (editing.at - EDITING_SECONDS,))
    connection.execute(
        """INSERT OR REPLACE INTO editing(request, "by", owner, at) SELECT ?,?,?,? WHERE EXISTS (
           SELECT 1 FROM requests WHERE id=? AND status='pending')""",
        (*msgspec.structs.astuple(editing), editing.request),
    )


def stop_editing(connection: sqlite3.Connection, request: str, by: str, owner: str) -> None:
    """Somebody put the artifact away."""
    connection.execute('DELETE FROM editing WHERE request=? AND "by"=? AND owner=?', (request, by, owner))


def editors(connection: sqlite3.Connection, request: str, now: float) -> list[Editing]:
    """Who is editing, the last first."""
    rows = connection.execute(
        """SELECT request, "by", owner, at FROM editing WHERE request=? AND at>=? AND at<=? ORDER BY at DESC""",
        (request, now - EDITING_SECONDS, now + EDITING_SECONDS),
    )
    return [Editing(*row) for row in rows.fetchall()]
