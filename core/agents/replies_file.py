"""The text of a file of replies -> what it says, or every problem with its position.

Belongs here: the form of the file. Never: whose turn it is (`replies.py`), or writing one (`script.py`).

A file is a map. Each key says whose replies these are: an agent's name, `procedure.agent`, or `procedure#2.agent` for
the second run of that procedure in its tree, in the order in which they were started. The most specific key wins. The
value is the list of what the model says to that agent in one run, in order; every run begins with the first:

    writer:
      - Here is a first draft.                        # a text alone
      - text: I look that up.                         # or `content`
        calls:                                        # tools, by the names that the model is offered
          - search: {query: lighthouses, limit: 3}
          - list_sources                              # without arguments
      - error: The server is overloaded.              # instead of a reply; `text` before it has arrived by then
        retryable: true                               # default false: the turn fails at once
      - done: All sources are in.                     # the call done{reason}; `stop` is the other one
      - text: What else?
        expect: [lighthouses, Rubjerg]                # these must stand in what is sent, or the run fails
        usage: {input: 1200, output: 40, cached: 1000, reasoning: 10, cost: 0.002}    # else estimated, without a cost
        model: gpt-5-mini                             # else `scripted`
        stop_reason: length                           # else `tool_calls` or `stop`
        delay: 0.05                                   # seconds between two words, for demonstrations
        repeat: true                                  # of the last one: it is given again and again

The arguments of a call may be a text instead of a map: what a model wrote in place of JSON, as it stands.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

import msgspec

from ..document.diagnostics import Report
from ..document.source import decode
from ..document.tree import Node, compose
from ..errors import RepliesError, did_you_mean
from ..model.messages import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..document.source import Place

SCRIPTED = "scripted"
"""The name of the model that reads from a file."""
SHORTHANDS = ("done", "stop")
"""Tools that a reply can call by a key of its own, whose value is the reason."""
MAX_DELAY = 60.0
"""Seconds between two words, at most."""

MAX_COST = 1e6
"""US dollars for a reply, at most."""

_TEXTS = ("text", "content")
_SAYS = (*_TEXTS, "calls", *SHORTHANDS, "error")
_KEYS = (*_SAYS, "retryable", "expect", "usage", "model", "stop_reason", "delay", "repeat")
_WITH_ERROR = (*_TEXTS, "error", "retryable", "expect", "delay", "repeat")
_COUNTS = ("input", "output", "cached", "reasoning")
_KEY = re.compile(r"(?:.*\.)?[A-Za-z_][A-Za-z0-9_]*", re.DOTALL)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One reply of the file."""

    place: str
    """`file:line:column`."""
    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Names and arguments, the latter as a model would write them."""
    error: str | None = None
    retryable: bool = False
    expect: tuple[str, ...] = ()
    usage: Usage = Usage()
    model: str = SCRIPTED
    stop_reason: str = ""
    delay: float | None = None
    repeat: bool = False


def read(raw: bytes | str, file: str) -> tuple[str, dict[str, tuple[Item, ...]]]:
    """The text of a file as it is pinned, and its replies by key. Raises `RepliesError`."""
    report = Report(file)
    source = decode(raw, report)
    root = compose(source, report) if source is not None else None
    if report.failed or source is None:
        found = report.sorted()
        raise RepliesError("\n".join(f"{item.file}:{item.line}:{item.column}: {item.message}" for item in found))
    return source.text, {} if root is None or root.data is None else _Reader(file).scripts(root)


class _Reader:
    """Nodes to items, noting everything that is wrong."""

    def __init__(self, file: str) -> None:
        self._file: str = file
        self._problems: dict[tuple[Place, str], None] = {}

    def scripts(self, root: Node) -> dict[str, tuple[Item, ...]]:
        found: dict[str, tuple[Item, ...]] = {}
        if not isinstance(root.data, dict):
            self._wrong(root, "replies are a map: an agent's name, and under it the list of its replies")
        for key, node in root.fields.items():
            if not _KEY.fullmatch(key):
                message = f"`{key}` is neither an agent's name, nor `procedure.agent`, nor `procedure#2.agent`"
                self._problems[root.key(key), message] = None
            if isinstance(node.data, list):
                found[key] = tuple(self._item(item, item is node.items[-1]) for item in node.items)
            else:
                self._wrong(node, f"the replies of `{key}` must be a list: each begins with `- `")
        if self._problems:
            listed = sorted(self._problems)
            raise RepliesError("\n".join(f"{self._file}:{at[0]}:{at[1]}: {text}" for at, text in listed))
        return found

    def _item(self, node: Node, last: bool) -> Item:
        place = f"{self._file}:{node.at[0]}:{node.at[1]}"
        if isinstance(node.data, dict):
            return self._map(node, place, last)
        if isinstance(node.data, list) or (node.data is None and node.style is None):
            self._wrong(node, "a reply is a text, or a map such as `text: Hello`")
        return Item(place=place, text=node.raw)

    def _map(self, node: Node, place: str, last: bool) -> Item:
        fields = node.fields
        if not self._all_known(node, _KEYS):
            return Item(place=place)
        self._check_together(node, last)
        error = self._text(fields, "error")
        stop_reason, model = self._text(fields, "stop_reason"), self._text(fields, "model")
        return Item(
            place=place,
            text=self._text(fields, "text") or self._text(fields, "content") or "",
            calls=self._calls(fields),
            error=error,
            retryable=self._flag(fields, "retryable"),
            expect=self._expected(fields),
            usage=self._usage(fields),
            model=model or SCRIPTED,
            stop_reason=stop_reason or "",
            delay=self._number(fields, "delay", MAX_DELAY),
            repeat=self._flag(fields, "repeat"),
        )

    def _check_together(self, node: Node, last: bool) -> None:
        """What of a reply cannot stand with something else, or here."""
        fields = node.fields
        if not any(name in fields for name in _SAYS):
            self._wrong(node, f"this reply says nothing; give one of {', '.join(_SAYS)}")
        if all(name in fields for name in _TEXTS):
            self._at(node.key("content"), "`content` is another name of `text`; give one of them")
        if "error" in fields:
            for name in fields:
                if name not in _WITH_ERROR:
                    self._at(node.key(name), f"`{name}` cannot stand with `error`: there is no reply then")
        elif "retryable" in fields:
            self._at(node.key("retryable"), "`retryable` is about an `error`, and this reply has none")
        if "repeat" in fields and not last:
            self._at(node.key("repeat"), "only the last reply of a list can be repeated")

    # ---- one field

    def _text(self, fields: Mapping[str, Node], name: str) -> str | None:
        node = fields.get(name)
        if node is None:
            return None
        if isinstance(node.data, (dict, list)) or (node.data is None and node.style is None):
            self._wrong(node, f"`{name}` must be a text")
        return node.raw

    def _flag(self, fields: Mapping[str, Node], name: str) -> bool:
        node = fields.get(name)
        if node is not None and not isinstance(node.data, bool):
            self._wrong(node, f"`{name}` must be true or false")
        return node is not None and node.data is True

    def _number(self, fields: Mapping[str, Node], name: str, most: float) -> float | None:
        node = fields.get(name)
        if node is None:
            return None
        number = node.data
        if isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number <= most:
            return float(number)
        self._wrong(node, f"`{name}` must be a number from 0 to {most:g}")
        return None

    def _count(self, fields: Mapping[str, Node], name: str) -> int | None:
        node = fields.get(name)
        if node is None:
            return None
        if isinstance(node.data, int) and not isinstance(node.data, bool) and node.data >= 0:
            return node.data
        self._wrong(node, f"`{name}` must be a number of tokens")
        return None

    def _expected(self, fields: Mapping[str, Node]) -> tuple[str, ...]:
        node = fields.get("expect")
        if node is None:
            return ()
        items = node.items if isinstance(node.data, list) else [node]
        for item in items:
            if isinstance(item.data, (dict, list)) or not item.raw:
                self._wrong(item, "`expect` is a text, or a list of texts, that must stand in what is sent")
        return tuple(item.raw for item in items)

    def _usage(self, fields: Mapping[str, Node]) -> Usage:
        node = fields.get("usage")
        if node is None:
            return Usage()
        if not isinstance(node.data, dict):
            self._wrong(node, f"`usage` is a map of {', '.join((*_COUNTS, 'cost'))}")
        self._all_known(node, (*_COUNTS, "cost"))
        counts = {name: self._count(node.fields, name) for name in _COUNTS}
        return Usage(**counts, cost=self._number(node.fields, "cost", MAX_COST))

    def _calls(self, fields: Mapping[str, Node]) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        if (node := fields.get("calls")) is not None:
            if not isinstance(node.data, list):
                self._wrong(node, "`calls` is a list: each begins with `- name: {argument: value}`")
            found += [self._call(item) for item in node.items]
        for name in SHORTHANDS:
            if (reason := self._text(fields, name)) is not None:
                found.append((name, json.dumps({"reason": reason}, ensure_ascii=False)))
        return tuple(found)

    def _call(self, node: Node) -> tuple[str, str]:
        if isinstance(node.data, str) and node.data:
            return node.data, "{}"
        if len(node.fields) != 1:
            self._wrong(node, "a call is the tool's name with its arguments indented under it, or the name alone")
            return "", ""
        ((name, arguments),) = node.fields.items()
        return name, self._arguments(arguments)

    def _arguments(self, node: Node) -> str:
        if node.data is None and node.style is None:
            return "{}"
        if isinstance(node.data, str):
            return node.data
        if not isinstance(node.data, dict):
            self._wrong(node, "arguments are a map, or a text that stands for them as the model wrote it")
            return ""
        try:
            return json.dumps(cast("object", node.data), ensure_ascii=False, allow_nan=False)
        except ValueError:
            self._wrong(node, "arguments are JSON, which has no numbers such as .inf and .nan")
            return ""

    # ---- problems

    def _all_known(self, node: Node, known: Sequence[str]) -> bool:
        unknown = [name for name in node.fields if name not in known]
        for name in unknown:
            hint = did_you_mean(name, known) or f" (known: {', '.join(known)})"
            if len(unknown) == len(node.fields) == 1 and not hint.startswith(";"):
                hint += "; a text with `: ` in it must be quoted"
            self._at(node.key(name), f'"{name}" is not known here{hint}')
        return not unknown

    def _wrong(self, node: Node, text: str) -> None:
        self._at(node.at, text)

    def _at(self, place: Place, text: str) -> None:
        self._problems[place, text] = None
