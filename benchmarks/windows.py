"""Looking at what is large: a run of a million events, a graph of a hundred thousand nodes, ten thousand runs.

The journals are made by a process of their own, so that what the reading takes of memory is its own.
"""

from __future__ import annotations

import itertools
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import raw
from figures import Figure
from proc_tui.core.engine import launch
from proc_tui.core.journal import journal, requests, runs
from proc_tui.core.journal.events import (
    Began,
    Ended,
    Event,
    Logged,
    MessageAppended,
    NodeCreated,
    NodeMetadataSet,
    Record,
    Requested,
    StageSet,
    StateIncremented,
    StateSet,
)
from proc_tui.core.journal.folds.outline import OutlineFold
from proc_tui.core.model.settings import Settings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from proc_tui.core.journal.runs import Run

SNAPSHOT = 1000
NOON = 1_800_000_000.0


def measure(quick: bool) -> Iterator[Figure]:
    events, nodes, count = (100_000, 10_000, 1000) if quick else (1_000_000, 100_000, 10_000)
    yardstick = raw.commit("FULL", rounds=5)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
            large, graph = other.submit(fill, folder, events, nodes, count).result()
        with Operator.open(Path(folder)) as operator:
            yield from _large(operator, operator.run(large), events, yardstick)
            yield from _graph(operator, operator.run(graph), nodes, yardstick)
            yield from _many(operator, count, yardstick)


def _large(operator: Operator, run: Run, events: int, yardstick: float) -> Iterator[Figure]:
    name = f"a run of {events:,} events"
    before = _peak()

    def opens() -> None:
        outline = operator.outline(run)
        operator.conversation(run, limit=100, newest=True)
        operator.log_lines(run, limit=200, newest=True)
        operator.operations(run, start=max(0, outline.operations - 100), limit=100)

    began = time.perf_counter()
    opens()
    yield Figure(f"{name}: opened", time.perf_counter() - began, "s", yardstick, "FULL", 0.5, note="cold")
    yield Figure(f"{name}: memory for it", _peak() - before, "B", aim=120 * 2**20)
    yield Figure(f"{name}: opened again", _timed(opens), "s")
    yield Figure(f"{name}: outline in the middle", _timed(lambda: operator.outline(run, at=events // 2 + 777)), "s")
    yield Figure(
        f"{name}: 500 operations in the middle", _timed(lambda: operator.operations(run, start=events // 4)), "s"
    )
    yield Figure(
        f"{name}: 100 warnings", _timed(lambda: operator.log_lines(run, levels=["warn"], limit=100, newest=True)), "s"
    )
    yield Figure(f"{name}: count of messages", _timed(lambda: operator.count_said(run)), "s")
    yield Figure(
        f"{name}: a checkpoint forward", _timed(lambda: operator.step(run, events // 2, "next checkpoint")), "s"
    )


def _graph(operator: Operator, run: Run, nodes: int, yardstick: float) -> Iterator[Figure]:
    name = f"a graph of {nodes:,} nodes"

    def opens() -> None:
        operator.outline(run)
        (root,) = operator.children(run)
        operator.children(run, root.id)

    began = time.perf_counter()
    opens()
    yield Figure(f"{name}: opened", time.perf_counter() - began, "s", yardstick, "FULL", 0.5, note="cold")
    yield Figure(f"{name}: 500 children", _timed(lambda: operator.children(run, "node-2")), "s", aim=0.1)
    yield Figure(
        f"{name}: best 500 of {nodes // 2:,} children",
        _timed(lambda: operator.children(run, "node-2", by_score=True)), "s",
    )  # fmt: skip
    yield Figure(f"{name}: best of 10 children", _timed(lambda: operator.children(run, "node-9", by_score=True)), "s")


def _many(operator: Operator, count: int, yardstick: float) -> Iterator[Figure]:
    name = f"{count:,} runs"
    yield Figure(f"{name}: overview", _timed(lambda: operator.overview(50)), "s", yardstick, "FULL", 0.01)
    yield Figure(f"{name}: overview of 200 each", _timed(lambda: operator.overview(200)), "s")
    yield Figure(f"{name}: search", _timed(lambda: operator.search("case 77", limit=50)), "s")
    yield Figure(f"{name}: since a moment", _timed(lambda: operator.since(NOON, limit=50)), "s")


def _timed(work: Callable[[], object], rounds: int = 7) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# ---- making journals


def fill(folder: str, events: int, nodes: int, count: int) -> tuple[str, str]:
    """Makes a workspace with such runs; returns the ids of the long one and of the one with the graph."""
    (Path(folder) / "case.yaml").write_text('name: case\nversion: "1"\ncode: |\n  return 1\n')
    with Operator.open(Path(folder), settings=Settings(durability="fast")) as operator:
        long, graph = operator.start("case"), operator.start("case")
        append(operator, long, long_run(events + SNAPSHOT - 1))
        append(operator, graph, tree(nodes))
        many_runs(operator, count)
        return long.id, graph.id


def append(operator: Operator, run: Run, events: Iterable[Event], since: float = NOON) -> None:
    """Appends events to a run as quickly as can be, a hundred a second from a moment on.

    Snapshots are made as a worker would make them.
    """
    fold = OutlineFold()
    for record in operator.records(run):
        fold.apply(record)
    rows: list[tuple[journal.Row, bytes | None]] = []

    def write(*, snapshot: bool) -> None:
        outline = fold.outline()
        data = msgspec.json.encode(outline).decode()

        def work(connection: sqlite3.Connection) -> None:
            journal.insert(connection, rows)
            if snapshot:
                journal.save_snapshot(connection, run.id, outline, data)

        operator._database.write(work, sync=False)  # pyright: ignore[reportPrivateUsage] - there is no quicker way
        rows.clear()

    for seq, event in enumerate(events, 2):
        record = Record(seq, since + seq / 100, 3, event)
        fold.apply(record)
        rows.append(journal.event_row(run.id, record))
        if len(rows) == SNAPSHOT:
            write(snapshot=True)
    if rows:
        write(snapshot=False)


def long_run(count: int) -> Iterator[Event]:
    """Steps, some with steps in them, log lines, State, stages and messages."""
    text = "The quick brown fox jumps over the lazy dog, and nobody knows why it always does. " * 2
    return islice(_batches(text), count)


def _batches(text: str) -> Iterator[Event]:
    for n in itertools.count():
        yield Began("step", f"batch {n}")
        for place in range(9):
            yield Ended("step", f"step {n}.{place}", values=[{"rows": place, "text": text}])
        for _ in range(4):
            yield Logged("info", f"line {n}: {text}")
        yield Logged("warn" if n % 1000 == 0 else "debug" if n % 2 else "info", f"look at {n}")
        yield StateIncremented("n", n)
        yield StateSet(f"key {n % 50}", {"at": n, "text": text})
        yield MessageAppended("ASSISTANT", f"message {n}: {text}")
        yield StageSet(f"stage {n // 5000}") if n % 5000 == 0 else Logged("info", "on it goes")
        yield Ended("step", f"batch {n}", values=[n], opened=True)


def tree(count: int) -> Iterator[Event]:
    """A root, a node with half of all below it, and the rest ten under each; every other one gets its score later."""
    yield NodeCreated("node-1", "root", {"score": 1.0})
    yield NodeCreated("node-2", "the broad one", {"score": 0.5}, "node-1")
    for n in range(3, count + 1):
        parent = "node-2" if n % 2 else f"node-{max(1, n // 20 * 2 + 1)}"
        yield NodeCreated(f"node-{n}", f"a thought, number {n}", {"score": n * 7919 % 1000 / 1000}, parent)
        if n % 4 == 0:
            yield NodeMetadataSet(f"node-{n}", "score", n * 104729 % 1000 / 1000)


def many_runs(operator: Operator, count: int, since: float = NOON) -> None:
    """Makes runs, one a second from a moment on: of ten, eight completed, one failed, one waits for a person."""
    program = operator.program("case")
    statuses = [RunStatus.COMPLETED] * 8 + [RunStatus.FAILED, RunStatus.WAITING_FOR_HUMAN]

    def work(connection: sqlite3.Connection) -> None:
        pinned = msgspec.structs.replace(program, source=journal.pin(connection, program.bundle.encode()))
        for n in range(count):
            at = since + n
            launch.create(
                connection, launch.Start(f"r{n:09}", pinned, {"n": n, "customer": f"customer {n % 97}"}, n, at)
            )
            status = statuses[n % len(statuses)]
            if status is RunStatus.WAITING_FOR_HUMAN:
                event = Requested(f"r{n:09}.2", "approval", f"Ship {n}?", deadline=at + 3600 if n % 3 else None)
                journal.append(connection, f"r{n:09}", [Record(2, at, 3, event)])
                requests.post(connection, f"r{n:09}", 2, event, at)
                runs.release(connection, f"r{n:09}", status=status, wake_at=event.deadline)
            else:
                runs.end(connection, f"r{n:09}", status=status, now=at, error=None)

    operator._database.write(work)  # pyright: ignore[reportPrivateUsage] - as above
