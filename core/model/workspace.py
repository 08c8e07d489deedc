"""Where a workspace is.

Belongs here: its folder, found, and how a program knows that it was started from one. Never: what is in it. Imports
nothing heavy, since every command asks for it first.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = ".proc-tui"
"""The folder of a workspace that holds its database and configuration."""
OWN_FOLDER = "PROC_TUI_WORKSPACE"
"""The variable that in the settings of an MCP server means the workspace's folder."""
TOOL_MARK = "PROC_TUI_TOOL"
"""The variable that tells a program by which name it was started as a source of tools."""


def find_workspace(start: Path) -> Path:
    """The nearest folder at or above `start` that has a `.proc-tui`, else `start` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir():
            return folder
    return start
