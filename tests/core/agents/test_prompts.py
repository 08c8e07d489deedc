"""What agents are told of a result, and finding one in what they say."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.agents.prompts import output_guidance, table_in
from proc_tui.core.document.procedure import Field


def test_without_outputs_nothing_is_said() -> None:
    assert output_guidance({}) == ""


def test_every_output_is_described() -> None:
    text = output_guidance(
        {
            "verdict": Field("string", required=True, enum=("good", "bäd"), description="What you\n  think."),
            "score": Field("number"),
            "level": Field("integer", required=True, enum=(1, 2)),
            "far": Field("number", enum=({"$f": "inf"}, 1.5)),
        }
    )
    assert text.splitlines()[0] == "## Result"
    assert text.splitlines()[-4:] == [
        '- `verdict` (string, required, one of "good", "bäd"): What you think.',
        "- `score` (number, optional)",
        "- `level` (integer, required, one of 1, 2)",
        '- `far` (number, optional, one of "inf", 1.5)',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\n {"a": {"b": []}}\n', {"a": {"b": []}}),
        ("{}", {}),
        ('Here it is:\n```json\n{"a": 1}\n```\nAnything else?', {"a": 1}),
        ('```\n{"a": 1}\n```\n and better:\n~~~ json\n{"a": 2}\n~~~\n', {"a": 2}),
        ('```json\n{"a": 1}\n```\n not {"b": 2}', {"a": 1}),
        ('```lua\nlocal t = {}\n```\nthe result is {"a": {"b": 2}}.', {"a": {"b": 2}}),
        ('first {"a": 1}, then {"a": 2}', {"a": 2}),
        ('set {x} to {"a": "} {"} now', {"a": "} {"}),
        ('say "{" and then {"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('{"a": "```\\n"}', {"a": "```\n"}),
        ('[{"a": 1}]', {"a": 1}),
        ("", None),
        ("no result", None),
        ("{a = 1}", None),
        ('{"a": 1', None),
        ('{"a": NaN}', None),
        ("[1, 2]", None),
        ("1", None),
    ],
)
def test_an_object_is_found_where_models_put_it(text: str, expected: object) -> None:
    assert table_in(text) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


@given(objects, st.text(alphabet=st.characters(exclude_characters="{`~")), st.sampled_from([None, 2]))
def test_any_object_is_found_after_any_words(found: dict[str, object], words: str, indent: int | None) -> None:
    text = json.dumps(found, indent=indent)
    assert table_in(text) == found
    assert table_in(f"{words} {text}") == found
    assert table_in(f"{words}\n```json\n{text}\n```\n{words}") == found


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert table_in(text) is None or "{" in text


@pytest.mark.parametrize(
    "piece", ["{", '{"a":', '{"a":[', '{"', "```\n", '{"a": "', "```json\n{", "~~~\n```\n", "``````\n", " ~~~"]
)
def test_hostile_text_is_read_in_bounded_time(piece: str) -> None:
    began = time.perf_counter()
    assert table_in(piece * 50_000) is None
    assert time.perf_counter() - began < 5
