"""`proc-tui [DIR]`: opens the interface on a workspace."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..clean import oneline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...core.operator import Operator
    from ..console.workspace import Workspace


_PLAIN = ("", "dumb", "unknown")
"""What TERM says of terminals that only print."""
SWITCH_SECONDS = 0.001
"""How long a thread computes before another one may: a key is not to wait for the runs that compute beside it."""


def can_open() -> bool:
    """Whether there is a terminal to draw on and to read keys from, or a browser behind `proc-tui serve`."""
    return not why_not()


def why_not() -> str:
    """What is missing to draw on and to read keys from, in words; empty when nothing is."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        return ""
    streams = (sys.__stdin__, sys.__stdout__, sys.stdin, sys.stdout)
    if not all(stream is not None and stream.isatty() for stream in streams):
        return "the interface needs a terminal, and its input or output is none"
    term = os.environ.get("TERM", "")
    if term in _PLAIN:
        return f'the interface needs a terminal in which it can draw, and TERM is "{oneline(term)}"'
    return ""


def open_workspace(
    workspace: Workspace, *, begin: Callable[[Operator], None] | None = None, memory: Path | None = None
) -> int:
    """Opens the interface and returns the exit code; `begin` is done before the workspace is shown.

    What it remembers goes where the user's own state is, or into the folder `memory`.

    Raises what opening the workspace raises, once the screen was given back.
    """
    from ..memory import Memory
    from ..opening import OpeningProcTui

    opened: list[Operator] = []

    def open_it() -> Operator:
        operator = workspace.open(create=True)
        opened.append(operator)
        if begin is not None:
            begin(operator)
        return operator

    sys.setswitchinterval(SWITCH_SECONDS)
    folder = workspace.folder.resolve()
    remembered = Memory(folder)
    if memory is not None:
        name, remembered = remembered.name, Memory(folder, folder=memory)
        remembered.name = name
    app = OpeningProcTui(folder, open_it, memory=remembered)
    try:
        app.run(mouse=True)
        if app.refused is not None:
            raise app.refused
        if app.is_web and app.is_open and not app.left:
            # The page was closed: as a terminal that hangs up.
            from .. import leaving

            leaving.hand_over(app.operator)
    finally:
        for operator in opened:
            operator.close()
    return app.return_code or 0
