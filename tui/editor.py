"""Opening a file in the person's editor, and coming back.

The screen is given to the editor while the loop goes on: the worker keeps its leases and the runs go on, but nothing is
drawn. Belongs here: the editor's command and the way there and back. Never: what is done with the text.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from .app import ProcTui

_BY_LINE = ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "ex", "kak", "micro", "joe", "ne")
"""Editors that take `+LINE` before the file."""


def command(file: Path, line: int = 0) -> list[str]:
    """What opens a file in `$VISUAL` or `$EDITOR`, at a line where the editor is known to take one."""
    said = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        words = shlex.split(said)
    except ValueError:
        words = [said]
    words = words or ["vi"]
    name = Path(words[0]).name
    if line and name == "hx":
        return [*words, f"{file}:{line}"]
    return [*words, *([f"+{line}"] if line and name in _BY_LINE else []), str(file)]


async def edit(proc: ProcTui, file: Path, line: int = 0) -> bool:
    """Opens a file in the editor and waits for it; False, with the reason said, when there was none."""
    words = command(file, line)
    try:
        if proc.is_headless and not (os.environ.get("VISUAL") or os.environ.get("EDITOR")):
            raise SuspendNotSupported
        # A test has no terminal to give away.
        with proc.batch_update(), nullcontext() if proc.is_headless else proc.suspend():
            process = await asyncio.create_subprocess_exec(*words)
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()
    except SuspendNotSupported:
        proc.say("there is no terminal here to open an editor in", "warning")
        return False
    except OSError as error:
        proc.say(f"{words[0]} cannot be started: {error.strerror}; set $EDITOR", "error")
        return False
    if not proc.is_headless:
        proc.action_redraw()
    if code != 0:
        proc.say(f"{words[0]} ended with code {code}; the file is taken as it is", "warning")
    return True
