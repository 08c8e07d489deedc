"""`proc-tui reset` and `fork`: going back to an earlier point of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ...core.errors import Refused
from ...core.model.states import RunStatus
from ..clean import oneline
from ..console.completion import complete_run
from ..console.output import say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..shapes import run_row
from ..words import listed, several

if TYPE_CHECKING:
    from ...core.journal.runs import Run
    from ...core.operator import Operator, Plan

AFTER = click.option(
    "--after", type=TEXT, metavar="NAME",
    help="Forget the checkpoint NAME and everything after it.  [default: everything but the parameters]",
)  # fmt: skip


@click.command("reset")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@AFTER
@click.option("-y", "--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@json_option
@pass_workspace
def reset_command(workspace: Workspace, name: str, after: str | None, yes: bool, as_json: bool) -> int:
    """Forget what RUN did after a point and do it again from there, as a new attempt.

    Requests that are pending are withdrawn, children that were started after the point are cancelled. Earlier attempts
    stay readable. First it shows what that means, and asks.
    """
    with workspace.open() as operator:
        run = operator.run(name)
        if run.status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
            raise Refused(f"run {run.id} is {run.status.value.lower()}: it cannot be reset, but it can be forked")
        plan = operator.plan_reset(run, after)
        if not yes:
            _show(run, plan)
            if as_json or not sys.stdin.isatty():
                raise click.UsageError("there is no terminal to ask on; say --yes to reset it")
            if not click.confirm("reset it?", default=False, err=True):
                tell("nothing was changed")
                return 1
        operator.reset(run, after)
        _done(operator, operator.run(run.id), plan, as_json=as_json)
    return 0


def _show(run: Run, plan: Plan) -> None:
    tell(f"reset of {run.id} ({oneline(run.procedure)}, {run.status.value.lower().replace('_', ' ')}):")
    names = [oneline(item) for item in plan.checkpoints]
    tell(f"  done again:  {listed(names, 10) or 'nothing'}")
    if plan.requests:
        tell(f"  withdrawn:   {several(len(plan.requests), 'request')} ({listed(list(plan.requests))})")
    if plan.children:
        tell(f"  cancelled:   {several(len(plan.children), 'child', 'children')} ({listed(list(plan.children))})")


def _done(operator: Operator, run: Run, plan: Plan, *, as_json: bool) -> None:
    if as_json:
        say_json({
            **{name: getattr(run_row(run), name) for name in run_row(run).__struct_fields__},
            "forgotten": list(plan.checkpoints), "withdrawn": list(plan.requests), "cancelled": list(plan.children),
        })  # fmt: skip
        return
    done = [several(len(plan.checkpoints), "operation") + " forgotten"]
    if plan.requests:
        done.append(several(len(plan.requests), "request") + " withdrawn")
    if plan.children:
        done.append(several(len(plan.children), "child", "children") + " cancelled")
    tell(f"{run.id} begins attempt {run.attempt}: {', '.join(done)}")
    tell(f"drive it: proc-tui resume {run.id}, unless a proc-tui watch runs")


@click.command("fork")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@AFTER
@json_option
@pass_workspace
def fork_command(workspace: Workspace, name: str, after: str | None, as_json: bool) -> int:
    """Make a new run of what RUN did before a point; RUN itself stays as it is.

    The new run has the same parameters, seed and clock, and does not do again what it keeps.
    """
    with workspace.open() as operator:
        run = operator.fork(operator.run(name), after)
        if as_json:
            say_json(run_row(run))
        else:
            say(run.id)
            tell(f"forked; drive it: proc-tui resume {run.id}, unless a proc-tui watch runs")
    return 0
