"""How often in a row a run looked at its children and found nothing new.

It is read from the journal, so that a run that was dropped from memory does not begin to count anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...values import Value

if TYPE_CHECKING:
    from ..events import Ended, Record

POLLS = frozenset({"status", "is_complete", "all_complete"})
"""The operations that look at children without waiting for them."""


class PollFold:
    """What the throttling of polls reads."""

    def __init__(self) -> None:
        self.unchanged: int = 0
        """Answers in a row that were the same as the answer before to the same question; a `Sleep` ends the row."""
        self._answers: dict[tuple[str, str], list[Value]] = {}

    def _apply_ended(self, event: Ended, record: Record) -> None:
        if event.op == "sleep":
            self.unchanged = 0
        elif event.op in POLLS and not event.failed:
            question = (event.op, event.digest)
            self.unchanged = self.unchanged + 1 if self._answers.get(question) == event.values else 0
            self._answers[question] = event.values
