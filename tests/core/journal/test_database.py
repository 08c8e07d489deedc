"""Opening, reading, news of commits, and the files on the disk."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.errors import StoreError
from proc_tui.core.journal import checkpoints, connections
from proc_tui.core.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".proc-tui" / "runs.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database.open(path)
    yield database
    database.close()


def put(name: str, text: str = "") -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO sources VALUES (?, ?)", (name, text))

    return work


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT hash FROM sources ORDER BY hash")]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_files_and_folder_are_for_their_owner_only_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        database = Database.open(path)
    finally:
        os.umask(before)
    database.write(put("a"))
    assert mode(path.parent) & 0o077 == 0
    assert {item.name: mode(item) for item in path.parent.iterdir()} == {
        "runs.db": 0o600,
        "runs.db-wal": 0o600,
        "runs.db-shm": 0o600,
    }
    database.close()


def test_other_peoples_rights_are_taken_from_a_database_of_ours(path: Path) -> None:
    Database.open(path).close()
    path.chmod(0o664)
    database = Database.open(path)
    database.write(put("a"))
    assert {mode(item) for item in path.parent.iterdir()} == {0o600}
    database.close()


def test_a_folder_that_existed_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Database.open(tmp_path / "runs.db").close()
    assert mode(tmp_path) == 0o755


def test_a_write_returns_what_the_work_returned_and_readers_see_it(database: Database) -> None:
    assert database.write(lambda connection: connection.execute("INSERT INTO sources VALUES ('a', '')").rowcount) == 1
    assert names(database) == ["a"]


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    database = Database.open(path)
    database.write(put("a"))
    database.close()
    assert [item.name for item in path.parent.iterdir()] == ["runs.db"]
    again = Database.open(path)
    assert names(again) == ["a"]
    again.close()


def test_a_work_that_raises_is_undone_and_its_error_is_the_callers(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        put("a")(connection)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        database.write(work)
    assert names(database) == []
    database.write(put("b"))
    assert names(database) == ["b"]


def test_a_broken_constraint_reaches_the_caller_as_it_is(database: Database) -> None:
    database.write(put("a"))
    with pytest.raises(sqlite3.IntegrityError):
        database.write(put("a"))


def test_a_work_may_not_write_through_the_database_again(database: Database) -> None:
    with pytest.raises(RuntimeError, match="use the connection it was given"):
        database.write(lambda _: database.write(put("inner")))
    database.write(put("a"))
    assert names(database) == ["a"]


@pytest.mark.parametrize(
    ("durability", "sync", "level"), [("full", True, 2), ("full", False, 1), ("fast", True, 1), ("fast", False, 1)]
)
def test_only_a_commit_that_must_be_on_the_disk_waits_for_it(
    path: Path, durability: str, sync: bool, level: int
) -> None:
    database = Database.open(path, durability="full" if durability == "full" else "fast")
    for _ in range(2):
        assert database.write(lambda c: c.execute("PRAGMA synchronous").fetchone(), sync=sync) == (level,)
    database.close()


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError), database.read() as connection:
        put("a")(connection)
    assert names(database) == []


def test_a_reader_left_in_a_transaction_or_a_statement_holds_nothing_up(database: Database) -> None:
    for index in range(3):
        database.write(put(str(index)))
    with database.read() as connection:
        unread = connection.execute("SELECT hash FROM sources")
        unread.fetchone()
    with pytest.raises(sqlite3.ProgrammingError):
        unread.fetchone()
    database.write(put("more"))
    assert database._checkpoints is not None
    assert database._checkpoints.copy()
    assert not connection.in_transaction
    with database.read() as again:
        assert again is connection


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM sources").fetchone() == (0,)
        database.write(put("a"))
        assert connection.execute("SELECT count(*) FROM sources").fetchone() == (0,)
    assert names(database) == ["a"]


def test_nested_readers_are_different_connections(database: Database) -> None:
    with database.read() as one, database.read() as two:
        assert one is not two


def test_the_data_version_changes_with_every_commit_of_anybody(database: Database, path: Path) -> None:
    first = database.data_version()
    assert database.data_version() == first
    database.write(put("a"))
    second = database.data_version()
    assert second != first
    script = (
        "import sqlite3, sys\n"
        "with sqlite3.connect(sys.argv[1]) as connection:\n"
        "    connection.execute(\"INSERT INTO sources VALUES ('b', '')\")"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)
    assert database.data_version() != second
    assert names(database) == ["a", "b"]


def test_listeners_hear_of_every_commit_and_of_no_failure(database: Database) -> None:
    heard: list[list[str]] = []
    unlisten = database.listen(lambda: heard.append(names(database)))
    database.write(put("a"))
    with pytest.raises(ZeroDivisionError):
        database.write(lambda _: 1 // 0)
    assert heard == [["a"]]
    unlisten()
    database.write(put("b"))
    assert heard == [["a"]]


def test_a_listener_may_write(database: Database) -> None:
    unlisten = database.listen(lambda: (unlisten(), database.write(put("from the listener")))[0])
    database.write(put("a"))
    assert names(database) == ["a", "from the listener"]


def test_a_listener_that_fails_is_logged_and_the_write_is_done(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.listen(lambda: [][0])
    database.write(put("a"))
    assert "a listener to the commits of" in caplog.text
    assert names(database) == ["a"]


def test_the_same_file_is_known_by_another_name(database: Database, path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path.parent)
    other = Database.open(tmp_path / "link" / "runs.db")
    assert (other.path, other.file_id) == (database.path, database.file_id)
    other.close()


def test_a_closed_database_says_so_and_closes_twice(path: Path) -> None:
    database = Database.open(path)
    database.close()
    database.close()
    for use in (lambda: database.write(put("a")), lambda: names(database), database.data_version):
        with pytest.raises(StoreError, match="was closed"):
            use()


def test_without_create_a_missing_file_is_an_error_and_stays_missing(path: Path) -> None:
    with pytest.raises(StoreError, match="no journal here"):
        Database.open(path, create=False)
    assert not path.parent.exists()


def test_an_empty_file_counts_as_new(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    database = Database.open(path, create=False)
    database.write(put("a"))
    assert names(database) == ["a"]
    database.close()


def test_a_strange_path_is_no_uri(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=memory#%41;ü" / "runs.db"
    Database.open(path).close()
    assert path.stat().st_size > 0


def test_without_shared_memory_the_rollback_journal_is_used_and_a_note_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite's unix-dotfile file system has no shared memory, as a network file system has none.
    plain = connections.address
    monkeypatch.setattr(connections, "address", lambda path: plain(path) + "&vfs=unix-dotfile")
    database = Database.open(path, durability="fast")
    assert not database.wal
    assert "Another place for the database can be configured" in database.notes[0]
    database.write(put("a"), sync=False)
    assert database.write(lambda c: c.execute("PRAGMA synchronous").fetchone(), sync=False) == (2,)
    assert names(database) == ["a"]
    database.close()
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_local_file_needs_no_note(database: Database) -> None:
    assert database.wal
    assert database.notes == []


def test_a_long_log_is_copied_while_writing_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "LOG_PAGES", 20)
    database = Database.open(path, durability="fast")
    for index in range(100):
        database.write(put(str(index), "x" * 40_000))
    assert eventually(lambda: path.stat().st_size > 2_000_000)
    database.close()


def test_a_long_log_is_copied_in_a_quiet_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "QUIET_SECONDS", 0.005)
    monkeypatch.setattr(checkpoints, "LOG_PAGES", 3)
    database = Database.open(path)
    database.write(put("a", "x" * 100_000))
    database.write(put("b", "x" * 100_000))
    assert eventually(lambda: path.stat().st_size > 200_000)
    database.close()


def test_a_few_large_works_make_a_long_log_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "QUIET_SECONDS", 0.005)
    monkeypatch.setattr(checkpoints, "LOG_BYTES", 100_000)
    database = Database.open(path)
    for index in range(4):
        database.write(put(str(index), "x" * 100_000))
    assert eventually(lambda: path.stat().st_size > 200_000)
    database.close()


def test_copying_that_fails_is_logged_and_tried_again_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checkpoints, "LOG_PAGES", 3)
    monkeypatch.setattr(checkpoints, "QUIET_SECONDS", 0.005)
    database = Database.open(path)
    copying = database._checkpoints
    assert copying is not None
    connect = copying._connect

    def fail() -> sqlite3.Connection:
        raise OSError("too many open files")

    copying._connect = fail
    database.write(put("a", "x" * 100_000))
    assert eventually(lambda: "could not be copied" in caplog.text)
    copying._connect = connect
    database.write(put("b", "x" * 100_000))
    assert eventually(lambda: path.stat().st_size > 200_000)
    database.close()


def test_an_open_reader_delays_the_copying_but_no_commit(database: Database) -> None:
    assert database._checkpoints is not None
    database.write(put("a"))
    with database.read() as connection:
        connection.execute("SELECT * FROM sources").fetchall()
        database.write(put("b"))
        assert not database._checkpoints.copy()
        database.write(put("c"))
    assert database._checkpoints.copy()
    assert names(database) == ["a", "b", "c"]
