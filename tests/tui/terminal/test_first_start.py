from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen

pytestmark = pytest.mark.kill


def test_an_empty_folder_says_how_to_begin_and_q_leaves(tmux: Callable[..., Screen], place: Path) -> None:
    screen = tmux()
    screen.until("Nothing was run here yet.", "proc-tui demo")
    screen.press("?")
    screen.until("enter does it")
    screen.press("Escape")
    screen.until("enter does it", gone=True)
    screen.press("q")
    screen.until("Pane is dead (status 0")


def test_a_procedure_is_written_from_a_template_in_the_editor_and_started(
    tmux: Callable[..., Screen], place: Path, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "# seen" >> "$1"\n')
    editor.chmod(0o755)
    screen = tmux(EDITOR=str(editor))
    screen.until("Nothing was run here yet.")
    screen.press("+")
    screen.until("New: approval gate")
    screen.type("approval gate")
    screen.press("Enter")
    screen.until("Write a procedure")
    screen.type("ship")
    screen.press("Enter")
    screen.until("Start ship", "People are asked")
    assert (place / "ship.yaml").read_text().endswith("# seen\n")
    screen.press("C-s")
    screen.until("Release to staging?")
