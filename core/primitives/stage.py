"""`Stage`: where the run is among its declared stages."""

from __future__ import annotations

from ..errors import did_you_mean
from ..journal.events import StageHistoryCleared, StageSet
from ..values import Value
from .registry import Family, effect, query


class Stage(Family):
    """The stage of the run. With `stages:` declared, only those names are stages; without, any name is."""

    lua_name = "Stage"

    @query()
    def current(self) -> str | None:
        """The present stage.

        Returns: its name, or nil before the first
        """
        return self.context.fold.stages.current

    @effect()
    def set(self, name: str) -> None:
        """Moves to a stage.

        Args:
            name: The stage; an error lists the declared ones when it is not among them.
        """
        self._check("set", name)
        self.context.emit(StageSet(name))

    @effect()
    def advance(self, name: str | None = None) -> str | None:
        """Moves to the next declared stage, or to the one named.

        Args:
            name: The stage; the next in the declared order when left out.
        Returns: the new stage, or nil at the end
        """
        following = name if name is not None else self._next()
        if following is None:
            return None
        self._check("advance", following)
        self.context.emit(StageSet(following))
        return following

    @query(name="is")
    def is_(self, name: str) -> bool:
        """Whether the present stage has this name.

        Args:
            name: The stage.
        Returns: a boolean
        """
        return self.context.fold.stages.current == name

    @query()
    def history(self) -> Value:
        """Every change of stage.

        Returns: a list of `{from_stage, to_stage, timestamp}`; timestamps are seconds since the epoch
        """
        rows: list[Value] = []
        for change in self.context.fold.stages.history:
            row: dict[str, Value] = {} if change.from_stage is None else {"from_stage": change.from_stage}
            rows.append({**row, "to_stage": change.to_stage, "timestamp": change.timestamp})
        return rows

    @query()
    def count(self) -> int:
        """How many changes of stage the history holds.

        Returns: an integer
        """
        return len(self.context.fold.stages.history)

    @effect()
    def clear_history(self) -> None:
        """Forgets the changes; the present stage stays."""
        self.context.emit(StageHistoryCleared())

    def _next(self) -> str | None:
        declared = self.context.procedure.stages
        if not declared:
            raise self.refuse("advance", "this procedure declares no stages; name the stage to move to")
        current = self.context.fold.stages.current
        index = declared.index(current) + 1 if current in declared else 0
        return declared[index] if index < len(declared) else None

    def _check(self, method: str, name: str) -> None:
        declared = self.context.procedure.stages
        if declared and name not in declared:
            raise self.refuse(
                method, f'unknown stage "{name}"{did_you_mean(name, declared)} (stages: {", ".join(declared)})'
            )
