"""Leaving a workspace with runs under way: whether somebody drives them on, and the background worker that does.

The background worker is `proc-tui watch --until-idle` in a session of its own. Belongs here: when one is needed,
starting it, when it has nothing left to do. Never: driving (`commands/watch.py`), the question (`screens/dialogs.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ..core.model.states import ENDED, RunStatus
from ..core.model.workspace import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..core.journal.requests import PendingRequest
    from ..core.journal.runs import Run
    from ..core.operator import Operator

QUIET_SECONDS = 8 * 3600.0
"""How long a worker stands by for answers that have no deadline, after the last sign of life of their runs."""
MOST_LOG = 2**20
"""Bytes after which the worker's log begins anew."""
DEMO = ".proc-tui-demo"
"""The file that marks a workspace as made by `proc-tui demo`."""
PASSING = "It is removed when the demo is left.\n"
"""What that file says besides when no folder was named for the demo."""
_PROGRAM = "from proc_tui.tui.cli import main; main()"
_LIVING = tuple(status for status in RunStatus if status not in ENDED)
_GOES_ON = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.SLEEPING})


def is_demo(workspace: Path) -> bool:
    """Whether the workspace was made by `proc-tui demo`, which leaves no worker behind."""
    return (workspace / DEMO).exists()


def is_passing(workspace: Path) -> bool:
    """Whether the workspace is a demo that is removed with all that is in it when it is left."""
    try:
        return PASSING in (workspace / DEMO).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def under_way(runs: Iterable[Run], pending: Iterable[PendingRequest]) -> int:
    """How many runs go on without anybody doing something: by themselves, with an answer, or when a deadline passes."""
    timed = {request.run for request in pending if request.deadline is not None}
    return sum(run.status in _GOES_ON or run.id in timed or _is_answered(run) for run in runs)


def _is_answered(run: Run) -> bool:
    """Whether somebody gave what the run waits for, which takes effect in a moment or wants a worker."""
    return run.status is RunStatus.WAITING_FOR_HUMAN and run.wake_at is not None


def left(operator: Operator) -> int:
    """How many runs of the workspace go on if somebody drives them. For threads."""
    return under_way(operator.runs(statuses=_LIVING), operator.inbox())


def stands_by(operator: Operator) -> bool:
    """Whether another process drives all runs of the workspace. For threads."""
    now = operator.now()
    return any(driver.kind and not driver.here and not driver.stale(now) for driver in operator.drivers())


def idle(operator: Operator) -> bool:
    """Whether a worker that is there for others' sake may end: nothing goes on, and nothing was answered for long."""
    living = operator.runs(statuses=_LIVING)
    if not living:
        return True
    if under_way(living, operator.inbox()):
        return False
    return operator.now() - max(run.updated_at for run in living) > QUIET_SECONDS


def hand_over(operator: Operator) -> int | None:
    """Starts a background worker where one is needed, and gives its process; None where none is. For threads."""
    workspace = operator.workspace
    if is_demo(workspace) or not left(operator) or stands_by(operator):
        return None
    return start_worker(workspace)


def command(workspace: Path) -> list[str]:
    """The background worker's command. `-P`: a folder `proc_tui` in the workspace is not taken for the program."""
    return [sys.executable, "-P", "-c", _PROGRAM, "-C", str(workspace), "watch", "--until-idle"]


def start_worker(workspace: Path) -> int:
    """Starts a background worker that outlives this process and its terminal. Raises `OSError`."""
    log = workspace / FOLDER / "worker.log"
    anew = log.exists() and log.stat().st_size > MOST_LOG
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if anew else os.O_APPEND)
    output = os.open(log, flags, 0o600)
    try:
        process = subprocess.Popen(
            command(workspace), cwd=workspace, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
    finally:
        os.close(output)
    return process.pid
