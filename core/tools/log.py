"""What programs that give tools write to standard error: kept in a log without secrets, and told at their end.

Belongs here: lines put together from the pieces in which they arrive, and a file of bounded size that never lies
outside of the workspace. Never: when something is written, or what it means.
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from ..model.workspace import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_LOG: Final = 1_000_000
"""Bytes after which the log starts anew; the one before it is kept."""
MAX_TAIL: Final = 2000
"""Characters of last words that are kept for an error."""
SMALL: Final = 64 * 1024
"""Bytes of a line without an end that are waited for."""
HELD: Final = 4096
"""Bytes at the end of such a line that are held back: they may be the beginning of a secret."""


class Words:
    """Standard error as text without secrets."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact: Callable[[str], str] = redact
        self._rest: bytearray = bytearray()
        """What was not taken yet: of a secret in it a part may still be missing."""
        self._tail: str = ""

    @property
    def tail(self) -> str:
        """The end of all that was written."""
        return (self._tail + self._clean(self._rest))[-MAX_TAIL:]

    def add(self, data: bytes) -> None:
        """The next piece."""
        self._rest += data

    def take(self, *, over: bool = False) -> str:
        """What can be written now: whole lines, and all of it when it is `over`."""
        cut = len(self._rest) if over else self._rest.rfind(b"\n") + 1
        if not cut and len(self._rest) > SMALL:
            cut = self._seam()
        text = self._clean(self._rest[:cut])
        del self._rest[:cut]
        self._tail = (self._tail + text)[-MAX_TAIL:]
        return text

    def _seam(self) -> int:
        """Where a line without an end can be cut without cutting a secret in two."""
        whole = self._clean(self._rest)
        for cut in range(len(self._rest) - HELD, 0, -HELD):
            if self._clean(self._rest[:cut]) + self._clean(self._rest[cut:]) == whole:
                return cut
        return len(self._rest)

    def _clean(self, data: bytearray) -> str:
        return self._redact(data.decode(errors="replace"))


class LogFile:
    """A file in the workspace's folder of logs. Any thread may write to it."""

    def __init__(self, workspace: Path, name: str) -> None:
        self._workspace: Path = workspace
        self._name: str = name
        self._lock: Lock = Lock()
        self._handing: Lock = Lock()
        self._waiting: list[str] = []
        """What a thread is to write."""
        self._writing: asyncio.Future[None] | None = None
        """Done when that is written."""
        self.shown: str = f"{FOLDER}/logs/{name}"
        """Where it is, relative to the workspace."""

    @property
    def is_there(self) -> bool:
        """Whether anything was written, now or earlier. Looks at the disk."""
        return (self._workspace / self.shown).is_file()

    @property
    def refused(self) -> str:
        """Why nothing is written; empty when it is. Looks at the disk."""
        if self._is_inside():
            return ""
        return f"{FOLDER}/logs is a link that leads outside of the workspace, so nothing is written there"

    def write(self, text: str) -> None:
        """Append; a log that cannot be written stops no tool. Blocks."""
        if not text:
            return
        data = text.encode(errors="replace")[-MAX_LOG:]
        with self._lock, suppress(OSError):
            folder = self._open_folder()
            try:
                file = self._open(folder)
                if os.fstat(file).st_size + len(data) > MAX_LOG:
                    os.close(file)
                    os.replace(self._name, f"{self._name}.1", src_dir_fd=folder, dst_dir_fd=folder)
                    file = self._open(folder)
                try:
                    if stat.S_ISREG(os.fstat(file).st_mode):
                        os.write(file, data)
                finally:
                    os.close(file)
            finally:
                os.close(folder)

    def write_soon(self, text: str) -> asyncio.Future[None]:
        """Have a thread append, after all that was given before; from one loop. Never cancel what it returns."""
        with self._handing:
            self._waiting.append(text)
            if self._writing is None or self._writing.done():
                self._writing = asyncio.get_running_loop().run_in_executor(None, self._write_waiting)
            return self._writing

    async def written(self) -> None:
        """Waits until the file has all that `write_soon` was given."""
        if self._writing is not None:
            await asyncio.wait({self._writing})

    def _write_waiting(self) -> None:
        while True:
            with self._handing:
                text = "".join(self._waiting)
                self._waiting.clear()
                if not text:
                    self._writing = None
                    return
            self.write(text)

    def _open(self, folder: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self._name, flags, 0o600, dir_fd=folder)

    def _open_folder(self) -> int:
        """Raises `OSError` when it lies outside of the workspace."""
        folder = self._workspace / FOLDER / "logs"
        if not self._is_inside():
            raise PermissionError(self.shown)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder.resolve(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def _is_inside(self) -> bool:
        folder = self._workspace / FOLDER / "logs"
        return folder.resolve().is_relative_to(self._workspace.resolve())
