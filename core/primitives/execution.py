"""The protocol between the code of a run and what makes the run durable.

`ExecutionContext` is all that the driver and the primitives know of journals, leases and workers. The
local implementation is `engine/local.py`; another one maps the same calls to a durable cloud service.
Every method that an operation awaits is idempotent for one call: when the operation is entered again
after a crash, it asks for the same things and gets what was done already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

from ..values import Value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Mapping, Sequence

    from ..document import Procedure
    from ..journal.events import Ended, Event, MessageReceived, Requested
    from ..journal.folds import RunFold
    from ..journal.runs import Partial
    from ..model.messages import Usage
    from ..model.states import RunStatus


T = TypeVar("T")


class Call(msgspec.Struct, frozen=True):
    """One call of an operation, as the code made it."""

    op: str
    """The operation's kind: `approve`, `step`, `file.read`, ..."""
    name: str
    """The name of its checkpoint: `approve#2`, or the step's own."""
    attempt: int = 1
    line: int = 0
    """The YAML line of the call."""
    digest: str = ""
    """Digest of the raw arguments, for the comparison on a replay."""
    args: Value = None
    """The raw arguments as they are shown; None when they are long."""


class Reply(msgspec.Struct, frozen=True):
    """What a person answered."""

    answer: dict[str, Value]
    by: str
    at: float


class ChildOutcome(msgspec.Struct, frozen=True):
    """Where a child is, and what came of it when it ended."""

    handle: str
    status: RunStatus
    result: Value = None
    error: Value = None
    stage: str | None = None
    request: Value = None
    summary: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What an operation returns, with what else is recorded of its outcome."""

    values: list[Value]
    detail: Value = None


class Draft(Protocol):
    """Makes the request of one attempt, given its id and deadline."""

    def __call__(self, *, request: str, deadline: float | None, attempt: int) -> Requested: ...


class ExecutionContext(Protocol):
    """Makes one run durable; used from the run's own thread only."""

    run_id: str
    procedure: Procedure
    fold: RunFold
    env_allow: frozenset[str]
    """The environment variables that templates may read."""
    line: int
    """The YAML line of the call being served; set by the driver."""

    @property
    def replaying(self) -> bool:
        """True while the record still answers; nothing is performed or written then."""
        ...

    def now(self) -> float:
        """The real time; only for deadlines and durations that are recorded."""
        ...

    # ---- what the driver does

    def recall(self, call: Call) -> Ended | None:
        """The recorded outcome of this call, its effects applied; None when it is to be performed, now or again.

        Raises `Divergence` when the record has something else at this point.
        """
        ...

    def complete(self, call: Call, values: list[Value], detail: Value = None) -> Ended:
        """Records an outcome, and what else is known of it; it is durable on return."""
        ...

    def fail(self, call: Call, error: Value, *, trace: str = "") -> Ended:
        """Records that the operation raised, and where in its body; durable on return."""
        ...

    def emit(self, event: Event) -> None:
        """Records an effect and applies it to the fold; on a replay it is matched instead."""
        ...

    def begin(self, call: Call, detail: Value = None) -> Value:
        """Records that an operation is under way, once; returns its detail as first recorded."""
        ...

    # ---- what operations do

    def ask(self, call: Call, draft: Draft, *, attempt: int, timeout: float | None) -> Awaitable[Reply | None]:
        """Posts a request to people, once, and waits; None when its deadline passed."""
        ...

    def sleep(self, call: Call, seconds: float) -> Awaitable[None]:
        """Waits until `seconds` after the call was first made, by the clock on the wall."""
        ...

    def start_child(self, call: Call, name: str, params: dict[str, Value], *, detached: bool) -> str:
        """Starts a child, once, and returns its handle; with `detached` (`spawn`) its record is the operation's
        outcome."""
        ...

    def join(
        self, call: Call, handles: Sequence[str], *, until: Literal["any", "all", "change"], timeout: float | None
    ) -> Awaitable[list[ChildOutcome] | None]:
        """Waits until one or all of the children have ended (or changed); None when the timeout passed."""
        ...

    def children(self, handles: Sequence[str]) -> list[ChildOutcome]:
        """Where the children are now; raises `PrimitiveError` for an unknown handle."""
        ...

    def send_child(self, call: Call, handle: str, message: str) -> bool:
        """Sends a message to a child; recorded in the same transaction."""
        ...

    def cancel_child(self, call: Call, handle: str) -> bool:
        """Cancels a child with its children; recorded in the same transaction."""
        ...

    def list_procedures(self) -> list[Value]:
        """What `Procedure.list` gives."""
        ...

    def ask_status(self, call: Call, handle: str) -> str | None:
        """What an agent of the child says about its progress; None when none has taken a turn."""
        ...

    def hear(self, call: Call, said: str | None, timeout: float | None) -> Awaitable[MessageReceived | None]:
        """Says something and waits for the next message from outside; None when the time passed, or at a stop."""
        ...

    # ---- what an operation with parts does: a turn

    def note(self, *events: Event) -> None:
        """Records what became known inside the open operation, all of it in one transaction; given on a replay."""
        ...

    def recall_part(self, calls: Mapping[str, Call]) -> Ended | None:
        """The next recorded part of the open operation, which is one of these calls by name; None when no more is
        recorded. Raises `Divergence`."""
        ...

    def record_part(
        self, call: Call, values: list[Value], *, error: Value = None, detail: Value = None, started_at: float = 0.0,
        usage: Usage | None = None, last: bool = False, notes: Sequence[Event] = (),
    ) -> Ended:  # fmt: skip
        """Records the outcome of a part, with what a model used for it, and `notes` before it.

        It is durable on return, or, when it is the last part, with the outcome of the operation, which has to follow at
        once.
        """
        ...

    def outside(
        self, work: Mapping[str, Callable[[], Coroutine[Any, Any, T]]], *, worth: bool = True
    ) -> Iterator[tuple[str, T | Exception]]:
        """Does work of the outside world, all of it at once, and gives what became of each as it ends.

        Raises `LeaseLost` when the activation is asked to stop; what is under way then is cancelled. When its worker
        ends, it is waited for a moment, if it is `worth` that.
        """
        ...

    def errand(self, name: str, make: Callable[[], Coroutine[Any, Any, T]], *, worth: bool = False) -> T:
        """Does one piece of such work and gives what it gives, or raises what it raises."""
        ...

    def until(self, moment: float) -> Awaitable[None]:
        """Waits until a moment; nothing of the run need stay in memory."""
        ...

    def after_part(self) -> Awaitable[None]:
        """A place between two parts at which the run may be let go of."""
        ...

    def known_procedure(self, name: str) -> Procedure | None:
        """The procedure that `name` means here; None when there is none. Raises `ToolError` when it cannot be used."""
        ...

    def start_tool_child(self, call: Call, name: str, params: dict[str, Value]) -> str:
        """Starts the procedure that an agent calls as a tool, and returns its handle. It begins, and is durable, with
        what the turn records or waits for next."""
        ...

    def any_ended(self, handles: Sequence[str]) -> Awaitable[list[ChildOutcome]]:
        """Waits until one of the children has ended; where all of them are."""
        ...

    def publish(self, partial: Partial, piece: str) -> None:
        """Shows what has arrived of a reply, and its newest piece, to who reads the run. From any thread."""
        ...

    def place_in_tree(self) -> int:
        """Which run of its procedure this is in its tree, from 1."""
        ...

    def restart(self, call: Call, params: dict[str, Value]) -> None:
        """Ends this attempt and begins the procedure anew; does not return."""
        ...

    def file_path(self, path: str) -> str:
        """The absolute path of a file under the workspace's file root; raises `PrimitiveError` for one outside."""
        ...


class Pause:
    """Awaited by an operation to wait for the world; the driver is resumed with what the wait gives."""

    __slots__ = ("wait",)

    def __init__(self, wait: object) -> None:
        self.wait: object = wait

    def __await__(self) -> Generator[object, None, None]:
        yield self.wait
