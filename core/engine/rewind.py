"""Going back: resuming a failed run, reset, fork, and resuming with an edited text.

Belongs here: what is forgotten, and the transactions. Never: who may ask (`operator.py`). All of these make a
shorter history and leave every event where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..errors import BudgetError, NotFound, Refused, did_you_mean
from ..journal import journal, requests, runs
from ..journal.events import AttemptBegan, Began, Ended, Record, RunResumed, StageSet, ToolChild
from ..journal.folds import RunFold
from ..journal.journal import WHOLE, Ranges
from ..model.states import RunStatus
from ..values import encode
from .cancel import cancel

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ..journal.events import RunEnded
    from ..journal.runs import Run
    from .sources import Program


class Plan(msgspec.Struct, frozen=True):
    """What a reset, a resume or a cut would forget; shown before it is done."""

    keep: int
    """Sequence number of the first event that is forgotten."""
    checkpoints: tuple[str, ...]
    """Operations that will be done again, in order."""
    requests: tuple[str, ...]
    """Pending requests that are withdrawn."""
    children: tuple[str, ...]
    """Living children that are cancelled."""


def plan(connection: sqlite3.Connection, run: Run, keep: int) -> Plan:
    """What forgetting everything from `keep` on means."""
    records = journal.read(connection, run.id, run.history)
    forgotten = [record for record in records if record.seq >= keep]
    names = [record.event.name for record in forgotten if isinstance(record.event, Ended)]
    pending = [row.id for row in requests.listing(connection, run=run.id) if row.seq >= keep]
    children = [child for record in forgotten for child in children_of(record)]
    living = [child for child in children if (row := runs.find(connection, child)) and not row.status.ended]
    return Plan(keep, tuple(names), tuple(pending), tuple(dict.fromkeys(living)))


def children_of(record: Record) -> list[str]:
    """The child that the record says was started."""
    event = record.event
    if isinstance(event, Ended) and event.op == "spawn" and event.values:
        return [str(event.values[0])]
    if isinstance(event, ToolChild):
        return [event.child]
    if isinstance(event, Began) and event.op == "run" and isinstance(event.detail, dict):
        return [str(event.detail.get("child"))]
    return []


def begins(records: Sequence[Record]) -> int:
    """The first sequence number that a reset to the beginning forgets: after the start, or the latest restart."""
    first = 2
    for record in records:
        if isinstance(record.event, AttemptBegan) and record.event.why == "restart":
            first = record.seq + 1
    return first


def find_checkpoint(records: Sequence[Record], name: str | None) -> int:
    """Where the checkpoint begins; the beginning for None. Raises `NotFound` with the nearest known name."""
    if name is None:
        return begins(records)
    entries = RunFold(records).checkpoints.entries
    for entry in reversed(entries):
        if entry.name == name:
            return entry.first
    names = list(dict.fromkeys(entry.name for entry in entries))
    raise NotFound(f'there is no checkpoint "{name}"{did_you_mean(name, names)}')


def retry_point(records: Sequence[Record]) -> int | None:
    """From where a failed run is resumed: what the code cleared, or the operation that ended it; None for its end."""
    fold = RunFold(records)
    if fold.checkpoints.cleared_from is not None:
        return fold.checkpoints.cleared_from
    ended: RunEnded | None = fold.ended
    return ended.cause if ended is not None and ended.cause else None


def resume(connection: sqlite3.Connection, run: Run, *, by: str, now: float) -> None:
    """Makes a failed run go on; where a child that met the budget ended it, the child goes on, and is waited for."""
    records = journal.read(connection, run.id, run.history)
    keep = retry_point(records)
    child, is_held = _waited_for(connection, run, records)
    if child is not None and _met_budget(connection, child):
        resume(connection, child, by=by, now=now)
        if keep is not None and is_held:
            keep += 1
    if keep is not None:
        rewind(connection, run, keep, why="resume", by=by, now=now)
        return
    seq = run.last_seq + 1
    journal.append(connection, run.id, [Record(seq, journal.moment(connection, run.id, now), 0, RunResumed(by))])
    runs.revive(
        connection, run.id, attempt=run.attempt, history=journal.encode_ranges(run.history), source=run.source,
        stage=run.stage, now=now,
    )  # fmt: skip


def _waited_for(connection: sqlite3.Connection, run: Run, records: Sequence[Record]) -> tuple[Run | None, bool]:
    """The run below this one for which the operation waited that ended it, and whether its first event names it."""
    keep = retry_point(records)
    event = next((record.event for record in records if record.seq == keep), None)
    handle, is_held = "", False
    if isinstance(event, Began) and event.op == "run" and isinstance(event.detail, dict):
        handle, is_held = str(event.detail.get("child")), True
    elif isinstance(event, (Began, Ended)) and event.op == "wait" and isinstance(event.args, list) and event.args:
        handle = str(event.args[0])
    child = runs.find(connection, handle)
    below = child is not None and child.root == run.root and child.depth > run.depth
    return (child, is_held) if below else (None, False)


def _met_budget(connection: sqlite3.Connection, run: Run) -> bool:
    """Whether a run failed because it, or a child that it waited for, met the budget."""
    if run.status is not RunStatus.FAILED:
        return False
    records = journal.read(connection, run.id, run.history)
    ended = RunFold(records).ended
    if ended is not None and ended.code == BudgetError.code:
        return True
    child, _ = _waited_for(connection, run, records)
    return child is not None and _met_budget(connection, child)


def rewind(
    connection: sqlite3.Connection, run: Run, keep: int, *, why: str, by: str, now: float, source: str = ""
) -> Plan:
    """Begins a new attempt that keeps the events before `keep`; what was made after it is withdrawn and cancelled."""
    forgets = plan(connection, run, keep)
    requests.withdraw(connection, run.id, at=now, by=by, since=keep)
    for child in forgets.children:
        cancel(connection, child, by=by, now=now)
    seq, attempt = run.last_seq + 1, run.attempt + 1
    event = AttemptBegan(attempt, keep, why, by, source=source)
    journal.append(connection, run.id, [Record(seq, journal.moment(connection, run.id, now), 0, event)])
    history = journal.cut(run.history, keep, seq)
    runs.stop_waiting(connection, run.id)
    runs.revive(
        connection, run.id, attempt=attempt, history=journal.encode_ranges(history), source=source or run.source,
        stage=_stage(connection, run.id, history), now=now,
    )  # fmt: skip
    return forgets


def _stage(connection: sqlite3.Connection, run: str, history: Ranges) -> str | None:
    """The stage of a run that has this history."""
    found = journal.window(connection, run, [StageSet.kind], history, limit=1, newest=True)
    event = found[0].event if found else None
    return event.stage if isinstance(event, StageSet) else None


def fork(connection: sqlite3.Connection, run: Run, keep: int, *, into: str, by: str, now: float) -> None:
    """Makes a new run of the events before `keep`, with the same seed and clock; it owns no child of the original."""
    kept = [record for record in journal.read(connection, run.id, run.history) if record.seq < keep]
    records = [_renumbered(record, index) for index, record in enumerate(kept, 1)]
    seq = len(records) + 1
    records.append(
        Record(seq, max([now, *(record.at for record in records[-1:])]), 0, AttemptBegan(1, seq, "fork", by))
    )
    fold = RunFold(records)
    runs.insert(
        connection,
        msgspec.structs.replace(
            run, id=into, root=into, parent=None, status=RunStatus.PENDING, epoch=0, owner=None, lease_until=None,
            wake_at=runs.SOON, mail=0, last_seq=seq, attempt=1, history=WHOLE, stage=fold.stages.current, waiting=None,
            error=None, summary=None, params=encode(fold.params), starter=by, forked_from=run.id, created_at=now,
            updated_at=now, ended_at=None, tokens_in=0, tokens_out=0, cost=0.0, unpriced=0,
        ),
    )  # fmt: skip
    journal.append(connection, into, records)


def _renumbered(record: Record, seq: int) -> Record:
    """A record at its place in a fork, which has no earlier attempts: there, an attempt forgets nothing."""
    event = record.event
    if isinstance(event, AttemptBegan):
        event = msgspec.structs.replace(event, keep=seq)
    return msgspec.structs.replace(record, seq=seq, event=event)


def edited(
    connection: sqlite3.Connection, run: Run, program: Program, *, keep: int | None, by: str, now: float
) -> Plan:
    """Goes on with an edited text, keeping the events before `keep`, or all of them."""
    source = journal.pin(connection, program.bundle.encode())
    runs.set_version(connection, run.id, program.procedure.version)
    return rewind(
        connection, run, run.last_seq + 1 if keep is None else keep, why="edit", by=by, now=now, source=source
    )


def check_rewindable(run: Run, verb: str) -> None:
    """Raises `Refused` for a run that can only be forked."""
    if run.status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
        raise Refused(f"run {run.id} is {run.status.value.lower()}: it cannot be {verb}, but it can be forked")
