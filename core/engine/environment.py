"""What the runs of one worker share: the database, the sources, the clock, and news within the process.

Belongs here: data that is handed on. Never: anything that is slow to import, since every command opens a workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal.database import Database
    from ..model.clock import Clock
    from .services import Services
    from .sources import Sources


class Attention:
    """Passes on, within one process, that some run may have become due."""

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[], None], ...] = ()

    def __call__(self) -> None:
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls the listener each time, in whatever thread; returns what ends that."""
        self._listeners = (*self._listeners, listener)

        def unlisten() -> None:
            self._listeners = tuple(item for item in self._listeners if item is not listener)

        return unlisten


@dataclass(frozen=True)
class Environment:
    """What the runs of one worker share."""

    database: Database
    sources: Sources
    clock: Clock
    file_root: str
    services: Services
    attention: Attention
    """Told when something may have become due."""
    env_allow: frozenset[str] = frozenset()
    files_refused: str = ""
    """Why procedures may not use files here; empty when they may."""
    suspend_always: bool = False
    """Every operation lets go of the run and resumes it in a fresh Lua state: for tests."""
    fault: Callable[[str], None] = lambda _name: None
