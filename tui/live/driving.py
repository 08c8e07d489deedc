"""The worker in the application's loop: begun after the first frame, ended before the workspace is closed.

Belongs here: its life, and its problems as messages. Never: what it drives.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.engine.worker import Worker
    from ...core.errors import ProcError
    from ...core.operator import Operator

REPEAT_SECONDS = 60.0
"""A problem is not said again within so many seconds."""
PATIENCE = 10.0
"""Seconds that runs get to let go when the application ends."""


class Driving:
    """Drives the runs of a workspace while the application is open."""

    def __init__(self, operator: Operator, said: Callable[[str, ProcError], None]) -> None:
        """`said` hears of problems, in the loop."""
        self._operator: Operator = operator
        self._said: Callable[[str, ProcError], None] = said
        self._heard: dict[str, float] = {}
        self._worker: Worker | None = None
        self._over: asyncio.Event = asyncio.Event()
        self._ending: bool = False

    async def run(self, named: Callable[[str], None]) -> None:
        """Drives until `end`; `named` hears the name of the worker in leases."""
        try:
            worker = await asyncio.to_thread(self._operator.worker, kind="interface", on_problem=self._problem)
            if self._ending:
                return
            self._worker = worker
            named(worker.owner)
            await worker.run()
        finally:
            self._worker = None
            self._over.set()

    @property
    def busy(self) -> bool:
        """Whether a reply or a call of a tool is under way, which `end` waits for a moment."""
        return self._worker is not None and self._worker.busy

    def hurry(self) -> None:
        """Has `end` wait for nothing that is under way."""
        if self._worker is not None:
            self._worker.hurry()

    async def end(self) -> None:
        """Lets go of the runs: they stay as they were recorded."""
        self._ending = True
        if self._worker is not None:
            self._worker.stop()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._over.wait()
            except TimeoutError:
                return

    def _problem(self, run: str, error: ProcError) -> None:
        text, now = f"{run} {error}", time.monotonic()
        if now - self._heard.get(text, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self._heard[text] = now
            self._said(run, error)
