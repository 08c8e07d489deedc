"""A scale of time on which long stretches without anything are short: the arithmetic of the Timeline.

Belongs here: where a moment stands. Never: widgets, or what is drawn there.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import inf, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARE = 0.2
"""About the most of the scale that one stretch without an event takes."""
SOFT = 0.25
"""How much of its length, as a logarithm, is left to what is longer: an hour stays longer than ten minutes."""
_FEW = 3
"""With fewer stretches nothing is shortened."""


def _most(lengths: list[float]) -> float:
    """The length from which on a stretch is shortened: its share of all, when what is longer counts as much."""
    if len(lengths) < _FEW:
        return inf
    share = max(SHARE, 1.6 / len(lengths))
    ordered = sorted(lengths, reverse=True)
    rest = sum(ordered)
    for count, length in enumerate(ordered):
        most = share * rest / (1 - share * count) if share * count < 1 else inf
        if length <= most:
            return most
        rest -= length
    return inf


class TimeScale:
    """Moments between 0 and 1; between two moments of `points` time goes on evenly."""

    def __init__(self, points: Iterable[float] = ()) -> None:
        self.points: list[float] = sorted(set(points))
        lengths = [after - before for before, after in pairwise(self.points)]
        most = _most([length for length in lengths if length > 0])
        kept = [length if length <= most else most * (1 + SOFT * log(length / most)) for length in lengths]
        whole = sum(kept) or 1.0
        self._places: list[float] = [0.0]
        for length in kept:
            self._places.append(self._places[-1] + length / whole)
        self._short: list[bool] = [length > most * 1.5 for length in lengths]

    @property
    def first(self) -> float:
        """The first moment."""
        return self.points[0] if self.points else 0.0

    @property
    def last(self) -> float:
        """The last moment."""
        return self.points[-1] if self.points else 0.0

    def place(self, moment: float) -> float:
        """Where a moment stands."""
        points = self.points
        if len(points) < 2 or moment <= points[0]:
            return 0.0
        if moment >= points[-1]:
            return 1.0
        at = bisect_right(points, moment) - 1
        share = (moment - points[at]) / (points[at + 1] - points[at])
        return self._places[at] + share * (self._places[at + 1] - self._places[at])

    def moment(self, place: float) -> float:
        """Which moment stands at a place."""
        points = self.points
        if len(points) < 2 or place <= 0:
            return self.first
        if place >= 1:
            return self.last
        at = min(bisect_right(self._places, place) - 1, len(points) - 2)
        width = self._places[at + 1] - self._places[at]
        return points[at] + (place - self._places[at]) / width * (points[at + 1] - points[at]) if width else points[at]

    def is_short(self, place: float) -> bool:
        """Whether time is compressed there."""
        at = bisect_right(self._places, place) - 1
        return 0 <= at < len(self._short) and self._short[at]
