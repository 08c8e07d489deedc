"""Values out of Lua and into it, in the forms of `values.py`.

A value crosses as one flat row of scalars in one call (see `crossing.lua`), because crossing costs far more
per call than per item. Belongs here: the two directions. Never: what a value is used for.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from lupa import lua55

from ..errors import InvalidValue
from ..values import MAX_BYTES, MAX_LEVELS, MAX_NODES, Value, tag_bytes, tag_float, tag_pairs, untag_float

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sandbox import Sandbox

_CHUNK = 4096
"""Items pushed in one call, at most."""
_SHORT = 4096
"""Bytes of a string for which there is always room."""
_PIECE = 256 * 1024
"""Bytes of strings pushed in one call, at most."""
_CHUNK_COST = 2 * _PIECE + 64 * _CHUNK
"""Bytes of Lua memory that one such call may take before Lua runs."""


_Item: TypeAlias = None | bool | int | float | bytes
"""What a row holds; None begins a table."""


def from_lua(sandbox: Sandbox, obj: object, path: str = "value") -> Value:
    """The value of what Lua gave; raises `InvalidValue` naming the path to what cannot cross."""
    if isinstance(obj, bytes):
        if len(obj) > MAX_BYTES:
            raise InvalidValue(f"{path} has strings of more than 64 MB together")
        return _string(obj)
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else tag_float(obj)
    if obj is None or isinstance(obj, int):
        return obj
    try:
        return _read(_row(sandbox, obj, path))
    except lua55.LuaMemoryError:
        sandbox.halt_for_memory()


def _row(sandbox: Sandbox, obj: object, path: str) -> Sequence[_Item]:
    name = path.encode()
    sandbox.reserve(len(name))
    found = cast("tuple[Any, ...]", sandbox.row_of(obj, name))
    size = found[0]
    if size is None:
        raise InvalidValue(found[1].decode(errors="replace"))
    row = found[1:]
    if size == len(row):
        return row
    items = list(row)
    while len(items) < size:
        more = sandbox.rest_of_row(len(items) + 1)
        if isinstance(more, tuple):
            items.extend(cast("tuple[Any, ...]", more))
        else:
            items.append(more)
    return items


def _string(raw: bytes) -> Value:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return tag_bytes(raw)


def _scalar(item: _Item) -> Value:
    if isinstance(item, bytes):
        return _string(item)
    if isinstance(item, float) and not math.isfinite(item):
        return tag_float(item)
    return item


def _read(row: Sequence[_Item]) -> Value:
    """The value of a row whose first item begins a table."""
    stack: list[tuple[list[Value], list[_Item] | None, int]] = []
    items: list[Value] = []
    keys: list[_Item] | None = None
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
            if isinstance(item, bytes):
                try:
                    items.append(item.decode())
                except UnicodeDecodeError:
                    items.append(tag_bytes(item))
            elif item is None:
                stack.append((items, keys, left))
                items = []
                left = cast(int, row[at])
                at += 1
                if left >= 0:
                    keys = None
                else:
                    keys = []
                    left = -left - 1
            elif isinstance(item, float) and not math.isfinite(item):
                items.append(tag_float(item))
            else:
                items.append(item)
        if not stack:
            return items[0]
        table: Value = items if keys is None else _table(keys, items)
        items, keys, left = stack.pop()
        items.append(table)


def _table(keys: list[_Item], items: list[Value]) -> Value:
    table: dict[str, Value] = {}
    for key, item in zip(keys, items, strict=True):
        if not isinstance(key, bytes) or key.startswith(b"$"):
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
    if kind is int or kind is float:
        return value
    if kind is str:
        raw = cast(str, value).encode()
        if len(raw) > _SHORT:
            sandbox.reserve(2 * len(raw))
        return raw
    row: list[_Item] = []
    size = _write(value, row)
    if row[0] is not None:
        if size > _SHORT:
            sandbox.reserve(2 * size)
        return row[0]
    try:
        if len(row) <= _CHUNK and size <= _PIECE:
            if sandbox.room < _CHUNK_COST:
                sandbox.reserve(_CHUNK_COST)
            return sandbox.value_of(*row)
        return _build(sandbox, row)
    except lua55.LuaMemoryError:
        sandbox.halt_for_memory()


def _build(sandbox: Sandbox, row: list[_Item]) -> Any:
    """Push a long row in parts, each small enough that there is room for it."""
    start = size = 0
    for at, item in enumerate(row):
        length = len(item) if isinstance(item, bytes) else 0
        if size + length > _PIECE or at - start == _CHUNK:
            sandbox.reserve(_CHUNK_COST)
            sandbox.add_row(*row[start:at])
            start, size = at, 0
        if isinstance(item, bytes) and length > _PIECE:
            for offset in range(0, length, _PIECE):
                sandbox.reserve(_CHUNK_COST)
                sandbox.add_piece(item[offset : offset + _PIECE], offset + _PIECE >= length)
            start = at + 1
        else:
            size += length
    if start < len(row):
        sandbox.reserve(_CHUNK_COST)
        sandbox.add_row(*row[start:])
    value = sandbox.value_of_rows()
    sandbox.reserve(0)
    return value


def _write(value: Value, row: list[_Item]) -> int:
    """Write the row of a value; returns the bytes of its strings."""
    nodes = size = 0
    waiting: list[Iterator[Value]] = [iter((value,))]
    while waiting:
        for item in waiting[-1]:
            nodes += 1
            if isinstance(item, str):
                raw = item.encode()
                size += len(raw)
                row.append(raw)
            elif isinstance(item, (int, float)):
                row.append(item)
            elif isinstance(item, list):
                row.append(None)
                row.append(len(item))
                waiting.append(iter(item))
                break
            elif isinstance(item, dict):
                scalar = _untagged(item)
                if scalar is not None:
                    if isinstance(scalar, bytes):
                        size += len(scalar)
                    row.append(scalar)
                    continue
                pairs = _pairs(item)
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
    return size


def _untagged(table: dict[str, Value]) -> bytes | float | None:
    """The string or number that a tagged object stands for, or None."""
    if len(table) == 1:
        if isinstance(text := table.get("$b"), str):
            return base64.b64decode(text)
        if isinstance(text := table.get("$f"), str):
            return untag_float(text)
    return None


def _pairs(table: dict[str, Value]) -> list[Value]:
    """The keys and values of a table in turn."""
    flat: list[Value] = []
    if len(table) == 1 and isinstance(rows := table.get("$t"), list):
        for row in rows:
            flat.extend(cast("list[Value]", row))
        return flat
    for key, item in table.items():
        if item is not None:
            flat.append(key)
            flat.append(item)
    return flat
