"""The stage of a run and how it got there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from ..events import Record, StageHistoryCleared, StageSet


class StageChange(msgspec.Struct, frozen=True):
    """One step from a stage to another."""

    from_stage: str | None
    to_stage: str
    timestamp: float
    """Seconds since the epoch."""


class StageFold:
    """What `Stage.*` and the timeline read."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.history: list[StageChange] = []

    def _apply_stage_set(self, event: StageSet, record: Record) -> None:
        self.history.append(StageChange(self.current, event.stage, record.at))
        self.current = event.stage

    def _apply_stage_history_cleared(self, event: StageHistoryCleared, record: Record) -> None:
        self.history = []
