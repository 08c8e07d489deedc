"""What people call runs and requests: the beginning of an id, or the name of a procedure where that means just one.

Belongs here: from a name to a row, and what to say when a name means none or several. Never: files of procedures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NotFound
from ..model.states import RunStatus
from . import requests, runs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from .requests import PendingRequest
    from .runs import Run

LISTED = 5
"""How many of several are named."""
MESSAGE_CHARS = 60
"""How much of what a request says is quoted."""


def run(connection: sqlite3.Connection, name: str) -> Run:
    """The run whose id begins so, else the only run of the procedure with this name. Raises `NotFound`."""
    try:
        return runs.resolve(connection, name)
    except NotFound:
        found = runs.listing(connection, procedure=name, limit=LISTED + 1) if name else []
        if not found:
            raise
    if len(found) == 1:
        return found[0]
    lines = [f"{item.id}  {item.status.value.lower().replace('_', ' ')}" for item in found]
    raise NotFound(_list(f'"{name}" has several runs; give the id of one, or its beginning:', lines))


def request(connection: sqlite3.Connection, name: str) -> PendingRequest:
    """A request by its id or the beginning of it, else the only one that waits in a run and the runs below it, or in
    the runs of a procedure. Raises `NotFound`.
    """
    exact = [row for row in requests.listing(connection, pending=False, prefix=name) if row.id == name]
    if exact:
        return exact[0]
    found = requests.listing(connection, prefix=name)
    if not found and "." not in name:
        found = [row for row in requests.listing(connection) if row.procedure == name]
        if not found:
            asked = run(connection, name)
            found = requests.listing(connection, root=asked.id)
            if not found:
                settled = "its request is settled, and it goes on when a worker drives it"
                why = settled if asked.status is RunStatus.WAITING_FOR_HUMAN else asked.status.value
                raise NotFound(f"run {asked.id} waits for nobody ({why})")
    if not found:
        raise NotFound(f'there is no pending request "{name}"')
    if len(found) > 1:
        lines = [f"{row.id}  {row.procedure}: {_short(row.message)}" for row in found[: LISTED + 1]]
        raise NotFound(_list(f'"{name}" means several requests; give one of them:', lines))
    return found[0]


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *lines[:LISTED], *(["…"] if len(lines) > LISTED else [])])


def _short(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= MESSAGE_CHARS else f"{text[: MESSAGE_CHARS - 1]}…"
