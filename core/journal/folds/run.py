"""All that a run's own code can read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...values import Value
from .agents import AgentFold
from .checkpoints import CheckpointFold
from .fold import appliers
from .graph import GraphFold
from .polls import PollFold
from .requests import RequestFold
from .session import Message, SessionFold
from .stages import StageFold
from .state import StateFold
from .tools import TOOL_PREFIX, ToolFold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..events import (
        AttemptBegan,
        Ended,
        Event,
        Record,
        RunEnded,
        RunResumed,
        RunStarted,
        SessionLoaded,
        SessionSaved,
    )

SESSION_KEY = "session"
"""The field of a node's metadata in which `Session.save_to_node` keeps the messages."""


class RunFold:
    """The folds that a run is driven on; `apply` takes each record once, in order."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.started: RunStarted | None = None
        self.params: dict[str, Value] = {}
        self.seed: int = 0
        """Of the random sequence; a restart has another."""
        self.attempt: int = 1
        self.clock: float = 0.0
        """The time that Lua sees: that of the last completed operation."""
        self.began_at: float = 0.0
        """When the procedure began, this attempt's restart counted; `os.clock` counts from here."""
        self.ended: RunEnded | None = None
        self.seq: int = 0
        """Sequence number of the last record applied."""
        self.at: float = 0.0
        """When it was made."""
        self.line: int = 0
        """The source line of the last record that has one."""
        self.kinds: dict[str, int] = {}
        """How many records were applied, by kind."""
        self._reset()
        for record in records:
            self.apply(record)

    def _reset(self) -> None:
        self.state: StateFold = StateFold()
        self.session: SessionFold = SessionFold()
        self.stages: StageFold = StageFold()
        self.graph: GraphFold = GraphFold()
        self.checkpoints: CheckpointFold = CheckpointFold()
        self.requests: RequestFold = RequestFold()
        self.tools: ToolFold = ToolFold()
        self.polls: PollFold = PollFold()
        self.agents: AgentFold = AgentFold()
        self._appliers: dict[type[Event], tuple[Callable[[Any, Record], None], ...]] = {}
        for fold in (
            self.state,
            self.session,
            self.stages,
            self.graph,
            self.checkpoints,
            self.requests,
            self.tools,
            self.polls,
            self.agents,
            self,
        ):
            for event, method in appliers(fold).items():
                self._appliers[event] = (*self._appliers.get(event, ()), method)

    def apply(self, record: Record) -> None:
        """Takes the next record of the journal."""
        for method in self._appliers.get(type(record.event), ()):
            method(record.event, record)
        kind = record.event.kind
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.seq, self.at = record.seq, record.at
        if record.line:
            self.line = record.line

    def _apply_run_started(self, event: RunStarted, record: Record) -> None:
        self.started, self.params, self.seed = event, event.params, event.seed
        self.clock = self.began_at = event.started_at

    def _apply_attempt_began(self, event: AttemptBegan, record: Record) -> None:
        self.attempt, self.ended = event.attempt, None
        self.checkpoints.cleared_from = None
        if event.why == "restart":
            self.params = event.params if event.params is not None else self.params
            self.clock = self.began_at = record.at
            self.seed = event.seed

    def _apply_run_resumed(self, event: RunResumed, record: Record) -> None:
        self.ended = None

    def _apply_run_ended(self, event: RunEnded, record: Record) -> None:
        self.ended = event

    def _apply_ended(self, event: Ended, record: Record) -> None:
        if record.at > self.clock:
            self.clock = record.at
        if event.op.startswith(TOOL_PREFIX):
            self.tools.add(event)

    def _apply_session_saved(self, event: SessionSaved, record: Record) -> None:
        self.graph.set_metadata(event.node, SESSION_KEY, [message.as_value() for message in self.session.messages])

    def _apply_session_loaded(self, event: SessionLoaded, record: Record) -> None:
        self.session.load(self.saved_session(event.node) or [])

    def saved_session(self, node: str) -> list[Message] | None:
        """The messages that were saved to a node; None when there are none."""
        kept = self.graph.nodes[node].metadata.get(SESSION_KEY)
        if not isinstance(kept, list):
            return [] if kept == {} else None
        return [message for item in kept if (message := Message.of_value(item)) is not None]
