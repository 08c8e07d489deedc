"""`proc-tui run`: starts a procedure and drives it here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ...core.errors import ParameterError
from ..console.agreement import ask_for_trust, may_want_tools
from ..console.answering import Answering
from ..console.chatting import Chatting
from ..console.completion import complete_procedure
from ..console.ending import conclude
from ..console.foreground import Foreground
from ..console.output import say, say_json, tell
from ..console.progress import Progress
from ..console.terminal import Terminal, is_interactive
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace

if TYPE_CHECKING:
    from ...core.agents.replies import Replies
    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from ...core.scripted import AnswersFile


@click.command("run")
@click.argument("target", metavar="NAME|FILE", type=TEXT, shell_complete=complete_procedure)
@click.option(
    "-p", "--param", "texts", multiple=True, metavar="NAME=VALUE", help="A parameter; lists and objects as JSON."
)
@click.option(
    "--params", "params_file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True),
    help="Parameters as a YAML or JSON map; -p wins. `-` reads standard input.",
)  # fmt: skip
@click.option(
    "--answers", "answers_file", metavar="FILE", type=click.Path(path_type=Path),
    help="A YAML list that answers what is asked, in order.",
)  # fmt: skip
@click.option(
    "--replies", "replies_file", metavar="FILE", type=click.Path(path_type=Path),
    help="A YAML file of what models reply; none is called.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Start only; a worker (proc-tui watch) drives it.")
@json_option
@pass_workspace
def run_command(
    workspace: Workspace,
    target: str,
    texts: tuple[str, ...],
    params_file: Path | None,
    answers_file: Path | None,
    replies_file: Path | None,
    detach: bool,
    as_json: bool,
) -> int:
    """Run the procedure NAME of the workspace, or the one in FILE, and print its result.

    On a terminal it shows what goes on, asks its questions and talks here. Without one, or with --json, it stops at the
    first question, or when it waits to be talked to, with exit code 3 and says so. ^C lets go: the run stays as it was
    recorded.
    """
    answers = load_answers(answers_file)
    replies = load_replies(replies_file)
    plain = _read_params(params_file) if params_file is not None else {}
    with workspace.open(create=True) as operator:
        seen = operator.newest_event()
        program = operator.program(target)
        from ...core.document import params

        values = params.parse(program.procedure.params, texts)
        if not as_json and may_want_tools(program.bundle.text):
            ask_for_trust(operator.workspace)
        plain = {name: value for name, value in plain.items() if name not in values}
        with Progress(quiet=as_json).patient("looking for the tools that it names …"):
            run = operator.start(program, plain, values=values, replies=replies)
        if detach:
            _detached(run, as_json=as_json)
            return 0
        return drive(operator, run, answers=answers, as_json=as_json, seen=seen)


def drive(operator: Operator, run: Run, *, answers: AnswersFile | None, as_json: bool, seen: int) -> int:
    """Drives a run in this process and says how it came out; returns the exit code."""
    progress = Progress(quiet=as_json)
    terminal = Terminal() if not as_json and is_interactive() else None
    answering = Answering(operator, answers=answers, terminal=terminal, say=progress.line, now=time.time)
    chatting = Chatting(operator, run, answers=answers, terminal=terminal, say=progress.line)
    stopped = Foreground(operator, run, answering, chatting, progress, seen=seen).drive()
    code = conclude(operator, run, stopped, as_json=as_json)
    for item in answers.leftover if answers is not None else ():
        what = "never said" if item.type == "chat" else "never asked for"
        tell(f"{what}: {item}")
    return code


def load_answers(file: Path | None) -> AnswersFile | None:
    """The answers of `--answers`. Raises `AnswersError`."""
    if file is None:
        return None
    from ...core.scripted import AnswersFile

    return AnswersFile.load(file)


def load_replies(file: Path | None) -> Replies | None:
    """The scripted replies of `--replies`. Raises `RepliesError`."""
    if file is None:
        return None
    from ...core.agents.replies import Replies

    return Replies.load(file)


def _read_params(file: Path) -> dict[str, object]:
    """The map of `--params`. Raises `ParameterError`."""
    from ..readable import plain_yaml, read_text

    try:
        found = plain_yaml(read_text(file))
    except OSError as error:
        raise ParameterError(f"cannot read {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ParameterError(f"{file} is not YAML or JSON: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ParameterError(f"{file} must be a map of parameters by name")
    return {str(name): value for name, value in cast("dict[object, object]", found).items()}


def _detached(run: Run, *, as_json: bool) -> None:
    if as_json:
        from ..shapes import outcome

        say_json(outcome(run, None, []))
        return
    say(run.id)
    tell("started; it goes on when a worker drives it: proc-tui watch")
