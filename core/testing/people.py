"""People who answer what runs ask, from a script.

Belongs here: giving the answers of a list, a function or a file. Never: the form of the file (`core/scripted.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..engine.answers import Given
from ..journal import requests, runs
from ..model.states import RequestStatus
from ..scripted import AnswersFile, in_chat
from ..values import from_json

if TYPE_CHECKING:
    from ..journal.requests import PendingRequest
    from ..operator import Operator

Answer: TypeAlias = "Given | Mapping[str, object] | bool | str | None"
"""What a person does: an answer, its fields (`by` says who), a short form of it, or, with None, nothing."""
Script: TypeAlias = "Iterable[Answer] | Callable[[PendingRequest], Answer]"


class Person:
    """Answers requests from a script, in order; a request for which the script has nothing stays unanswered."""

    def __init__(self, script: Script = ()) -> None:
        self.asked: list[PendingRequest] = []
        """What was shown, in order; a request that wants several people is shown to each."""
        self._ignored: set[str] = set()
        self._one: Callable[[PendingRequest], Answer] | None = None
        self._script: list[Answer] = []
        if callable(script):
            self._one = script
        else:
            self._script = list(script)

    @property
    def unused(self) -> int:
        """How many answers nobody asked for."""
        return len(self._script)

    def act(self, operator: Operator) -> bool:
        """Answers the most urgent request that was not left alone before; False when there is none."""
        for request in operator.inbox():
            if request.id in self._ignored:
                continue
            self.asked.append(request)
            answer = self._one(request) if self._one else self._script.pop(0) if self._script else None
            if answer is None:
                self._ignored.add(request.id)
                continue
            given, by = given_of(request, answer)
            operator.answer(request.id, given, by=by, via="play")
            return True
        return False


def given_of(request: PendingRequest, answer: Given | Mapping[str, object] | bool | str) -> tuple[Given, str | None]:
    """An answer in full, and who gives it: a boolean approves or rejects, a text goes where the request wants one."""
    if isinstance(answer, Given):
        return answer, None
    if isinstance(answer, bool):
        return Given(approved=answer), None
    if isinstance(answer, str):
        fields: dict[str, Any] = {{"input": "text", "review": "decision"}.get(request.type, "note"): answer}
        return Given(**fields), None
    given: dict[str, Any] = dict(answer)
    by = given.pop("by", None)
    if "artifact" in given:
        given["artifact"] = from_json(given["artifact"])
    return Given(**given), by


class FilePerson(Person):
    """Answers from a file of answers; what was answered before, in an earlier play in the same folder, is skipped."""

    def __init__(self, answers: AnswersFile) -> None:
        super().__init__()
        self._answers: AnswersFile = answers
        self._caught_up: bool = False

    @property
    def unused(self) -> int:
        return len(self._answers.leftover)

    def act(self, operator: Operator) -> bool:
        if not self._caught_up:
            self._caught_up = True
            self._skip(operator)
        for request in operator.inbox():
            if request.id in self._ignored:
                continue
            self.asked.append(request)
            given = self._answers.next_for(request, operator.run(request.run))
            if given is None:
                self._ignored.add(request.id)
                continue
            operator.answer(request.id, given, by=given.by, via="play")
            return True
        for run in operator.runs():
            spoken = self._answers.next_said(run) if in_chat(run) else None
            if spoken is not None:
                operator.send(run, spoken.text, by=spoken.by)
                return True
        return False

    def _skip(self, operator: Operator) -> None:
        """Takes from the file what became of earlier requests, and what was said before."""
        with operator._environment.database.read() as connection:  # pyright: ignore[reportPrivateUsage] - as `Stage` does
            rows = sorted(requests.listing(connection, pending=False), key=lambda row: (row.created_at, row.seq))
            earlier = [(row, runs.get(connection, row.run), len(requests.answers(connection, row.id))) for row in rows]
            letters = {run.id: requests.mail(connection, run.id) for run in operator.runs()}
        for row, run, answered in earlier:
            for _ in range(1 if row.status is RequestStatus.TIMED_OUT else answered):
                self._answers.next_for(row, run)
        for run in operator.runs():
            senders = [message.by for message in operator.fold(run).session.received]
            senders += [letter.by for letter in letters[run.id] if letter.kind == "message"]
            for _ in (by for by in senders if by != f"run {run.parent}"):
                self._answers.next_said(run)
