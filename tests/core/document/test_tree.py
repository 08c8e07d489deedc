"""The YAML reader: types of scalars, positions, and what it refuses."""

from __future__ import annotations

import math

import pytest
import yaml
from proc_tui.core.document.diagnostics import Report
from proc_tui.core.document.source import decode
from proc_tui.core.document.tree import Node, parse


def read(text: str) -> tuple[Node | None, Report]:
    report = Report("t.yaml")
    source = decode(text, report)
    return (parse(source, report) if source is not None else None), report


def value(text: str) -> object:
    """The data of `text` as the value of a key."""
    root, report = read("a: " + text)
    assert root is not None, [str(item) for item in report.sorted()]
    assert not report.failed, [str(item) for item in report.sorted()]
    return root.fields["a"].data


def problem(text: str) -> tuple[str, int, int]:
    _, report = read(text)
    (diagnostic,) = report.sorted()
    return diagnostic.code, diagnostic.line, diagnostic.column


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("12", 12),
        ("+12", 12),
        ("-0", 0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-31", "2024-01-31"),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 2.0**63),
        ("0xFFFFFFFFFFFFFFFF", 2.0**64),
        ("9" * 400, math.inf),
        ("0x" + "f" * 400, math.inf),
        ("'12'", "12"),
        ('"a\\tb"', "a\tb"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("! 12", "12"),
        ("|\n  x\n  y\n", "x\ny\n"),
        ("=", "="),
    ],
)
def test_scalars_have_the_types_of_the_core_schema(text: str, expected: object) -> None:
    got = value(text)
    assert got == expected
    assert type(got) is type(expected)


def test_nan_is_a_number() -> None:
    got = value(".nan")
    assert isinstance(got, float)
    assert math.isnan(got)


def test_keys_are_text_as_written() -> None:
    assert value("{1: a, true: b, ~: c, 0x1: d, no: e}") == {"1": "a", "true": "b", "~": "c", "0x1": "d", "no": "e"}


def test_merge_keys_give_what_the_map_does_not_say_itself() -> None:
    root, _ = read("a: &a {x: 1, y: 2}\nb: &b {z: 3, x: 9}\nc:\n  y: 5\n  <<: [*a, *b]\n")
    assert root is not None
    assert root.fields["c"].data == {"y": 5, "x": 1, "z": 3}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert value("{'<<': 1}") == {"<<": 1}


def test_an_anchor_given_again_names_the_later_value() -> None:
    assert value("[&x 1, *x, &x 2, *x]") == [1, 1, 2, 2]


def test_positions_count_from_one_in_characters() -> None:
    root, _ = read("é: ü\nlist:\n  - 𝔘: x\n")
    assert root is not None
    assert (root.keys["é"], root.fields["é"].at) == ((1, 1), (1, 4))
    inner = root.fields["list"].items[0]
    assert (inner.keys["𝔘"], inner.fields["𝔘"].at) == ((3, 5), (3, 8))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_as_one_line(end: str) -> None:
    root, _ = read(f"a: 1{end}{end}b: 2{end}")
    assert root is not None
    assert root.keys["b"] == (3, 1)


def test_the_python_parser_reads_the_same_tree_as_the_c_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [1, {b: 'c'}]\nd: |\n  é\n\n  e\nf: *a\n"
    fast, _ = read(text)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    slow, _ = read(text)
    assert fast is not None
    assert slow is not None
    assert fast.data == slow.data
    assert [node.at for node in fast.fields.values()] == [node.at for node in slow.fields.values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("DOC-011", 1, 1)),
        ("# only a comment\n", ("DOC-011", 1, 1)),
        ("- a\n", ("DOC-011", 1, 1)),
        ("\n\ntext\n", ("DOC-011", 3, 1)),
        ("a:\n\tb: 1\n", ("DOC-005", 2, 1)),
        ("a:\n  b: 1\n \tc: 2\n", ("DOC-005", 3, 2)),
        ("a: |\n\ttext\n", ("DOC-005", 2, 1)),
        ("a: 1\nb: [1,\n", ("DOC-004", 3, 1)),
        ("a: 'x\nb: 1\n", ("DOC-004", 1, 4)),
        ("a: b: c\n", ("DOC-004", 1, 5)),
        ("a: @x\n", ("DOC-004", 1, 4)),
        ("a: *b\n", ("DOC-007", 1, 4)),
        ("a: &a [1, *a]\n", ("DOC-007", 1, 11)),
        ("a: 1\n---\nb: 2\n", ("DOC-010", 2, 1)),
        ("a: !!python/object:os.system x\n", ("DOC-012", 1, 4)),
        ("a: !thing {b: 1}\n", ("DOC-012", 1, 4)),
        ("a: !!int x\n", ("DOC-012", 1, 4)),
        ("? [a]\n: 1\n", ("DOC-013", 1, 3)),
        ("<<: 3\n", ("DOC-014", 1, 1)),
    ],
)
def test_what_cannot_be_read_has_a_code_and_a_place(text: str, expected: tuple[str, int, int]) -> None:
    assert problem(text) == expected


def test_a_duplicate_key_is_an_error_and_the_first_value_stays() -> None:
    root, report = read("a:\n  x: 1\n  x: 2\n")
    assert root is not None
    assert root.data == {"a": {"x": 1}}
    (diagnostic,) = report.sorted()
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("DOC-006", 3, 3)
    assert diagnostic.related == (("`x` is first given here", 2, 3),)
