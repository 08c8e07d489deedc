from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.tools.arguments import fitted, problem

SEARCH: dict[str, object] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "what to look for"},
        "limit": {"type": "integer", "minimum": 1},
        "order": {"enum": ["newest", "oldest"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "range": {"type": "object", "properties": {"from": {"type": "number"}}, "required": ["from"]},
        "where": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["query"],
    "additionalProperties": False,
}


def test_what_fits_has_no_problem() -> None:
    args = {"query": "x", "limit": 3.0, "order": "newest", "tags": ["a"], "range": {"from": 1.5}, "where": None}
    assert problem(SEARCH, args) is None
    assert problem({}, {"anything": 1}) is None


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, "query is missing; it must be a string (what to look for)"),
        ({"query": 1}, "query must be a string (what to look for), not 1"),
        ({"query": "x", "limt": 1}, 'limt is not known; did you mean "limit"?'),
        ({"query": "x", "zzz": 1}, "zzz is not known; it takes query, limit, order, tags, range, where"),
        ({"query": "x", "limit": "ten"}, 'limit must be an integer, not the string "ten"'),
        ({"query": "x", "limit": 0}, "limit: 0 is less than the minimum of 1"),
        (
            {"query": "x", "order": "newst"},
            'order must be one of "newest", "oldest", not the string "newst"; did you mean "newest"?',
        ),
        ({"query": "x", "tags": ["a", 2]}, "tags[1] must be a string, not 2"),
        ({"query": "x", "range": {}}, "range.from is missing; it must be a number"),
        ({"query": "x", "where": []}, "where must be a string or null, not a list"),
    ],
)
def test_a_problem_says_where_and_what_is_expected(args: dict[str, object], expected: str) -> None:
    assert problem(SEARCH, args) == expected


def test_every_problem_is_listed_once() -> None:
    found = problem({**SEARCH, "required": ["query", "limit"]}, {"qury": "x", "limt": 2, "order": 1})
    assert found is not None
    assert sorted(found.splitlines()) == [
        "limit is missing; it must be an integer",
        'limt is not known; did you mean "limit"?',
        'order must be one of "newest", "oldest", not 1',
        "query is missing; it must be a string (what to look for)",
        'qury is not known; did you mean "query"?',
    ]


def test_a_flood_of_problems_is_cut() -> None:
    found = problem(SEARCH, {"query": "x", "tags": list(range(200))})
    assert found is not None
    assert len(found.splitlines()) == 51
    assert found.endswith("and 150 problems more")


def test_the_form_that_was_meant_is_explained() -> None:
    by_id = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    schema = {"properties": {"book": {"oneOf": [{"type": "string"}, by_id]}}}
    assert problem(schema, {"book": {}}) == "book.id is missing; it must be an integer"
    assert problem(schema, {"book": 1}) == "book must be a string or an object, not 1"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"type": 3},
        {"properties": []},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
        {"$schema": "http://127.0.0.1:9/dialect", "properties": {"a": {"type": "intger"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "^(x+x+)+y$"}}},
        {"patternProperties": {"(": {}}, "additionalProperties": False},
        {"properties": {"a": {"multipleOf": 0}}},
        {"$ref": "#"},
    ],
)
def test_a_broken_schema_judges_nothing_and_fetches_nothing(
    schema: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert problem(schema, {"a": "x" * 40}) is None


def test_older_dialects_are_known() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"n": {"type": "integer", "minimum": 3, "exclusiveMinimum": True}},
    }
    assert problem(schema, {"n": 4}) is None
    assert problem(schema, {"n": 3}) is not None


def test_an_empty_table_becomes_what_the_schema_wants() -> None:
    schema = {
        "properties": {
            "tags": {"type": "array", "items": {"type": "object", "properties": {"of": {"type": "array"}}}},
            "where": {"type": "object"},
        }
    }
    assert fitted(schema, {"tags": {}, "where": [], "rest": {}}) == {"tags": [], "where": {}, "rest": {}}
    assert fitted(schema, {"tags": [{"of": {}}]}) == {"tags": [{"of": []}]}


@pytest.mark.slow
def test_forms_within_forms_are_judged_only_as_long_as_somebody_waits() -> None:
    form = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
    schema = {"properties": {"a": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": {"anyOf": [form, form]}}}
    value: object = "leaf"
    for _ in range(60):
        value = [value]
    assert problem(schema, {"a": value}) is None
    assert problem(schema, {"a": ["leaf"]})


names = st.sampled_from(["type", "properties", "items", "enum", "const", "required", "anyOf", "$ref", "not", "minimum"])
words = st.sampled_from(["string", "integer", "object", "array", "a", "#", "#/properties/a"]) | st.integers()
schemas: Any = st.recursive(
    words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=10,
)
plain: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@given(st.dictionaries(names, schemas, max_size=5), st.dictionaries(st.sampled_from(["a", "b", "c"]), plain))
def test_no_schema_and_no_arguments_make_it_raise(schema: dict[str, object], args: dict[str, object]) -> None:
    found = problem(schema, fitted(schema, args))
    assert found is None or found.strip()
