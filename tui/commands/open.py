"""`proc-tui [DIR]`: opens the interface on a workspace."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.operator import Operator
    from ..console.workspace import Workspace


SWITCH_SECONDS = 0.001
"""How long a thread computes before another one may: a key is not to wait for the runs that compute beside it."""


def can_open() -> bool:
    """Whether there is a terminal to draw on and to read keys from, or a browser behind `proc-tui serve`."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        return True
    streams = (sys.__stdin__, sys.__stdout__, sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams)


def open_workspace(workspace: Workspace, *, begin: Callable[[Operator], None] | None = None) -> int:
    """Opens the interface and returns the exit code; `begin` is done before the first frame.

    Raises what opening the workspace raises, before the screen is touched.
    """
    with workspace.open(create=True) as operator:
        if begin is not None:
            begin(operator)
        from ..app import ProcTui

        sys.setswitchinterval(SWITCH_SECONDS)
        app = ProcTui(operator)
        app.run(mouse=True)
        if app.is_web and not app.left:
            # The page was closed: as a terminal that hangs up.
            from .. import leaving

            leaving.hand_over(operator)
        return app.return_code or 0
