"""`proc-tui log`: what a run logged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ..console.completion import complete_run
from ..console.news import log_line
from ..console.output import say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import log_entry

if TYPE_CHECKING:
    from ...core.journal.events import Record

POLL_SECONDS = 0.1
WINDOW = 2000
LEVELS = ("debug", "info", "warn", "error", "critical")


@click.command("log")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Begin with the last N.")
@click.option("--level", type=click.Choice(LEVELS), default="debug", show_default=True, help="This level and above.")
@json_option
@pass_workspace
def log_command(workspace: Workspace, name: str, follow: bool, lines: int | None, level: str, as_json: bool) -> int:
    """Show the log lines, notifications and alerts of RUN."""

    def show(records: list[Record]) -> None:
        for record in records:
            if _rank(record) >= LEVELS.index(level):
                if as_json:
                    say_json(log_entry(record))
                else:
                    say(log_line(record))

    with workspace.open() as operator:
        run = operator.run(name)
        after = 0
        if lines is not None:
            found = operator.log(run, limit=lines, newest=True) if lines else []
            show(found)
            after = max((record.seq for record in found), default=run.last_seq if not lines else 0)
        version = -1
        while True:
            changed = operator.data_version()
            if changed != version:
                version = changed
                run = operator.run(run.id)
                while found := operator.log(run, after=after, limit=WINDOW):
                    show(found)
                    after = found[-1].seq
            if not follow:
                return 0
            if run.status.ended:
                if not as_json:
                    tell(f"run {run.id} {run.status.value.lower()}")
                return 0
            time.sleep(POLL_SECONDS)


def _rank(record: Record) -> int:
    level = str(getattr(record.event, "level", "info"))
    return LEVELS.index({"warning": "warn"}.get(level, level)) if {"warning": "warn"}.get(level, level) in LEVELS else 1
