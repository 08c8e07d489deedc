"""Reading and appending the events of runs.

Belongs here: rows of `events` and `blobs` to `Record`s and back, the ranges that make an attempt's
history, windows, snapshots. Never: what an event means (`folds/`), the projections (`runs.py`,
`requests.py`), or who may append (the lease check is the caller's first statement).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import StoreDamaged
from .events import DECODERS, AttemptBegan, Began, Ended, Record, decode_event, encode_event
from .folds.outline import Outline
from .marks import marks

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

BLOB_BYTES = 32 * 1024
"""Events whose text is longer than this are stored in `blobs`, once for each content."""

Ranges = list[tuple[int, int | None]]
"""Which events of a run are its present history: inclusive ranges of `seq`, the last one open."""

WHOLE: Ranges = [(1, None)]

_ranges = msgspec.json.Decoder(list[tuple[int, int | None]])

_INSERT = """INSERT INTO events(run, seq, kind, name, line, at, data, blob, mark, parent, score)
    VALUES (?,?,?,?,?,?,?,?,?,?,?)"""
_COLUMNS = "seq, kind, line, at, data, blob"
INDEXED = "kind NOT IN ('began', 'ended')"
"""The rows in the index by kind. Operations are not in it: they are most of the events, and read by place."""

Row = tuple[
    str, int, str, str | None, int, float, str | None, str | None, int | None, str | None, float | None,
]  # fmt: skip


def encode_ranges(ranges: Ranges) -> str:
    """The text of the `runs.history` column."""
    return msgspec.json.encode(ranges).decode()


def decode_ranges(text: str) -> Ranges:
    """The ranges that `encode_ranges` wrote."""
    return _ranges.decode(text)


def cut(ranges: Ranges, keep: int, goes_on: int) -> Ranges:
    """The history that forgets everything from `keep` on and continues with the event `goes_on`."""
    kept: Ranges = []
    for first, last in ranges:
        if first >= keep:
            break
        kept.append((first, keep - 1 if last is None or last >= keep else last))
    return [*kept, (goes_on, None)]


def ranges_at(connection: sqlite3.Connection, run: str, at: int) -> Ranges:
    """What the history was when the event `at` was recorded: the attempts that had begun by then."""
    ranges: Ranges = WHOLE
    for record in window(connection, run, [AttemptBegan.kind], upto=at):
        event = record.event
        if isinstance(event, AttemptBegan):
            ranges = cut(ranges, event.keep, record.seq)
    return ranges


def event_row(run: str, record: Record) -> tuple[Row, bytes | None]:
    """The row of an event, and the content for `blobs` when it is too long for the row."""
    text = encode_event(record.event)
    event = record.event
    name, mark, parent, score = marks(event)
    if len(text) <= BLOB_BYTES:
        return (run, record.seq, event.kind, name, record.line, record.at, text, None, mark, parent, score), None
    content = text.encode()
    key = hashlib.blake2b(content, digest_size=16).hexdigest()
    return (run, record.seq, event.kind, name, record.line, record.at, None, key, mark, parent, score), content


def insert(connection: sqlite3.Connection, rows: Sequence[tuple[Row, bytes | None]]) -> None:
    """Writes rows made by `event_row`; a `(run, seq)` that exists already is an integrity error."""
    for row, content in rows:
        if content is not None:
            connection.execute("INSERT OR IGNORE INTO blobs(hash, bytes) VALUES (?,?)", (row[7], content))
        connection.execute(_INSERT, row)


def moment(connection: sqlite3.Connection, run: str, now: float) -> float:
    """`now`, or when the run's newest event was recorded if that is later: time never runs back in a journal."""
    row = connection.execute("SELECT at FROM events WHERE run=? ORDER BY seq DESC LIMIT 1", (run,)).fetchone()
    return now if row is None else max(now, row[0])


def append(connection: sqlite3.Connection, run: str, records: Iterable[Record]) -> None:
    """Appends records to a run inside the caller's transaction."""
    insert(connection, [event_row(run, record) for record in records])


def read(connection: sqlite3.Connection, run: str, ranges: Ranges = WHOLE, *, upto: int | None = None) -> list[Record]:
    """The records of a run's history in order. Raises `StoreDamaged` for a row that cannot be read."""
    records: list[Record] = []
    for first, last in ranges:
        limit = limit_of(last, upto)
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM events WHERE run=? AND seq>=? AND seq<=? ORDER BY seq", (run, first, limit)
        )
        records.extend(_records(connection, run, rows.fetchall()))
    return records


def _records(connection: sqlite3.Connection, run: str, rows: list[tuple[object, ...]]) -> list[Record]:
    """The records of many rows at once: what a replay of a long run waits for."""
    plain = cast("list[tuple[int, str, int, float, str, str | None]]", rows)
    try:
        return [Record(seq, at, line, DECODERS[kind].decode(data)) for seq, kind, line, at, data, _ in plain]
    except (msgspec.MsgspecError, KeyError, TypeError):
        # One of them is in `blobs`, or damaged.
        return [record_of(connection, run, row) for row in rows]


def window(
    connection: sqlite3.Connection,
    run: str,
    kinds: Sequence[str],
    ranges: Ranges = WHOLE,
    *,
    names: Sequence[str] = (),
    after: int = 0,
    upto: int | None = None,
    limit: int = -1,
    newest: bool = False,
) -> list[Record]:
    """Records of some kinds after a place in the history, oldest first; of those, the ones with some `names` only.

    With `newest` the limit takes the last ones instead of the first.
    """
    found: list[Record] = []
    named = f" AND name IN ({','.join('?' * len(names))})" if names else ""
    order = "DESC" if newest else "ASC"
    apart = [kind for kind in kinds if kind not in (Began.kind, Ended.kind)]
    together = [kind for kind in kinds if kind in (Began.kind, Ended.kind)]
    for first, last in reversed(ranges) if newest else ranges:
        left = -1 if limit < 0 else limit - len(found)
        if left == 0:
            break
        rows: list[tuple[object, ...]] = []
        # Each kind is in order in the index; all of them at once would be read to the end and sorted.
        for some in (*([kind] for kind in apart), *([together] if together else ())):
            indexed = "" if some is together else f" AND {INDEXED}"
            rows += connection.execute(
                f"""SELECT {_COLUMNS} FROM events WHERE run=? AND kind IN ({",".join("?" * len(some))}){indexed}{named}
                    AND seq>=? AND seq<=? ORDER BY seq {order} LIMIT ?""",
                (run, *some, *names, max(first, after + 1), limit_of(last, upto), left),
            ).fetchall()
        rows.sort(key=_seq, reverse=newest)
        found.extend(record_of(connection, run, row) for row in (rows if left < 0 else rows[:left]))
    return found[::-1] if newest else found


def _seq(row: tuple[object, ...]) -> int:
    return cast("int", row[0])


class News(msgspec.Struct, frozen=True):
    """A record that was appended to any run of the workspace."""

    id: int
    """Its place among all events of the workspace; grows with every commit."""
    run: str
    record: Record


def newest_id(connection: sqlite3.Connection) -> int:
    """The place of the newest event of the workspace; 0 when there is none."""
    return connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]


def newest_at(connection: sqlite3.Connection) -> float | None:
    """When the newest event of the workspace was recorded."""
    row = connection.execute("SELECT at FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else row[0]


def news(
    connection: sqlite3.Connection, after: int, kinds: Sequence[str], *, root: str | None = None, limit: int = -1
) -> list[News]:
    """Records of some kinds that were appended after a place, to any run or to those of one tree, oldest first."""
    # The `+` keeps SQLite at the newest rows: by the index on runs it would read all events of the tree each time.
    tree = "" if root is None else "AND +run IN (SELECT id FROM runs WHERE root=?)"
    rows = connection.execute(
        f"""SELECT id, run, {_COLUMNS} FROM events WHERE id>? AND +kind IN ({",".join("?" * len(kinds))}) {tree}
            ORDER BY id LIMIT ?""",
        (after, *kinds, *(() if root is None else (root,)), limit),
    ).fetchall()
    return [News(row[0], row[1], record_of(connection, row[1], row[2:])) for row in rows]


def limit_of(last: int | None, upto: int | None) -> int:
    """The last event of a range that counts."""
    ends = [end for end in (last, upto) if end is not None]
    return min(ends) if ends else 2**62


def record_of(connection: sqlite3.Connection, run: str, row: tuple[object, ...]) -> Record:
    """The record of a row with the columns `seq, kind, line, at, data, blob`."""
    seq, kind, line, at, data, blob = cast("tuple[int, str, int, float, str | None, str | None]", row)
    if data is None:
        content = connection.execute("SELECT bytes FROM blobs WHERE hash=?", (blob,)).fetchone()
        data = content[0] if content is not None else None
    try:
        if data is None:
            raise KeyError("its content is missing from blobs")
        return Record(seq, at, line, decode_event(kind, data))
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
        raise StoreDamaged(
            f"Event {seq} of run {run} ({kind}) cannot be read: {error}. The events before it are intact: "
            f"fork the run from a checkpoint before it, or restore the database from a copy."
        ) from error


# ---- snapshots

SNAPSHOT_BYTES = 100
"""How many bytes of a snapshot an event pays for, so that those of a large State do not outgrow the events."""


def save_snapshot(connection: sqlite3.Connection, run: str, outline: Outline, data: str) -> None:
    """Keeps an outline, whose text is `data`, so that a reader need not begin at the first event."""
    connection.execute(
        "INSERT OR REPLACE INTO snapshots(run, seq, operations, ended, data) VALUES (?,?,?,?,?)",
        (run, outline.seq, outline.operations, outline.kinds.get(Ended.kind, 0), data),
    )


def nearest_snapshot(
    connection: sqlite3.Connection, run: str, ranges: Ranges, upto: int, *, operations: int | None = None
) -> Outline | None:
    """The latest snapshot at or before `upto`, with at most so many `operations`, that belongs to this history.

    One at an event that is in force adds up to events that are: going back forgets ends of a history only.
    """
    few, values = ("", ()) if operations is None else (" AND operations<=?", (operations,))
    for first, last in reversed(ranges):
        if first > upto:
            continue
        rows = connection.execute(
            f"SELECT seq FROM snapshots WHERE run=? AND seq>=? AND seq<=?{few} ORDER BY seq DESC",
            (run, first, limit_of(last, upto), *values),
        )
        for (seq,) in rows:
            row = connection.execute("SELECT data FROM snapshots WHERE run=? AND seq=?", (run, seq)).fetchone()
            try:
                return msgspec.json.decode(row[0], type=Outline)
            except msgspec.MsgspecError:
                # It only saves time: an earlier one does too, and without any the events are read.
                continue
    return None


# ---- pinned sources


def pin(connection: sqlite3.Connection, text: str) -> str:
    """Keeps the text of a bundle and returns its hash."""
    key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    connection.execute("INSERT OR IGNORE INTO sources(hash, text) VALUES (?,?)", (key, text))
    return key


def pinned(connection: sqlite3.Connection, key: str) -> str:
    """The text that `pin` kept."""
    row = connection.execute("SELECT text FROM sources WHERE hash=?", (key,)).fetchone()
    if row is None:
        raise StoreDamaged(f"The pinned source {key} is missing from the database; restore it from a copy.")
    return str(row[0])
