"""Errors in words: a message without a traceback, the place in the source, the exit code.

Belongs here: what every command does with an error. Exit codes: 1 something failed, 2 what was asked cannot be
done as asked and nothing was changed, 3 a person has to set something first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import Blocked, Divergence, DocumentError, ModelError, ParameterError, StoreError, ToolError
from ..clean import cells, clip, visible
from .output import paint, say_json, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.document import Diagnostic
    from ...core.errors import ProcError

FAILED, USAGE, WAITING = 1, 2, 3


def exit_code(error: ProcError) -> int:
    """1 for what is not the caller's doing, 3 for a key or an agreement that is missing, 2 for the rest."""
    if isinstance(error, Blocked):
        return WAITING
    world = isinstance(error, (StoreError, ModelError, ToolError))
    return FAILED if world or type(error).code == "PROC-000" else USAGE


def report(error: ProcError, *, as_json: bool, folders: Sequence[Path] = ()) -> int:
    """Prints an error and returns the exit code. `folders` are where the files that it names may be."""
    if as_json:
        say_json({"error": _shape(error)})
    elif isinstance(error, DocumentError):
        show_diagnostics(error.diagnostics, folders=folders)
        tell(_verdict(error.diagnostics))
    else:
        tell_error(str(error), hint=_hint(error))
    return exit_code(error)


def report_usage(message: str, *, as_json: bool, hint: str = "") -> int:
    """The same for a mistake on the command line itself."""
    if as_json:
        say_json({"error": {"code": "USAGE", "message": message}})
    else:
        tell_error(message, hint=hint)
    return USAGE


def report_os(error: OSError, *, as_json: bool) -> int:
    """The same for what the operating system refused."""
    message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if as_json:
        say_json({"error": {"code": "OS", "message": message}})
    else:
        tell_error(message)
    return FAILED


def tell_error(message: str, *, hint: str = "") -> None:
    """`error: ...`, further lines below it, and what to do."""
    first, *rest = visible(message).split("\n")
    tell(f"{paint('error:', 'bad')} {first}")
    for line in rest:
        tell(f"       {line}" if not line.startswith(" ") else line)
    if hint:
        tell(f"       {paint(hint, 'quiet')}")


def _hint(error: ProcError) -> str:
    return (
        "What was committed before is intact; resume once the cause is gone." if isinstance(error, StoreError) else ""
    )


def _shape(error: ProcError) -> dict[str, object]:
    shape: dict[str, object] = {"code": type(error).code, "message": str(error)}
    if isinstance(error, DocumentError):
        from ..shapes import diagnostic_shape

        shape["diagnostics"] = [diagnostic_shape(item) for item in error.diagnostics]
    if isinstance(error, Divergence):
        for name, side in (("recorded", error.recorded), ("asked", error.asked)):
            shape[name] = None if side is None else {"what": side.what, "detail": side.detail, "line": side.line}
    if isinstance(error, ParameterError):
        shape["problems"] = str(error).split("\n")
    return shape


# ---- diagnostics


def show_diagnostics(found: Iterable[Diagnostic], *, folders: Sequence[Path] = ()) -> None:
    """Every diagnostic with the line it is about, where that can be read."""
    sources: dict[str, list[str]] = {}
    for item in found:
        meaning = "bad" if item.severity == "error" else "waits"
        place = visible(f"{item.file}:{item.line}:{item.column}:")
        tell(f"{place} {paint(item.severity, meaning)} {item.code}: {visible(item.message)}")
        if item.file not in sources:
            sources[item.file] = _lines(item.file, folders)
        for line in snippet(sources[item.file], item.line, item.column):
            tell(line)
        for message, line, column in item.related:
            tell(f"  {visible(message)} ({line}:{column})")
            for text in snippet(sources[item.file], line, column):
                tell(text)


def snippet(lines: Sequence[str], line: int, column: int | None = None, around: int = 0, width: int = 100) -> list[str]:
    """A line of a source with its number, a caret below the column, and lines around it."""
    if not 0 < line <= len(lines):
        return []
    first, last = max(1, line - around), min(len(lines), line + around)
    digits = len(str(last))
    shown: list[str] = []
    for number in range(first, last + 1):
        mark = ">" if around and number == line else " "
        text = visible(lines[number - 1].expandtabs(4))
        shown.append(f"  {mark} {number:>{digits}} │ {clip(text, width)}".rstrip())
        if number == line and column is not None:
            before = cells(visible(lines[number - 1][: column - 1].expandtabs(4)))
            if before < width:
                shown.append(f"    {' ' * digits} │ {' ' * before}{paint('^', 'bad')}")
    return shown


def _lines(file: str, folders: Sequence[Path]) -> list[str]:
    for folder in (Path(), *folders):
        path = folder / file
        try:
            if path.is_file() and path.stat().st_size < 8 * 2**20:
                return path.read_text(encoding="utf-8", errors="replace").split("\n")
        except (OSError, ValueError):
            continue
    return []


def _verdict(found: Sequence[Diagnostic]) -> str:
    from ..words import several

    errors = sum(item.severity == "error" for item in found)
    warnings = sum(item.severity == "warning" for item in found)
    text = several(errors, "error")
    return f"{text}, {several(warnings, 'warning')}" if warnings else text
