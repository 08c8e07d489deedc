"""`proc-tui demo`: opens the interface on a fresh copy of the examples, with runs under way and scripted models."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import msgspec

from ..console.output import tell
from ..console.workspace import Workspace
from .open import can_open, open_workspace

if TYPE_CHECKING:
    from ...core.operator import Operator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
"""Beside the packages, in a checkout and in an installation."""


class Scene(msgspec.Struct, frozen=True):
    """A run of the demo."""

    procedure: str
    params: dict[str, object] | None = None
    """Other parameters than those beside the example."""


SCENES = (
    Scene("route_search"),  # a graph
    Scene("data_migration"),  # stages, completed
    Scene(
        "access_audit",  # fails at the third account, which has no date
        {
            "accounts": [
                {"name": "amara", "last_login_days": 1, "admin": True},
                {"name": "old-backup-job", "last_login_days": 412, "admin": True},
                {"name": "imported-7731", "admin": False},
            ]
        },
    ),
    Scene("release"),  # an approval with a deadline
    Scene("document_review"),  # a review
    Scene("poet"),  # an agent, with scripted replies
    Scene("trip_planner"),  # an agent whose tools are procedures that ask
)


@click.command("demo")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
def demo_command(folder: Path | None) -> int:
    """Open the interface on a copy of the examples, with some runs under way.

    Models are scripted and tools are the examples' own: nothing leaves this machine, and no key is needed. The copy
    goes into DIR, which must be empty or a demo from before, or into a folder of its own.
    """
    if not can_open():
        raise click.UsageError(
            "the demo needs a terminal; the examples can be run one by one: proc-tui run examples/hello.yaml"
        )
    place = folder or Path(tempfile.mkdtemp(prefix="proc-tui-demo-"))
    fresh = copy_examples(place)
    code = open_workspace(Workspace(place), begin=start_scenes if fresh else None)
    tell(f"The demo is in {place}: proc-tui {place} opens it again.")
    return code


def copy_examples(place: Path) -> bool:
    """Copies the examples into an empty folder; False when they are there already. Raises `click.UsageError`."""
    if (place / ".proc-tui-demo").exists():
        return False
    if not EXAMPLES.is_dir():
        raise click.UsageError(f"the examples are not installed here ({EXAMPLES} is missing)")
    if place.exists() and any(place.iterdir()):
        raise click.UsageError(f"{place} is not empty; name a new folder, or none")
    ignored = shutil.ignore_patterns("*.answers.yaml", "__pycache__", "output", "runs.db*")
    shutil.copytree(EXAMPLES, place, dirs_exist_ok=True, ignore=ignored)
    (place / ".proc-tui-demo").write_text(
        "A copy of the examples of proc-tui, made by `proc-tui demo`.\n", encoding="utf-8"
    )
    return True


def start_scenes(operator: Operator) -> None:
    """Starts what the demo shows; the interface drives it."""
    from ...core.agents.replies import Replies
    from ..readable import plain_yaml, read_text

    for scene in SCENES:
        file = operator.workspace / f"{scene.procedure}.yaml"
        params = scene.params
        beside = file.with_name(f"{file.stem}.params.yaml")
        if params is None and beside.exists():
            found = plain_yaml(read_text(beside))
            params = cast("dict[str, object]", found) if isinstance(found, dict) else None
        replies = file.with_name(f"{file.stem}.replies.yaml")
        operator.start(file, params, replies=Replies.load(replies) if replies.exists() else None)
