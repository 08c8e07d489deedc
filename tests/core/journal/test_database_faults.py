"""What happens when the disk, the file or another process does not play along; with real ones wherever possible."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.sqlite_errors import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = """
import os, resource, sqlite3, sys
from pathlib import Path
from proc_tui.core.errors import *
from proc_tui.core.journal.database import Database
path = Path(sys.argv[1])
def put(name, text=""):
    return lambda connection: connection.execute("INSERT INTO sources VALUES (?, ?)", (name, text)) and None
def names(database):
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT hash FROM sources ORDER BY hash")]
def ready():
    print("ready", flush=True)
    sys.stdin.readline()
"""

HOLD = "connection = sqlite3.connect(path, isolation_level=None); connection.execute('BEGIN IMMEDIATE'); ready()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database.open(path, busy_seconds=0.05)
    yield database
    database.close()


def put(name: str, text: str = "") -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO sources VALUES (?, ?)", (name, text))

    return work


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT hash FROM sources ORDER BY hash")]


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has come to its `ready()` and waits there for the end of the block."""
    command = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.communicate("go on\n")


def output(script: str, *arguments: object) -> str:
    command = [sys.executable, "-c", HEAD + script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---- another process


def test_a_lock_held_elsewhere_is_waited_for_and_then_named(database: Database, path: Path) -> None:
    database.write(put("before"))
    with process(HOLD, path):
        with pytest.raises(StoreBusy, match=f"{path}: another program holds the database locked.*Nothing.*lost"):
            database.write(put("refused"))
        assert names(database) == ["before"]
    database.write(put("after"))
    assert names(database) == ["after", "before"]


def test_a_lock_released_in_time_costs_only_time(path: Path) -> None:
    database = Database.open(path, busy_seconds=10)
    with ThreadPoolExecutor(1) as pool:
        with process(HOLD, path):
            writing = pool.submit(database.write, put("a"))
            while not database._writer._lead.locked():
                time.sleep(0.0005)
            assert not writing.done()
        writing.result(10)
    assert names(database) == ["a"]
    database.close()


def test_those_who_queue_behind_a_lock_wait_once_and_not_one_after_the_other(path: Path) -> None:
    database = Database.open(path, busy_seconds=0.1)
    with process(HOLD, path), ThreadPoolExecutor(20) as pool:
        begun = time.monotonic()
        writing = [pool.submit(database.write, put(str(number))) for number in range(20)]
        assert [type(future.exception(10)) for future in writing] == [StoreBusy] * 20
        assert time.monotonic() - begun < 0.4
    database.close()


def test_opening_a_new_file_that_is_locked_says_so_and_works_later(path: Path) -> None:
    path.touch()
    with process(HOLD.replace("IMMEDIATE", "EXCLUSIVE"), path), pytest.raises(StoreBusy):
        Database.open(path, busy_seconds=0.02)
    Database.open(path).close()


def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    database = Database.open(path)
    script = """
database = Database.open(path); ready()
for number in range(40):
    database.write(put(f"theirs {number}"))
database.close()
"""
    with process(script, path) as other:
        assert other.stdin is not None
        other.stdin.write("go on\n")
        other.stdin.flush()
        for number in range(40):
            database.write(put(f"ours {number}"))
    assert other.returncode == 0
    assert len(names(database)) == 80
    database.close()


@pytest.mark.kill
def test_what_a_killed_process_was_told_is_committed_is_there(path: Path) -> None:
    script = """
from proc_tui.core.journal import checkpoints
checkpoints.LOG_PAGES = 20
database = Database.open(path); ready()
for number in range(10**6):
    database.write(put(f"{number:07}", "x" * 3000))
    os.write(1, f"{number}\\n".encode())
"""
    for round_ in range(5):
        place = path.with_name(f"{round_}.db")
        command = [sys.executable, "-c", HEAD + script, str(place)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(b"go on\n")
            running.stdin.flush()
            lines = [running.stdout.readline() for _ in range(2 + 150 * round_)]
            running.send_signal(signal.SIGKILL)
            told = int([*lines, *running.stdout.read().split()][-1])
        database = Database.open(place)
        assert len(names(database)) in (told + 1, told + 2)
        with database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


# ---- no room


def limit(database: Database, pages: int) -> None:
    database._writer.connection().execute(f"PRAGMA max_page_count = {pages}")


def pages(database: Database) -> int:
    return database._writer.connection().execute("PRAGMA page_count").fetchone()[0]


def test_a_full_disk_is_named_and_writing_goes_on_when_there_is_room(database: Database) -> None:
    database.write(put("before"))
    limit(database, pages(database) + 3)
    for _ in range(2):
        with pytest.raises(StoreFull, match=r"no room left.*Nothing that was committed is lost"):
            database.write(put("too big", "x" * 100_000))
    database.write(put("small"))
    limit(database, 10_000)
    database.write(put("too big", "x" * 100_000))
    assert names(database) == ["before", "small", "too big"]


def test_on_a_full_disk_exactly_those_who_were_told_so_are_written(database: Database) -> None:
    limit(database, pages(database) + 30)

    def write(number: int) -> str | None:
        name = f"{number:02}"
        try:
            database.write(put(name, "x" * (50_000 if number % 3 == 0 else 500)))
        except StoreFull:
            return None
        return name

    with ThreadPoolExecutor(30) as pool:
        told = [name for name in pool.map(write, range(30)) if name is not None]
    assert names(database) == told
    assert 0 < len(told) < 30


def test_a_limit_on_the_size_of_files_is_survived(path: Path) -> None:
    script = """
database = Database.open(path)
database.write(put("before"))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    database.write(put("refused", "x" * 1_000_000))
except StoreError as error:
    print(error.code)
database.write(put("small"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
database.write(put("after", "x" * 1_000_000))
print(*names(database))
database.close()
"""
    assert output(script, path).split("\n") == ["STO-001", "after before small"]


def test_a_small_disk_that_fills_up_is_survived(tmp_path: Path) -> None:
    script = """
import subprocess
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], capture_output=True).returncode:
    sys.exit("cannot mount")
database = Database.open(path / "runs.db")
ballast = path / "ballast"
ballast.write_bytes(b"x" * 500_000)
told = []
try:
    for number in range(1000):
        database.write(put(f"{number:04}", "x" * 5000))
        told.append(f"{number:04}")
except StoreFull as error:
    print(error.code)
print(names(database) == told, len(told) > 10)
ballast.unlink()
database.write(put("after"))
print(names(database) == [*told, "after"])
database.close()
"""
    command = ["unshare", "--mount", sys.executable, "-c", HEAD + script, str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare(1) here")
    if "cannot mount" in done.stderr or done.stderr.startswith("unshare:"):
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    assert done.stdout.split() == ["STO-003", "True", "True", "True"], done.stderr


# ---- no right to write


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, and chmod does not stop root")
def test_another_users_database_is_read_only_or_closed(tmp_path: Path) -> None:
    script = """
nobody = 65534
place = Path(os.path.realpath("/tmp")) / f"proc-tui-test-{os.getpid()}"
place.mkdir(0o755)
try:
    path = place / "runs.db"
    mine = Database.open(path)
    mine.write(put("a"))
    os.seteuid(nobody)
    def attempt(what):
        try:
            what()
        except StoreError as error:
            print(error.code, "Nothing that was committed is lost" in str(error) or "See who may write" in str(error))
    attempt(lambda: Database.open(path))
    attempt(lambda: Database.open(place / "other.db"))
    attempt(lambda: Database.open(place / "sub" / "other.db"))
    os.seteuid(0)
    for item in place.iterdir():
        item.chmod(0o644)
    os.seteuid(nobody)
    theirs = Database.open(path)
    print(*names(theirs))
    attempt(lambda: theirs.write(put("b")))
    os.seteuid(0)
    theirs.write(put("c"))
    print(*names(theirs))
    theirs.close()
    mine.close()
finally:
    os.seteuid(0)
    import shutil
    shutil.rmtree(place)
"""
    lines = output(script, tmp_path).split("\n")
    assert lines == ["STO-004 True"] * 3 + ["a", "STO-004 True", "a c"]


def test_a_connection_that_became_read_only_is_opened_again(database: Database) -> None:
    database._writer.connection().execute("PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnly):
        database.write(put("a"))
    database.write(put("b"))
    assert names(database) == ["b"]


# ---- damage


def fill(path: Path) -> None:
    database = Database.open(path, durability="fast")
    for number in range(60):
        database.write(put(f"{number:02}", "x" * 3000))
    database.close()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    for content in (b"x", b"hello, this is a text file\n" * 100, b"SQLite format 3\0" + b"\xff" * 4096):
        path.write_bytes(content)
        with pytest.raises(StoreDamaged, match=r"damaged.*copy the file|no database"):
            Database.open(path)
        assert path.read_bytes() == content


def test_a_truncated_file_is_refused(path: Path) -> None:
    fill(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreDamaged):
        Database.open(path)


def test_a_folder_in_the_files_place_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="is not a file"):
        Database.open(path)


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreReadOnly, match=r"Not a directory|File exists"):
        Database.open(tmp_path / "file" / "runs.db")


def texts(database: Database) -> int:
    with database.read() as reader:
        return reader.execute("SELECT sum(length(text)) FROM sources").fetchone()[0]


def test_a_damaged_page_is_named_and_the_rest_is_still_readable(path: Path) -> None:
    fill(path)
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sources'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    database = Database.open(path)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=f"{path}: the database is damaged.*recover"):
            texts(database)
        with pytest.raises(StoreDamaged):
            database.write(put("a"))
    with database.read() as reader:
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (0,)
    database.write(lambda c: c.execute("INSERT INTO blobs VALUES ('a', x'00')").rowcount)
    database.close()


def test_a_torn_end_of_the_log_costs_only_what_was_not_committed(path: Path) -> None:
    database = Database.open(path)
    database.write(put("a"))
    files = {item.name: item.read_bytes() for item in path.parent.iterdir() if item.suffix != ".db-shm"}
    database.close()
    copy = path.with_name("copy.db")
    copy.write_bytes(files["runs.db"])
    copy.with_name("copy.db-wal").write_bytes(files["runs.db-wal"] + b"\x55" * 5000)
    database = Database.open(copy)
    assert names(database) == ["a"]
    database.close()


def test_a_file_that_was_removed_or_replaced_is_not_written_to_until_it_is_back(database: Database, path: Path) -> None:
    database.write(put("a"))
    away = path.with_name("away")
    path.rename(away)
    for _ in range(2):
        with pytest.raises(StoreError, match="removed, moved or replaced"):
            database.write(put("lost"))
    with pytest.raises(StoreError, match="removed, moved or replaced"):
        names(database)
    path.touch()
    with pytest.raises(StoreError, match="removed, moved or replaced"):
        database.write(put("lost"))
    away.rename(path)
    database.write(put("b"))
    assert names(database) == ["a", "b"]


def test_a_statement_left_open_on_the_writer_is_got_over(database: Database, path: Path) -> None:
    database.write(put("a"))
    database.write(put("b"))
    left = database.write(lambda connection: connection.execute("SELECT * FROM sources"))
    left.fetchone()
    output("database = Database.open(path); database.write(put('theirs')); database.close()", path)
    with pytest.raises(StoreBusy):
        database.write(put("c"))
    database.write(put("c"))
    assert names(database) == ["a", "b", "c", "theirs"]


# ---- the texts


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_BUSY", StoreBusy),
        ("SQLITE_BUSY_SNAPSHOT", StoreBusy),
        ("SQLITE_LOCKED", StoreBusy),
        ("SQLITE_PROTOCOL", StoreBusy),
        ("SQLITE_FULL", StoreFull),
        ("SQLITE_READONLY", StoreReadOnly),
        ("SQLITE_READONLY_CANTINIT", StoreReadOnly),
        ("SQLITE_CANTOPEN", StoreReadOnly),
        ("SQLITE_PERM", StoreReadOnly),
        ("SQLITE_CORRUPT", StoreDamaged),
        ("SQLITE_CORRUPT_INDEX", StoreDamaged),
        ("SQLITE_NOTADB", StoreDamaged),
        ("SQLITE_IOERR_SHORT_READ", StoreDamaged),
        ("SQLITE_IOERR_FSYNC", StoreError),
        ("SQLITE_IOERR_WRITE", StoreError),
        ("SQLITE_READONLY_DBMOVED", StoreError),
    ],
)
def test_every_failure_of_the_disk_is_an_error_for_people(name: str, kind: type[StoreError]) -> None:
    error = sqlite3.OperationalError("raw")
    error.sqlite_errorcode = getattr(sqlite3, name)
    error.sqlite_errorname = name
    translated = translate(error, Path("/x/runs.db"))
    assert type(translated) is kind
    assert str(translated).startswith("/x/runs.db: ")
    assert translated.__cause__ is error


@pytest.mark.parametrize("error", [ValueError("x"), sqlite3.ProgrammingError("x"), sqlite3.IntegrityError("x")])
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    assert translate(error, Path("runs.db")) is error
