"""Leaving: what becomes of the runs, and the end of the program however it comes.

Belongs here: when the application ends and what is done before. Never: the background worker (`leaving.py`), what the
question looks like (`screens/dialogs.py`).
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from ...core.errors import ProcError
from ..clean import oneline
from .shared import Shared, keep_crash

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

WORD_SECONDS = 0.2
"""How long leaving may take before it is said what for."""
TWICE_SECONDS = 2.0
"""Within which a second ^C means it."""
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class Ending(Shared):
    """The part of the application that ends it."""

    _interrupted_at: float = 0.0

    def mind_signals(self) -> None:
        """A terminal that is gone, or somebody who ends the program, lets go of the runs first."""
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in SIGNALS:
                loop.add_signal_handler(number, self._hung_up, number)

    async def leave(self, code: int = 0, *, background: bool = False) -> None:
        """Lets go of the runs and ends; they stay as they were recorded.

        With `background` another process drives on what goes on, unless one does already.
        """
        if self.left:
            return
        self.left = True
        try:
            if self.tick is not None:
                await self._let_go(background=background)
        finally:
            # Whatever could not be let go: nobody could leave a second time.
            self.write("\x1b[23;2t")
            self.exit(code, return_code=code)

    async def _let_go(self, *, background: bool) -> None:
        self.operator.end_waits()
        self.memory.keep_left(self.now())
        self.memory.keep(run=self.selected, left_at=self.now(), seen=self._newest())
        await asyncio.to_thread(self.memory.write_drafts)
        if self.driving is not None:
            word = self.set_timer(WORD_SECONDS, self._say_what_for)
            await self.driving.end()
            word.stop()
        if background:
            await self._hand_over()
        self.workers.cancel_group(self, "feed")  # pyright: ignore[reportUnknownMemberType] - of Textual

    def _say_what_for(self) -> None:
        """Leaving takes a moment: says why."""
        from ..screens.leaving import LeavingScreen

        if self.driving is not None and self.driving.busy:
            self.push_screen(LeavingScreen(self.driving.hurry))

    def _newest(self) -> int:
        with suppress(ProcError):
            return self.operator.newest_event()
        return self.memory.now.seen

    async def _hand_over(self) -> None:
        from .. import leaving

        try:
            await asyncio.to_thread(leaving.hand_over, self.operator)
        except (OSError, ProcError) as error:
            self.failed(error, "no background worker could be started")

    def _hung_up(self, number: int) -> None:
        """The terminal is gone, or somebody ends the program: nothing can be asked any more.

        Runs go on without a terminal; who ends the program itself ends its runs here, too.
        """
        if number == signal.SIGHUP and self._driver is not None:
            # Textual's writer dies with the terminal, and whatever is written then blocks the loop for ever.
            self._driver.write = _nothing
            if hasattr(self._driver, "_writer_thread"):
                self._driver._writer_thread = None  # pyright: ignore[reportAttributeAccessIssue]
        if self.left and self.driving is not None:
            self.driving.hurry()
        gone = number == signal.SIGHUP and self.driving is not None
        self.run_worker(self.leave(128 + number, background=gone), exit_on_error=False, group="leave")

    # ---- keys

    async def action_leave(self) -> None:
        """Asks how to leave, wherever somebody is."""
        await self._ask_to_leave()

    async def action_back(self) -> None:
        """Back to the screen before; at the root, asks how to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.keyboard.timing.burst:
            self.set_timer(self.keyboard.timing.burst, partial(self._leave_by_hand, self.keyboard.latest))
        else:
            await self._ask_to_leave()

    async def _leave_by_hand(self, pressed: float) -> None:
        """Leaves, unless the key was a letter of a text that was pasted, whose rest would go to the shell."""
        if self.keyboard.by_hand and self.keyboard.latest == pressed:
            await self._ask_to_leave()
        else:
            self.say("that came with other keys, as pasted text does: pressed alone, it leaves", "warning")

    async def action_interrupt(self) -> None:
        """^C copies what is selected by the mouse; twice, it asks how to leave."""
        screen: Screen[object] = self.screen
        text = screen.get_selected_text()
        now = time.monotonic()
        if text:
            self.copy(text)
        elif now - self._interrupted_at < TWICE_SECONDS:
            await self._ask_to_leave()
        else:
            self.say("q leaves, or ^C again; nothing is lost by it")
        self._interrupted_at = now

    async def _ask_to_leave(self) -> None:
        from .. import leaving
        from ..screens.dialogs import LeaveDialog

        def chosen(choice: str | None) -> None:
            if choice is not None:
                leave = self.leave(background=choice == "background")
                self.run_worker(leave, exit_on_error=False, group="leave")

        going_on = 0
        with suppress(ProcError):
            if self.driving is not None and not await asyncio.to_thread(leaving.stands_by, self.operator):
                going_on = await asyncio.to_thread(leaving.left, self.operator)
        if going_on:
            place = self.operator.workspace
            dialog = LeaveDialog(
                going_on, background=not leaving.is_demo(place), passing=leaving.is_passing(place)
            )  # fmt: skip
            self.push_screen(dialog, chosen)
        else:
            chosen("leave")

    # ---- what nothing caught

    def panic(self, *renderables: RenderableType) -> None:
        """As in the base class, which says nothing of it to whoever started the program."""
        self._return_code = 1
        super().panic(*renderables)

    def _fatal_error(self) -> None:
        """An error that nothing caught: the screen is given back, and one line says where the details are."""
        if self.is_headless or self._exception is None:
            super()._fatal_error()
            return
        file = keep_crash(self._exception)
        error = self._exception
        self._exit_renderables.append(
            Text(
                f"proc-tui failed: {type(error).__name__}: {oneline(error)}\n"
                f"The runs stay as they were recorded; start it again to go on. Details: {file}"
            )
        )
        self._close_messages_no_wait()


def _nothing(data: str) -> None:
    """Writes to a terminal that is gone."""
