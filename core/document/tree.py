"""YAML text -> a tree of nodes that know their place in the text.

Reads the parser's events itself instead of PyYAML's composer: nothing here recurses, so depth, aliases
and size are bounded for any input, and every node keeps its position. Keys are always text, as written;
merge keys (`<<`) work. Belongs here: what is YAML. Never: what a procedure may say (see
`procedure.schema.json`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import yaml

from .scalars import is_kind, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .diagnostics import Report
    from .source import Place, Source

MAX_LEVELS = 60
"""How deep maps and lists may nest in the file."""
MAX_WEIGHT = 300_000
"""How many nodes the file may hold with its aliases expanded; 32 characters of a text count as a node."""

_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value in the text: what it is, and where it stands."""

    data: object
    """Plain Python data: None, bool, int, float, str, list or dict with text keys."""
    at: Place
    """Line and column of its first character, from 1."""
    start: int
    end: int
    """Offsets of the node in the text."""
    raw: str = ""
    """A scalar as the parser gave it."""
    style: str | None = None
    """A scalar's quoting: `'`, `"`, `|`, `>`, or None for a plain one."""
    fields: dict[str, Node] = field(default_factory=dict[str, "Node"])
    keys: dict[str, Place] = field(default_factory=dict[str, "Place"])
    """Where the key of each field stands."""
    items: list[Node] = field(default_factory=list["Node"])
    weight: int = 1

    def key(self, name: str) -> Place:
        """Where the key `name` stands, or this node when the key is missing."""
        return self.keys.get(name, self.at)


def parse(source: Source, report: Report) -> Node | None:
    """The file's tree, or None when it is not a YAML map; the report says why.

    Problems that leave the tree readable (duplicate keys, tags) are reported and reading goes on.
    """
    root = compose(source, report)
    if root is None and not report.failed:
        report.add("DOC-011", "the file is empty; a procedure needs at least `name`, `version` and `code`", (1, 1))
    elif root is not None and not isinstance(root.data, dict):
        report.add("DOC-011", "the file must be a map of keys such as `name:`, `version:` and `code:`", root.at)
        return None
    return root


def compose(source: Source, report: Report) -> Node | None:
    """The tree of any YAML text: None when it is empty, or when it cannot be read and the report says why."""
    try:
        return _Composer(source, report).compose()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        _syntax(error, source, report)
        return None


_HINTS = {
    "mapping values are not allowed": "check the indentation, and quote a text that holds `: `",
    "found character that cannot start any token": "a text that begins with this character must be quoted",
    "did not find expected key": "check the indentation, and quote a text that begins with `{`, `[` or a quote",
    "did not find expected ',' or '}'": "a text that begins with `{` must be quoted",
    "did not find expected ',' or ']'": "a text that begins with `[` must be quoted",
    "did not find expected alphabetic": "a text that begins with `*`, `&` or `!` must be quoted",
    "could not find expected ':'": "a line here is neither `key: value` nor indented under the text above",
    "found unexpected end of stream": "this quote is not closed",
}


def _syntax(error: yaml.MarkedYAMLError, source: Source, report: Report) -> None:
    unclosed = error.problem == "found unexpected end of stream"
    mark = error.context_mark if unclosed and error.context_mark else error.problem_mark
    offset = min(mark.index, len(source.text)) if mark else 0
    line, column = source.place(offset)
    content = source.line(line)
    indent = content[: len(content) - len(content.lstrip())]
    if "\t" in indent and column <= len(indent) + 1:
        message = "a tab cannot indent YAML; use spaces"
        report.add("DOC-005", message, (line, indent.index("\t") + 1))
        return
    problem = error.problem or "the text cannot be read"
    hint = next((text for start, text in _HINTS.items() if problem.startswith(start)), "")
    related = ()
    if error.context and error.context_mark and error.context_mark.index != offset:
        related = ((error.context, *source.place(min(error.context_mark.index, len(source.text)))),)
    report.add("DOC-004", f"not valid YAML: {problem}" + (f"; {hint}" if hint else ""), (line, column), related=related)


class _Stop(Exception):
    """Reading cannot go on; the report says why."""


@dataclass(slots=True)
class _Open:
    """A map or list whose end was not read yet."""

    start: int
    is_map: bool
    anchor: str | None
    fields: dict[str, Node] = field(default_factory=dict[str, "Node"])
    keys: dict[str, Place] = field(default_factory=dict[str, "Place"])
    items: list[Node] = field(default_factory=list["Node"])
    merges: list[tuple[Node, Place]] = field(default_factory=list["tuple[Node, Place]"])
    pending: Node | None = None
    """The key whose value comes next."""
    weight: int = 1


class _Composer:
    """One pass over the parser's events."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source: Source = source
        self.report: Report = report
        self.anchors: dict[str, Node] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None

    def compose(self) -> Node | None:
        for event in _events(self.source.text):
            if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                at = self.source.place(event.start_mark.index)
                self.report.add("DOC-010", "a second document begins here; a file holds one procedure", at)
                break
            if isinstance(event, yaml.ScalarEvent):
                self._put(self._scalar(event), event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                self._put(self._alias(event), None)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._begin(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close(event)
        return self.root

    def _at(self, event: yaml.Event) -> Place:
        return self.source.place(event.start_mark.index)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self.stack) >= MAX_LEVELS:
            self.report.add("DOC-009", f"maps and lists are nested more than {MAX_LEVELS} deep here", self._at(event))
            raise _Stop
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._check_tag(event.tag, "map" if is_map else "seq", event)
        if event.anchor:
            self.anchors.pop(event.anchor, None)
        self.stack.append(_Open(event.start_mark.index, is_map, event.anchor))

    def _close(self, event: yaml.Event) -> None:
        top = self.stack.pop()
        for merged, at in top.merges:
            self._merge(top, merged, at)
        fields = {key: node.data for key, node in top.fields.items()}
        data = fields if top.is_map else [node.data for node in top.items]
        at = self.source.place(top.start)
        node = Node(
            data, at, top.start, event.end_mark.index,
            fields=top.fields, keys=top.keys, items=top.items, weight=top.weight,
        )  # fmt: skip
        self._put(node, top.anchor)

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.weight += node.weight
        if top.weight > MAX_WEIGHT:
            at = node.at
            self.report.add("DOC-008", f"the file holds more than {MAX_WEIGHT} values, aliases expanded", at)
            raise _Stop
        if not top.is_map:
            top.items.append(node)
        elif top.pending is None:
            top.pending = node
        else:
            key, top.pending = top.pending, None
            self._field(top, key, node)

    def _field(self, top: _Open, key: Node, node: Node) -> None:
        if isinstance(key.data, (dict, list)) or (not key.raw and key.style is None):
            self.report.add("DOC-013", "a key must be a text", key.at)
        elif key.raw == "<<" and key.style is None:
            top.merges.append((node, key.at))
        elif key.raw in top.keys:
            line, column = top.keys[key.raw]
            message = f"`{key.raw}` is given twice; the first is on line {line}"
            self.report.add("DOC-006", message, key.at, related=((f"`{key.raw}` is first given here", line, column),))
        else:
            top.fields[key.raw] = node
            top.keys[key.raw] = key.at

    def _merge(self, top: _Open, node: Node, at: Place) -> None:
        for merged in node.items if isinstance(node.data, list) else [node]:
            if not isinstance(merged.data, dict):
                self.report.add("DOC-014", "`<<` takes a map, or a list of maps", at)
                continue
            for name, value in merged.fields.items():
                if name not in top.fields:
                    top.fields[name] = value
                    top.keys[name] = merged.keys[name]

    def _alias(self, event: yaml.AliasEvent) -> Node:
        name = event.anchor or ""
        if (node := self.anchors.get(name)) is not None:
            return node
        if any(item.anchor == name for item in self.stack):
            message = f"`*{name}` stands inside what `&{name}` names"
        else:
            message = f"`*{name}` refers to no anchor above it; a text that begins with `*` must be quoted"
        self.report.add("DOC-007", message, self._at(event))
        raise _Stop

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        raw, style = event.value, event.style or None
        kind = self._check_tag(event.tag, "", event)
        plain = style is None and event.tag != "!"
        data = resolve(raw) if kind is None and plain else raw
        if kind not in (None, "str"):
            data = resolve(raw)
            if not is_kind(data, kind):
                self.report.add("DOC-012", f"the text does not fit its tag `!!{kind}`", self._at(event))
        if style in ("|", ">") and (event.anchor or event.tag):
            head = re.compile(r"[|>][-+0-9]*[ \t]*(#.*)?$", re.MULTILINE).search(self.source.text, start, end)
            start = head.start() if head else start
        weight = 1 + len(raw) // 32
        return Node(data, self.source.place(start), start, end, raw=raw, style=style, weight=weight)

    def _check_tag(self, tag: str | None, expected: str, event: yaml.Event) -> str | None:
        if not tag or tag == "!":
            return None
        kind = _TAGS.get(tag)
        if kind is None or (expected or kind) != kind or (not expected and kind in ("map", "seq")):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.report.add("DOC-012", f"the tag `{shown}` is not known to procedures; remove it", self._at(event))
            return None
        return kind


def _events(text: str) -> Iterator[yaml.Event]:
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    parse = cast("Callable[[str, object], Iterator[yaml.Event]]", yaml.parse)
    return parse(text, loader)
