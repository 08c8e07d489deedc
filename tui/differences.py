"""How two texts differ, line by line.

Belongs here: which lines are gone, came, or stay around them. Never: how that is shown (`widgets/diff.py`,
`page/diff.py`).
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

AROUND = 3
"""Unchanged lines that are shown around a change."""
MOST_LINES = 4000
"""Up to how many lines the smallest difference is looked for."""


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
    matcher = SequenceMatcher(None, before, after, autojunk=len(before) + len(after) > MOST_LINES)
    found: list[Change] = []
    seen = 0
    for group in matcher.get_grouped_opcodes(AROUND):
        skipped = group[0][1] - seen
        for tag, i1, i2, j1, j2 in group:
            same = tag == "equal"
            found.append(Change(same, range(i1, i2), range(j1, j2), skipped, not same))
            skipped = 0
        seen = group[-1][2]
    if found and seen < len(before):
        found.append(Change(True, range(seen, seen), range(0), len(before) - seen))
    return found


def hunks(found: Sequence[Change]) -> int:
    """How many changes there are."""
    return sum(change.first for change in found)
