"""The yardsticks: what the same disk and the same Python take without proc-tui.

A raw commit is `BEGIN IMMEDIATE; INSERT; COMMIT` of a row as large as that of a step, with the standard sqlite3
module, in a write-ahead log, on one table without another index.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATA = '{"op":"step","name":"step 12345","values":[12345],"started_at":1732280000.123456}'


def commit(synchronous: str, count: int = 1_000, *, rounds: int = 1) -> float:
    """Seconds of one of `count` commits to a new database, with `synchronous` FULL or NORMAL: at best."""
    return min(_commits(synchronous, count) for _ in range(rounds))


def _commits(synchronous: str, count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        connection = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("CREATE TABLE events(id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, at REAL, data TEXT)")
        began = time.perf_counter()
        for seq in range(count):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO events(run, seq, at, data) VALUES (?,?,?,?)", ("abcdefghij", seq, time.time(), DATA)
            )
            connection.execute("COMMIT")
        taken = time.perf_counter() - began
        connection.close()
    return taken / count


def process(*command: str, rounds: int) -> float:
    """Median seconds of a command from its start to its end."""
    return median(lambda: _command(command), rounds)


def python(rounds: int) -> float:
    """Median seconds of a Python that does nothing."""
    return process(sys.executable, "-c", "pass", rounds=rounds)


def _command(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def median(measure: Callable[[], float], rounds: int) -> float:
    """The median of some measurements."""
    return statistics.median(measure() for _ in range(rounds))


def each(work: Callable[[], object], *, count: int, rounds: int = 5) -> float:
    """Seconds that `work` takes, called `count` times: the best of some rounds."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(count):
            work()
        return (time.perf_counter() - began) / count

    return min(once() for _ in range(rounds))
