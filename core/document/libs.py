"""The Lua files of `lib/` beside a procedure, read once so that a run can pin them.

Belongs here: which files `require` can load, and their limits. Never: compiling them (the loader does).
`require "name"` is `lib/name.lua`: folders below `lib/` are not looked at. A link counts as the file it
leads to, which must be below the procedure's own folder, so that a procedure from elsewhere cannot
show what it may not read.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import DocumentError
from .diagnostics import Report
from .loader import lib_file

MAX_BYTES = 1024 * 1024
"""How large one file of `lib/` may be."""
MAX_TOTAL = 8 * 1024 * 1024
"""How large all of `lib/` may be."""


def pin(path: str | Path) -> dict[str, str]:
    """The texts of `lib/*.lua` beside the procedure at `path`, by the name that `require` takes.

    Raises `DocumentError` that lists every file that cannot be used.
    """
    home = Path(path).parent
    report = Report(str(path))
    texts: dict[str, str] = {}
    total = 0
    for file in sorted((home / "lib").glob("*.lua")):
        shown = lib_file(str(path), file.stem)
        text, problem = _read(file, home)
        if problem:
            report.add("DOC-053", problem[0], problem[1], file=shown)
        total += len(text)
        texts[file.stem] = text
    if total > MAX_TOTAL:
        report.add("DOC-053", f"the files of lib/ hold more than {MAX_TOTAL // 2**20} MB together", (1, 1))
    if report.failed:
        raise DocumentError(report.sorted())
    return texts


def _read(file: Path, home: Path) -> tuple[str, tuple[str, tuple[int, int]] | None]:
    try:
        real = file.resolve(strict=True)
        if not real.is_relative_to(home.resolve()):
            return "", ("the link leads outside the procedure's folder; copy the file into lib/", (1, 1))
        if not real.is_file():
            return "", ("not a regular file", (1, 1))
        if real.stat().st_size > MAX_BYTES:
            return "", (f"the file is larger than {MAX_BYTES // 2**20} MB", (1, 1))
        raw = real.read_bytes()
    except (OSError, RuntimeError) as error:
        return "", (f"the file cannot be read: {error.__class__.__name__}: {error}", (1, 1))
    try:
        return raw.decode().removeprefix("\ufeff"), None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = len(raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start].decode()) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8 text; write it as an escape (\\x{raw[error.start]:02x})"
        return "", (message, (line, column))
