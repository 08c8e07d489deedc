"""The outside world: one event loop in a thread of its own, to which runs hand what they wait for.

A run's own thread computes; what talks to models and tools is async and lives here, away from the application's loop,
so that neither holds up the other. Belongs here: handing over, waiting, cancelling. Never: what is talked about.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

T = TypeVar("T")

TICK_SECONDS = 0.25
"""How often a waiting run looks up."""
CLOSE_SECONDS = 5.0
"""How long what is under way gets to end when the loop is closed."""


class Outside:
    """An event loop in a daemon thread, started at first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock: threading.Lock = threading.Lock()
        self._closed: bool = False
        self._calls: set[concurrent.futures.Future[Any]] = set()
        """What somebody waits for in `call`."""

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Begins the work; cancelling the future cancels it. From any thread."""
        with self._lock:
            if self._closed:
                work.close()
                raise LeaseLost("the workspace was closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="proc-tui outside", daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
        """Does the work and waits for it. Never from the loop itself.

        Raises what it raises, `TimeoutError`, and `LeaseLost` when `end_calls` or `close` ends it.
        """
        future = self.submit(work)
        self._calls.add(future)
        try:
            return future.result(timeout)
        except concurrent.futures.CancelledError:
            raise LeaseLost("the workspace was closed") from None
        finally:
            self._calls.discard(future)
            future.cancel()

    def end_calls(self) -> None:
        """Ends what other threads wait for in `call`."""
        for future in list(self._calls):
            future.cancel()

    def close(self) -> None:
        """Cancels what is under way and ends the loop."""
        with self._lock:
            self._closed, loop, thread = True, self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        with suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(CLOSE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_SECONDS)

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        if not task.cancelling():  # another time would end what it does to come to an end
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Errands:
    """What one run waits for outside, and how it is told to stop waiting."""

    def __init__(self, outside: Callable[[], Outside]) -> None:
        self._outside: Callable[[], Outside] = outside
        self._news: queue.SimpleQueue[tuple[str, concurrent.futures.Future[Any]] | None] = queue.SimpleQueue()
        self._stopped: bool = False
        self._winding_up: bool = False
        self.busy: bool = False
        """Whether something is under way that is worth waiting for: it is paid for, or changes the world."""

    def wind_up(self) -> None:
        """Lets nothing begin any more, and ends what is not worth waiting for. From any thread."""
        self._winding_up = True
        self._news.put(None)

    def stop(self) -> None:
        """Ends the waiting, and all waiting to come. From any thread."""
        self._stopped = True
        self._news.put(None)

    def run(
        self, work: Mapping[str, Callable[[], Coroutine[Any, Any, T]]], tick: Callable[[], None], *, worth: bool = True
    ) -> Iterator[tuple[str, T | Exception]]:
        """Begins all of the work and gives what became of each as it ends; `worth` says whether `wind_up` waits for it.

        Raises `LeaseLost` when it is stopped, once all that has ended well is given: it was paid. What is under way
        then, or when the caller leaves, is cancelled.
        """
        under_way: dict[concurrent.futures.Future[T], str] = {}
        self.busy = worth and bool(work)
        try:
            for name, make in work.items():
                if self._stopped or self._winding_up:
                    raise LeaseLost("the run was stopped")
                future = self._outside().submit(make())
                under_way[future] = name
                future.add_done_callback(lambda future, name=name: self._news.put((name, future)))
            while under_way:
                stopped = self._stopped or (self._winding_up and not worth)
                try:
                    news = self._news.get(timeout=0.0 if stopped else TICK_SECONDS)
                except queue.Empty:
                    if stopped:
                        raise LeaseLost("the run was stopped") from None
                    tick()
                    continue
                if news is None or news[1] not in under_way:
                    continue
                found = _result(news[1])
                if self._stopped and isinstance(found, Exception):
                    continue  # it may have failed because all is being closed
                del under_way[news[1]]
                yield news[0], found
        finally:
            self.busy = False
            for future in under_way:
                future.cancel()


def _result(future: concurrent.futures.Future[T]) -> T | Exception:
    try:
        error = future.exception()
    except concurrent.futures.CancelledError:
        return LeaseLost("the workspace was closed")
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    return error
