"""How a journal's file is made and opened: permissions, pragmas, the journal mode.

Belongs here: one connection at a time. Never: sharing connections between threads, or what is in the tables.

Never open the database file or its -shm file by other means than SQLite while a connection is open: closing
such a descriptor drops every lock that this process holds on the file (POSIX). `stat` and `chmod` are harmless.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from ..errors import StoreDamaged, StoreError, StoreFull, StoreReadOnly
from .sqlite_errors import ELSEWHERE

if TYPE_CHECKING:
    from pathlib import Path

C = TypeVar("C", bound=sqlite3.Connection)

LOG_BYTES = 16 * 1024 * 1024
"""What the write-ahead log's file is cut to when it begins anew."""
SMALLEST = 512
"""Bytes of the smallest database there can be; SQLite would take a shorter file for an empty one and overwrite it."""

_PRAGMAS = (
    "wal_autocheckpoint = 0",
    f"journal_size_limit = {LOG_BYTES}",
    "mmap_size = 0",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)


class Reader(sqlite3.Connection):
    """A connection that can be left clean: it knows the cursors that were opened on it."""

    if TYPE_CHECKING:
        _cursors: list[sqlite3.Cursor]
    else:

        def __init__(self, *args, **options):
            self._cursors = []
            super().__init__(*args, **options)

        def cursor(self, *args, **options):
            """As in the base class."""
            cursor = super().cursor(*args, **options)
            self._cursors.append(cursor)
            return cursor

        def execute(self, *args):
            """As in the base class."""
            cursor = super().execute(*args)
            self._cursors.append(cursor)
            return cursor

    def settle(self) -> bool:
        """Ends every statement and transaction, so that the log can be copied; False when that was not possible."""
        try:
            for cursor in self._cursors:
                cursor.close()
            if self.in_transaction:
                self.execute("ROLLBACK").close()
        except sqlite3.Error:
            return False
        finally:
            self._cursors.clear()
        return True


def make_file(path: Path, *, create: bool) -> None:
    """Sees that there is a file; a new one, and its folder, are for their owner only."""
    try:
        if create:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.parent.chmod(0o700)
            with suppress(FileExistsError):
                new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                os.fchmod(new, 0o600)
                os.close(new)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{path} is not a file; configure another place for the journal")
        if 0 < status.st_size < SMALLEST:
            raise StoreDamaged(
                f"{path} is no database, or the rest of one: it has {status.st_size} bytes. Move it away."
            )
    except FileNotFoundError as error:
        raise StoreError(f"{path}: there is no journal here") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                f"{path}: there is no room for a new database ({error.strerror}). Free some space."
            ) from error
        raise StoreReadOnly(
            f"{path}: the database or its folder cannot be made or read ({error.strerror}). "
            f"See who may write there. {ELSEWHERE}"
        ) from error


def make_private(path: Path) -> None:
    """Takes other people's rights from a database that is ours, and from the files beside it."""
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        with suppress(FileNotFoundError):
            status = name.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o077:
                name.chmod(0o600)


def file_id(path: Path | str) -> tuple[int, int] | None:
    """Device and inode of a file: the same for every name of the same file. None when there is no such file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on the path of every commit, where `Path.stat` is twice as slow
    except OSError:
        return None
    return status.st_dev, status.st_ino


def address(path: Path) -> str:
    """The URI by which SQLite opens an existing file; it never makes one."""
    return path.as_uri() + "?mode=rw"


def connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection that writes; transactions are begun and ended by hand.

    `busy_seconds` is how long SQLite itself waits for locks: 0 for a caller that does.
    """
    connection = _connect(path, busy_seconds, sqlite3.Connection)
    connection.execute("PRAGMA cache_size = -8000")
    return connection


def connect_reader(path: Path, busy_seconds: float) -> Reader:
    """A connection that refuses to write."""
    reader = _connect(path, busy_seconds, Reader)
    reader.execute("PRAGMA cache_size = -2000")
    reader.execute("PRAGMA query_only = ON")
    reader.settle()
    return reader


def _connect(path: Path, busy_seconds: float, factory: type[C]) -> C:
    connection = sqlite3.connect(
        address(path),
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        factory=factory,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def choose_log(connection: sqlite3.Connection, busy_seconds: float) -> bool:
    """Turns the write-ahead log on; False, with the rollback journal instead, where the file system cannot have it."""
    # SQLite does not wait by itself when two processes turn the log on at once.
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            if _journal_mode(connection, "wal") == "wal":
                return True
            _journal_mode(connection, "delete")
            return False
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _journal_mode(connection: sqlite3.Connection, wanted: str) -> str:
    row: tuple[str] = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    return row[0].lower()
