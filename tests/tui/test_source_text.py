from __future__ import annotations

import random

import pytest
from proc_tui.tui.screen_safety import safe
from proc_tui.tui.widgets.source_text import LONG, SourceText, broken, marked_row, wrapped
from rich.cells import cell_len

PARTS = ["a", "b ", "é", "‹", "中", "한", "e\u0301", "👍🏿", "👨‍👩‍👧", "1️⃣", "\x1b[31m", "\t", "\u202e", "שלום", "🇩🇪"]


@pytest.mark.parametrize("width", [7, 40, 113])
def test_a_long_line_is_broken_into_the_rows_that_it_has_as_a_whole(width: int) -> None:
    chance = random.Random(width)
    for parts in (PARTS, ["plain words "], ["中"], ["\x1b[31m"]):
        line = "x".join(chance.choices(parts, k=3 * LONG // 2))
        rows = [row for piece in broken(line, width) for row in piece]
        assert rows == [row.plain for row in wrapped(safe(line), width)]
        assert max(map(cell_len, rows)) <= width


def test_what_was_hidden_stands_out_where_a_row_ends_in_it() -> None:
    rows = ["plain ‹U+00", "1B› and ‹U+202E›", "none"]
    assert [[(span.start, span.end) for span in marked_row(rows, place).spans] for place in range(3)] == [
        [(6, 11)], [(0, 3), (8, 16)], [],
    ]  # fmt: skip


def test_lines_are_made_safe_when_they_are_looked_at() -> None:
    text = SourceText("one\r\ntwo \x1b[31m\n")
    assert [text[place].plain for place in range(len(text))] == ["one", "two ‹U+001B›[31m"]
    assert text.raw[1] == "two \x1b[31m"
