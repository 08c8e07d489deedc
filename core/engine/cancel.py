"""Cancelling a run with the children it owns, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..journal import journal, requests, runs
from ..journal.events import Record, RequestCancelled, RunEnded
from ..model.states import RunStatus

if TYPE_CHECKING:
    import sqlite3

    from ..journal.events import Event


def cancel(connection: sqlite3.Connection, run: str, *, by: str, now: float) -> bool:
    """Ends a run and its living children; False when it had ended already.

    The epoch is raised in the same transaction, so that whoever drives it cannot append any more.
    """
    row = runs.get(connection, run)
    if row.status.ended:
        return False
    events: list[Event] = [RequestCancelled(name, by) for name in requests.withdraw(connection, run, at=now, by=by)]
    events.append(RunEnded(status=RunStatus.CANCELLED.value, by=by))
    at = journal.moment(connection, run, now)
    records = [Record(row.last_seq + index, at, 0, event) for index, event in enumerate(events, 1)]
    journal.append(connection, run, records)
    connection.execute("UPDATE runs SET epoch=epoch+1 WHERE id=?", (run,))
    runs.end(connection, run, status=RunStatus.CANCELLED, now=now, error=None)
    runs.stop_waiting(connection, run)
    for child in runs.listing(connection, parent=run):
        cancel(connection, child.id, by=by, now=now)
    return True
