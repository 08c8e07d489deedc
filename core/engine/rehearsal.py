"""Replaying a record in memory: what it adds up to, and where a text differs from it.

Belongs here: a context that performs and writes nothing. Never: what is done about a difference (`rewind.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..errors import Divergence
from ..journal.folds.agents import SUMMARY
from .driver import Driver
from .local import LocalContext, Restarted
from .recording import BODIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..agents.model import Model
    from ..errors import ProcError
    from ..journal.events import Ended, Record, RunEnded
    from ..journal.folds import RunFold
    from ..journal.runs import Run
    from ..lua.sandbox import Limits
    from ..primitives.execution import Call
    from .environment import Environment
    from .sources import Program


class _EndOfRecord(Restarted):
    """A rehearsal came to where things would happen for real: no failure, but the end of the activation."""


class _Rehearsal(LocalContext):
    """Replays in memory and stops where something new would be done or recorded."""

    def recall(self, call: Call) -> Ended | None:
        found = super().recall(call)
        if found is None and not (self.reentered and call.op in (*BODIES, SUMMARY)):
            raise _EndOfRecord
        return found

    def model(self, name: str | None, fold: RunFold | None = None) -> Model:
        raise _EndOfRecord

    def outside(self, *args: object, **options: object) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise _EndOfRecord

    def _append(self, event: object, line: int) -> Record:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise _EndOfRecord

    def _write(self, *args: object, **options: object) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise _EndOfRecord

    def end(self, event: RunEnded) -> None:
        raise _EndOfRecord


def rehearse(
    run: Run, program: Program, environment: Environment, records: Sequence[Record], limits: Limits
) -> Divergence | None:
    """How a text differs from the record of a run; None when it does not. Nothing is performed or written."""
    _, failure = rehearsed(run, program, environment, records, limits)
    return failure if isinstance(failure, Divergence) else None


def rehearsed(
    run: Run, program: Program, environment: Environment, records: Sequence[Record], limits: Limits
) -> tuple[RunFold, ProcError | None]:
    """What a replay in memory adds up to at the end of the record, and the error that ended it before, if one did."""
    context = _Rehearsal(msgspec.structs.replace(run, mail=0), program, environment, records)
    driver = Driver(context, limits)
    try:
        driver.rehearse()
    except _EndOfRecord:
        pass
    finally:
        driver.close()
    return context.fold, driver.failure
