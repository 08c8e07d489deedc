"""Recording one run: what it does collects in a buffer and is written in one transaction, or is recalled.

Belongs here: recalling and appending, the buffer and its transactions, the delivery of mail. Never: what an operation
asks of the world (`local.py`), or Lua.

The buffer is written at the latest with the next outcome. The first statement of each transaction is the check of the
lease, so that a worker that lost its run writes nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ..errors import LeaseLost, PrimitiveError, StoreBusy, StoreError, StoreFull
from ..journal import journal, requests, runs
from ..journal.events import (
    Began,
    Ended,
    Event,
    Logged,
    MessageReceived,
    Record,
    StopRequested,
)
from ..journal.folds import RunFold
from ..journal.folds.agents import TURN
from ..journal.folds.outline import Outline
from ..model.messages import Usage
from ..primitives.execution import Call
from ..values import Value
from .replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..document import Procedure
    from ..journal.database import Database
    from ..journal.runs import Run
    from .environment import Environment
    from .sources import Program

T = TypeVar("T")

BODIES = ("step", "guard", TURN)
"""Operations in which the code goes on, which finds what is recorded there itself."""
PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between the tries to write what was paid for."""
SNAPSHOT_EVERY = 1000
"""How many events lie at least between two snapshots of a run's outline."""


class Recording:
    """The recording half of `LocalContext`, for one run under one lease."""

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
        self._replay: Replay = Replay(records, self.fold.apply, program.bundle.file)
        self._epoch: int = run.epoch
        self._seq: int = run.last_seq
        self._stage: str | None = run.stage
        """The stage that listings show."""
        self._at: float = max((record.at for record in records[-1:]), default=0.0)
        self._rows: list[tuple[journal.Row, bytes | None]] = []
        self._actions: list[Callable[[sqlite3.Connection], None]] = []
        self._snapshot_at: int = (run.last_seq // SNAPSHOT_EVERY + 1) * SNAPSHOT_EVERY
        self._lock: threading.RLock = threading.RLock()
        self._effects: int = 0
        self._buffered_at: float = 0.0
        """When the buffer got its first record, by a clock that nobody sets."""
        self._taken: set[int] = set()
        """Mail that was taken into the buffer and is still in the inbox, whose numbers are used again."""
        self._began: tuple[Began, int, float] | None = None
        """An operation that began, its line and moment, while nothing else was recorded since."""
        self._settled: Ended | None = None
        self.used: Usage = Usage(input=run.tokens_in, output=run.tokens_out, cost=run.cost)
        """What the run's models used, over all its attempts."""
        self._paid: bool = False
        """Whether the buffer has what was paid for."""
        self._interrupted: threading.Event = threading.Event()

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
                if call.op not in BODIES:
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

    def complete(self, call: Call, values: list[Value], detail: Value = None) -> Ended:
        return self._end(call, values, None, failed=False, detail=detail)

    def fail(self, call: Call, error: Value, *, trace: str = "") -> Ended:
        return self._end(call, [], error, failed=True, trace=trace)

    def _end(
        self, call: Call, values: list[Value], error: Value, *, failed: bool, trace: str = "", detail: Value = None
    ) -> Ended:
        settled, self._settled = self._settled, None
        if settled is not None:
            return settled
        if not self._replay.done:
            self._replay.leave(call)
        with self._lock:
            event = self._outcome(call, values, error, failed=failed, trace=trace, detail=detail)
            self._append(event, call.line)
        self._flush_outcome()
        return event

    def _outcome(
        self, call: Call, values: list[Value], error: Value, *, failed: bool, trace: str, detail: Value
    ) -> Ended:
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
            call.op, call.name, call.digest, call.args, call.attempt, values, error, failed, opened, started, trace,
            detail,
        )  # fmt: skip

    # ---- parts of an operation

    def note(self, *events: Event) -> None:
        if not self._replay.done:
            self._replay.end_of_parts(self.line)
        with self._lock:
            for event in events:
                self._append(event, self.line)

    def recall_part(self, calls: Mapping[str, Call]) -> Ended | None:
        return None if self._replay.done else self._replay.recall_part(calls)

    def record_part(
        self, call: Call, values: list[Value], *, error: Value = None, detail: Value = None, started_at: float = 0.0,
        usage: Usage | None = None, last: bool = False, notes: Sequence[Event] = (),
    ) -> Ended:  # fmt: skip
        if not self._replay.done:
            self._replay.end_of_parts(self.line)
        event = Ended(
            call.op, call.name, call.digest, call.args, call.attempt, values, error, error is not None,
            started_at=started_at, detail=detail,
        )  # fmt: skip
        with self._lock:
            for note in notes:
                self._append(note, call.line)
            self._append(event, call.line)
            if usage is not None:
                self.use(usage)
        if not last:
            self._flush_outcome()
        return event

    def use(self, usage: Usage) -> None:
        """Counts what a model used, in the next transaction."""
        self.used, self._paid = self.used.plus(usage), True
        at = self.now()
        self._actions.append(lambda connection: runs.add_usage(connection, self.run_id, usage, at))
        self._actions.append(lambda connection: runs.forget_partial(connection, self.run_id))

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
        self._keep_outline()
        return record

    def _keep_outline(self) -> None:
        if self._seq < self._snapshot_at or not self._replay.done:
            return
        outline = Outline.of(self.fold)
        data = msgspec.json.encode(outline).decode()
        self._snapshot_at = self._seq + max(SNAPSHOT_EVERY, len(data) // journal.SNAPSHOT_BYTES)
        self._actions.append(lambda connection: journal.save_snapshot(connection, self.run_id, outline, data))

    # ---- writing

    def flush(self, *, sync: bool) -> None:
        """Writes what is buffered; on the disk with `sync`."""
        with self._lock:
            if self._rows or self._actions:
                self._write(lambda _connection: None, sync=sync)

    def interrupt(self) -> None:
        """Ends what the activation waits for. From any thread."""
        self._interrupted.set()

    def _flush_outcome(self) -> None:
        """Writes an outcome. One that was paid for is held on to for a while when the store has no room or time."""
        for seconds in PATIENCE if self._paid else ():
            try:
                self.flush(sync=True)
            except (StoreBusy, StoreFull):
                if self._interrupted.wait(seconds):
                    break
            else:
                self._paid = False
                return
        self.flush(sync=True)
        self._paid = False

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
            self._keep_outline()
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
