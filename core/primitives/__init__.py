"""The primitives of the language, one file per family, and the registry they are declared in."""

from .agents import Tools, Worker
from .checkpoint import Checkpoint
from .file import File
from .graph import GraphNode, NodeMethods
from .human import Human
from .json import Json
from .log import Log
from .procedure import Procedure
from .registry import Registry
from .session import Session
from .stage import Stage
from .state import State
from .step import Step
from .stop import Iterations, Stop, Tool
from .system import System
from .timing import Retry, Timing

REGISTRY = Registry(
    (
        Human, System, Procedure, Session, State, Stage, Stop, Tool, Iterations, Worker, Tools, GraphNode, NodeMethods,
        Step, Checkpoint, Log, Retry, Timing, Json, File,
    )
)  # fmt: skip
"""Every primitive there is."""
