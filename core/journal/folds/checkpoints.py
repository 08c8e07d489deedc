"""The operations of a run in order: what was asked, what came of it, what is open.

A checkpoint is an operation with an outcome. Its name is the step's own, or the operation's with a
number (`approve#1`). Clearing forgets names and order, never the records.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...values import Value

if TYPE_CHECKING:
    from ..events import Began, CheckpointsCleared, Ended, Record


class Checkpoint:
    """An operation, open or ended."""

    __slots__ = ("began_at", "ended", "ended_at", "failed", "first", "level", "line", "name", "op", "seq", "values")

    def __init__(self, op: str, name: str, *, first: int, line: int, began_at: float, level: int) -> None:
        self.op: str = op
        self.name: str = name
        self.first: int = first
        """Sequence number of its first record: a reset to it forgets from here."""
        self.line: int = line
        self.began_at: float = began_at
        self.level: int = level
        """How many open operations (steps) it stands in."""
        self.seq: int = 0
        """Sequence number of its outcome; 0 while open."""
        self.ended: bool = False
        self.ended_at: float = 0.0
        self.failed: bool = False
        self.values: list[Value] = []


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
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def numbered(self, base: str) -> str:
        """The name of the next operation that has no name of its own."""
        return f"{base}#{self._counts[base] + 1}"

    def next_attempt(self, name: str) -> int:
        """How often a step of this name was tried, counting the next try."""
        return self._failures[name] + 1

    def undo_open(self) -> None:
        """Takes back the operation that was opened last, with nothing recorded since: its end follows as one event."""
        entry = self.open.pop()
        self.entries.pop()
        base, mark, _ = entry.name.rpartition("#")
        if mark:
            self._counts[base] -= 1

    def _apply_began(self, event: Began, record: Record) -> None:
        self._open(event.op, event.name, record.seq, record.line, record.at)

    def _apply_ended(self, event: Ended, record: Record) -> None:
        if event.opened and self.open:
            entry = self.open.pop()
        else:
            entry = self._add(event.op, event.name, record.seq, record.line, event.started_at or record.at)
        entry.seq, entry.ended, entry.ended_at = record.seq, True, record.at
        entry.failed, entry.values = event.failed, event.values
        if event.failed:
            self._failures[event.name] += 1
        else:
            self._failures.pop(event.name, None)
            self.completed[event.name] = entry

    def _open(self, op: str, name: str, seq: int, line: int, at: float) -> None:
        self.open.append(self._add(op, name, seq, line, at))

    def _add(self, op: str, name: str, seq: int, line: int, at: float) -> Checkpoint:
        entry = Checkpoint(op, name, first=seq, line=line, began_at=at, level=len(self.open))
        self.entries.append(entry)
        base, mark, _ = name.rpartition("#")
        if mark:
            self._counts[base] += 1
        return entry

    def _apply_checkpoints_cleared(self, event: CheckpointsCleared, record: Record) -> None:
        at = 0 if event.name is None else self._index(event.name)
        if at is None:
            return
        forgotten, self.entries = self.entries[at:], self.entries[:at]
        if forgotten:
            first = forgotten[0].first
            self.cleared_from = first if self.cleared_from is None else min(self.cleared_from, first)
        kept = set(map(id, self.entries))
        self.completed = {name: entry for name, entry in self.completed.items() if id(entry) in kept}
        self._counts = Counter(base for entry in self.entries if (base := entry.name.rpartition("#")[0]))
        self._failures = Counter()

    def _index(self, name: str) -> int | None:
        for index, entry in enumerate(self.entries):
            if entry.name == name and not entry.failed:
                return index
        return None
