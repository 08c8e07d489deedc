"""One run, read for the screen: the view that every pane is given, and the windows that a pane asks for.

A `RunReader` is used in threads only (`Pane.read` does that), and what it returns is immutable. It reads by windows, so
that a run of a million events costs what is shown of it. Belongs here: reading. Never: widgets, or anything that
changes a run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import msgspec

from ...core.journal.events import (
    EVENTS,
    Alerted,
    AttemptBegan,
    Began,
    Logged,
    MessageAppended,
    Notified,
    Prompted,
    Record,
    ReplyFailed,
    RunEnded,
    StateAppended,
    StateCleared,
    StateIncremented,
    StateSet,
)
from ...core.journal.requests import PendingRequest
from ...core.journal.runs import Partial, Run
from ...core.model.states import RequestStatus, RunStatus
from ...core.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.journal.folds.outline import Outline
    from ...core.journal.journal import Ranges
    from ...core.operator import Operator

ALL_KINDS = tuple(EVENTS)
LEVELS = ("debug", "info", "warn", "error")
"""Of log lines, least first."""
_STATE_KINDS = (StateSet.kind, StateIncremented.kind, StateAppended.kind, StateCleared.kind)
_SAID = (MessageAppended.kind, Prompted.kind)


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


class RunReader:
    """Reads one run; may be shared by threads, which wait for each other."""

    def __init__(self, operator: Operator, run: str, *, now: Callable[[], float]) -> None:
        self.id: str = run
        self._operator: Operator = operator
        self._now: Callable[[], float] = now
        self._lock: threading.Lock = threading.Lock()
        self._known: tuple[object, Outline] | None = None
        self._declared: tuple[str, tuple[str, ...]] | None = None
        self._view: RunView | None = None
        self._version: int = 0

    def view(self, *, at: int | None = None, partial: Partial | None = None) -> RunView:
        """The run now, or as it was when an event was recorded; the same object while nothing changed."""
        with self._lock:
            run = self._operator.run(self.id)
            outline = self._outline(run, at)
            if run.status is not RunStatus.RUNNING or at is not None:
                partial = None
            elif partial is None:
                partial = self._operator.partial(run)
            tree = self._operator.inbox(root=run.root) if at is None and not run.status.ended else []
            ending = self._ending(run, outline)
            view = RunView(
                run=run, seq=outline.seq, last=run.last_seq, now=0.0, at=at,
                moment=outline.at if at is not None else None, stages=self._stages(run, outline, ending),
                stage=outline.stage, attempt=outline.attempt, requests=tuple(self._below(run, tree)), partial=partial,
                ending=ending, driver=self._operator.driven_by(run) if run.owner else None,
                operations=outline.operations, messages=sum(outline.kinds.get(kind, 0) for kind in _SAID),
                nodes=outline.nodes, keys=len(outline.state),
            )  # fmt: skip
            before = self._view
            if before is not None and view == msgspec.structs.replace(before, now=0.0, version=0):
                return before
            self._version += 1
            self._view = msgspec.structs.replace(view, now=self._now(), version=self._version)
            return self._view

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
        """The State and what the latest operation, or what came after it, changed in it."""
        run = _until(view)
        values = self._operator.outline(view.run, at=view.at).state
        newest = self._operator.log(run, kinds=_STATE_KINDS, limit=1, newest=True)
        if not newest:
            return StateView(values, {}, 0)
        by = newest[-1].seq
        run = msgspec.structs.replace(run, history=_cut(run.history, by - 1))
        bounds = self._operator.log(run, kinds=(AttemptBegan.kind,), limit=1, newest=True)
        ended = self._operator.step(run, by, "previous checkpoint") or 0
        began = self._operator.log(run, after=ended, kinds=(Began.kind,), limit=1, newest=True)
        bound = max(ended, *(record.seq for record in (*bounds, *began)), 0)
        before = self._operator.outline(view.run, at=bound).state if bound else {}
        return StateView(values, _changes(before, values), by)

    # ---- inside

    def _outline(self, run: Run, at: int | None) -> Outline:
        """What the run adds up to; kept while nothing is new."""
        key = (run.history, run.last_seq, at)
        if self._known is None or self._known[0] != key:
            self._known = (key, self._operator.outline(run, at=at))
        return self._known[1]

    def _ending(self, run: Run, outline: Outline) -> RunEnded | None:
        if outline.ended is None:
            return None
        until = msgspec.structs.replace(run, history=[(1, outline.seq)])
        found = self._operator.log(until, kinds=(RunEnded.kind,), limit=1, newest=True)
        event = found[0].event if found else None
        return event if isinstance(event, RunEnded) else None

    def _below(self, run: Run, pending: Sequence[PendingRequest]) -> list[PendingRequest]:
        if run.parent is None:
            return list(pending)
        below = {row.id for row, _ in self._operator.tree(run)}
        return [request for request in pending if request.run in below and request.status is RequestStatus.PENDING]

    def _stages(self, run: Run, outline: Outline, ended: RunEnded | None) -> tuple[StageView, ...]:
        declared = self._stages_of(run)
        current = outline.stage
        spent: dict[str, float] = {}
        changes = outline.stages
        for place, change in enumerate(changes):
            end = changes[place + 1].timestamp if place + 1 < len(changes) else change.timestamp
            spent[change.to_stage] = spent.get(change.to_stage, 0.0) + max(0.0, end - change.timestamp)
        entered = changes[-1].timestamp if changes else outline.at
        if current is not None:
            spent.setdefault(current, 0.0)
        order = [*declared, *(name for name in spent if name not in declared)]
        reached = order.index(current) if current in order else -1
        views: list[StageView] = []
        for place, name in enumerate(order):
            seconds = spent.get(name, 0.0)
            state = "done" if name in spent or place < reached else "ahead"
            since: float | None = None
            if name == current and not (ended is not None and ended.status == RunStatus.COMPLETED):
                state = "failed" if ended is not None else "current"
                since = entered if ended is None else None
            if ended is not None and name == current:
                seconds += max(0.0, outline.at - entered)
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


def _until(view: RunView) -> Run:
    """The run with the history that it had at the view's moment, as far as that is part of its present one."""
    return view.run if view.at is None else msgspec.structs.replace(view.run, history=_cut(view.run.history, view.at))


def _cut(history: Ranges, at: int) -> Ranges:
    """The history up to an event."""
    return [(first, at if last is None else min(last, at)) for first, last in history if first <= at]


def _changes(before: dict[str, Value], after: dict[str, Value]) -> dict[str, StateChange]:
    """How the keys differ."""
    found: dict[str, StateChange] = {}
    for key in dict.fromkeys((*after, *before)):
        if key not in after:
            found[key] = StateChange("removed", before[key])
        elif key not in before:
            found[key] = StateChange("added")
        elif before[key] != after[key]:
            found[key] = StateChange("changed", before[key])
    return found


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
