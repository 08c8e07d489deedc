"""What the tests of the engine share: a workspace with workers in threads, and the checker of projections.

Belongs here: setting scenes. Never: assertions about one feature; plays (`proc_tui.core.testing`) come first, and
a scene is for what they cannot show: several workers, the real clock, threads that race.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.engine.waits import ChildWait, RequestWait, Wait
from proc_tui.core.journal.events import RunStarted
from proc_tui.core.journal.folds import RunFold
from proc_tui.core.journal.folds.outline import Outline
from proc_tui.core.model.settings import Settings
from proc_tui.core.model.states import RequestStatus, RunStatus
from proc_tui.core.operator import Given, Operator
from proc_tui.core.testing import write_workspace
from proc_tui.core.values import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from proc_tui.core.engine.worker import Worker
    from proc_tui.core.errors import ProcError
    from proc_tui.core.journal.runs import Run

PATIENCE = 20.0
"""Seconds after which a scene that comes to no end has failed."""
WAITING = {RunStatus.WAITING_FOR_HUMAN, RunStatus.SLEEPING, RunStatus.WAITING_FOR_CHILD}


def until(condition: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
    """What the condition gives once it is true; a bounded poll."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {patience:g} s: {what or condition}")
        time.sleep(0.002)
    return found


class Scene:
    """An open workspace in a folder of its own, with the real clock unless another one is given."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder: Path = folder
        self.options: dict[str, Any] = {"settings": Settings(durability="fast"), "user": "starter", **options}
        self.operator: Operator = Operator.open(folder, **self.options)
        self.problems: list[tuple[str, ProcError]] = []

    def write(self, **procedures: str) -> Scene:
        """Writes procedures by name: Lua alone, or whole documents without name and version."""
        write_workspace(self.folder, {name: textwrap.dedent(text) for name, text in procedures.items()})
        return self

    def start(self, name: str, **params: object) -> Run:
        return self.operator.start(name, params)

    def another(self, **options: Any) -> Operator:
        """The same workspace opened once more, as another process would."""
        return Operator.open(self.folder, **{**self.options, **options})

    @contextmanager
    def working(self, *, operator: Operator | None = None, roots: Sequence[str] = ()) -> Generator[Worker]:
        """A worker in a thread of its own for as long as the block lasts."""
        worker = (operator or self.operator).worker(
            roots=roots, on_problem=lambda run, error: self.problems.append((run, error))
        )
        failures: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(worker.run())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread of the test
                failures.append(error)

        thread = threading.Thread(target=work, name="worker of a scene")
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join(PATIENCE)
        if failures:
            raise failures[0]
        assert not thread.is_alive(), "the worker does not end"

    def wait(self, run: Run | str, *statuses: RunStatus, patience: float = PATIENCE) -> Run:
        """The run once it has one of these statuses; any end when none is named."""
        name = run if isinstance(run, str) else run.id
        wanted = statuses or (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)

        def look() -> Run | None:
            row = self.operator.run(name)
            return row if row.status in wanted else None

        try:
            return until(look, f"run {name} is {' or '.join(wanted)}", patience)
        except AssertionError as error:
            row = self.operator.run(name)
            raise AssertionError(f"{error}; it is {row.status} ({row.error}), problems: {self.problems}") from None

    def drive(self, run: Run | str, *statuses: RunStatus) -> Run:
        """Lets a worker work until the run has one of these statuses."""
        with self.working():
            return self.wait(run, *statuses)

    def finish(self, run: Run | str, given: Given | None = None) -> Run:
        """Drives the run to its end, giving every request the same answer."""
        name = run if isinstance(run, str) else run.id
        with self.working():

            def look() -> Run | None:
                for request in self.operator.inbox():
                    self.operator.answer(request.id, given or Given(approved=True))
                row = self.operator.run(name)
                return row if row.status.ended else None

            return until(look, f"run {name} ends; problems: {self.problems}")

    def result(self, run: Run) -> Any:
        """What a completed run returned."""
        row = self.operator.run(run.id)
        assert row.status is RunStatus.COMPLETED, (row.status, row.error)
        ended = self.operator.fold(row).ended
        assert ended is not None
        return ended.result

    def kinds(self, run: Run) -> list[str]:
        """The run's present history as kinds with labels."""
        records = self.operator.records(self.operator.run(run.id))
        return [
            f"{record.event.kind} {record.event.label}" if record.event.label else record.event.kind
            for record in records
        ]

    def execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Does something behind the program's back."""
        return self.operator._database.write(lambda connection: connection.execute(sql, values).fetchall())

    def close(self) -> None:
        self.operator.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An empty workspace; when the test is over its projections must agree with its events."""
    found = Scene(tmp_path)
    yield found
    try:
        check_projections(found.operator)
    finally:
        found.close()


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    """Polls for a condition."""
    return until


@pytest.fixture
def agrees() -> Callable[[Operator], None]:
    """Asserts that every projection of a workspace agrees with its events; nothing may be driven meanwhile."""
    return check_projections


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """A scene with options of its own for `Operator.open`."""
    made: list[Scene] = []

    def make(**options: Any) -> Scene:
        made.append(Scene(tmp_path, **options))
        return made[-1]

    yield make
    for item in made:
        item.close()


def check_projections(operator: Operator) -> None:
    """Compares `runs`, `requests`, `inbox`, `waits` and `snapshots` with what the events of each run add up to."""
    for run in operator.runs():
        wrong = _differences(operator, run)
        assert not wrong, f"run {run.id} ({run.procedure}, {run.status}):\n" + "\n".join(wrong)


def _differences(operator: Operator, run: Run) -> list[str]:
    records = operator.records(run)
    fold = RunFold(records)
    with operator._database.read() as connection:
        events = connection.execute("SELECT seq, at FROM events WHERE run=? ORDER BY seq", (run.id,)).fetchall()
        rows = connection.execute("SELECT id, status FROM requests WHERE run=?", (run.id,)).fetchall()
        letters = connection.execute("SELECT count(*) FROM inbox WHERE run=?", (run.id,)).fetchone()[0]
        waits = {row[0] for row in connection.execute("SELECT child FROM waits WHERE run=?", (run.id,))}
        snapshots = connection.execute("SELECT seq, data FROM snapshots WHERE run=?", (run.id,)).fetchall()
    wrong: list[str] = []

    def same(what: str, found: object, expected: object) -> None:
        if found != expected:
            wrong.append(f"  {what}: {found!r}, but the events say {expected!r}")

    same("last_seq", run.last_seq, events[-1][0])
    same("sequence numbers", [row[0] for row in events], list(range(1, len(events) + 1)))
    same("moments", [row[1] for row in events], sorted(row[1] for row in events))
    same("attempt", run.attempt, fold.attempt)
    same("stage", run.stage, fold.stages.current)
    same("params", decode(run.params), fold.params)
    same("mail", run.mail, letters)
    ended = fold.ended.status if fold.ended else None
    same("end", run.status.value if run.status.ended else None, ended)
    same("owner", run.owner is not None, run.status is RunStatus.RUNNING)
    same("lease", run.lease_until is not None, run.status is RunStatus.RUNNING)
    started = fold.started
    if isinstance(started, RunStarted) and run.forked_from is None:
        same("parent", run.parent or "", started.parent)
        same("depth", run.depth, started.depth)
    if run.status.ended:
        same("wake_at", run.wake_at, None)
        same("ended_at", run.ended_at is not None, True)
    else:
        same("ended_at", run.ended_at, None)
        if run.wake_at is None:
            same("status of a run that nothing wakes", run.status in WAITING or run.status is RunStatus.BLOCKED, True)
    same("waiting", run.waiting is not None, run.status in WAITING or _turn_over(run))
    wait = msgspec.json.decode(run.waiting, type=Wait) if run.waiting else None
    if isinstance(wait, ChildWait):
        same("waits", waits, set(wait.children))
    elif run.status is not RunStatus.RUNNING:
        same("waits", waits, set())
    if run.status in WAITING:
        same("an open operation", bool(fold.checkpoints.open), True)
    pending = {item.event.request for item in fold.requests.pending}
    if isinstance(wait, RequestWait) and run.status in WAITING:
        same("awaited request is posted", wait.request in pending, True)
    own = {name: status for name, status in rows if name in fold.requests.requests}
    for name, status in rows:
        if name not in own:
            same(f"forgotten request {name}", status == RequestStatus.PENDING.value, False)
    for name, item in fold.requests.requests.items():
        if name not in own:
            same(f"request {name} of the original", item.status is RequestStatus.PENDING, False)
        elif item.status is RequestStatus.PENDING:
            taken = own[name] != "pending" and (run.wake_at is not None or run.status is RunStatus.FAILED)
            same(f"request {name}", "pending" if taken else own[name], "pending")
        else:
            same(f"request {name}", own[name], item.status.value)
    for seq, data in sorted(snapshots)[-2:]:
        kept = [record for record in operator.records(run, at=seq) if record.seq <= seq]
        same(f"snapshot {seq}", msgspec.json.decode(data, type=Outline), Outline.of(RunFold(kept)))
    same(
        "outline", operator.outline(run), msgspec.structs.replace(Outline.of(fold), stages=fold.stages.history[-1000:])
    )
    if len(records) < 5000 and not fold.kinds.get("checkpoints.cleared"):
        entries = [
            (entry.name, entry.first, entry.seq, entry.level, entry.failed) for entry in fold.checkpoints.entries
        ]
        shown = operator.operations(run, limit=10_000)
        same("operations", [(item.name, item.first, item.seq, item.level, item.failed) for item in shown], entries)
    return wrong


def _turn_over(run: Run) -> bool:
    """Whether the run let go of its worker for nothing, in always-suspend mode."""
    return run.status is RunStatus.PENDING and run.waiting is not None


PROGRAMS = {
    "work": """
        import asyncio
        worker = operator.worker(on_problem=lambda run, error: print("problem", run, type(error).__name__, flush=True))
        print("ready", flush=True)
        asyncio.run(worker.run())
    """,
    "stand by": """
        import asyncio
        print("ready", flush=True)
        asyncio.run(operator.worker(kind="watch").run())
    """,
    "answer": """
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            operator.answer(arguments[0], Given(approved=True), by=arguments[1])
            print("won", flush=True)
        except AlreadyAnswered as error:
            print("lost", error, flush=True)
    """,
    "lock": """
        import sqlite3, time
        connection = sqlite3.connect(operator.workspace / ".proc-tui/runs.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        print("ready", flush=True)
        sys.stdin.readline()
        connection.execute("ROLLBACK")
    """,
}
_HEAD = """
import sys
from pathlib import Path
from proc_tui.core.errors import AlreadyAnswered
from proc_tui.core.model.settings import Settings, WorkerSettings
from proc_tui.core.operator import Given, Operator
folder, lease, *arguments = sys.argv[1:]
settings = Settings(durability="fast", worker=WorkerSettings(lease_seconds=float(lease)))
operator = Operator.open(Path(folder), settings=settings, user="other")
"""


class Program:
    """Another process on the same workspace."""

    def __init__(self, folder: Path, name: str, arguments: Sequence[str], lease: float) -> None:
        text = _HEAD + textwrap.dedent(PROGRAMS[name])
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", text, str(folder), str(lease), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Lets a program go on that waits to be told."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts other processes on the workspace of the test: `work`, `answer` or `lock`."""
    started: list[Program] = []

    def start(name: str, *arguments: str, lease: float = 10.0) -> Program:
        started.append(Program(tmp_path, name, arguments, lease))
        return started[-1]

    yield start
    for item in started:
        item.end()
