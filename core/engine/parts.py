"""The parts of an operation: what a turn does outside and records as it goes.

Belongs here: waiting for the outside, partial replies. Never: what a turn is (`agents/turns.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import LeaseLost, StoreError
from ..journal import runs
from ..primitives.execution import Pause
from .outside import Errands
from .recording import Recording
from .waits import Now, TimeWait

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from ..journal.events import Record
    from ..journal.runs import Partial, Run
    from .environment import Environment
    from .sources import Program

T = TypeVar("T")


class Parts(Recording):
    """The half of `LocalContext` that operations with parts use."""

    def __init__(self, run: Run, program: Program, environment: Environment, records: Sequence[Record]) -> None:
        super().__init__(run, program, environment, records)
        self._errands: Errands = Errands(lambda: environment.services.outside)
        self._partial: Partial | None = None
        self._kept: Partial | None = None
        self._place: int = 0

    def interrupt(self) -> None:
        super().interrupt()
        self._errands.stop()

    def wind_up(self) -> None:
        """Nothing begins any more; what is under way and was paid for may come to its end. From any thread."""
        self._errands.wind_up()

    @property
    def busy(self) -> bool:
        """Whether it waits for something outside that would be paid for, or done, twice."""
        return self._errands.busy

    def enter_parts(self) -> None:
        """Applies what was given inside an operation that is entered again, up to its first part."""
        if not self._replay.done:
            self._replay.enter_open()

    def expects(self, op: str) -> bool:
        """Whether an operation of this kind is recorded next."""
        return not self._replay.done and self._replay.next_op == op

    def outside(
        self, work: Mapping[str, Callable[[], Coroutine[Any, Any, T]]], *, worth: bool = True
    ) -> Iterator[tuple[str, T | Exception]]:
        # Others can see that it is under way. After a power failure it is begun again, and nothing was lost.
        with self._lock:
            self._record_began()
            self.flush(sync=False)
        # With nothing to write, nothing else would tell a worker that was frozen that the run is somebody else's now.
        with self._database.read() as connection:
            runs.check_lease(connection, self.run_id, self._epoch)
        self._partial = None
        try:
            yield from self._errands.run(work, self._keep, worth=worth)
        except LeaseLost:
            self._keep()
            raise

    def errand(self, name: str, make: Callable[[], Coroutine[Any, Any, T]], *, worth: bool = False) -> T:
        for _, found in self.outside({name: make}, worth=worth):
            if isinstance(found, Exception):
                raise found
            return found
        raise LeaseLost("the run was stopped")

    async def until(self, moment: float) -> None:
        while self.now() < moment:
            await Pause(TimeWait(moment))

    async def after_part(self) -> None:
        if self.suspends_always:
            await Pause(Now())

    def publish(self, partial: Partial, piece: str) -> None:
        self._partial = partial
        self._environment.services.publish(partial, piece)

    def _keep(self) -> None:
        """Writes what has arrived of a reply, for readers in other processes."""
        partial = self._partial
        if partial is None or partial is self._kept:
            return
        self._kept = partial
        try:
            self._database.write(lambda connection: runs.keep_partial(connection, partial, self._epoch), sync=False)
        except StoreError:
            self._kept = None

    def place_in_tree(self) -> int:
        if not self._place:
            with self._database.read() as connection:
                self._place = runs.place_in_tree(connection, self.run_id)
        return self._place
