"""Where a workspace is.

Belongs here: its folder, found. Never: what is in it. Imports nothing heavy, since every command asks for it first.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = ".proc-tui"
"""The folder of a workspace that holds its database and configuration."""


def find_workspace(start: Path) -> Path:
    """The nearest folder at or above `start` that has a `.proc-tui`, else `start` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir():
            return folder
    return start
