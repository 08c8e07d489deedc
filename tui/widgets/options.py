"""Which key gives which answer to a request.

`a` is Approve and `r` is Reject and nothing else, ever; other labels take a letter of `s p t m b`: their own first one
when it is free, else the next free one. What gets no letter, for there are too many or its script has other letters, is
picked in `x`. Capitals, digits and enter give no answer. Belongs here: keys and labels. Never: how they look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..console.cards import decisions, refuses

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest

LETTERS = "sptmb"
"""For labels other than Approve and Reject: every other letter means something else on a card."""


class Option(msgspec.Struct, frozen=True):
    """An answer that is given by choosing it."""

    label: str
    key: str = ""
    """Empty for those that are picked in `x`."""
    agrees: bool = True
    """False for those that refuse: they want no word typed."""


def options_of(request: PendingRequest) -> tuple[Option, ...]:
    """The options of an approval or a review, in the order of the request; none for the other types."""
    if request.type == "approval":
        return (Option("Approve", "a"), Option("Reject", "r", False))
    if request.type != "review":
        return ()
    labels = decisions(request)
    keys: dict[str, str] = {}
    for label in labels:
        key = {"approve": "a", "reject": "r"}.get(label.casefold())
        if key is not None:
            keys[label] = key
    others = [label for label in labels if label not in keys and label[:1].isascii() and label[:1].isalpha()]
    for label in others:
        if label[0].lower() in LETTERS and label[0].lower() not in keys.values():
            keys[label] = label[0].lower()
    for label in others:
        free = next((letter for letter in LETTERS if letter not in keys.values()), None)
        if label not in keys and free is not None:
            keys[label] = free
    return tuple(Option(label, keys.get(label, ""), not refuses(request, label)) for label in labels)


def going(label: str) -> str:
    """What is said while an answer is not in effect yet: `approving`, `answering`, `deciding "Publish"`."""
    known = {"approve": "approving", "reject": "rejecting", "answer": "answering"}
    return known.get(label.casefold(), f'deciding "{label}"')
