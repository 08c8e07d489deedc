"""The JSON of the command line: a contract for other programs (`docs/cli.md`).

Belongs here: the shapes and what fills them. A field is never renamed or removed, and every field is always
there: null where there is nothing. Moments are RFC 3339 in UTC; values are plain JSON (`values.to_plain`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import msgspec

from ..core.model.states import RunStatus
from ..core.values import to_plain
from .usage import AgentShape, Spent, Usage, agent_shapes, spent, turn_usage, usage
from .words import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.document import Diagnostic
    from ..core.journal.events import Record, RunEnded
    from ..core.journal.folds import RunFold
    from ..core.journal.requests import PendingRequest
    from ..core.journal.runs import Partial, Run

_PLACE = re.compile(r"\S+?:(\d+): ")


class RunRow(msgspec.Struct, frozen=True):
    """A run in `list --json`."""

    run: str
    procedure: str
    version: str
    status: str
    stage: str | None
    parent: str | None
    started_at: str | None
    updated_at: str | None
    finished_at: str | None
    attempt: int
    usage: Spent


class ErrorShape(msgspec.Struct, frozen=True):
    """Why a run failed."""

    code: str
    message: str
    line: int | None


class RequestShape(msgspec.Struct, frozen=True):
    """A request in `inbox --json`."""

    request: str
    run: str
    procedure: str
    kind: str
    message: str
    context: object
    options: list[object] | None
    artifact: object
    artifact_type: str | None
    placeholder: str | None
    default: object
    asked_at: str | None
    deadline: str | None
    point: str | None
    confirm: str | None
    needed: int


class ListeningShape(msgspec.Struct, frozen=True):
    """A run that waits to be sent a message (`Human.chat`)."""

    run: str
    procedure: str
    said: str | None
    """What it said last."""


class Outcome(msgspec.Struct, frozen=True):
    """What `run --json` and `resume --json` print."""

    run: str
    procedure: str
    version: str
    status: str
    outputs: object
    error: ErrorShape | None
    summary: str | None
    request: RequestShape | None
    """The first of `requests`."""
    requests: list[RequestShape]
    listening: list[ListeningShape]
    usage: Usage
    total_usage: Usage
    """The same with all runs below this one."""
    blocked: str | None
    """What a worker lacks that the run needs."""


class StageShape(msgspec.Struct, frozen=True):
    """A stage that a run was in."""

    name: str
    entered_at: str | None
    left_at: str | None


class CheckpointShape(msgspec.Struct, frozen=True):
    """An operation of a run."""

    name: str
    operation: str
    line: int
    status: str
    """`open`, `completed` or `failed`."""
    started_at: str | None
    finished_at: str | None
    tokens: int | None
    """Of an agent's turn."""
    cost: float | None


class NodeShape(msgspec.Struct, frozen=True):
    """A node of the graph."""

    id: str
    parent: str | None
    content: object
    metadata: object


class CallShape(msgspec.Struct, frozen=True):
    """A tool call as a model asked for it."""

    name: str
    arguments: str
    """JSON text, if the model kept to its word."""


class MessageShape(msgspec.Struct, frozen=True, rename={"class_": "class"}):
    """A message of a run."""

    id: str
    parent: str | None
    role: str
    class_: str
    agent: str | None
    content: str
    at: str | None
    tool: str | None = None
    """Of a tool's result: the tool."""
    calls: list[CallShape] = []
    """Of an agent's reply: the tools it wants called."""


class PartialShape(msgspec.Struct, frozen=True):
    """What had arrived of a reply that is not recorded: it arrives still, or its run was cancelled."""

    agent: str
    text: str
    at: str | None


class RunDetails(RunRow, frozen=True):
    """What `show --json` prints."""

    seq: int
    params: object
    outputs: object
    error: ErrorShape | None
    summary: str | None
    state: object
    stages: list[StageShape]
    checkpoints: list[CheckpointShape]
    graph: list[NodeShape]
    agents: list[AgentShape]
    messages: list[MessageShape]
    partial: PartialShape | None
    requests: list[RequestShape]
    children: list[RunRow]


class LogEntry(msgspec.Struct, frozen=True):
    """A line of `log --json`."""

    seq: int
    at: str | None
    level: str
    message: str
    context: object
    line: int
    kind: str
    """Of the event."""


class DiagnosticShape(msgspec.Struct, frozen=True):
    """A line of `check --json`."""

    file: str
    line: int
    column: int
    severity: str
    code: str
    message: str
    hint: str | None


def run_fields(run: Run) -> dict[str, object]:
    """The fields of `RunRow`."""
    return {
        "run": run.id,
        "procedure": run.procedure,
        "version": run.version,
        "status": run.status.value,
        "stage": run.stage,
        "parent": run.parent,
        "started_at": stamp(run.created_at),
        "updated_at": stamp(run.updated_at),
        "finished_at": stamp(run.ended_at),
        "attempt": run.attempt,
        "usage": spent(run),
    }


def run_row(run: Run) -> RunRow:
    """A run as listings have it."""
    return RunRow(**run_fields(run))  # pyright: ignore[reportArgumentType] - the fields above


def error_line(message: str) -> int | None:
    """The line that an error's text begins with, as `file:line: ...`."""
    match = _PLACE.match(message)
    return int(match[1]) if match else None


def error_shape(ending: RunEnded | None) -> ErrorShape | None:
    """Why a run failed; None when it did not."""
    if ending is None or ending.status != "FAILED":
        return None
    return ErrorShape(ending.code, ending.message, error_line(ending.message))


def request_shape(request: PendingRequest, procedure: str) -> RequestShape:
    """A request as programs read it."""
    data = request.event.data
    options = data.get("options")

    def text(name: str) -> str | None:
        value = data.get(name)
        return value if isinstance(value, str) else None

    return RequestShape(
        request=request.id,
        run=request.run,
        procedure=procedure,
        kind=request.type,
        message=request.message,
        context=to_plain(data.get("context")),
        options=cast("list[object]", to_plain(options)) if isinstance(options, list) else None,
        artifact=to_plain(data.get("artifact")),
        artifact_type=text("artifact_type"),
        placeholder=text("placeholder"),
        default=to_plain(data.get("default")),
        asked_at=stamp(request.created_at),
        deadline=stamp(request.deadline),
        point=request.point or None,
        confirm=text("confirm"),
        needed=request.needed,
    )


def outcome(
    run: Run,
    ending: RunEnded | None,
    requests: Sequence[RequestShape],
    tree: Sequence[tuple[Run, RunFold]] = (),
    listening: Sequence[ListeningShape] = (),
) -> Outcome:
    """How a run came out, or where it stopped; `tree` are the run itself and all below it, once it did anything."""
    return Outcome(
        run=run.id,
        procedure=run.procedure,
        version=run.version,
        status=run.status.value,
        outputs=to_plain(ending.result) if ending is not None and ending.status == "COMPLETED" else None,
        error=error_shape(ending),
        summary=run.summary,
        request=requests[0] if requests else None,
        requests=list(requests),
        listening=list(listening),
        usage=usage([run], [fold for member, fold in tree if member.id == run.id]),
        total_usage=usage([member for member, _ in tree] or [run], [fold for _, fold in tree]),
        blocked=run.error if run.status is RunStatus.BLOCKED else None,
    )


def log_entry(record: Record) -> LogEntry:
    """A log line, a notification or an alert."""
    event = record.event
    message = getattr(event, "content", None) or getattr(event, "message", "")
    return LogEntry(
        record.seq, stamp(record.at), getattr(event, "level", "info"), message,
        to_plain(getattr(event, "context", None)), record.line, event.kind,
    )  # fmt: skip


def diagnostic_shape(item: Diagnostic) -> DiagnosticShape:
    """A problem of a procedure file; a hint is what its message suggests after a semicolon."""
    hint = item.message.partition("; ")[2]
    return DiagnosticShape(item.file, item.line, item.column, item.severity, item.code, item.message, hint or None)


def details(
    run: Run,
    fold: RunFold,
    *,
    said: Sequence[MessageShape],
    requests: Sequence[RequestShape],
    children: Sequence[Run],
    partial: Partial | None = None,
) -> RunDetails:
    """All that a fold says of a run."""
    ending = fold.ended
    moved = [*fold.stages.history[1:], None]
    return RunDetails(
        **run_fields(run),  # pyright: ignore[reportArgumentType] - the fields of `RunRow`
        seq=fold.seq,
        params=to_plain(fold.params),
        outputs=to_plain(ending.result) if ending is not None and ending.status == "COMPLETED" else None,
        error=error_shape(ending),
        summary=run.summary,
        state=to_plain(fold.state.values),
        stages=[
            StageShape(change.to_stage, stamp(change.timestamp), stamp(after.timestamp if after else None))
            for change, after in zip(fold.stages.history, moved, strict=False)
        ],
        checkpoints=[
            CheckpointShape(
                entry.name, entry.op, entry.line,
                "open" if not entry.ended else "failed" if entry.failed else "completed",
                stamp(entry.began_at), stamp(entry.ended_at) if entry.ended else None,
                *turn_usage(fold, entry.name),
            )
            for entry in fold.checkpoints.entries
        ],
        graph=[
            NodeShape(node.id, node.parent, to_plain(node.content), to_plain(node.metadata))
            for node in fold.graph.nodes.values()
        ],
        agents=agent_shapes(fold),
        messages=list(said),
        partial=None if partial is None else PartialShape(partial.agent, partial.text, stamp(partial.at)),
        requests=list(requests),
        children=[run_row(child) for child in children],
    )  # fmt: skip
