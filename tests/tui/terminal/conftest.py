"""The installed program in a real terminal: tmux has a screen, keys and a shell, as people do.

def test_it_opens(tmux):
    screen = tmux("proc-tui")
    screen.until("Nothing was run here yet.")
    screen.press("q")
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30.0
"""Seconds after which something that should be on the screen counts as missing."""
PROGRAM = shlex.join([sys.executable, "-c", "from proc_tui.tui.cli import main; main()"])


class Screen:
    """One terminal with one shell command in it."""

    def __init__(self, server: str, name: str) -> None:
        self._server = server
        self.name = name

    def tmux(self, *words: str) -> str:
        """A command of tmux."""
        done = subprocess.run(["tmux", "-L", self._server, *words], capture_output=True, text=True, check=False)
        return done.stdout

    def press(self, *keys: str) -> None:
        """Presses keys, by tmux's names: `q`, `Enter`, `C-c`."""
        for key in keys:
            self.tmux("send-keys", "-t", self.name, key)
            time.sleep(0.06)  # what is faster is a paste

    def type(self, text: str) -> None:
        """Types a text letter by letter."""
        for letter in text:
            self.tmux("send-keys", "-t", self.name, "-l", letter)
            time.sleep(0.01)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p", "-t", self.name)

    @property
    def title(self) -> str:
        """The terminal's title."""
        return self.tmux("display-message", "-p", "-t", self.name, "#{pane_title}").strip()

    def until(self, *parts: str, gone: bool = False) -> str:
        """Waits until texts are all on the screen, or `gone`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.text
            if all((part in text) != gone for part in parts):
                return text
            if parts[0].startswith("Pane is dead") and self._is_zombie():
                return text  # tmux now and then misses the end of a process, and says nothing of it
            assert time.monotonic() < deadline, f"{parts} {'still' if gone else 'not'} on the screen:\n{text}"
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        """Gives the terminal another size."""
        self.tmux("resize-window", "-t", self.name, "-x", str(width), "-y", str(height))

    @property
    def pid(self) -> int:
        """The process of the program: the shell has become it."""
        return int(self.tmux("display-message", "-p", "-t", self.name, "#{pane_pid}"))

    def _is_zombie(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Closes the terminal, as a dropped connection does: SIGHUP."""
        self.tmux("kill-session", "-t", self.name)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that terminals open in."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def tmux(place: Path, tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """Opens terminals; all are closed at the end, and so are the workers they left."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    server = f"proc-tui-{os.getpid()}-{abs(hash(str(tmp_path))) % 10**8}"
    home = tmp_path / "home"
    environment = {
        "HOME": str(home), "XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config",
        "XDG_DATA_HOME": f"{home}/data", "TERM": "tmux-256color", "LANG": "C.UTF-8",
    }  # fmt: skip
    count = 0

    def open_one(*args: str, size: tuple[int, int] = (120, 36), **more: str) -> Screen:
        nonlocal count
        count += 1
        name = f"t{count}"
        words = [f"{key}={shlex.quote(value)}" for key, value in {**environment, **more}.items()]
        line = f"exec env -u NO_COLOR -u COLUMNS -u LINES {' '.join(words)} {PROGRAM} {shlex.join(args)}"
        subprocess.run(
            ["tmux", "-L", server, "-f", "/dev/null", "new-session", "-d", "-s", name, "-x", str(size[0]),
             "-y", str(size[1]), "-c", str(place), line],
            check=True,
        )  # fmt: skip
        subprocess.run(["tmux", "-L", server, "set", "-g", "remain-on-exit", "on"], check=True)
        return Screen(server, name)

    yield open_one
    subprocess.run(["tmux", "-L", server, "kill-server"], check=False, capture_output=True)
    for pid in _workers(place):
        os.kill(pid, 9)


@pytest.fixture
def workers(place: Path) -> Callable[[], list[int]]:
    """The processes of the background workers of the folder."""
    return lambda: _workers(place)


def _workers(folder: Path) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--until-idle" in words and str(folder).encode() in words:
                found.append(int(entry.name))
    return found
