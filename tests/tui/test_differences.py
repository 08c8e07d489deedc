from __future__ import annotations

import random

import pytest
from proc_tui.tui import differences
from proc_tui.tui.differences import Change, changes, hunks

LINES = [f"line {at}" for at in range(50_000)]


def applied(before: list[str], found: list[Change], after: list[str]) -> list[str]:
    """What the differences make of the text before."""
    if not found:
        return list(before)
    made: list[str] = []
    at = 0
    for change in found:
        made += before[at : at + change.skipped]
        at += change.skipped
        made += [before[place] for place in change.left] if change.same else [after[place] for place in change.right]
        at += len(change.left)
    return made


@pytest.mark.parametrize("most", [differences.MOST_LINES, 10], ids=["whole", "divided"])
def test_the_differences_lead_from_one_text_to_the_other(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(differences, "MOST_LINES", most)
    chance = random.Random(7)
    for _ in range(500):
        before = chance.choices("abcdefghijklmnop", k=chance.randint(0, 40))
        after = list(before)
        for _ in range(chance.randint(0, 6)):
            place = chance.randint(0, len(after))
            after[place : place + chance.randint(0, 2)] = chance.choices("abcXYZ", k=chance.randint(0, 2))
        assert applied(before, changes(before, after), after) == after


def test_lines_far_from_a_change_are_left_out() -> None:
    before = [str(number) for number in range(100)]
    after = [*before[:50], "new", *before[51:]]
    found = changes(before, after)
    assert [(change.same, len(change.left), change.skipped) for change in found] == [
        (True, 3, 47), (False, 1, 0), (True, 3, 0), (True, 0, 46),
    ]  # fmt: skip
    assert hunks(found) == 1


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [
        (LINES, [line if at % 2 else f"other {at}" for at, line in enumerate(LINES)], 25_000),
        (LINES, [f"other {at}" for at in range(50_000)], 1),
        (["x"] * 50_000, ["x"] * 40_000 + ["y"], 1),
        (["a", "b"] * 1000, ["b", "b", "a"] * 600, None),
    ],
    ids=["every second line", "all lines", "one line again and again", "two lines in turn"],
)  # fmt: skip
def test_large_texts_are_compared_in_a_bounded_number_of_steps(
    before: list[str], after: list[str], number: int | None
) -> None:
    found = changes(before, after)
    assert applied(before, found, after) == after
    assert number is None or hunks(found) == number
