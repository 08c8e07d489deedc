"""Daemon threads that are kept for the next piece of work.

Lua computes in a thread of its run. A pool of fixed size would be exhausted by a few C calls that hang, and
threads that must be joined would keep the program from ending; these grow with need and die with the program.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPLAY_PATIENCE = 1.0
"""How long one waits for its turn, so that hung ones do not hold up the rest, in seconds."""


class Threads:
    """Runs functions in threads of their own."""

    def __init__(self, name: str, *, keep: int = 16) -> None:
        self._name: str = name
        self._keep: int = keep
        self._idle: list[_Thread] = []
        self._lock: threading.Lock = threading.Lock()
        self._ended: bool = False

    def run(self, work: Callable[[], None]) -> None:
        """Calls `work` in an idle thread, or a new one."""
        with self._lock:
            self._ended = False
            thread = self._idle.pop() if self._idle else None
        if thread is None:
            thread = _Thread(self._name, self._returned)
        thread.take(work)

    def end_idle(self) -> None:
        """Ends the threads that have nothing to do, and those that will have nothing to do, until the next work."""
        with self._lock:
            self._ended = True
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.take(None)

    def _returned(self, thread: _Thread) -> bool:
        """Whether the thread, which has nothing to do, is kept."""
        with self._lock:
            if self._ended or len(self._idle) >= self._keep:
                return False
            self._idle.append(thread)
            return True


class _Thread:
    def __init__(self, name: str, returned: Callable[[_Thread], bool]) -> None:
        self._returned = returned
        self._work: Callable[[], None] | None = None
        self._ready = threading.Semaphore(0)
        threading.Thread(target=self._loop, name=name, daemon=True).start()

    def take(self, work: Callable[[], None] | None) -> None:
        """Gives the thread its next piece of work; None ends it."""
        self._work = work
        self._ready.release()

    def _loop(self) -> None:
        while True:
            self._ready.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            work()
            del work
            if not self._returned(self):
                return


class Turn:
    """A place among those that are made and replayed; given back when its code begins to do something new."""

    def __init__(self, slots: threading.Semaphore) -> None:
        self._slots = slots
        self._held = slots.acquire(timeout=REPLAY_PATIENCE)

    def end(self) -> None:
        """Gives the place back; may be called again."""
        if self._held:
            self._held = False
            self._slots.release()
