"""Documents and workspaces of plays.

Belongs here: writing files, and completing what a test leaves out. Never: reading them.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DOCUMENT = re.compile(r"^(code|workflow):(\s|$)", re.MULTILINE)
_NAMED = re.compile(r"^name:", re.MULTILINE)
_VERSIONED = re.compile(r"^version:", re.MULTILINE)


def complete(text: str, name: str, keys: Mapping[str, object] | None = None) -> str:
    """The whole document of Lua alone, or of a document without name or version; lines stay where they are."""
    text = textwrap.dedent(text.lstrip("\n")).rstrip() + "\n"
    if not _DOCUMENT.search(text):
        text = "code: |\n" + textwrap.indent(text, "  ")
    for pattern, line in ((_NAMED, f"name: {name}\n"), (_VERSIONED, 'version: "1"\n')):
        if not pattern.search(text):
            text += line
    return text + (yaml.safe_dump(dict(keys), sort_keys=False) if keys else "")


def write_workspace(place: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files by path; a name without a suffix is a procedure of that name."""
    for path, content in files.items():
        target = place / path
        if not target.suffix and isinstance(content, str):
            target, content = place / f"{path}.yaml", complete(content, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"),
)  # fmt: skip


def declared(text: str, params: Mapping[str, object] | None, keys: Mapping[str, object]) -> dict[str, object]:
    """Declarations of the parameters that are given to Lua alone."""
    if not params or _DOCUMENT.search(textwrap.dedent(text)) or "params" in keys:
        return {}
    kinds = {name: next(kind for cls, kind in _KINDS if isinstance(value, cls)) for name, value in params.items()}
    return {"params": {name: {"type": kind} for name, kind in kinds.items()}}
