"""Where each pane of a run stands, by the room there is.

Wide: the timeline above the conversation; at the right the inspector, whose panes share a place, and the log below it.
Medium: the conversation, and all others share the place below it. Narrow: all share one place. A zoomed pane has all
room. Belongs here: arithmetic. Never: widgets.
"""

from __future__ import annotations

import msgspec

from ..panes import BY_NAME

WIDE = 108
MEDIUM = 62
LOW = 22
"""Rows below which everything shares one place."""
ORDER = ("conversation", "timeline", "state", "checkpoints", "graph", "source", "log")
_FRAME = 6
"""Columns of a frame's upper border that a title does not get."""
_INSPECTOR = ("state", "checkpoints", "graph", "source")


class Place(msgspec.Struct, frozen=True):
    """Where a pane stands, and which panes share the place."""

    x: int
    y: int
    width: int
    height: int
    tabs: tuple[str, ...] = ()
    """Empty for a place of its own."""


def plan(width: int, height: int, front: str, *, zoomed: str | None = None) -> dict[str, Place]:
    """The panes that are shown, by name. `front` is the one in front where several share a place."""
    if zoomed is not None:
        return {zoomed: Place(0, 0, width, height, ORDER)}
    if width < MEDIUM or height < LOW:
        return {front: Place(0, 0, width, height, ORDER)}
    if width < WIDE:
        tabs = ORDER[1:]
        shown = front if front in tabs else "timeline"
        below = max(9, height * 2 // 5)
        return {
            "conversation": Place(0, 0, width, height - below),
            shown: Place(0, height - below, width, below, tabs),
        }
    right = min(72, max(50, width * 2 // 5))
    left = width - right
    above = min(11, max(6, height // 5))
    shown = front if front in _INSPECTOR else "state"
    log = max(7, height * 2 // 5)
    return {
        "timeline": Place(0, 0, left, above),
        "conversation": Place(0, above, left, height - above),
        shown: Place(left, 0, right, height - log, _INSPECTOR),
        "log": Place(left, height - log, right, log),
    }


def titles(tabs: tuple[str, ...], front: str, width: int) -> tuple[list[str], int]:
    """What the panes that share a place are called, and the columns of the bar between two of them, by the room.

    The bar stands alone before a title gets shorter, and the one in front is the last to.
    """
    whole = [BY_NAME[name].title for name in tabs]
    mixed = [BY_NAME[name].title if name == front else BY_NAME[name].short for name in tabs]
    short = [BY_NAME[name].short for name in tabs]
    for words, between in ((whole, 3), (whole, 1), (mixed, 3), (mixed, 1), (short, 1)):
        if sum(len(word) + 2 + between for word in words) - between <= width - _FRAME:
            break
    return words, between
