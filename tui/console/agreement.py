"""The question before a workspace starts programs: which they are, and whether the user wants them.

Belongs here: showing them, asking, keeping the answer. Never: finding them (`core/model/trust.py`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import click

from ..clean import oneline
from .output import paint, tell
from .terminal import is_interactive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ...core.model.trust import Startable

_TOOLS = re.compile(r"\bTools\b|\btools\s*:|\bProcedure\s*\.")
QUESTION = "start these programs when a run needs them?"


def may_want_tools(source: str) -> bool:
    """Whether a procedure's text speaks of tools, or of other procedures, which may."""
    return _TOOLS.search(source) is not None


def described(found: Sequence[Startable]) -> Iterator[str]:
    """A line for each program: where it is configured, its command, the names of what it is given."""
    for item in found:
        given = f"  with {', '.join(map(oneline, item.environment))}" if item.environment else ""
        place = f"  in {oneline(item.folder)}" if item.folder else ""
        yield f"{item.section}.{oneline(item.name)}: {oneline(item.command)}{paint(place + given, 'quiet')}"


def ask_for_trust(workspace: Path) -> None:
    """Shows what the workspace would start and asks, where somebody can answer and has not yet.

    A run that needs what was not agreed to waits for it, and says so.
    """
    from ...core.model.trust import TrustRecord, programs

    found = programs(workspace)
    if not found or not is_interactive() or TrustRecord().trusts(workspace):
        return
    tell(f"{paint('?', 'waits')} {oneline(workspace)} is configured to start programs on this machine, as you:")
    for line in described(found):
        tell(f"  {line}")
    if click.confirm(QUESTION, err=True):
        TrustRecord().agree(workspace, time.time())
    else:
        tell("  They are not started; a run that needs one waits. To agree later: proc-tui trust")
