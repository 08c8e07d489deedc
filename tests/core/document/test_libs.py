"""Pinning the files of `lib/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.core.document import lib_file, pin
from proc_tui.core.document.libs import MAX_BYTES
from proc_tui.core.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "flows" / "lib").mkdir(parents=True)
    return tmp_path / "flows"


def refused(home: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        pin(home / "a.yaml")
    return str(caught.value)


def test_every_lua_file_of_lib_is_pinned_by_the_name_that_require_takes(home: Path) -> None:
    (home / "lib" / "text.lua").write_text("return 'é'", encoding="utf-8")
    (home / "lib" / "a-b.lua").write_bytes(b"\xef\xbb\xbfreturn 1\r\n")
    (home / "lib" / "notes.md").write_text("x")
    (home / "lib" / "deep").mkdir()
    (home / "lib" / "deep" / "c.lua").write_text("return 3")
    assert pin(home / "a.yaml") == {"a-b": "return 1\r\n", "text": "return 'é'"}
    assert lib_file("flows/a.yaml", "text") == "flows/lib/text.lua"


def test_no_lib_folder_is_no_library(tmp_path: Path) -> None:
    assert pin(tmp_path / "a.yaml") == {}


def test_every_file_that_cannot_be_used_is_named_with_its_place(home: Path) -> None:
    (home / "lib" / "bytes.lua").write_bytes(b"return 1\n  -- \xe9\n")
    (home / "lib" / "large.lua").write_bytes(b" " * (MAX_BYTES + 1))
    (home / "lib" / "folder.lua").mkdir()
    message = refused(home)
    assert "lib/bytes.lua:2:6: error DOC-053: byte 0xe9 is not UTF-8 text" in message
    assert "lib/large.lua:1:1: error DOC-053: the file is larger than 1 MB" in message
    assert "lib/folder.lua:1:1: error DOC-053: not a regular file" in message


def test_a_link_may_not_lead_outside_the_procedures_folder(home: Path, tmp_path: Path) -> None:
    (home / "shared.lua").write_text("return 1")
    (home / "lib" / "inside.lua").symlink_to(home / "shared.lua")
    assert pin(home / "a.yaml") == {"inside": "return 1"}
    (tmp_path / "secret").write_text("password")
    (home / "lib" / "outside.lua").symlink_to(tmp_path / "secret")
    assert "the link leads outside" in refused(home)


def test_a_link_that_leads_nowhere_or_to_itself_is_refused(home: Path) -> None:
    (home / "lib" / "gone.lua").symlink_to(home / "gone")
    (home / "lib" / "loop.lua").symlink_to(home / "lib" / "loop.lua")
    message = refused(home)
    assert message.count("the file cannot be read") == 2


def test_all_of_lib_together_has_a_limit(home: Path) -> None:
    for number in range(9):
        (home / "lib" / f"m{number}.lua").write_bytes(b" " * MAX_BYTES)
    assert "more than 8 MB together" in refused(home)
