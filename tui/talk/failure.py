"""Why a run failed, and what each way on would do again: for the failure card and the actions of a run, in a thread.

Belongs here: reading. Never: how it looks, or doing any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...core.errors import ProcError
from ...core.journal.events import Began, Ended
from ..shapes import error_line
from ..words import listed, money, several
from .blocks import tokens

if TYPE_CHECKING:
    from ...core.journal.events import RunEnded
    from ...core.journal.runs import Run
    from ...core.operator import Operator

AROUND = 3
"""Lines of the source before and after the one that failed."""
MOST_USAGE = 500
"""The latest operations, among which what something cost is looked up."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of a failed run besides its ending."""

    line: int = 0
    """Of the source; 0 when it is not known."""
    source: tuple[tuple[int, str], ...] = ()
    """The lines around it, with their numbers."""
    cause: str = ""
    """The operation whose error ended the run."""
    again: tuple[str, ...] = ()
    """What a resume does again."""
    kept: int = 0
    """How many operations it keeps."""
    tokens: int = 0
    """What doing it again took the last time."""
    cost: float = 0.0
    requests: int = 0
    children: int = 0

    @property
    def resuming(self) -> str:
        """What a resume does and costs, in words."""
        if not self.again:
            return "nothing is done again, and the same code may well fail the same way: edit it first"
        return f"does {listed(list(self.again), 3)} again{self.costs}"

    @property
    def costs(self) -> str:
        """What that took the last time."""
        parts = [tokens(self.tokens)] if self.tokens else []
        parts += [money(self.cost)] if self.cost else []
        return f" ({', '.join(parts)} the last time)" if parts else ""

    @property
    def keeping(self) -> str:
        """What is kept."""
        return f"keeps {several(self.kept, 'operation')}"


def read(operator: Operator, run: Run, ending: RunEnded | None) -> Facts:
    """The facts of a run that failed; what cannot be read is left out."""
    if ending is None or ending.status != "FAILED":
        return Facts()
    line, cause = error_line(ending.message) or 0, ""
    again: tuple[str, ...] = ()
    requests = children = 0
    if ending.cause:
        found = operator.log(run, after=ending.cause - 1, kinds=(Began.kind, Ended.kind), limit=1)
        event = found[0].event if found else None
        if isinstance(event, (Began, Ended)):
            cause = event.name
            line = line or found[0].line
        if cause:
            try:
                plan = operator.plan_reset(run, cause)
                again, requests, children = plan.checkpoints, len(plan.requests), len(plan.children)
            except ProcError:
                again = (cause,)
    outline = operator.outline(run)
    spent = [
        row.usage
        for row in operator.operations(run, start=max(0, outline.operations - MOST_USAGE), limit=MOST_USAGE)
        if row.usage is not None and row.level == 0 and row.name in again
    ]
    return Facts(
        line, _around(operator, run, line), cause, again, max(0, outline.operations - len(again)),
        sum((one.total or (one.input or 0) + (one.output or 0)) for one in spent),
        sum(one.cost or 0.0 for one in spent),
        requests, children,
    )  # fmt: skip


def _around(operator: Operator, run: Run, line: int) -> tuple[tuple[int, str], ...]:
    try:
        lines = operator.source(run).split("\n")
    except ProcError:
        return ()
    if not 0 < line <= len(lines):
        return ()
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    return tuple((number, lines[number - 1]) for number in range(first, last + 1))


def stripped(ending: RunEnded) -> str:
    """The error without the place that it begins with, which is shown as source."""
    line = error_line(ending.message)
    if line is None:
        return ending.message
    return ending.message.partition(f":{line}: ")[2] or ending.message
