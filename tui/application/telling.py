"""Telling a person what they did not look at: bell, title, notifications, and what happened while they were away.

Belongs here: when it is told. Never: what is worth telling (`announcing.py`, `screens/since.py`).
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from ..clean import oneline
from .shared import Shared

if TYPE_CHECKING:
    from ..announcing import Announcer
    from ..live.feed import Tick

CLOCK_SECONDS = 1.0
SEEN_SECONDS = 20.0
"""How often it is noted that somebody has the workspace before their eyes, for what may end without a word."""
AWAY_SECONDS = 60.0
"""Whoever was away for less knows what happened."""
OVERDUE_SECONDS = 3.0
"""How long it may take until deadlines that passed while nobody drove the runs are recorded as such."""
OVERDUE_LOOK_SECONDS = 0.1


class Telling(Shared):
    """The part of the application that tells what is new."""

    _announcer: Announcer | None = None
    _seen_at: float = 0.0
    _told: int | None = None
    """How many requests the title speaks of."""

    def begin_telling(self) -> None:
        """From now on; what waits already is known."""
        from ..announcing import Announcer

        self._announcer = Announcer.of(
            self.operator, problem=lambda text: self.say(text, "warning"), configured=self.configured
        )
        self._announcer.know(self.workspace.requests)
        self.set_interval(CLOCK_SECONDS, self._clock)
        self.run_worker(self._show_since(), exit_on_error=False, group="since", name="what happened")
        self._retitle()

    def on_tick(self, message: Tick) -> None:
        """Something changed."""
        self._announce()
        if self._told != len(self.workspace.requests):
            self._retitle()

    async def _show_since(self) -> None:
        """Says what happened since this person was here last."""
        left, now = self.memory.left_at, self.now()
        self.memory.keep_left(now)
        if not left or now - left < AWAY_SECONDS:
            return
        from ..screens.since import SinceScreen, is_news, is_overdue

        found = await asyncio.to_thread(self.operator.since, left)
        patience = time.monotonic() + (OVERDUE_SECONDS if self.driving is not None else 0.0)
        while is_overdue(found) and time.monotonic() < patience:
            await asyncio.sleep(OVERDUE_LOOK_SECONDS)
            found = await asyncio.to_thread(self.operator.since, left)
        if is_news(found) and not self.left and not self.screen.is_modal:
            self.push_screen(SinceScreen(found, self.glyphs))

    def _announce(self) -> None:
        """Tells what is new, or nearly due."""
        if self._announcer is None:
            return
        found = self._announcer.news(self.workspace.requests, self.now())
        if found and self._announcer.notify.bell:
            self.bell()
        for item in found:
            if not self.is_headless and (said := self._announcer.sequence(item, os.environ)):
                self.write(said)
            if self._announcer.notify.command:
                self.run_worker(asyncio.to_thread(self._announcer.run, item), exit_on_error=False, group="announce")

    def _clock(self) -> None:
        from ..screens.screen import ProcScreen

        now = self.now()
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ProcScreen):
                screen.clock(now)
                break
        self._announce()
        if now - self._seen_at >= SEEN_SECONDS:
            self._seen_at = now
            self.memory.keep_left(now)

    def _retitle(self) -> None:
        needs = self._told = len(self.workspace.requests)
        title = f"({needs}) " if needs else ""
        self.title = f"{title}proc-tui {oneline(self.workspace.name)}"
        self.write(f"\x1b]2;{self.title}\x1b\\")
