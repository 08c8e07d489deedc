"""Values keep everything on their way out of Lua, through the journal's text, and back."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.errors import InvalidValue
from proc_tui.core.lua.convert import from_lua, to_lua
from proc_tui.core.lua.sandbox import RETURNED, Limits, Sandbox
from proc_tui.core.values import MAX_LEVELS, Value, decode, digest, encode, tag_bytes, tag_float, tag_pairs


@pytest.fixture(scope="module")
def sandbox(lua: Any) -> Iterator[Sandbox]:
    made = lua.make(limits=Limits())
    yield made
    made.close()


def value_of(lua: Any, expression: str) -> Value:
    made = lua.make(limits=Limits())
    event = made.start(made.compile(expression, 1))
    assert event[0] == RETURNED, event
    try:
        return from_lua(made, event[1])
    finally:
        made.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return nil", None),
        ("return true", True),
        ("return 3", 3),
        ("return math.mininteger", -(2**63)),
        ("return 'text ä'", "text ä"),
        ("return '\\xff\\0'", tag_bytes(b"\xff\0")),
        ("return {}", {}),
        ("return {1, 2, 3}", [1, 2, 3]),
        ("local t = {} t[3] = 'c' t[2] = 'b' t[1] = 'a' return t", ["a", "b", "c"]),
        ("return {a = {b = {}}}", {"a": {"b": {}}}),
        ("return {{1}, {2}, {}}", [[1], [2], {}]),
        ("return {1, nil, 3}", tag_pairs([[1, 1], [3, 3]])),
        ("return {[0] = 1}", tag_pairs([[0, 1]])),
        ("return {[-1] = 1}", tag_pairs([[-1, 1]])),
        ("return {[1.5] = 1}", tag_pairs([[1.5, 1]])),
        ("return {[1.0] = 1}", [1]),
        ("return {[true] = 1}", tag_pairs([[True, 1]])),
        ("return {[1/0] = 1}", tag_pairs([[tag_float(math.inf), 1]])),
        ("return {['$t'] = 1}", tag_pairs([["$t", 1]])),
        ("return {['\\xff'] = 1}", tag_pairs([[tag_bytes(b"\xff"), 1]])),
        ("return {[1] = 1, a = 2}", tag_pairs([[1, 1], ["a", 2]])),
        ("return 1/0", tag_float(math.inf)),
        ("return {-1/0}", [tag_float(-math.inf)]),
        ("return setmetatable({1}, {__index = error, __pairs = error, __len = error})", [1]),
        ("local s = {1} return {s, s}", [[1], [1]]),
    ],
)
def test_a_lua_value_has_this_form(lua: Any, code: str, expected: Value) -> None:
    found = value_of(lua, code)
    assert found == expected
    assert encode(found) == encode(expected)


def test_integers_floats_and_signs_stay_apart(lua: Any) -> None:
    found = value_of(lua, "return {3, 3.0, -0.0, 0.0, 1e100, 2^53}")
    assert isinstance(found, list)
    assert [type(item) for item in found] == [int, float, float, float, float, float]
    assert encode(found) == "[3,3.0,-0.0,0.0,1e100,9007199254740992.0]"
    assert value_of(lua, "local n = 0/0 return {n, -n}") in (
        [{"$f": "nan"}, {"$f": "-nan"}],
        [{"$f": "-nan"}, {"$f": "nan"}],
    )


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal but for the order of keys, with 3 and 3.0, and 0.0 and -0.0, apart."""
    return digest(a) == digest(b)


keys = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["$t", "$b", "$f", ""]),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.binary(max_size=4),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
)
numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.sampled_from([math.nan, -math.nan, -0.0]))
scalars = st.one_of(st.booleans(), numbers, st.text(), st.binary(max_size=20))


def value_from(data: Any) -> Value:
    """The value that `from_lua` would give for a table with these pairs, or this scalar."""
    if isinstance(data, bytes):
        try:
            return data.decode()
        except UnicodeDecodeError:
            return tag_bytes(data)
    if isinstance(data, float):
        return data if math.isfinite(data) else tag_float(data)
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return [value_from(item) for item in data] or {}
    if isinstance(data, tuple):
        pairs: dict[Any, Value] = {}
        for key, item in data:
            key = key.encode() if isinstance(key, str) else key
            pairs[(type(key), key)] = value_from(item)
        rows: list[list[Value]] = [[value_from(key), item] for (_, key), item in pairs.items()]
        if sorted(key for _, key in pairs if type(key) is int) == list(range(1, len(rows) + 1)) and rows:
            return [
                item for _, item in sorted(((key, item) for (_, key), item in pairs.items()), key=lambda row: row[0])
            ]
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in rows):
            return {str(key): item for key, item in rows}
        return tag_pairs(rows)
    return data


tables = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.lists(st.tuples(keys, inner), max_size=6).map(tuple)),
    max_leaves=40,
)


@pytest.mark.slow
@given(tables)
def test_a_value_comes_back_as_it_was(sandbox: Sandbox, data: Any) -> None:
    value = value_from(data)
    stored = decode(encode(value))
    assert same(stored, value)
    once = from_lua(sandbox, to_lua(sandbox, stored))
    assert same(once, value)
    again = from_lua(sandbox, to_lua(sandbox, decode(encode(once))))
    assert same(again, value)


@given(st.lists(st.tuples(keys, st.integers(0, 9)), max_size=40).map(tuple))
def test_pairs_order_is_the_same_live_and_on_replay(lua: Any, sandbox: Sandbox, data: Any) -> None:
    value = value_from(data)
    other = lua.make()
    live = from_lua(sandbox, to_lua(sandbox, value))
    replayed = from_lua(other, to_lua(other, decode(encode(value))))
    assert encode(live) == encode(replayed)
    other.close()


@given(st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]))
def test_every_float_survives(sandbox: Sandbox, number: float) -> None:
    found = from_lua(sandbox, to_lua(sandbox, value_from([number])))
    assert same(found, value_from([number]))


@given(st.binary())
def test_every_string_survives(sandbox: Sandbox, raw: bytes) -> None:
    assert from_lua(sandbox, to_lua(sandbox, value_from([raw]))) == value_from([raw])


@pytest.mark.parametrize("size", [4_095, 4_096, 4_097, 8_190, 50_000])
def test_long_values_survive(sandbox: Sandbox, size: int) -> None:
    value: Value = {
        "rows": [{"n": index, "s": f"row {index}"} for index in range(size // 8)],
        "list": list(range(size)),
    }
    assert from_lua(sandbox, to_lua(sandbox, value)) == value


@pytest.mark.parametrize(
    ("code", "path", "message"),
    [
        ("return print or op", "params", "params is a function"),
        ("return {items = {1, 2, {callback = op}}}", "params", "params.items[3].callback is a function"),
        ("return {coroutine.running()}", "value", "value[1] is a coroutine"),
        ("return {['a b'] = {[1.5] = op}}", "value", 'value["a b"][1.5] is a function'),
        ("return {a = {[{}] = 1}}", "value", "value.a has a table as a key"),
        ("return {a = {[op] = 1}}", "value", "value.a has a function as a key"),
        ("local t = {} t.me = t return t", "value", "value.me leads back to value: a cycle is not a value"),
        (
            "local t = {x = {y = {}}} t.x.y.z = {t.x} return t",
            "out",
            "out.x.y.z[1] leads back to out.x: a cycle is not a value",
        ),
    ],
)
def test_what_cannot_cross_is_named_with_its_path(lua: Any, code: str, path: str, message: str) -> None:
    made = lua.make()
    event = made.start(made.compile(code, 1))
    with pytest.raises(InvalidValue) as caught:
        from_lua(made, event[1], path)
    assert str(caught.value) == message
    assert from_lua(made, to_lua(made, [1, {"a": 2}])) == [1, {"a": 2}]
    made.close()


def test_an_object_of_the_host_cannot_cross(lua: Any) -> None:
    made = lua.make()
    made.trusted(b"local S, o = ... S.env.o = o", "object", Exception("secret"))
    event = made.start(made.compile("return {o}", 1))
    with pytest.raises(InvalidValue, match=r"value\[1\] is a userdata"):
        from_lua(made, event[1])
    made.close()


def nested(levels: int) -> str:
    return f"local t = 'x' for i = 1, {levels} do t = {{t}} end return t"


def test_nesting_has_a_limit(lua: Any) -> None:
    deepest = value_of(lua, nested(MAX_LEVELS))
    made = lua.make()
    assert from_lua(made, to_lua(made, deepest)) == deepest
    made.close()
    with pytest.raises(InvalidValue, match="nested more than 200 levels deep"):
        value_of(lua, nested(MAX_LEVELS + 1))
    with pytest.raises(InvalidValue, match="nested more than 200 levels deep"):
        value_of(lua, nested(100_000))


def test_going_into_lua_has_the_same_limit(sandbox: Sandbox) -> None:
    value: Value = "x"
    for _ in range(5000):
        value = [value]
    with pytest.raises(InvalidValue, match="nested more than 200 levels deep"):
        to_lua(sandbox, value)


def test_exponential_sharing_ends_quickly(lua: Any) -> None:
    before = time.monotonic()
    with pytest.raises(InvalidValue, match=r"more than 1,000,000 values"):
        value_of(lua, "local t = {} for i = 1, 60 do t = {t, t} end return t")
    assert time.monotonic() - before < 5


def test_strings_have_a_limit_together(lua: Any) -> None:
    with pytest.raises(InvalidValue, match="more than 64 MB"):
        value_of(lua, "local s = ('x'):rep(2^20 // 1) local t = {} for i = 1, 65 do t[i] = s end return t")
    with pytest.raises(InvalidValue, match="more than 64 MB"):
        value_of(lua, "return ('x'):rep(65 * 2^20 // 1)")
