"""`proc-tui new`: a procedure file to begin with."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ..clean import oneline
from ..console.output import say, say_json, tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..templates import TEMPLATES, write

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _about(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, (_, about) in TEMPLATES.items():
            say(f"{name:<10} {about}")
        raise click.exceptions.Exit(0)


@click.command("new")
@click.argument("name", type=TEXT)
@click.option(
    "--template", type=click.Choice(list(TEMPLATES)), default="minimal", show_default=True, help="What to begin with."
)
@click.option(
    "--templates", is_flag=True, is_eager=True, expose_value=False, callback=_about, help="List the templates."
)
@json_option
@pass_workspace
def new_command(workspace: Workspace, name: str, template: str, as_json: bool) -> int:
    """Write the procedure NAME to NAME.yaml in the workspace; a NAME with a folder or .yaml is taken as the file.

    Nothing is ever overwritten.
    """
    given = Path(name)
    is_file = given.suffix in (".yaml", ".yml") or given.name != name
    file = (
        (given if given.suffix in (".yaml", ".yml") else given.with_name(f"{given.name}.yaml"))
        if is_file
        else (workspace.folder / f"{name}.yaml")
    )
    stem = file.stem
    if not _NAME.fullmatch(stem):
        raise click.UsageError(
            f'"{oneline(stem)}" is not a name: use letters, digits, - and _, beginning with a letter'
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        written = write(file, template)
    except FileExistsError:
        raise click.UsageError(f"{oneline(file)} exists already; it was left as it is") from None
    except OSError as error:
        raise click.UsageError(f"cannot write {oneline(file)}: {error.strerror or error}") from None
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    if as_json:
        say_json({"file": str(shown), "procedure": stem, "template": template})
    else:
        say(oneline(shown))
        for other in written[1:]:
            tell(f"beside it: {oneline(other.name)}")
        tell(f"written; run it with: proc-tui run {stem if not is_file else shown} ...  (the first lines say how)")
    return 0
