"""A program that speaks MCP over its standard input and output, as the two streams that the SDK wants.

Belongs here: starting the program, its lines, and ending it with all that it started. Never: what the lines
mean. It stands in for the SDK's own transport because it can say how a program ended and what it wrote, keeps the
log small, and ends what outlives the program. Imports the SDK: only `mcp_link.py` imports this.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

from .log import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams  # pyright: ignore[reportPrivateImportUsage]
    from mcp_types import JSONRPCMessage

    from .log import LogFile

GRACE: Final = 1.5
"""Seconds a program has to end by itself once its input is closed, and again after it was asked to."""
LINGER: Final = 0.2
"""Seconds in which the last lines of an ended program arrive, or the rest of its group ends."""
MAX_LINE: Final = 96 * 1024 * 1024
"""Bytes that one message may have; a result may have 64 MB."""
MAX_WAITING: Final = 1000
"""Messages that wait for the SDK until the program is not read from for a moment."""
BREATH: Final = 0.01
"""Seconds of such a moment."""
_SHOWN: Final = 64 * 1024
"""Bytes of a line that is not MCP in which secrets are looked for before its beginning is shown."""
_ANSWERS: Final = re.compile(rb'"id"\s*:\s*(?:(\d{1,18})|"([\w-]{1,100})")\s*,\s*"(?:result|error)"')


class Program(asyncio.SubprocessProtocol):
    """One run of a program; enter it once, in the task that leaves it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: LogFile,
        redact: Callable[[str], str],
        on_gone: Callable[[], None],
    ) -> None:
        """`redact` takes secrets out of what it writes before that is kept."""
        self._command: Sequence[str] = command
        self._env: Mapping[str, str] = env
        self._cwd: Path = cwd
        self._redact: Callable[[str], str] = redact
        self._log: LogFile = log
        self._words: Words = Words(redact)
        self._on_gone: Callable[[], None] = on_gone
        self._buffer: bytearray = bytearray()
        self._searched: int = 0
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited: asyncio.Event = asyncio.Event()
        self._released: asyncio.Event = asyncio.Event()
        self._writable: asyncio.Event = asyncio.Event()
        self._writable.set()
        self._gone: bool = False
        self._resting: bool = False
        streams = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
        self._send: MemoryObjectSendStream[SessionMessage | Exception] = streams[0]
        self._receive: MemoryObjectReceiveStream[SessionMessage | Exception] = streams[1]
        self.exit_code: int | None = None
        """How it ended; negative for a signal. None while it runs."""
        self.rubbish: str = ""
        """The first line of its standard output that is not MCP."""

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        return self._words.tail.strip()

    async def __aenter__(self) -> TransportStreams:
        loop = asyncio.get_running_loop()
        pipe = asyncio.subprocess.PIPE
        try:
            await loop.subprocess_exec(
                lambda: self,
                *self._command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=dict(self._env),
                cwd=self._cwd,
                start_new_session=True,
            )
        except BaseException:
            self._signal(signal.SIGKILL)
            self._release()
            if self._transport is not None:  # it was started, and whoever waited for it is cancelled
                with anyio.CancelScope(shield=True):
                    await _within(GRACE, self._released)
            raise
        return self._receive, _Input(self)

    async def __aexit__(self, *_: object) -> None:
        try:
            with anyio.CancelScope(shield=True):
                self.end_input()
                for number in (None, signal.SIGTERM, signal.SIGKILL):
                    if number is not None:
                        self._signal(number)
                    if await _within(GRACE, self._exited):
                        break
                await self._end_group()
        finally:
            self._signal(signal.SIGKILL)
            self._release()
        with anyio.CancelScope(shield=True):
            await _within(GRACE, self._released)
            with anyio.move_on_after(GRACE):
                await self._log.written()

    async def write(self, line: bytes) -> None:
        """Give it a line; waits while it reads slower than it is written to."""
        await self._writable.wait()
        pipe = self._pipe(0)
        if self._gone or pipe is None or pipe.is_closing():
            raise anyio.BrokenResourceError
        cast(asyncio.WriteTransport, pipe).write(line)

    def end_input(self) -> None:
        """Close its standard input, after what was written: a server ends then."""
        pipe = self._pipe(0)
        if pipe is not None:
            pipe.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the process is reaped and its pipes are closed."""
        del exc
        self._released.set()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the loop."""
        if fd == 2:
            self._words.add(data)
            self._keep(self._words.take())
            return
        self._buffer += data
        start = 0
        while (end := self._buffer.find(b"\n", max(start, self._searched))) >= 0:
            self._line(bytes(self._buffer[start:end]))
            start = end + 1
        del self._buffer[:start]
        self._searched = len(self._buffer)
        if self._searched > MAX_LINE:
            self.rubbish = f"a line of more than {MAX_LINE // 1024 // 1024} MB"
            self._leave()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Called by the loop: an end of a pipe is closed."""
        del exc
        if fd == 1:
            self._leave()
        elif fd == 0:
            self._writable.set()
            self._leave_soon()

    def process_exited(self) -> None:
        """Called by the loop. The last lines may be in the pipe still, and a child may keep it open for ever."""
        self.exit_code = self._transport.get_returncode() if self._transport is not None else None
        self._exited.set()
        self._leave_soon()

    def pause_writing(self) -> None:
        """Called by the loop: it does not read as fast as we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._writable.set()

    def _line(self, line: bytes) -> None:
        if not line.strip() or self._gone:
            return
        message = _message(line)
        if message is None:
            self.rubbish = self.rubbish or self._redact(line[:_SHOWN].decode(errors="replace"))[:200].strip()
            return
        try:
            self._send.send_nowait(SessionMessage(message))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the SDK has left while a program goes on to talk
        if not self._resting and self._waiting > MAX_WAITING:
            self._rest(True)

    @property
    def _waiting(self) -> int:
        return self._send.statistics().current_buffer_used

    def _rest(self, wanted: bool) -> None:
        """Not reading from a program that talks faster than the SDK listens, for a moment."""
        self._resting = wanted
        pipe = self._pipe(1)
        if pipe is not None and not pipe.is_closing():
            reading = cast(asyncio.ReadTransport, pipe)
            (reading.pause_reading if wanted else reading.resume_reading)()
        if wanted:
            asyncio.get_running_loop().call_later(BREATH, lambda: self._rest(self._waiting > MAX_WAITING))

    def _keep(self, text: str) -> None:
        """Have a thread write to the log; the program waits, so that it cannot print faster than that."""
        if text:
            self._listen(False)
            self._log.write_soon(text).add_done_callback(lambda _: self._listen(True))

    def _listen(self, wanted: bool) -> None:
        pipe = self._pipe(2)
        if pipe is not None and not pipe.is_closing():
            reading = cast(asyncio.ReadTransport, pipe)
            (reading.resume_reading if wanted else reading.pause_reading)()

    def _leave_soon(self) -> None:
        asyncio.get_running_loop().call_later(LINGER, self._leave)

    def _leave(self) -> None:
        if not self._gone:
            self._gone = True
            self._writable.set()
            self._send.close()
            self._on_gone()

    def _pipe(self, fd: int) -> asyncio.BaseTransport | None:
        return self._transport.get_pipe_transport(fd) if self._transport is not None else None

    def _signal(self, number: int) -> bool:
        """Signal its process group, of which it is the leader; False when none of it is left."""
        if self._transport is None:
            return False
        try:
            os.killpg(self._transport.get_pid(), number)
        except ProcessLookupError:
            return False
        except PermissionError:
            return False  # what is left runs as somebody else, or is dead and not reaped
        return True

    async def _end_group(self) -> None:
        """End what the ended program left behind."""
        if self._signal(signal.SIGTERM):
            with anyio.move_on_after(LINGER):
                while self._signal(0):
                    await anyio.sleep(0.01)

    def _release(self) -> None:
        self._leave()
        self._receive.close()
        self._keep(self._words.take(over=True))
        if self._transport is not None:
            with suppress(PermissionError):
                self._transport.close()


def _message(line: bytes) -> JSONRPCMessage | None:
    """What a line says, or None when it is not MCP; of an answer that cannot be read, that it cannot."""
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        pass
    try:
        # Servers cut characters beyond the first 65536 in two, which JSON can carry and text cannot.
        sound = json.dumps(json.loads(line), ensure_ascii=False).encode(errors="replace")
        return jsonrpc_message_adapter.validate_json(sound, by_name=False)
    except (ValueError, RecursionError):
        pass
    found = _ANSWERS.search(line, 0, 500)
    if found is None:
        return None
    id = int(found[1]) if found[1] is not None else found[2].decode()
    said = "its answer cannot be read: it is no MCP, or nested too deep"
    return JSONRPCError(jsonrpc="2.0", id=id, error=ErrorData(code=INTERNAL_ERROR, message=said))


async def _within(seconds: float, event: asyncio.Event) -> bool:
    with anyio.move_on_after(seconds):
        await event.wait()
    return event.is_set()


class _Input:
    """What the SDK writes to."""

    def __init__(self, program: Program) -> None:
        self._program: Program = program

    async def send(self, item: SessionMessage, /) -> None:
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        await self._program.write(text.encode() + b"\n")

    async def aclose(self) -> None:
        self._program.end_input()

    async def __aenter__(self) -> _Input:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()
