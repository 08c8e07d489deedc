from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.errors import ToolError
from proc_tui.core.tools.results import error_text, result_of
from proc_tui.core.values import encode


def test_text_is_text_for_lua_and_the_model() -> None:
    result = result_of([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])
    assert (result.value, result.text, result.kept) == ("one\ntwo", "one\ntwo", None)


def test_no_content_is_an_empty_text() -> None:
    result = result_of([])
    assert (result.value, result.text, result.kept) == ("", "", None)


def test_structured_content_is_the_value_and_the_text_stays() -> None:
    result = result_of([{"type": "text", "text": "two rows"}], {"rows": [1, None, 3], "more": None})
    assert result.value == {"rows": {"$t": [[1, 1], [3, 3]]}}
    assert result.text == "two rows"


def test_structured_content_alone_is_shown_as_json() -> None:
    assert result_of([], {"a": [1, 2.5]}).text == '{"a":[1,2.5]}'


@pytest.mark.parametrize(
    ("block", "shown", "told"),
    [
        (
            {"type": "image", "mimeType": "image/png", "data": "A" * 16000},
            "[image image/png, 12 KB]",
            {"type": "image", "mime_type": "image/png", "size": 12000},
        ),
        (
            {"type": "audio", "mimeType": "audio/wav", "data": "QQ=="},
            "[audio audio/wav, 1 byte]",
            {"type": "audio", "mime_type": "audio/wav", "size": 1},
        ),
        (
            {"type": "resource", "resource": {"uri": "file:///x", "mimeType": "text/plain", "text": "é"}},
            "[resource file:///x, text/plain, 2 bytes]\né",
            {"type": "resource", "mime_type": "text/plain", "size": 2, "uri": "file:///x", "text": "é"},
        ),
        (
            {"type": "resource", "resource": {"uri": "file:///x", "blob": "AAAA" * 1_000_000}},
            "[resource file:///x, 3 MB]",
            {"type": "resource", "size": 3_000_000, "uri": "file:///x"},
        ),
        (
            {"type": "resource_link", "uri": "file:///y", "name": "y", "mimeType": "text/csv"},
            "[resource link file:///y, text/csv]",
            {"type": "resource_link", "mime_type": "text/csv", "uri": "file:///y", "name": "y"},
        ),
        ({"type": "hologram"}, "[hologram, 0 bytes]", {"type": "hologram", "size": 0}),
    ],
)
def test_what_is_not_text_is_named_to_the_model_and_described_to_lua(
    block: dict[str, object], shown: str, told: dict[str, object]
) -> None:
    result = result_of([{"type": "text", "text": "see"}, block])
    assert result.text == f"see\n{shown}"
    assert result.value == {"text": "see", "parts": [told]}


def test_what_is_not_text_is_kept_whole() -> None:
    blob = {"type": "resource", "resource": {"uri": "file:///x", "blob": "AAAA"}}
    kept = result_of([blob, {"type": "image", "mimeType": "image/png", "data": "QUJD"}]).kept
    assert kept == [
        {"type": "resource", "size": 3, "uri": "file:///x", "data": "AAAA"},
        {"type": "image", "mime_type": "image/png", "size": 3, "data": "QUJD"},
    ]


def test_parts_beside_structured_content_are_kept() -> None:
    result = result_of([{"type": "image", "mimeType": "image/png", "data": "QUJD"}], {"n": 1})
    assert (result.value, result.text) == ({"n": 1}, "[image image/png, 3 bytes]")
    assert result.kept is not None


def test_a_result_that_is_too_large_is_an_error() -> None:
    with pytest.raises(ToolError, match="its result cannot be kept: result has strings of more than 64 MB together"):
        result_of([{"type": "text", "text": "x" * (64 * 1024 * 1024 + 1)}])


def test_the_text_of_an_error_is_never_empty() -> None:
    assert error_text([{"type": "text", "text": "no such book"}], "it failed") == "no such book"
    assert error_text([{"type": "text", "text": " "}], "it failed") == "it failed"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.sampled_from(["type", "text", "data", "resource", "uri", "size"]), json)), json)
def test_whatever_a_server_sends_becomes_a_value(content: list[dict[str, object]], structured: object) -> None:
    result = result_of(content, structured)
    encode(result.value)
    encode(result.kept)
    result.text.encode()
