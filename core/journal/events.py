"""What can be in a journal: one frozen struct per kind of event.

Events are facts in the past tense (or nouns); they hold values in the forms of `core/values.py` and
nothing that can be derived from earlier events, except what a reader would otherwise have to compute.
Belongs here: the structs and the codec. Never: what an event changes (see `folds/`) or how a replay
matches it (`Matching`, below, only classifies).

The format is versioned with the database (`migrations.py`); a new field needs a default, and a field is
never renamed: journals written by every earlier version are replayed for ever (`tests/golden`).
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, cast

import msgspec

from ..model.messages import ChatMessage
from ..values import Value


class Matching(Enum):
    """How a replay treats an event."""

    COMPARED = 1
    """The code must ask for the same again, at this point."""
    COUNTED = 2
    """Log lines, notifications and alerts: recalled by count since the last compared event."""
    GIVEN = 3
    """Came from outside or from the runtime: applied when the replay passes it."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=False):
    """Base of all events. `kind` is the column and the tag."""

    kind: ClassVar[str] = ""
    matching: ClassVar[Matching] = Matching.COMPARED

    @property
    def label(self) -> str | None:
        """What listings and the `name` column call the event, besides its kind."""
        return None


# ---- the run itself


class RunStarted(Event, frozen=True, omit_defaults=True):
    kind = "run.started"
    matching = Matching.GIVEN
    procedure: str
    version: str
    source: str
    """Hash of the pinned bundle (the document's text and `lib/`)."""
    params: dict[str, Value]
    seed: int
    started_at: float
    path: str = ""
    """Names of inline procedures from the document's top to this one, joined by `/`."""
    starter: str = ""
    parent: str = ""
    depth: int = 0
    context: Value = None
    depth_left: int = 1_000_000
    """How many levels of children are still allowed below this run."""
    replies: str = ""
    """Hash of the pinned file of scripted replies; empty when models are called."""


class AttemptBegan(Event, frozen=True, omit_defaults=True):
    """A new attempt begins with the events before `keep` (of the earlier attempt) and goes on from here."""

    kind = "attempt.began"
    matching = Matching.GIVEN
    attempt: int
    keep: int
    """Sequence number of the first event that is forgotten."""
    why: str
    """`resume`, `reset`, `restart`, `edit` or `fork`."""
    by: str = ""
    params: dict[str, Value] | None = None
    """The new parameters of a restart; None otherwise."""
    seed: int = 0
    """The new seed of a restart."""
    source: str = ""
    """Hash of the edited bundle; empty when the source stays."""


class RunResumed(Event, frozen=True, omit_defaults=True):
    kind = "run.resumed"
    matching = Matching.GIVEN
    by: str = ""


class RunEnded(Event, frozen=True, omit_defaults=True):
    kind = "run.ended"
    matching = Matching.GIVEN
    status: str
    result: Value = None
    error: Value = None
    """The error value as Lua raised it, when the run failed."""
    message: str = ""
    """The error as text, for people."""
    code: str = ""
    trace: str = ""
    cause: int = 0
    """Sequence number of the failed operation whose error ended the run; 0 when there is none."""
    by: str = ""
    returned: Value = None
    """What the code did return when it did not fit the declared outputs."""
    summary: str | None = None
    """What an agent said about the result, or about the error, when `return_prompt` or `error_prompt` asked for it."""


# ---- operations


class Began(Event, frozen=True, omit_defaults=True):
    """An operation is under way; written when something else is recorded before its end."""

    kind = "began"
    op: str
    name: str
    digest: str = ""
    args: Value = None
    attempt: int = 1
    detail: Value = None
    """What a re-entered operation must know: `due`, `child`, ... ."""

    @property
    def label(self) -> str | None:
        return self.name


class Ended(Event, frozen=True, omit_defaults=True):
    """The outcome of an operation."""

    kind = "ended"
    op: str
    name: str
    digest: str = ""
    args: Value = None
    attempt: int = 1
    values: list[Value] = []
    error: Value = None
    failed: bool = False
    opened: bool = False
    """True when a `Began` stands before it."""
    started_at: float = 0.0
    trace: str = ""
    """Where in the body of a step its error was raised."""
    detail: Value = None
    """What is known of the outcome besides its values: which agent asked for the call of a tool, what it kept, ..."""

    @property
    def label(self) -> str | None:
        return self.name


# ---- inside an operation: parts that are given to whoever enters it again


class Prompted(Event, frozen=True, omit_defaults=True):
    """What an agent's turn adds to its conversation before the model is asked."""

    kind = "prompted"
    matching = Matching.GIVEN
    agent: str
    system: str | None = None
    """The system prompt as rendered; None when it is that of the agent's turn before."""
    messages: list[ChatMessage] = []
    taken: int = 0
    """How many of the run's received messages have been given to agents by now."""
    model: str = ""
    """The model by its name in the configuration."""

    @property
    def label(self) -> str | None:
        return self.agent


class ReplyFailed(Event, frozen=True, omit_defaults=True):
    """A model gave no usable reply, and is asked again at a moment."""

    kind = "reply.failed"
    matching = Matching.GIVEN
    message: str
    attempt: int = 1
    due: float = 0.0
    level: str = "warn"
    context: Value = None


class ToolChild(Event, frozen=True, omit_defaults=True):
    """An agent's call of a procedure as a tool started this child."""

    kind = "tool.child"
    matching = Matching.GIVEN
    call: str
    """The name of the call: `tools.NAME#2`."""
    child: str

    @property
    def label(self) -> str | None:
        return self.call


class MessagesTaken(Event, frozen=True, omit_defaults=True):
    """`Human.chat` gave the code messages that the run received."""

    kind = "messages.taken"
    matching = Matching.GIVEN
    taken: int
    """How many of the run's received messages have been given to code or agents by now."""


class Said(Event, frozen=True, omit_defaults=True):
    """The assistant's side of a chat."""

    kind = "said"
    matching = Matching.GIVEN
    content: str


# ---- people


class Requested(Event, frozen=True, omit_defaults=True):
    kind = "requested"
    matching = Matching.GIVEN
    request: str
    type: str
    """`approval`, `input`, `review` or `escalation`."""
    message: str
    point: str = ""
    data: dict[str, Value] = {}
    """Everything else that is shown: artifact, options, context, default, placeholder, severity, ..."""
    digest: str = ""
    """Digest of the artifact or message that an answer must refer to."""
    deadline: float | None = None
    on_timeout: str = "default"
    attempt: int = 1

    @property
    def label(self) -> str | None:
        return self.request


class Responded(Event, frozen=True, omit_defaults=True):
    kind = "responded"
    matching = Matching.GIVEN
    request: str
    answer: dict[str, Value]
    by: str = ""
    audit: Value = None
    answered_at: float = 0.0
    """When the person answered, which may be long before the run took it up."""

    @property
    def label(self) -> str | None:
        return self.request


class RequestTimedOut(Event, frozen=True, omit_defaults=True):
    kind = "request.timed_out"
    matching = Matching.GIVEN
    request: str

    @property
    def label(self) -> str | None:
        return self.request


class RequestCancelled(Event, frozen=True, omit_defaults=True):
    kind = "request.cancelled"
    matching = Matching.GIVEN
    request: str
    by: str = ""

    @property
    def label(self) -> str | None:
        return self.request


class MessageReceived(Event, frozen=True, omit_defaults=True):
    """A person or a parent sent the run a message."""

    kind = "message.received"
    matching = Matching.GIVEN
    content: str
    by: str = ""


class StopRequested(Event, frozen=True, omit_defaults=True):
    kind = "stop.requested"
    matching = Matching.GIVEN
    reason: str = ""
    success: bool = False
    by: str = ""


class Notified(Event, frozen=True, omit_defaults=True):
    kind = "notified"
    matching = Matching.COUNTED
    message: str
    level: str = "info"
    content: str | None = None
    details: Value = None
    context: Value = None


class Alerted(Event, frozen=True, omit_defaults=True):
    kind = "alerted"
    matching = Matching.COUNTED
    message: str
    level: str = "info"
    source: str | None = None
    context: Value = None


class Logged(Event, frozen=True, omit_defaults=True):
    kind = "logged"
    matching = Matching.COUNTED
    level: str
    message: str
    context: Value = None


# ---- effects on the run's state


class StateSet(Event, frozen=True, omit_defaults=True):
    kind = "state.set"
    key: str
    value: Value = None

    @property
    def label(self) -> str | None:
        return self.key


class StateIncremented(Event, frozen=True, omit_defaults=True):
    kind = "state.incremented"
    key: str
    value: Value
    amount: Value = 1

    @property
    def label(self) -> str | None:
        return self.key


class StateAppended(Event, frozen=True, omit_defaults=True):
    kind = "state.appended"
    key: str
    value: Value = None

    @property
    def label(self) -> str | None:
        return self.key


class StateCleared(Event, frozen=True, omit_defaults=True):
    kind = "state.cleared"


class MessageAppended(Event, frozen=True, omit_defaults=True):
    kind = "message.appended"
    role: str
    content: str
    metadata: Value = None


class SessionCleared(Event, frozen=True, omit_defaults=True):
    kind = "session.cleared"


class SessionSaved(Event, frozen=True, omit_defaults=True):
    kind = "session.saved"
    node: str


class SessionLoaded(Event, frozen=True, omit_defaults=True):
    kind = "session.loaded"
    node: str


class StageSet(Event, frozen=True, omit_defaults=True):
    kind = "stage.set"
    stage: str

    @property
    def label(self) -> str | None:
        return self.stage


class StageHistoryCleared(Event, frozen=True, omit_defaults=True):
    kind = "stage.history_cleared"


class NodeCreated(Event, frozen=True, omit_defaults=True):
    kind = "node.created"
    id: str
    content: Value = None
    metadata: Value = None
    parent: str | None = None

    @property
    def label(self) -> str | None:
        return self.id


class NodeSelected(Event, frozen=True, omit_defaults=True):
    kind = "node.selected"
    id: str

    @property
    def label(self) -> str | None:
        return self.id


class NodeMetadataSet(Event, frozen=True, omit_defaults=True):
    kind = "node.metadata_set"
    id: str
    key: str
    value: Value = None

    @property
    def label(self) -> str | None:
        return self.id


class CheckpointsCleared(Event, frozen=True, omit_defaults=True):
    """The checkpoint `name` and all later ones are forgotten; None means all."""

    kind = "checkpoints.cleared"
    name: str | None = None

    @property
    def label(self) -> str | None:
        return self.name


class ToolForgotten(Event, frozen=True, omit_defaults=True):
    kind = "tool.forgotten"
    name: str

    @property
    def label(self) -> str | None:
        return self.name


EVENTS: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__subclasses__()}
"""Every kind of event by the name it has in the database."""

_encoder = msgspec.json.Encoder()
DECODERS: dict[str, msgspec.json.Decoder[Event]] = {kind: msgspec.json.Decoder(cls) for kind, cls in EVENTS.items()}
"""What reads the text of each kind of event."""


class Record(msgspec.Struct, frozen=True):
    """An event with its place in the journal."""

    seq: int
    """Position in the run, from 1, without gaps."""
    at: float
    """When it was recorded, seconds since the epoch; never earlier than the record before it."""
    line: int
    """The YAML line whose code caused it; 0 when none did."""
    event: Event


def encode_event(event: Event) -> str:
    """The text of an event's fields as the database keeps it."""
    return _encoder.encode(event).decode()


def decode_event(kind: str, data: str | bytes) -> Event:
    """The event that `encode_event` wrote. Raises `msgspec.MsgspecError` or `KeyError` for damaged rows."""
    return DECODERS[kind].decode(data)


def summary_fields(event: Event) -> dict[str, object]:
    """The fields of an event as a plain mapping, for listings."""
    return cast("dict[str, object]", msgspec.to_builtins(event))
