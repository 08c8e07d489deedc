"""The thread that looks after a worker's active runs: flushes, leases, what other processes did.

Belongs here: when. Never: what is done, which is the worker's own.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..errors import ProcError

if TYPE_CHECKING:
    import weakref

    from .worker import Worker

FLUSH_SECONDS = 0.05
"""How long an effect may wait in memory."""
KEEPER_SECONDS = 5.0
"""How long the keeper sleeps while nothing is driven."""

_logger = logging.getLogger(__name__)


class Keeper:
    """The thread that looks after active runs; it sleeps while there are none."""

    def __init__(self, worker: weakref.ref[Worker]) -> None:
        self._worker = worker
        self._ended = threading.Event()
        self._called = threading.Event()
        threading.Thread(target=self._loop, name="proc-tui keeper", daemon=True).start()

    def call(self) -> None:
        """There is something to look after."""
        self._called.set()

    def end(self) -> None:
        """Ends the thread soon."""
        self._ended.set()
        self._called.set()

    def _loop(self) -> None:
        ticks = 0
        while True:
            self._called.clear()
            worker = self._worker()
            if worker is None or self._ended.is_set():
                return
            active, every = worker.active > 0, max(1, round(worker.renew_seconds / FLUSH_SECONDS))
            try:
                self._tick(worker, ticks, every, active=active)
            except BaseException as error:  # noqa: BLE001 - raised again by `Worker.run`
                worker.fail(error)
                return
            ticks += 1
            del worker
            if active:
                self._ended.wait(FLUSH_SECONDS)
            else:
                self._called.wait(KEEPER_SECONDS)

    def _tick(self, worker: Worker, ticks: int, every: int, *, active: bool) -> None:
        try:
            worker.say_present()
            if active:
                worker.flush_old()
                worker.watch_active(renew=ticks % every == 0)
        except ProcError as error:
            _logger.debug("the keeper met %s", error)
