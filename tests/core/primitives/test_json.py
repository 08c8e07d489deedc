"""`Json`: text of values and values of text."""

from __future__ import annotations

import pytest
from proc_tui.core.testing import play


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{b = 1, a = {2, 3.0, "x"}, ["c d"] = false}', '{"a":[2,3.0,"x"],"b":1,"c d":false}'),
        ("{}", "{}"),
        ("Json.array({})", "[]"),
        ("Json.array()", "[]"),
        ("Json.array({1, 2})", "[1,2]"),
        ("{a = Json.array({})}", '{"a":[]}'),
        ("{1, Json.null, 3}", "[1,null,3]"),
        ("{a = Json.null}", '{"a":null}'),
        ("nil", "null"),
        ("0.1", "0.1"),
        ("-0.0", "-0.0"),
        ("1e300", "1e+300"),
        ("math.mininteger", "-9223372036854775808"),
        (r'"\"\\\n\t\0é"', r'"\"\\\n\t\u0000é"'),
    ],
)
@pytest.mark.covers("Json.encode", "success", "replay")
@pytest.mark.covers("Json.array", "success", "option t", "replay")
def test_a_value_is_encoded_with_sorted_keys(value: str, text: str) -> None:
    played = play(f"return {{Json.encode({value}), Json.encode(Json.array())}}")
    assert played.result == [text, "[]"]
    played.replay()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("{indent = 2}", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": 2\n}'),
        ("{indent = true}", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": 2\n}'),
        ("{indent = 0}", '{"a":[1,{}],"b":2}'),
        ("{indent = false}", '{"a":[1,{}],"b":2}'),
        ("{}", '{"a":[1,{}],"b":2}'),
    ],
)
@pytest.mark.covers("Json.encode", "option options")
def test_indent_puts_every_item_on_a_line_of_its_own(options: str, text: str) -> None:
    assert play(f"return Json.encode({{b = 2, a = {{1, {{}}}}}}, {options})").result == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.0, null, true], "b": null}', {"a": {"$t": [[1, 1], [2, 2.0], [4, True]]}}),
        ("[]", {}),
        ("{}", {}),
        ("3", 3),
        ("3.0", 3.0),
        ('"x"', "x"),
        ("null", None),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ('{"$t": 1}', {"$t": [["$t", 1]]}),
        (r'"\ud83d\ude00"', "😀"),
    ],
)
@pytest.mark.covers("Json.decode", "success", "replay")
def test_a_text_is_decoded_into_values(text: str, value: object) -> None:
    played = play("return Json.decode(params.text)", params={"text": text})
    assert played.result == value
    assert type(played.result) is type(value)
    played.replay()


def test_what_was_encoded_is_decoded_to_the_same() -> None:
    played = play("""
        local value = {list = {1, 2.5, "x", false}, nested = {a = {b = {}}}, int = 9007199254740993}
        local text = Json.encode(value)
        return {text, Json.encode(Json.decode(text)) == text}
    """)
    assert played.result == ['{"int":9007199254740993,"list":[1,2.5,"x",false],"nested":{"a":{"b":{}}}}', True]


def test_array_marks_the_table_itself_and_returns_it() -> None:
    played = play("""
        local t = {}
        assert(Json.array(t) == t)
        local before = Json.encode(t)
        t[1] = "x"
        return {before, Json.encode(t), tostring(Json.null), pcall(function() Json.null.a = 1 end)}
    """)
    assert played.result == ["[]", '["x"]', "null", False, "play.yaml:6: Json.null cannot be changed"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "Json.encode{a = {print}}",
            "Json.encode: value.a[1] is a function",
            marks=pytest.mark.covers("Json.encode", "error"),
        ),
        ("Json.encode(-(0/0))", "Json.encode: value is nan, which JSON cannot say"),
        ("Json.encode{x = math.huge}", "Json.encode: value.x is inf, which JSON cannot say"),
        ("Json.encode{1, a = 2}", "Json.encode: value has both string and integer keys, which JSON cannot say"),
        ("Json.encode{1, nil, 3}", "Json.encode: value is a list with holes: fill them with Json.null"),
        (
            "Json.encode{[1.5] = 1}",
            "Json.encode: value has a key that is a number: JSON has string keys, or lists from 1",
        ),
        ('Json.encode("\\xff")', "Json.encode: value is a string that is not UTF-8"),
        (
            "local t = {} t.me = {t} Json.encode(t)",
            "Json.encode: value.me[1] leads back to a table around it: a cycle is not JSON",
        ),
        ("Json.encode({}, {indnt = 2})", "Json.encode: there is no option indnt; the only one is indent"),
        ("Json.encode({}, {indent = 99})", "Json.encode: indent must be a whole number from 0 to 16"),
        ("Json.encode({}, 2)", "Json.encode: options must be a table such as {indent = 2}, not a number"),
        ("Json.encode(Json.array{a = 1})", "Json.encode: value is marked by Json.array but has string keys"),
        pytest.param(
            "Json.array(3)", "Json.array needs a table, not a number", marks=pytest.mark.covers("Json.array", "error")
        ),
        pytest.param(
            "Json.decode('{\"a\": }')",
            "Json.decode: JSON is malformed: invalid character (byte 6)",
            marks=pytest.mark.covers("Json.decode", "error"),
        ),
        ("Json.decode('')", "Json.decode: Input data was truncated"),
        ("Json.decode('1 2')", "Json.decode: JSON is malformed: trailing characters (byte 3)"),
        ("Json.decode(3)", 'Json.decode: "text" must be a string, got a number (3)'),
        ("Json.decode()", 'Json.decode: "text" is missing (any value)'),
        ("Json.decode('\"\\xff\"')", "Json.decode: the text is not UTF-8"),
        ("Json.decode(('['):rep(1e5))", "Json.decode: the text is nested more than 200 levels deep"),
        ("Json.decode(('['):rep(300) .. (']'):rep(300))", "Json.decode: the text is nested more than 200 levels deep"),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}")
    assert played.result == [False, f"play.yaml:2: {message}"]
    played.replay()
