"""A process that runs the functions of a workspace's Python files: its lines, its words, its end.

Belongs here: one process of `python_host.py` as proc-tui sees it. Never: when one starts,
or what its answers mean (`python_tools.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, cast

from .log import Words
from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .log import LogFile

LINGER: Final = 1.0
"""Seconds in which the last words of an ended process arrive, when something else holds its pipes."""
MAX_LINE: Final = 65 * 1024 * 1024
"""Bytes of one message of a process; its own limit for results is lower."""


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

    def __init__(self, log: LogFile, redact: Callable[[str], str], files: list[str]) -> None:
        """`redact` takes secrets out of what it writes before that is kept."""
        loop = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop = loop
        self._log: LogFile = log
        self._words: Words = Words(redact)
        self._stamps: dict[str, object] = _stamps(files)
        """The files as they were before it was started."""
        self._transport: asyncio.SubprocessTransport | None = None
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        """None when there will be no more."""
        self._pieces: list[bytes] = []
        self._size: int = 0
        self._writing: asyncio.Future[None] | None = None
        self._lost: bool = False
        self.usable: bool = False
        """Whether it waits for a call."""
        self.tools: list[Tool] = []
        self.problems: list[str] = []
        self.exited: asyncio.Future[int | None] = loop.create_future()
        """Its exit code, once it is reaped."""
        self.released: asyncio.Future[None] = loop.create_future()
        """Done when nothing of it is left: reaped, pipes closed, its words in the log."""

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        return self._words.tail

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
            self._words.add(data)
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
        text = self._words.take(over=self._lost)
        if text:
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


def _stamps(files: Iterable[str]) -> dict[str, object]:
    """What changes when a file is edited."""

    def stamp(file: str) -> object:
        try:
            found = Path(file).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    return {file: stamp(file) for file in files}
