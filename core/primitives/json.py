"""`Json`: text to values and back; encoding is Lua's half (`lua/json.lua`), since only Lua knows which table is
which."""

from __future__ import annotations

import msgspec

from ..errors import InvalidValue
from ..values import MAX_LEVELS, Value, as_bytes, describe, from_json
from .registry import Family, Record, query


class Json(Family):
    """JSON text. `Json.null` and `Json.array(t)` say what a plain table cannot; an empty table encodes as `{}`; keys
    are sorted."""

    lua_name = "Json"

    @query(in_lua=True)
    def encode(self, value: Value, options: Record | None = None) -> str:
        """The text of a value. Raises for what JSON cannot say: functions, cycles, inf, nan, mixed keys.

        Args:
            value: Anything.
            options: `{indent = n}` puts every item on a line of its own.
        Returns: a string
        """
        return ""

    @query(in_lua=True)
    def array(self, t: Record | None = None) -> Value:
        """Marks a table as a list, so that an empty one encodes as `[]`.

        Args:
            t: The table; a new one when left out.
        Returns: the table
        """
        return None

    @query()
    def decode(self, text: Value) -> Value:
        """The value of a text. `null` becomes nil; integers of more than 64 bits become floats. Raises for bad JSON.

        Args:
            text: JSON.
        Returns: the value
        """
        raw = as_bytes(text)
        if raw is None:
            raise self.refuse("decode", f'"text" must be a string, got {describe(text)}')
        try:
            return from_json(msgspec.json.decode(raw))
        except UnicodeDecodeError:
            raise self.refuse("decode", "the text is not UTF-8") from None
        except (InvalidValue, RecursionError):
            raise self.refuse("decode", f"the text is nested more than {MAX_LEVELS} levels deep") from None
        except msgspec.DecodeError as error:
            raise self.refuse("decode", str(error)) from None
