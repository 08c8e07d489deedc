"""`Checkpoint` and `Step`: recorded results by name."""

from __future__ import annotations

from ..errors import did_you_mean
from ..journal.events import CheckpointsCleared
from ..values import Value
from .registry import Family, effect, query


class Checkpoint(Family):
    """The outcomes recorded so far, as of this point of the code. Steps have their own names, other operations
    numbered ones."""

    lua_name = "Checkpoint"

    @query()
    def exists(self, name: str) -> bool:
        """Whether an operation of this name has completed.

        Args:
            name: A step's name, or `approve#1`, `sleep#2`, ... .
        Returns: a boolean
        """
        return name in self.context.fold.checkpoints.completed

    @query()
    def get(self, name: str) -> object:
        """What the operation returned.

        Args:
            name: A step's name, or `approve#1`, `sleep#2`, ... .
        Returns: all its values, or nil when there is no such checkpoint
        """
        entry = self.context.fold.checkpoints.completed.get(name)
        return None if entry is None else tuple(entry.values)

    @effect()
    def clear_after(self, name: str) -> None:
        """Forgets this checkpoint and all later ones: their names are free at once.

        The next time an operator resumes the ended run it starts from there; a suspension or a crash does not.

        Args:
            name: The checkpoint.
        """
        known = self.context.fold.checkpoints.completed
        if name not in known:
            raise self.refuse("clear_after", f'there is no checkpoint "{name}"{did_you_mean(name, known)}')
        self.context.emit(CheckpointsCleared(name))

    @effect()
    def clear_all(self) -> None:
        """Forgets every checkpoint, as `clear_after` does."""
        self.context.emit(CheckpointsCleared())


def check_step_name(name: Value) -> str | None:
    """What is wrong with a step's name; None when it may be used."""
    if not isinstance(name, str) or not name:
        return "the name of a step must be a string that is not empty"
    if "#" in name:
        return (
            f'the name of a step cannot contain "#" (got "{name}"): numbered names belong to operations without a name'
        )
    return None
