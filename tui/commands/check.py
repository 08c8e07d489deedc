"""`proc-tui check`: every problem of procedure files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core import document
from ...core.errors import DocumentError, NotFound, did_you_mean
from ...core.model.workspace import find_workspace
from ..clean import oneline
from ..console.output import paint, say, say_json, tell
from ..console.problems import show_diagnostics
from ..console.workspace import TEXT, json_option
from ..shapes import diagnostic_shape
from ..words import several

if TYPE_CHECKING:
    from ...core.document import Diagnostic


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=TEXT)
@json_option
def check_command(files: tuple[str, ...], as_json: bool) -> int:
    """Check each FILE with the lib/ beside it, and show every problem with its place.

    Exit code 1 when there are errors; warnings alone are 0.
    """
    found: list[Diagnostic] = []
    workspaces = Workspaces()
    for name in files:
        problems = examine(Path(name), workspaces)
        found += problems
        if as_json:
            for item in problems:
                say_json(diagnostic_shape(item))
            continue
        show_diagnostics(problems)
        if not problems:
            say(f"{oneline(name)}: {paint('ok', 'good')}")
    errors = sum(item.severity == "error" for item in found)
    if found and not as_json:
        warnings = sum(item.severity == "warning" for item in found)
        tell(f"{several(errors, 'error')}, {several(warnings, 'warning')} in {several(len(files), 'file')}")
    return 1 if errors else 0


class Workspaces:
    """The names that the workspaces of the checked files declare: each is looked through once."""

    def __init__(self) -> None:
        self._roots: dict[Path, Path] = {}
        self._names: dict[Path, dict[str, list[Path]]] = {}

    def namesakes(self, file: Path) -> list[Diagnostic]:
        """Which other files of its workspace have the name of this one."""
        folder = file.parent
        root = self._roots.get(folder)
        if root is None:
            root = self._roots[folder] = find_workspace(folder)
            if root not in self._names:
                self._names[root] = document.by_name(root)
        return document.namesakes(file, root, self._names[root])


def examine(file: Path, workspaces: Workspaces) -> list[Diagnostic]:
    """The diagnostics of a file and its `lib/`. Raises `NotFound` when the file cannot be read."""
    try:
        raw = document.read_file(file)
    except OSError as error:
        near = [item.name for item in file.parent.glob("*.y*ml")] if file.parent.is_dir() else []
        raise NotFound(f'cannot read "{file}": {error.strerror or error}{did_you_mean(file.name, near)}') from None
    shared = workspaces.namesakes(file)
    try:
        libs = document.pin(file)
    except DocumentError as error:
        return [*document.examine(raw, str(file))[1], *error.diagnostics, *shared]
    return [*document.examine(raw, str(file), libs=libs)[1], *shared]
