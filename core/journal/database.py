"""The journal's SQLite file as the rest of the program sees it: one writer, short reads, news of commits.

Belongs here: who uses which connection, and errors on their way out. Never: SQL about runs and events (that is
the store's), and no transaction that outlives a call.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar

from ..errors import StoreError
from .checkpoints import Checkpoints
from .connections import Reader, choose_log, connect, connect_reader, file_id, make_file, make_private
from .group_commit import GroupCommit
from .migrations import check, migrate, refuse_newer
from .sqlite_errors import ELSEWHERE, is_doubtful, moved, translate

T = TypeVar("T")
Durability = Literal["full", "fast"]

IDLE_READERS = 8
"""How many connections are kept open for the next reader."""

_logger = logging.getLogger(__name__)


class Database:
    """One SQLite file, open for this process; every method may be called from any thread.

    Open each file once in a process: all its writers then share commits.
    """

    def __init__(
        self, path: Path, durability: Durability, busy_seconds: float, fault: Callable[[str], None] | None
    ) -> None:
        self.path: Path = path
        """The file, absolute."""
        self.file_id: tuple[int, int] | None = file_id(path)
        """Device and inode: the same for every name of the same file."""
        self.notes: list[str] = []
        """What a person should know about this database, each a sentence or two."""
        self.wal: bool = False
        """False when the file system cannot share memory and the slower rollback journal is used."""
        self.busy_seconds: float = busy_seconds
        self._name = str(path)
        self._closed = False
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._listening = Lock()
        self._idle: list[Reader] = []
        self._watching = Lock()
        self._watcher: Reader | None = None
        self._writer = GroupCommit(
            self._open_writer,
            self._refuse_other_file,
            self._translate,
            self._committed,
            begun=self._refuse_newer,
            full=durability == "full",
            busy_seconds=busy_seconds,
            fault=fault,
        )
        self._checkpoints: Checkpoints | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        durability: Durability = "full",
        create: bool = True,
        busy_seconds: float = 5.0,
        fault: Callable[[str], None] | None = None,
    ) -> Database:
        """Opens the file, makes it when there is none (unless `create` is False), and brings its tables up to date.

        `durability="fast"` survives the end of the process, but a power failure may take the last commits.
        `busy_seconds` is how long to wait for another process that is writing. `fault` is for tests: see `GroupCommit`.
        Raises a `StoreError` or one of its kinds; the file is then left as it was found.
        """
        path = path.resolve()
        make_file(path, create=create)
        database = cls(path, durability, busy_seconds, fault)
        try:
            with database._writer.alone():
                database._prepare(database._writer.connection())
        except BaseException as error:
            database.close()
            translated = database._translate(error)
            if translated is error:
                raise
            raise translated from error
        if database.wal:
            database._checkpoints = Checkpoints(database._writer, lambda: connect(path, busy_seconds), path)
        return database

    def write(self, work: Callable[[sqlite3.Connection], T], *, sync: bool = True) -> T:
        """Runs `work` in a transaction, alone or together with works of other threads, and returns its result.

        The change is committed on return, and on the disk with `sync` (for `durability="full"`; without `sync` a
        power failure may take it, never a part of it). `work` may run in another thread than the caller's, must be
        short, and neither commits nor writes through the database itself. If it raises, what it did is undone and the
        exception is the caller's alone. If the commit fails, nothing of the transaction is written, and every caller
        in it gets a `StoreError`.
        """
        return self._writer.write(work, sync)

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """A connection for short reads, which all show the same moment; what is open is closed when the block ends."""
        try:
            reader = self._take_reader()
        except sqlite3.Error as error:
            raise self._translate(error) from error
        usable = True
        try:
            reader.execute("BEGIN")
            yield reader
        except sqlite3.Error as error:
            usable = not is_doubtful(error)
            translated = self._translate(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            if reader.settle() and usable and not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(reader)
            else:
                reader.close()

    def data_version(self) -> int:
        """A number that changes whenever anybody, this process or another, has committed; cheap enough to poll."""
        with self._watching:
            try:
                if self._watcher is None:
                    self._refuse_other_file()
                    self._watcher = connect_reader(self.path, self.busy_seconds)
                row: tuple[int] = self._watcher.execute("PRAGMA data_version").fetchone()
                self._watcher.settle()
            except sqlite3.Error as error:
                self._drop_watcher()
                raise self._translate(error) from error
            return row[0]

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back after every commit made here, from the committing thread; the returned function ends that.

        A callback must be quick; what it raises is logged, since the commit it follows has been made.
        """
        with self._listening:
            self._listeners = (*self._listeners, callback)

        def unlisten() -> None:
            with self._listening:
                self._listeners = tuple(item for item in self._listeners if item is not callback)

        return unlisten

    def close(self) -> None:
        """Waits for the commits under way and closes every connection; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._checkpoints is not None:
            self._checkpoints.end()
        self._drop_readers()
        with self._writer.alone():
            self._writer.disconnect()

    # ---- connections

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Makes an open file ours: nothing is changed before it is known to be ours or empty."""
        check(connection, self.path)
        make_private(self.path)
        self.wal = choose_log(connection, self.busy_seconds)
        if not self.wal:
            self._writer.relaxes = False
            self.notes.append(
                f"{self.path} is on a file system without shared memory (a network file system, perhaps): the slower "
                f"rollback journal is used, and several programs get in each other's way. {ELSEWHERE}"
            )
        migrate(connection, self.path)
        connection.execute(f"PRAGMA busy_timeout = {0 if self.wal else int(self.busy_seconds * 1000)}")

    def _open_writer(self) -> sqlite3.Connection:
        self._refuse_other_file()
        connection = connect(self.path, self.busy_seconds)
        if self.wal:
            # Whoever holds the write lock of a log waits for nothing else, and for the lock `GroupCommit` waits.
            connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def _take_reader(self) -> Reader:
        self._refuse_other_file()
        try:
            return self._idle.pop()
        except IndexError:
            return connect_reader(self.path, self.busy_seconds)

    def _drop_readers(self) -> None:
        while self._idle:
            self._idle.pop().close()
        with self._watching:
            self._drop_watcher()

    def _drop_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()

    def _refuse_newer(self, connection: sqlite3.Connection) -> None:
        """A newer program may have opened the file meanwhile: an older one must not write into its format."""
        refuse_newer(connection, self.path)

    def _refuse_other_file(self) -> None:
        if self._closed:
            raise StoreError(f"{self.path} was closed in this program; open it again")
        if file_id(self._name) != self.file_id:
            raise StoreError(f"{self.path}: {moved()}")

    # ---- news and errors

    def _committed(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.committed()
        for callback in self._listeners:
            try:
                callback()
            except Exception:
                _logger.exception("a listener to the commits of %s failed", self.path)

    def _translate(self, error: BaseException) -> BaseException:
        return translate(error, self.path)
