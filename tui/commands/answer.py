"""`proc-tui answer`: answers one request."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ...core.errors import Refused
from ...core.journal.runs import SOON
from ...core.model.workspace import TOOL_MARK
from ...core.operator import Given
from ...core.values import as_bytes
from ..clean import oneline
from ..console.cards import how_to_answer
from ..console.completion import complete_request
from ..console.output import paint, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..readable import brief, of_yaml, read_text

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest
    from ...core.operator import Operator
    from ...core.values import Value

NOTICE_SECONDS = 0.3
"""How long a worker may take to take up a run that was answered."""


@click.command("answer")
@click.argument("name", metavar="REQUEST|RUN", type=TEXT, shell_complete=complete_request)
@click.option("--approve/--reject", "approved", default=None, help="Approve or reject.")
@click.option("--text", type=TEXT, metavar="T", help="The text that is asked for; `-` reads standard input.")
@click.option("--decision", type=TEXT, metavar="D", help="One of the decisions of a review.")
@click.option("--feedback", type=TEXT, metavar="F", help="A comment with the decision.")
@click.option("--artifact", metavar="FILE", type=click.Path(path_type=Path), help="The edited artifact of a review.")
@click.option("--note", type=TEXT, metavar="N", help="How an escalation was resolved.")
@click.option("--confirm", type=TEXT, metavar="WORD", help="The word that a dangerous request wants typed.")
@click.option("--by", type=TEXT, metavar="NAME", help="Who answers.  [default: your name in the interface, or user]")
@json_option
@pass_workspace
def answer_command(
    workspace: Workspace,
    name: str,
    approved: bool | None,
    text: str | None,
    decision: str | None,
    feedback: str | None,
    artifact: Path | None,
    note: str | None,
    confirm: str | None,
    by: str | None,
    as_json: bool,
) -> int:
    """Answer REQUEST, or the only request of RUN. It takes effect at once.

    Of two answers to one request exactly one is taken, and the other is told who was first.
    """
    if os.environ.get(TOOL_MARK):
        refuse_agents()
    if text == "-":
        text = sys.stdin.read().rstrip("\n")
    empty = approved is None and text is None and decision is None and note is None and feedback is None
    with workspace.open() as operator:
        request = operator.request(name)
        if empty:
            raise click.UsageError(f'give the answer to "{brief(request.message)}": {how_to_answer(request)}')
        given = Given(
            approved=approved, text=text, decision=decision, feedback=feedback, note=note, typed=confirm,
            artifact=_edited(request, artifact) if artifact is not None else None,
        )  # fmt: skip
        _check_fits(request, given)
        accepted = operator.answer(request.id, given, by=by, via="command line")
        driven = accepted.resolved and not as_json and _goes_on(operator, request.run)
        root = operator.run(request.run).root
    if as_json:
        say_json({
            "request": accepted.request, "run": accepted.run, "by": by or operator.user,
            "resolved": accepted.resolved, "missing": accepted.missing,
        })  # fmt: skip
        return 0
    tell(f"{paint('answered', 'good')} {request.id}")
    if not accepted.resolved:
        more = "1 more person has" if accepted.missing == 1 else f"{accepted.missing} more people have"
        tell(f"{more} to answer before the run goes on")
    elif driven:
        tell("it goes on now")
    else:
        tell(f"it goes on when a worker drives it: proc-tui resume {root}, or proc-tui watch")
    return 0


def _goes_on(operator: Operator, name: str) -> bool:
    """Whether a worker takes the run up at once; waits a moment to see it, since idle workers leave no trace."""
    deadline = time.monotonic() + NOTICE_SECONDS
    while operator.run(name).wake_at == SOON and operator.run(name).owner is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def refuse_agents() -> NoReturn:
    """Raises `Refused`: this program was started by an agent."""
    raise Refused(f"people answer requests: this program was started as a tool of an agent ({TOOL_MARK} is set)")


def _check_fits(request: PendingRequest, given: Given) -> None:
    """Refuses what the request has no place for, which would be lost in silence. Raises `Refused`."""
    allowed = {
        "approval": ("approved", "feedback"),
        "input": ("text",),
        "review": ("decision", "approved", "feedback", "artifact"),
        "escalation": ("note", "text", "feedback"),
    }.get(request.type, ())
    options = {
        "approved": "--approve or --reject", "text": "--text", "decision": "--decision", "feedback": "--feedback",
        "artifact": "--artifact", "note": "--note",
    }  # fmt: skip
    for field, option in options.items():
        if getattr(given, field) is not None and field not in allowed:
            wants = " or ".join(dict.fromkeys(options[item] for item in allowed))
            article = "an" if request.type[0] in "aei" else "a"
            raise Refused(f"request {request.id} is {article} {request.type}: {option} does not fit; give {wants}")


def _edited(request: PendingRequest, file: Path) -> Value:
    """The artifact in a file, in the type that the request has. Raises `Refused`."""
    original = request.event.data.get("artifact")
    try:
        text = read_text(file)
        return text if original is None or as_bytes(original) is not None else of_yaml(text)
    except OSError as error:
        raise Refused(f'cannot read the artifact "{oneline(file)}": {error.strerror or error}') from None
    except UnicodeDecodeError:
        raise Refused(f'the artifact "{oneline(file)}" is not UTF-8 text') from None
    except ValueError as error:
        raise Refused(f'the artifact "{oneline(file)}" must be a table (YAML or JSON): {error}') from None
