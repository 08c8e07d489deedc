from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.tui.clean import cells, clip, clip_left, oneline, safe_json, visible
from rich.cells import cell_len

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What no terminal may ever get from us."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "‹U+001B›[31mred"),
        ("\x9b31m", "‹U+009B›31m"),
        ("a\u202eb", "a‹U+202E›b"),
        ("a\rb", "a‹U+000D›b"),
        ("zero\u200bwidth", "zero‹U+200B›width"),
        ("\ud800", "‹U+D800›"),
        ("\U000e0041", "‹U+E0041›"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("e" + "\u0301" * 24 + "x", "e" + "\u0301" * 24 + "x"),
        ("e" + "\u0301" * 26 + "x", "e" + "\u0301" * 24 + "‹U+0301›" * 2 + "x"),
        ("─" * 60, "─" * 60),
        ("👩‍👩‍👧‍👦" * 9, "👩‍👩‍👧‍👦" * 9),
        ("dos\r\nlines", "dos\nlines"),
        ("👩‍🔧 déjà 漢字", "👩‍🔧 déjà 漢字"),
        ("🏳️\u200d🌈 👩🏽\u200d🚀", "🏳️\u200d🌈 👩🏽\u200d🚀"),
        ("a\u200db", "a‹U+200D›b"),
        ("a\ufe0f\u200d😀", "a\ufe0f‹U+200D›😀"),
        ("ශ්\u200dරී", "ශ්රී"),
        ("1\ufe0f\u20e3 1\ufe0f", "1\ufe0f\u20e3 1‹U+FE0F›"),
    ],
)
def test_dangerous_characters_are_shown_by_their_numbers_and_others_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert not OBEYED.search(oneline(text))
    assert not re.search("[\n\t]", oneline(text))


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_safe_json_is_the_same_data(value: object) -> None:
    text = safe_json(msgspec.json.encode(value).decode())
    assert json.loads(text) == value
    assert not OBEYED.search(text)


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("abcdef", 4, "abc…"), ("abcd", 4, "abcd"), ("漢字漢字", 5, "漢字…"), ("ab", 0, "")]
)
def test_a_clipped_text_fits(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown
    assert cells(shown) <= max(width, 0)


def test_what_is_shown_is_never_wider_than_it_is_counted() -> None:
    for text in ("☁️⚠️❤️✈️", "1️⃣#️⃣", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏿", "क्षि", "שלום", "한글", "z\u0301\u0301", "1\ufe0f2"):
        assert cells(visible(text)) >= cell_len(visible(text))


@given(st.text(), st.integers(0, 20))
def test_the_end_of_a_text_fits_where_it_is_wanted(text: str, width: int) -> None:
    end = clip_left(text, width)
    assert cells(end) <= width or cells(text) == 0
    assert end == text or end == "" or (end[0] == "…" and text.endswith(end[1:]))


def test_the_end_is_shown_of_what_is_too_long() -> None:
    assert clip_left("Roses are red", 6) == "…e red"
    assert clip_left("漢字漢字", 6) == "…漢字"
    assert clip_left("red", 3) == "red"
