"""What a plain scalar of YAML is: YAML 1.2's core schema.

`yes`, `no`, `on` and dates are text, `010` is ten, `0o10` is eight. Integers of more than 64 bits are
floats. Belongs here: the types of scalars. Never: where they stand.
"""

from __future__ import annotations

import re

from ..values import INT_MAX, INT_MIN

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


def resolve(raw: str) -> object:
    """The value of a plain scalar."""
    if _NULL.fullmatch(raw):
        return None
    if _TRUE.fullmatch(raw):
        return True
    if _FALSE.fullmatch(raw):
        return False
    if _INT.fullmatch(raw):
        number = int(raw) if len(raw) < 30 else None
        return number if number is not None and INT_MIN <= number <= INT_MAX else float(raw)
    if _BASED.fullmatch(raw):
        number = int(raw[2:], 8 if raw[1] == "o" else 16)
        return number if number <= INT_MAX else _long_float(number)
    if _FLOAT.fullmatch(raw):
        return float(raw)
    if _INF.fullmatch(raw):
        return float("-inf") if raw[0] == "-" else float("inf")
    return float("nan") if _NAN.fullmatch(raw) else raw


def _long_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def is_kind(data: object, kind: str | None) -> bool:
    """Whether the value of a scalar is what its tag `!!kind` says."""
    if kind == "null":
        return data is None
    if kind == "bool":
        return isinstance(data, bool)
    return isinstance(data, (int, float) if kind == "float" else int) and not isinstance(data, bool)
