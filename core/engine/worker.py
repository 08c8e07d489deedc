"""The worker: drives many runs in one process.

Belongs here: which runs are driven and when; leases; threads; warm Lua states. Never: what happens inside a
run (`driver.py`), or what people ask for (`operator.py`).

Three parties share a worker. The event loop claims runs that are due. A thread for each active run drives
it. The keeper thread renews leases, flushes buffers that grew old, and notices what other processes did
to the runs driven here. A waiting run is a row in the database, and for a while perhaps a warm Lua state.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections import OrderedDict
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import LeaseLost, ProcError, StoreError
from ..journal import journal, presence, requests, runs
from ..lua.sandbox import Limits
from ..model.states import RunStatus
from . import identity
from .driver import Driver
from .keeper import FLUSH_SECONDS, Keeper
from .local import LocalContext
from .outcome import Broken, Lacking, Lost, Outcome, Suspended
from .threads import Threads, Turn

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from ..journal.runs import Run
    from ..model.settings import WorkerSettings
    from .environment import Environment

POLL_SECONDS = 0.1
"""How often the worker looks whether another process changed something."""
REPLAYS = 4
"""How many Lua states are made and brought to the end of their records at a time: more would only contend."""
RETRY_SECONDS = 5.0
"""When a run whose store failed is tried again."""
BLOCKED_SECONDS = 60.0
"""When a run that this worker cannot read is looked at again."""
TROUBLE_SECONDS = 1.0
"""How long the worker leaves a store alone that failed."""
LEASES_SECONDS = 0.5
"""How often the worker looks for leases of others that are free, though nothing changed in the database."""
PRESENT_SECONDS = 10.0
"""How often a worker with something to drive says that it is there."""
IDLE_PRESENT_SECONDS = 120.0
"""And one with nothing to drive: others on this machine see by its process whether it is gone."""
QUIT_SECONDS = 3.0
"""How long a reply or a call of a tool that is under way may take when the worker ends in front of a person."""
FINISH_SECONDS = 8.0
"""And when a `watch` ends: less than what those who end services wait for."""

_logger = logging.getLogger(__name__)


class Worker:
    """Drives the runs of a workspace, or of some trees of it, until it is told to stop."""

    def __init__(
        self,
        environment: Environment,
        settings: WorkerSettings,
        limits: Limits,
        *,
        roots: Sequence[str] = (),
        kind: str = "",
        on_problem: Callable[[str, ProcError], None] = lambda _run, _error: None,
    ) -> None:
        """`roots` restricts the worker to these runs and their children; `on_problem` hears of runs it let go of. With
        a `kind` it says that it is there, also while it has nothing to drive."""
        self._kind: str = kind
        self._present_at: float | None = None
        """When it last said so, by a clock that nobody sets."""
        self.owner: str = identity.owner() + f":{id(self):x}"
        self._environment: Environment = environment
        self._settings: WorkerSettings = settings
        self._limits: Limits = limits
        self._roots: Sequence[str] = roots
        self._on_problem: Callable[[str, ProcError], None] = on_problem
        self._threads: Threads = Threads("proc-tui run")
        self._turns: threading.Semaphore = threading.Semaphore(REPLAYS)
        self._active: dict[str, Driver | None] = {}
        self._warm: OrderedDict[str, Driver] = OrderedDict()
        self._lock: threading.Lock = threading.Lock()
        self._stopping: bool = False
        self._ending: bool = False
        """True while a `run` ends, for whatever reason."""
        self._hurried: bool = False
        self._fatal: BaseException | None = None
        """What ended a thread that nothing should end."""
        self._trouble_until: float = 0.0
        self._changed: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: Keeper | None = None

    @property
    def active(self) -> int:
        """How many runs are being driven now."""
        return len(self._active)

    @property
    def busy(self) -> bool:
        """Whether a reply or a call of a tool is under way, which `run` waits for a moment when it ends."""
        return any(driver.busy for driver in self._drivers())

    def attention(self) -> None:
        """Something may be due: look now. From any thread."""
        changed = self._changed
        if changed is not None:
            self._call_loop(changed.set)

    def stop(self) -> None:
        """Ends `run` soon; runs under way are let go of and stay as they were recorded. From any thread."""
        self._stopping = True
        self.attention()

    def hurry(self) -> None:
        """Ends `run` without waiting for replies and calls of tools that are under way. From any thread."""
        self._hurried = True
        self.stop()

    def fail(self, error: BaseException) -> None:
        """Ends `run`, which raises the error, since a thread met what nothing should raise. From any thread."""
        self._fatal = error
        self.stop()

    async def run(self, *, once: bool = False) -> None:
        """Drives runs until `stop`, or, with `once`, until nothing is due any more."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._keeper = Keeper(weakref.ref(self))
        unlisten = self._environment.attention.listen(self.attention)
        version, due, looked = -1, 0.0, 0.0
        self._ending, self._trouble_until = False, 0.0
        try:
            while not self._stopping:
                now = self._environment.clock.now()
                signalled = self._changed.is_set()
                self._changed.clear()
                found = self._version()
                look = monotonic() - looked >= LEASES_SECONDS
                if signalled or found != version or look or (due is not None and due <= now):
                    version, looked = found, monotonic()
                    if not await self._claim_due():
                        due = self._next_due()
                        if due is not None and due <= now:
                            # Due, but there is no room for it, or somebody else is taking it.
                            due = now + POLL_SECONDS
                if once and not self._active and not (due is not None and due <= now):
                    return
                await self._pause(due, now)
        finally:
            unlisten()
            await self._let_go()
            fatal, self._fatal = self._fatal, None
            if fatal is not None:
                raise fatal

    def _version(self) -> int:
        try:
            return -1 if self._troubled else self._environment.database.data_version()
        except StoreError as error:
            self._trouble(error)
            return -1

    @property
    def _troubled(self) -> bool:
        return monotonic() < self._trouble_until

    def _trouble(self, error: StoreError) -> None:
        """The store failed at the worker itself: says so, and leaves it alone for a moment."""
        self._trouble_until = monotonic() + TROUBLE_SECONDS
        self._on_problem("", error)

    def _next_due(self) -> float | None:
        if not self._troubled:
            try:
                with self._environment.database.read() as connection:
                    return runs.next_wake(connection, self._roots)
            except StoreError as error:
                self._trouble(error)
        return self._environment.clock.now() + TROUBLE_SECONDS

    async def _pause(self, due: float | None, now: float) -> None:
        seconds = POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.0, due - now))
        if self._changed is not None and seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass
        else:
            await asyncio.sleep(0)

    async def _claim_due(self) -> bool:
        """Claims what is due and starts driving it; True when something was claimed."""
        free = self._settings.max_active - len(self._active)
        if free <= 0 or self._troubled or not self._is_due():
            return False
        try:
            claimed = await asyncio.to_thread(self._claim, free)
        except StoreError as error:
            self._trouble(error)
            return False
        for run in claimed:
            self._active[run.id] = None
            self._start(run)
        if claimed and self._keeper is not None:
            self._keeper.call()
        return bool(claimed)

    def _is_due(self) -> bool:
        """Whether a run wants a worker, or has one that is gone."""
        try:
            with self._environment.database.read() as connection:
                due = runs.next_wake(connection, self._roots)
                leases = runs.leases(connection)
                overtaken = bool(requests.overtaken(connection, self._environment.clock.now()))
        except StoreError as error:
            self._trouble(error)
            return False
        now = self._environment.clock.now()
        if overtaken or (due is not None and due <= now):
            return True
        latest = runs.latest(now, self._settings.lease_seconds)
        return any(not now <= lease.until <= latest or self._is_dead(lease.owner) for lease in leases)

    def _is_dead(self, owner: str) -> bool:
        return owner != self.owner and identity.is_dead(owner)

    def _claim(self, limit: int) -> list[Run]:
        clock, lease = self._environment.clock, self._settings.lease_seconds
        active = list(self._active)

        def work(connection: sqlite3.Connection) -> list[Run]:
            dead = [lease.owner for lease in runs.leases(connection) if self._is_dead(lease.owner)]
            for run in requests.overtaken(connection, clock.now()):
                runs.wake(connection, run)
            return runs.claim(
                connection, owner=self.owner, now=clock.now(), lease=lease, limit=limit, dead=dead, active=active,
                roots=self._roots,
            )  # fmt: skip

        self._environment.fault("claim")
        return self._environment.database.write(work, sync=False)

    # ---- driving one run

    def _start(self, run: Run) -> None:
        with self._lock:
            warm = self._warm.pop(run.id, None)
        self._threads.run(lambda: self._drive(run, warm))

    def _drive(self, run: Run, warm: Driver | None) -> None:
        driver: Driver | None = None
        try:
            driver, outcome = self._activate(run, warm)
        except StoreError as error:
            outcome = Broken(error)
        except ProcError as error:
            self._let_run_go(run, error, again=BLOCKED_SECONDS)
            outcome = Lost()
        except Exception as error:
            _logger.exception("run %s: the worker failed", run.id)
            outcome = Broken(ProcError(f"proc-tui itself failed here: {type(error).__name__}: {error}"))
        except BaseException as error:
            self.fail(error)
            raise
        if isinstance(outcome, Broken):
            self._let_run_go(run, outcome.error, again=RETRY_SECONDS)
        elif isinstance(outcome, Lacking):
            self._let_run_go(run, outcome.error, again=BLOCKED_SECONDS)
        # Nothing but this closure may hold the driver: the last reference must go in a thread that may touch Lua.
        self._call_loop(lambda: self._finished(run.id, driver, outcome))

    def _activate(self, run: Run, warm: Driver | None) -> tuple[Driver, Outcome]:
        if warm is not None:
            if warm.context.place == (run.last_seq, run.epoch - 1):
                warm.context.reclaimed(run)
                self._active[run.id] = warm
                return warm, warm.activate()
            warm.close()
        turn = Turn(self._turns)
        try:
            return self._activate_cold(run, turn)
        finally:
            turn.end()

    def _activate_cold(self, run: Run, turn: Turn) -> tuple[Driver, Outcome]:
        environment = self._environment
        with environment.database.read() as connection:
            program = environment.sources.program(connection, run.source, run.path)
            records = journal.read(connection, run.id, run.history)
        driver = Driver(LocalContext(run, program, environment, records), self._limits, on_live=turn.end)
        del records
        self._active[run.id] = driver
        if self._stopping or self._ending:
            driver.stop()
        return driver, driver.activate()

    def _finished(self, run: str, driver: Driver | None, outcome: Outcome) -> None:
        current = run in self._active and self._active[run] is driver
        if current:
            del self._active[run]
        if isinstance(outcome, Suspended) and driver is not None:
            if current and outcome.warm:
                self._keep_warm(run, driver)
            else:  # it was due again at once, and is driven by another activation already
                driver.close()
        if isinstance(outcome, (Broken, Lacking)):
            self._on_problem(run, outcome.error)
        if self._changed is not None:
            self._changed.set()

    def _keep_warm(self, run: str, driver: Driver) -> None:
        dropped: Driver | None = driver
        if self._settings.warm > 0 and not self._ending and not self._environment.suspend_always:
            with self._lock:
                self._warm[run] = driver
                dropped = self._warm.popitem(last=False)[1] if len(self._warm) > self._settings.warm else None
        if dropped is not None:
            dropped.close()

    def _let_run_go(self, run: Run, error: ProcError, *, again: float) -> None:
        """The run cannot be driven here: it waits, saying why, and is looked at again after so many seconds."""
        _logger.info("run %s was let go: %s", run.id, error)
        wake_at = self._environment.clock.now() + again

        def work(connection: sqlite3.Connection) -> None:
            row = runs.find(connection, run.id)
            if row is None or row.epoch != run.epoch or row.status.ended:
                raise LeaseLost("somebody else has it")
            runs.release(connection, run.id, status=RunStatus.BLOCKED, wake_at=wake_at, error=str(error))

        try:
            self._environment.database.write(work)
        except ProcError:
            _logger.info("the lease of run %s runs out by itself", run.id)

    def _call_loop(self, function: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed: this worker has ended
                loop.call_soon_threadsafe(function)

    # ---- the keeper's part

    def watch_active(self, *, renew: bool) -> None:
        """Renews leases and tells drivers what other processes did to their runs. Called by the keeper thread."""
        database, clock = self._environment.database, self._environment.clock
        if renew:
            database.write(
                lambda connection: runs.renew(
                    connection,
                    owner=self.owner,
                    now=clock.now(),
                    lease=self._settings.lease_seconds,
                    active=list(self._active),
                ),
                sync=False,
            )
        with database.read() as connection:
            held = runs.held(connection, self.owner)
        for run, driver in list(self._active.items()):
            if driver is None:
                continue
            epoch, mail = held.get(run, (-1, 0))
            if epoch > driver.context.place[1] or (epoch < 0 and self._was_lost(run, driver)):
                driver.stop()
            elif mail:
                driver.context.mail = True

    def say_present(self) -> None:
        """Says now and then that this worker is there. Called by the keeper thread."""
        moment, first = monotonic(), self._present_at is None
        every = PRESENT_SECONDS if self._active else IDLE_PRESENT_SECONDS
        if not self._kind or (self._present_at is not None and moment - self._present_at < every):
            return
        self._present_at = moment
        database, now = self._environment.database, self._environment.clock.now()
        dead: list[str] = []
        if first:
            with database.read() as connection:
                dead = [row.owner for row in presence.seen(connection) if self._is_dead(row.owner)]
        database.write(lambda connection: presence.appear(connection, self.owner, self._kind, now, dead), sync=False)

    def _was_lost(self, run: str, driver: Driver) -> bool:
        with self._environment.database.read() as connection:
            row = runs.find(connection, run)
        return row is None or row.epoch != driver.context.place[1]

    def flush_old(self) -> None:
        """Writes effects that waited long enough. Called by the keeper thread."""
        moment = monotonic() - FLUSH_SECONDS
        for driver in list(self._active.values()):
            if driver is not None:
                try:
                    driver.context.flush_older_than(moment)
                except ProcError:
                    _logger.debug("a flush failed; the driver meets the same error", exc_info=True)

    @property
    def renew_seconds(self) -> float:
        """How often leases are renewed."""
        return self._settings.lease_seconds / 3

    # ---- the end

    def _drivers(self) -> list[Driver]:
        return [driver for driver in list(self._active.values()) if driver is not None]

    async def _let_go(self) -> None:
        """Stops driving: gives runs a moment to come to a record, and their leases back.

        A reply that is arriving would be paid for again, and a call of a tool be made again, so these get a moment
        more: a short one where a person waits for the program to end.
        """
        self._ending = True
        for driver in self._drivers():
            driver.wind_up()
        patience = monotonic() + (FINISH_SECONDS if self._kind == "watch" else QUIT_SECONDS)
        try:
            while self.busy and not self._hurried and monotonic() < patience:
                await asyncio.sleep(0.01)
            for driver in self._drivers():
                driver.stop()
            for _ in range(200):
                if not self._active:
                    break
                await asyncio.sleep(0.01)
        finally:
            if self._keeper is not None:
                self._keeper.end()
        with self._lock:
            warm, self._warm = list(self._warm.values()), OrderedDict()
        for driver in warm:
            driver.close()
        self._threads.end_idle()

        def leave(connection: sqlite3.Connection) -> None:
            runs.abandon(connection, self.owner)
            if self._kind:
                presence.leave(connection, self.owner)

        try:
            await asyncio.to_thread(self._environment.database.write, leave, sync=False)
        except StoreError:
            _logger.info("leases could not be given back; they run out by themselves")
        self._loop = None
