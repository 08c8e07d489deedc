"""Talking with a run that listens (`Human.chat`): a prompt while it waits for a message, its words as they are said.

Belongs here: the prompt, sending what was typed, which events are words of the conversation. Never: the requests that
come up meanwhile (`answering.py`), for which the prompt makes way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.journal.events import Ended, MessageReceived, Said
from ...core.journal.folds.agents import REPLY
from ..clean import visible
from .output import paint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ...core.journal.events import Event
    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from .terminal import Terminal

PROMPT = "you ▸ "


class Chatting:
    """One run's conversation with the person at this terminal."""

    def __init__(self, operator: Operator, run: Run, terminal: Terminal, say: Callable[[str], None]) -> None:
        self._operator = operator
        self._run = run
        self._terminal = terminal
        self._say = say
        self._task: asyncio.Task[str | None] | None = None
        self.wake: Callable[[], None] = lambda: None
        """Called when a line was typed, so that `look` takes it up."""
        self.left: bool = False
        """Whether the person ended the conversation (^D); the run goes on listening."""

    @property
    def asking(self) -> bool:
        """Whether the prompt is open."""
        return self._task is not None

    def look(self, run: Run, group: asyncio.TaskGroup, *, hears: bool) -> None:
        """Sends what was typed; opens the prompt when the run listens, and takes it away when it does not."""
        task = self._task
        if task is not None and task.done():
            self._task = None
            text = None if task.cancelled() else task.result()
            if text is None:
                self.left = True
            elif text.strip():
                self._operator.send(run, text)
            elif hears:
                self._ask(group)
        elif task is not None and not hears:
            self.cancel()
        elif task is None and hears:
            self._ask(group)

    def _ask(self, group: asyncio.TaskGroup) -> None:
        self._task = group.create_task(self._terminal.line(PROMPT))
        self._task.add_done_callback(lambda _: self.wake())

    def cancel(self) -> None:
        """Takes the prompt away."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def tell(self, run: str, event: Event) -> bool:
        """Says what belongs to the conversation; False for an event that is news of another kind."""
        if run != self._run.id:
            return False
        if isinstance(event, Said):
            self.say(event.content)
            return True
        return isinstance(event, MessageReceived) or (isinstance(event, Ended) and event.op == REPLY)

    def say(self, text: str) -> None:
        """Shows the other side's words."""
        first, *rest = visible(text).split("\n")
        name = self._run.procedure
        self._say("\n".join([f"{paint(visible(name), 'strong')} ▸ {first}", *(f"  {line}" for line in rest)]))

    def show_again(self) -> None:
        """Shows the prompt again, below what was printed over it."""
        if self._task is not None:
            self._terminal.show()
