"""What is decided about: what you see is what you decide.

The one rule by which anything that was read, typed or picked for a request is of use to what a card shows later: the
same request, asked for the same time, that shows the same. A run that is reset, resumed with an edited text or forked,
and a request whose time was up and that is tried again, ask anew: whatever was prepared for the time before is about
something else, also when it shows the same. Belongs here: that rule. Never: what is done when it is broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core.journal.requests import PendingRequest


class Seen(msgspec.Struct, frozen=True):
    """What one answer is given to, as the answer says it."""

    request: str
    attempt: int
    digest: str
    """Of the artifact; empty where there is none."""

    @property
    def key(self) -> str:
        """By which drafts are kept."""
        return f"{self.request}:{self.attempt}:{self.digest}"

    @classmethod
    def of_key(cls, key: str) -> Seen | None:
        """What a key stands for; None when it is none."""
        request, _, rest = key.partition(":")
        attempt, _, digest = rest.partition(":")
        return cls(request, int(attempt), digest) if attempt.isascii() and attempt.isdecimal() else None


def seen(request: PendingRequest) -> Seen:
    """What a request shows."""
    return Seen(request.id, request.attempt, request.digest)


About = tuple[Seen, ...]
"""What a card is about: its request, then all that are answered together, which may have others or fewer by now."""


def about(request: PendingRequest, batch: Iterable[PendingRequest] = ()) -> About:
    """What an answer to a request, or to a whole batch, decides about."""
    return (seen(request), *(seen(one) for one in batch))
