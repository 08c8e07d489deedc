"""The checks of `doctor`: each looks at one thing and says how it is and what to do."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from ..core import __version__
from ..core.errors import NotFound, ProcError
from ..core.model import settings
from ..core.model.trust import TrustRecord, programs
from ..core.model.workspace import FOLDER
from ..core.operator import Operator
from .findings import Finding, Level
from .reach import Reach
from .words import clock, several

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARIES = (
    "lupa", "msgspec", "pyyaml", "click", "jsonschema", "platformdirs", "langchain-openai", "mcp", "genai-prices",
)  # fmt: skip
LITTLE, TOO_LITTLE = 1024**3, 100 * 1024**2
"""Bytes of disk below which it is noted, and is wrong."""
AHEAD_SECONDS = 60
"""How far the newest event may lie in the future before the clock is suspected."""


def examine(workspace: Path) -> Iterator[Finding]:
    """All checks, in an order in which a cause comes before what follows from it.

    What goes out into the world begins with the rest, and is given at the end, as it comes.
    """
    reach = _reach(workspace)
    yield _python()
    yield from _libraries()
    configuration = list(_configuration(workspace))
    yield from configuration
    yield from _files(workspace)
    if all(finding.level != "wrong" for finding in configuration):
        yield from _database(workspace)  # which is not opened without one
    yield _disk(workspace)
    yield from _terminal()
    if reach is not None:
        yield from reach.findings()


def _reach(workspace: Path) -> Reach | None:
    try:
        return Reach(workspace, settings.load(workspace))
    except ProcError:
        return None  # told with the configuration


def _python() -> Finding:
    system = f"{platform.system()} {platform.machine()}"
    text = f"proc-tui {__version__} on Python {platform.python_version()} ({sys.executable}), {system}"
    return Finding("python", "ok", text)


def _libraries() -> Iterator[Finding]:
    found: list[str] = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "libraries",
                "wrong",
                f"{name} is not installed",
                "Install proc-tui anew: pip install --force-reinstall proc-tui",
            )
    yield Finding("libraries", "ok", ", ".join(found))


def _configuration(workspace: Path) -> Iterator[Finding]:
    try:
        files = [str(file) for file in settings.config_files(workspace) if file.exists()]
        settings.load(workspace)
        yield Finding("configuration", "ok", ", ".join(files) or "defaults; there is no configuration file")
        if programs(workspace) and not TrustRecord().trusts(workspace):
            yield Finding(
                "trust",
                "note",
                "the workspace would start programs that you did not agree to; no tool is tried",
                "See them: proc-tui trust",
            )
    except ProcError as error:
        yield Finding("configuration", "wrong", str(error))


def _files(workspace: Path) -> Iterator[Finding]:
    folder = workspace / FOLDER
    if not folder.is_dir():
        place = "can" if os.access(workspace, os.W_OK) else "cannot"
        yield Finding(
            "files", "ok" if place == "can" else "wrong", f"no runs in {workspace} yet; the folder {place} be written"
        )
        return
    wrong = False
    for path in (folder, *sorted(folder.glob("runs.db*"))):
        info = path.stat()
        if info.st_uid != os.getuid():
            wrong = True
            yield Finding(
                "files",
                "wrong",
                f"{path} belongs to user {info.st_uid}",
                "Use the workspace as that user, or change the owner.",
            )
        elif stat.S_IMODE(info.st_mode) & 0o077:
            wrong = True
            level: Level = "wrong" if path != folder else "note"
            yield Finding("files", level, f"{path} can be read by others", f"chmod go= '{path}'")
        elif not os.access(path, os.W_OK):
            wrong = True
            yield Finding("files", "wrong", f"{path} cannot be written", f"chmod u+w '{path}'")
    if not wrong:
        yield Finding("files", "ok", f"{folder} is yours alone")


def _database(workspace: Path) -> Iterator[Finding]:
    try:
        operator = Operator.open(workspace, create=False)
    except NotFound:
        return
    except ProcError as error:
        yield Finding("database", "wrong", str(error))
        return
    with operator:
        try:
            health = operator.health()
        except ProcError as error:
            yield Finding("database", "wrong", str(error))
            return
        size = f"{health.size / 2**20:.1f} MB"
        for problem in health.problems:
            yield Finding(
                "database",
                "wrong",
                f"damaged: {problem}",
                "Copy the file, then restore it from a backup or export its runs.",
            )
        mode = "write-ahead log" if health.wal else "rollback journal"
        yield Finding(
            "database", "ok" if health.wal else "note", f"{health.file}: {size}, SQLite {health.sqlite}, {mode}"
        )
        for note in operator.notes:
            yield Finding("database", "note", note)
        ahead = (health.newest_at or 0.0) - health.now
        if ahead > AHEAD_SECONDS:
            yield Finding(
                "clock", "wrong", f"the newest event was recorded {clock(ahead)} in the future",
                "The clock of this machine was set back; set it right, or timers and deadlines come late.",
            )  # fmt: skip
        else:
            yield Finding("clock", "ok", "not behind the newest event")
        yield from _workers(operator)


def _workers(operator: Operator) -> Iterator[Finding]:
    leases = operator.leases()
    for lease, dead in leases:
        name = ":".join(lease.owner.split(":")[:2])
        runs = several(lease.runs, "run")
        if dead:
            yield Finding(
                "workers",
                "wrong",
                f"{name} is gone and still holds {runs}",
                "Any worker takes them over: proc-tui watch",
            )
        else:
            yield Finding("workers", "ok", f"{name} drives {runs}")
    counts = operator.counts()
    due = sum(number for status, number in counts.items() if status.value in ("PENDING", "RUNNING"))
    if due and not leases:
        yield Finding(
            "workers", "note", f"{several(due, 'run')} could go on and nobody drives", "Drive them: proc-tui watch"
        )


def _disk(workspace: Path) -> Finding:
    free = shutil.disk_usage(workspace).free
    level: Level = "wrong" if free < TOO_LITTLE else "note" if free < LITTLE else "ok"
    return Finding(
        "disk",
        level,
        f"{free / 2**30:.1f} GB free",
        "" if level == "ok" else "Free some space: runs stop when the disk is full.",
    )


def _terminal() -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "").lower()
    if not sys.stdout.isatty():
        yield Finding("terminal", "ok", "standard output is no terminal")
    elif term in ("", "dumb"):
        yield Finding(
            "terminal",
            "note",
            f'TERM is "{term}": no colour, no progress in place',
            "proc-tui inbox -i works everywhere.",
        )
    else:
        colours = " in colour" if not os.environ.get("NO_COLOR") else ", NO_COLOR is set"
        yield Finding("terminal", "ok", f"{term}, {size.columns}x{size.lines}{colours}")
    if "utf" not in encoding:
        yield Finding(
            "terminal", "note", f"the encoding is {encoding or 'unknown'}", "Set LANG to a UTF-8 locale, as C.UTF-8."
        )
    if os.environ.get("TMUX"):
        yield from _tmux()
    if sys.stdout.isatty() and os.environ.get("COLORTERM", "") not in ("truecolor", "24bit") and "direct" not in term:
        yield Finding(
            "terminal", "note", "COLORTERM does not say that it has all colours; 256 or 16 are used",
            "If it has: export COLORTERM=truecolor (over SSH: SendEnv COLORTERM, AcceptEnv COLORTERM).",
        )  # fmt: skip
    from .glyphs import ASCII, choose

    if choose(os.environ) is ASCII and not os.environ.get("PROC_TUI_GLYPHS"):
        advice = "If yours draws ● ◆ ✓ one column wide: export PROC_TUI_GLYPHS=unicode"
        yield Finding("terminal", "note", "signs are drawn in ASCII, for this terminal and locale", advice)
    if os.environ.get("SSH_CONNECTION"):
        yield Finding("terminal", "ok", "over SSH: copying uses OSC 52, which your terminal must allow")


def _tmux() -> Iterator[Finding]:
    wanted = {"allow-passthrough": ("on", "all"), "set-clipboard": ("on", "external")}
    for option, good in wanted.items():
        value = _tmux_option(option)
        if value is not None and value not in good:
            advice = f"For copying and notifications put into ~/.tmux.conf: set -g {option} on"
            yield Finding("tmux", "note", f"{option} is {value or 'off'}", advice)


def _tmux_option(name: str) -> str | None:
    try:
        done = subprocess.run(
            ["tmux", "show-options", "-gv", name], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
