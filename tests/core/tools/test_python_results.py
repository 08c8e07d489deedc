"""What functions return, as JSON."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import types
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from proc_tui.core.tools.python_results import MAX_LEVELS, Misfit, plain


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Order:
    when: datetime.datetime
    at: Point
    color: Color = Color.RED


class Model:
    def model_dump(self, mode: str) -> object:
        return {"mode": mode}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ((1, 2.5, "a", True), [1, 2.5, "a", True]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1, "a"}), ["a", 1]),
        ({1: "one", "two": 2, Color.RED: 3, Level.LOW: 4}, {"1": 4, "two": 2, "red": 3}),
        (b"text", "text"),
        (bytearray(b"\xff\x00"), {"base64": "/wA=", "note": "2 bytes that are not UTF-8 text"}),
        (datetime.date(2030, 1, 31), "2030-01-31"),
        (datetime.time(12), "12:00:00"),
        (Level.LOW, 1),
        (
            Order(datetime.datetime(2030, 1, 31, tzinfo=datetime.UTC), Point(1, 2)),
            {"when": "2030-01-31T00:00:00+00:00", "at": {"x": 1, "y": 2}, "color": "red"},
        ),
        (collections.OrderedDict(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (Model(), {"mode": "json"}),
    ],
)
def test_a_result_has_a_form_in_json(value: object, expected: object) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "result is of type object, which JSON does not have"),
        ({"a": [1, {"b": 1j}]}, r"result\.a\[1\]\.b is of type complex"),
        ((number for number in []), "result is of type generator"),
        (Order, "result is the Order class"),
        ({(1, 2): 3}, r"result has a key of type tuple \(\(1, 2\)\); JSON has only text"),
        ({True: 3}, "result has a key of type bool"),
    ],
)
def test_what_json_has_not_is_named_with_its_path(value: object, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        plain(value)


def test_a_result_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(Misfit, match="is nested more than 200 levels deep, or contains itself"):
        plain(loop)
    deep: object = 1
    for _ in range(MAX_LEVELS):
        deep = [deep]
    assert plain(deep) == deep
