"""The panes of a run, by name; a pane's module is imported when it is shown first.

Belongs here: which panes there are. How to write one: `pane.py`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from .pane import Pane


class PaneInfo(msgspec.Struct, frozen=True):
    """A pane, before it is imported."""

    number: int
    """The key that goes there."""
    name: str
    """Its module, and what is remembered."""
    title: str
    short: str
    """The title where there is no room for it."""
    cls: str


PANES: tuple[PaneInfo, ...] = (
    PaneInfo(1, "conversation", "Conversation", "Talk", "ConversationPane"),
    PaneInfo(2, "timeline", "Timeline", "Time", "TimelinePane"),
    PaneInfo(3, "state", "State", "State", "StatePane"),
    PaneInfo(4, "checkpoints", "Checkpoints", "Checks", "CheckpointsPane"),
    PaneInfo(5, "graph", "Graph", "Graph", "GraphPane"),
    PaneInfo(6, "source", "Source", "Source", "SourcePane"),
    PaneInfo(7, "log", "Log", "Log", "LogPane"),
)
BY_NAME = {info.name: info for info in PANES}


def load(name: str) -> type[Pane]:
    """The class of a pane."""
    module = importlib.import_module(f".{name}", __package__)
    cls: type[Pane] = getattr(module, BY_NAME[name].cls)
    return cls
