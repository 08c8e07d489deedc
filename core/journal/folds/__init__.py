"""Readings of a journal: each fold takes the events it knows, in order, and holds what they add up to.

The run itself is driven on these folds (`RunFold`), and every listing and pane reads the same classes,
so that what a person sees is what Lua sees. Add a fold here when something new must be read from the
events; never a second source of truth.
"""

from .agents import AgentFold, Conversation, OpenTurn
from .checkpoints import Checkpoint, CheckpointFold
from .graph import GraphFold, Node
from .log import LogFold
from .outline import OpenOperation, Outline, OutlineFold
from .polls import PollFold
from .requests import Request, RequestFold
from .run import RunFold
from .session import Message, SessionFold
from .stages import StageChange, StageFold
from .state import StateFold
from .tools import ToolCall, ToolFold

__all__ = [
    "AgentFold",
    "Checkpoint",
    "CheckpointFold",
    "Conversation",
    "GraphFold",
    "LogFold",
    "Message",
    "Node",
    "OpenOperation",
    "OpenTurn",
    "Outline",
    "OutlineFold",
    "PollFold",
    "Request",
    "RequestFold",
    "RunFold",
    "SessionFold",
    "StageChange",
    "StageFold",
    "StateFold",
    "ToolCall",
    "ToolFold",
]
