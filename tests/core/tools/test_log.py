from __future__ import annotations

import threading
from pathlib import Path

import pytest
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.tools.log import HELD, MAX_LOG, MAX_TAIL, SMALL, LogFile, Words

KEY = "sesame-sesame-0123456789"


def words() -> Words:
    secrets = Secrets({})
    secrets.remember(KEY)
    return Words(secrets.redact)


def test_lines_are_taken_whole_and_without_secrets() -> None:
    said = words()
    said.add(f"one {KEY[:10]}".encode())
    assert said.take() == ""
    said.add(f"{KEY[10:]}\ntwo".encode())
    assert said.take() == "one ***\n"
    assert said.take(over=True) == "two"
    assert said.tail == "one ***\ntwo"


@pytest.mark.parametrize("place", [MAX_TAIL - 10, MAX_TAIL + 10, 0])
def test_last_words_are_cut_after_secrets_were_taken_out(place: int) -> None:
    said = words()
    said.add(f"{'a' * 5000}{KEY}{'b' * place}".encode())
    assert "sesame" not in said.tail
    assert "456789" not in said.tail
    assert len(said.tail) <= MAX_TAIL


@pytest.mark.parametrize("before", range(SMALL - 2 * HELD, SMALL + 40, 997))
def test_a_line_without_an_end_is_not_cut_within_a_secret(before: int) -> None:
    said = words()
    taken = ""
    line = ("x" * before + KEY).ljust(SMALL + 2 * HELD, "y").encode()
    for start in range(0, len(line), 1000):
        said.add(line[start : start + 1000])
        taken += said.take()
    assert taken
    assert taken + said.take(over=True) == line.decode().replace(KEY, "***")


def test_the_log_begins_anew_and_keeps_the_one_before(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "a.log")
    assert not log.is_there
    for letter in "abc":
        log.write(letter * (MAX_LOG // 2 + 1))
    folder = tmp_path / ".proc-tui" / "logs"
    assert log.is_there
    assert {file.name: file.read_text()[0] for file in folder.iterdir()} == {"a.log": "c", "a.log.1": "b"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in (folder, *folder.iterdir()))


async def test_what_threads_write_is_in_order_and_one_writes_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path, "a.log")
    write, writers, most = log.write, 0, 0

    def watched(text: str) -> None:
        nonlocal writers, most
        writers += 1
        most = max(most, writers)
        assert threading.current_thread() is not threading.main_thread()
        write(text)
        writers -= 1

    monkeypatch.setattr(log, "write", watched)
    for number in range(300):
        log.write_soon(f"{number}\n")
        if number % 50 == 0:
            await log.written()
    await log.written()
    assert (tmp_path / log.shown).read_text().split() == [str(number) for number in range(300)]
    assert most == 1


@pytest.mark.parametrize("linked", [".proc-tui", ".proc-tui/logs", ".proc-tui/logs/a.log"])
def test_no_log_is_written_outside_of_the_workspace(tmp_path: Path, linked: str) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    outside.mkdir()
    place = workspace / linked
    place.parent.mkdir(parents=True)
    place.symlink_to(outside / "a.log" if linked.endswith(".log") else outside)
    log = LogFile(workspace, "a.log")
    log.write("words")
    assert list(outside.iterdir()) == []
    if not linked.endswith(".log"):
        assert "a link that leads outside of the workspace" in log.refused


def test_logs_may_be_a_link_within_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / ".proc-tui").mkdir()
    (tmp_path / ".proc-tui" / "logs").symlink_to(tmp_path / "kept")
    log = LogFile(tmp_path, "a.log")
    log.write("words")
    assert (tmp_path / "kept" / "a.log").read_text() == "words"
    assert log.refused == ""
