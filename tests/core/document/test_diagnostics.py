"""The table of codes, and how diagnostics are collected."""

from __future__ import annotations

import re
from pathlib import Path

from proc_tui.core import document
from proc_tui.core.document import CODES, Diagnostic
from proc_tui.core.document.diagnostics import Report


def test_every_code_is_explained_by_a_sentence() -> None:
    for severity, sentence in CODES.values():
        assert severity in ("error", "warning", "info")
        assert sentence.endswith(".")


def test_every_code_is_used_and_every_used_code_is_in_the_table() -> None:
    files = [path for path in Path(document.__path__[0]).glob("*.py") if path.name != "diagnostics.py"]
    used = {code for path in files for code in re.findall(r"DOC-\d+", path.read_text(encoding="utf-8"))}
    assert used | {"DOC-098"} == set(CODES)


def test_a_diagnostic_shows_its_place_first() -> None:
    text = str(Diagnostic("DOC-004", "error", "message", "a.yaml", 3, 7))
    assert text == "a.yaml:3:7: error DOC-004: message"


def test_diagnostics_come_in_the_order_of_the_text_without_repetitions_and_the_own_file_first() -> None:
    report = Report("z.yaml")
    report.add("DOC-020", "b", (2, 1))
    report.add("DOC-050", "lib", (1, 1), file="lib/a.lua")
    report.add("DOC-022", "a", (1, 9))
    report.add("DOC-020", "b", (2, 1))
    assert [item.message for item in report.sorted()] == ["a", "b", "lib"]


def test_only_errors_fail() -> None:
    report = Report("a.yaml")
    report.add("DOC-037", "warning", (1, 1))
    assert not report.failed
    report.add("DOC-038", "error", (1, 1))
    assert report.failed
