"""How two texts differ, line by line.

What both begin and end with is set aside. Texts that are large yet are divided at lines that each of them has once, in
the same order; what lies between is compared as long as that is quick, and is else gone and came as a whole.

Belongs here: which lines are gone, came, or stay around them. Never: how that is shown (`widgets/diff.py`,
`page/diff.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AROUND = 3
"""Unchanged lines that are shown around a change."""
MOST_LINES = 4000
"""Up to how many lines of both texts the smallest difference is looked for."""
MOST_PAIRS = 100_000
"""Pairs of equal lines beyond which the most frequent lines are not taken for what the texts have in common."""


class Change(msgspec.Struct, frozen=True):
    """Some lines that are the same, or differ, in both texts."""

    same: bool
    left: range
    right: range
    skipped: int = 0
    """Unchanged lines that are left out before it."""
    first: bool = False
    """Whether it is a change."""


def changes(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    """The differences with a few lines around them."""
    found: list[Change] = []
    seen = place = 0
    changed = _changed(before, after)
    for index, (left, right) in enumerate(changed):
        same = left.start - place
        # Unchanged lines before it: those behind the last change stay with that, and what is between is left out.
        shown = min(same, AROUND if not index or same > 2 * AROUND else same)
        skipped = left.start - shown - seen
        if shown:
            found.append(Change(True, *_before(left, right, shown), skipped))
            skipped = 0
        found.append(Change(False, left, right, skipped, True))
        place = seen = left.stop
        following = changed[index + 1][0].start if index + 1 < len(changed) else len(before)
        behind = min(AROUND, following - place)
        if behind and (index + 1 == len(changed) or following - place > 2 * AROUND):
            found.append(Change(True, range(place, place + behind), range(right.stop, right.stop + behind)))
            seen += behind
    if found and seen < len(before):
        found.append(Change(True, range(seen, seen), range(0), len(before) - seen))
    return found


def hunks(found: Sequence[Change]) -> int:
    """How many changes there are."""
    return sum(change.first for change in found)


def _before(left: range, right: range, number: int) -> tuple[range, range]:
    return range(left.start - number, left.start), range(right.start - number, right.start)


def _changed(before: Sequence[str], after: Sequence[str]) -> list[tuple[range, range]]:
    """What is gone with what came in its place, in order; lines that stay lie between."""
    found: list[tuple[range, range]] = []
    for left, right in _parts(before, after):
        if found and found[-1][0].stop == left.start and found[-1][1].stop == right.start:
            first = found.pop()
            found.append((range(first[0].start, left.stop), range(first[1].start, right.stop)))
        else:
            found.append((left, right))
    return found


def _parts(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[range, range]]:
    """The same, perhaps in pieces that touch each other."""
    left, right = _trimmed(before, after, range(len(before)), range(len(after)))
    if len(left) + len(right) <= MOST_LINES:
        yield from _smallest(before, after, left, right)
        return
    anchors = [(left.start - 1, right.start - 1), *_anchors(before, after, left, right), (left.stop, right.stop)]
    for (above, beside), (below, other) in pairwise(anchors):
        if below - above == other - beside == 1:
            continue
        inner, outer = _trimmed(before, after, range(above + 1, below), range(beside + 1, other))
        if len(inner) + len(outer) <= MOST_LINES:
            yield from _smallest(before, after, inner, outer)
        else:
            yield inner, outer


def _trimmed(before: Sequence[str], after: Sequence[str], left: range, right: range) -> tuple[range, range]:
    """Both parts without what they begin and end with alike."""
    first, last, most = 0, 0, min(len(left), len(right))
    while first < most and before[left.start + first] == after[right.start + first]:
        first += 1
    while last < most - first and before[left.stop - 1 - last] == after[right.stop - 1 - last]:
        last += 1
    return range(left.start + first, left.stop - last), range(right.start + first, right.stop - last)


def _smallest(
    before: Sequence[str], after: Sequence[str], left: range, right: range
) -> Iterator[tuple[range, range]]:  # fmt: skip
    """The smallest difference of two parts, which are short."""
    if not left or not right:
        if left or right:
            yield left, right
        return
    mine, other = before[left.start : left.stop], after[right.start : right.stop]
    counts = Counter(other)
    times = Counter(mine)
    popular: set[str] = set()
    pairs = sum(number * counts[line] for line, number in times.items())
    for line, _ in (times & counts).most_common():
        if pairs <= MOST_PAIRS:
            break
        popular.add(line)
        pairs -= times[line] * counts[line]
    matcher = SequenceMatcher(popular.__contains__ if popular else None, mine, other, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            yield (
                range(left.start + i1, left.start + i2),
                range(right.start + j1, right.start + j2),
            )


def _anchors(before: Sequence[str], after: Sequence[str], left: range, right: range) -> list[tuple[int, int]]:
    """Lines that each part has once: as many of them as are in the same order in both."""
    once = {line for line, number in Counter(after[at] for at in right).items() if number == 1}
    once &= {line for line, number in Counter(before[at] for at in left).items() if number == 1}
    places = {line: at for at in right if (line := after[at]) in once}
    pairs = [(at, places[line]) for at in left if (line := before[at]) in once]
    ends: list[int] = []
    lasts: list[int] = []
    """For each length, the pair with which the best order so far of that length ends."""
    earlier: list[int] = []
    for index, (_, place) in enumerate(pairs):
        length = bisect_left(ends, place)
        earlier.append(lasts[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place)
            lasts.append(index)
        else:
            ends[length], lasts[length] = place, index
    found: list[tuple[int, int]] = []
    at = lasts[-1] if lasts else -1
    while at >= 0:
        found.append(pairs[at])
        at = earlier[at]
    return found[::-1]
