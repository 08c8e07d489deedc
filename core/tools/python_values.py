"""Plain values as parameters take them: for each kind its JSON Schema, and how JSON becomes it.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. A schema and its conversion are made together, so that they cannot disagree. Belongs here: text, numbers, dates,
choices, lists and objects as such. Never: annotations (`python_shapes.py`), or what functions return.
"""

from __future__ import annotations

import datetime
import enum
import json
import typing
from collections import abc
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import cast

from .python_results import Misfit

Schema = dict[str, object]
Convert = Callable[[object, str], object]


class Undescribable(Exception):
    """A function cannot be offered as a tool; the text says why."""


class Shape(typing.NamedTuple):
    """What values a parameter takes, and how one becomes what the function wants."""

    schema: Schema
    convert: Convert


def anything(value: object, _: str) -> object:
    """The value as it is: the conversion of what is not annotated."""
    return value


def misfit(what: str, value: object, path: str) -> Misfit:
    """The error for a value that is not what was expected."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return Misfit(f"{path}: expected {what}, got {text if len(text) <= 80 else text[:80] + '…'}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise misfit("a string", value, path)
    return value


def _integer(value: object, path: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise misfit("an integer", value, path)
    return value


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise misfit("a number", value, path)
    return float(value)


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise misfit("true or false", value, path)
    return value


def _null(value: object, path: str) -> None:
    if value is not None:
        raise misfit("null", value, path)


def from_text(make: Callable[[str], object], what: str) -> Convert:
    """The conversion of a text by a function that raises `ValueError` or `ArithmeticError` for another text."""

    def convert(value: object, path: str) -> object:
        text = _text(value, path)
        try:
            return make(text)
        except (ValueError, ArithmeticError):
            raise misfit(what, value, path) from None

    return convert


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)


SCALARS: dict[object, Shape] = {
    str: Shape({"type": "string"}, _text),
    int: Shape({"type": "integer"}, _integer),
    float: Shape({"type": "number"}, _number),
    bool: Shape({"type": "boolean"}, _boolean),
    type(None): Shape({"type": "null"}, _null),
    datetime.datetime: Shape(
        {"type": "string", "format": "date-time"}, from_text(_moment, "a date and time as 2030-01-31T12:00:00Z")
    ),
    datetime.date: Shape(
        {"type": "string", "format": "date"}, from_text(datetime.date.fromisoformat, "a date as 2030-01-31")
    ),
    datetime.time: Shape(
        {"type": "string", "format": "time"}, from_text(datetime.time.fromisoformat, "a time as 12:00:00")
    ),
    Path: Shape({"type": "string"}, from_text(Path, "a path")),
    PurePath: Shape({"type": "string"}, from_text(PurePath, "a path")),
}
LISTS: dict[object, Callable[[list[object]], object]] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    tuple: tuple,
}
TABLES = (dict, abc.Mapping, abc.MutableMapping)
JSON_NAMES: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def rows_of(value: object, path: str) -> list[object]:
    """The items of a list. Raises `Misfit`."""
    if value == {}:
        return []  # Lua has one empty table for both
    if not isinstance(value, list):
        raise misfit("a list", value, path)
    return cast("list[object]", value)


def fields_of(value: object, path: str) -> dict[str, object]:
    """The fields of an object. Raises `Misfit`."""
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise misfit("an object", value, path)
    return cast("dict[str, object]", value)


def choice(values: list[object], names: dict[object, object]) -> Shape:
    """The shape of one of several values; `names` has what they stand for."""
    given = [value.name if isinstance(value, enum.Enum) else value for value in values]
    if not all(type(value) in JSON_NAMES for value in given):
        raise Undescribable(f"has a choice that JSON cannot say: {', '.join(map(repr, values))}")
    stand = [(value, names.get(value, result)) for value, result in zip(given, values)]
    text = ", ".join(json.dumps(value, ensure_ascii=False) for value in given)

    def convert(value: object, path: str) -> object:
        for known, result in stand:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return result
        raise misfit(f"one of {text}", value, path)

    kinds = list(dict.fromkeys(JSON_NAMES[type(value)] for value in given))
    return Shape({"type": kinds[0] if len(kinds) == 1 else kinds, "enum": given}, convert)
