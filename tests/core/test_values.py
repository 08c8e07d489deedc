"""Values survive the journal exactly, and have one form each."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core import values
from proc_tui.core.errors import InvalidValue
from proc_tui.core.lua.convert import from_lua, to_lua
from proc_tui.core.lua.sandbox import Sandbox
from proc_tui.core.values import (
    append_item,
    as_bytes,
    decode,
    describe,
    digest,
    encode,
    fields_of,
    from_json,
    table_of,
    tag_bytes,
    tag_float,
    tag_pairs,
    to_plain,
    untag_float,
)

scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(codec=None, categories=["Cs", "L"]))
    | st.binary(max_size=8)
)
keys = (
    st.text()
    | st.sampled_from(["$t", "$b", "$f", "$", ""])
    | st.integers()
    | st.booleans()
    | st.floats(allow_nan=False)
)
data = st.recursive(
    st.none() | scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.slow
@given(data)
def test_what_comes_from_outside_survives_the_journal_and_lua(given_data: Any) -> None:
    value = from_json(given_data)
    assert encode(decode(encode(value))) == encode(value)
    assert digest(decode(encode(value))) == digest(value)
    sandbox = Sandbox(seed=1, file="f", clock=lambda: 0.0)
    try:
        back = from_lua(sandbox, to_lua(sandbox, value))
    finally:
        sandbox.close()
    assert digest(_without_empty_lists(back)) == digest(_without_empty_lists(value))
    json.dumps(to_plain(value), allow_nan=False)
    assert describe(value)


def _without_empty_lists(value: Any) -> Any:
    """In Lua an empty list and an empty table are the same."""
    if value == []:
        return {}
    if isinstance(value, list):
        return [_without_empty_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_empty_lists(item) for key, item in value.items()}
    return value


def _reversed(value: Any) -> Any:
    if isinstance(value, list):
        return [_reversed(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"$t"}:
            return {"$t": [[row[0], _reversed(row[1])] for row in reversed(value["$t"])]}
        return {key: _reversed(item) for key, item in reversed(value.items())}
    return value


@pytest.mark.slow
@given(data)
def test_a_digest_does_not_depend_on_the_order_of_keys(given_data: Any) -> None:
    value = from_json(given_data)
    assert digest(_reversed(value)) == digest(value)


@given(st.dictionaries(st.text() | st.sampled_from(["$t", "$b"]), st.integers() | st.none(), max_size=6))
def test_fields_of_is_the_inverse_of_table_of(fields: dict[str, Any]) -> None:
    kept = {key: item for key, item in fields.items() if item is not None}
    assert fields_of(table_of(fields)) == kept


@given(st.floats())
def test_floats_come_back_with_their_sign(number: float) -> None:
    value = from_json(number)
    back = decode(encode(value))
    again = untag_float(str(back["$f"])) if isinstance(back, dict) else back
    assert isinstance(again, float)
    assert math.copysign(1, again) == math.copysign(1, number)
    assert again == number or (math.isnan(again) and math.isnan(number))


@given(st.binary())
def test_bytes_come_back(raw: bytes) -> None:
    value = from_json(raw)
    assert as_bytes(decode(encode(value))) == raw


@pytest.mark.parametrize(
    ("given_data", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, float(2**63)),
        (10**400, tag_float(math.inf)),
        (-(10**400), tag_float(-math.inf)),
        (3, 3),
        (3.0, 3.0),
        (-0.0, -0.0),
        ([], []),
        ({}, {}),
        ([1, None], [1]),
        ([None], []),
        ([None, 2], tag_pairs([[2, 2]])),
        ([1, None, 3], tag_pairs([[1, 1], [3, 3]])),
        ({"a": None}, {}),
        ({1: "a", 2: "b"}, ["a", "b"]),
        ({2: "b", 1: "a"}, ["a", "b"]),
        ({1.0: "a"}, ["a"]),
        ({0: "a"}, tag_pairs([[0, "a"]])),
        ({"1": "a"}, {"1": "a"}),
        ({"$t": 1}, tag_pairs([["$t", 1]])),
        ({True: 1}, tag_pairs([[True, 1]])),
        (b"text", "text"),
        (b"\xff", tag_bytes(b"\xff")),
        ("caf\udce9", tag_bytes(b"caf\xe9")),
        ("\ud800", tag_bytes(b"\xed\xa0\x80")),
        ((1, 2), [1, 2]),
    ],
)
def test_each_thing_from_outside_has_one_form(given_data: Any, expected: Any) -> None:
    value = from_json(given_data)
    assert encode(value) == encode(expected)
    assert type(value) is type(expected)


class Custom:
    pass


@pytest.mark.parametrize(
    ("given_data", "says"),
    [
        (Custom(), "value is a Custom, which is not a value"),
        ({"a": [1, {2}]}, r"value.a\[2\] is a set, which is not a value"),
        ({None: 1}, "value has nil as a key"),
        ({math.nan: 1}, "value has nan as a key"),
        ({(1, 2): 1}, "value has a tuple as a key"),
    ],
)
def test_what_cannot_be_a_value_is_refused_by_its_path(given_data: Any, says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        from_json(given_data)


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_NODES", 1000)
    monkeypatch.setattr(values, "MAX_BYTES", 1000)
    assert from_json([0] * 999)
    with pytest.raises(InvalidValue, match="value has more than 1,000 values"):
        from_json([0] * 1000)
    with pytest.raises(InvalidValue, match="value has strings of more than 64 MB together"):
        from_json({"x" * 500: ["y" * 501]})


def test_what_is_nested_too_deep_is_refused() -> None:
    nested: Any = 1
    for _ in range(values.MAX_LEVELS):
        nested = [nested]
    assert from_json(nested)
    with pytest.raises(InvalidValue, match="nested more than 200 levels"):
        from_json([nested])
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(InvalidValue, match="nested more than 200 levels"):
        from_json(cycle)


def test_a_list_grows_by_items_and_by_nothing_else() -> None:
    assert append_item(None, 1) == [1]
    assert append_item({}, 1) == [1]
    assert append_item(None, None) == []
    assert append_item([1], {"a": 1}) == [1, {"a": 1}]
    wrongs: list[Any] = ["text", 3, {"a": 1}, tag_pairs([[2, 1]]), True]
    for wrong in wrongs:
        with pytest.raises(InvalidValue, match="expected a list"):
            append_item(wrong, 1)


def test_a_description_says_what_a_value_is() -> None:
    assert describe(None) == "nil"
    assert describe(True) == "true"
    assert describe(1.5) == "a number (1.5)"
    assert describe(tag_float(-math.inf)) == "a number (-inf)"
    assert describe("x" * 50) == f'a string ("{"x" * 40}…")'
    assert describe(tag_bytes(b"\xff")) == 'a string ("\ufffd")'
    assert describe([1]) == "a table"
