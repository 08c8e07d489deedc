"""Values out of Lua and into it, in the forms of `values.py`.

A value crosses as one flat row of scalars in one call (see `crossing.lua`), because crossing costs far more
per call than per item. Belongs here: the two directions. Never: what a value is used for.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, cast

from ..errors import InvalidValue
from ..values import MAX_BYTES, MAX_LEVELS, MAX_NODES, Value, tag_bytes, tag_float, tag_pairs, untag_float

if TYPE_CHECKING:
    from .sandbox import Sandbox

_CHUNK = 4096


def from_lua(sandbox: Sandbox, obj: Any, path: str = "value") -> Value:
    """The value of what Lua gave; raises `InvalidValue` naming the path to what cannot cross."""
    kind = type(obj)
    if kind is bytes:
        if len(obj) > MAX_BYTES:
            raise InvalidValue(f"{path} has strings of more than 64 MB together")
        return _string(obj)
    if kind is float:
        return obj if math.isfinite(obj) else tag_float(obj)
    if kind is int or kind is bool or obj is None:
        return obj
    found = sandbox.row_of(obj, path.encode())
    if found[0] is None:
        raise InvalidValue(found[1].decode(errors="replace"))
    size = found[0]
    row = found[1:]
    if size > len(row):
        items = list(row)
        while len(items) < size:
            more = sandbox.rest_of_row(len(items) + 1)
            if isinstance(more, tuple):
                items.extend(cast("tuple[Any, ...]", more))
            else:
                items.append(more)
        row = items
    return _read(row)


def _string(raw: bytes) -> Value:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return tag_bytes(raw)


def _scalar(item: Any) -> Value:
    kind = type(item)
    if kind is bytes:
        return _string(item)
    if kind is float and not math.isfinite(item):
        return tag_float(item)
    return item


def _read(row: Any) -> Value:
    """The value of a row whose first item begins a table."""
    stack: list[tuple[list[Value], list[Value] | None, int]] = []
    items: list[Value] = []
    keys: list[Value] | None = None
    left = 1
    at = 0
    while True:
        while left:
            if keys is not None:
                keys.append(row[at])
                at += 1
            item = row[at]
            at += 1
            left -= 1
            kind = type(item)
            if kind is bytes:
                try:
                    items.append(item.decode())
                except UnicodeDecodeError:
                    items.append(tag_bytes(item))
            elif item is None:
                stack.append((items, keys, left))
                items = []
                left = row[at]
                at += 1
                if left >= 0:
                    keys = None
                else:
                    keys = []
                    left = -left - 1
            elif kind is float and not math.isfinite(item):
                items.append(tag_float(item))
            else:
                items.append(item)
        if not stack:
            return items[0]
        table: Value = items if keys is None else _table(keys, items)
        items, keys, left = stack.pop()
        items.append(table)


def _table(keys: list[Any], items: list[Value]) -> Value:
    table: dict[str, Value] = {}
    for key, item in zip(keys, items, strict=True):
        if type(key) is not bytes or key.startswith(b"$"):
            break
        try:
            table[key.decode()] = item
        except UnicodeDecodeError:
            break
    else:
        return table
    return tag_pairs([[_scalar(key), item] for key, item in zip(keys, items, strict=True)])


def to_lua(sandbox: Sandbox, value: Value) -> Any:
    """What Lua sees for `value`: equal values give tables whose `pairs` order is equal too."""
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is str:
        return cast(str, value).encode()
    if kind is int or kind is float:
        return value
    row: list[Any] = []
    _write(value, row)
    if row[0] is not None:
        return row[0]
    if len(row) <= _CHUNK:
        return sandbox.value_of(*row)
    for start in range(0, len(row), _CHUNK):
        sandbox.add_row(*row[start : start + _CHUNK])
    return sandbox.value_of_rows()


def _write(value: Value, row: list[Any]) -> None:
    nodes = 0
    waiting: list[Any] = [iter((value,))]
    while waiting:
        for item in waiting[-1]:
            nodes += 1
            kind = type(item)
            if kind is str:
                row.append(item.encode())
            elif kind is int or kind is float or kind is bool or kind is bytes:
                row.append(item)
            elif kind is list:
                row.append(None)
                row.append(len(item))
                waiting.append(iter(item))
                break
            elif kind is dict:
                pairs = _pairs(item)
                if not isinstance(pairs, list):
                    row.append(pairs)
                    continue
                row.append(None)
                row.append(-(len(pairs) // 2) - 1)
                waiting.append(iter(pairs))
                break
            else:
                raise InvalidValue(f"{item!r} inside a value is not a value")
        else:
            waiting.pop()
        if len(waiting) > MAX_LEVELS + 2:
            raise InvalidValue(f"value is nested more than {MAX_LEVELS} levels deep")
    if nodes > 2 * MAX_NODES + 1:
        raise InvalidValue(f"value has more than {MAX_NODES:,} values")


def _pairs(table: dict[str, Any]) -> Any:
    """The keys and values of a table in turn, or the scalar that a tagged object stands for."""
    if len(table) == 1:
        if "$t" in table:
            flat: list[Any] = []
            for key, item in table["$t"]:
                flat.append(key)
                flat.append(item)
            return flat
        if "$b" in table:
            return base64.b64decode(table["$b"])
        if "$f" in table:
            return untag_float(table["$f"])
    flat = []
    for key, item in table.items():
        if item is not None:
            flat.append(key)
            flat.append(item)
    return flat
