"""What a person made of an artifact before answering, in words and line by line.

Belongs here: texts. Never: how they look, or where the artifacts come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..differences import changes
from ..readable import as_source
from ..words import several

if TYPE_CHECKING:
    from ...core.values import Value

MOST = 5000
"""Lines of both texts together up to which they are compared to be counted."""


def counted(proposed: Value, edited: Value) -> str:
    """How much differs, as `2 lines added, 1 removed`; empty where nothing does or too much would be compared."""
    before, after = as_source(proposed).splitlines(), as_source(edited).splitlines()
    if proposed is None or len(before) + len(after) > MOST:
        return ""
    found = [change for change in changes(before, after) if not change.same]
    added, removed = sum(len(change.right) for change in found), sum(len(change.left) for change in found)
    if added and removed:
        return f"{several(added, 'line')} added, {removed:,} removed"
    return f"{several(added, 'line')} added" if added else f"{several(removed, 'line')} removed" if removed else ""


def changed(proposed: Value, edited: Value) -> str:
    """The lines that differ with a few around them, `+` and `-` before them; all of them where nothing was proposed."""
    if proposed is None:
        return "the artifact was edited"
    before, after = as_source(proposed).splitlines(), as_source(edited).splitlines()
    rows: list[str] = []
    for change in changes(before, after):
        if change.skipped:
            rows.append(f"  ({several(change.skipped, 'line')} as before)")
        rows += [f"  {before[at]}" for at in change.left] if change.same else [f"- {before[at]}" for at in change.left]
        rows += [] if change.same else [f"+ {after[at]}" for at in change.right]
    return "\n".join(["the artifact was edited; what was changed:", *rows]) if rows else "the artifact stayed the same"
