from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from proc_tui.core.model.misfits import misfits, not_finite


class Inner(msgspec.Struct, rename="camel"):
    full_name: Annotated[str, msgspec.Meta(min_length=1)]
    size: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None


class Outer(msgspec.Struct):
    items: dict[str, Inner] = {}
    names: list[str] = []
    on: bool = False
    how: Literal["fast", "full"] = "full"
    rate: Annotated[float, msgspec.Meta(gt=0)] = 1.0


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"items": {"a": {"fullName": "x", "size": 3}}, "names": ["b"], "rate": 2}, []),
        ([], ["the file must be a table, it is not"]),
        ({"item": {}}, ['unknown key "item"; did you mean "items"?']),
        ({"zzz": 1}, ['unknown key "zzz"; there are items, names, on, how, rate']),
        ({"items": {"a": {}}}, ['items.a: "fullName" is missing']),
        ({"items": {"a": {"full_name": "x"}}}, ['unknown key "full_name"; did you mean "fullName"?', "is missing"]),
        ({"items": {"a": {"fullName": ""}}}, ["items.a.fullName must be a text that is not empty, not an empty one"]),
        (
            {"items": {"a": {"fullName": "x", "size": 11}}},
            ["items.a.size must be a whole number of at least 1 and of at most 10, not 11"],
        ),
        ({"names": ["x", 2]}, ["names.2 must be a text, not a number"]),
        ({"names": "x"}, ["names must be a list of texts, not a text"]),
        ({"on": "yes"}, ["on must be true or false, not a text"]),
        ({"how": "fasst"}, ['how must be "fast" or "full", not "fasst"; did you mean "fast"?']),
        ({"rate": True}, ["rate must be a number greater than 0, not true or false"]),
        ({"rate": 0.0}, ["rate must be a number greater than 0, not 0.0"]),
    ],
)
def test_every_misfit_is_named_with_what_was_expected(table: object, says: list[str]) -> None:
    found = list(misfits(table, Outer))
    assert len(found) == len(says)
    assert all(part in text for part, text in zip(says, found, strict=True))


def test_numbers_that_are_none_are_found_at_any_depth() -> None:
    found = list(not_finite({"a": 1.0, "b": {"c": float("nan")}, "d": [1, float("-inf")]}))
    assert found == ["b.c must be a finite number, not nan", "d.2 must be a finite number, not -inf"]
