"""What a function returned, as JSON has it.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. Belongs here: the forms that results take. Never: arguments, or the line that is sent.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime
import enum
from collections import abc
from pathlib import PurePath
from typing import Any, cast

MAX_LEVELS = 200
"""How deep a result may nest."""
TEXTUAL = {"Decimal": "decimal", "UUID": "uuid"}
"""Classes that are text as JSON, and their modules: known by name, since few need them imported."""


class Misfit(Exception):
    """An argument or a result is not what it has to be; the text is for the caller."""


def shown(kind: object) -> str:
    """A type, as its user would write it."""
    return getattr(kind, "__qualname__", None) or str(kind).replace("typing.", "")


def plain(value: object, path: str = "result", level: int = 0) -> object:
    """The value as JSON has it. Raises `Misfit` with the path to what JSON has not."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if level > MAX_LEVELS:
        raise Misfit(f"{path[:200]}… is nested more than {MAX_LEVELS} levels deep, or contains itself")
    level += 1
    if isinstance(value, enum.Enum):
        return plain(value.value, path, level)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(cast("bytes", value)))
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, PurePath) or TEXTUAL.get(type(value).__name__) == type(value).__module__:
        return str(value)
    found: Any = value
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {
            field.name: plain(getattr(found, field.name), f"{path}.{field.name}", level)
            for field in dataclasses.fields(found)
        }
    if isinstance(value, abc.Mapping):
        rows = cast("abc.Mapping[object, object]", value).items()
        return {_key(key, path): plain(item, f"{path}.{key}", level) for key, item in rows}
    if isinstance(value, tuple) and callable(fields := getattr(found, "_asdict", None)):
        return plain(fields(), path, level)
    if isinstance(value, (abc.Sequence, abc.ValuesView, abc.Set, collections.deque)):
        items = list(cast("abc.Iterable[object]", value))
        if isinstance(value, abc.Set):
            items = _sorted(items)
        return [plain(item, f"{path}[{index}]", level) for index, item in enumerate(items)]
    if callable(getattr(found, "model_dump", None)) and not isinstance(found, type):
        return plain(found.model_dump(mode="json"), path, level)
    kind = f"the {value.__name__} class" if isinstance(value, type) else f"of type {shown(type(value))}"
    raise Misfit(f"{path} is {kind}, which JSON does not have; return text, numbers, lists, dicts or dataclasses")


def _bytes(raw: bytes) -> object:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode(), "note": f"{len(raw)} bytes that are not UTF-8 text"}


def _sorted(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def _key(key: object, path: str) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(int(key))
    if isinstance(key, (datetime.date, PurePath)):
        return str(plain(key))
    raise Misfit(f"{path} has a key of type {shown(type(key))} ({key!r}); JSON has only text")
