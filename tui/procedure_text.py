"""Which lines of a procedure are YAML, and which are Lua."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LUA = re.compile(r"^(\s*(?:- )?)(?:code|workflow)\s*:\s*[|>][-+0-9]*\s*(?:#.*)?$")


def parts(lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """Stretches of lines, from one up to another, each with whether it is Lua."""
    start = at = 0
    while at < len(lines):
        block = _LUA.match(lines[at])
        at += 1
        if block is None:
            continue
        indent, end = len(block[1]), at
        while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
            end += 1
        if end > at:
            yield start, at, False
            yield at, end, True
            start = at = end
    if start < len(lines):
        yield start, len(lines), False
