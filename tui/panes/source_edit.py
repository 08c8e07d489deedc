"""Opening a run's procedure in the editor, checking it on return, and going on with it.

Belongs here: what is asked, and in which order. Never: the editor itself (`editor.py`), or what a resume does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...core.errors import Divergence, ProcError
from ...core.journal.events import Ended
from .. import editor
from ..screens.dialogs import QuestionDialog
from ..screens.picking import Choice
from ..words import listed, several
from .source import text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...core.errors import Side
    from ...core.journal.runs import Run
    from ..app import ProcTui


def edit_source(proc: ProcTui, run: Run, line: int = 0, *, then: Callable[[], None] | None = None) -> None:
    """Opens the procedure of a run in the editor; `then` is called when all is over."""

    async def work() -> None:
        await _edit(proc, run, line)
        if then is not None:
            then()

    proc.run_worker(work(), exit_on_error=False, group="edit", name="editor", exclusive=True)


async def _edit(proc: ProcTui, run: Run, line: int) -> None:
    operator = proc.operator
    file = operator.workspace / run.file
    if not await asyncio.to_thread(file.is_file):
        proc.say(f"{file} is gone; the run goes on with the text that it has", "warning")
        return
    again = True
    while again:
        program = await editor.edit_procedure(proc, file, line)
        again = program is not None and await _go_on(proc, run, file)


async def _go_on(proc: ProcTui, run: Run, file: Path) -> bool:
    """Offers to go on with the text of the file; True when it is to be edited again."""
    operator = proc.operator
    now = await asyncio.to_thread(operator.run, run.id)
    if await asyncio.to_thread(text_of, file) == await asyncio.to_thread(operator.source, now):
        proc.say(f"{file.name} is what this run has")
        return False
    if now.status.value in ("COMPLETED", "CANCELLED"):
        proc.say(f"{file.name} is right; this run is {now.status.value.lower()}, new runs take it")
        return False
    keep = Choice("leave", "Only keep the file", "this run keeps its own")
    resume = Choice("resume", "Resume with it", "what matches is not done again")
    # Who edits what failed mostly wants it to go on; what still goes on by itself is better left alone.
    choices = [resume, keep] if now.status.value == "FAILED" else [keep, resume]
    text = (
        f"{file.name} is right, and differs from what this run has. "
        "The run can go on with it; its record is replayed with the new text first."
    )
    if await proc.push_screen_wait(QuestionDialog("Resume with the edited text?", text, choices)) != "resume":
        proc.say(f"{file.name} is kept; the run goes on with its own text, until E resumes it with this one")
        return False
    return await _resume(proc, now)


async def _resume(proc: ProcTui, run: Run) -> bool:
    try:
        await asyncio.to_thread(proc.operator.resume_edited, run)
    except Divergence as error:
        return await _diverged(proc, run, error)
    except ProcError as error:
        proc.say(str(error), "error")
        return False
    _resumed(proc)
    return False


async def _diverged(proc: ProcTui, run: Run, error: Divergence) -> bool:
    records = await asyncio.to_thread(proc.operator.log, run, after=error.seq - 1, kinds=(Ended.kind,))
    names = [record.event.name for record in records if isinstance(record.event, Ended)]
    again = f"does {several(len(names), 'operation')} again: {listed(names, 3)}" if names else "does nothing again"
    text = (
        f"The new text does not do what was recorded at event {error.seq}.\n\n"
        f"recorded: {_side(error.recorded, 'nothing more')}\n"
        f"asked:    {_side(error.asked, 'nothing more')}\n\n"
        "Nothing was changed. Cutting forgets the record from there on; what was done outside is not undone."
    )
    choices = [
        Choice("again", "Edit again", "from the line that differs"), Choice("leave", "Leave the run as it is"),
        Choice("cut", "Cut there and go on", again),
    ]  # fmt: skip
    answer = await proc.push_screen_wait(QuestionDialog("The edited text goes another way", text, choices))
    if answer == "cut":
        try:
            await asyncio.to_thread(lambda: proc.operator.resume_edited(run, cut=True))
        except ProcError as refused:
            proc.say(str(refused), "error")
        else:
            _resumed(proc)
    return answer == "again"


def _side(side: Side | None, otherwise: str) -> str:
    return (
        f"{side.what}{' ' + side.detail if side.detail else ''} (line {side.line})" if side is not None else otherwise
    )


def _resumed(proc: ProcTui) -> None:
    proc.look_at(None)
    proc.feed.look()
    proc.say("the run goes on with the edited text")
