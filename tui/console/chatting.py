"""Talking with runs that listen (`Human.chat`): what a file or a person here says to them, and their words, wholly.

Belongs here: the prompt, sending what was typed or stands in an answers file, how both sides look. Never: the requests
that come up meanwhile (`answering.py`), for which the prompt makes way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...core.errors import Refused
from ...core.journal.events import Ended, MessageReceived, Said
from ...core.journal.folds.agents import REPLY
from ..clean import oneline, visible
from .output import paint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from ...core.journal.events import Event
    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from ...core.scripted import AnswersFile
    from .terminal import Terminal


class Chatting:
    """The conversations of a run and those below it with whoever is here."""

    def __init__(
        self,
        operator: Operator,
        run: Run,
        *,
        answers: AnswersFile | None,
        terminal: Terminal | None,
        say: Callable[[str], None],
        alone: bool = False,
    ) -> None:
        """With `alone` nothing but the conversation with `run` counts: ^D ends it, replies are no news."""
        self._operator = operator
        self._run = run
        self._answers = answers
        self._terminal = terminal
        self._say = say
        self.alone: bool = alone
        """Whether the conversation with the run is all that there is here."""
        self._open: tuple[Run, asyncio.Task[str | None]] | None = None
        self.wake: Callable[[], None] = lambda: None
        """Called when a line was typed, so that `look` takes it up."""
        self._left: set[str] = set()
        """Runs with which the person here does not talk any longer (^D); they go on listening."""
        self._told: set[str] = set()
        """Runs whose latest words were shown."""
        self._typed: Counter[tuple[str, str]] = Counter()
        """What was typed here, by run, until it arrives there: it stands on the screen already."""

    @property
    def asking(self) -> bool:
        """Whether the prompt is open."""
        return self._open is not None

    @property
    def over(self) -> bool:
        """Whether the person ended the conversation that was all there was."""
        return self.alone and self._run.id in self._left

    def look(self, listening: Sequence[Run], group: asyncio.TaskGroup, *, may_ask: bool) -> None:
        """Sends what was typed or what the file says next; opens the prompt for a run that listens, or takes it away.

        `listening` are the runs that wait for a message; with `may_ask` the terminal is free.
        """
        if self._open is not None:
            run, task = self._open
            if task.done():
                self._open = None
                text = None if task.cancelled() else task.result()
                if text is None:
                    self._left.add(run.id)
                elif text.strip():
                    self._typed[run.id, text] += 1
                    self._send(run, text, None)
                    # What was read before the message was sent is out of date.
                    return
            elif all(run.id != item.id for item in listening):
                self.cancel()
        for run in listening:
            spoken = self._answers.next_said(run) if self._answers is not None else None
            if spoken is not None:
                self.cancel()
                self._send(run, spoken.text, spoken.by)
                return
        wanted = next((run for run in listening if run.id not in self._left), None)
        if wanted is not None and self._open is None and may_ask and self._terminal is not None:
            self._ask(wanted, self._terminal, group)

    def cancel(self) -> None:
        """Takes the prompt away."""
        if self._open is not None:
            self._open[1].cancel()
            self._open = None

    def show_again(self) -> None:
        """Shows the prompt again, below what was printed over it."""
        if self._open is not None and self._terminal is not None:
            self._terminal.show()

    def tell(self, run: Run, event: Event) -> bool:
        """Says what belongs to a conversation; False for an event that is news of another kind."""
        match event:
            case Said():
                self._tell_said(run, event.content)
                return True
            case MessageReceived() if run.id in self._told:
                key = (run.id, event.content)
                if self._typed[key]:
                    self._typed[key] -= 1
                else:
                    self._speech(event.by or "somebody", event.content)
                return True
            case Ended():
                return self.alone and run.id == self._run.id and event.op == REPLY
            case _:
                return False

    def _ask(self, run: Run, terminal: Terminal, group: asyncio.TaskGroup) -> None:
        if run.id not in self._told:
            found = self._operator.log(run, kinds=(Said.kind,), limit=1, newest=True)
            if found and isinstance(found[0].event, Said):
                self._tell_said(run, found[0].event.content)
        task = group.create_task(terminal.line("you ▸ "))
        task.add_done_callback(lambda _: self.wake())
        self._open = (run, task)

    def _send(self, run: Run, text: str, by: str | None) -> None:
        try:
            self._operator.send(run, text, by=by)
        except Refused as error:
            self._say(f"{paint('not sent:', 'bad')} {oneline(error)}")

    def _tell_said(self, run: Run, text: str) -> None:
        self._told.add(run.id)
        self._speech(run.procedure if run.id == self._run.id else f"{run.procedure} {run.id}", text)

    def _speech(self, name: str, text: str) -> None:
        first, *rest = visible(text).rstrip().split("\n")
        self._say("\n".join([f"{paint(oneline(name), 'strong')} ▸ {first}", *(f"  {line}" for line in rest)]))
