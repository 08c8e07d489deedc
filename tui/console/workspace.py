"""The workspace that a command is about, found and opened when it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.model.workspace import FOLDER, find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...core.operator import Operator


class Workspace:
    """The folder of `--workspace`, or the nearest one that holds runs."""

    def __init__(self, given: Path | None) -> None:
        self.folder: Path = given.resolve() if given is not None else find_workspace(Path.cwd())

    def open(self, *, create: bool = False) -> Operator:
        """The operator of the workspace. Raises `NotFound` when there is none yet, unless `create`."""
        from ...core.operator import Operator
        from ..memory import claimed_name

        return Operator.open(self.folder, create=create, user=claimed_name() or None)

    def waiting(self) -> str:
        """One line about what waits in this workspace; costs nothing where nothing was ever run."""
        if not (self.folder / FOLDER).is_dir():
            return ""
        from ...core.errors import ProcError
        from ..words import several

        try:
            with self.open() as operator:
                pending = operator.inbox()
                counts = operator.counts()
        except ProcError:
            return ""
        living = sum(number for status, number in counts.items() if not status.ended)
        if not counts:
            return ""
        if pending:
            return (
                f"{several(len(pending), 'request')} in {self.folder} {'wait' if len(pending) > 1 else 'waits'} for a "
                "person: proc-tui inbox"
            )
        return f"Nothing in {self.folder} waits for a person; {several(living, 'run')} going on."


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, the same on every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")(command)


pass_workspace = click.make_pass_decorator(Workspace)


class TextType(click.ParamType[str]):
    """Text from the command line, where bytes that are not UTF-8 became replacement characters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As in the base class."""
        return str(value).encode(errors="surrogateescape").decode(errors="replace")


class DurationType(click.ParamType[float]):
    """A duration in seconds: `90`, `10s`, `8h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As in the base class."""
        from ..words import parse_duration

        if isinstance(value, (int, float)):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


TEXT, DURATION = TextType(), DurationType()
