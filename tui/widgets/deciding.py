"""An answer on its way: given, stored, in effect two seconds later, undone or not.

The moment of effect is stored with the answer and honoured by whoever drives the run; here it is only counted down. An
answer that cannot be stored is none: the card says so, and the same key tries again. Belongs here: giving answers and
taking them back. Never: which answer, or how it is shown.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from ...core.errors import AlreadyAnswered, NotFound, ProcError, Refused, StoreError
from ...core.operator import INTERFACE, Given
from ..words import several

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.engine.answers import Accepted
    from ...core.journal.requests import PendingRequest
    from ..app import ProcTui

UNDO_SECONDS = 2.0
"""How long an answer can be undone."""
STORE_SECONDS = 0.5
"""How long an answer may take until it is stored, before the card speaks of it."""


class Decision(msgspec.Struct, frozen=True):
    """An answer that was given here."""

    label: str
    pressed: float
    until: float
    """When it takes effect."""
    requests: tuple[str, ...]
    undone: bool = False


class Decider:
    """Gives the answers of one card."""

    def __init__(
        self, proc: Callable[[], ProcTui], changed: Callable[[], None], refused: Callable[[ProcError], None]
    ) -> None:
        """`changed` is called when an answer was given, taken or withdrawn.

        `refused` is when it does not fit any more, and, with a `StoreError`, when it was not stored.
        """
        self._find: Callable[[], ProcTui] = proc
        self._changed: Callable[[], None] = changed
        self._refused: Callable[[ProcError], None] = refused
        self._accepted: list[Accepted] | None = None
        self.now: Decision | None = None
        """What is on its way; None when nothing is."""
        self.decided: bool = False
        """Whether an answer that was given here took effect."""

    @property
    def _proc(self) -> ProcTui:
        return self._find()

    @property
    def missing(self) -> int:
        """How many people have to answer besides."""
        return max((one.missing for one in self._accepted or ()), default=0)

    def unstored(self, now: float) -> bool:
        """Whether the answer takes longer to be stored than it should: it does not count until it is."""
        return self.now is not None and self._accepted is None and now - self.now.pressed >= STORE_SECONDS

    @property
    def accepted(self) -> bool:
        """Whether an answer is on its way that the operator has taken."""
        return self.now is not None and not self.now.undone and bool(self._accepted)

    def decide(self, label: str, answers: Sequence[tuple[PendingRequest, Given]], audit: dict[str, object]) -> None:
        """Gives an answer to one or several requests."""
        proc, pressed = self._proc, self._proc.now()
        decision = Decision(label, pressed, pressed + UNDO_SECONDS, tuple(request.id for request, _ in answers))
        self.now, self._accepted = decision, None
        self._changed()
        trail = {**audit, "key_at": pressed, **({"batch": len(answers)} if len(answers) > 1 else {})}

        def work() -> tuple[list[Accepted], ProcError | None]:
            done: list[Accepted] = []
            for request, given in answers:
                try:
                    done.append(
                        proc.operator.answer(
                            request.id, given, via=INTERFACE, audit=trail, effective_in=UNDO_SECONDS
                        )
                    )  # fmt: skip
                except ProcError as error:
                    return done, error
            return done, None

        async def doing() -> None:
            done, error = await asyncio.to_thread(work)
            proc.feed.look()
            self._took(decision, done, error)

        proc.run_worker(doing(), exit_on_error=False, group="act", name="answer")

    def _took(self, decision: Decision, done: list[Accepted], error: ProcError | None) -> None:
        mine = self._is_now(decision)
        undo = mine and self.now is not None and self.now.undone
        if mine:
            until = max((one.effective_at for one in done), default=decision.until)
            self.now = msgspec.structs.replace(decision, until=until, undone=undo) if done else None
            self._accepted = done
        if isinstance(error, Refused) and mine:
            self._refused(error)
        elif isinstance(error, StoreError) and mine and not done:
            if undo:
                self._proc.say("undone: it was not stored")
            else:
                self._refused(error)
        elif error is not None:
            known = isinstance(error, (AlreadyAnswered, NotFound, Refused))
            part = f"{len(done)} of {several(len(decision.requests), 'answer')} stored: " if done else ""
            self._proc.say(f"{part}{error}", "warning" if known else "error")
        if undo and done:
            self._withdraw(decision, done)
        self._changed()

    def _is_now(self, decision: Decision) -> bool:
        """Whether a decision is the one that is on its way: the card may show another request by now."""
        now = self.now
        return now is not None and (now.requests, now.pressed) == (decision.requests, decision.pressed)

    def undo(self) -> bool:
        """Takes back what can be still; False when nothing can."""
        decision = self.now
        if decision is None or decision.undone:
            return False
        self.now = msgspec.structs.replace(decision, undone=True)
        if self._accepted is not None:
            self._withdraw(decision, self._accepted)
        self._changed()
        return True

    def over(self, *, settled: bool = False) -> None:
        """The answer is in effect, when the request is `settled`; or it is no use any more."""
        self.decided = settled and self.accepted
        self.now = None

    def _withdraw(self, decision: Decision, accepted: Sequence[Accepted]) -> None:
        proc = self._proc

        async def doing() -> None:
            def work() -> int:
                return sum(proc.operator.undo(one.request, answer=one.answer) for one in accepted)

            undone, failed = 0, None
            try:
                undone = await asyncio.to_thread(work)
            except ProcError as error:
                failed = error
            proc.feed.look()
            if self._is_now(decision) and self.now is not None:
                # What could not be undone for want of the store stands, and may be tried again.
                stands = isinstance(failed, StoreError)
                self.now = msgspec.structs.replace(self.now, undone=False) if stands else None
            if failed is not None:
                proc.say(f"not undone: {failed}", "warning")
            elif undone == len(accepted):
                proc.say("undone" if undone == 1 else f"undone: {several(undone, 'answer')}")
            elif undone:
                proc.say(f"{undone} of {len(accepted)} were undone, for the others it is too late", "warning")
            else:
                proc.say("it is too late to undo that", "warning")
            self._changed()

        proc.run_worker(doing(), exit_on_error=False, group="act", name="undo")
