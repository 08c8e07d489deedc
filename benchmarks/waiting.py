"""Thousands of runs that wait for a person: what each costs to start and to keep."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.model.states import RunStatus
from workspaces import WAIT, beside, until, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_tui.core.engine.worker import Worker
    from proc_tui.core.operator import Operator

PAGE = 4096


def measure(quick: bool) -> Iterator[Figure]:
    # Caches, idle threads and the allocator have a size of their own, however many runs wait: they come first.
    count, warm_up = (1_000, 1_000) if quick else (10_000, 3_000)
    yardstick = raw.commit("FULL", rounds=5)
    figures: list[Figure] = []
    with workspace(WAIT) as operator:

        async def start_and_wait(worker: Worker) -> None:
            await _start(operator, warm_up)
            memory = resident()
            began = time.perf_counter()
            await _start(operator, count)
            taken = time.perf_counter() - began
            await until(lambda: worker.active == 0)
            name = f"{count:,} runs waiting for a person"
            figures.append(Figure(f"{name}: time to start", taken / count, "s", yardstick, "FULL", 0.002, note="each"))
            await asyncio.sleep(2)
            grown = (resident() - memory) / count
            figures.append(Figure(f"{name}: memory", grown, "B", aim=2048, note="each"))
            figures.append(Figure(f"{name}: threads of the process", threading.active_count(), "", aim=40))
            seconds = 2 if quick else 10
            idle = time.process_time()
            await asyncio.sleep(seconds)
            busy = (time.process_time() - idle) / seconds * 100
            figures.append(Figure(f"{name}: CPU while idle", busy, "%", aim=0.5))

        beside(operator, start_and_wait)
    yield from figures


async def _start(operator: Operator, count: int) -> None:
    """Starts runs as fast as it can and returns when all of them wait."""
    before = _waiting(operator)
    program = operator.program("case")
    await asyncio.to_thread(lambda: [operator.start(program) for _ in range(count)])
    await until(lambda: _waiting(operator) == before + count)


def _waiting(operator: Operator) -> int:
    with operator._database.read() as connection:
        row = connection.execute("SELECT count(*) FROM runs WHERE status=?", (RunStatus.WAITING_FOR_HUMAN.value,))
        return row.fetchone()[0]


def resident() -> int:
    """Bytes of this process in memory, without what the allocator only keeps for later, where it can be asked."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
