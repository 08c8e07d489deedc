"""`proc-tui resume` and `resume-all`: going on with runs that failed or were left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.model.states import RunStatus
from ..clean import oneline
from ..console.agreement import ask_for_trust, may_want_tools
from ..console.completion import complete_run
from ..console.ending import tree
from ..console.output import say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..words import several
from .run import drive, load_answers

if TYPE_CHECKING:
    from ...core.journal.runs import Run
    from ...core.operator import Operator


@click.command("resume")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("--edited", is_flag=True, help="With the text that is in the procedure's file now.")
@click.option("--cut", is_flag=True, help="With --edited: forget the record from the first difference on.")
@click.option(
    "--answers", "answers_file", metavar="FILE", type=click.Path(path_type=Path),
    help="A YAML list that answers what is asked, in order.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Do not drive it here; a worker (proc-tui watch) does.")
@json_option
@pass_workspace
def resume_command(
    workspace: Workspace, name: str, edited: bool, cut: bool, answers_file: Path | None, detach: bool, as_json: bool
) -> int:
    """Go on with RUN where its record ends, as `run` does.

    A failed run does the operation that failed it again. What was recorded is not done again.
    """
    if cut and not edited:
        raise click.UsageError(
            "--cut goes with --edited: it says what to do where the edited text differs from the record"
        )
    answers = load_answers(answers_file)
    with workspace.open() as operator:
        seen = operator.newest_event()
        run = operator.run(name)
        if edited:
            plan = operator.resume_edited(run, cut=cut)
            if plan.checkpoints and not as_json:
                tell(f"forgotten, and done again: {oneline(', '.join(plan.checkpoints))}")
            run = operator.run(run.id)
        else:
            run = operator.resume(run)
        for member in tree(operator, run):
            if member.status is RunStatus.BLOCKED and member.id != run.id:
                operator.resume(member)
        if not detach and not as_json and may_want_tools(operator.source(run)):
            ask_for_trust(operator.workspace)
        if not detach:
            return drive(operator, run, answers=answers, as_json=as_json, seen=seen)
        if as_json:
            from ..shapes import outcome

            say_json(outcome(run, operator.ending(run), []))
        else:
            say(run.id)
            tell("it goes on when a worker drives it: proc-tui watch")
        return 0


@click.command("resume-all")
@click.option("--failed", is_flag=True, help="Failed runs too; their failed operations are done again.")
@click.option("--procedure", metavar="NAME", help="Of this procedure only.")
@json_option
@pass_workspace
def resume_all_command(workspace: Workspace, failed: bool, procedure: str | None, as_json: bool) -> int:
    """Drive every run that can go on, until each has ended or waits for a person, a timer or a child.

    Exit code 1 when a run failed meanwhile, else 0.
    """
    from .watch import watch

    with workspace.open() as operator:
        if failed:
            for run in operator.runs(statuses=[RunStatus.FAILED], procedure=procedure):
                if run.parent is None:
                    operator.resume(run)
        for run in operator.runs(statuses=[RunStatus.BLOCKED], procedure=procedure):
            operator.resume(run)
        roots = _roots(operator, procedure)
        if procedure is not None and not roots:
            tell(f"no run of {oneline(procedure)} can go on")
            return 0
        ended = watch(operator, interval=0.2, once=True, as_json=as_json, roots=roots)
        if not as_json:
            waiting = operator.counts(procedure).get(RunStatus.WAITING_FOR_HUMAN, 0)
            tell(f"{several(len(ended), 'run')} ended, {several(waiting, 'run')} waiting for a person")
    return 1 if any(run.status is RunStatus.FAILED for run in ended) else 0


def _roots(operator: Operator, procedure: str | None) -> list[str]:
    """The trees to drive; empty for all."""
    if procedure is None:
        return []
    living: list[Run] = [run for run in operator.runs(procedure=procedure) if not run.status.ended]
    return sorted({run.root for run in living})
