"""What is wrong with a table that was read from a file, in words: which key, what was expected, the nearest known name.

Belongs here: comparing plain data with the struct that it should become. Never: which structs there are, or files.
Values are shown only where a number or a word of a list was expected: anything else may be a secret.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from msgspec import inspect

from ..errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator


def misfits(table: object, wanted: type) -> Iterator[str]:
    """Everything that keeps the data from becoming a `wanted`, each with its dotted key."""
    yield from _look("", table, inspect.type_info(wanted))


def not_finite(table: object, path: str = "") -> Iterator[str]:
    """The numbers that are none: TOML can write `nan` and `inf`, and every comparison with them goes wrong."""
    if isinstance(table, float) and not math.isfinite(table):
        yield f"{path} must be a finite number, not {table}"
    elif isinstance(table, dict):
        for key, value in cast("dict[str, object]", table).items():
            yield from not_finite(value, _at(path, key))
    elif isinstance(table, list):
        for index, value in enumerate(cast("list[object]", table), 1):
            yield from not_finite(value, _at(path, str(index)))


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _look(path: str, value: object, wanted: inspect.Type) -> Iterator[str]:
    if isinstance(wanted, inspect.UnionType):
        # Only `X | None` occurs, and neither TOML nor a cleaned JSON table has a None.
        wanted = next(item for item in wanted.types if not isinstance(item, inspect.NoneType))
    expected, fits = _expected(value, wanted)
    if not fits:
        shown = f"not {_shown(value, wanted)}" if path else "it is not"
        yield f"{path or 'the file'} must be {expected}, {shown}{_hint(value, wanted)}"
        return
    match wanted:
        case inspect.StructType():
            yield from _fields(path, cast("dict[str, object]", value), wanted)
        case inspect.DictType():
            for key, item in cast("dict[str, object]", value).items():
                yield from _look(_at(path, key), item, wanted.value_type)
        case inspect.ListType():
            for index, item in enumerate(cast("list[object]", value), 1):
                yield from _look(_at(path, str(index)), item, wanted.item_type)
        case _:
            pass


def _fields(path: str, table: dict[str, object], wanted: inspect.StructType) -> Iterator[str]:
    known = {field.encode_name: field for field in wanted.fields}
    for key, value in table.items():
        if key not in known:
            hint = did_you_mean(key, known) or f"; there are {', '.join(known)}"
            yield f'{f"{path}: " if path else ""}unknown key "{key}"{hint}'
        else:
            yield from _look(_at(path, key), value, known[key].type)
    for key, field in known.items():
        if field.required and key not in table:
            yield f'{path}: "{key}" is missing'


def _expected(value: object, wanted: inspect.Type) -> tuple[str, bool]:
    """What is wanted, in words, and whether the value is that; what is inside it is another question."""
    match wanted:
        case inspect.StructType() | inspect.DictType():
            return "a table", isinstance(value, dict)
        case inspect.ListType():
            return f"a list of {_plural(wanted.item_type)}", isinstance(value, list)
        case inspect.LiteralType():
            return " or ".join(f'"{item}"' for item in wanted.values), value in wanted.values
        case inspect.BoolType():
            return "true or false", isinstance(value, bool)
        case inspect.IntType() | inspect.FloatType():
            return _number(value, wanted)
        case inspect.StrType():
            shortest = wanted.min_length or 0
            fits = isinstance(value, str) and len(value) >= shortest
            return "a text that is not empty" if shortest else "a text", fits
        case _:
            return "something else", True


def _plural(wanted: inspect.Type) -> str:
    return "texts" if isinstance(wanted, inspect.StrType) else "values"


def _number(value: object, wanted: inspect.IntType | inspect.FloatType) -> tuple[str, bool]:
    whole = isinstance(wanted, inspect.IntType)
    words = ["a whole number" if whole else "a number"]
    bounds = ((wanted.gt, "greater than"), (wanted.ge, "of at least"), (wanted.le, "of at most"))
    words += [f"{word} {bound:,}" for bound, word in bounds if bound is not None]
    expected = " ".join(words[:2]) + "".join(f" and {word}" for word in words[2:])
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return expected, False
    above = wanted.gt is None or value > wanted.gt
    return expected, above and not (wanted.ge is not None and value < wanted.ge) and not (
        wanted.le is not None and value > wanted.le
    )


def _shown(value: object, wanted: inspect.Type) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and isinstance(wanted, (inspect.IntType, inspect.FloatType)):
        return str(value)
    if isinstance(value, str) and isinstance(wanted, inspect.LiteralType):
        return f'"{value}"'
    if value == "" and isinstance(wanted, inspect.StrType):
        return "an empty one"
    if number:
        return "a number"
    names = (("a table", dict), ("a list", list), ("true or false", bool), ("a text", str), ("null", type(None)))
    return next((name for name, kind in names if isinstance(value, kind)), "a date or a time")


def _hint(value: object, wanted: inspect.Type) -> str:
    if isinstance(value, str) and isinstance(wanted, inspect.LiteralType):
        return did_you_mean(value, [str(item) for item in wanted.values])
    return ""
