"""What the shell offers for runs, requests and procedures; an error offers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from ..clean import oneline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

    from ...core.operator import Operator

OFFERED = 50
"""How many runs are offered, the last touched first."""


def _offer(ctx: click.Context, find: Callable[[Operator], Iterator[CompletionItem]]) -> list[CompletionItem]:
    from ...core.errors import ProcError
    from .workspace import Workspace

    root = ctx.find_root()
    workspace = root.obj if isinstance(root.obj, Workspace) else Workspace(root.params.get("workspace"))
    try:
        with workspace.open() as operator:
            return list(find(operator))
    except (ProcError, OSError):
        return []


def complete_run(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of runs."""

    def find(operator: Operator) -> Iterator[CompletionItem]:
        for run in operator.runs(limit=-1 if incomplete else OFFERED):
            if run.id.startswith(incomplete):
                yield CompletionItem(run.id, help=oneline(f"{run.procedure} {run.status.value.lower()}"))

    return _offer(ctx, find)


def complete_request(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of pending requests."""

    def find(operator: Operator) -> Iterator[CompletionItem]:
        for request in operator.inbox():
            if request.id.startswith(incomplete):
                yield CompletionItem(request.id, help=oneline(request.message)[:60])

    return _offer(ctx, find)


def complete_procedure(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of procedures, then files."""
    import re
    from pathlib import Path

    from .workspace import Workspace

    root = ctx.find_root()
    workspace = root.obj if isinstance(root.obj, Workspace) else Workspace(root.params.get("workspace"))
    names: list[CompletionItem] = []
    # Read here and not by the operator, whose import would make every <tab> wait.
    for file in sorted(workspace.folder.glob("*.y*ml")):
        try:
            if not file.is_file():
                continue
            match = re.search(
                r"^name:[ \t]*[\"']?([\w.-]+)", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
            )
        except OSError:
            continue
        if match and match[1].startswith(incomplete):
            names.append(CompletionItem(match[1], help=file.name))
    if incomplete and (not names or "/" in incomplete or "." in incomplete):
        names.append(CompletionItem(str(Path(incomplete)) if incomplete.endswith(".") else incomplete, type="file"))
    return names
