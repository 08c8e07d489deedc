"""`File`: files under the workspace's file root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from proc_tui.core.journal.events import Ended
from proc_tui.core.model.settings import Settings
from proc_tui.core.testing import play

METHODS = ["read", "write", "exists", "size"]


@pytest.mark.covers("File.write", "success", "option text", "replay")
@pytest.mark.covers("File.read", "success", "replay")
@pytest.mark.covers("File.exists", "success", "replay")
@pytest.mark.covers("File.size", "success", "replay")
def test_a_file_is_written_and_read_under_the_root() -> None:
    played = play("""
        local before = File.exists("out/deep/a.txt")
        File.write("out/deep/a.txt", "hällo\\n")
        File.write("out/deep/a.txt", "hällo\\nagain")
        return {before, File.exists("out/deep/a.txt"), File.exists("out"),
                File.read("out/deep/a.txt"), File.size("out/deep/a.txt")}
    """)
    assert played.result == [False, True, True, "hällo\nagain", 12]
    assert (played.folder / "out/deep/a.txt").read_text() == "hällo\nagain"
    assert list((played.folder / "out/deep").iterdir()) == [played.folder / "out/deep/a.txt"], "no part is left behind"
    assert {event.op for event in played.events(Ended)} == {f"file.{method}" for method in METHODS}
    played.replay()


def test_what_was_read_is_recalled_though_the_file_changed() -> None:
    played = play(
        'local text = File.read("in.txt") Sleep(1) return text', workspace={"in.txt": "then"}, upto="SLEEPING"
    )
    (played.folder / "in.txt").write_text("now")
    assert played.go_on().result == "then"
    played.replay()


def test_a_file_is_not_written_again_by_a_replay() -> None:
    played = play('File.write("a", "x") Sleep(1)', upto="SLEEPING")
    (played.folder / "a").unlink()
    played.go_on().replay()
    assert not (played.folder / "a").exists()


def test_any_bytes_survive_writing_and_reading() -> None:
    raw = bytes(range(256))
    played = play(
        """
        local raw = File.read("raw.bin")
        File.write("copy", raw)
        return {#raw, raw == File.read("copy"), File.size("copy"), raw:byte(1, -1) == 0}
    """,
        workspace={"raw.bin": raw},
    )
    assert played.result == [256, True, 256, True]
    assert (played.folder / "copy").read_bytes() == raw
    played.replay()


def test_a_large_file_is_kept_beside_the_journal_and_recalled() -> None:
    text = "0123456789" * 100_000
    played = play('local t = File.read("big.txt") Sleep(1) return {#t, t:sub(-3)}', workspace={"big.txt": text})
    assert played.result == [1_000_000, "789"]
    played.replay()


def test_the_longest_name_can_be_written() -> None:
    assert play('File.write(("x"):rep(255), "y") return File.size(("x"):rep(255))').result == 1


def test_an_empty_file_is_an_empty_text() -> None:
    played = play('File.write("e", "") return {File.read("e"), File.size("e")}')
    assert played.result == ["", 0]


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("inside")
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert play('return File.read("link.txt")', folder=tmp_path).result == "inside"


def test_the_root_is_the_one_that_is_configured(tmp_path: Path) -> None:
    settings = Settings(durability="fast", file_root="data")
    played = play('File.write("a.txt", "x") return File.exists("../play.yaml")', folder=tmp_path, settings=settings)
    assert 'leads outside the file root; give a path below it, without ".."' in played.error
    assert (tmp_path / "data/a.txt").read_text() == "x"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with links that lead outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (inside / "out").symlink_to(outside)
    (inside / "secret.txt").symlink_to(outside / "secret.txt")
    (inside / "chain").symlink_to("secret.txt")
    (inside / "up").symlink_to("..")
    (inside / "nothing").symlink_to(outside / "new.txt")
    return inside


OUTSIDE = 'leads outside the file root; give a path below it, without ".."'
LINK = "is a link that leads outside the file root"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../outside/secret.txt", OUTSIDE),
        ("folder/../folder/x", OUTSIDE),
        ("/etc/passwd", OUTSIDE),
        ("out/secret.txt", LINK),
        ("secret.txt", LINK),
        ("chain", LINK),
        ("up/outside/secret.txt", LINK),
        ("nothing", LINK),
        ("", "is not a path"),
        ("a\\0b", "is not a path"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.covers("File.read", "error")
@pytest.mark.covers("File.write", "error")
@pytest.mark.covers("File.exists", "error")
@pytest.mark.covers("File.size", "error")
def test_no_path_leads_outside(place: Path, method: str, path: str, says: str) -> None:
    every = " ".join(f'pcall(File.{name}, "{path}", {"nil" if name != "write" else repr("x")})' for name in METHODS)
    played = play(
        f"""
        {every}
        return {{pcall(function() File.{method}("{path}"{', "x"' if method == "write" else ""}) end)}}
    """,
        folder=place,
    )
    shown = path.replace("\\0", "\0")
    assert played.result == [False, f'play.yaml:3: "{shown}" {says}']
    assert [file.name for file in (place.parent / "outside").iterdir()] == ["secret.txt"]
    assert (place.parent / "outside/secret.txt").read_text() == "secret"
    played.replay()


@pytest.mark.parametrize(
    "path", [".proc-tui/config.toml", ".proc-tui", "folder/.Proc-TUI/x", "inner/runs.db", "db", "db-wal"]
)
@pytest.mark.parametrize("method", METHODS)
def test_the_journal_and_the_settings_are_out_of_reach(place: Path, method: str, path: str) -> None:
    (place / "inner").symlink_to(".proc-tui")
    settings = Settings(durability="fast", database="db")
    played = play(
        f'return {{pcall(function() File.{method}("{path}"{", [[x]]" if method == "write" else ""}) end)}}',
        folder=place,
        settings=settings,
    )
    assert played.result == [
        False, f'play.yaml:2: "{path}" belongs to proc-tui itself: what is in .proc-tui is out of reach for File'
    ]  # fmt: skip
    assert not (place / ".proc-tui/config.toml").exists()
    played.replay()


def test_what_would_make_the_reader_wait_is_not_read(place: Path) -> None:
    os.mkfifo(place / "pipe")
    played = play('return {pcall(File.read, "pipe")}', folder=place)
    assert played.result == [False, 'play.yaml:2: cannot read "pipe": it is not a regular file']


def test_a_file_that_no_value_can_hold_is_not_read(place: Path) -> None:
    with (place / "huge").open("wb") as stream:
        stream.truncate(50_000_000_000)
    played = play('return {pcall(File.read, "huge")}', folder=place)
    assert played.result == [False, 'play.yaml:2: cannot read "huge": it has more than 64 MB']


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('File.read("no.txt")', 'cannot read "no.txt": No such file or directory'),
        ('File.size("no.txt")', 'cannot look at "no.txt": No such file or directory'),
        ('File.read("folder")', 'cannot read "folder": Is a directory'),
        ('File.write("folder", "x")', 'cannot write "folder": Is a directory'),
        ('File.write("play.yaml/x", "x")', 'cannot write "play.yaml/x": Not a directory'),
        ('File.write("x", 3)', 'File.write: "text" must be a string, got a number (3)'),
        ('File.write("x")', 'File.write: "text" must be a string, got nil'),
        ("File.read()", 'File.read: "path" is missing (a string)'),
        ('File.read("a", "b")', "File.read takes at most 1 argument, got 2"),
        ('File.write(("x"):rep(300), "")', f'cannot write "{"x" * 300}": File name too long'),
        ('File.read(("x"):rep(300))', f'cannot read "{"x" * 300}": File name too long'),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(place: Path, call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}", folder=place)
    assert played.result == [False, f"play.yaml:2: {message}"]
    assert not list(place.glob("**/.*.part"))
    played.replay()
