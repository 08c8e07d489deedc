"""Reading lines from the terminal without holding up anything else.

The terminal's own line editing is used, so that every terminal, multiplexer and screen reader behaves as
everywhere. Belongs here: the file descriptor. Never: what is asked.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from contextlib import suppress


class Terminal:
    """The person at standard input."""

    def __init__(self) -> None:
        self._descriptor: int = sys.stdin.fileno()
        self.prompt: str = ""
        """What stands before the cursor while a line is read."""

    def forget(self) -> None:
        """Drops what was typed and not read: it was meant for something else."""
        with suppress(termios.error):
            termios.tcflush(self._descriptor, termios.TCIFLUSH)

    async def line(self, prompt: str) -> str | None:
        """The next line; None when the person closed the input (^D). May be cancelled at any time."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bytes] = loop.create_future()

        def ready() -> None:
            if not done.done():
                try:
                    done.set_result(os.read(self._descriptor, 65536))
                except OSError:
                    done.set_result(b"")

        self.prompt = prompt
        self.show()
        loop.add_reader(self._descriptor, ready)
        try:
            raw = await done
        finally:
            loop.remove_reader(self._descriptor)
            self.prompt = ""
        if not raw:
            sys.stderr.write("\n")
            return None
        return raw.decode(errors="replace").rstrip("\r\n")

    def show(self) -> None:
        """Shows the prompt, again when something was printed over it."""
        sys.stderr.write(self.prompt)
        sys.stderr.flush()

    async def lines(self, prompt: str) -> str | None:
        """Lines up to one with a single dot, or ^D after the first; None for ^D at once."""
        found: list[str] = []
        while True:
            line = await self.line(prompt)
            if line is None and not found:
                return None
            if line is None or line == ".":
                return "\n".join(found)
            found.append(line)


def is_interactive() -> bool:
    """Whether there is a person who can see a question and type an answer."""
    streams = (sys.__stdin__, sys.__stderr__, sys.stdin, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)
