"""Copying the write-ahead log into the database, off the path of commits.

Belongs here: when to copy, and how. Never: deciding what is written.

Every copy holds the write lock. It has to: SQLite before 3.51.3 can lose commits when a checkpoint overlaps
with a commit that begins the log anew (https://sqlite.org/wal.html#the_wal_reset_bug), and a log that is
appended to meanwhile is never copied to its end, so it would grow for ever under a steady load. A quiet moment is
awaited for that, unless the log has become long: then commits wait some 5 ms, once in about two thousand. The
log is brought to the disk before, while commits go on, since that takes longer than the copying.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING

from .connections import LOG_BYTES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from .group_commit import GroupCommit

LOG_PAGES = 1000
"""How long the log may grow before it is copied at the next quiet moment; four times as long, at once."""
QUIET_SECONDS = 0.25
"""How long nothing is committed before a moment counts as quiet."""
FIRST_GUESS = 4.0
"""Pages that one work adds to the log, until it is measured."""

_logger = logging.getLogger(__name__)


class Checkpoints:
    """A daemon thread that sleeps while nothing is committed."""

    def __init__(self, writer: GroupCommit, connect: Callable[[], sqlite3.Connection], path: Path) -> None:
        self._writer = writer
        self._log = path.with_name(path.name + "-wal")
        self._connect = connect
        self._gate = Lock()
        self._gate.acquire()
        self._ended = False
        self._due = 1
        """At how many works of the writer the thread has to be woken."""
        self._copied = 0
        """At how many works the log was copied last."""
        self._left = 0
        """How many pages of the log were not copied then."""
        self._length = 0
        """How long the log was then; 0 when it has begun anew."""
        self._pages_a_work = FIRST_GUESS
        self._thread = Thread(target=self._run, name=f"checkpoints of {path.name}", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """To be called after every commit; wakes the thread when there is something for it."""
        if self._writer.works >= self._due:
            self._wake()

    def end(self) -> None:
        """Ends the thread; waits for a copy under way."""
        self._ended = True
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # it is awake already
            self._gate.release()

    def _run(self) -> None:
        while not self._ended:
            self._gate.acquire()
            self._while_busy()
            self._due = self._writer.works + 1

    def _while_busy(self) -> None:
        """Copies when the log is long, until nothing is committed any more."""
        seen = -1
        while not self._ended:
            self._due = self._copied + int(4 * LOG_PAGES / self._pages_a_work)
            self._gate.acquire(timeout=QUIET_SECONDS)
            if self._ended:
                return
            works = self._writer.works
            quiet = works == seen
            seen = works
            try:
                if self._is_time(works, quiet):
                    self.copy()
            except Exception as error:  # noqa: BLE001 - the log only stays long; writers meet the same error and tell
                _logger.warning("the write-ahead log could not be copied into the database: %s", error)
                self._left += int((works - self._copied) * self._pages_a_work)
                self._copied = works
            if quiet:
                return

    def _is_time(self, works: int, quiet: bool) -> bool:
        new = (works - self._copied) * self._pages_a_work
        if quiet:
            return new + self._left > LOG_PAGES
        if new > LOG_PAGES:
            return new + self._left > 4 * LOG_PAGES
        return new > 0 and self._log.stat().st_size > 2 * LOG_BYTES

    def _sync_log(self) -> None:
        """Leaves little of the log to be synced under the lock; with every commit synced, nothing is to do."""
        with suppress(OSError), self._log.open("rb") as log:
            os.fdatasync(log.fileno())

    def copy(self) -> bool:
        """Copies what no reader holds back; True when that was everything, and the log begins anew."""
        own = self._connect()
        try:
            self._sync_log()
            with self._writer.alone():
                works = self._writer.works
                self._writer.begin()
                try:
                    row: tuple[int, int, int] = own.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                finally:
                    self._writer.connection().execute("ROLLBACK")
        finally:
            own.close()
        _, length, done = row
        if works > self._copied:
            self._pages_a_work = max(1.0, (length - self._length) / (works - self._copied))
        self._copied = works
        self._left = length - done
        self._length = length if self._left else 0
        return self._left == 0
