"""Who answers the requests of the runs that are driven here: a file of answers, a person at this terminal, or nobody.

Belongs here: which request is asked next, posting the answer, and ending a question that was answered elsewhere.
Never: the questions themselves (`asking.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.errors import AlreadyAnswered, Refused
from ...core.model.states import RequestStatus
from ..clean import oneline
from .asking import Question
from .cards import at_timeout, card
from .output import paint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from ...core.journal.requests import PendingRequest
    from ...core.operator import Given, Operator
    from ...core.scripted import AnswersFile
    from .terminal import Terminal


class Answering:
    """The answers that come from here."""

    def __init__(
        self,
        operator: Operator,
        *,
        answers: AnswersFile | None,
        terminal: Terminal | None,
        say: Callable[[str], None],
        now: Callable[[], float],
        by: str | None = None,
    ) -> None:
        self._operator = operator
        self._answers = answers
        self._terminal = terminal
        self._say = say
        self._now = now
        self._by = by
        self.wake: Callable[[], None] = lambda: None
        """Called when somebody gave an answer, so that `look` takes it up."""
        self._left: set[str] = set()
        """Requests that nobody here answers."""
        self.answered: set[str] = set()
        """Requests that were answered from here."""
        self._question: tuple[PendingRequest, Question, asyncio.Task[Given | None]] | None = None

    @property
    def asking(self) -> bool:
        """Whether somebody is being asked just now."""
        return self._question is not None

    @property
    def editing(self) -> bool:
        """Whether an editor has the terminal."""
        return self._question is not None and self._question[1].editing

    def unanswered(self, pending: Sequence[PendingRequest]) -> list[PendingRequest]:
        """Those that nobody here will answer; one that is meant to time out is not among them."""
        return [
            request
            for request in pending
            if request.id in self._left and not (self._answers and self._answers.lets_time_out(request))
        ]

    def wants(self, pending: Sequence[PendingRequest]) -> bool:
        """Whether `look` takes up one of these."""
        return self.asking or any(request.id not in self._left for request in pending)

    def look(self, pending: Sequence[PendingRequest], group: asyncio.TaskGroup) -> None:
        """Takes up what is pending now: ends, finishes or begins a question. Raises `Refused` for a misfit."""
        if self._question is not None:
            request, question, task = self._question
            if task.done():
                self._question = None
                if not task.cancelled():
                    self._finish(request, task.result())
                # What was read before the answer was posted is out of date.
                return
            if all(request.id != item.id for item in pending):
                if question.editing:
                    return
                task.cancel()
                self._question = None
                self._say(self._what_became_of(request.id))
        for request in pending:
            if self._question is None and request.id not in self._left:
                self._take(request, group)

    def show_again(self) -> None:
        """Shows the open question's prompt again, below what was printed over it."""
        if self._question is not None and self._terminal is not None and not self._question[1].editing:
            self._terminal.show()

    def cancel(self) -> None:
        """Ends the question that is open."""
        if self._question is not None:
            self._question[2].cancel()
            self._question = None

    def _take(self, request: PendingRequest, group: asyncio.TaskGroup) -> None:
        run = self._operator.run(request.run)
        if self._answers is not None:
            given = self._answers.next_for(request, run)
            if given is not None:
                self._post(request, given, given.by, via=given.place)
                return
            if self._answers.lets_time_out(request):
                self._left.add(request.id)
                return
        if self._terminal is None:
            self._left.add(request.id)
            return
        self._say("\n".join(card(request, run.procedure, self._now())))
        question = Question(request, self._terminal)
        task = group.create_task(question.ask())
        task.add_done_callback(lambda _: self.wake())
        self._question = (request, question, task)

    def _finish(self, request: PendingRequest, given: Given | None) -> None:
        if given is None:
            self._left.add(request.id)
            self._say(f"left for later: {request.id}")
            return
        try:
            self._post(request, given, self._by, via="")
        except AlreadyAnswered:
            self._say(self._what_became_of(request.id))
        except Refused as error:
            self._say(f"{paint('not taken:', 'bad')} {oneline(error)}")
            if "wants somebody other" in str(error) or "has answered" in str(error):
                self._left.add(request.id)

    def _post(self, request: PendingRequest, given: Given, by: str | None, *, via: str) -> None:
        try:
            accepted = self._operator.answer(request.id, given, by=by, via="answers file" if via else "command line")
        except AlreadyAnswered:
            if not via:
                raise
            return
        except Refused as error:
            raise Refused(f"{via}: {error}" if via else str(error)) from None
        self.answered.add(request.id)
        if accepted.missing:
            more = "1 more person has" if accepted.missing == 1 else f"{accepted.missing} more people have"
            self._say(f"answered; {more} to answer {request.id}")
            if not via:
                self._left.add(request.id)

    def _what_became_of(self, name: str) -> str:
        row, mark = self._operator.request(name), paint("!", "waits")
        match row.status:
            case RequestStatus.ANSWERED:
                return f"{mark} {row.id} was answered by {oneline(row.resolved_by or 'somebody')} in the meantime"
            case RequestStatus.TIMED_OUT:
                return f"{mark} time is up for {row.id}: {at_timeout(row)}"
            case RequestStatus.CANCELLED:
                return f"{mark} {row.id} was withdrawn by {oneline(row.resolved_by or 'the run')}"
            case RequestStatus.PENDING:
                return f"{row.id} is still pending"
