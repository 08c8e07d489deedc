"""Values that cross between Lua, Python and the journal.

A `Value` is a JSON tree in which tagged objects stand for what plain JSON would lose, so one
representation serves the journal, the folds and every listing, and nothing is converted between them:

    {"$b": "<base64>"}          a string that is not UTF-8
    {"$f": "inf"}               inf, -inf, nan, -nan
    {"$t": [[key, value], ...]} a table with keys that are not all strings, with holes, or with a
                                string key that begins with "$"; pairs in the table's own order

A table whose keys are exactly 1..n is a list; an empty table is `{}`. Belongs here: the forms, their
encoding, digests and limits. Never: Lua (see `lua/convert.py`) or what a value is used for.
"""

from __future__ import annotations

import base64
import hashlib
import math
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from .errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

if TYPE_CHECKING:
    Value: TypeAlias = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
else:
    # msgspec decodes annotations at run time and knows no recursive aliases.
    Value = Any

MAX_LEVELS = 200
"""How deep tables may nest in a value."""
MAX_NODES = 1_000_000
"""How many values, keys not counted, one value may hold."""
MAX_BYTES = 64 * 1024 * 1024
"""How many bytes the strings of one value may hold together."""
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="sorted")


def encode(value: Value) -> str:
    """The journal's text of a value."""
    return _encoder.encode(value).decode()


def decode(text: str | bytes) -> Value:
    """The value that `encode` wrote."""
    return cast(Value, msgspec.json.decode(text))


def digest(value: Value) -> str:
    """A short hash of a value that does not depend on the order of keys: 16 hexadecimal digits."""
    text = _canonical.encode(value)
    if b'"$t"' in text:
        text = _canonical.encode(_sort_pairs(value))
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _sort_pairs(value: Value) -> Value:
    if isinstance(value, list):
        return [_sort_pairs(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(pairs := value.get("$t"), list):
            rows: list[list[Value]] = [[row[0], _sort_pairs(row[1])] for row in pairs if isinstance(row, list)]
            return tag_pairs(sorted(rows, key=lambda row: _canonical.encode(row[0])))
        return {key: _sort_pairs(item) for key, item in value.items()}
    return value


def tag_bytes(raw: bytes) -> dict[str, Value]:
    """The tagged form of a string that is not UTF-8."""
    return {"$b": base64.b64encode(raw).decode()}


def tag_float(number: float) -> dict[str, Value]:
    """The tagged form of inf, -inf, nan or -nan."""
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    return {"$f": sign + ("nan" if math.isnan(number) else "inf")}


def tag_pairs(pairs: list[list[Value]]) -> dict[str, Value]:
    """The tagged form of a table that is neither a plain list nor has plain string keys."""
    return {"$t": cast("list[Value]", pairs)}


def as_bytes(value: Value) -> bytes | None:
    """The bytes of a string value in either of its forms, or None when the value is not a string."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and len(value) == 1 and isinstance(text := value.get("$b"), str):
        return base64.b64decode(text)
    return None


def untag_float(text: str) -> float:
    """The number that `tag_float` stood for."""
    number = float(text.lstrip("-"))
    return math.copysign(number, -1.0 if text.startswith("-") else 1.0)


def from_json(data: object, *, path: str = "value") -> Value:
    """A value of plain data from outside (JSON, YAML, the command line).

    Nulls in lists become holes, null fields are left out, integers of more than 64 bits become floats, text with
    bytes that are not UTF-8 (as the command line gives it) becomes those bytes.
    Raises `InvalidValue`, naming the path, for what cannot be a value.
    """
    return _Reading(path).value(data, path, 0)


class _Reading:
    """One call of `from_json`, which counts against the limits."""

    def __init__(self, path: str) -> None:
        self._path: str = path
        self._nodes: int = 0
        self._bytes: int = 0

    def value(self, data: object, path: str, level: int) -> Value:
        if level > MAX_LEVELS:
            raise InvalidValue(f"{path} is nested more than {MAX_LEVELS} levels deep")
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise InvalidValue(f"{self._path} has more than {MAX_NODES:,} values")
        if data is None or isinstance(data, bool):
            return data
        if isinstance(data, (str, bytes)):
            return self._string(data)
        if isinstance(data, int):
            return int(data) if INT_MIN <= data <= INT_MAX else _as_float(data)
        if isinstance(data, float):
            return float(data) if math.isfinite(data) else tag_float(data)
        if isinstance(data, (list, tuple)):
            rows = enumerate(cast("list[object]", data), 1)
            return _table([(index, self.value(item, f"{path}[{index}]", level + 1)) for index, item in rows], [])
        if isinstance(data, dict):
            fields = cast("dict[object, object]", data).items()
            return _table(
                [(self._key(key, path), self.value(item, f"{path}.{key}", level + 1)) for key, item in fields], {}
            )
        raise InvalidValue(f"{path} is a {type(data).__name__}, which is not a value")

    def _string(self, data: str | bytes) -> Value:
        raw = data if isinstance(data, bytes) else _encoded(data)
        self._bytes += len(raw)
        if self._bytes > MAX_BYTES:
            raise InvalidValue(f"{self._path} has strings of more than 64 MB together")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return tag_bytes(raw)

    def _key(self, key: object, path: str) -> Value:
        if isinstance(key, (str, bytes)):
            return self._string(key)
        if isinstance(key, float) and key.is_integer() and INT_MIN <= key <= INT_MAX:
            return int(key)  # as in Lua, where 1.0 and 1 are one key
        if isinstance(key, (bool, int)) or (isinstance(key, float) and not math.isnan(key)):
            return self.value(key, f"{path} key", 0)
        what = "nil" if key is None else "nan" if isinstance(key, float) else f"a {type(key).__name__}"
        raise InvalidValue(f"{path} has {what} as a key, which a table cannot have")


def _as_float(number: int) -> Value:
    try:
        return float(number)
    except OverflowError:
        return tag_float(math.inf if number > 0 else -math.inf)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _table(pairs: list[tuple[Value, Value]], empty: Value) -> Value:
    """The table with these keys, each once, in the one form there is for it; nil items are left out."""
    kept = [(key, item) for key, item in pairs if item is not None]
    if not kept:
        return empty
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in kept):
        return {str(key): item for key, item in kept}
    if all(isinstance(key, int) and not isinstance(key, bool) for key, _ in kept):
        by_key = {cast(int, key): item for key, item in kept}
        if all(index in by_key for index in range(1, len(by_key) + 1)):
            return [by_key[index] for index in range(1, len(by_key) + 1)]
    return tag_pairs([[key, item] for key, item in kept])


def to_plain(value: Value) -> object:
    """The nearest plain JSON of a value, for people and programs that do not know the tags.

    Bytes become text with replacement characters, non-finite numbers their names, other tables objects
    whose keys are text.
    """
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            if isinstance(text := value.get("$b"), str):
                return base64.b64decode(text).decode(errors="replace")
            if isinstance(name := value.get("$f"), str):
                return name
            if isinstance(pairs := value.get("$t"), list):
                rows = [row for row in pairs if isinstance(row, list)]
                return {_key_text(row[0]): to_plain(row[1]) for row in rows}
        return {key: to_plain(item) for key, item in value.items()}
    return value


def _key_text(key: Value) -> str:
    plain = to_plain(key)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def describe(value: Value) -> str:
    """What a value is, for an error message: `a string ("abc")`."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"a number ({value})"
    raw = as_bytes(value)
    if raw is not None:
        text = raw.decode(errors="replace")
        return f'a string ("{text}")' if len(text) <= 40 else f'a string ("{text[:40]}…")'
    if isinstance(value, dict) and "$f" in value:
        return f"a number ({value['$f']})"
    return "a table"


def append_item(table: Value, item: Value) -> Value:
    """The list with one more item; nil counts as an empty list, and a nil item adds nothing.

    Raises `InvalidValue` when the value is not a list.
    """
    if table is None or table == {}:
        return [] if item is None else [item]
    if not isinstance(table, list):
        raise InvalidValue(f"expected a list, got {describe(table)}")
    if item is not None:
        table.append(item)
    return table


def table_of(fields: Mapping[str, Value]) -> Value:
    """The value of a table with these fields, whatever the keys look like; nil fields are left out."""
    kept: dict[str, Value] = {key: item for key, item in fields.items() if item is not None}
    if any(key.startswith("$") for key in kept):
        return tag_pairs([[key, item] for key, item in kept.items()])
    return kept


def fields_of(value: Value) -> dict[str, Value] | None:
    """The fields of a table whose keys are all strings; None for anything else. The inverse of `table_of`."""
    if not isinstance(value, dict):
        return None
    if len(value) == 1 and (key := next(iter(value))).startswith("$"):
        pairs = value[key]
        if key != "$t" or not isinstance(pairs, list):
            return None
        rows = [row for row in pairs if isinstance(row, list) and isinstance(row[0], str)]
        return {str(row[0]): row[1] for row in rows} if len(rows) == len(pairs) else None
    return value
