"""Transactions of several threads in one commit: leader and follower.

A thread that finds nobody writing leads: it runs its own work, then what others have queued meanwhile, in
one transaction, commits, wakes them, and hands the lead to whoever queued first after that. So nobody leads
for longer than one transaction, and one thread alone pays for a lock and nothing else.

Belongs here: the queue, savepoints, who is told what. Never: what the works do, or how a connection is opened.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from time import monotonic, sleep
from typing import Any, TypeVar, cast

from ..errors import StoreError
from .sqlite_errors import is_busy, is_doubtful

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_PAUSE = 0.001
"""Seconds between two tries to get the write lock from another process. SQLite's own waiting looks at most ten times a
second after a while, and so hardly ever finds the short gaps that a busy process leaves."""
MOST = 512
"""How many works one transaction takes in, so that the first of them does not wait for ever."""


class _Member:
    """A work in the queue, and where its thread sleeps. Without a work it waits for the lead only."""

    __slots__ = ("error", "gate", "leads", "result", "since", "sync", "work")

    def __init__(self, work: Work[Any] | None, sync: bool) -> None:
        self.work = work
        self.sync = sync
        self.result: Any = None
        self.error: BaseException | None = None
        self.leads = False
        self.since = monotonic()
        self.gate = Lock()
        self.gate.acquire()


class GroupCommit:
    """The only writer of a database within this process.

    `connect` opens the writing connection, at first and again after an error of the disk; `check` raises a
    `StoreError` when that connection must not be used any more; `translate` makes an error fit for a person;
    `committed` is called after each commit, when the lead has been handed on; `begun` in each transaction before its
    works, and may refuse them. `fault` is called at `write:begin`
    (the leader is alone still), `write:worked` and `write:committed`; what it raises is treated as the end of the
    process there, for every member of the group.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        check: Callable[[], None],
        translate: Callable[[BaseException], BaseException],
        committed: Callable[[], None],
        *,
        begun: Callable[[sqlite3.Connection], None] | None = None,
        full: bool,
        busy_seconds: float,
        fault: Callable[[str], None] | None = None,
    ) -> None:
        self._connect = connect
        self._check = check
        self._translate = translate
        self._committed = committed
        self._begun = begun
        self._full = full
        self.relaxes = True
        """False when a commit without sync would endanger the file: every commit is then synced."""
        self._busy_seconds = busy_seconds
        self._fault = fault
        self._connection: sqlite3.Connection | None = None
        self._synced: bool | None = None
        self._lead = Lock()
        self._queue: deque[_Member] = deque()
        self._leader = 0
        self.works = 0
        """How many works were committed so far."""

    def write(self, work: Work[T], sync: bool) -> T:
        """See `Database.write`."""
        if self._lead.acquire(False):
            return self._write_leading(work, sync, None)
        member = _Member(work, sync)
        self._await(member)
        if member.leads:
            return self._write_leading(work, sync, member.since)
        if member.error is not None:
            try:
                raise member.error
            finally:
                del member
        return cast(T, member.result)

    @contextmanager
    def alone(self) -> Generator[None]:
        """Holds the lead, in its turn, so that no thread of this process writes meanwhile."""
        if not self._lead.acquire(False):
            self._await(_Member(None, False))
        try:
            self._leader = get_ident()
            yield
        finally:
            self._hand_on()

    def connection(self) -> sqlite3.Connection:
        """The writing connection; only for whoever holds the lead."""
        if self._connection is None:
            self._connection = self._connect()
            self._synced = None
        return self._connection

    def begin(self) -> None:
        """Begins a transaction on the writing connection; only for whoever holds the lead."""
        connection = self.connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._begin_later(connection, error, None)

    def disconnect(self) -> None:
        """Closes the writing connection; only for whoever holds the lead. The next work opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _await(self, member: _Member) -> None:
        """Queues a member and returns when it was served, or when it leads."""
        if self._leader == get_ident():
            raise RuntimeError("a work may not write through the database again: use the connection it was given")
        self._queue.append(member)
        if self._lead.acquire(False):
            self._hand_on()
        try:
            member.gate.acquire()
        except BaseException:  # Ctrl-C in the main thread: withdraw, or see the transaction through
            try:
                self._queue.remove(member)
            except ValueError:
                member.gate.acquire()
                if member.leads:
                    self._hand_on()
            raise

    def _hand_on(self) -> None:
        """Gives the lead to the first in the queue, or up."""
        self._leader = 0
        while True:
            try:
                member = self._queue.popleft()
            except IndexError:
                self._lead.release()
                if self._queue and self._lead.acquire(False):
                    continue
                return
            member.leads = True
            member.gate.release()
            return

    def _write_leading(self, work: Work[T], sync: bool, since: float | None) -> T:
        group: list[_Member] = []
        try:
            self._leader = get_ident()
            result = self._transact(work, sync, since, group)
            self.works += len(group) + 1
        finally:
            self._hand_on()
            for member in group:
                member.gate.release()
        self._committed()
        return result

    def _transact(self, work: Work[T], sync: bool, since: float | None, group: list[_Member]) -> T:
        """One transaction of the leader's work and of those queued; fills `group` with who must be woken."""
        connection = self._connection
        try:
            if self._fault is not None:
                self._fault("write:begin")
            if connection is None:
                connection = self.connection()
            else:
                self._check()
            synced = not self.relaxes or (self._full and (sync or any(member.sync for member in tuple(self._queue))))
            if synced is not self._synced:
                connection.execute("PRAGMA synchronous = FULL" if synced else "PRAGMA synchronous = NORMAL")
                self._synced = synced
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                self._begin_later(connection, error, since)
            if self._begun is not None:
                self._begun(connection)
            result = work(connection)
            if not connection.in_transaction:
                raise RuntimeError("a work ended its transaction; it must not commit or roll back")
            if self._queue:
                self._take_in(connection, group)
            if self._fault is not None:
                self._fault("write:worked")
            connection.execute("COMMIT")
            if self._fault is not None:
                self._fault("write:committed")
        except BaseException as error:
            self._undo(connection, error)
            for member in group:
                if member.error is None:
                    member.error = self._shared(error)
            translated = self._translate(error)
            if translated is error:
                raise
            raise translated from error
        return result

    def _begin_later(self, connection: sqlite3.Connection, error: sqlite3.Error, since: float | None) -> None:
        """Begins the transaction when another process lets go of the write lock, within the waiting time."""
        deadline = (monotonic() if since is None else since) + self._busy_seconds
        while is_busy(error) and monotonic() < deadline:
            sleep(BUSY_PAUSE)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as again:
                error = again
            else:
                return
        raise error

    def _take_in(self, connection: sqlite3.Connection, group: list[_Member]) -> None:
        """Runs the queued works, each in a savepoint, until nobody is left or somebody needs more than this commit."""
        while len(group) < MOST:
            try:
                member = self._queue.popleft()
            except IndexError:
                return
            if member.work is None or (member.sync and self._full and not self._synced):
                self._queue.appendleft(member)
                return
            group.append(member)
            try:
                connection.execute("SAVEPOINT work")
                member.result = member.work(connection)
                connection.execute("RELEASE work")
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                member.error = self._translate(error)
                if not connection.in_transaction:
                    if member.error is error:
                        raise StoreError(
                            "a work of another thread ended the transaction; nothing was written"
                        ) from error
                    raise
                connection.execute("ROLLBACK TO work")
                connection.execute("RELEASE work")

    def _undo(self, connection: sqlite3.Connection | None, error: BaseException) -> None:
        """Leaves no transaction behind, and no connection that the error makes doubtful."""
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.disconnect()
        if is_doubtful(error) or isinstance(error, StoreError):
            self.disconnect()

    def _shared(self, error: BaseException) -> BaseException:
        """What a follower hears of an error that ended the whole transaction."""
        if isinstance(error, KeyboardInterrupt):
            return StoreError(
                "the thread that was committing was interrupted; see whether the change is there, and try again"
            )
        return self._translate(error)
