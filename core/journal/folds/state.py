"""The run's State: a mapping of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...values import Value, append_item

if TYPE_CHECKING:
    from ..events import Record, StateAppended, StateCleared, StateIncremented, StateSet


class StateFold:
    """What `State.get` and the State pane read."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def _apply_state_set(self, event: StateSet, record: Record) -> None:
        if event.value is None:
            self.values.pop(event.key, None)
        else:
            # A copy, since `_apply_state_appended` changes lists in place and events are never changed.
            self.values[event.key] = list(event.value) if isinstance(event.value, list) else event.value

    def _apply_state_incremented(self, event: StateIncremented, record: Record) -> None:
        self.values[event.key] = event.value

    def _apply_state_appended(self, event: StateAppended, record: Record) -> None:
        self.values[event.key] = append_item(self.values.get(event.key), event.value)

    def _apply_state_cleared(self, event: StateCleared, record: Record) -> None:
        self.values = {}
