"""The person's own editor: a text, or a procedure that is checked when the editor is left, again until it is right.

The screen is given to the editor while the loop goes on: the worker keeps its leases and the runs go on, but nothing is
drawn. Belongs here: the editor's command, the way there and back, and what is asked when a procedure is not right.
Never: what is done with the text (`panes/source_edit.py`, `widgets/card_writing.py`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shlex
import shutil
import stat
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from ..core.errors import DocumentError, ProcError
from ..core.values import MAX_BYTES
from .clean import oneline
from .screens.dialogs import NameDialog, QuestionDialog
from .screens.picking import Choice
from .templates import TITLES, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.engine.sources import Program
    from .app import ProcTui

_BY_LINE = ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "ex", "kak", "micro", "joe", "ne")
"""Editors that take `+LINE` before the file."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
OTHER = "another request is shown by now; what was edited was not taken"
MOST = 8
"""Problems of a procedure that are shown; `proc-tui check` lists all."""


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


def edit_text(proc: ProcTui, text: str, suffix: str, then: Callable[[str], bool]) -> None:
    """Opens a text in the editor; `then` is given what was saved, and says whether it could be taken.

    What was written and could not be taken, or read, stays in its file, and it is said where.
    """

    async def editing() -> None:
        file = Path(tempfile.mkdtemp(prefix="proc-tui-")) / f"artifact{suffix}"
        # As bytes: ends of lines are a part of what is decided about.
        file.write_bytes(text.encode())
        why = ""
        try:
            after = await asyncio.to_thread(_saved, file) if await edit(proc, file) else text
        except (OSError, UnicodeDecodeError) as error:
            after, why = text, f"the edited artifact cannot be read: {error}"
        taken = then(after) and not why
        if taken or (after == text and not why) or not file.exists():
            shutil.rmtree(file.parent, ignore_errors=True)
            if why:
                proc.say(why, "error")
        else:
            proc.say(f"{why or OTHER}; it is kept in {file}", "error")

    proc.run_worker(editing(), exit_on_error=False, group="editor", name="editor")


def _saved(file: Path) -> str:
    """What an editor left; to open a pipe would be to wait for whoever writes it."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "the editor has left no file")
    if status.st_size > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {MAX_BYTES // 2**20} MB")
    return file.read_bytes().decode()


# ---- procedures


async def edit_procedure(proc: ProcTui, file: Path, line: int = 0) -> Program | None:
    """Opens a procedure in the editor and checks it on return, again and again; None when it was left as it is."""
    while await edit(proc, file, line):
        try:
            return await asyncio.to_thread(proc.operator.program, file)
        except ProcError as error:
            line, text = await asyncio.to_thread(_problems, error, file)
            choices = [Choice("again", "Edit again"), Choice("leave", "Leave it so", "it cannot be started")]
            title = f"{file.name} is not right yet"
            if await proc.push_screen_wait(QuestionDialog(title, text, choices)) != "again":
                break
    return None


def _problems(error: ProcError, file: Path) -> tuple[int, str]:
    """The first line with a problem, and all of them in words, each with its line."""
    if not isinstance(error, DocumentError):
        return 0, str(error)
    found = sorted(error.diagnostics, key=lambda one: (one.severity != "error", one.line))
    try:
        source = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        source = []
    parts: list[str] = []
    for one in found[:MOST]:
        parts.append(f"{one.line}:{one.column} {one.severity} {one.code}: {one.message}")
        if 0 < one.line <= len(source):
            parts.append(f"  {one.line} | {source[one.line - 1]}")
    if len(found) > MOST:
        parts.append(f"and {len(found) - MOST} more")
    return found[0].line if found else 0, "\n".join(parts)


async def open_procedure(proc: ProcTui, file: Path, line: int = 0, *, then_start: bool = False) -> None:
    """Opens a procedure in the editor until it is right, or left so; with `then_start` its form is opened then."""
    program = await edit_procedure(proc, file, line)
    if program is not None:
        proc.say(f"{file.name} is right")
        proc.feed.look()
        if then_start:
            proc.start_form(program.procedure.name)


async def new_procedure(proc: ProcTui, template: str) -> None:
    """Asks for a name, writes the procedure from a template, and opens it in the editor."""
    folder = proc.operator.workspace

    def problem(name: str) -> str:
        if not _NAME.fullmatch(name):
            return "use letters, digits, - and _, beginning with a letter"
        return f"{name}.yaml exists already" if (folder / f"{name}.yaml").exists() else ""

    opens = oneline(command(folder)[0])
    text = f"A new procedure in {folder}, from the template “{TITLES[template]}”. It opens in {opens}."
    name = await proc.push_screen_wait(NameDialog("Write a procedure", text, problem))
    if not name:
        return
    file = folder / f"{name}.yaml"
    try:
        await asyncio.to_thread(write, file, template)
    except OSError as error:
        proc.say(f"cannot write {file}: {error.strerror or error}", "error")
        return
    await open_procedure(proc, file, then_start=True)
