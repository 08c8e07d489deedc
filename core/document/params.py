"""Parameters and outputs against their declarations.

Belongs here: types, defaults, enums, and reading `k=v` texts. Never: where a declaration stands in its
file. Problems are collected: the error of one call names all of them.

`integer` takes a float with an integral value and makes it an integer; `number` keeps what it is given.
An empty table is an empty array where an array is declared. An array may have holes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import InvalidValue, OutputError, ParameterError, did_you_mean
from ..values import INT_MAX, INT_MIN, describe, from_json, tag_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..values import Value
    from .procedure import Field, FieldType

_ARTICLES = {"integer": "an integer", "array": "an array", "object": "an object", "boolean": "a boolean"}
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def type_text(kind: FieldType) -> str:
    """A type with its article."""
    return _ARTICLES.get(kind, f"a {kind}")


def fit(kind: FieldType, value: Value) -> Value:
    """The value as the declared type has it, or None when it is not of that type."""
    tag = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else ""
    if kind == "string":
        return value if isinstance(value, str) or tag == "$b" else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if kind == "number":
        return value if isinstance(value, (int, float)) or tag == "$f" else None
    if kind == "integer":
        return _integer(value)
    if kind == "array":
        if value == {}:
            return []
        return value if isinstance(value, list) or (tag == "$t" and _has_only_indexes(value)) else None
    return value if isinstance(value, dict) and tag not in ("$b", "$f") else None


def _integer(value: Value) -> Value:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value if isinstance(value, int) else None


def _has_only_indexes(value: Value) -> bool:
    pairs = cast("dict[str, list[list[Value]]]", value)["$t"]
    return all(isinstance(row[0], int) and not isinstance(row[0], bool) and row[0] > 0 for row in pairs)


def in_enum(value: Value, allowed: Iterable[Value]) -> bool:
    """Whether a value is one of those allowed; as in Lua, 1 is 1.0 and is not true."""
    return any(item == value and isinstance(item, bool) == isinstance(value, bool) for item in allowed)


def _show(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _checked(kind: str, name: str, spec: Field, value: Value, problems: list[str]) -> Value:
    fitted = fit(spec.type, value)
    if fitted is None:
        problems.append(f'{kind} "{name}" must be {type_text(spec.type)}, not {describe(value)}')
    elif spec.enum is not None and not in_enum(fitted, spec.enum):
        allowed = ", ".join(_show(item) for item in spec.enum)
        close = (
            did_you_mean(value, [item for item in spec.enum if isinstance(item, str)]) if isinstance(value, str) else ""
        )
        problems.append(f'{kind} "{name}" must be one of {allowed}, not {describe(value)}{close}')
    return fitted


def _unknown(name: str, fields: Mapping[str, Field]) -> str:
    hint = did_you_mean(name, fields)
    if not hint:
        hint = f"; declared are {', '.join(fields)}" if fields else "; the procedure declares none"
    return f'parameter "{name}" is not declared{hint}'


def check(fields: Mapping[str, Field], given: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters of a run, in the order of their declaration, with defaults filled in.

    A nil counts as not given. Raises `ParameterError` that names every problem, one a line.
    """
    problems: list[str] = []
    result: dict[str, Value] = {}
    for name, spec in fields.items():
        value = given.get(name)
        if value is not None:
            result[name] = _checked("parameter", name, spec, value, problems)
        elif spec.required:
            problems.append(f'parameter "{name}" is required ({type_text(spec.type)}) and was not given')
        elif spec.default is not None:
            result[name] = spec.default
    problems.extend(_unknown(name, fields) for name in given if name not in fields)
    if problems:
        raise ParameterError("\n".join(problems))
    return result


def outputs(fields: Mapping[str, Field], returned: Value) -> Value:
    """What a procedure returns to its caller: the declared fields of what its code returned.

    Without declared outputs that is anything. Raises `OutputError` that names every problem, one a line.
    """
    if not fields:
        return returned
    table = _string_keys(returned)
    if table is None:
        names = ", ".join(fields)
        raise OutputError(f"the code must return a table with the declared outputs ({names}), not {describe(returned)}")
    problems: list[str] = []
    result: dict[str, Value] = {}
    for name, spec in fields.items():
        value = table.get(name)
        if value is not None:
            result[name] = _checked("output", name, spec, value, problems)
        elif spec.required:
            close = did_you_mean(name, [key for key in table if key not in fields])
            problems.append(f'output "{name}" is required ({type_text(spec.type)}) and was not returned{close}')
    if problems:
        raise OutputError("\n".join(problems))
    return result


def _string_keys(value: Value) -> dict[str, Value] | None:
    if value is None:
        return {}
    if isinstance(value, list):
        return {}
    if not isinstance(value, dict) or (len(value) == 1 and ("$b" in value or "$f" in value)):
        return None
    if len(value) == 1 and isinstance(pairs := value.get("$t"), list):
        rows = cast("list[list[Value]]", pairs)
        return {row[0]: row[1] for row in rows if isinstance(row[0], str)}
    return value


def parse(fields: Mapping[str, Field], texts: Iterable[str]) -> dict[str, Value]:
    """Typed values of `name=value` texts, by the declared types; arrays and objects are JSON.

    Raises `ParameterError` that names every problem, one a line. Enums and what is missing are for `check`.
    """
    problems: list[str] = []
    result: dict[str, Value] = {}
    for text in texts:
        name, equals, raw = text.partition("=")
        name = name.strip().encode(errors="replace").decode()
        if not equals or not name:
            problems.append(f"{_short(text)} is not NAME=VALUE")
        elif name in result:
            problems.append(f'parameter "{name}" is given twice')
        elif name not in fields:
            problems.append(_unknown(name, fields))
        else:
            kind = fields[name].type
            result[name] = value = _read(kind, raw)
            if value is None:
                how = " as JSON" if kind in ("array", "object") else ", true or false" if kind == "boolean" else ""
                problems.append(f'parameter "{name}" must be {type_text(kind)}{how}, not {_short(raw)}')
    if problems:
        raise ParameterError("\n".join(problems))
    return result


def _short(text: str) -> str:
    return json.dumps(text if len(text) <= 40 else text[:40] + "…")


def _read(kind: FieldType, raw: str) -> Value:
    """The value that a text stands for, or None when it stands for none of that type."""
    if kind == "string":
        return _text(raw)
    if kind == "boolean":
        return _WORDS.get(raw.strip().casefold())
    if kind in ("integer", "number"):
        return fit(kind, _number(raw.strip()))
    try:
        return fit(kind, from_json(msgspec.json.decode(raw)))
    except (msgspec.DecodeError, InvalidValue, RecursionError, UnicodeError, OverflowError):
        return None


def _text(raw: str) -> Value:
    """A text of the command line, where bytes that are not UTF-8 arrive as lone surrogates."""
    try:
        data = raw.encode(errors="surrogateescape")
        return raw if data.decode(errors="replace") == raw else tag_bytes(data)
    except UnicodeEncodeError:
        return None


def _number(raw: str) -> Value:
    if _INTEGER.fullmatch(raw):
        number = int(raw)
        return number if INT_MIN <= number <= INT_MAX else float(number)
    try:
        return None if "_" in raw else from_json(float(raw))
    except ValueError:
        return None
