"""`proc-tui demo`: opens the interface on a fresh copy of the examples, with runs under way and scripted models."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import msgspec

from ...core.model.workspace import FOLDER
from ..clean import oneline
from ..console.output import tell
from ..console.workspace import Workspace
from ..leaving import DEMO, PASSING
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
    Scene("self_optimising"),  # an agent, a graph of what it wrote, and a review of the best
    Scene("trip_planner"),  # an agent whose tools are procedures that ask
)


@click.command("demo")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
def demo_command(folder: Path | None) -> int:
    """Open the interface on a copy of the examples, with some runs under way.

    Models are scripted and tools are the examples' own: nothing leaves this machine, and no key is needed. The copy
    goes into DIR, which must be empty or a demo from before, and stays there; without DIR nothing is left behind.
    """
    if not can_open():
        raise click.UsageError(
            "the demo needs a terminal; the examples can be run one by one: proc-tui run examples/hello.yaml"
        )
    if folder is not None:
        fresh = copy_examples(folder)
        code = open_workspace(Workspace(folder), begin=start_scenes if fresh else None)
        tell(f"The demo is in {oneline(folder)}: proc-tui {oneline(folder)} opens it again.")
        return code
    with tempfile.TemporaryDirectory(prefix="proc-tui-demo-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        copy_examples(place, kept=False)
        code = open_workspace(Workspace(place), begin=start_scenes, memory=place / FOLDER / "interface")
    tell("The demo is gone with all that it did. To keep one: proc-tui demo DIR")
    return code


def copy_examples(place: Path, *, kept: bool = True) -> bool:
    """Copies the examples into an empty folder; False when they are there already. Raises `click.UsageError`.

    Without `kept` the folder is marked as one that is removed when the demo is left.
    """
    if (place / DEMO).exists():
        return False
    if not EXAMPLES.is_dir():
        raise click.UsageError(f"the examples are not installed here ({EXAMPLES} is missing)")
    if place.exists() and any(place.iterdir()):
        raise click.UsageError(f"{place} is not empty; name a new folder, or none")
    place.mkdir(parents=True, exist_ok=True)
    for source in sorted(EXAMPLES.rglob("*")):
        if source.is_file() and _belongs(source.relative_to(EXAMPLES)):
            copy = place / source.relative_to(EXAMPLES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    (place / DEMO).write_text(
        f"A copy of the examples of proc-tui, made by `proc-tui demo`.\n{'' if kept else PASSING}", encoding="utf-8"
    )
    return True


def _belongs(file: Path) -> bool:
    """Whether a file is a part of the examples, and not what a run, a worker or Python left beside them."""
    if file.parts[0] == FOLDER:
        return file.name == "config.toml"
    return not {"__pycache__", "output"} & set(file.parts) and not file.name.endswith(".answers.yaml")


def start_scenes(operator: Operator) -> None:
    """Starts what the demo shows; the interface drives it."""
    for scene in SCENES:
        start_scene(operator, scene)


def start_scene(operator: Operator, scene: Scene) -> None:
    """Starts one of the runs."""
    from ...core.agents.replies import Replies
    from ..readable import plain_yaml, read_text

    file = operator.workspace / f"{scene.procedure}.yaml"
    params = scene.params
    beside = file.with_name(f"{file.stem}.params.yaml")
    if params is None and beside.exists():
        found = plain_yaml(read_text(beside))
        params = cast("dict[str, object]", found) if isinstance(found, dict) else None
    replies = file.with_name(f"{file.stem}.replies.yaml")
    operator.start(file, params, replies=Replies.load(replies) if replies.exists() else None)
