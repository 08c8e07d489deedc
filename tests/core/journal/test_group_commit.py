"""Several threads, one commit: who is in it, what each is told, and that nobody is forgotten."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.errors import StoreError
from proc_tui.core.journal import group_commit
from proc_tui.core.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from proc_tui.core.journal.group_commit import Work

POINTS = ("write:begin", "write:worked", "write:committed")


class Crash(BaseException):
    """The end of the process, as far as a test can have it."""


class Bench:
    """A database, threads that write to it, and a list of its commits."""

    def __init__(self, path: Path) -> None:
        self.crash_at: str | None = None
        self.database: Database = Database.open(path, fault=self._fault)
        self.commits: list[list[str]] = []
        self.pool: ThreadPoolExecutor = ThreadPoolExecutor(40)
        self._seen: set[str] = set()
        self._count = threading.Lock()
        self.database.listen(self._committed)

    def _fault(self, point: str) -> None:
        if point == self.crash_at:
            self.crash_at = None
            raise Crash(point)

    def _committed(self) -> None:
        with self._count:
            now = self.names()
            self.commits.append(sorted(now - self._seen))
            self._seen = now

    def names(self) -> set[str]:
        with self.database.read() as connection:
            return {row[0] for row in connection.execute("SELECT hash FROM sources")}

    def together(self, *works: Work[object], sync: bool = True) -> list[Future[object]]:
        """The first work leads and waits until the others have queued, in their order."""
        entered, go = threading.Event(), threading.Event()

        def first(connection: sqlite3.Connection) -> object:
            entered.set()
            assert go.wait(10)
            return works[0](connection)

        def write(work: Work[object]) -> object:
            return self.database.write(work, sync=sync)

        futures = [self.pool.submit(write, first)]
        assert entered.wait(10)
        queue = self.database._writer._queue
        for length, work in enumerate(works[1:], 1):
            futures.append(self.pool.submit(write, work))
            wait_until(lambda length=length: len(queue) == length)
        go.set()
        for future in futures:
            future.exception(10)
        return futures


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def put(name: str) -> Work[str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO sources VALUES (?, '')", (name,))
        return name

    return work


def put_and_fail(name: str) -> Work[str]:
    def work(connection: sqlite3.Connection) -> str:
        put(name)(connection)
        raise LookupError(name)

    return work


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "runs.db")
    yield bench
    bench.pool.shutdown()
    bench.database.close()


def test_what_queues_while_one_works_is_committed_with_it(bench: Bench) -> None:
    futures = bench.together(put("a"), put("b"), put("c"))
    assert [future.result() for future in futures] == ["a", "b", "c"]
    assert bench.commits == [["a", "b", "c"]]


def test_a_follower_that_fails_is_undone_alone(bench: Bench) -> None:
    a, b, c = bench.together(put("a"), put_and_fail("b"), put("c"))
    assert (a.result(), c.result()) == ("a", "c")
    with pytest.raises(LookupError, match="b"):
        b.result()
    assert bench.commits == [["a", "c"]]


def test_a_leader_that_fails_takes_nobody_with_it(bench: Bench) -> None:
    a, b, c = bench.together(put_and_fail("a"), put("b"), put("c"))
    with pytest.raises(LookupError, match="a"):
        a.result()
    assert (b.result(), c.result()) == ("b", "c")
    assert bench.commits == [["b", "c"]]


def test_each_caller_gets_its_own_broken_constraint(bench: Bench) -> None:
    first, second = bench.together(put("a"), put("a"))
    assert first.result() == "a"
    with pytest.raises(sqlite3.IntegrityError):
        second.result()


def test_a_work_that_ends_the_transaction_is_named_and_nobody_is_told_a_lie(bench: Bench) -> None:
    a, b = bench.together(put("a"), lambda connection: connection.execute("ROLLBACK"))
    with pytest.raises(StoreError, match="another thread ended the transaction"):
        a.result()
    with pytest.raises(sqlite3.OperationalError, match="no such savepoint"):
        b.result()
    assert bench.names() == set()
    assert bench.database.write(put("c")) == "c"


def test_a_leader_that_ends_the_transaction_is_told_so_alone(bench: Bench) -> None:
    a, b = bench.together(lambda connection: connection.execute("ROLLBACK"), put("b"))
    with pytest.raises(RuntimeError, match="must not commit or roll back"):
        a.result()
    assert b.result() == "b"
    assert bench.commits == [["b"]]


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_alone_leaves_all_or_nothing_and_the_database_usable(bench: Bench, point: str) -> None:
    bench.crash_at = point
    with pytest.raises(Crash, match=point):
        bench.database.write(put("a"))
    assert bench.names() == ({"a"} if point == "write:committed" else set())
    assert bench.commits == []
    assert bench.database.write(put("b")) == "b"


@pytest.mark.parametrize("point", POINTS[1:])
def test_a_crash_in_a_group_reaches_every_member(bench: Bench, point: str) -> None:
    def a(connection: sqlite3.Connection) -> str:
        bench.crash_at = point
        return put("a")(connection)

    futures = bench.together(a, put("b"), put_and_fail("c"), put("d"))
    outcomes = [type(future.exception()) for future in futures]
    assert outcomes == [Crash, Crash, LookupError, Crash]
    assert bench.names() == ({"a", "b", "d"} if point == "write:committed" else set())
    assert bench.commits == []
    assert bench.database.write(put("e")) == "e"


def test_an_error_of_the_commit_reaches_every_member(bench: Bench) -> None:
    def defer(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE child (x REFERENCES sources DEFERRABLE INITIALLY DEFERRED)")

    bench.database.write(defer)
    bench.database._writer.connection().execute("PRAGMA foreign_keys = ON")
    futures = bench.together(put("a"), lambda c: c.execute("INSERT INTO child VALUES ('nobody')"), put("b"))
    assert [type(future.exception()) for future in futures] == [sqlite3.IntegrityError] * 3
    assert bench.names() == set()
    assert bench.database.write(put("c")) == "c"


def test_who_must_be_on_the_disk_is_not_committed_without_it(bench: Bench) -> None:
    levels: list[int] = []

    def level(connection: sqlite3.Connection) -> None:
        levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    queue = bench.database._writer._queue

    def first(connection: sqlite3.Connection) -> None:
        level(connection)
        second.append(bench.pool.submit(bench.database.write, level, sync=True))
        wait_until(lambda: len(queue) == 1)

    second: list[Future[None]] = []
    bench.database.write(first, sync=False)
    second[0].result(10)
    assert levels == [1, 2]


def test_the_lead_is_handed_on_after_every_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MOST", 1)
    futures = bench.together(*[lambda _: threading.get_ident()] * 8)
    leaders = [future.result() for future in futures]
    assert len(set(leaders)) == 4
    assert leaders[0::2] == leaders[1::2]


def test_ctrl_c_withdraws_a_work_that_has_not_begun(bench: Bench) -> None:
    entered = threading.Event()

    def slow(connection: sqlite3.Connection) -> str:
        entered.set()
        wait_until(lambda: len(bench.database._writer._queue) == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        wait_until(lambda: len(bench.database._writer._queue) == 0)
        return put("slow")(connection)

    other = bench.pool.submit(bench.database.write, slow)
    assert entered.wait(10)
    with pytest.raises(KeyboardInterrupt):
        bench.database.write(put("withdrawn"))
    assert other.result(10) == "slow"
    assert bench.names() == {"slow"}


def test_ctrl_c_while_a_followers_work_runs_undoes_the_transaction_and_says_so(bench: Bench) -> None:
    def interrupted(_: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    a, b, c = bench.together(put("a"), interrupted, put("c"))
    assert type(a.exception()) is KeyboardInterrupt
    with pytest.raises(StoreError, match="interrupted"):
        b.result()
    assert c.result() == "c"
    assert bench.names() == {"c"}


def test_close_waits_for_what_is_under_way_and_refuses_what_comes_later(bench: Bench) -> None:
    entered, go = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> str:
        entered.set()
        assert go.wait(10)
        return put("slow")(connection)

    writing = bench.pool.submit(bench.database.write, slow)
    assert entered.wait(10)
    closing = bench.pool.submit(bench.database.close)
    wait_until(lambda: len(bench.database._writer._queue) == 1)
    go.set()
    closing.result(10)
    assert writing.result(10) == "slow"
    with pytest.raises(StoreError, match="was closed"):
        bench.database.write(put("late"))


def test_many_threads_lose_nothing_and_share_commits(bench: Bench) -> None:
    def many(thread: int) -> list[str]:
        return [bench.database.write(put(f"{thread}/{number}")) for number in range(10)]

    written = {name for names in bench.pool.map(many, range(32)) for name in names}
    assert len(written) == 320
    assert bench.names() == written
    assert len(bench.commits) < 160


def test_failures_among_many_threads_stay_with_their_callers(bench: Bench) -> None:
    def many(thread: int) -> set[str]:
        done: set[str] = set()
        for number in range(10):
            name = f"{thread}/{number}"
            try:
                done.add(bench.database.write((put_and_fail if (thread + number) % 3 == 0 else put)(name)))
            except LookupError as error:
                assert str(error) == name  # noqa: PT017 - the error must be this caller's
        return done

    written = set().union(*bench.pool.map(many, range(16)))
    assert bench.names() == written
    assert 0 < len(written) < 160
