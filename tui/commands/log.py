"""`proc-tui log`: what a run logged, or all that happened in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import msgspec

from ..console.completion import complete_run
from ..console.news import HAPPENED, LOG, log_line, milestone
from ..console.output import paint, say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import log_entry
from ..words import time_of_day

if TYPE_CHECKING:
    from ...core.journal.events import Record
    from ...core.journal.runs import Run
    from ...core.operator import Operator

POLL_SECONDS = 0.1
WINDOW = 2000
LEVELS = ("debug", "info", "warn", "error", "critical")


@click.command("log")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Begin with the last N.")
@click.option("-a", "--all", "everything", is_flag=True, help="Replies, calls of tools, questions, stages too.")
@click.option("--level", type=click.Choice(LEVELS), default="debug", show_default=True, help="This level and above.")
@json_option
@pass_workspace
def log_command(
    workspace: Workspace, name: str, follow: bool, lines: int | None, everything: bool, level: str, as_json: bool
) -> int:
    """Show the log lines, notifications and alerts of RUN, and the replies of models that failed."""
    shown = _Shown(LEVELS.index(level), everything=everything, as_json=as_json)
    with workspace.open() as operator:
        run = operator.run(name)
        after = 0
        if lines is not None:
            found = shown.last(operator, run, lines)
            shown.show(found)
            after = max((record.seq for record in found), default=run.last_seq if not lines else 0)
        version = -1
        while True:
            changed = operator.data_version()
            if changed != version:
                version = changed
                run = operator.run(run.id)
                while found := operator.log(run, after=after, limit=WINDOW, kinds=shown.kinds):
                    shown.show(found)
                    after = found[-1].seq
            if not follow or run.status.ended:
                break
            time.sleep(POLL_SECONDS)
        if follow and not as_json and not everything:
            tell(f"run {run.id} {run.status.value.lower()}")
        elif not shown.any and not everything and not as_json and operator.fold(run).agents.turns:
            tell(f"nothing was logged; what its agents said and did: proc-tui log {run.id} --all")
    return 0


class _Shown:
    """What is shown of a run's events, and how."""

    def __init__(self, level: int, *, everything: bool, as_json: bool) -> None:
        self._level = level
        self._as_json = as_json
        self.kinds: tuple[str, ...] = HAPPENED if everything else LOG
        self.any: bool = False
        """Whether anything was shown."""

    def show(self, records: list[Record]) -> None:
        """Prints those that are wanted."""
        for record in records:
            if _rank(record) < self._level:
                continue
            text = None if record.event.kind in LOG else milestone(record.event)
            if record.event.kind not in LOG and text is None:
                continue
            self.any = True
            if self._as_json:
                entry = log_entry(record)
                say_json(entry if text is None else msgspec.structs.replace(entry, message=click.unstyle(text)))
            else:
                say(log_line(record) if text is None else f"{paint(time_of_day(record.at), 'quiet')}       {text}")

    def last(self, operator: Operator, run: Run, number: int) -> list[Record]:
        """The newest so many events that are something to show."""
        limit = number
        while number:
            found = operator.log(run, limit=limit, newest=True, kinds=self.kinds)
            told = [record for record in found if record.event.kind in LOG or milestone(record.event) is not None]
            if len(told) >= number or len(found) < limit:
                return told[-number:]
            limit *= 4
        return []


def _rank(record: Record) -> int:
    event = record.event
    if getattr(event, "failed", False):
        return LEVELS.index("warn")
    level = str(getattr(event, "level", "info")).replace("warning", "warn")
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("info")
