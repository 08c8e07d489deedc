"""Templates: what is replaced, what stays, and how values look."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proc_tui.core.document.templates import NAMESPACES, names, render, to_text
from proc_tui.core.errors import PrimitiveError
from proc_tui.core.values import Value, from_json, tag_bytes, tag_float, tag_pairs, to_plain

FEW = settings(max_examples=100, deadline=None)

SPACES: dict[str, Value] = {
    "params": {"topic": "moon", "n": 3, "f": 3.0, "b": True, "tags": ["x", {"y": "z"}], "none": None},
    "state": {"items": ["first", "second"], "pairs": tag_pairs([[1, "one"], [3, "three"], ["k", {"deep": False}]])},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("about {params.topic}.", "about moon."),
        ("{params.topic}{params.topic}", "moonmoon"),
        ("{params.n} {params.f} {params.b}", "3 3.0 true"),
        ("{params.tags}", '["x",{"y":"z"}]'),
        ("{params.tags.1} {params.tags.2.y}", "x z"),
        ("{state.items.1}{state.items.0}{state.items.3}{state.items.x}", "first"),
        ("{state.pairs.1} {state.pairs.3} {state.pairs.k.deep}", "one three false"),
        ("[{params.nope}] [{params.none}] [{params.topic.x}] [{params.tags.9.y}]", "[] [] [] []"),
        ("{{params.topic}}", "{params.topic}"),
        ("{{{params.topic}}}", "{{params.topic}}"),
        ('{"a": {params.n}}', '{"a": 3}'),
        (
            "{params} {params.} {other.x} { params.topic } {params.a b}",
            "{params} {params.} {other.x} { params.topic } {params.a b}",
        ),
        ("{outputs.x} {{outputs.x}}", "{outputs.x} {{outputs.x}}"),
        ("{", "{"),
        ("", ""),
    ],
)
def test_references_are_replaced_and_other_braces_stay(text: str, expected: str) -> None:
    assert render(text, SPACES) == expected


def test_what_was_put_in_is_not_rendered_again() -> None:
    assert render("{params.a}", {"params": {"a": "{params.b}", "b": "x"}}) == "{params.b}"


def test_a_namespace_may_be_a_function_of_the_first_name() -> None:
    asked: list[str] = []

    def state(name: str) -> Value:
        asked.append(name)
        return {"b": ["c"]}

    assert render("{state.a.b.1}", {"state": state}) == "c"
    assert asked == ["a"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (False, "false"),
        (10**15, "1000000000000000"),
        (1e15, "1e+15"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1 / 3, "0.33333333333333331"),
        (2.0**53, "9007199254740992.0"),
        (tag_float(float("inf")), "inf"),
        (tag_float(float("-inf")), "-inf"),
        (tag_float(float("nan")), "nan"),
        (tag_bytes(b"a\xffb"), "a\ufffdb"),
        ({}, "{}"),
        ({"b": 1, "a": [1.0, True]}, '{"a":[1.0,true],"b":1}'),
        (tag_pairs([[2, "x"]]), '{"2":"x"}'),
    ],
)
def test_values_look_as_lua_prints_them_and_tables_are_json(value: Value, expected: str) -> None:
    assert to_text(value) == expected


@FEW
@given(st.floats())
def test_floats_look_as_in_lua(number: float) -> None:
    from lupa.lua55 import LuaRuntime

    assert to_text(from_json(number)) == LuaRuntime().eval("tostring")(number)


def test_only_allowed_variables_of_the_environment_are_read() -> None:
    env: dict[str, Value] = {"REGION": "eu", "SECRET": "x"}
    assert render("{env.REGION}{env.UNSET}", {"env": env}, env_allow=["REGION", "UNSET"]) == "eu"
    with pytest.raises(PrimitiveError, match=r'\{env\.SECRET\}.*add "SECRET" to env_allow in'):
        render("{env.SECRET}", {"env": env}, env_allow=["REGION"])
    assert render("{{env.SECRET}}", {"env": env}) == "{env.SECRET}"


def test_names_lists_references_with_their_offsets_and_leaves_literal_ones_out() -> None:
    text = "a {params.x.1} {{params.y}} {state.z} {no.x}"
    assert [(str(item), item.path, text[item.start : item.end]) for item in names(text)] == [
        ("{params.x.1}", ("x", "1"), "{params.x.1}"),
        ("{state.z}", ("z",), "{state.z}"),
    ]


PIECES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["{", "}", "{{", "}}", "{params.a}", "{{params.a}}", "{state.b.1}", "{env.X}", "params.", ".", "{params."]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers(0, 5)), inner, max_size=3),
    ),
    max_leaves=8,
)


@FEW
@given(st.lists(PIECES).map("".join), st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_rendering_any_text_with_any_values_gives_text(text: str, data: dict[str, object]) -> None:
    spaces = {name: from_json(data) for name in NAMESPACES}
    rendered = render(text, spaces, env_allow=["X"])
    if not names(text) and "{{" not in text:
        assert rendered == text


@FEW
@given(st.lists(PIECES).map("".join))
def test_without_namespaces_a_text_is_unchanged(text: str) -> None:
    assert render(text, {}) == text


@FEW
@given(VALUES)
def test_tables_render_as_json(data: object) -> None:
    value = from_json(data)
    if isinstance(value, (list, dict)) and isinstance(to_plain(value), (list, dict)):
        assert json.loads(to_text(value)) == to_plain(value)
