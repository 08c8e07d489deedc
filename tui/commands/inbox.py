"""`proc-tui inbox`: what waits for a person, listed or answered one by one."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

import click

from ...core.errors import NotFound
from ...core.model.workspace import TOOL_MARK
from ..clean import oneline
from ..console.answering import Answering
from ..console.cards import card, how_to_answer
from ..console.completion import complete_run
from ..console.output import say, say_json, tell
from ..console.terminal import Terminal
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import request_shape
from ..words import several
from .answer import refuse_agents

if TYPE_CHECKING:
    from ...core.operator import Operator


@click.command("inbox")
@click.option("-i", "--interactive", is_flag=True, help="Answer one after the other.")
@click.option(
    "--run", "name", metavar="RUN", type=TEXT, shell_complete=complete_run, help="Of this run and its children."
)
@click.option("--by", metavar="NAME", type=TEXT, help="Who answers.  [default: your name in the interface, or user]")
@json_option
@pass_workspace
def inbox_command(workspace: Workspace, interactive: bool, name: str | None, by: str | None, as_json: bool) -> int:
    """List what waits for a person, nearest deadline first.

    With -i each is asked with plain prompts; ^D leaves one for later, ^C ends. Answers take effect at once; the runs go
    on when a worker drives them.
    """
    if interactive and as_json:
        raise click.UsageError("-i asks on the terminal and --json is for programs; use one of them")
    try:
        operator = workspace.open()
    except NotFound:
        if not as_json:
            tell(f"No runs in {oneline(workspace.folder)} yet, so nothing waits.")
        return 0
    with operator:
        root = operator.run(name).root if name is not None else None
        if interactive:
            return _ask(operator, root, by)
        pending = operator.inbox(root=root)
        now = time.time()
        for index, request in enumerate(pending):
            procedure = operator.run(request.run).procedure
            if as_json:
                say_json(request_shape(request, procedure))
                continue
            if index:
                say()
            for line in card(request, procedure, now):
                say(line)
            say(f"  answer: {how_to_answer(request)}")
        if not pending and not as_json:
            tell("Nothing waits for a person.")
    return 0


def _ask(operator: Operator, root: str | None, by: str | None) -> int:
    if not sys.stdin.isatty():
        raise click.UsageError("inbox -i needs a terminal to ask on; use proc-tui answer REQUEST")
    if os.environ.get(TOOL_MARK):
        refuse_agents()
    return asyncio.run(_ask_each(operator, root, by))


async def _ask_each(operator: Operator, root: str | None, by: str | None) -> int:
    answering = Answering(operator, answers=None, terminal=Terminal(), say=tell, now=time.time, by=by)
    first = operator.inbox(root=root)
    if not first:
        tell("Nothing waits for a person.")
        return 0
    tell(f"{several(len(first), 'request')} to answer (^D: later, ^C: end)")
    async with asyncio.TaskGroup() as group:
        while True:
            pending = operator.inbox(root=root)
            answering.look(pending, group)
            left = {request.id for request in answering.unanswered(pending)}
            if not answering.asking and all(request.id in left for request in pending):
                break
            await asyncio.sleep(0.05)
    tell(f"{several(len(left), 'request')} left for later" if left else "Nothing waits for a person any more.")
    return 0
