"""Answers that were written beforehand: a YAML list of them plays the people that a run asks.

Belongs here: reading such a file, and which answer is meant for which request. Never: giving an answer, or
driving the run that asks (`operator.py`); whoever polls the inbox does `operator.answer(request.id, given,
by=given.by)` with what `next_for` returns, and `operator.send(run, spoken.text, by=spoken.by)` with what `next_said`
returns for a run that waits in a chat.

A file is a list. Each item is one answer:

    - approve: true                     # or just: true
    - input: Rotterdam                  # or just: Rotterdam
    - review: {decision: Approve, feedback: Well done, edited_artifact: the text as it should be}
    - escalate: {note: the disk was replaced}
    - timeout: true                     # nobody answers; the deadline of the request passes
    - say: Why is that so?              # a message in a chat, once the run waits for one

`text`, `decision`, `artifact` and `note` say the same without the map around them. Every item may also have
`feedback`, `confirm` (the word that is typed), `by` (who answers, where it matters) and `for`, any of
`procedure`, `point`, `type` and `message` (a part of it). An item with `for` answers the first request that it
fits; the others are taken in order. Messages have an order of their own, and their `for` names a `procedure`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .document.diagnostics import Report
from .document.source import decode, read_file
from .document.tree import Node, compose
from .engine.answers import Given
from .errors import AnswersError, InvalidValue, did_you_mean
from .values import Value, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .journal.requests import PendingRequest
    from .journal.runs import Run

_TYPES = {"approve": "approval", "input": "input", "review": "review", "escalate": "escalation"}
"""The type of the request that each key answers."""
_FLAT = {"text": "input", "decision": "review", "artifact": "review", "edited_artifact": "review", "note": "escalation"}
"""The same for the keys that need no map around them."""
_CHAT = "chat"
"""The type of an item that answers no request: a message in a chat."""
_COMMON = ("feedback", "confirm", "by", "for")
_KEYS = (*_TYPES, *_FLAT, "timeout", "say", *_COMMON)
_INNER = {"review": ("decision", "feedback", "edited_artifact", "artifact"), "escalate": ("note",)}
_FOR = ("procedure", "point", "type", "message")


class Scripted(Given, frozen=True):
    """An answer of the file, as `Operator.answer` takes it."""

    by: str | None = None
    """Who gives it; None for whoever drives the run."""
    place: str = ""
    """`file:line`, for messages."""


class Spoken(msgspec.Struct, frozen=True):
    """A message of the file, as `Operator.send` takes it."""

    text: str
    by: str | None = None
    """Who says it; None for whoever drives the run."""
    place: str = ""
    """`file:line`, for messages."""


def in_chat(run: Run) -> bool:
    """Whether a run waits in `Human.chat` for a message."""
    return (run.waiting or "").startswith('{"type":"mail"')


class Item:
    """One answer of the file: whom it is for, and what it says."""

    def __init__(self, place: str) -> None:
        self.place: str = place
        """`file:line`."""
        self.type: str | None = None
        """Of the requests that it can answer; None for a shorthand, which fits several."""
        self.wanted: dict[str, str] = {}
        """What `for` says."""
        self.times_out: bool = False
        self.fields: dict[str, Value] = {}
        self.by: str | None = None

    def __str__(self) -> str:
        said = ", ".join(
            str(value) if name == "shorthand" else f"{name}: {value}" for name, value in self.fields.items()
        )
        return f"{self.place}: {'timeout' if self.times_out else said}"

    def is_for(self, request: PendingRequest, run: Run) -> bool:
        """Whether everything that `for` says is true of the request."""
        has = {"procedure": run.procedure, "point": request.point, "type": request.type}
        exact = all(has[name] == value for name, value in self.wanted.items() if name != "message")
        return exact and self.wanted.get("message", "") in request.message

    def given(self, request: PendingRequest, run: Run) -> Scripted:
        """What it says in answer to this request. Raises `AnswersError` when it is of another type."""
        fields = dict(self.fields)
        shorthand = fields.pop("shorthand", None)
        if shorthand is not None:
            name = {"input": "text", "escalation": "note", "review": "decision"}.get(request.type)
            if name is None:
                raise self._unfit(f'the text "{shorthand}"', request, run)
            fields[name] = shorthand
        approves_a_review = self.type == "approval" and request.type == "review"
        if self.type not in (None, request.type) and not approves_a_review:
            raise self._unfit(f"an answer to an {self.type}" if self.type != "review" else "a review", request, run)
        return Scripted(**fields, by=self.by, place=self.place)  # pyright: ignore[reportArgumentType] - checked when read

    def _unfit(self, what: str, request: PendingRequest, run: Run) -> AnswersError:
        asks = f'{run.procedure} (run {run.id}) asks for {request.type}: "{request.message}"'
        return AnswersError(f"{self.place}: this is {what}, but {asks}")


class AnswersFile:
    """The answers that are left, in order."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items: list[Item] = list(items)
        self._left_alone: set[str] = set()

    @classmethod
    def load(cls, path: str | Path) -> AnswersFile:
        """Reads a file. Raises `AnswersError`, which lists everything that is wrong with it."""
        path = Path(path)
        try:
            raw = read_file(path)
        except OSError as error:
            raise AnswersError(f'cannot read the answers "{path}": {error.strerror or error}') from None
        return _read(raw, str(path))

    @classmethod
    def of(cls, items: Sequence[object]) -> AnswersFile:
        """The same from a list of Python data. Raises `AnswersError`."""
        return cls(_Reader("answers").items([_node(item, index) for index, item in enumerate(items, 1)]))

    @property
    def leftover(self) -> tuple[Item, ...]:
        """The answers that nobody asked for yet; their `str` says where they stand and what they are."""
        return tuple(self._items)

    def next_for(self, request: PendingRequest, run: Run) -> Scripted | None:
        """Takes the answer to a request; None when there is none, or when the request is meant to time out.

        Each call takes another answer, as a request to several people needs; one that times out takes its item once.
        Raises `AnswersError` when the next answer does not fit.
        """
        if request.id in self._left_alone:
            return None
        item = self._take(request, run)
        if item is None:
            return None
        if item.times_out:
            if request.deadline is None:
                raise AnswersError(f'{item.place}: request {request.id} has no time limit: "{request.message}"')
            self._left_alone.add(request.id)
            return None
        return item.given(request, run)

    def lets_time_out(self, request: PendingRequest) -> bool:
        """Whether `next_for` found that nobody is to answer this request."""
        return request.id in self._left_alone

    def next_said(self, run: Run) -> Spoken | None:
        """Takes the next message to a run that waits in a chat (`in_chat`); None when there is none."""
        said = [item for item in self._items if item.type == _CHAT]
        meant = [item for item in said if item.wanted.get("procedure") == run.procedure]
        found = meant or [item for item in said if not item.wanted]
        if not found:
            return None
        self._items.remove(found[0])
        return Spoken(str(found[0].fields["say"]), found[0].by, found[0].place)

    def _take(self, request: PendingRequest, run: Run) -> Item | None:
        answers = [item for item in self._items if item.type != _CHAT]
        meant = [item for item in answers if item.wanted and item.is_for(request, run)]
        found = meant or [item for item in answers if not item.wanted]
        if not found:
            return None
        self._items.remove(found[0])
        return found[0]


def _read(raw: bytes, file: str) -> AnswersFile:
    report = Report(file)
    source = decode(raw, report)
    root = compose(source, report) if source is not None else None
    if report.failed:
        raise AnswersError("\n".join(f"{item.file}:{item.line}: {item.message}" for item in report.sorted()))
    if root is not None and not isinstance(root.data, list):
        raise AnswersError(f"{file}:{root.at[0]}: answers must be a list: each begins with `- `")
    return AnswersFile(_Reader(file).items(root.items if root is not None else []))


def _node(data: object, number: int) -> Node:
    """Python data as if it stood on the line with its number."""
    at = (number, 1)
    try:
        plain = from_json(data)
    except InvalidValue as error:
        raise AnswersError(f"answers:{number}: {error}") from None
    if not isinstance(plain, dict):
        return Node(plain, at, 0, 0)
    fields = {name: _node(value, number) for name, value in plain.items()}
    return Node(plain, at, 0, 0, fields=fields, keys=dict.fromkeys(fields, at))


class _Reader:
    """Nodes to items, noting everything that is wrong."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: list[tuple[int, str]] = []

    def items(self, nodes: Sequence[Node]) -> list[Item]:
        found = [self._item(node) for node in nodes]
        if self._problems:
            raise AnswersError("\n".join(f"{self._file}:{line}: {text}" for line, text in sorted(self._problems)))
        return found

    def _item(self, node: Node) -> Item:
        item = Item(f"{self._file}:{node.at[0]}")
        if isinstance(node.data, bool):
            item.type, item.fields = "approval", {"approved": node.data}
        elif isinstance(node.data, (str, int, float)):
            item.fields = {"shorthand": node.data if isinstance(node.data, str) else node.raw or str(node.data)}
        elif not isinstance(node.data, dict):
            self._wrong(node, "an answer is true, false, a text, or a map such as `approve: true`")
        else:
            self._fields(item, node)
        return item

    def _fields(self, item: Item, node: Node) -> None:
        if self._unknown_keys(node, _KEYS):
            return
        known = {**_TYPES, **_FLAT, "say": _CHAT}
        types = {known[name] for name in node.fields if name in known}
        item.times_out = "timeout" in node.fields
        if len(types) + item.times_out != 1:
            what = "two different answers" if types else "no answer"
            self._wrong(node, f"this item has {what}; give one of {', '.join(_TYPES)}, say or timeout")
        item.type = next(iter(types), None)
        for name, value in node.fields.items():
            self._field(item, name, value)
        if types == {_CHAT} and ({"feedback", "confirm"} & node.fields.keys() or item.wanted.keys() - {"procedure"}):
            self._wrong(node, "a message is said by somebody (`by`) to a procedure (`for: {procedure: NAME}`), no more")

    def _field(self, item: Item, name: str, node: Node) -> None:
        readers: dict[str, Callable[[], None]] = {
            "approve": lambda: self._put(item, "approved", node, bool),
            "input": lambda: self._put(item, "text", node, str),
            "text": lambda: self._put(item, "text", node, str),
            "say": lambda: self._put(item, "say", node, str),
            "review": lambda: self._inner(item, name, node),
            "escalate": lambda: self._inner(item, name, node),
            "decision": lambda: self._put(item, "decision", node, str),
            "feedback": lambda: self._put(item, "feedback", node, str),
            "note": lambda: self._put(item, "note", node, str),
            "confirm": lambda: self._put(item, "typed", node, str),
            "artifact": lambda: self._artifact(item, node),
            "edited_artifact": lambda: self._artifact(item, node),
            "timeout": lambda: self._timeout(node),
            "by": lambda: self._by(item, node),
            "for": lambda: self._for(item, node),
        }
        if name in readers:
            readers[name]()

    def _inner(self, item: Item, name: str, node: Node) -> None:
        if not isinstance(node.data, dict):
            shorthand = {"review": "decision", "escalate": "note"}[name]
            self._put(item, shorthand, node, str)
            return
        self._unknown_keys(node, _INNER[name])
        for inner, value in node.fields.items():
            if inner in _INNER[name]:
                self._field(item, inner, value)

    def _put(self, item: Item, field: str, node: Node, kind: type[bool | str]) -> None:
        data = node.data
        if kind is str and isinstance(data, (int, float)) and not isinstance(data, bool):
            data = node.raw or str(data)
        if isinstance(data, (bool, str)) and isinstance(data, kind):
            item.fields[field] = data
        else:
            self._wrong(node, f"expected {'true or false' if kind is bool else 'a text'}")

    def _artifact(self, item: Item, node: Node) -> None:
        try:
            item.fields["artifact"] = from_json(node.data)
        except InvalidValue as error:
            self._wrong(node, str(error))

    def _timeout(self, node: Node) -> None:
        if node.data is not True:
            self._wrong(node, "timeout: true is the only form")

    def _by(self, item: Item, node: Node) -> None:
        if isinstance(node.data, str) and node.data:
            item.by = node.data
        else:
            self._wrong(node, "expected a name")

    def _for(self, item: Item, node: Node) -> None:
        if not node.fields:
            self._wrong(node, f"`for` is a map of {', '.join(_FOR)}")
        self._unknown_keys(node, _FOR)
        for name, value in node.fields.items():
            if not isinstance(value.data, str):
                self._wrong(value, "expected a text")
            elif name == "type" and value.data not in (*_TYPES, *_TYPES.values()):
                known = list(dict.fromkeys((*_TYPES, *_TYPES.values())))
                self._wrong(value, f'"{value.data}" is not a type of request{did_you_mean(value.data, known)}')
            else:
                item.wanted[name] = _TYPES.get(value.data, value.data) if name == "type" else value.data

    def _unknown_keys(self, node: Node, known: Sequence[str]) -> bool:
        unknown = [name for name in node.fields if name not in known]
        for name in unknown:
            hint = did_you_mean(name, known) or f" (known: {', '.join(known)})"
            self._problems.append((node.key(name)[0], f'"{name}" is not known here{hint}'))
        return bool(unknown)

    def _wrong(self, node: Node, text: str) -> None:
        self._problems.append((node.at[0], text))
