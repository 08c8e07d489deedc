"""The question before a workspace does what its user has to agree to: what it is, and whether the user wants it.

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

_TOOLS = re.compile(r"\bTools\b|\b(agents|tools)\s*:|\bProcedure\s*\.|\bFile\s*\.")
QUESTION = "do this when a run needs it?"


def may_want_tools(source: str) -> bool:
    """Whether a procedure's text speaks of agents, tools or files, or of other procedures, which may."""
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
    tell(f"{paint('?', 'waits')} {oneline(workspace)} is configured to do this on this machine, as you:")
    for line in described(found):
        tell(f"  {line}")
    try:
        agreed = click.confirm(QUESTION, err=True)
    except click.Abort:
        tell()
        raise
    if agreed:
        TrustRecord().agree(workspace, time.time())
    else:
        tell("  It is not done; a run that needs it waits. To agree later: proc-tui trust")
