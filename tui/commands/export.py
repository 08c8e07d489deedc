"""`proc-tui export`: a run as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ...core.errors import NotFound, Refused
from ...core.journal.events import summary_fields
from ..clean import oneline, safe_json
from ..console.completion import complete_run
from ..console.output import tell
from ..console.workspace import TEXT, Workspace, json_option, pass_workspace
from ..conversation import messages
from ..export_answers import answers_file
from ..shapes import details, request_shape
from ..words import several, stamp

if TYPE_CHECKING:
    from ...core.journal.runs import Run
    from ...core.operator import Operator

FORMATS = ("json", "html", "answers", "replies", "case")
LATER = {"case": "makes a test case"}


@click.command("export")
@click.argument("name", metavar="RUN", type=TEXT, shell_complete=complete_run)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="json", show_default=True, help="What to write.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="[default: standard output]"
)
@click.option("--force", is_flag=True, help="Write over FILE when it exists.")
@click.option(
    "--at", type=click.IntRange(min=1), metavar="SEQ", help="The page as of when this event was recorded, for html."
)
@json_option
@pass_workspace
def export_command(
    workspace: Workspace, name: str, kind: str, output: Path | None, force: bool, at: int | None, as_json: bool
) -> int:
    """Write RUN with its children: everything as JSON, a page to read as HTML, or what people answered or models said.

    The page stands alone: one file that asks for nothing else, to read, print, or hand to somebody. Very long runs are
    shortened in it, which it says.

    An answers file makes `proc-tui run --answers FILE` go the same way again, a replies file `--replies FILE`, without
    calling a model.
    """
    if kind in LATER:
        raise click.UsageError(
            f"--format {kind} {LATER[kind]}, and this version runs none yet; there are json, html, answers and replies"
        )
    kind = "json" if as_json else kind
    if at is not None and kind != "html":
        raise click.UsageError("--at goes with --format html; proc-tui show RUN --at SEQ --json has an earlier moment")
    with workspace.open() as operator:
        run = operator.run(name)
        if at is not None and at > run.last_seq:
            raise NotFound(f"run {run.id} has {several(run.last_seq, 'event')}; there is no event {at}")
        text = _write(operator, run, kind, at)
    if output is None:
        click.echo(text.encode(), nl=False)
        return 0
    try:
        with output.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise Refused(f'"{oneline(output)}" exists already; --force writes over it') from None
    except OSError as error:
        raise Refused(f'cannot write "{oneline(output)}": {error.strerror or error}') from None
    tell(f"wrote {oneline(output)}")
    return 0


def _write(operator: Operator, run: Run, kind: str, at: int | None) -> str:
    if kind == "html":
        from ..page.document import page

        return page(operator, run, at=at)
    if kind == "answers":
        return answers_file(operator, run)
    if kind == "replies":
        return _replies(operator, run)
    return safe_json(msgspec.json.encode(_exported(operator, run)).decode()) + "\n"


def _replies(operator: Operator, run: Run) -> str:
    """What models said in the run and below it, for `run --replies`."""
    from ...core.agents.script import script_of

    tree = [(member.procedure, place, operator.records(member)) for member, place in operator.tree(run)]
    head = f"# What models said in {oneline(run.procedure)}, run {run.id}.\n"
    return head + script_of(tree)


def _exported(operator: Operator, run: Run) -> dict[str, object]:
    """The run, its source and its events, with its children in the same form."""
    records = operator.records(run)
    fold = operator.fold(run)
    children = operator.runs(parent=run.id)
    requests = [request_shape(item, run.procedure) for item in operator.inbox(run=run.id)]
    shape = msgspec.to_builtins(
        details(run, fold, said=messages(records), requests=requests, children=children, partial=operator.partial(run))
    )
    shape["file"] = run.file
    shape["source"] = operator.source(run)
    shape["events"] = [
        {
            "seq": record.seq,
            "at": stamp(record.at),
            "line": record.line,
            "kind": record.event.kind,
            "data": summary_fields(record.event),
        }
        for record in records
    ]
    shape["children"] = [_exported(operator, child) for child in children]
    return shape
