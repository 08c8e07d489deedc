"""Values on one line, coloured by their kind: what the State, the Graph and the Checkpoints show of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content

from ...core.values import to_plain
from ..screen_safety import safe_line

if TYPE_CHECKING:
    from ...core.values import Value

MOST = 200
"""Characters of a string that are looked at for one line."""


def is_branch(value: Value) -> bool:
    """Whether there is something in it to unfold."""
    return bool(inside(value))


def inside(value: Value) -> dict[str, Value]:
    """What a table holds, by the text of its keys; empty for anything else."""
    if isinstance(value, list):
        return {str(place): item for place, item in enumerate(value, 1)}
    if not isinstance(value, dict):
        return {}
    if len(value) == 1 and next(iter(value)).startswith("$"):
        plain = to_plain(value)
        return cast("dict[str, Value]", plain) if isinstance(plain, dict) else {}
    return value


def brief_value(value: Value) -> Content:
    """A value in short: `"text"`, `48`, `{3}`, `[3]`, `nil`."""
    if isinstance(value, dict) and len(value) == 1 and "$t" not in value and next(iter(value)) in ("$b", "$f"):
        plain = to_plain(value)
        return safe_line(plain, "$number") if "$f" in value else safe_line(f'"{str(plain)[:MOST]}"', "$string")
    if isinstance(value, list):
        return Content.styled(f"[{len(value)}]", "$quiet")
    if isinstance(value, dict):
        return Content.styled(f"{{{len(inside(value))}}}", "$quiet")
    if value is None:
        return Content.styled("nil", "$quiet")
    if isinstance(value, bool):
        return Content.styled("true" if value else "false", "$accent")
    if isinstance(value, (int, float)):
        return Content.styled(f"{value:,}" if isinstance(value, int) else f"{value:.14g}", "$number")
    text = value if len(value) <= MOST else value[:MOST] + "…"
    lines = value.count("\n") + 1 if len(value) < 10**6 else 0
    more = Content.styled(f" {lines} lines", "$quiet") if lines > 1 else Content("")
    return safe_line('"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") + '"', "$string") + more
