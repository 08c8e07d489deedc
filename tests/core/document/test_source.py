"""What is text, and where things stand in it."""

from __future__ import annotations

import pytest
from proc_tui.core.document.diagnostics import Report
from proc_tui.core.document.source import MAX_BYTES, Source, decode


def test_text_and_its_bytes_are_read_alike_and_a_byte_order_mark_moves_nothing() -> None:
    for data in ("é: 1", "é: 1".encode(), b"\xef\xbb\xbf\xc3\xa9: 1"):
        source = decode(data, Report("t.yaml"))
        assert source is not None
        assert source.text == "é: 1"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_as_one_line(end: str) -> None:
    source = Source(f"one{end}{end}three")
    assert [source.line(number) for number in (1, 2, 3, 4)] == ["one", "", "three", ""]
    assert source.place(len(source.text) - 5) == (3, 1)
    assert source.place(len(source.text)) == (3, 6)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\nb: caf\xe9\n", ("DOC-001", 2, 7)),
        ("é: 1\n".encode() + b"\xc3\xa9\xff", ("DOC-001", 2, 2)),
        ("a: 1".encode("utf-16"), ("DOC-001", 1, 1)),
        (b"a: x\x00y\n", ("DOC-003", 1, 5)),
        ("a: 1\nb: '\x1b'\n", ("DOC-003", 2, 5)),
        ("a: '\u2028'\n", ("DOC-003", 1, 5)),
        ("a: \ud800\n", ("DOC-003", 1, 4)),
    ],
)
def test_what_is_not_text_has_a_code_and_a_place(data: str | bytes, expected: tuple[str, int, int]) -> None:
    report = Report("t.yaml")
    assert decode(data, report) is None
    assert [(item.code, item.line, item.column) for item in report.sorted()] == [expected]


@pytest.mark.parametrize("data", [b"x" * (MAX_BYTES + 1), "é" * (MAX_BYTES // 2 + 1)])
def test_the_limit_is_in_bytes(data: str | bytes) -> None:
    report = Report("t.yaml")
    assert decode(data, report) is None
    assert [item.code for item in report.sorted()] == ["DOC-002"]
