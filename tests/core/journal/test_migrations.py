"""The schema, its version, and whose file it is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.errors import StoreError, StoreVersion
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.events import (
    Began,
    Ended,
    Logged,
    MessageAppended,
    NodeCreated,
    NodeMetadataSet,
    Notified,
    Record,
    Requested,
    Responded,
    StateSet,
)
from proc_tui.core.journal.journal import event_row
from proc_tui.core.journal.marks import marks
from proc_tui.core.journal.migrations import APPLICATION_ID, MIGRATIONS, migrate

NEWEST = MIGRATIONS[-1][0]
TABLES = {
    "alerts",
    "answers",
    "blobs",
    "events",
    "inbox",
    "partials",
    "requests",
    "runs",
    "snapshots",
    "sources",
    "waits",
} | {"editing", "usage", "workers"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_a_new_file_has_every_table_strict_and_carries_our_mark(path: Path) -> None:
    database = Database.open(path)
    with database.read() as connection:
        rows = connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'"
        ).fetchall()
        assert dict(rows) == dict.fromkeys(TABLES, 1)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    database.close()


def test_the_versions_rise_one_by_one() -> None:
    assert [step for step, _ in MIGRATIONS] == list(range(1, NEWEST + 1))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT 1 FROM events WHERE run = 'r' AND kind = 'k' AND kind NOT IN ('began', 'ended')", "events_by_kind"),
        ("SELECT * FROM events WHERE run = 'r' AND seq > 5 ORDER BY seq", "sqlite_autoindex_events_1"),
        ("SELECT * FROM events WHERE id > 7", "INTEGER PRIMARY KEY"),
        ("SELECT id FROM runs WHERE wake_at <= 9 ORDER BY wake_at", "runs_to_wake"),
        ("SELECT min(wake_at) FROM runs WHERE wake_at IS NOT NULL", "runs_to_wake"),
        ("SELECT id FROM runs WHERE status = 's' ORDER BY updated_at DESC", "runs_by_status"),
        ("SELECT id FROM runs WHERE procedure = 'p' ORDER BY created_at", "runs_by_procedure"),
        ("SELECT id FROM runs WHERE parent = 'p'", "runs_by_parent"),
        ("SELECT id FROM runs WHERE root = 'p'", "runs_by_root"),
        ("SELECT id FROM runs WHERE owner = 'o'", "runs_by_owner"),
        ("SELECT id FROM requests WHERE status = 's' ORDER BY deadline, created_at", "requests_by_status"),
        ("SELECT id FROM requests WHERE run = 'r'", "requests_by_run"),
        ("SELECT * FROM answers WHERE request = 'r' ORDER BY id", "answers_by_request"),
        ("SELECT * FROM inbox WHERE run = 'r' ORDER BY id", "inbox_by_run"),
        ("SELECT run FROM waits WHERE child = 'c'", "waits_by_child"),
    ],
)
def test_each_common_question_is_one_search_of_an_index_without_sorting(path: Path, query: str, index: str) -> None:
    connection = sqlite3.connect(path)
    migrate(connection, path)
    plan = " | ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    connection.close()
    assert "SEARCH" in plan
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_opening_again_changes_nothing(path: Path) -> None:
    Database.open(path).close()
    before = path.read_bytes()
    Database.open(path).close()
    assert path.read_bytes() == before


def test_a_later_step_is_applied_to_an_older_file_once(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    steps = [
        (1, "CREATE TABLE a (x);\nCREATE TABLE b (x);\n"),
        (2, "CREATE TRIGGER t INSERT ON a BEGIN\n  DELETE FROM b;\nEND;"),
    ]
    assert migrate(connection, path, steps[:1]) == 0
    assert migrate(connection, path, steps) == 1
    assert migrate(connection, path, steps) == 2
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")] == ["a", "b", "t"]
    connection.close()


def test_a_step_that_fails_leaves_the_version_before_it(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    steps = [(1, "CREATE TABLE a (x);"), (2, "CREATE TABLE b (x);\nCREATE TABLE a (x);")]
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection, path, steps)
    assert not connection.in_transaction
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")] == ["a"]
    connection.close()
    assert version(path) == 1


def test_processes_that_open_a_new_file_at_once_all_succeed(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from proc_tui.core.journal.database import Database\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "database = Database.open(Path(sys.argv[1]))\n"
        "database.write(lambda c: c.execute('INSERT INTO waits VALUES (?, ?)', sys.argv[1:]))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, path, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    database = Database.open(path)
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM waits").fetchone() == (4,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    Database.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersion, match=f"version {NEWEST + 1}.*up to {NEWEST}.*Upgrade proc-tui"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_newer_program_that_comes_while_this_one_is_open_is_not_written_over(path: Path) -> None:
    database = Database.open(path)
    database.write(lambda connection: connection.execute("INSERT INTO sources VALUES ('a', 'a')"))
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {NEWEST + 1}")
    newer.close()
    with pytest.raises(StoreVersion, match="Upgrade proc-tui"):
        database.write(lambda connection: connection.execute("INSERT INTO sources VALUES ('b', 'b')"))
    with database.read() as connection:
        assert connection.execute("SELECT hash FROM sources").fetchall() == [("a",)]
    database.close()


@pytest.mark.parametrize("mark", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"])
def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path, mark: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(mark)
    connection.commit()
    connection.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        Database.open(path)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_old_sqlite_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StoreError, match=r"needs 3\.37\.0 or later"):
        Database.open(path)


def test_what_windows_need_is_made_for_the_events_of_an_older_file(path: Path) -> None:
    score: Any = {"score": 2}
    events = [
        Logged("warn", "x"), Logged("info", "x" * 40_000), Notified("n"), StateSet("k", 1), Began("step", "s"),
        Ended("step", "s", opened=True), Ended("step", "t"), NodeCreated("node-1", "c", score),
        NodeCreated("node-2", "c" * 40_000, {"score": "high"}, "node-1"), NodeMetadataSet("node-1", "score", 1.5),
        NodeMetadataSet("node-1", "score", None), NodeMetadataSet("node-1", "other", 3), MessageAppended("USER", "hi"),
        Requested("r.14", "approval", "m"), Responded("r.14", {"approved": True}),
    ]  # fmt: skip
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, MIGRATIONS[:1])
    for seq, event in enumerate(events, 1):
        row, content = event_row("r", Record(seq, float(seq), 0, event))
        label = None if isinstance(event, (Logged, Notified)) else event.label
        connection.execute(
            "INSERT INTO events(run, seq, kind, name, line, at, data, blob) VALUES (?,?,?,?,?,?,?,?)",
            (*row[:3], label, *row[4:8]),
        )
        if content is not None:
            connection.execute("INSERT INTO blobs(hash, bytes) VALUES (?,?)", (row[7], content))
    connection.execute("INSERT INTO events(run, seq, kind, at, data) VALUES ('r', 99, 'ended', 99.0, 'damaged')")
    connection.execute("INSERT INTO snapshots(run, seq, data) VALUES ('r', 5, '{}')")
    connection.execute(
        "INSERT INTO runs(id, root, procedure, source, status, created_at, updated_at) VALUES "
        "('r', 'r', 'it', 's', 'COMPLETED', 1.0, 1.0)"
    )
    for name, decision in (("r.1", "Approve"), ("r.2", "Reject")):
        connection.execute(
            "INSERT INTO requests(id, run, seq, type, data, status, created_at, resolved_at) VALUES "
            "(?, 'r', 1, 'review', '{}', 'answered', 1.0, 2.0)",
            (name,),
        )
        data = f'{{"answer": {{"decision": "{decision}"}}, "audit": {{}}}}'
        connection.execute("INSERT INTO answers(request, \"by\", at, data) VALUES (?, 'ann', 2.0, ?)", (name, data))
    connection.close()
    database = Database.open(path)
    with database.read() as reader:
        rows = reader.execute("SELECT name, mark, parent, score FROM events WHERE seq<99 ORDER BY seq").fetchall()
        assert rows == [marks(event) for event in events]
        assert reader.execute("SELECT count(*) FROM snapshots").fetchone() == (0,)
        found = reader.execute("SELECT id, procedure, approved FROM requests ORDER BY id").fetchall()
        assert found == [("r.1", "it", 1), ("r.2", "it", 0)]
    database.close()
