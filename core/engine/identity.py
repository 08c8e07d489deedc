"""Who drives a run: the name of this process in leases, and whether another such name is still alive."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def owner() -> str:
    """This process: `host:pid:start`, where `start` tells it from a later process with the same number."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def shown(name: str) -> str:
    """The owner as people see it: `host:pid`."""
    return ":".join(name.split(":")[:2])


def is_dead(name: str) -> bool:
    """True when the owner was a process of this machine that is gone; False when it lives or cannot be judged.

    A worker's name has a part of its own after the process's, which says nothing here.
    """
    host, pid, started = [*name.split(":"), "", ""][:3]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    stat = _stat(int(pid))
    if not stat:
        return bool(_stat(os.getpid()))
    # A killed process that nobody has waited for yet still has its number.
    return stat[0] in ("Z", "X") or bool(started and stat[19:20] != [started])


def _started(pid: int) -> str:
    """When the process was started, in ticks since the boot; empty where the system does not tell."""
    return "".join(_stat(pid)[19:20])


def _stat(pid: int) -> list[str]:
    """What `/proc` says of a process, from its state on; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
