"""The command line: its commands by name, loaded when they are called, and what becomes of their errors.

Belongs here: the global options, the exit codes, and nothing that is slow to import: `--version`, `--help` and
completion load neither a command nor the core. A command is a click command of the same name in `commands/`.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from click.shell_completion import CompletionItem

from ..core import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = "proc-tui"
GC_THRESHOLDS = (50_000, 20, 50)
"""When Python looks for cycles. A run that is read is tens of thousands of small objects without one, and the usual
thresholds double the time it takes to read them."""
INTERRUPTED = 130
"""The exit code after ^C, as shells have it."""

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Procedures": {
        "run": ("run", "Run a procedure, answering its questions here."),
        "check": ("check", "Check procedure files and show every problem."),
        "new": ("new", "Write a new procedure from a template."),
    },
    "Runs": {
        "list": ("list", "List the runs: who needs you, what runs, what ended."),
        "show": ("show", "Show everything about a run, now or at an earlier moment."),
        "status": ("status", "Say where a run is, with --summary in the words of its agent."),
        "log": ("log", "Show what a run logged, and follow it with -f."),
        "resume": ("resume", "Go on with a run that failed or was left."),
        "resume-all": ("resume", "Go on with every run that can go on."),
        "watch": ("watch", "Drive all runs of the workspace until stopped."),
        "stop": ("control", "Ask a run to stop when it can."),
        "cancel": ("control", "End a run and its children now."),
        "send": ("control", "Send a run a message."),
        "reset": ("reset", "Forget what a run did after a point, and do it again."),
        "fork": ("reset", "Make a new run that begins as another one did."),
        "export": ("export", "Write a run as JSON, HTML, an answers or a replies file."),
    },
    "People": {
        "chat": ("chat", "Talk with the assistant of the workspace."),
        "inbox": ("inbox", "List what waits for a person, and answer it with -i."),
        "answer": ("answer", "Answer a request."),
        "handover": ("handover", "Say what happened since you left."),
        "alert": ("control", "Raise an alert in the workspace."),
    },
    "This machine": {
        "demo": ("demo", "Open a copy of the examples, with runs under way."),
        "serve": ("serve", "Serve the interface to a browser on this machine."),
        "trust": ("trust", "Allow the programs that this workspace would start."),
        "config": ("config", "Show the settings in effect and where they come from."),
        "doctor": ("doctor", "Look for what is wrong with this machine or workspace."),
        "completion": ("completion", "Set up completion for your shell."),
    },
}
_ARGS = f"{__name__}.args"
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
"""Module and one line of help of every command."""


class CommandLine(click.Group):
    """The group of all commands; imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As in the base class."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """As in the base class."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".commands.{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in the base class; `proc-tui DIR` means the workspace DIR.

        The arguments are remembered, so that errors of any command know of `--json`.
        """
        ctx.meta[_ARGS] = tuple(args)
        if len(args) == 1 and args[0] not in COMMANDS and Path(args[0]).is_dir():
            args = ["--workspace", args[0]]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in the base class, with a better word about a name that is not a command."""
        if args and args[0] not in COMMANDS:
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As in the base class, by section and without importing the commands."""
        width = max(map(len, COMMANDS))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), entry[1]) for name, entry in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As in the base class, without importing the commands."""
        names = [CompletionItem(name, help=entry[1]) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *(click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else [])]

    def main(  # pyright: ignore[reportIncompatibleMethodOverride] - the overloads of the base class
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command line; never returns, and never shows a traceback for an error that has a name."""
        given = list(args) if args is not None else sys.argv[1:]
        name = prog_name or PROGRAM
        sys.exit(_guarded(lambda: super(CommandLine, self).main(given, name, complete_var, False, **extra), given))

    def invoke(self, ctx: click.Context) -> Any:
        """As in the base class; an error of the core is told, and becomes the exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from ..core.errors import ProcError
            from .console.problems import report

            cause: Exception = error
            while isinstance(cause, ExceptionGroup):
                cause = cast("ExceptionGroup[Exception]", cause).exceptions[0]
            if not isinstance(cause, ProcError):
                raise
            return report(cause, as_json="--json" in ctx.meta[_ARGS], folders=[ctx.obj.folder] if ctx.obj else [])


def _unknown(name: str) -> str:
    from ..core.errors import did_you_mean
    from .clean import oneline

    hint = did_you_mean(name, COMMANDS)
    if not hint and Path(name).is_file():
        hint = f"; to run the file: {PROGRAM} run {name}"
    return f'there is no command "{oneline(name)}"{hint}'


def _guarded(call: Callable[[], object], args: Sequence[str]) -> int:
    """The exit code of a call, with its errors told."""
    try:
        result = call()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        from .console.problems import report_usage

        where = error.ctx if isinstance(error, click.UsageError) else None
        path = where.command_path if where is not None else PROGRAM
        report_usage(error.format_message(), as_json="--json" in args, hint=f"See: {path} --help")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): say nothing more, and let Python not try either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from .console.problems import report_os

        return report_os(error, as_json="--json" in args)


@click.group(cls=CommandLine, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.option(
    "-C", "--workspace", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="The workspace.  [default: the nearest folder with a .proc-tui, else this one]",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, workspace: Path | None) -> None:
    """Durable procedures that wait for people. Without a command the interface opens.

    RUN is the id of a run, the first letters of it, or the name of a procedure that has only one run.

    Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 waiting for a person or for what is missing here, 4 cancelled,
    130 left by ^C.
    """
    from .console.workspace import Workspace

    ctx.obj = Workspace(workspace)
    if ctx.invoked_subcommand is None:
        from .commands.open import open_workspace, why_not

        missing = why_not()
        if not missing:
            ctx.exit(open_workspace(ctx.obj))
        click.echo(ctx.get_help())
        line = ctx.obj.waiting()
        if line:
            click.echo(f"\n{line}")
        click.echo(f"\n{missing}; proc-tui inbox -i asks by plain prompts", err=True)


def _open_streams() -> None:
    """Gives the program standard streams where it was started with closed ones (`>&-`).

    Otherwise the next file that is opened, the journal perhaps, would get their numbers and what is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def main() -> None:
    """The `proc-tui` program."""
    _open_streams()
    gc.set_threshold(*GC_THRESHOLDS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli.main()
