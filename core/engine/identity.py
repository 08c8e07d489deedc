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
        pass
    now = _started(int(pid))
    return bool(started and now and now != started)


def _started(pid: int) -> str:
    """When the process was started, in ticks since the boot; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
