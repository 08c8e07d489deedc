"""Workspaces for the cases: a folder on the disk that is measured, one procedure, an operator.

The folder is made where `TMPDIR` says.
"""

from __future__ import annotations

import asyncio
import tempfile
import textwrap
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from proc_tui.core.model.settings import Settings, WorkerSettings
from proc_tui.core.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any, Literal

    from proc_tui.core.engine.worker import Worker
    from proc_tui.core.journal.events import Event, Record
    from proc_tui.core.journal.runs import Run
    from proc_tui.core.model.clock import Clock

WAIT = 'Human.approve{message = "Go on?"}\n'
"""Code that waits for a person."""


def steps(count: int) -> str:
    """Code that runs so many steps."""
    return f'for i = 1, {count} do Step.run("step " .. i, function() return i end) end\n'


@contextmanager
def workspace(
    code: str,
    *,
    durability: Literal["full", "fast"] = "full",
    worker: WorkerSettings | None = None,
    clock: Clock | None = None,
) -> Iterator[Operator]:
    """An operator on a fresh workspace whose procedure is `case`."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        lines = textwrap.indent(code, "  ")
        (Path(folder) / "case.yaml").write_text(f'name: case\nversion: "1"\ncode: |\n{lines}')
        settings = Settings(durability=durability, worker=worker or WorkerSettings())
        with Operator.open(Path(folder), settings=settings, clock=clock) as operator:
            yield operator


def drive(operator: Operator) -> None:
    """Drives everything that is due to where it waits or ends."""
    asyncio.run(operator.worker().run(once=True))


def beside(operator: Operator, work: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
    """Runs `work` while a worker of the same process drives the workspace."""

    async def both() -> None:
        worker = operator.worker()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            try:
                await work(worker)
            finally:
                worker.stop()

    asyncio.run(both())


async def until(done: Callable[[], bool], *, every: float = 0.02) -> None:
    """Waits for something that another thread brings about."""
    while not done():
        await asyncio.sleep(every)


def found(operator: Operator, run: Run, kind: type[Event]) -> list[Record]:
    """The run's records of one kind."""
    return [record for record in operator.records(operator.run(run.id)) if isinstance(record.event, kind)]
