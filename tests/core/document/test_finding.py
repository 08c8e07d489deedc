from __future__ import annotations

import os
from pathlib import Path

import pytest
from proc_tui.core import document
from proc_tui.core.document import finding

CODE = 'version: "1"\ncode: return 1\n'


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / f"{name.replace('__', '/')}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_files_are_found_three_folders_deep_without_hidden_ones_and_those_beside_procedures(tmp_path: Path) -> None:
    write(tmp_path, a="", b__a="", b__c__d__a="", b__c__d__e__a="")
    (tmp_path / ".hidden").mkdir()
    for name in (".hidden/a.yaml", "a.answers.yaml", "a.replies.yml", "b/a.params.yaml", "b/z.yml"):
        (tmp_path / name).write_text("")
    found = [str(file.relative_to(tmp_path)) for file in finding.files(tmp_path)]
    assert found == ["a.yaml", "b/a.yaml", "b/z.yml", "b/c/d/a.yaml"]


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("name: a b\n", "a b", 1),
        ("# x\n\nname: 'tea' # leaf\n", "tea", 3),
        ('name: "tea"\r\n', "tea", 1),
        ("  name: inner\n", None, 0),
        ("", None, 0),
    ],
)
def test_a_name_is_read_with_its_line(tmp_path: Path, text: str, name: str | None, line: int) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(text.encode())
    assert finding.declared(file) == (None if name is None else (name, line))


def test_a_pipe_declares_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert finding.declared(tmp_path / "a.yaml") is None


def test_a_name_that_another_file_declares_too_is_a_warning_at_its_place(tmp_path: Path) -> None:
    write(tmp_path, one=f"# first\nname: tea\n{CODE}", b__two=f"name: tea\n{CODE}", other=f"name: milk\n{CODE}")
    (warning,) = document.namesakes(tmp_path / "one.yaml", tmp_path)
    assert (warning.code, warning.severity, warning.line) == ("DOC-029", "warning", 2)
    assert '"tea" is also the name of b/two.yaml' in warning.message
    assert document.namesakes(tmp_path / "other.yaml", tmp_path) == []
    assert "one.yaml" in document.namesakes(tmp_path / "b" / "two.yaml", tmp_path)[0].message


def test_what_is_no_procedure_or_the_same_file_is_no_namesake(tmp_path: Path) -> None:
    write(tmp_path, tea=f"name: tea\n{CODE}", compose="name: tea\nservices: {}\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "tea.yaml")
    for name in ("tea", "compose", "link"):
        assert document.namesakes(tmp_path / f"{name}.yaml", tmp_path) == []
