"""What somebody wrote in their own editor is never lost: what cannot be taken stays in its file."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.operator import Given

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import OpenApp, Stage

REVIEW = 'return Human.review{message = "Fine?", artifact = "three"}'

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files that editors are given are made."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("VISUAL", raising=False)
    return folder


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Makes a shell script the person's editor."""
    program = tmp_path / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))


def said(app: OpenApp) -> str:
    """All that was said."""
    return "\n".join(note.message for note in app.app._notifications)


async def test_what_is_written_while_somebody_else_answers_stays_in_its_file(
    stage: Stage, tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = tmp_path / "go-on"
    editor(tmp_path, monkeypatch, f'printf "my words" > "$1"\nwhile [ ! -e {go_on} ]; do sleep 0.02; done')
    await stage.play(REVIEW)
    async with stage.open(drive=True) as app:
        await app.press("enter")
        await app.pilot.press("E")
        await app.until(lambda: any(file.read_text() == "my words" for file in files.rglob("artifact*")))
        stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="ben")
        await app.until("answered by ben")
        go_on.touch()
        await app.until(lambda: "it is kept in" in said(app))
        (kept,) = files.rglob("artifact.txt")
        assert kept.read_text() == "my words"
        assert str(kept) in said(app)


async def test_what_is_no_text_stays_in_its_file(
    stage: Stage, tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, 'printf "caf\\351" > "$1"')
    await stage.play(REVIEW)
    async with stage.open() as app:
        await app.press("enter", "E")
        await app.until(lambda: "cannot be read" in said(app))
        (kept,) = files.rglob("artifact.txt")
        assert kept.read_bytes() == b"caf\xe9"
        assert str(kept) in said(app)


@pytest.mark.parametrize("script", ["true", "sed -i s/three/four/ $1", "rm $1"])
async def test_what_is_taken_or_was_left_as_it_was_leaves_no_file(
    stage: Stage, tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    editor(tmp_path, monkeypatch, script)
    await stage.play(REVIEW)
    async with stage.open() as app:
        await app.press("enter", "E")
        await app.settle()
        await app.until(lambda: not list(files.iterdir()))
