from __future__ import annotations

import pytest
from proc_tui.tui.words import age, clock, duration, listed, money, parse_duration, price, several, stamp


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("500ms", 0.5), ("10s", 10), ("8h", 28800), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "8x", "h", "-5s", "1h later"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 10m"):
        parse_duration(text)


def test_durations_in_words() -> None:
    assert [age(seconds) for seconds in (-1, 5, 300, 7200, 200000)] == ["0s", "5s", "5m", "2h", "2d"]
    assert [clock(seconds) for seconds in (5, 3552, 3845, 183600)] == ["0:05", "59:12", "1:04:05", "2 d 03:00"]
    assert [duration(seconds) for seconds in (0.0031, 1.23, 245)] == ["3 ms", "1.2 s", "4:05"]


def test_amounts_in_words() -> None:
    assert (several(1, "run"), several(2, "run"), several(1000, "child", "children")) == (
        "1 run",
        "2 runs",
        "1,000 children",
    )
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_moments_of_json_are_utc_with_milliseconds() -> None:
    assert stamp(0.25) == "1970-01-01T00:00:00.250Z"
    assert stamp(None) is None


def test_what_is_not_known_of_a_price_is_said() -> None:
    amounts = (None, 0, 0.00001, 0.0042, 1.5, 12345.678)
    assert [money(dollars) for dollars in amounts] == [
        "unknown", "$0", "<$0.0001", "$0.0042", "$1.50", "$12,345.68"
    ]  # fmt: skip
    assert price(None, 3) == "cost unknown"
    assert price(0.5, 0) == "$0.5000"
    assert price(0.5, 1) == "$0.5000 and 1 reply of unknown price"
