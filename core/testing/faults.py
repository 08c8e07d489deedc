"""Dying at a chosen point, as a process does.

Belongs here: where and when. Never: what is found afterwards.
"""

from __future__ import annotations

import threading


class Crash(BaseException):
    """The process dies here. Nothing catches it, and nothing of the operator that met it can be used again."""


class Death:
    """A `fault` for `Operator.open` and `play`; see `die_at`."""

    def __init__(self, point: str, nth: int) -> None:
        self.point: str = point
        self.nth: int = nth
        self.seen: int = 0
        """How often the point was reached."""
        self.dead: bool = False
        self._lock: threading.Lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            if point == self.point and not self.dead:
                self.seen += 1
                self.dead = self.seen == self.nth
            if self.dead:
                raise Crash(f"{self.point} {self.nth}")


def die_at(point: str, nth: int = 1) -> Death:
    """Dies at the nth time that a fault point is reached (`write:begin`, `write:worked`, `write:committed`, `claim`).

    Once dead every point raises, in whatever thread, as nothing of a dead process goes on. With `nth=0` it never
    dies and only counts.
    """
    return Death(point, nth)
