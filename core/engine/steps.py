"""Operations with a body: steps and guards, whose code the prelude calls between a begin and an end.

Belongs here: entering and leaving bodies. Never: other operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PrimitiveError
from ..journal.folds.agents import TURN
from ..primitives.checkpoint import check_step_name
from ..primitives.execution import Call
from . import launch

if TYPE_CHECKING:
    from ..journal.events import Ended
    from ..values import Value
    from .local import LocalContext


class Bodies:
    """The open bodies of one activation, innermost last."""

    def __init__(self, context: LocalContext) -> None:
        self._context: LocalContext = context
        self._open: list[Call] = []

    def enter_step(self, name: Value, line: int) -> tuple[Ended | None, bool]:
        """The recorded end of the step, or None when its function is to be called; and whether it is entered afresh."""
        if self._context.guarding:
            raise PrimitiveError("Step.run: a guard may use queries and File only")
        wrong = check_step_name(name)
        if wrong is not None:
            raise PrimitiveError(f"Step.run: {wrong}")
        checkpoints = self._context.fold.checkpoints
        earlier = checkpoints.completed.get(str(name))
        if earlier is not None:
            raise PrimitiveError(
                f'Step.run: a step named "{name}" has completed already (line {earlier.line}); '
                "names are unique in a run"
            )
        return self._enter(Call("step", str(name), checkpoints.next_attempt(str(name)), line))

    def enter_guard(self, index: int) -> tuple[Ended | None, bool]:
        """The same for a guard."""
        line = self._context.procedure.guards[index - 1].line
        ended, fresh = self._enter(Call("guard", f"guard#{index}", 1, line))
        self._context.guarding = ended is None
        return ended, fresh

    def enter_turn(self, call: Call) -> tuple[Ended | None, bool]:
        """The same for an agent's turn, in which its `prepare` is called."""
        if self._context.guarding:
            raise PrimitiveError(f"{call.name}: a guard may use queries and File only")
        if any(body.op == TURN for body in self._open):
            raise PrimitiveError("an agent cannot take a turn in the `prepare` of another")
        return self._enter(call)

    def _enter(self, call: Call) -> tuple[Ended | None, bool]:
        ended = self._context.recall(call)
        if ended is not None:
            return ended, False
        fresh = not self._context.reentered
        self._context.begin(call)
        self._open.append(call)
        return None, fresh

    def leave(self) -> Call:
        """The innermost body, which has ended."""
        call = self._open.pop()
        if call.op == "guard":
            self._context.guarding = False
        return call

    def seed(self) -> int:
        """The seed of the innermost body's random sequence."""
        call = self._open[-1]
        return launch.derived_seed(self._context.fold.seed, call.op, call.name, call.attempt)
