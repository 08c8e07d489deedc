"""The operations of a run in order: what was asked, what came of it, what is open.

A checkpoint is an operation with an outcome. Its name is the step's own, or the operation's with a
number (`approve#1`). Clearing forgets names and order, never the records.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from ...values import Value

if TYPE_CHECKING:
    from ..events import Began, CheckpointsCleared, Ended, Record


class Checkpoint(msgspec.Struct):
    """An operation, open or ended."""

    op: str
    name: str
    first: int
    """Sequence number of its first record: a reset to it forgets from here."""
    line: int
    began_at: float
    level: int
    """How many open operations (steps) it stands in."""
    seq: int = 0
    """Sequence number of its outcome; 0 while open."""
    ended: bool = False
    ended_at: float = 0.0
    failed: bool = False
    error: Value = None
    values: list[Value] = []


class CheckpointFold:
    """What `Checkpoint.*`, the naming of operations and the checkpoints pane read."""

    def __init__(self) -> None:
        self.entries: list[Checkpoint] = []
        self.completed: dict[str, Checkpoint] = {}
        """The latest completed operation of each name."""
        self.open: list[Checkpoint] = []
        """Open operations, outermost first: steps, and at most one other at the end."""
        self.cleared_from: int | None = None
        """From where the next resume by an operator begins, when code cleared checkpoints."""
        self._cleared: list[Checkpoint] = []
        """Open operations that were cleared: they are checkpoints again once they end."""
        self.clearings: int = 0
        """How often code cleared checkpoints: names may come again after each."""
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def numbered(self, base: str) -> str:
        """The name of the next operation that has no name of its own."""
        return f"{base}#{self._counts.get(base, 0) + 1}"

    def next_attempt(self, name: str) -> int:
        """How often a step of this name was tried, counting the next try."""
        return self._failures.get(name, 0) + 1

    def _apply_began(self, event: Began, record: Record) -> None:
        self.open.append(self._add(event.op, event.name, record.seq, record.line, record.at))

    def _apply_ended(self, event: Ended, record: Record) -> None:
        if event.opened and self.open:
            entry = self.open.pop()
            if self._cleared and any(entry is cleared for cleared in self._cleared):
                self.entries.append(entry)
        else:
            entry = self._add(event.op, event.name, record.seq, record.line, event.started_at or record.at)
        entry.seq, entry.ended, entry.ended_at = record.seq, True, record.at
        entry.values = event.values
        if event.failed:
            entry.failed, entry.error = True, event.error
            self._failures[event.name] += 1
        else:
            if self._failures:
                self._failures.pop(event.name, None)
            self.completed[event.name] = entry

    def _add(self, op: str, name: str, seq: int, line: int, at: float) -> Checkpoint:
        entry = Checkpoint(op, name, seq, line, at, len(self.open))
        self.entries.append(entry)
        if "#" in name:
            self._counts[name.rpartition("#")[0]] += 1
        return entry

    def _apply_checkpoints_cleared(self, event: CheckpointsCleared, record: Record) -> None:
        self.clearings += 1
        at = 0 if event.name is None else self._index(event.name)
        if at is None:
            return
        forgotten, self.entries = self.entries[at:], self.entries[:at]
        if forgotten:
            first = forgotten[0].first
            self.cleared_from = first if self.cleared_from is None else min(self.cleared_from, first)
        kept = set(map(id, self.entries))
        self._cleared = [entry for entry in self.open if id(entry) not in kept]
        self.completed = {name: entry for name, entry in self.completed.items() if id(entry) in kept}
        self._counts = Counter(base for entry in self.entries if (base := entry.name.rpartition("#")[0]))
        self._failures = Counter()

    def _index(self, name: str) -> int | None:
        for index, entry in enumerate(self.entries):
            if entry.name == name and not entry.failed:
                return index
        return None
