"""`State`: values that a run keeps, and that everybody can see."""

from __future__ import annotations

from ..journal.events import StateAppended, StateCleared, StateIncremented, StateSet
from ..values import INT_MAX, INT_MIN, Value, describe, table_of, tag_float, untag_float
from .registry import Family, effect, query


class State(Family):
    """Values of the run by name. What is read is a copy: changing it changes nothing until it is set again."""

    lua_name = "State"

    @query()
    def get(self, key: str, default: Value = None) -> Value:
        """The value of a key, or the default when the key was never set.

        Args:
            key: The name of the value.
            default: What to return when there is none.
        Returns: a copy of the value
        """
        return self.context.fold.state.values.get(key, default)

    @effect()
    def set(self, key: str, value: Value = None) -> None:
        """Sets a key; nil removes it.

        Args:
            key: The name of the value.
            value: Any value that can be kept: nil, booleans, numbers, strings and tables of these.
        """
        self.context.emit(StateSet(key, value))

    @effect()
    def increment(self, key: str, amount: float = 1) -> Value:
        """Adds to a number, which counts from 0 when the key was never set. Raises when the key holds something else.

        Args:
            key: The name of the value.
            amount: What to add; may be negative.
        Returns: the new number
        """
        present = self.context.fold.state.values.get(key, 0)
        total = _add(present, amount)
        if total is None:
            raise self.refuse("increment", f'"{key}" is {describe(present)}, not a number')
        self.context.emit(StateIncremented(key, total, amount))
        return total

    @effect()
    def append(self, key: str, value: Value = None) -> None:
        """Adds to the end of a list, which is created when the key was never set. Raises when the key holds something
        else.

        Args:
            key: The name of the list.
            value: The new item.
        """
        present = self.context.fold.state.values.get(key)
        if present is not None and present != {} and not isinstance(present, list):
            raise self.refuse("append", f'"{key}" is {describe(present)}, not a list')
        self.context.emit(StateAppended(key, value))

    @query()
    def all(self) -> Value:
        """Every value by its key.

        Returns: a table, a copy
        """
        return table_of(self.context.fold.state.values)

    @effect()
    def clear(self) -> None:
        """Removes every key."""
        self.context.emit(StateCleared())


def _add(present: Value, amount: Value) -> Value:
    """The sum as Lua has it: integers wrap at 64 bits, a float makes a float; None when one is not a number."""
    left, right = _number(present), _number(amount)
    if left is None or right is None:
        return None
    if isinstance(left, int) and isinstance(right, int):
        total = left + right
        return total if INT_MIN <= total <= INT_MAX else (total - INT_MIN) % 2**64 + INT_MIN
    number = float(left) + float(right)
    return number if number - number == 0 else tag_float(number)


def _number(value: Value) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, dict) and isinstance(text := value.get("$f"), str):
        return untag_float(text)
    return None
