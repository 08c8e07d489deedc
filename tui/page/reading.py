"""What the page shows of one run, read by window: however long a run is, no more is read than is shown.

Belongs here: how much of each list. Never: markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.errors import ProcError
from ...core.journal.events import AttemptBegan, Requested, Responded, RunEnded, RunStarted
from ..usage import AgentShape, agent_shapes

if TYPE_CHECKING:
    from ...core.journal.events import Record
    from ...core.journal.folds.outline import Outline
    from ...core.journal.requests import Answer
    from ...core.journal.runs import Partial, Run
    from ...core.journal.windows import Operation
    from ...core.operator import Operator
    from ...core.values import Value

FIRST, LAST = 200, 800
"""Operations that are shown of the beginning and of the end."""
MOST_SAID = 1000
"""Events of the conversation, the latest."""
MOST_LOG = 2000
"""Lines of the log, the latest."""
MOST_LOUD = 500
"""Warnings and errors of the log from before those."""
LOUD = ("warn", "warning", "error", "critical")
FEW_EVENTS = 50_000
"""Events up to which the history is read wholly, for what each agent used."""
MANY_EVENTS = 2_000_000
"""Events from which on it is not counted how often a line ran."""


class Sight(msgspec.Struct, frozen=True):
    """One run at one moment, as far as the page shows it."""

    run: Run
    at: int | None
    """The event at which it is looked at; None for now."""
    until: float
    """The moment up to which bars of what is open are drawn."""
    outline: Outline
    params: dict[str, Value]
    ending: RunEnded | None
    operations: tuple[Operation, ...]
    skipped: int
    """Operations in the middle that are left out; the first `FIRST` stand before them."""
    said: tuple[Record, ...]
    unsaid: int
    """Earlier events of the conversation that are left out."""
    requests: dict[str, Requested]
    responses: dict[str, Responded]
    """How requests were answered, as far as the journal has it."""
    answers: dict[str, tuple[Answer, ...]]
    """What people answered, with what they undid."""
    log: tuple[Record, ...]
    loud: tuple[Record, ...]
    """Warnings and errors from before `log`."""
    logged: int
    """How many lines there are."""
    source: str
    counts: dict[int, int]
    """How often each line of the source ran."""
    agents: tuple[AgentShape, ...]
    partial: Partial | None


def look(operator: Operator, run: Run, at: int | None = None) -> Sight:
    """Reads a run."""
    outline = operator.outline(run, at=at)
    operations = operator.operations(run, limit=FIRST + LAST, at=at)
    total = outline.operations
    if total > len(operations):
        operations = operations[:FIRST] + operator.operations(run, start=total - LAST, limit=LAST, at=at)
    said = operator.conversation(run, limit=MOST_SAID, newest=True, at=at)
    log = operator.log_lines(run, limit=MOST_LOG, newest=True, at=at)
    kinds = outline.kinds
    logged = sum(kinds.get(kind, 0) for kind in ("logged", "notified", "alerted", "reply.failed"))
    loud: list[Record] = []
    if logged > len(log) and log:
        loud = operator.log_lines(run, levels=LOUD, before=log[0].seq, limit=MOST_LOUD, newest=True, at=at)
    requests = {record.event.request: record.event for record in said if isinstance(record.event, Requested)}
    known = operator.log(run, kinds=(RunStarted.kind, AttemptBegan.kind))
    try:
        source = operator.source(run)
    except ProcError as error:
        source = f"# The source cannot be read: {error}"
    return Sight(
        run=run, at=at, until=outline.at if at is not None else run.ended_at or operator.now(), outline=outline,
        params=_params(known, at), ending=_ending(operator, run, outline, at), operations=tuple(operations),
        skipped=max(0, total - len(operations)), said=tuple(said),
        unsaid=operator.count_said(run, at=at) - len(said), requests=requests,
        responses={one.event.request: one.event for one in said if isinstance(one.event, Responded)},
        answers={} if at is not None else {name: tuple(operator.answers(name)) for name in requests},
        log=tuple(log), loud=tuple(loud), logged=logged, source=source,
        counts={} if outline.seq > MANY_EVENTS else operator.line_counts(run, at=at),
        agents=tuple(agent_shapes(operator.fold(run, at=at))) if _turns(outline, run) > 0 else (),
        partial=operator.partial(run) if at is None else None,
    )  # fmt: skip


def _turns(outline: Outline, run: Run) -> int:
    """How many turns can be told apart by agent."""
    return outline.kinds.get("prompted", 0) if run.last_seq <= FEW_EVENTS else 0


def _params(known: list[Record], at: int | None) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for record in known:
        event = record.event
        if at is not None and record.seq > at:
            break
        if isinstance(event, RunStarted) or (isinstance(event, AttemptBegan) and event.params is not None):
            found = event.params or {}
    return found


def _ending(operator: Operator, run: Run, outline: Outline, at: int | None) -> RunEnded | None:
    if outline.ended is None:
        return None
    found = operator.log(run, kinds=(RunEnded.kind,), newest=True)
    events = [one.event for one in found if at is None or one.seq <= at]
    last = events[-1] if events else None
    return last if isinstance(last, RunEnded) else None
