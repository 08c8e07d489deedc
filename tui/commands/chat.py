"""`proc-tui chat`: talks with the shipped assistant, or with any run that listens."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..console.agreement import ask_for_trust, may_want_tools
from ..console.answering import Answering
from ..console.chatting import Chatting
from ..console.completion import complete_run
from ..console.ending import conclude, used
from ..console.foreground import Foreground, Stopped
from ..console.output import paint, tell
from ..console.progress import Progress
from ..console.terminal import Terminal, is_interactive
from ..console.workspace import TEXT, Workspace, pass_workspace
from .run import load_replies

if TYPE_CHECKING:
    from ...core.agents.replies import Replies
    from ...core.journal.runs import Run
    from ...core.operator import Operator

ASSISTANT = "assistant"


@click.command("chat")
@click.argument("name", metavar="[RUN]", required=False, type=TEXT, shell_complete=complete_run)
@click.option(
    "--replies", "replies_file", metavar="FILE", type=click.Path(path_type=Path),
    help="A YAML file of what models reply; none is called.",
)  # fmt: skip
@pass_workspace
def chat_command(workspace: Workspace, name: str | None, replies_file: Path | None) -> int:
    """Talk with the assistant, which knows the procedures of the workspace and starts them when you agree.

    With RUN the conversation goes on with a run that listens. What its runs ask is asked here. ^D leaves; the
    conversation stays as it is, and goes on with: proc-tui chat RUN
    """
    if name is not None and replies_file is not None:
        raise click.UsageError("--replies is for a new conversation; a run keeps the replies that it was started with")
    if not is_interactive():
        raise click.UsageError("chat needs a terminal; from a program use: proc-tui send RUN TEXT, and log or show")
    with workspace.open(create=True) as operator:
        seen = operator.newest_event()
        run = _begun(operator, load_replies(replies_file)) if name is None else operator.resume(operator.run(name))
        progress, terminal = Progress(), Terminal()
        chatting = Chatting(operator, run, answers=None, terminal=terminal, say=progress.line, alone=True)
        answering = Answering(operator, answers=None, terminal=terminal, say=progress.line, now=time.time)
        stopped = Foreground(operator, run, answering, chatting, progress, seen=seen).drive()
        if chatting.over or stopped is Stopped.INTERRUPTED:
            tell(f"left the conversation {run.id}{paint(used(operator, run), 'quiet')}")
            tell(f"  go on: proc-tui chat {run.id}    what it started goes on with: proc-tui watch")
            return 0
        return conclude(operator, run, stopped, as_json=False)


def _begun(operator: Operator, replies: Replies | None) -> Run:
    """A new conversation. Raises `PrimitiveError` that says what to set when there is no model to talk with."""
    program = operator.program(ASSISTANT)
    if may_want_tools(program.bundle.text):
        ask_for_trust(operator.workspace)
    if replies is None:
        operator.models.get(None)
    return operator.start(program, replies=replies)
