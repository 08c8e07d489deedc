"""What a run would do next after each possible answer to its request: a replay in memory that goes a little further.

Belongs here: a context that makes effects in memory and stops at the first operation. Never: performing or writing
anything, or raising for a run that cannot be replayed: it says why.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from time import monotonic
from typing import TYPE_CHECKING, Literal

import msgspec

from ..errors import Divergence, LimitError, ProcError
from ..journal.events import Record, RequestTimedOut, Responded
from ..journal.folds.agents import SUMMARY
from ..journal.folds.tools import TOOL_PREFIX
from ..primitives import REGISTRY
from ..values import Value, as_bytes
from . import answers
from .driver import Driver
from .local import LocalContext, Restarted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..agents.model import Model
    from ..journal.events import Ended, Event, Requested, RunEnded
    from ..journal.folds import RunFold
    from ..journal.requests import PendingRequest
    from ..journal.runs import Run
    from ..lua.sandbox import Limits
    from ..primitives.execution import Call, Draft
    from .environment import Environment
    from .sources import Program

SECONDS = 2.0
"""How long all answers of a request together may take to work out."""
INSTRUCTIONS = 200_000_000
"""How much the code may compute for one answer."""
MOST_EVENTS = 100_000
"""From how many events on a history is not replayed."""
MOST_TEXT = 200
"""How many characters of arguments are shown."""
ASKS = {"approve": "approval", "input": "input", "review": "review", "escalate": "escalation"}

_logger = logging.getLogger(__name__)


class Preview(msgspec.Struct, frozen=True):
    """What would come of one answer."""

    label: str
    """The answer: `Approve`, `Reject`, a decision of a review, `answer`, or `timeout`."""
    kind: Literal["operation", "asks", "ends", "fails", "restarts", "unknown"]
    text: str
    """In words: `line 58 Tools.deploy{target="production"}`, `asks approval "go"`, `ends`, `fails: ...`, or why it
    cannot be told."""
    line: int = 0
    """The source line of the operation; 0 when there is none."""
    result: Value = None
    """What the run would return."""


class _Stop(Restarted):
    """Here the run would do something."""

    def __init__(self, found: Preview) -> None:
        super().__init__(found.text)
        self.found: Preview = found


class _Ahead(LocalContext):
    """Replays in memory and goes on in memory, up to the next operation."""

    @property
    def suspends_always(self) -> bool:
        return False

    def recall(self, call: Call) -> Ended | None:
        found = super().recall(call)
        if found is not None or self.reentered or call.op in ASKS:
            return found
        raise _Stop(_operation(call))

    def _post(self, call: Call, draft: Draft, attempt: int, timeout: float | None) -> str:
        event = draft(request="", deadline=None, attempt=attempt)
        raise _Stop(_asking(event, call.line))

    def model(self, name: str | None, fold: RunFold | None = None) -> Model:
        raise _Stop(Preview("", "operation", "asks a model", self.line))

    def outside(self, *args: object, **options: object) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise _Stop(Preview("", "operation", "asks the world outside", self.line))

    def _put(self, record: Record) -> Record:
        self._seq = record.seq
        self.fold.apply(record)
        return record

    def flush(self, *, sync: bool) -> None:
        self._actions.clear()

    def _write(self, *args: object, **options: object) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise _Stop(Preview("", "operation", "waits", self.line))

    def restart(self, call: Call, params: dict[str, Value]) -> None:
        raise _Stop(Preview("", "restarts", f"line {call.line} restarts", call.line))

    def end(self, event: RunEnded) -> None:
        if event.status == "COMPLETED":
            shown = "" if event.result is None else f" with {_shown(event.result)}"
            raise _Stop(Preview("", "ends", f"ends{shown}", 0, event.result))
        raise _Stop(Preview("", "fails", f"fails: {event.message}"))


def previews(
    request: PendingRequest, run: Run, program: Program, environment: Environment, records: Sequence[Record],
    limits: Limits,
) -> list[Preview]:  # fmt: skip
    """What would come of each possible answer, the passing of its deadline last."""
    least = dataclasses.replace(limits, instructions=min(limits.instructions, INSTRUCTIONS))
    end = monotonic() + SECONDS
    at = max(environment.clock.now(), records[-1].at)
    found: list[Preview] = []
    for label, event in _outcomes(request, at):
        record = Record(records[-1].seq + 1, at, 0, event)
        ahead = _Ahead(msgspec.structs.replace(run, mail=0), program, environment, [*records, record])
        told = _told(ahead, least, end - monotonic())
        found.append(msgspec.structs.replace(told, label=label))
    return found


def untold(request: PendingRequest, why: str) -> list[Preview]:
    """What is said when nothing can be."""
    return [Preview(label, "unknown", f"it cannot be told: {why}") for label, _ in _outcomes(request, 0.0)]


def _told(context: _Ahead, limits: Limits, seconds: float) -> Preview:
    slow = Preview("", "unknown", f"it took longer than {SECONDS:g} s to work out")
    if seconds <= 0:
        return slow
    driver, late = Driver(context, limits), threading.Event()

    def give_up() -> None:
        late.set()
        driver.stop()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        driver.rehearse()
    except _Stop as stop:
        if isinstance(driver.failure, Divergence):
            return Preview("", "unknown", f"the procedure cannot be replayed: {driver.failure}")
        if isinstance(driver.failure, LimitError):
            return Preview("", "unknown", f"it computes for too long to tell: {driver.failure}")
        return stop.found
    except ProcError as error:
        return slow if late.is_set() else Preview("", "unknown", f"it cannot be told: {error}")
    except Exception as error:
        _logger.exception("a preview of run %s failed", context.run_id)
        return Preview("", "unknown", f"it cannot be told: {type(error).__name__}: {error}")
    finally:
        timer.cancel()
        driver.close()
    return slow


def _outcomes(request: PendingRequest, at: float) -> list[tuple[str, Event]]:
    data = request.event.data
    given: list[tuple[str, dict[str, Value]]]
    match request.type:
        case "approval":
            given = [("Approve", {"approved": True}), ("Reject", {"approved": False})]
        case "review":
            given = [(label, {"decision": label}) for label in answers.labels(request)]
        case "input":
            given = [("answer", {"text": data.get("default") or ""})]
        case _:
            given = [("answer", {"note": ""})]
    found: list[tuple[str, Event]] = [(label, Responded(request.id, fields, "", None, at)) for label, fields in given]
    if request.deadline is not None:
        found.append(("timeout", RequestTimedOut(request.id)))
    return found


def _operation(call: Call) -> Preview:
    if call.op.startswith(TOOL_PREFIX):
        title = f"Tools.{call.op.removeprefix(TOOL_PREFIX)}"
    elif call.op == "step":
        return Preview("", "operation", f'line {call.line} Step.run "{call.name}"', call.line)
    elif call.op == SUMMARY:
        return Preview("", "operation", "ends, after an agent has summed it up")
    else:
        named = (title for title, method in REGISTRY.by_title.items() if method.checkpoint == call.op)
        title = next(named, call.name.rpartition("#")[0] or call.name)
    return Preview("", "operation", f"line {call.line} {title}{_arguments(call.args)}", call.line)


def _asking(event: Requested, line: int) -> Preview:
    shown = event.point or event.message
    return Preview("", "asks", f'line {line} asks {event.type} "{_short(shown)}"', line)


def _arguments(args: Value) -> str:
    if args is None:
        return "(…)"
    if isinstance(args, dict):
        return _shown(args)
    if isinstance(args, list):
        if len(args) == 1 and isinstance(args[0], (dict, str)):
            return _shown(args[0]) if isinstance(args[0], dict) else f" {_shown(args[0])}"
        return f"({_short(', '.join(_lua(item) for item in args))})"
    return f"({_shown(args)})"


def _shown(value: Value) -> str:
    return _short(_lua(value))


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _lua(value: Value) -> str:
    """A value roughly as Lua writes it."""
    raw = as_bytes(value)
    if raw is not None:
        return f'"{raw[: 4 * MOST_TEXT].decode(errors="replace")}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(_lua(item) for item in value) + "}"
    if value is None or isinstance(value, bool):
        return "nil" if value is None else str(value).lower()
    return str(value)
