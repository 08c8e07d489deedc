"""The procedure files of a workspace, and the names that they declare.

Belongs here: which files may be procedures, and what a file says of its name without being read as a document. Never:
reading documents, or running them.
"""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .diagnostics import CODES, Diagnostic
from .source import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

DEPTH = 3
"""How many folders below the workspace procedures are looked for."""

_SIDE_FILES = (".answers", ".replies", ".params")
_NAME = re.compile(rb"""^name:[ \t]*["']?([^"'#\r\n]+?)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE)
_CODE = re.compile(rb"^(?:code|workflow)[ \t]*:", re.MULTILINE)
_HEAD_BYTES = 64 * 1024


class Declared(NamedTuple):
    """A name and the line of the file that declares it."""

    name: str
    line: int


def files(root: Path) -> list[Path]:
    """The YAML files of a workspace, at most `DEPTH` folders deep, hidden ones and those beside procedures left out."""
    patterns = [f"{'*/' * depth}*.y*ml" for depth in range(DEPTH + 1)]
    found = [file for pattern in patterns for file in sorted(root.glob(pattern))]
    return [file for file in found if not _hidden(file, root) and not file.stem.endswith(_SIDE_FILES)]


def declared(file: Path) -> Declared | None:
    """The name that a file declares. Raises `OSError` when it cannot be read."""
    if not stat.S_ISREG(file.stat().st_mode):  # to open a pipe would be to wait for whoever writes it
        return None
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    match = _NAME.search(head)
    if match is None:
        return None
    return Declared(match.group(1).decode(errors="replace").strip(), head.count(b"\n", 0, match.start()) + 1)


def alike(files: Sequence[Path]) -> list[Path]:
    """Of files that declare the same name, those between which nobody can choose.

    A file by another path is the same file; and many a YAML file that is no procedure has a name too.
    """
    different = list({file.resolve(): file for file in reversed(files)}.values())[::-1]
    return [file for file in different if _has_code(file)] or different[:1]


def by_name(root: Path, declared: Callable[[Path], Declared | None] = declared) -> dict[str, list[Path]]:
    """Every procedure file of a workspace by the name it declares; of several that are alike one. A look through the
    whole workspace: who asks more than once keeps it, or what `declared` found.
    """
    found: dict[str, list[Path]] = {}
    for file in files(root):
        with suppress(OSError):
            own = declared(file)
            if own is not None and own.name:
                found.setdefault(own.name, []).append(file)
    return {name: same if len(same) == 1 else alike(same) for name, same in found.items()}


def namesakes(file: Path, root: Path, names: Mapping[str, Sequence[Path]] | None = None) -> list[Diagnostic]:
    """Says which other files of the workspace declare the name that this one declares, if any do. `names` is what
    `by_name` found in it, where that is known already.
    """
    try:
        own, place = declared(file), file.resolve()
    except OSError:
        return []
    if own is None:
        return []
    same = (by_name(root) if names is None else names).get(own.name, ())
    others = [str(item.relative_to(root)) for item in same if item.resolve() != place]
    if not others or len(others) == len(same):
        return []
    message = f'"{own.name}" is also the name of {" and ".join(others)}; until one is renamed, run them by their files'
    return [Diagnostic("DOC-029", CODES["DOC-029"][0], message, str(file), own.line, 1)]


def _has_code(file: Path) -> bool:
    try:
        return _CODE.search(read_file(file)) is not None
    except OSError:
        return False


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") or part == "node_modules" for part in file.relative_to(root).parts)
