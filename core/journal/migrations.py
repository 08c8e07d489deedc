"""The schema of the journal's database, as the steps that lead to it.

A step, once released, is never edited: a new version is a new step at the end, and golden journals of every
version are opened in the tests. Belongs here: SQL that makes or changes tables, and the version check. Never:
queries.

`events` is the truth; every other table is a projection of it, or holds what came from outside and is not in
the journal yet.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ..errors import StoreError, StoreVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APPLICATION_ID = 0x70747569
"""The letters `ptui` in the file's header, by which the database is known as ours."""

OLDEST_SQLITE = (3, 37, 0)
"""The first SQLite with STRICT tables."""

_FIRST = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    line INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL,
    data TEXT,
    blob TEXT,
    UNIQUE (run, seq)
) STRICT;
CREATE INDEX events_by_kind ON events (run, kind, seq) WHERE kind NOT IN ('began', 'ended');

CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    root TEXT NOT NULL,
    parent TEXT,
    depth INTEGER NOT NULL DEFAULT 0,
    procedure TEXT NOT NULL,
    version TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL DEFAULT '',
    path TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until REAL,
    wake_at REAL,
    mail INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 1,
    history TEXT,
    stage TEXT,
    waiting TEXT,
    error TEXT,
    summary TEXT,
    starter TEXT,
    params TEXT,
    forked_from TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    ended_at REAL
) STRICT;
CREATE INDEX runs_to_wake ON runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_by_status ON runs (status, updated_at);
CREATE INDEX runs_by_procedure ON runs (procedure, created_at);
CREATE INDEX runs_by_parent ON runs (parent);
CREATE INDEX runs_by_root ON runs (root);
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;

CREATE TABLE requests (
    id TEXT PRIMARY KEY NOT NULL,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    type TEXT NOT NULL,
    point TEXT,
    message TEXT NOT NULL DEFAULT '',
    data TEXT NOT NULL,
    digest TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    deadline REAL,
    needed INTEGER NOT NULL DEFAULT 1,
    resolved_at REAL,
    resolved_by TEXT
) STRICT;
CREATE INDEX requests_by_status ON requests (status, deadline, created_at);
CREATE INDEX requests_by_run ON requests (run);

CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at REAL NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX answers_by_request ON answers (request);

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    "by" TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL
) STRICT;
CREATE INDEX inbox_by_run ON inbox (run);

CREATE TABLE waits (
    run TEXT NOT NULL,
    child TEXT NOT NULL,
    PRIMARY KEY (run, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX waits_by_child ON waits (child);

CREATE TABLE sources (hash TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE blobs (hash TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE snapshots (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    "by" TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL
) STRICT;
"""

_AGENTS = """
ALTER TABLE runs ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN cost REAL NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

CREATE TABLE partials (
    run TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
"""

_TEXT = "coalesce(data, (SELECT CAST(bytes AS TEXT) FROM blobs WHERE hash=events.blob))"
"""The text of an event, wherever it is kept."""

_INTERFACE = f"""
ALTER TABLE events ADD COLUMN mark INTEGER;
ALTER TABLE events ADD COLUMN parent TEXT;
ALTER TABLE events ADD COLUMN score REAL;
UPDATE events SET mark=1 WHERE kind IN ('message.appended', 'message.received', 'session.cleared', 'notified',
    'alerted', 'requested', 'responded', 'request.timed_out', 'request.cancelled');
UPDATE events SET mark=2 WHERE kind='began'
    OR (kind='ended' AND json_valid({_TEXT}) AND json_extract({_TEXT}, '$.opened'));
UPDATE events SET parent=coalesce(json_extract({_TEXT}, '$.parent'), ''),
    score=CASE WHEN json_type({_TEXT}, '$.metadata.score') IN ('integer', 'real')
        THEN CAST(json_extract({_TEXT}, '$.metadata.score') AS REAL) END
    WHERE kind='node.created' AND json_valid({_TEXT});
UPDATE events SET score=CASE WHEN json_type({_TEXT}, '$.value') IN ('integer', 'real')
        THEN CAST(json_extract({_TEXT}, '$.value') AS REAL) ELSE -9e999 END
    WHERE kind='node.metadata_set' AND json_valid({_TEXT}) AND json_extract({_TEXT}, '$.key')='score';
UPDATE events SET name=coalesce(json_extract({_TEXT}, '$.level'), 'info')
    WHERE kind IN ('logged', 'notified', 'alerted') AND json_valid({_TEXT});
CREATE INDEX events_said ON events (run, seq) WHERE mark=1;
CREATE INDEX events_opened ON events (run, name, seq) WHERE mark=2;
CREATE INDEX events_children ON events (run, parent, seq) WHERE parent IS NOT NULL;
CREATE INDEX events_nodes ON events (run, name, seq) WHERE kind IN ('node.created', 'node.metadata_set');
CREATE INDEX events_loud ON events (run, seq)
    WHERE kind IN ('logged', 'notified', 'alerted', 'reply.failed') AND name<>'info';

DROP TABLE snapshots;
CREATE TABLE snapshots (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    operations INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;
CREATE INDEX snapshots_by_operations ON snapshots (run, seq, operations, ended);

ALTER TABLE requests ADD COLUMN decided_at REAL;
ALTER TABLE requests ADD COLUMN decided_by TEXT;
ALTER TABLE requests ADD COLUMN effective_at REAL;
ALTER TABLE requests ADD COLUMN decides INTEGER NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN procedure TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN approved INTEGER NOT NULL DEFAULT 0;
UPDATE requests SET procedure=coalesce((SELECT procedure FROM runs WHERE runs.id=requests.run), '');
UPDATE requests SET approved=1 WHERE type='review' AND status='answered' AND EXISTS (SELECT 1 FROM answers
    WHERE request=requests.id AND json_valid(data) AND lower(json_extract(data, '$.answer.decision'))='approve');
CREATE INDEX requests_being_decided ON requests (decided_at) WHERE effective_at IS NOT NULL;
CREATE INDEX requests_approved ON requests (procedure, point, resolved_at) WHERE approved=1;
CREATE INDEX requests_by_resolution ON requests (resolved_at) WHERE resolved_at IS NOT NULL;
ALTER TABLE answers ADD COLUMN effective_at REAL;
ALTER TABLE answers ADD COLUMN undone_at REAL;
ALTER TABLE answers ADD COLUMN undone_by TEXT;

CREATE INDEX runs_at_the_top ON runs (status, updated_at) WHERE parent IS NULL;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE usage (
    quarter INTEGER PRIMARY KEY NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    cost REAL NOT NULL,
    unpriced INTEGER NOT NULL
) STRICT;
CREATE TABLE workers (
    owner TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    started_at REAL NOT NULL,
    seen_at REAL NOT NULL
) STRICT;
CREATE TABLE editing (
    request TEXT NOT NULL,
    "by" TEXT NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (request, "by", owner)
) STRICT, WITHOUT ROWID;
"""
"""What readers need of it: marks on events, answers that can be undone, who is there."""

MIGRATIONS: Sequence[tuple[int, str]] = ((1, _FIRST), (2, _AGENTS + _INTERFACE))
"""Version and SQL of every step, oldest first."""


def check(connection: sqlite3.Connection, path: Path, steps: Sequence[tuple[int, str]] = MIGRATIONS) -> int:
    """The version of the database; 0 when there is nothing in it yet. Only reads.

    Raises `StoreError` for a database of another program, `StoreVersion` for one of a newer proc-tui.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"this Python uses SQLite {sqlite3.sqlite_version}, and proc-tui needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or later; use another Python"
        )
    application, version, tables = _marks(connection)
    if application != APPLICATION_ID:
        if application or version or tables:
            raise StoreError(
                f"{path} is a database of another program; it was left as it is. "
                "Configure another place for the journal."
            )
        return 0
    _refuse_newer(version, path, steps)
    return version


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raises `StoreVersion` when a newer program brought the database to its format; cheap enough for each write."""
    _refuse_newer(_number(connection, "PRAGMA user_version"), path, MIGRATIONS)


def _refuse_newer(version: int, path: Path, steps: Sequence[tuple[int, str]]) -> None:
    newest = steps[-1][0]
    if version > newest:
        raise StoreVersion(
            f"{path} was written by a newer proc-tui: its format is version {version}, this program knows up to "
            f"{newest}. Nothing was changed. Upgrade proc-tui, or configure another place for the journal."
        )


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Application id, version and number of tables, of one moment: another process may be making them just now."""
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        application = _number(connection, "PRAGMA application_id")
        version = _number(connection, "PRAGMA user_version")
        return application, version, _number(connection, "SELECT count(*) FROM sqlite_schema")
    finally:
        if alone and connection.in_transaction:
            connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[tuple[int, str]] = MIGRATIONS) -> int:
    """Brings the database to the newest version, each step in a transaction of its own; returns the version found.

    Safe when several processes open the database at once: whoever comes second finds the step done.
    """
    found = check(connection, path, steps)
    for version, sql in steps:
        if version <= found:
            continue
        connection.execute("BEGIN EXCLUSIVE")
        try:
            if check(connection, path, steps) < version:
                for statement in _statements(sql):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return found


def _statements(sql: str) -> Iterator[str]:
    """The statements of a script whose lines end where its statements do."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _number(connection: sqlite3.Connection, sql: str) -> int:
    row: tuple[int] = connection.execute(sql).fetchone()
    return row[0]
