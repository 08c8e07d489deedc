"""Programs in a terminal: a pseudo-terminal whose screen is kept in memory, so that it is known when what was drawn.

Standard library only, and of what a terminal understands only what Textual writes. Belongs here: bytes, keys, moments.
Never: what the programs are, or what is measured.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SIZE = (160, 48)
"""Columns and rows."""
PATIENCE = 60.0
"""Seconds after which a program that does not do what is waited for is given up."""
_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])|\x1b[\]P_^].*?(?:\x07|\x1b\\)|\x1b[ -/]*(?![\[\]P_^])[0-~]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])|(?P<text>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)
_ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
"""What a terminal says when it is asked: where the cursor is, and that it can draw whole frames at once."""


class Screen:
    """What is on a terminal, by rows of cells: each a character and how it looks."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._width, self._height = size
        self._style = ""
        self._x = self._y = 0
        self._left = ""
        """The beginning of a sequence whose end has not come."""
        self.rows: list[list[tuple[str, str]]] = []
        self._clear()

    def feed(self, text: str) -> None:
        """Draws what a program wrote."""
        text = self._left + text
        at = 0
        while match := _TOKEN.match(text, at):
            at = match.end()
            if match["text"] is not None:
                self._write(match["text"])
            elif match["final"] is not None:
                self._obey(match["final"], match["parameters"])
            elif match["control"] == "\r":
                self._x = 0
            elif match["control"] == "\n":
                self._y = min(self._y + 1, self._height - 1)
        self._left = text[at:]

    def text(self) -> str:
        """What can be read, line by line."""
        return "\n".join("".join(cell[0] for cell in row).rstrip() for row in self.rows)

    def shows_something(self) -> bool:
        """Whether there is anything to read."""
        return any(not cell[0].isspace() for row in self.rows for cell in row if cell[0])

    def part(self, left: int, top: int, right: int, bottom: int) -> list[list[tuple[str, str]]]:
        """Some of the cells."""
        return [row[left:right] for row in self.rows[top:bottom]]

    def _clear(self) -> None:
        self.rows = [[(" ", "")] * self._width for _ in range(self._height)]

    def _write(self, text: str) -> None:
        row = self.rows[self._y]
        for letter in text:
            wide = not letter.isascii() and unicodedata.east_asian_width(letter) in "WF"
            for cell in (letter, "") if wide else (letter,):
                if self._x < self._width:
                    row[self._x] = (cell, self._style)
                    self._x += 1

    def _obey(self, final: str, parameters: str) -> None:
        if final == "m":
            self._style = parameters
        elif final == "H":
            row, _, column = parameters.partition(";")
            self._y = min(max(int(row or 1), 1), self._height) - 1
            self._x = min(max(int(column or 1), 1), self._width) - 1
        elif final == "J":
            self._clear()


class Terminal:
    """A program that runs in a terminal of its own. Times are those of `time.monotonic`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, size: tuple[int, int] = SIZE) -> None:
        self.screen: Screen = Screen(size)
        self.received: int = 0
        """How many bytes the program has written."""
        self._master, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.set_blocking(self._master, False)
        self.began: float = time.monotonic()
        """When the program was started."""
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env=dict(environment), start_new_session=True
        )
        os.close(other)
        self._rest = b""

    def look(self, seconds: float) -> None:
        """Draws what comes within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)

    def until(self, shown: Callable[[], bool] | str, *, patience: float = PATIENCE) -> float:
        """Waits for a text, or for a condition, and returns when the bytes came that fulfilled it.

        Raises `TimeoutError`, with the screen, when they do not come.
        """
        holds = shown if not isinstance(shown, str) else (lambda: shown in self.screen.text())
        came, give_up = time.monotonic(), time.monotonic() + patience
        while not holds():
            if time.monotonic() > give_up or self._process.poll() is not None:
                raise TimeoutError(f"{shown!r} does not come:\n{self.screen.text()}")
            came = self._read(0.5) or came
        return came

    def press(self, keys: str) -> float:
        """Sends keys, as bytes; returns when."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def quiet(self, seconds: float = 0.3, *, patience: float = PATIENCE) -> None:
        """Waits until nothing was written for so long."""
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            before = self.received
            self.look(seconds)
            if self.received == before:
                return
        raise TimeoutError(f"it does not come to rest:\n{self.screen.text()}")

    def memory(self) -> int:
        """Bytes of it in memory: its own, and its share of what it has in common with others."""
        file = Path(f"/proc/{self._process.pid}/smaps_rollup")
        with suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", file.read_text(), re.MULTILINE)
            if found is not None:
                return int(found[1]) * 1024
        asked = subprocess.run(["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, check=True)
        return int(asked.stdout) * 1024

    def end(self) -> None:
        """Ends the program, at once: one that only lost its terminal would leave its runs to another process."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self, seconds: float) -> float | None:
        """Draws what comes first within so many seconds, and returns when it came."""
        if not select.select([self._master], [], [], seconds)[0]:
            return None
        came, chunks = time.monotonic(), []
        try:
            while chunk := os.read(self._master, 65536):
                chunks.append(chunk)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            time.sleep(min(seconds, 0.01))  # it has ended, or not begun
        found = b"".join(chunks)
        self.received += len(found)
        for question, answer in _ANSWERS.items():
            for _ in range(found.count(question)):
                os.write(self._master, answer)
        found = self._rest + found
        whole = found[: _whole(found)]
        self._rest = found[len(whole) :]
        self.screen.feed(whole.decode(errors="replace"))
        return came if chunks else None


def _whole(found: bytes) -> int:
    """How many bytes of some are whole characters."""
    for back in range(1, min(4, len(found)) + 1):
        byte = found[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(found) - back if size > back else len(found)
        if byte < 0x80:
            break
    return len(found)
