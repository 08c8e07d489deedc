"""A process that runs the functions of a workspace's Python files: its lines, its words, its end.

Belongs here: one process of `python_host.py` as proc-tui sees it, and the log of all of them. Never: when one starts,
or what its answers mean (`python_tools.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, TypedDict, cast

from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.secrets import Secrets

LINGER: Final = 1.0
"""Seconds in which the last words of an ended process arrive, when something else holds its pipes."""
MAX_LINE: Final = 65 * 1024 * 1024
"""Bytes of one message of a process; its own limit for results is lower."""
MAX_LOG: Final = 1_000_000
"""Bytes after which the log starts anew; the one before it is kept."""
MAX_TAIL: Final = 2000
"""Characters of last words that are kept for an error."""
_SMALL: Final = 64 * 1024
"""Bytes of a line of standard error that are waited for."""


class Gone(Exception):
    """The process says nothing any more."""


class DescribedTool(TypedDict):
    """A tool as a process describes it."""

    module: str
    name: str
    description: str
    schema: dict[str, object]


class Description(TypedDict):
    """All that a process says of the files."""

    tools: list[DescribedTool]
    problems: list[str]
    files: list[str]


class Process(asyncio.SubprocessProtocol):
    """One process: lines to it and from it, its end, and what it has imported."""

    def __init__(self, log: Log, files: list[str]) -> None:
        loop = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop = loop
        self._log: Log = log
        self._stamps: dict[str, object] = _stamps(files)
        """The files as they were before it was started."""
        self._transport: asyncio.SubprocessTransport | None = None
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        """None when there will be no more."""
        self._pieces: list[bytes] = []
        self._size: int = 0
        self._unwritten: bytearray = bytearray()
        """Standard error that is not in the log yet."""
        self._writing: asyncio.Future[None] | None = None
        self._lost: bool = False
        self.last_words: str = ""
        self.usable: bool = False
        """Whether it waits for a call."""
        self.tools: list[Tool] = []
        self.problems: list[str] = []
        self.exited: asyncio.Future[int | None] = loop.create_future()
        """Its exit code, once it is reaped."""
        self.released: asyncio.Future[None] = loop.create_future()
        """Done when nothing of it is left: reaped, pipes closed, its words in the log."""

    async def read(self) -> bytes:
        """Its next line. Raises `Gone`."""
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
            raise Gone
        return line

    async def ask(self, line: bytes) -> bytes:
        """Its answer to a line. Raises `Gone`; not usable any more unless it answered."""
        self.usable = False
        pipe = self._transport.get_pipe_transport(0) if self._transport is not None else None
        if pipe is None or not self._lines.empty():
            raise Gone
        cast(asyncio.WriteTransport, pipe).write(line)
        answer = await self.read()
        self.usable = self._lines.empty()
        return answer

    def ready(self, found: Description, workspace: Path) -> None:
        """Take what it says of itself."""
        self.tools = [Tool(row["name"], row["module"], row["description"], row["schema"]) for row in found["tools"]]
        self.problems = found["problems"]
        self._stamps = {**_stamps(str(workspace / file) for file in found["files"]), **self._stamps}
        self.usable = True

    def is_fresh(self) -> bool:
        """Whether its files are still as it imported them. Looks at the disk."""
        return self._stamps == _stamps(self._stamps)

    def kill(self) -> None:
        """End it now, and all that is in its process group."""
        self.usable = False
        if self._transport is None or self.exited.done():
            return  # its number may be another's by now
        self._end_group(self._transport.get_pid())

    def _end_group(self, pid: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # gone, or (macOS) dead and not reaped
            os.killpg(pid, signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the loop."""
        if fd == 2:
            self._unwritten += data
            self.last_words = (self.last_words + data.decode(errors="replace"))[-MAX_TAIL:]
            self._write_log()
            return
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._lines.put_nowait(b"".join([*self._pieces, end]))
            self._pieces.clear()
            self._size = 0
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
        if self._size > MAX_LINE:
            self.kill()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Called by the loop: without its output it is of no use, however it came to that."""
        del exc
        if fd == 1:
            self.kill()
            self._lines.put_nowait(None)

    def process_exited(self) -> None:
        """Called by the loop, when the process is reaped: what it started ends with it."""
        assert self._transport is not None
        self.usable = False
        self._end_group(self._transport.get_pid())
        self.exited.set_result(self._transport.get_returncode())
        self._loop.call_later(LINGER, self._transport.close)  # what has left the group may hold the pipes for ever

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop, when it is reaped and the pipes are closed."""
        del exc
        self._lost = True
        if self._transport is not None:
            self._transport.close()
        self._lines.put_nowait(None)
        self._write_log()

    def _write_log(self) -> None:
        """Have a thread write what there is; the process waits, so that it cannot print faster than that."""
        if self._writing is not None:
            return
        cut = len(self._unwritten) if self._lost else self._unwritten.rfind(b"\n") + 1
        if len(self._unwritten) > _SMALL:
            cut = cut or len(self._unwritten)
        if cut:
            text = bytes(self._unwritten[:cut])
            del self._unwritten[:cut]
            self._pause(True)
            self._writing = self._loop.run_in_executor(None, self._log.write, text)
            self._writing.add_done_callback(self._written)
        elif self._lost and not self.released.done():
            self.released.set_result(None)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = None
        if not done.cancelled():
            done.result()
        self._pause(False)
        self._write_log()

    def _pause(self, wanted: bool) -> None:
        pipe = self._transport.get_pipe_transport(2) if self._transport is not None else None
        if pipe is not None and not pipe.is_closing():
            reading = cast(asyncio.ReadTransport, pipe)
            (reading.pause_reading if wanted else reading.resume_reading)()


class Log:
    """What the processes print, in a file of bounded size, without secrets."""

    def __init__(self, path: Path, secrets: Secrets) -> None:
        self.path: Path = path
        self._secrets: Secrets = secrets
        self._lock: Lock = Lock()

    def write(self, data: bytes) -> None:
        """Append; a log that cannot be written stops no tool. Blocks."""
        text = self._secrets.redact(data.decode(errors="replace")).encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with self._lock, suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size + len(text) > MAX_LOG:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            file = os.open(self.path, flags, 0o600)
            try:
                os.write(file, text[-MAX_LOG:])
            finally:
                os.close(file)


def _stamps(files: Iterable[str]) -> dict[str, object]:
    """What changes when a file is edited."""

    def stamp(file: str) -> object:
        try:
            found = Path(file).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    return {file: stamp(file) for file in files}
