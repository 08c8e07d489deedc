"""Reading parts of one run, however long it is: its outline at a record, windows of its lists, what is beside a record.

Belongs here: queries over the events of one run that read what they return and little more. Never: the whole history
(`journal.read`), other runs (`listing.py`), or what a person sees of it. All functions take the ranges of the history
that is read and its last event; what went back is never shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from ..model.messages import Usage
from ..values import Value
from . import journal
from .events import (
    AttemptBegan,
    Began,
    Ended,
    NodeCreated,
    NodeMetadataSet,
    NodeSelected,
    SessionLoaded,
    SessionSaved,
    StageHistoryCleared,
    StageSet,
    StateAppended,
    StateCleared,
    StateIncremented,
    StateSet,
)
from .folds.agents import REPLY, TURNS, reply_of
from .folds.outline import Outline, OutlineFold
from .folds.stages import StageChange, StageFold
from .journal import SNAPSHOT_BYTES, Ranges, limit_of, record_of
from .marks import LOGS, OPENED, SAID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from .events import Event, Record

CHUNK = 1000
"""How many events are read at a time where many are passed."""
FEW = 5000
"""After how many events without a snapshot one is missed."""
MOST_STAGES = 1000
"""How many changes of the stage an outline holds."""
_COLUMNS = "seq, kind, line, at, data, blob"
_LOGS = ", ".join(f"'{cls.kind}'" for cls in LOGS)
_NODES = f"kind IN ('{NodeCreated.kind}', '{NodeMetadataSet.kind}')"
_CHANGES = (StateSet, StateIncremented, StateAppended)


# ---- the outline


def outline(
    connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, *,
    missed: list[tuple[Outline, str]] | None = None,
) -> Outline:  # fmt: skip
    """What the run adds up to at an event, from the newest snapshot before it.

    In `missed` it leaves snapshots with their texts, where so many events had to be read that the next reader will want
    them: of a run that was forked, or written by an older version.
    """
    fold = OutlineFold(journal.nearest_snapshot(connection, run, ranges, upto))
    due = fold.seq + FEW
    for record in walk(connection, run, ranges, after=fold.seq, upto=upto):
        fold.apply(record)
        if missed is not None and record.seq >= due:
            found = fold.outline()
            text = msgspec.json.encode(found).decode()
            missed.append((found, text))
            due = record.seq + max(FEW, len(text) // SNAPSHOT_BYTES)
    kinds = [StageSet.kind, StageHistoryCleared.kind]
    changes = journal.window(connection, run, kinds, ranges, upto=upto, limit=MOST_STAGES + 1, newest=True)
    return msgspec.structs.replace(fold.outline(), stages=_stages(changes))


def _stages(changes: list[Record]) -> list[StageChange]:
    fold = StageFold()
    skipped = len(changes) > MOST_STAGES
    for record in changes:
        event = record.event
        if isinstance(event, StageSet):
            fold.history.append(StageChange(fold.current, event.stage, record.at))
            fold.current = event.stage
        else:
            skipped, fold.history = False, []
    return fold.history[1:] if skipped else fold.history


def walk(
    connection: sqlite3.Connection, run: str, ranges: Ranges, *, after: int = 0, upto: int | None = None,
    operations: bool = False,
) -> Iterator[Record]:  # fmt: skip
    """The records after an event one by one, or only those of operations; never more than some in memory."""
    some = "AND +kind IN ('began', 'ended')" if operations else ""
    for first, last in ranges:
        at, end = max(first, after + 1), limit_of(last, upto)
        while at <= end:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE run=? AND seq>=? AND seq<=? {some} ORDER BY seq LIMIT ?",
                (run, at, end, CHUNK),
            ).fetchall()
            for row in rows:
                yield record_of(connection, run, row)
            if len(rows) < CHUNK:
                break
            at = rows[-1][0] + 1


# ---- lists


def said(
    connection: sqlite3.Connection, run: str, ranges: Ranges, *, after: int = 0, upto: int | None = None,
    limit: int = -1, newest: bool = False,
) -> list[Record]:  # fmt: skip
    """The events of the conversation after one event and up to another, oldest first; with `newest` the last ones."""
    return _window(connection, run, ranges, f"mark={SAID}", (), after, upto, limit, newest, index="events_said")


def count_said(connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int | None = None) -> int:
    """How many events of the conversation there are up to an event."""
    force, values = _in_force(ranges, upto)
    row = connection.execute(
        f"SELECT count(*) FROM events INDEXED BY events_said WHERE run=? AND mark={SAID} AND {force}", (run, *values)
    )
    return row.fetchone()[0]


def log(
    connection: sqlite3.Connection, run: str, ranges: Ranges, *, levels: Sequence[str] = (), after: int = 0,
    upto: int | None = None, limit: int = -1, newest: bool = False,
) -> list[Record]:  # fmt: skip
    """Log lines, notifications, alerts and failed replies, of some levels only when `levels` are given.

    Those that are not `info` have an index of their own, so that few warnings among a million lines are found at once.
    """
    if levels and "info" not in levels:
        some = f"kind IN ({_LOGS}) AND name<>'info' AND name IN ({', '.join('?' * len(levels))})"
        return _window(connection, run, ranges, some, levels, after, upto, limit, newest, index="events_loud")
    kinds = [cls.kind for cls in LOGS]
    return journal.window(
        connection, run, kinds, ranges, names=levels, after=after, upto=upto, limit=limit, newest=newest
    )


def _window(
    connection: sqlite3.Connection, run: str, ranges: Ranges, some: str, values: Sequence[str], after: int,
    upto: int | None, limit: int, newest: bool, *, index: str,
) -> list[Record]:  # fmt: skip
    # Left alone SQLite might read the run from end to end: it cannot know how few these are.
    found: list[Record] = []
    order = "DESC" if newest else "ASC"
    for first, last in reversed(ranges) if newest else ranges:
        left = -1 if limit < 0 else limit - len(found)
        if left == 0:
            break
        rows = connection.execute(
            f"""SELECT {_COLUMNS} FROM events INDEXED BY {index} WHERE run=? AND {some} AND seq>=? AND seq<=?
                ORDER BY seq {order} LIMIT ?""",
            (run, *values, max(first, after + 1), limit_of(last, upto), left),
        )
        found.extend(record_of(connection, run, row) for row in rows.fetchall())
    return found[::-1] if newest else found


class Operation(msgspec.Struct):
    """An operation at its place among all operations of a run."""

    index: int
    """Its place, from 0, in the order in which operations began."""
    op: str
    name: str
    first: int
    """Its first record: a reset to it forgets from here."""
    line: int
    began_at: float
    level: int
    """How many operations it stands in."""
    seq: int = 0
    """The record of its outcome; 0 while it is open."""
    ended_at: float | None = None
    failed: bool = False
    error: Value = None
    usage: Usage | None = None
    """What models used in it, for turns and replies."""


def operations(
    connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, *, start: int = 0, limit: int = 500
) -> list[Operation]:
    """The operations from a place on, with their outcomes as far as they have one by `upto`."""
    before = journal.nearest_snapshot(connection, run, ranges, upto, operations=start)
    found: list[Operation] = []
    stack: list[Operation | None] = [None] * (len(before.open) if before else 0)
    index = before.operations if before else 0
    for record in walk(connection, run, ranges, after=before.seq if before else 0, upto=upto, operations=True):
        event = record.event
        if isinstance(event, Ended) and event.opened:
            entry = stack.pop() if stack else None
            if entry is not None:
                _end(entry, event, record)
            continue
        if index >= start + limit:
            break
        if isinstance(event, (Began, Ended)):
            entry = Operation(index, event.op, event.name, record.seq, record.line, record.at, len(stack))
            if isinstance(event, Ended):
                entry.began_at = event.started_at or record.at
                _end(entry, event, record)
            else:
                stack.append(entry)
            if index >= start:
                found.append(entry)
            index += 1
    for entry in found:
        if not entry.seq:
            _find_end(connection, run, ranges, upto, entry)
        if entry.op in TURNS:
            entry.usage = _usage(connection, run, ranges, entry.first, entry.seq or upto)
    return found


def _end(entry: Operation, event: Ended, record: Record) -> None:
    entry.seq, entry.ended_at, entry.failed, entry.error = record.seq, record.at, event.failed, event.error
    if event.op == REPLY and not event.failed and event.values:
        entry.usage = reply_of(event.values[0]).usage


def _find_end(connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, entry: Operation) -> None:
    force, values = _in_force(ranges, upto)
    row = connection.execute(
        f"""SELECT {_COLUMNS} FROM events INDEXED BY events_opened
            WHERE run=? AND name=? AND mark={OPENED} AND seq>? AND {force} AND kind='{Ended.kind}'
            ORDER BY seq LIMIT 1""",
        (run, entry.name, entry.first, *values),
    ).fetchone()
    if row is not None:
        record = record_of(connection, run, row)
        if isinstance(record.event, Ended):
            _end(entry, record.event, record)


def _usage(connection: sqlite3.Connection, run: str, ranges: Ranges, first: int, last: int) -> Usage:
    total = Usage()
    for record in said(connection, run, ranges, after=first, upto=last):
        event = record.event
        if isinstance(event, Ended) and event.op == REPLY and not event.failed and event.values:
            total = total.plus(reply_of(event.values[0]).usage)
    return total


# ---- the graph


class NodeView(msgspec.Struct, frozen=True):
    """A node of a run's graph at some event."""

    id: str
    parent: str | None
    content: Value
    metadata: dict[str, Value]
    """What `Session.save_to_node` keeps is left out."""
    score: float | None
    children: int
    """How many nodes hang right under it."""
    seq: int
    """The record that made it."""
    line: int
    at: float


def children(
    connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, parent: str | None, *, offset: int = 0,
    limit: int = 500, by_score: bool = False,
) -> list[NodeView]:  # fmt: skip
    """The nodes right under a node, or those without a parent: oldest first, or best first."""
    force, values = _in_force(ranges, upto)
    if by_score:
        later, later_values = _in_force(ranges, upto, "later.seq")
        order = f"""coalesce((SELECT later.score FROM events AS later INDEXED BY events_nodes
            WHERE later.run=events.run AND later.name=events.name AND later.{_NODES} AND later.seq>events.seq
            AND later.score IS NOT NULL AND {later} ORDER BY later.seq DESC LIMIT 1), events.score, -9e999) DESC, seq"""
    else:
        order, later_values = "seq", ()
    rows = connection.execute(
        f"""SELECT {_COLUMNS} FROM events INDEXED BY events_children WHERE run=? AND parent=? AND {force}
            ORDER BY {order} LIMIT ? OFFSET ?""",
        (run, parent or "", *values, *later_values, limit, offset),
    ).fetchall()
    return [_node(connection, run, ranges, upto, record_of(connection, run, row)) for row in rows]


def count_children(connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, parent: str | None) -> int:
    """How many nodes are right under a node, or without a parent."""
    force, values = _in_force(ranges, upto)
    row = connection.execute(
        f"SELECT count(*) FROM events INDEXED BY events_children WHERE run=? AND parent=? AND {force}",
        (run, parent or "", *values),
    ).fetchone()
    return row[0]


def node(connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, id: str) -> NodeView | None:
    """One node by its id."""
    force, values = _in_force(ranges, upto)
    row = connection.execute(
        f"""SELECT {_COLUMNS} FROM events INDEXED BY events_nodes
            WHERE run=? AND name=? AND {_NODES} AND kind='{NodeCreated.kind}' AND {force} ORDER BY seq DESC LIMIT 1""",
        (run, id, *values),
    ).fetchone()
    return None if row is None else _node(connection, run, ranges, upto, record_of(connection, run, row))


def _node(connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, record: Record) -> NodeView:
    event = record.event
    if not isinstance(event, NodeCreated):
        raise TypeError(f"{event.kind} makes no node")
    metadata: dict[str, Value] = dict(event.metadata) if isinstance(event.metadata, dict) else {}
    force, values = _in_force(ranges, upto)
    rows = connection.execute(
        f"""SELECT {_COLUMNS} FROM events INDEXED BY events_nodes
            WHERE run=? AND name=? AND {_NODES} AND seq>? AND {force} ORDER BY seq""",
        (run, event.id, record.seq, *values),
    ).fetchall()
    for row in rows:
        change = record_of(connection, run, row).event
        if isinstance(change, NodeMetadataSet):
            if change.value is None:
                metadata.pop(change.key, None)
            else:
                metadata[change.key] = change.value
    score = metadata.get("score")
    return NodeView(
        event.id, event.parent, event.content, metadata,
        float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else None,
        count_children(connection, run, ranges, upto, event.id), record.seq, record.line, record.at,
    )  # fmt: skip


# ---- places


Step = Literal["next", "previous", "next checkpoint", "previous checkpoint"]
"""From one record to another: to any, or to the outcome of an operation."""


def step(connection: sqlite3.Connection, run: str, ranges: Ranges, seq: int, to: Step) -> int | None:
    """The record of the history before or after a place; None at its ends."""
    forward = to.startswith("next")
    some = "AND +kind='ended'" if to.endswith("checkpoint") else ""
    for first, last in ranges if forward else reversed(ranges):
        low, high = (max(first, seq + 1), limit_of(last, None)) if forward else (first, limit_of(last, seq - 1))
        row = connection.execute(
            f"""SELECT seq FROM events WHERE run=? AND seq>=? AND seq<=? {some}
                ORDER BY seq {"ASC" if forward else "DESC"} LIMIT 1""",
            (run, low, high),
        ).fetchone()
        if row is not None:
            return row[0]
    return None


def line_counts(
    connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int | None = None, *, after: int = 0
) -> dict[int, int]:
    """How many operations ended and effects happened at each source line, after an event; this reads all of them."""
    force, values = _in_force(ranges, upto)
    rows = connection.execute(
        f"""SELECT line, count(*) FROM events
            WHERE run=? AND seq>? AND line>0 AND kind<>'{Began.kind}' AND {force} GROUP BY line""",
        (run, after, *values),
    )
    return dict(rows.fetchall())


class Changed(msgspec.Struct, frozen=True):
    """What one record changed, for marking."""

    everything: bool = False
    """True when it went back to an earlier record, or the whole State is another."""
    keys: tuple[str, ...] = ()
    """Of State."""
    stage: bool = False
    nodes: tuple[str, ...] = ()
    current_node: bool = False
    operation: str | None = None
    """The operation that began or ended."""


def changed(connection: sqlite3.Connection, run: str, seq: int) -> Changed:
    """What the record at a place changed; nothing when there is none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM events WHERE run=? AND seq=?", (run, seq)).fetchone()
    return Changed() if row is None else change_of(record_of(connection, run, row).event)


def change_of(event: Event) -> Changed:
    """What an event changes."""
    match event:
        case StateSet() | StateIncremented() | StateAppended():
            return Changed(keys=(event.key,))
        case StateCleared() | AttemptBegan():
            return Changed(everything=True)
        case StageSet() | StageHistoryCleared():
            return Changed(stage=True)
        case NodeCreated():
            above = () if event.parent is None else (event.parent,)
            return Changed(nodes=(event.id, *above), current_node=True)
        case NodeSelected():
            return Changed(nodes=(event.id,), current_node=True)
        case NodeMetadataSet():
            return Changed(nodes=(event.id,))
        case SessionSaved() | SessionLoaded():
            return Changed(nodes=(event.node,))
        case Began() | Ended():
            return Changed(operation=event.name)
        case _:
            return Changed()


def key_history(
    connection: sqlite3.Connection, run: str, ranges: Ranges, key: str, *, upto: int | None = None, limit: int = 100
) -> list[Record]:
    """The latest changes of one key of State, oldest first; `state.cleared` among them."""
    changes = journal.window(
        connection, run, [cls.kind for cls in _CHANGES], ranges, names=[key], upto=upto, limit=limit, newest=True
    )
    clears = journal.window(connection, run, [StateCleared.kind], ranges, upto=upto, limit=limit, newest=True)
    return sorted((*changes, *clears), key=lambda record: record.seq)[-limit:]


def _in_force(ranges: Ranges, upto: int | None, column: str = "seq") -> tuple[str, tuple[int, ...]]:
    """A condition for the events of a history, and its values."""
    parts: list[str] = []
    values: list[int] = []
    for first, last in ranges:
        if upto is None or first <= upto:
            parts.append(f"{column}>=? AND {column}<=?")
            values += (first, limit_of(last, upto))
    return f"({' OR '.join(parts) or '0'})", tuple(values)


def length(ranges: Ranges, last_seq: int) -> int:
    """How many events a history has."""
    return sum(max(0, limit_of(last, last_seq) - first + 1) for first, last in ranges)
