"""One run, read for the screen: the view that every pane is given, and the windows that a pane asks for.

A `RunReader` is used in threads only (`Pane.read` does that), and what it returns is immutable. It keeps the fold of
the run and adds what is new to it, so that looking again costs what happened since. `look` is the general way: it
calls a function with the fold, and nothing of the fold may leave that function but copies. The named readings below
are the usual ones. Belongs here: reading. Never: widgets, or anything that changes a run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from ...core.journal.events import (
    EVENTS,
    Alerted,
    AttemptBegan,
    Began,
    Ended,
    Logged,
    Notified,
    Record,
    ReplyFailed,
    RunEnded,
    StageSet,
    StateAppended,
    StateCleared,
    StateIncremented,
    StateSet,
)
from ...core.journal.folds import RunFold
from ...core.journal.requests import PendingRequest
from ...core.journal.runs import Partial, Run
from ...core.model.states import RequestStatus, RunStatus
from ...core.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.operator import Operator

T = TypeVar("T")

ALL_KINDS = tuple(EVENTS)
LEVELS = ("debug", "info", "warn", "error")
"""Of log lines, least first."""


class StageView(msgspec.Struct, frozen=True):
    """A stage of the run, declared or entered."""

    name: str
    state: str
    """`done`, `current`, `ahead`, or `failed` where the run failed."""
    seconds: float = 0.0
    """How long the run was in it."""
    since: float | None = None
    """When the current one was entered last."""


class RunView(msgspec.Struct, frozen=True):
    """A run at a moment: what every pane is given."""

    run: Run
    """Its row, as it is now also when an earlier moment is looked at."""
    seq: int
    """The newest event shown."""
    last: int
    """The newest event there is."""
    now: float
    """When this was read."""
    at: int | None = None
    """The event whose moment is looked at; None when it is the present."""
    moment: float | None = None
    """When that event was recorded."""
    version: int = 0
    """Changes whenever anything of the run does."""
    stages: tuple[StageView, ...] = ()
    stage: str | None = None
    attempt: int = 1
    requests: tuple[PendingRequest, ...] = ()
    """What the run and the runs below it ask now; empty for an earlier moment."""
    partial: Partial | None = None
    """What has arrived of the reply that the run waits for."""
    ending: RunEnded | None = None
    driver: str | None = None
    """Who drives it, as `host:pid`."""
    operations: int = 0
    messages: int = 0
    nodes: int = 0
    keys: int = 0
    """How many entries its State has."""

    @property
    def live(self) -> bool:
        """Whether this is the present: only then can anything be answered or sent."""
        return self.at is None


class LogLine(msgspec.Struct, frozen=True):
    """A line of the log."""

    seq: int
    at: float
    line: int
    """Of the procedure's file; 0 when none."""
    level: str
    message: str
    kind: str
    """`log`, `notice`, `alert` or `retry`."""
    context: Value = None


class LogWindow(msgspec.Struct, frozen=True):
    """Some lines of the log, oldest first."""

    lines: tuple[LogLine, ...]
    first: bool
    """Whether there is none before them."""
    last: bool
    """Whether there is none after them, at this moment."""
    upto: int = 0
    """The newest event that was looked at: where to go on from."""


class StateChange(msgspec.Struct, frozen=True):
    """What the latest operation did to a key."""

    how: str
    """`added`, `changed` or `removed`."""
    before: Value = None


class StateView(msgspec.Struct, frozen=True):
    """The run's State; nothing in it changes any more."""

    values: dict[str, Value]
    changes: dict[str, StateChange]
    by: int = 0
    """The event of the newest change."""


class CheckpointRow(msgspec.Struct, frozen=True):
    """An operation of the run."""

    name: str
    op: str
    line: int
    first: int
    seq: int
    level: int
    began_at: float
    ended_at: float | None
    failed: bool
    tokens: int | None = None
    cost: float | None = None


class SourceView(msgspec.Struct, frozen=True):
    """The procedure as the run has pinned it."""

    file: str
    text: str
    line: int
    """Where the run is, or was; 0 when unknown."""


class RunReader:
    """Reads one run; may be shared by threads, which wait for each other."""

    def __init__(self, operator: Operator, run: str, *, now: Callable[[], float]) -> None:
        self.id: str = run
        self._operator: Operator = operator
        self._now: Callable[[], float] = now
        self._lock: threading.Lock = threading.Lock()
        self._live: _Read = _Read()
        self._past: tuple[int, _Read] | None = None
        self._declared: tuple[str, tuple[str, ...]] | None = None
        self._view: RunView | None = None
        self._version: int = 0

    def view(self, *, at: int | None = None, partial: Partial | None = None) -> RunView:
        """The run now, or as it was when an event was recorded; the same object while nothing changed."""
        with self._lock:
            run = self._operator.run(self.id)
            read = self._read(run, at)
            if run.status is not RunStatus.RUNNING or at is not None:
                partial = None
            elif partial is None:
                partial = self._operator.partial(run)
            tree = self._operator.inbox(root=run.root) if at is None and not run.status.ended else []
            fold = read.fold
            conversations = fold.agents.conversations
            view = RunView(
                run=run, seq=read.seq, last=run.last_seq, now=0.0, at=at, moment=read.at if at is not None else None,
                stages=self._stages(run, read), stage=fold.stages.current, attempt=fold.attempt,
                requests=tuple(self._below(run, tree)), partial=partial,
                ending=fold.ended if at is not None or run.status.ended else None,
                driver=self._operator.driven_by(run) if run.owner else None,
                operations=len(fold.checkpoints.entries),
                messages=len(fold.session.messages) + sum(len(one.messages) for one in conversations.values()),
                nodes=len(fold.graph.nodes), keys=len(fold.state.values),
            )  # fmt: skip
            before = self._view
            if before is not None and view == msgspec.structs.replace(before, now=0.0, version=0):
                return before
            self._version += 1
            self._view = msgspec.structs.replace(view, now=self._now(), version=self._version)
            return self._view

    def look(self, view: RunView, reading: Callable[[RunFold], T]) -> T:
        """What a function makes of the run's fold at the view's moment; it must return copies, and be quick."""
        with self._lock:
            return reading(self._read(view.run, view.at).fold)

    def records(
        self, view: RunView, *, after: int = 0, kinds: Sequence[str] = ALL_KINDS, limit: int = -1, newest: bool = False
    ) -> list[Record]:
        """Records of some kinds after an event, up to the view's moment, oldest first."""
        found = self._operator.log(view.run, after=after, kinds=kinds, limit=limit, newest=newest)
        return found if view.at is None else [record for record in found if record.seq <= view.at]

    def log(
        self,
        view: RunView,
        *,
        after: int | None = None,
        before: int | None = None,
        level: str = "debug",
        limit: int = 500,
    ) -> LogWindow:
        """Lines of the log from a level on: those after an event, those before one, or the newest."""
        levels = () if level == LEVELS[0] else _from(level)
        if after is not None:
            records = self._operator.log_lines(view.run, levels=levels, at=view.at, after=after, limit=limit)
            full = len(records) == limit
            newest = records[-1].seq if records else 0
            seen = newest if full else max(after, view.seq, newest)
            return LogWindow(tuple(map(line_of, records)), first=after <= 0, last=not full, upto=seen)
        records = self._operator.log_lines(
            view.run, levels=levels, at=view.at, before=before, limit=limit + 1, newest=True
        )
        lines = tuple(map(line_of, records[-limit:]))
        upto = max(view.seq, records[-1].seq if records else 0)
        return LogWindow(lines, first=len(records) <= limit, last=before is None, upto=upto)

    def state(self, view: RunView) -> StateView:
        """The State and what changed in it last."""
        with self._lock:
            read = self._read(view.run, view.at)
            return StateView(
                {
                    key: list(value) if isinstance(value, list) else value
                    for key, value in read.fold.state.values.items()
                },
                dict(read.changes.items()),
                read.changed_by,
            )

    def checkpoints(self, view: RunView) -> tuple[CheckpointRow, ...]:
        """Every operation, in order."""

        def reading(fold: RunFold) -> tuple[CheckpointRow, ...]:
            used = fold.agents.used_by
            return tuple(
                CheckpointRow(
                    entry.name, entry.op, entry.line, entry.first, entry.seq, entry.level, entry.began_at,
                    entry.ended_at if entry.ended else None, entry.failed,
                    (used[entry.name].input or 0) + (used[entry.name].output or 0) if entry.name in used else None,
                    used[entry.name].cost if entry.name in used else None,
                )
                for entry in fold.checkpoints.entries
            )  # fmt: skip

        return self.look(view, reading)

    def source(self, view: RunView) -> SourceView:
        """The pinned text, and the line of the newest event that has one."""
        text = self._operator.source(view.run)
        with self._lock:
            read = self._read(view.run, view.at)
            return SourceView(view.run.file, text, read.line)

    # ---- inside

    def _read(self, run: Run, at: int | None) -> _Read:
        if at is not None:
            if self._past is None or self._past[0] != at:
                self._past = (at, _Read(self._operator.records(run, at=at)))
            return self._past[1]
        if self._live.history != run.history:
            self._live = _Read(self._operator.records(run))
            self._live.history = run.history
        elif run.last_seq > self._live.seq:
            self._live.add(self._operator.log(run, after=self._live.seq, kinds=ALL_KINDS))
        return self._live

    def _below(self, run: Run, pending: Sequence[PendingRequest]) -> list[PendingRequest]:
        if run.parent is None:
            return list(pending)
        below = {row.id for row, _ in self._operator.tree(run)}
        return [request for request in pending if request.run in below and request.status is RequestStatus.PENDING]

    def _stages(self, run: Run, read: _Read) -> tuple[StageView, ...]:
        declared = self._stages_of(run)
        current = read.fold.stages.current
        order = [*declared, *(name for name in read.stages if name not in declared)]
        reached = order.index(current) if current in order else -1
        ended = read.fold.ended
        views: list[StageView] = []
        for place, name in enumerate(order):
            seconds = read.stages.get(name, 0.0)
            over = name in read.stages or place < reached
            state = "done" if over else "ahead"
            since: float | None = None
            if name == current and not (ended is not None and ended.status == RunStatus.COMPLETED):
                state = "failed" if ended is not None else "current"
                since = read.entered_at if ended is None else None
            if ended is not None and name == current:
                seconds += max(0.0, read.at - read.entered_at)
            views.append(StageView(name, state, seconds, since))
        return tuple(views)

    def _stages_of(self, run: Run) -> tuple[str, ...]:
        if self._declared is None or self._declared[0] != run.source:
            self._declared = (run.source, _declared_stages(self._operator.source(run), run.path))
        return self._declared[1]


def _declared_stages(text: str, path: str) -> tuple[str, ...]:
    """The stages that a document declares, or those of one of its inline procedures."""
    import yaml

    if "stages:" not in text:
        return ()
    try:
        found: object = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError:
        return ()
    for name in path.split("/") if path else ():
        found = _field(_field(found, "procedures"), name)
    stages = _field(found, "stages")
    return tuple(str(name) for name in cast("list[object]", stages)) if isinstance(stages, list) else ()


def _field(table: object, name: str) -> object:
    return cast("dict[object, object]", table).get(name) if isinstance(table, dict) else None


class _Read:
    """A fold, and what the view needs besides: it is added to as the run goes on."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.fold: RunFold = RunFold()
        self.history: object = None
        self.seq: int = 0
        self.at: float = 0.0
        self.line: int = 0
        self.stages: dict[str, float] = {}
        """Seconds in each stage that was entered, but the current visit."""
        self.entered_at: float = 0.0
        self.changes: dict[str, StateChange] = {}
        self.changed_by: int = 0
        self._bounded: bool = False
        """Whether an operation ended since the newest change of the State."""
        self.add(records)

    def add(self, records: Sequence[Record]) -> None:
        """Takes what is new."""
        for record in records:
            event = record.event
            if isinstance(event, (StateSet, StateIncremented, StateAppended, StateCleared)):
                self._changes(event, record)
            elif isinstance(event, StageSet):
                current = self.fold.stages.current
                if current is not None:
                    self.stages[current] = self.stages.get(current, 0.0) + max(0.0, record.at - self.entered_at)
                self.stages.setdefault(event.stage, 0.0)
                self.entered_at = record.at
            elif isinstance(event, (Began, Ended, AttemptBegan)):
                self._bounded = True
            self.fold.apply(record)
            self.seq, self.at = record.seq, record.at
            self.line = record.line or self.line

    def _changes(self, event: StateSet | StateIncremented | StateAppended | StateCleared, record: Record) -> None:
        if self._bounded:
            self.changes, self._bounded = {}, False
        self.changed_by = record.seq
        values = self.fold.state.values
        for key in list(values) if isinstance(event, StateCleared) else (event.key,):
            before = values.get(key)
            first = self.changes.get(key)
            gone = isinstance(event, StateCleared) or (isinstance(event, StateSet) and event.value is None)
            if first is not None:
                before = first.before
            elif isinstance(before, list):
                before = list(before)
            how = "removed" if gone else "added" if before is None else "changed"
            self.changes[key] = StateChange(how, before)


def _from(level: str) -> tuple[str, ...]:
    """The names that levels from this one on have, in logs, notifications and alerts."""
    loud = ("warn", "warning", "error", "critical", "fatal", "high")
    return {"info": ("info", "notice", *loud), "warn": loud}.get(level, loud[2:])


def line_of(record: Record) -> LogLine:
    """The line of a record that a log shows."""
    match record.event:
        case Logged(level=level, message=message, context=context):
            return LogLine(record.seq, record.at, record.line, level, message, "log", context)
        case Notified(level=level, message=message, content=content):
            return LogLine(record.seq, record.at, record.line, level, message, "notice", content)
        case Alerted(level=level, message=message, context=context):
            return LogLine(record.seq, record.at, record.line, level, message, "alert", context)
        case ReplyFailed(level=level, message=message, context=context):
            return LogLine(record.seq, record.at, record.line, level, message, "retry", context)
        case event:
            return LogLine(record.seq, record.at, record.line, "info", event.kind, "log")
