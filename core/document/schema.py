"""The document against `procedure.schema.json`: every violation as a readable diagnostic with its place.

Belongs here: words for what JSON Schema finds. Never: rules; those that a schema can say are in the
JSON file, which editors read too, and the others in `checks.py`.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from .diagnostics import Report
    from .source import Place, Source
    from .tree import Node

SCHEMA_FILE = Path(__file__).with_name("procedure.schema.json")
"""The JSON Schema of a procedure file, for editors too."""

_TYPES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
}
_SECONDS = ("timeout", "retry_delay")


@cache
def _validator() -> Validator:
    # Imported here because jsonschema costs 90 ms, which only reading a procedure needs to pay.
    from jsonschema import Draft202012Validator, TypeChecker, validators  # noqa: PLC0415

    def number(_checker: TypeChecker, data: object) -> bool:
        return isinstance(data, (int, float)) and not isinstance(data, bool) and math.isfinite(data)

    def integer(checker: TypeChecker, data: object) -> bool:
        return number(checker, data) and int(cast(float, data)) == data and abs(cast(float, data)) <= 2**53

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many({"number": number, "integer": integer})
    strict = cast("Any", validators).extend(Draft202012Validator, type_checker=checker)
    return cast("Validator", strict(json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))))


def validate(root: Node, source: Source, report: Report) -> None:
    """Report all that the schema finds wrong."""
    for error in cast("Iterable[ValidationError]", _validator().iter_errors(cast("Any", root.data))):
        _Violation(root, source, report, error).report_it()


def path_text(path: Sequence[str | int]) -> str:
    """A path as people write it: `agents.worker.tools[1]`."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Violation:
    """One error of the schema, with the node it is about."""

    def __init__(self, root: Node, source: Source, report: Report, error: ValidationError) -> None:
        self.path: list[str | int] = list(error.absolute_path)
        self.node: Node = root
        self.key: Place = root.at
        for part in self.path:
            if isinstance(part, int):
                self.node = self.node.items[part]
                self.key = self.node.at
            else:
                self.key = self.node.key(part)
                self.node = self.node.fields[part]
        self.name: str = f"`{path_text(self.path)}`" if self.path else "the document"
        self.source: Source = source
        self.report: Report = report
        self.rule: str = str(error.validator)
        self.wanted: Any = error.validator_value
        self.instance: Any = error.instance
        self.schema: Mapping[str, Any] = cast("Mapping[str, Any]", error.schema)

    def report_it(self) -> None:
        handlers = {
            "type": self._type,
            "additionalProperties": self._unknown_keys,
            "required": self._missing_keys,
            "oneOf": self._code,
            "enum": self._enum,
            "minimum": self._minimum,
            "minLength": self._empty,
            "minItems": self._empty,
            "pattern": self._pattern,
        }
        handlers[self.rule]()

    def _type(self) -> None:
        wanted = [self.wanted] if isinstance(self.wanted, str) else cast("list[str]", self.wanted)
        expected = " or ".join(_TYPES[item] for item in wanted)
        if self.path and self.path[-1] in _SECONDS:
            expected += " of seconds"
        data = self.node.data
        if data is None and not self.node.raw:
            self.report.add("DOC-022", f"{self.name} is empty; write {expected}, or remove the key", self.key)
            return
        message = f"{self.name} must be {expected}, not {given(data)}{self._fix(wanted[0])}"
        self.report.add("DOC-022", message, self.node.at)

    def _fix(self, wanted: str) -> str:
        node, data = self.node, self.node.data
        scalar = not isinstance(data, (dict, list))
        if wanted == "string":
            if scalar:
                return f'; put it in quotes: "{node.raw}"'
            if self.source.text.startswith(("{", "["), node.start):
                return f"; a text that begins with `{self.source.text[node.start]}` must be quoted"
        if isinstance(data, str):
            if wanted == "boolean" and data.strip().casefold() in ("yes", "on", "y", "true"):
                return "; write true"
            if wanted == "boolean" and data.strip().casefold() in ("no", "off", "n", "false"):
                return "; write false"
            if wanted in ("integer", "number") and data.strip().isdecimal():
                return "; remove the quotes"
        if wanted == "array" and scalar:
            return "; a list is written [a, b], or one `- item` a line"
        return ""

    def _unknown_keys(self) -> None:
        known = list(cast("dict[str, object]", self.schema["properties"]))
        inside = f" in {self.name}" if self.path else ""
        for key in self.node.fields:
            if key in known:
                continue
            if key in ("name", "version") and "code" in known:
                message = f"an inline procedure has no `{key}` of its own: its key is its name; remove it"
                self.report.add("DOC-028", message, self.node.key(key))
                continue
            hint = "" if self.report.full else did_you_mean(key, known) or f"; known are {', '.join(known)}"
            self.report.add("DOC-020", f'unknown key "{key}"{inside}{hint}', self.node.key(key))

    def _missing_keys(self) -> None:
        for key in cast("list[str]", self.wanted):
            if key not in self.node.fields:
                self.report.add("DOC-021", f"{self.name} lacks the required key `{key}`", self.key)

    def _code(self) -> None:
        if "code" in self.node.fields and "workflow" in self.node.fields:
            line, column = self.node.key("code")
            message = "`workflow` is the older name of `code`; keep one of them"
            related = (("`code` stands here", line, column),)
            self.report.add("DOC-027", message, self.node.key("workflow"), related=related)
        else:
            self.report.add("DOC-021", f"{self.name} lacks the required key `code`", self.key)

    def _enum(self) -> None:
        if isinstance(self.instance, str):
            known = cast("list[str]", self.wanted)
            some = f"must be one of {', '.join(known)}" if len(known) > 1 else f"can only be {known[0]}"
            hint = did_you_mean(self.instance, known)
            self.report.add("DOC-023", f"{self.name} {some}, not {given(self.instance)}{hint}", self.node.at)

    def _minimum(self) -> None:
        message = f"{self.name} must be at least {self.wanted}, not {self.node.raw}"
        self.report.add("DOC-024", message, self.node.at)

    def _empty(self) -> None:
        self.report.add("DOC-026", f"{self.name} must not be empty", self.node.at)

    def _pattern(self) -> None:
        name = cast(str, self.instance)
        inside = f" in {self.name}"
        chars = (
            "letters, digits and `_`, and begins with no digit"
            if self.path[-1:] == ["agents"]
            else "letters, digits, `_` and `-`"
        )
        self.report.add("DOC-025", f'the name "{name}"{inside} has other characters than {chars}', self.node.key(name))


def given(data: object) -> str:
    """What a value of the document is, for a message."""
    if data is None:
        return "null"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, (int, float)):
        return f"the number {data}"
    if isinstance(data, str):
        text = data if len(data) <= 40 else data[:40] + "…"
        return f"the string {json.dumps(text, ensure_ascii=False)}"
    return "a map" if isinstance(data, dict) else "a list"
