"""`proc-tui stop`, `cancel`, `send`, `alert`: a word to a run, or to everybody."""

from __future__ import annotations

import sys
from typing import Literal, get_args

import click

from ..console.completion import complete_run
from ..console.output import say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import run_row

Level = Literal["info", "warning", "error", "critical"]


@click.command("stop")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("--reason", type=TEXT, default="", metavar="TEXT", help="What the run is told.")
@json_option
@pass_workspace
def stop_command(workspace: Workspace, name: str, reason: str, as_json: bool) -> int:
    """Ask RUN to stop: its code sees it and ends when it can. Waits are not interrupted; `cancel` ends a run now."""
    with workspace.open() as operator:
        run = operator.run(name)
        operator.stop(run, reason)
        if as_json:
            say_json(run_row(operator.run(run.id)))
        else:
            tell(
                f"{run.id} was asked to stop, and sees it at its next operation; "
                f"to end it now: proc-tui cancel {run.id}"
            )
    return 0


@click.command("cancel")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@json_option
@pass_workspace
def cancel_command(workspace: Workspace, name: str, as_json: bool) -> int:
    """End RUN and its children now, waits included. A cancelled run can be forked, not resumed."""
    with workspace.open() as operator:
        run = operator.run(name)
        living = [child for child in operator.runs(root=run.root) if not child.status.ended and child.id != run.id]
        operator.cancel(run)
        ended = [child for child in living if operator.run(child.id).status.ended]
        if as_json:
            say_json(run_row(operator.run(run.id)))
        else:
            more = f" and {len(ended)} {'child' if len(ended) == 1 else 'children'}" if ended else ""
            tell(f"{run.id}{more} cancelled")
    return 0


@click.command("send")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.argument("text", type=TEXT)
@json_option
@pass_workspace
def send_command(workspace: Workspace, name: str, text: str, as_json: bool) -> int:
    """Send RUN the message TEXT; `-` reads it from standard input. It arrives at the run's next operation."""
    if text == "-":
        text = sys.stdin.read().rstrip("\n")
    if not text.strip():
        raise click.UsageError("the message is empty")
    with workspace.open() as operator:
        run = operator.run(name)
        operator.send(run, text)
        if as_json:
            say_json(run_row(operator.run(run.id)))
        else:
            tell(f"sent to {run.id}")
    return 0


@click.command("alert")
@click.argument("level", type=click.Choice(get_args(Level), case_sensitive=False))
@click.argument("text", type=TEXT)
@click.option("--source", type=TEXT, metavar="NAME", help="What raises it.")
@json_option
@pass_workspace
def alert_command(workspace: Workspace, level: str, text: str, source: str | None, as_json: bool) -> int:
    """Raise an alert that belongs to no run; everybody who watches the workspace sees it."""
    if not text.strip():
        raise click.UsageError("the text of the alert is empty")
    with workspace.open(create=True) as operator:
        operator.alert(level.lower(), text, source=source or "")
    if as_json:
        say_json({"level": level.lower(), "message": text, "source": source})
    else:
        tell("alert raised")
    return 0
