"""Parameters and outputs against their declarations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proc_tui.core.document.params import check, fit, outputs, parse
from proc_tui.core.document.procedure import Field
from proc_tui.core.errors import OutputError, ParameterError
from proc_tui.core.values import Value, from_json, tag_bytes, tag_float, tag_pairs

FEW = settings(max_examples=40, deadline=None)

FIELDS = {
    "topic": Field("string", required=True, enum=("moon", "sun")),
    "depth": Field("integer", default=3),
    "tags": Field("array"),
}


@pytest.mark.parametrize(
    ("kind", "given_", "expected"),
    [
        ("string", "x", "x"),
        ("string", tag_bytes(b"\xff"), tag_bytes(b"\xff")),
        ("string", 1, None),
        ("integer", 3, 3),
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", 2.0**60, None),
        ("integer", True, None),
        ("integer", tag_float(float("inf")), None),
        ("number", 3, 3),
        ("number", 3.0, 3.0),
        ("number", tag_float(float("nan")), tag_float(float("nan"))),
        ("number", "3", None),
        ("number", False, None),
        ("boolean", False, False),
        ("boolean", 1, None),
        ("array", ["x"], ["x"]),
        ("array", {}, []),
        ("array", tag_pairs([[1, "a"], [3, "c"]]), tag_pairs([[1, "a"], [3, "c"]])),
        ("array", {"a": 1}, None),
        ("array", tag_pairs([["a", 1], [1, 2]]), None),
        ("object", {}, {}),
        ("object", {"a": 1}, {"a": 1}),
        ("object", tag_pairs([[5, 1]]), tag_pairs([[5, 1]])),
        ("object", ["x"], None),
        ("object", tag_bytes(b"\xff"), None),
    ],
)
def test_a_type_takes_what_it_should(kind: str, given_: Value, expected: Value) -> None:
    got = fit(kind, given_)  # pyright: ignore[reportArgumentType]
    assert got == expected
    assert type(got) is type(expected)


def test_defaults_fill_in_and_the_order_is_that_of_the_declaration() -> None:
    assert list(check(FIELDS, {"tags": ["a"], "topic": "moon"}).items()) == [
        ("topic", "moon"),
        ("depth", 3),
        ("tags", ["a"]),
    ]


def test_nil_counts_as_not_given() -> None:
    assert check(FIELDS, {"topic": "sun", "depth": None}) == {"topic": "sun", "depth": 3}


def test_every_problem_is_named() -> None:
    with pytest.raises(ParameterError) as caught:
        check(FIELDS, {"topik": "x", "depth": "deep", "tags": 1})
    assert str(caught.value).split("\n") == [
        'parameter "topic" is required (a string) and was not given',
        'parameter "depth" must be an integer, not a string ("deep")',
        'parameter "tags" must be an array, not a number (1)',
        'parameter "topik" is not declared; did you mean "topic"?',
    ]


def test_a_value_outside_the_enum_names_the_allowed_ones_and_the_nearest() -> None:
    with pytest.raises(
        ParameterError, match=r'must be one of "moon", "sun", not a string \("mon"\); did you mean "moon"\?'
    ):
        check(FIELDS, {"topic": "mon"})


def test_an_unknown_name_without_a_near_one_lists_what_is_declared() -> None:
    with pytest.raises(ParameterError, match="declared are topic, depth, tags"):
        check(FIELDS, {"topic": "sun", "zzz": 1})
    with pytest.raises(ParameterError, match="the procedure declares none"):
        check({}, {"zzz": 1})


def test_true_is_not_one_in_an_enum() -> None:
    assert check({"a": Field("number", enum=(1,))}, {"a": 1.0}) == {"a": 1.0}
    with pytest.raises(ParameterError):
        check({"a": Field("boolean", enum=(False,))}, {"a": True})


def test_outputs_are_only_the_declared_fields() -> None:
    fields = {"a": Field("integer", required=True), "list": Field("array")}
    assert outputs(fields, {"z": 1, "list": {}, "a": 2.0}) == {"a": 2, "list": []}


def test_without_declared_outputs_anything_goes() -> None:
    assert outputs({}, [1, "x"]) == [1, "x"]
    assert outputs({}, None) is None


def test_every_problem_of_the_outputs_is_named() -> None:
    fields = {"a": Field("integer", required=True), "b": Field("string"), "report": Field("string", required=True)}
    with pytest.raises(OutputError) as caught:
        outputs(fields, {"b": 1, "raport": "x"})
    assert str(caught.value).split("\n") == [
        'output "a" is required (an integer) and was not returned',
        'output "b" must be a string, not a number (1)',
        'output "report" is required (a string) and was not returned; did you mean "raport"?',
    ]


@pytest.mark.parametrize("returned", [1, "x", True, tag_bytes(b"\xff")])
def test_declared_outputs_need_a_table(returned: Value) -> None:
    with pytest.raises(OutputError, match=r"must return a table with the declared outputs \(a\), not"):
        outputs({"a": Field("string")}, returned)


def test_outputs_are_found_in_a_table_with_other_keys() -> None:
    assert outputs({"a": Field("string")}, tag_pairs([[1, "x"], ["a", "y"]])) == {"a": "y"}


TYPED = {
    "s": Field("string"),
    "i": Field("integer"),
    "n": Field("number"),
    "b": Field("boolean"),
    "a": Field("array"),
    "o": Field("object"),
}


def test_texts_are_read_by_the_declared_type() -> None:
    texts = ["s=a=b", "i=3", "n=3", "b=yes", "a=[1, null, 3.0]", 'o={"x": {}}']
    assert parse(TYPED, texts) == {
        "s": "a=b",
        "i": 3,
        "n": 3,
        "b": True,
        "a": tag_pairs([[1, 1], [3, 3.0]]),
        "o": {"x": {}},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s=", ""),
        ("s= 12 ", " 12 "),
        ("s=caf\udce9", tag_bytes(b"caf\xe9")),
        ("i=3.0", 3),
        ("i=-7", -7),
        ("n=1e3", 1000.0),
        ("n=inf", tag_float(float("inf"))),
        ("n=99999999999999999999", 1e20),
        ("b=FALSE", False),
        ("b=0", False),
        ("a=[]", []),
        ("a={}", []),
    ],
)
def test_a_text_becomes_a_value(text: str, expected: Value) -> None:
    (got,) = parse(TYPED, [text]).values()
    assert got == expected
    assert type(got) is type(expected)


def test_every_text_that_cannot_be_read_is_named() -> None:
    texts = ["nope", "=x", "sx=1", "i=1.5", "i=2", "b=maybe", "a=[1", "o=[1]", "n=1_0", "a=" + "[" * 10**5]
    with pytest.raises(ParameterError) as caught:
        parse(TYPED, texts)
    lines = str(caught.value).split("\n")
    assert len(lines) == 10
    assert max(map(len, lines)) < 120
    assert lines[:8] == [
        '"nope" is not NAME=VALUE',
        '"=x" is not NAME=VALUE',
        'parameter "sx" is not declared; did you mean "s"?',
        'parameter "i" must be an integer, not "1.5"',
        'parameter "i" is given twice',
        'parameter "b" must be a boolean, true or false, not "maybe"',
        'parameter "a" must be an array as JSON, not "[1"',
        'parameter "o" must be an object as JSON, not "[1]"',
    ]


@FEW
@given(st.lists(st.tuples(st.sampled_from([*TYPED, "x"]), st.text(max_size=12)), max_size=4))
def test_any_texts_give_values_of_their_types_or_one_error(pairs: list[tuple[str, str]]) -> None:
    try:
        values = parse(TYPED, [f"{name}={text}" for name, text in pairs])
    except ParameterError:
        return
    assert check(TYPED, values) == values


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.binary(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@FEW
@given(st.dictionaries(st.sampled_from([*TYPED, "x"]), JSON))
def test_checking_what_was_checked_changes_nothing(data: dict[str, object]) -> None:
    given_ = {name: from_json(item) for name, item in data.items()}
    try:
        values = check(TYPED, given_)
    except ParameterError:
        return
    assert check(TYPED, values) == values
    assert outputs(TYPED, from_json(data)) == values
