"""The stretch of a conversation that is loaded: read in threads, however long the run is.

Belongs here: which events are read when, and how many are kept. Never: widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.journal import events
from ...core.journal.folds.agents import REPLY
from .blocks import Block, Look, block
from .entries import Entry, entries, shown, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...core.journal.events import Record
    from ...core.operator import Operator
    from ..live.reader import RunView

PORTION = 120
"""Events that are read at once."""
MOST = 900
"""Events that are kept."""
LEAST_SHOWN = 40
"""Entries that a portion shall show: what is left out by a filter does not count."""
MOST_LOOKED = 20_000
"""Events that are looked at for them, or for what is sought, before somebody asks again."""
ALIGN = 60
"""Events before a portion that are read so that a call is with its reply."""


class Stretch(msgspec.Struct, frozen=True):
    """Some of the conversation, laid out."""

    records: tuple[Record, ...]
    blocks: tuple[Block, ...]
    first: bool
    """Whether nothing comes before."""
    last: bool
    """Whether nothing comes after, at this moment."""
    upto: int
    """The newest event that was looked at."""
    count: int = -1
    """Of all events of the conversation; -1 when it was not counted."""
    missed: bool = False
    """Whether what was sought was not found."""


class Wanted(msgspec.Struct, frozen=True):
    """What a reading goes by."""

    view: RunView
    look: Look
    filter: str
    unfolded: Mapping[tuple[int, int], frozenset[int]]
    kept: Mapping[tuple[int, int], Block]
    """Blocks that may be used again, of the same look."""


def newest(operator: Operator, wanted: Wanted) -> Stretch:
    """The end of the conversation."""
    view = wanted.view
    count = operator.count_said(view.run, at=view.at)
    return _before(operator, wanted, (), None, last=True, upto=view.seq, count=count)


def earlier(operator: Operator, wanted: Wanted, records: Sequence[Record], *, last: bool, upto: int) -> Stretch:
    """What was loaded, and what comes before it; the end of it is let go when it is too long."""
    return _before(operator, wanted, records, records[0].seq if records else None, last=last, upto=upto)


def later(
    operator: Operator, wanted: Wanted, records: Sequence[Record], *, upto: int, first: bool, follow: bool
) -> Stretch:
    """What was loaded, and what comes after it."""
    view = wanted.view
    found = operator.conversation(view.run, at=view.at, after=upto, limit=4 * PORTION)
    full = len(found) == 4 * PORTION
    if full and follow:
        return newest(operator, wanted)
    joined = [*records, *found]
    last = not full
    if len(joined) > MOST:
        if follow or not last:
            joined, first = joined[-(MOST * 2 // 3) :], False
        elif len(joined) > 2 * MOST:
            # Somebody reads further up: the end is read again when they come there.
            joined = joined[:MOST]
            return _stretch(wanted, joined, first=first, last=False, upto=joined[-1].seq)
    return _stretch(wanted, joined, first=first, last=last, upto=found[-1].seq if full else max(upto, view.seq))


def around(operator: Operator, wanted: Wanted, seq: int) -> Stretch:
    """The stretch that begins a little before an event; 0 for the beginning."""
    view = wanted.view
    before = operator.conversation(view.run, at=view.at, before=seq, limit=PORTION // 2, newest=True) if seq else []
    after = operator.conversation(view.run, at=view.at, after=seq - 1 if seq else 0, limit=PORTION)
    full = len(after) == PORTION
    first = not seq or len(before) < PORTION // 2
    return _stretch(wanted, [*before, *after], first=first, last=not full, upto=after[-1].seq if full else view.seq)


def seek(operator: Operator, wanted: Wanted, text: str, *, before: int | None, after: int | None) -> int | None:
    """The nearest event before one, or after one, whose entry is shown and holds a text; None when none is near."""
    view, looked = wanted.view, 0
    while looked < MOST_LOOKED:
        if before is not None:
            found = operator.conversation(view.run, at=view.at, before=before, limit=1000, newest=True)
        else:
            found = operator.conversation(view.run, at=view.at, after=after or 0, limit=1000)
        if not found:
            return None
        looked += len(found)
        hits = [
            entry
            for entry in entries(found)
            if shown(entry, wanted.filter) and text in f"{entry.who} {whole(entry)}".casefold()
        ]
        if hits:
            return hits[-1 if before is not None else 0].seq
        before, after = (found[0].seq, None) if before is not None else (None, found[-1].seq)
    return None


def relaid(wanted: Wanted, stretch: Stretch) -> Stretch:
    """The same with another look, filter or fold."""
    found = _stretch(wanted, stretch.records, first=stretch.first, last=stretch.last, upto=stretch.upto)
    return msgspec.structs.replace(found, count=stretch.count)


def _before(
    operator: Operator,
    wanted: Wanted,
    records: Sequence[Record],
    before: int | None,
    *,
    last: bool,
    upto: int,
    count: int = -1,
) -> Stretch:
    view = wanted.view
    joined, limit, looked, gained = list(records), PORTION, 0, 0
    at_first = False
    while True:
        found = operator.conversation(view.run, at=view.at, before=before, limit=limit, newest=True)
        at_first = len(found) < limit
        if found and not at_first and _inside_turn(found[0]):
            more = operator.conversation(view.run, at=view.at, before=found[0].seq, limit=ALIGN, newest=True)
            at_first = len(more) < ALIGN
            found = [*_from_prompt(more), *found]
        joined = [*found, *joined]
        looked += len(found)
        gained += sum(shown(entry, wanted.filter) for entry in entries(found))
        if at_first or gained >= LEAST_SHOWN or looked >= MOST_LOOKED:
            break
        before, limit = joined[0].seq, min(limit * 2, 2000)
    if len(joined) > MOST and records:
        keep = max(MOST * 2 // 3, looked + PORTION)
        if len(joined) > keep:
            joined, last = joined[:keep], False
            upto = joined[-1].seq
    return _stretch(wanted, joined, first=at_first, last=last, upto=upto, count=count)


def _inside_turn(record: Record) -> bool:
    return isinstance(record.event, events.Ended)


def _from_prompt(found: list[Record]) -> list[Record]:
    """The records from the latest prompt on, or all."""
    for place in range(len(found) - 1, -1, -1):
        event = found[place].event
        if isinstance(event, events.Prompted):
            return found[place:]
        if isinstance(event, events.Ended) and event.op == REPLY and place == 0:
            break
    return found


def _stretch(
    wanted: Wanted, records: Sequence[Record], *, first: bool, last: bool, upto: int, count: int = -1
) -> Stretch:
    laid = tuple(_block(wanted, entry) for entry in entries(records) if shown(entry, wanted.filter))
    return Stretch(tuple(records), laid, first, last, upto, count)


def _block(wanted: Wanted, entry: Entry) -> Block:
    kept = wanted.kept.get(entry.key)
    if kept is not None and kept.entry == entry:
        return kept
    return block(entry, wanted.look, wanted.unfolded.get(entry.key, frozenset()))
