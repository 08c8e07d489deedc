"""Json.encode writes what a reader of JSON understands, or says what JSON cannot say."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.lua.convert import to_lua
from proc_tui.core.lua.sandbox import HALTED


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nil", "null"),
        ("Json.null", "null"),
        ("true", "true"),
        ("3", "3"),
        ("3.0", "3.0"),
        ("-0.0", "-0.0"),
        ("0.1", "0.1"),
        ("1/3", "0.3333333333333333"),
        ("1e100", "1e+100"),
        ("math.mininteger", "-9223372036854775808"),
        ("'a\"b\\\\c\\n\\t\\1ä'", '"a\\"b\\\\c\\n\\t\\u0001ä"'),
        ("{}", "{}"),
        ("Json.array{}", "[]"),
        ("Json.array()", "[]"),
        ("Json.array{1}", "[1]"),
        ("{1, 'x', {}}", '[1,"x",{}]'),
        ("{b = 1, a = {c = 2}}", '{"a":{"c":2},"b":1}'),
        ("{1, Json.null, 3}", "[1,null,3]"),
        ("{a = Json.null}", '{"a":null}'),
        ("{[1] = 'a', [2] = 'b'}", '["a","b"]'),
    ],
)
def test_value_is_written(lua: Any, expression: str, expected: str) -> None:
    assert lua.run(f"return Json.encode({expression})").values == [expected]


def test_indent_is_a_number_of_spaces(lua: Any) -> None:
    code = "return Json.encode({a = {1, 2}, b = {}}, {indent = 2})"
    assert lua.run(code).values == ['{\n  "a": [\n    1,\n    2\n  ],\n  "b": {}\n}']


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Json.encode(op)", "t.yaml:1: Json.encode: value is a function"),
        ("Json.encode{a = {op}}", "t.yaml:1: Json.encode: value.a[1] is a function"),
        ("Json.encode{0/0}", "which JSON cannot say"),
        ("Json.encode{x = 1/0}", "value.x is inf, which JSON cannot say"),
        ("Json.encode{'\\xff'}", "value[1] is a string that is not UTF-8"),
        ("Json.encode{['\\xff'] = 1}", "is a string that is not UTF-8"),
        ("Json.encode{1, a = 2}", "value has both string and integer keys"),
        ("Json.encode{[1] = 1, [3] = 3}", "value is a list with holes"),
        ("Json.encode{[0] = 1}", "has a key that is a number"),
        ("Json.encode{[true] = 1}", "has a key that is a boolean"),
        ("Json.encode{[1.5] = 1}", "has a key that is a number"),
        ("local t = {} t.a = {t} Json.encode(t)", "value.a[1] leads back to a table around it"),
        ("local t = {} for i = 1, 300 do t = {t} end Json.encode(t)", "nested more than 200 levels deep"),
        ("Json.encode({}, {indnt = 2})", "there is no option indnt"),
        ("Json.encode({}, {indent = -1})", "indent must be a whole number from 0 to 16"),
        ("Json.encode({}, 2)", "options must be a table"),
        ("Json.array(1)", "Json.array needs a table"),
        ("Json.null.x = 1", "Json.null cannot be changed"),
        ("Json.encode(Json.array{a = 1})", "marked by Json.array but has string keys"),
    ],
)
def test_what_json_cannot_say_is_an_error(lua: Any, code: str, message: str) -> None:
    assert message in lua.run(code).message


def test_sharing_is_charged(lua: Any) -> None:
    assert lua.run("local t = {} for i = 1, 60 do t = {t, t} end Json.encode(t)").kind == HALTED


json_values = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=5),
        st.dictionaries(st.text().filter(lambda key: not key.startswith("$")), inner, max_size=5),
    ),
    max_leaves=30,
)


@given(json_values)
def test_a_json_reader_gets_back_what_was_written(lua: Any, value: Any) -> None:
    sandbox = lua.make()
    text = sandbox.internals[b"json"][b"encode"](to_lua(sandbox, value))
    assert json.loads(text) == value
    assert json.dumps(json.loads(text), sort_keys=True) == json.dumps(value, sort_keys=True)
    sandbox.close()


@given(
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]).filter(math.isfinite)
)
def test_every_float_is_read_back_as_itself(lua: Any, number: float) -> None:
    sandbox = lua.make()
    text = sandbox.internals[b"json"][b"encode"](number)
    read = json.loads(text)
    assert isinstance(read, float)
    assert struct.pack("<d", read) == struct.pack("<d", number)
    sandbox.close()
