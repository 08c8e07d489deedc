"""The cursor over a run's history: what the code asks is matched with what was recorded.

Belongs here: the order of events and the comparison. Never: performing anything. The rules, from
`Matching`: compared events must come again, in order; counted ones (log lines, notifications, alerts)
are recalled by number since the last compared one; given ones (answers, messages, the runtime's own) are
applied when they are passed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import Divergence, Side
from ..journal.events import Began, Ended, Event, Matching, Record
from ..values import digest, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..primitives.execution import Call

_canonical = msgspec.json.Encoder(order="sorted")
_COMPARED, _COUNTED, _GIVEN = Matching.COMPARED, Matching.COUNTED, Matching.GIVEN


class Replay:
    """Walks the history once, applying each record to the fold as it is passed."""

    def __init__(self, records: Sequence[Record], apply: Callable[[Record], None], file: str) -> None:
        self._records: Sequence[Record] = records
        self._apply: Callable[[Record], None] = apply
        self._file: str = file
        self._ends: dict[int, int] = _pair(records)
        self._at: int = 0
        self.reopened: Began | None = None
        """The open record of the operation that was last entered again; None when it is entered for the first time."""

    @property
    def done(self) -> bool:
        """True when nothing is left to recall; the records are let go of then."""
        if self._at < len(self._records):
            return False
        self._records, self._ends, self._at = (), {}, 0
        return True

    def recall(self, call: Call) -> Ended | None:
        """The recorded outcome of the call, with all that belongs to it applied; None when it has none.

        Called before the record is done. Raises `Divergence`.
        """
        self.reopened = None
        if self._records[self._at].event.matching is not _COMPARED:
            self._pass_uncompared()
            if self.done:
                return None
        at = self._at
        record = self._records[at]
        event = record.event
        if not isinstance(event, (Began, Ended)) or not _same_call(event, call):
            raise self._divergence(record, _asked(call))
        if isinstance(event, Ended):
            self._apply(record)
            self._at = at + 1
            return event
        end = self._ends.get(self._at)
        if end is None:
            self._step()
            self.reopened = event
            return None
        while self._at <= end:
            self._step()
        return cast("Ended", self._records[end].event)

    def recall_part(self, calls: Mapping[str, Call]) -> Ended | None:
        """The next recorded part of an operation that is entered again, which is one of these calls, by name.

        None when the record ends. Raises `Divergence`.
        """
        self._pass_uncompared()
        if self.done:
            return None
        record = self._records[self._at]
        event = record.event
        call = calls.get(event.name) if isinstance(event, Ended) else None
        if call is None or not isinstance(event, Ended) or not _same_call(event, call):
            raise self._divergence(record, _asked(next(iter(calls.values()))))
        self._step()
        return event

    @property
    def next_op(self) -> str:
        """The kind of the operation that is recorded next; empty when none is."""
        self._pass_uncompared()
        event = None if self.done else self._records[self._at].event
        return event.op if isinstance(event, (Began, Ended)) else ""

    def match(self, event: Event, line: int) -> bool:
        """Whether the record answers this effect; False when it is new. Raises `Divergence`."""
        if event.matching is _COUNTED:
            return self._count()
        self._pass_uncompared()
        if self.done:
            return False
        record = self._records[self._at]
        if record.event.kind != event.kind or not _same_effect(record.event, event):
            raise self._divergence(record, Side(_effect(event), line, _fields(event)))
        self._step()
        return True

    def end_of_parts(self, line: int) -> None:
        """Something new happens in an operation that was entered again: raises `Divergence` when more was recorded."""
        self._pass_uncompared()
        if not self.done:
            raise self._divergence(self._records[self._at], Side("something new", line))

    def leave(self, call: Call) -> None:
        """An operation that was entered again ends now: raises `Divergence` when more of it was recorded."""
        self._pass_uncompared()
        if not self.done:
            title = _title(call.op, call.name)
            raise self._divergence(self._records[self._at], Side(f"the end of {title}", call.line))

    def finish(self, error: str | None) -> None:
        """The code returned, or raised an error: raises `Divergence` when the record goes on."""
        self._pass_uncompared()
        if self.done:
            return
        asked = None
        if error is not None:
            place = re.match(rf"{re.escape(self._file)}:(\d+): ", error)
            message = error[place.end() :] if place else error
            asked = Side("to fail with", int(place[1]) if place else 0, _shorten(message))
        raise self._divergence(self._records[self._at], asked)

    def enter_open(self) -> None:
        """Applies what was recorded inside an operation that is entered again and has no body."""
        self._pass_uncompared()

    def pass_given(self) -> None:
        """Applies what was given at this point."""
        while not self.done and self._records[self._at].event.matching is _GIVEN:
            self._step()

    def _count(self) -> bool:
        self.pass_given()
        if self.done:
            return False
        if self._records[self._at].event.matching is _COUNTED:
            self._step()
        return True

    def _pass_uncompared(self) -> None:
        records, at = self._records, self._at
        while at < len(records) and records[at].event.matching is not _COMPARED:
            self._apply(records[at])
            at += 1
        self._at = at

    def _step(self) -> None:
        self._apply(self._records[self._at])
        self._at += 1

    def _divergence(self, record: Record, asked: Side | None) -> Divergence:
        event = record.event
        if isinstance(event, (Began, Ended)):
            recorded = Side(_title(event.op, event.name), record.line, _show(event.args))
        else:
            recorded = Side(_effect(event), record.line, _fields(event))
        return Divergence(recorded=recorded, asked=asked, file=self._file, seq=record.seq)


def _pair(records: Sequence[Record]) -> dict[int, int]:
    """Where each operation that began has its end; open ones are left out."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for index, record in enumerate(records):
        event = record.event
        if type(event) is Ended:
            if event.opened and stack:
                ends[stack.pop()] = index
        elif type(event) is Began:
            stack.append(index)
    return ends


def _same_effect(recorded: Event, asked: Event) -> bool:
    left, right = _canonical.encode(recorded), _canonical.encode(asked)
    if left == right:
        return True
    # The order of keys does not count, in tables whose keys are not all strings neither.
    mixed = b'"$t"' in left and b'"$t"' in right
    return mixed and digest(msgspec.to_builtins(recorded)) == digest(msgspec.to_builtins(asked))


def _same_call(event: Began | Ended, call: Call) -> bool:
    return event.name == call.name and event.op == call.op and event.digest == call.digest


def _asked(call: Call) -> Side:
    return Side(_title(call.op, call.name), call.line, _show(call.args))


def _title(op: str, name: str) -> str:
    return f'{op} "{name}"' if op in ("step", "guard") else name


def _effect(event: Event) -> str:
    return f"{event.kind} {event.label}" if event.label else event.kind


def _fields(event: Event) -> str:
    fields = cast("dict[str, object]", msgspec.to_builtins(event))
    return _shorten(msgspec.json.encode(fields).decode())


def _show(args: object) -> str:
    return "" if args in (None, [], {}) else _shorten(msgspec.json.encode(to_plain(cast("None", args))).decode())


def _shorten(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
