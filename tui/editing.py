"""Procedures in the user's editor: written from a template, opened, and checked when the editor is left.

Belongs here: what is asked before and after it. Never: the editor (`editor.py`), or what is wrong with a procedure
(`core/`).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from ..core.errors import DocumentError, ProcError
from . import editor
from .clean import oneline
from .screens.dialogs import Choice, NameDialog, QuestionDialog
from .templates import TITLES, write

if TYPE_CHECKING:
    from pathlib import Path

    from .app import ProcTui

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MOST = 12
"""How many problems are shown; the check lists all."""


async def edit(proc: ProcTui, path: Path, *, line: int = 0, then_start: bool = False) -> None:
    """Opens a procedure in the editor and checks it on return, again and again until it is right or left so."""
    while await editor.edit(proc, path, line):
        try:
            program = await asyncio.to_thread(proc.operator.program, path)
        except ProcError as error:
            again = Choice("edit", "Edit again", "")
            leave = Choice("leave", "Leave it as it is", "it cannot be started")
            answer = await proc.push_screen_wait(
                QuestionDialog(f"{path.name} is not right yet", _told(error), [again, leave])
            )
            if answer != "edit":
                return
            line = _line(error)
            continue
        proc.say(f"{path.name} is right")
        proc.feed.look()
        if then_start:
            proc.start_form(program.procedure.name)
        return


def _told(error: ProcError) -> str:
    lines = str(error).splitlines()
    return "\n".join([*lines[:MOST], *([f"… {len(lines) - MOST} more"] if len(lines) > MOST else [])])


def _line(error: ProcError) -> int:
    if isinstance(error, DocumentError):
        found = re.search(r":(\d+):\d+", str(error))
        return int(found[1]) if found else 0
    return 0


async def new(proc: ProcTui, template: str) -> None:
    """Asks for a name, writes the procedure from a template, and opens it in the editor."""
    folder = proc.operator.workspace

    def problem(name: str) -> str:
        if not _NAME.fullmatch(name):
            return "use letters, digits, - and _, beginning with a letter"
        return f"{name}.yaml exists already" if (folder / f"{name}.yaml").exists() else ""

    opens = oneline(editor.command(folder)[0])
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
    await edit(proc, file, then_start=True)
