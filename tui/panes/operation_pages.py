"""The operations of a run, read by pages, as the Timeline and the Checkpoints show them.

Belongs here: reading, for threads. Never: widgets (`operations.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from ...core.journal.events import AttemptBegan, Ended, RunResumed
from ...core.journal.journal import WHOLE
from ...core.values import Value
from ..clean import clip, oneline
from ..readable import brief
from ..screen_safety import safe_line
from ..widgets.values import brief_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.journal.runs import Run
    from ...core.journal.windows import Operation
    from ...core.operator import Operator

_PLACE = re.compile(r"^[^\s:]+:[0-9]+: ")
FEW = 6
"""Entries of a table that are shown on its row."""
LONG = 80
PAGE = 250
"""Operations that are read at a time."""
WAITING = ("approve", "review", "input", "escalate", "sleep", "wait", "wait_all", "wait_any")
"""What operations are called that wait rather than work."""


class Row(msgspec.Struct, frozen=True, eq=False):
    """An operation as it is shown."""

    index: int
    op: str
    name: str
    first: int
    seq: int
    """0 while it is open."""
    line: int
    level: int
    began_at: float
    ended_at: float | None
    failed: bool
    outcome: Content
    tokens: int | None = None
    cost: float | None = None

    @property
    def waits(self) -> bool:
        """Whether it waits for a person, a time or a child."""
        return self.op in WAITING


class Pages(msgspec.Struct, frozen=True, eq=False):
    """What was read."""

    total: int
    rows: dict[int, tuple[Row, ...]]
    recalled: int
    """Operations that ended before this event were recalled by a replay, not done by this attempt."""


def is_present(run: Run, at: int | None) -> bool:
    """Whether a moment belongs to the run's present history, not to an attempt that was given up."""
    return at is None or any(first <= at and (last is None or at <= last) for first, last in run.history)


def whole(run: Run) -> Run:
    """The run with everything that was ever recorded of it as its history."""
    return msgspec.structs.replace(run, history=WHOLE)


def read_pages(operator: Operator, run: Run, at: int | None, pages: Sequence[int], *, outcomes: bool) -> Pages:
    """Some pages of the operations; `at` only for an attempt that was given up."""
    outline = operator.outline(run, at=at)
    marks = operator.log(whole(run), kinds=(AttemptBegan.kind, RunResumed.kind))
    newest = [mark.seq for mark in marks if is_present(run, mark.seq)] if at is None else []
    rows: dict[int, tuple[Row, ...]] = {}
    for page in pages:
        found = operator.operations(run, start=page * PAGE, limit=PAGE, at=at)
        ends = _ends(operator, run, found) if outcomes else {}
        rows[page] = tuple(_row(one, ends.get(one.seq)) for one in found)
    return Pages(outline.operations, rows, max(newest, default=0))


def _ends(operator: Operator, run: Run, found: Sequence[Operation]) -> dict[int, Ended]:
    """The outcomes of operations, by their records; those far away one by one."""
    wanted = {one.seq for one in found if one.seq and not one.failed}
    if not wanted:
        return {}
    near = operator.log(whole(run), after=min(wanted) - 1, kinds=(Ended.kind,), limit=PAGE * 2)
    for seq in wanted - {record.seq for record in near}:
        near += operator.log(whole(run), after=seq - 1, kinds=(Ended.kind,), limit=1)
    return {record.seq: record.event for record in near if record.seq in wanted and isinstance(record.event, Ended)}


def _row(one: Operation, end: Ended | None) -> Row:
    used = one.usage
    known = used is not None and (used.input is not None or used.output is not None)
    return Row(
        one.index, one.op, one.name, one.first, one.seq, one.line, one.level, one.began_at, one.ended_at, one.failed,
        outcome_of(one, end), (used.input or 0) + (used.output or 0) if used is not None and known else None,
        used.cost if used is not None and known else None,
    )  # fmt: skip


def outcome_of(one: Operation, end: Ended | None) -> Content:
    """The outcome in a few words."""
    if not one.seq:
        return Content("")
    if one.failed:
        # Where it was raised is mostly the line that the row has anyway.
        return safe_line(clip(oneline(_PLACE.sub("", error_text(one.error))), 200), "$bad")
    values = end.values if end is not None else []
    return Content(", ").join(_brief(value) for value in values[:4]) if values else Content("")


def _brief(value: Value) -> Content:
    """A value on the row: what a turn said, small tables with what is in them, others by their size."""
    if isinstance(value, dict) and isinstance(value.get("content"), str) and value["content"]:
        return brief_value(value["content"])
    if isinstance(value, (dict, list)) and 0 < len(value) <= FEW:
        inside = value.values() if isinstance(value, dict) else value
        if all(
            not isinstance(item, (dict, list)) and (not isinstance(item, str) or len(item) < LONG) for item in inside
        ):
            return safe_line(brief(value, LONG))
    return brief_value(value)


def error_text(error: Value) -> str:
    """The message of an error."""
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return error if isinstance(error, str) else brief(error)
