"""The outline of a run at one record: what a reader shows at once, however long the run is.

Belongs here: the parts of a run that do not grow with its length, and the fold that carries them on from a snapshot.
Never: lists that grow, which are read by window (`journal/windows.py`). An outline adds up to the same from the first
record as from any snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...model.messages import Usage
from ...values import Value
from ..events import (
    AttemptBegan,
    Began,
    Ended,
    NodeCreated,
    NodeSelected,
    RunEnded,
    RunResumed,
    RunStarted,
    StageSet,
    StopRequested,
)
from .agents import REPLY, reply_of
from .fold import appliers
from .stages import StageChange
from .state import StateFold

if TYPE_CHECKING:
    from ..events import Record
    from .run import RunFold


class OpenOperation(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation that has begun and not ended."""

    op: str
    name: str
    seq: int
    """Of the record with which it began."""
    line: int
    at: float


class Outline(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run at one record. `kinds` counts the events that are in force up to there, by kind."""

    seq: int
    attempt: int
    clock: float
    """The time that the code sees."""
    state: dict[str, Value]
    kinds: dict[str, int]
    stage: str | None = None
    root: str | None = None
    """The first node of the graph."""
    node: str | None = None
    """The current one."""
    usage: Usage = Usage()
    """Of the models' replies in this history."""
    unpriced: int = 0
    """How many of them have no known price."""
    open: list[OpenOperation] = []
    """Outermost first."""
    stop: bool = False
    """Whether somebody asked the run to stop."""
    ended: str | None = None
    """The status with which it ended."""
    at: float = 0.0
    """When the record was made."""
    line: int = 0
    """The source line of the last operation or effect."""
    stages: list[StageChange] = []
    """How it came to its stage, the latest changes; read by window, never kept in a snapshot."""

    @property
    def nodes(self) -> int:
        """How many nodes the graph has."""
        return self.kinds.get(NodeCreated.kind, 0)

    @property
    def operations(self) -> int:
        """How many operations have begun, those that ended among them."""
        return self.kinds.get(Ended.kind, 0) + len(self.open)

    @classmethod
    def of(cls, fold: RunFold) -> Outline:
        """The outline of a run as its fold has it now."""
        opened = fold.checkpoints.open
        return cls(
            seq=fold.seq, attempt=fold.attempt, clock=fold.clock, state=fold.state.values, kinds=dict(fold.kinds),
            stage=fold.stages.current, root=fold.graph.root, node=fold.graph.current, usage=fold.agents.usage,
            unpriced=fold.agents.unpriced, stop=fold.tools.stop is not None, at=fold.at, line=fold.line,
            open=[OpenOperation(item.op, item.name, item.first, item.line, item.began_at) for item in opened],
            ended=None if fold.ended is None else fold.ended.status,
        )  # fmt: skip


class OutlineFold:
    """Carries an outline on, record by record."""

    def __init__(self, outline: Outline | None = None) -> None:
        found = outline or Outline(seq=0, attempt=1, clock=0.0, state={}, kinds={})
        self.seq: int = found.seq
        self.open: list[OpenOperation] = list(found.open)
        self._attempt, self._clock, self._at, self._line = found.attempt, found.clock, found.at, found.line
        self._state = StateFold()
        self._state.values = dict(found.state)
        self._appliers = appliers(self._state)
        self._kinds = dict(found.kinds)
        self._stage, self._root, self._node = found.stage, found.root, found.node
        self._usage, self._unpriced = found.usage, found.unpriced
        self._stop, self._ended = found.stop, found.ended

    def outline(self) -> Outline:
        """The outline now."""
        return Outline(
            seq=self.seq, attempt=self._attempt, clock=self._clock, state=self._state.values, kinds=dict(self._kinds),
            stage=self._stage, root=self._root, node=self._node, usage=self._usage, unpriced=self._unpriced,
            open=list(self.open), stop=self._stop, ended=self._ended, at=self._at, line=self._line,
        )  # fmt: skip

    def apply(self, record: Record) -> None:
        """Takes the next record of the history."""
        event = record.event
        change = self._appliers.get(type(event))
        if change is not None:
            change(event, record)
        self._kinds[event.kind] = self._kinds.get(event.kind, 0) + 1
        self.seq, self._at, self._line = record.seq, record.at, record.line or self._line
        match event:
            case Began():
                self.open.append(OpenOperation(event.op, event.name, record.seq, record.line, record.at))
            case Ended():
                self._end(event, record)
            case StageSet():
                self._stage = event.stage
            case NodeCreated():
                self._root, self._node = self._root or event.id, event.id
            case NodeSelected():
                self._node = event.id
            case StopRequested():
                self._stop = True
            case RunEnded():
                self._ended = event.status
            case RunStarted():
                self._clock = event.started_at
            case RunResumed():
                self._ended = None
            case AttemptBegan():
                self._attempt, self._ended = event.attempt, None
                self._clock = record.at if event.why == "restart" else self._clock
            case _:
                pass

    def _end(self, event: Ended, record: Record) -> None:
        self._clock = max(self._clock, record.at)
        if event.op == REPLY and not event.failed and event.values:
            usage = reply_of(event.values[0]).usage
            self._usage, self._unpriced = self._usage.plus(usage), self._unpriced + (usage.cost is None)
        if event.opened and self.open:
            self.open.pop()
