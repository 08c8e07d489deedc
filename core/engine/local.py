"""The local execution context: a run made durable by the journal of its workspace.

Belongs here: recalling, appending, the transactions of operations that act inside the workspace, waiting.
Never: Lua, or the order in which a procedure does things (`driver.py`).

Everything that a run does collects in a buffer and is written in one transaction, at the latest with the
next outcome. The first statement of each is the check of the lease, so that a worker that lost its run
writes nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from ..errors import DepthError, LeaseLost, NotFound, PrimitiveError, ProcError, StoreError
from ..journal import journal, requests, runs
from ..journal.events import (
    AttemptBegan,
    Began,
    Ended,
    Event,
    Logged,
    MessageReceived,
    Record,
    RequestTimedOut,
    Responded,
    RunEnded,
    StopRequested,
)
from ..journal.folds import RunFold
from ..journal.folds.run import Outline
from ..model.states import RequestStatus, RunStatus
from ..primitives.execution import Call, ChildOutcome, Draft, Pause, Reply
from ..values import Value, encode
from . import launch
from .cancel import cancel
from .replay import Replay
from .waits import ChildWait, Now, RequestWait, TimeWait, Wait, ready, status_of, wake_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..document import Procedure
    from ..journal.database import Database
    from ..journal.runs import Run
    from .environment import Environment
    from .sources import Program

T = TypeVar("T")

SNAPSHOT_EVERY = 1000
"""How many events lie between two snapshots of a run's outline."""


class Restarted(Exception):
    """The code asked for a restart, which was recorded: this activation is over."""


class LocalContext:
    """`ExecutionContext` on the local journal, for one run under one lease."""

    def __init__(self, run: Run, program: Program, environment: Environment, records: Sequence[Record]) -> None:
        self.run_id: str = run.id
        self.run: Run = run
        self.program: Program = program
        self.procedure: Procedure = program.procedure
        self.env_allow: frozenset[str] = environment.env_allow
        self.fold: RunFold = RunFold()
        self.line: int = 0
        self.mail: bool = run.mail > 0
        """Whether something from outside waits to be delivered."""
        self.guarding: bool = False
        """True while guards are evaluated, which may change nothing."""
        self._environment: Environment = environment
        self._database: Database = environment.database
        self._replay: Replay = Replay(records, self.fold.apply, procedure_file(program))
        self._epoch: int = run.epoch
        self._seq: int = run.last_seq
        self._stage: str | None = run.stage
        """The stage that listings show."""
        self._at: float = max((record.at for record in records[-1:]), default=0.0)
        self._rows: list[tuple[journal.Row, bytes | None]] = []
        self._actions: list[Callable[[sqlite3.Connection], None]] = []
        self._lock: threading.RLock = threading.RLock()
        self._effects: int = 0
        self._buffered_at: float = 0.0
        """When the buffer got its first record, by a clock that nobody sets."""
        self._taken: set[int] = set()
        """Mail that was taken into the buffer and is still in the inbox, whose numbers are used again."""
        self._began: tuple[Began, int, float] | None = None
        """An operation that began, its line and moment, while nothing else was recorded since."""
        self._settled: Ended | None = None

    # ---- where the run is

    @property
    def replaying(self) -> bool:
        return not self._replay.done

    @property
    def reentered(self) -> bool:
        """True when the operation just entered was under way before and is entered again."""
        return self._replay.reopened is not None

    @property
    def suspends_always(self) -> bool:
        """Always-suspend mode."""
        return self._environment.suspend_always

    def open(self) -> None:
        """Reads how the run began, before its code runs."""
        self._replay.pass_given()

    @property
    def place(self) -> tuple[int, int]:
        """Last sequence number and epoch: what must be unchanged for a warm Lua state to be worth anything."""
        return self._seq, self._epoch

    def reclaimed(self, run: Run) -> None:
        """The same run was claimed again, and nothing was appended in between."""
        self.run, self._epoch, self.mail = run, run.epoch, run.mail > 0

    def now(self) -> float:
        return self._environment.clock.now()

    # ---- recalling and recording

    def recall(self, call: Call) -> Ended | None:
        self._settled = None
        if not self._replay.done:
            found = self._replay.recall(call)
            if found is not None:
                return found
            if self._replay.reopened is not None:
                if call.op not in ("step", "guard"):
                    self._replay.enter_open()
                return None
        else:
            self._replay.reopened = None
        self._deliver()
        return None

    def begin(self, call: Call, detail: Value = None) -> Value:
        """Records that the operation is under way, once; returns its detail as first recorded."""
        reopened = self._replay.reopened
        if reopened is not None and reopened.name == call.name:
            return reopened.detail
        event = Began(call.op, call.name, call.digest, call.args, call.attempt, detail)
        with self._lock:
            self._record_began()
            self._at = max(self._at, self.now())
            if not self._rows:
                self._buffered_at = monotonic()
            self._began = (event, call.line, self._at)
        self._replay.reopened = event
        return detail

    def _record_began(self) -> None:
        """Writes the beginning that was held back, since now something comes between it and the end."""
        began, self._began = self._began, None
        if began is not None:
            self._put(Record(self._seq + 1, began[2], began[1], began[0]))

    def complete(self, call: Call, values: list[Value]) -> Ended:
        return self._end(call, values, None, failed=False)

    def fail(self, call: Call, error: Value, *, trace: str = "") -> Ended:
        return self._end(call, [], error, failed=True, trace=trace)

    def _end(self, call: Call, values: list[Value], error: Value, *, failed: bool, trace: str = "") -> Ended:
        settled, self._settled = self._settled, None
        if settled is not None:
            return settled
        if not self._replay.done:
            self._replay.leave(call)
        with self._lock:
            event = self._outcome(call, values, error, failed=failed, trace=trace)
            self._append(event, call.line)
            self.flush(sync=True)
        return event

    def _outcome(self, call: Call, values: list[Value], error: Value, *, failed: bool, trace: str) -> Ended:
        """The event of an outcome. An operation that began with nothing recorded since leaves one event, not two."""
        began, self._began = self._began, None
        if began is not None and began[0].name == call.name:
            opened, started = False, began[2]
        else:
            self._began = began
            entry = self.fold.checkpoints.open[-1] if self.fold.checkpoints.open else None
            opened = entry is not None and entry.name == call.name
            started = entry.began_at if entry is not None and opened else 0.0
        return Ended(
            call.op, call.name, call.digest, call.args, call.attempt, values, error, failed, opened, started, trace
        )  # fmt: skip

    def emit(self, event: Event) -> None:
        if self.guarding and not isinstance(event, Logged):
            raise PrimitiveError("a guard may use queries and File only, it cannot change the run")
        if not self._replay.done and self._replay.match(event, self.line):
            return
        self._deliver()
        with self._lock:
            self._append(event, self.line)
            self._effects += 1
            if self._effects >= self.procedure.checkpoint_interval:
                self.flush(sync=False)

    def finish(self, error: str | None = None) -> None:
        """The code returned, or raised an error: raises `Divergence` when the record goes on."""
        self._replay.finish(error)

    def _append(self, event: Event, line: int) -> Record:
        with self._lock:
            if self._began is not None:
                self._record_began()
            self._at = max(self._at, self.now())
            return self._put(Record(self._seq + 1, self._at, line, event))

    def _put(self, record: Record) -> Record:
        self._seq = record.seq
        if not self._rows:
            self._buffered_at = monotonic()
        self._rows.append(journal.event_row(self.run_id, record))
        self.fold.apply(record)
        if self._seq % SNAPSHOT_EVERY == 0 and self._replay.done:
            self._snapshot()
        return record

    def _snapshot(self) -> None:
        seq, data = self._seq, msgspec.json.encode(Outline.of(self.fold)).decode()
        self._actions.append(lambda connection: journal.save_snapshot(connection, self.run_id, seq, data))

    # ---- writing

    def flush(self, *, sync: bool) -> None:
        """Writes what is buffered; on the disk with `sync`."""
        with self._lock:
            if self._rows or self._actions:
                self._write(lambda _connection: None, sync=sync)

    def flush_older_than(self, moment: float) -> None:
        """Writes the buffer when its oldest event is older; called from the worker's flusher thread.

        `moment` is of the monotonic clock.
        """
        if (self._rows or self._began is not None) and self._buffered_at <= moment:
            with self._lock:
                self._record_began()
                self.flush(sync=False)

    def _write(self, last: Callable[[sqlite3.Connection], T], *, sync: bool, notable: bool = False) -> T:
        with self._lock:
            self._record_began()
            rows, actions = self._rows, self._actions
            # Before the end of the record the fold is behind what is recorded.
            stage = self.fold.stages.current if self._replay.done else self.run.stage

            def work(connection: sqlite3.Connection) -> tuple[int, T]:
                mail = runs.check_lease(connection, self.run_id, self._epoch)
                if stage != self._stage:
                    runs.enter_stage(connection, self.run_id, stage)
                journal.insert(connection, rows)
                for action in actions:
                    action(connection)
                return mail, last(connection)

            try:
                mail, result = self._database.write(work, sync=sync)
            except sqlite3.IntegrityError as error:
                # A commit that was reported as failed had been made after all: the journal knows better than we.
                raise StoreError(f"the journal of run {self.run_id} has what was to be written already") from error
            if actions or notable:
                self._environment.attention()
            self._rows, self._actions, self._effects, self._stage = [], [], 0, stage
            self._taken = set()
            if mail:
                self.mail = True
            return result

    def _transact(self, call: Call, work: Callable[[sqlite3.Connection], list[Value]]) -> list[Value]:
        """Does something in the workspace and records its outcome in the same transaction."""

        def last(connection: sqlite3.Connection) -> tuple[list[Value], Record | None]:
            values = work(connection)
            try:
                runs.check_lease(connection, self.run_id, self._epoch)
            except LeaseLost:  # it cancelled a run above itself, or itself
                return values, None
            event = Ended(call.op, call.name, call.digest, call.args, call.attempt, values)
            record = Record(self._seq + 1, max(self._at, self.now()), call.line, event)
            journal.append(connection, self.run_id, [record])
            return values, record

        with self._lock:
            values, record = self._write(last, sync=True, notable=True)
            if record is None:
                raise LeaseLost(f"run {self.run_id} cancelled itself")
            self._seq, self._at = record.seq, record.at
            self.fold.apply(record)
            self._settled = record.event  # pyright: ignore[reportAttributeAccessIssue] - it is the Ended made above
        return values

    def _deliver(self) -> None:
        """Moves what came from outside into the journal, at this operation or effect."""
        if not self.mail:
            return
        with self._lock:
            self.mail = False
            with self._database.read() as connection:
                letters = [letter for letter in requests.mail(connection, self.run_id) if letter.id not in self._taken]
            for letter in letters:
                data = letter.data if isinstance(letter.data, dict) else {}
                if letter.kind == "stop":
                    self._append(StopRequested(str(data.get("reason", "")), bool(data.get("success")), letter.by), 0)
                else:
                    self._append(MessageReceived(str(data.get("content", "")), letter.by), 0)
            if letters:
                self._taken.update(letter.id for letter in letters)
                self._actions.append(lambda connection: requests.deliver(connection, self.run_id, letters))

    # ---- waiting

    def wait(self, wait: Wait) -> bool:
        """Writes the buffer and suspends the run unless the wait is over already; True when it is over."""

        def settle(connection: sqlite3.Connection) -> bool:
            if ready(connection, wait, self.now()):
                return True
            runs.stop_waiting(connection, self.run_id)
            if isinstance(wait, ChildWait):
                runs.wait_for(connection, self.run_id, wait.children)
            text = msgspec.json.encode(wait).decode()
            runs.release(connection, self.run_id, status=status_of(wait), wake_at=wake_at(wait), waiting=text)
            runs.wake_watchers(connection, self.run_id)
            return False

        return self._write(settle, sync=bool(self._rows), notable=isinstance(wait, Now))

    # ---- people

    async def ask(self, call: Call, draft: Draft, *, attempt: int, timeout: float | None) -> Reply | None:
        name = self._posted(call, attempt)
        if name is None:
            self.begin(call)
            name = self._post(call, draft, attempt, timeout)
            await Pause(self._request_wait(name))
        while True:
            item = self.fold.requests.requests[name]
            if item.status is RequestStatus.PENDING:
                self._resolve(name)
            if item.status is RequestStatus.ANSWERED:
                return Reply(item.answer or {}, item.by, item.resolved_at or 0.0)
            if item.status is not RequestStatus.PENDING:
                return None
            await Pause(self._request_wait(name))

    def _posted(self, call: Call, attempt: int) -> str | None:
        entry = self.fold.checkpoints.open[-1] if self.fold.checkpoints.open else None
        if entry is None or entry.name != call.name:
            return None
        for name, item in reversed(self.fold.requests.requests.items()):
            if item.seq < entry.first:
                return None
            if item.event.attempt == attempt:
                return name
        return None

    def _post(self, call: Call, draft: Draft, attempt: int, timeout: float | None) -> str:
        with self._lock:
            self._record_began()
            seq = self._seq + 1
            name = f"{self.run_id}.{seq}"
            deadline = None if timeout is None else self.now() + timeout
            event = draft(request=name, deadline=deadline, attempt=attempt)
            record = self._append(event, call.line)
            self._actions.append(lambda connection: requests.post(connection, self.run_id, seq, event, record.at))
        return name

    def _request_wait(self, name: str) -> RequestWait:
        return RequestWait(name, self.fold.requests.requests[name].event.deadline)

    def _resolve(self, name: str) -> None:
        """Takes what became of a pending request into the journal."""
        with self._database.read() as connection:
            row = requests.get(connection, name)
            given = requests.answers(connection, name)
        status, deadline = row.status, row.deadline
        if status is RequestStatus.PENDING and deadline is not None and self.now() >= deadline:
            status = self._write(lambda connection: self._time_out(connection, name), sync=True)
            if status is RequestStatus.ANSWERED:
                with self._database.read() as connection:
                    given = requests.answers(connection, name)
        if status is RequestStatus.ANSWERED:
            last = given[-1]
            by = ", ".join(dict.fromkeys(answer.by for answer in given if answer.by))
            self._append(Responded(name, last.answer, by, last.audit or None, last.at), 0)
        elif status is RequestStatus.TIMED_OUT:
            self._append(RequestTimedOut(name), 0)

    def _time_out(self, connection: sqlite3.Connection, name: str) -> RequestStatus:
        requests.resolve(connection, name, RequestStatus.TIMED_OUT, at=self.now(), by="timeout")
        return requests.get(connection, name).status

    # ---- time

    async def sleep(self, call: Call, seconds: float) -> None:
        detail = self.begin(call, {"due": self.now() + seconds})
        due = detail.get("due") if isinstance(detail, dict) else None
        if not isinstance(due, (int, float)):
            return
        while self.now() < due:
            await Pause(TimeWait(float(due)))

    # ---- children

    def start_child(self, call: Call, name: str, params: dict[str, Value], *, detached: bool) -> str:
        reopened = self._replay.reopened
        if reopened is not None and reopened.name == call.name and isinstance(reopened.detail, dict):
            return str(reopened.detail.get("child"))
        handle = launch.derived_id(self.run_id, self.fold.attempt, self._seq + 1)
        program, checked, left = self._child_program(name, params, detached=detached)
        seed = launch.derived_seed(self.fold.started.seed if self.fold.started else 0, handle)
        starter = self.fold.started.starter if self.fold.started else ""
        start = launch.Start(handle, program, checked, seed, self.now(), starter, self.run, left)
        if detached:

            def work(connection: sqlite3.Connection) -> list[Value]:
                launch.create(connection, start)
                return [handle]

            self._transact(call, work)
        else:
            with self._lock:
                self.begin(call, {"child": handle})
                self._actions.append(lambda connection: launch.create(connection, start))
        return handle

    def _child_program(
        self, name: str, params: dict[str, Value], *, detached: bool
    ) -> tuple[Program, dict[str, Value], int]:
        started = self.fold.started
        left = started.depth_left if started else 0
        if left < 1:
            raise DepthError(
                f'cannot start "{name}": procedures may nest at most {self.procedure.max_depth} deep here (max_depth)'
            )
        try:
            program = self.program.inline(name) or self._environment.sources.find(name)
            if detached and not program.procedure.async_:
                raise PrimitiveError(f'"{name}" declares async: false, so it cannot be spawned; use Procedure.run')
            return program, launch.check(program, params, self._environment.sources.names), left
        except PrimitiveError:
            raise
        except ProcError as error:
            raise PrimitiveError(str(error)) from None

    async def join(
        self, call: Call, handles: Sequence[str], *, until: Literal["any", "all", "change"], timeout: float | None
    ) -> list[ChildOutcome] | None:
        deadline: float | None = None
        if timeout is not None:
            detail = self.begin(call, {"deadline": self.now() + timeout})
            found = detail.get("deadline") if isinstance(detail, dict) else None
            deadline = float(found) if isinstance(found, (int, float)) else None
        seen: tuple[tuple[str, str | None], ...] = ()
        while True:
            fresh = any(handle == self._unborn(call) for handle in handles)
            if not fresh:
                outcomes = self.children(handles)
                ended = [outcome.status.ended for outcome in outcomes]
                now = tuple((outcome.status.value, outcome.stage) for outcome in outcomes)
                over = any(ended) if until == "any" else all(ended)
                if over or (until == "change" and seen and now != seen):
                    return outcomes
                if deadline is not None and self.now() >= deadline:
                    return None
                seen = seen or now
            self.begin(call)
            await Pause(ChildWait(tuple(handles), until, deadline, seen))

    def _unborn(self, call: Call) -> str | None:
        """The child of `Procedure.run` while its creation is still in the buffer."""
        reopened = self._replay.reopened
        if self._actions and reopened is not None and reopened.name == call.name and isinstance(reopened.detail, dict):
            return str(reopened.detail.get("child"))
        return None

    def children(self, handles: Sequence[str]) -> list[ChildOutcome]:
        with self._database.read() as connection:
            return [self._child(connection, handle) for handle in handles]

    def _child(self, connection: sqlite3.Connection, handle: str) -> ChildOutcome:
        row = self._known(connection, handle)
        stage = row.stage
        if row.status in (RunStatus.COMPLETED, RunStatus.FAILED):
            ends = journal.window(connection, handle, [RunEnded.kind], row.history, limit=1, newest=True)
            event = ends[0].event if ends else None
            if isinstance(event, RunEnded):
                return ChildOutcome(handle, row.status, event.result, event.error, stage)
        request: Value = None
        if row.status is RunStatus.WAITING_FOR_HUMAN:
            pending = requests.listing(connection, run=handle)
            request = {"id": pending[0].id, "type": pending[0].type, "message": pending[0].message} if pending else None
        return ChildOutcome(handle, row.status, None, row.error, stage, request)

    def _known(self, connection: sqlite3.Connection, handle: str) -> Run:
        try:
            row = runs.get(connection, handle)
        except NotFound:
            raise PrimitiveError(f'unknown handle "{handle}"') from None
        if row.root not in (self.run.root, *self._origins(connection)):
            raise PrimitiveError(f'unknown handle "{handle}": it is not a child of this run')
        return row

    def _origins(self, connection: sqlite3.Connection) -> list[str]:
        """The trees of the runs that this one was forked from: it may wait for their children."""
        found: list[str] = []
        origin = self.run.forked_from
        while origin is not None and len(found) < SNAPSHOT_EVERY:
            row = runs.find(connection, origin)
            if row is None:
                break
            found.append(row.root)
            origin = row.forked_from
        return found

    def send_child(self, call: Call, handle: str, message: str) -> bool:
        def work(connection: sqlite3.Connection) -> list[Value]:
            row = self._known(connection, handle)
            sent = not row.status.ended and requests.send(
                connection, handle, "message", {"content": message}, by=f"run {self.run_id}", at=self.now()
            )
            return [sent]

        return bool(self._transact(call, work)[0])

    def cancel_child(self, call: Call, handle: str) -> bool:
        def work(connection: sqlite3.Connection) -> list[Value]:
            self._known(connection, handle)
            return [cancel(connection, handle, by=f"run {self.run_id}", now=self.now())]

        return bool(self._transact(call, work)[0])

    # ---- the end

    def restart(self, call: Call, params: dict[str, Value]) -> None:
        try:
            checked = launch.check(self.program, params, self._environment.sources.names)
        except ProcError as error:
            raise PrimitiveError(str(error)) from None
        with self._lock:
            attempt = self.fold.attempt + 1
            seed = launch.derived_seed(self.fold.seed, attempt)
            self._append(AttemptBegan(attempt, keep=2, why="restart", params=checked, seed=seed), call.line)
            history = journal.encode_ranges([(1, 1), (self._seq, None)])
            if self.fold.tools.stop is not None:
                # Whoever asked the run to stop meant the run, and would wait for ever for a loop that restarts.
                self._append(self.fold.tools.stop, 0)

            def last(connection: sqlite3.Connection) -> None:
                runs.revive(
                    connection, self.run_id, attempt=attempt, history=history,
                    source=self.program.source, stage=None, now=self._at,
                )  # fmt: skip
                runs.stop_waiting(connection, self.run_id)
                runs.set_params(connection, self.run_id, encode(checked))

            self._write(last, sync=True, notable=True)
        raise Restarted

    def end(self, event: RunEnded) -> None:
        """Records how the run ended and lets go of it."""
        error = event.message or None

        def last(connection: sqlite3.Connection) -> None:
            runs.end(connection, self.run_id, status=RunStatus(event.status), now=self._at, error=error)
            runs.stop_waiting(connection, self.run_id)

        with self._lock:
            self._append(event, 0)
            self._write(last, sync=True, notable=True)

    def block(self, reason: str, *, again_at: float) -> None:
        """This worker lacks something the run needs: lets go of it and says so."""
        self._write(
            lambda connection: runs.release(
                connection, self.run_id, status=RunStatus.BLOCKED, wake_at=again_at, error=reason
            ),
            sync=False,
        )

    def file_path(self, path: str) -> str:
        root = Path(self._environment.file_root).resolve()
        if not path or "\0" in path:
            raise PrimitiveError(f'"{path}" is not a path')
        given = Path(path)
        if given.is_absolute() or ".." in given.parts:
            raise PrimitiveError(f'"{path}" leads outside the file root; give a path below it, without ".."')
        target = (root / given).resolve()
        if not target.is_relative_to(root):
            raise PrimitiveError(f'"{path}" is a link that leads outside the file root')
        return str(target)


def procedure_file(program: Program) -> str:
    """The file's name as messages show it."""
    return program.bundle.file
