"""The interface before its workspace is open: it is drawn first, and what takes longer is imported and read behind it.

What is typed meanwhile is kept, and acts when there is something that it can act on; `q`, and ^C, leave. Belongs here:
the time until the workspace is open. Never: what is imported by then, or a screen.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from textual import events
from textual.app import App

from .app import ProcTui
from .screens.opening import OpeningScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from textual.screen import Screen

    from ..core.operator import Operator
    from .memory import Memory

BETWEEN_SECONDS = 0.03
"""Between two keys that were typed ahead: what the first one opens is there for the second."""


class OpeningProcTui(ProcTui):
    """The interface of a workspace that it opens itself."""

    DEFAULT_MODE = App.DEFAULT_MODE

    def __init__(self, folder: Path, open_it: Callable[[], Operator], *, memory: Memory | None = None) -> None:
        """`open_it` is called in a thread, once the first frame is drawn; whoever gave it closes what it opened."""
        super().__init__(folder, memory=memory)
        self._open_it: Callable[[], Operator] = open_it
        self._typed: list[events.Key | events.Paste] = []
        self._acts: bool = False
        self.refused: Exception | None = None
        """Why the workspace could not be opened."""

    def get_default_screen(self) -> Screen[Any]:
        """As in the base class."""
        return OpeningScreen()

    def on_mount(self) -> None:
        """It is opened after the first frame."""
        self.call_after_refresh(self._begin_opening)

    def _begin_opening(self) -> None:
        self.run_worker(self._open(), exit_on_error=False, group="opening", name="opening the workspace")

    async def _open(self) -> None:
        try:
            await asyncio.to_thread(self._open_all)
        except Exception as error:  # noqa: BLE001 - whoever started the interface tells it, where it stays to be read
            self.refused = error
            self.exit(1, return_code=1)
            return
        if self.left:
            return
        await self.switch_mode("operate")
        self.call_after_refresh(self._begin_all)

    def _open_all(self) -> None:
        importlib.import_module(".screens.operate", __package__)
        self.take(self._open_it())

    def _begin_all(self) -> None:
        self.begin()
        self.call_after_refresh(self._act_on_typed)

    async def _act_on_typed(self) -> None:
        """The screen has its focus: keys act one by one, as those who typed them expect, but decide nothing."""
        if not self._typed or not self._may_act():
            self._typed.clear()
            self._acts = True
            # Whoever types on meanwhile has not seen what the keys before them opened.
            self.rearm()
            return
        await super().on_event(self._typed.pop(0))
        self.set_timer(BETWEEN_SECONDS, self._act_on_typed)

    def _may_act(self) -> bool:
        """Whether keys that were typed before anything was seen may act where the focus is: in lists and text."""
        from .screens.operate import RunScreen

        focused = self.screen.focused
        nodes = focused.ancestors_with_self if focused is not None else ()
        layers = {str(getattr(node, "LAYER", "")) for node in nodes}
        return "text" in layers or (isinstance(self.screen, RunScreen) and not layers & {"card", "failure"})

    async def on_event(self, event: events.Event) -> None:
        """As in the base class; what is typed before the workspace is open waits."""
        if self._acts or not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
        elif isinstance(event, events.Key) and (event.key == "ctrl+c" or (event.key == "q" and not self._typed)):
            await self.leave()
        else:
            self._typed.append(event)
