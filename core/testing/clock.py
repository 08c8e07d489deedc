"""A clock that is moved by hand.

Belongs here: time in plays. Never: what passes in it.
"""

from __future__ import annotations

NOON = 1_800_000_000.0
"""Where a `FakeClock` begins: 2027-01-15 08:00:00 UTC."""


class FakeClock:
    """A `Clock` that moves only when it is told to."""

    def __init__(self, at: float = NOON) -> None:
        self._now: float = at

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves on by so much; a negative number is somebody setting the clock back."""
        self._now += seconds

    def set(self, at: float) -> None:
        """Moves to a moment."""
        self._now = at
