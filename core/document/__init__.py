"""A procedure file, from its text to a checked `Procedure`: positions, schema, templates, parameters.

Belongs here: what a procedure may say and what is wrong with one. Never: running it. Importing this package loads
hardly anything: the parts, PyYAML among them, come when they are used, as most commands read no procedure, and
jsonschema when a procedure is first judged.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import params, templates
    from .diagnostics import CODES, Diagnostic
    from .finding import by_name, namesakes
    from .libs import pin
    from .loader import examine, lib_file, load, load_again
    from .procedure import PRIMITIVES, Agent, Field, Filter, LuaSource, Point, Procedure, lua_names
    from .schema import SCHEMA_FILE
    from .source import read_file
else:
    _HOMES = {
        "diagnostics": ("CODES", "Diagnostic"),
        "finding": ("by_name", "namesakes"),
        "libs": ("pin",),
        "loader": ("examine", "lib_file", "load", "load_again"),
        "procedure": ("PRIMITIVES", "Agent", "Field", "Filter", "LuaSource", "Point", "Procedure", "lua_names"),
        "schema": ("SCHEMA_FILE",),
        "source": ("read_file",),
    }

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CODES",
    "PRIMITIVES",
    "SCHEMA_FILE",
    "Agent",
    "Diagnostic",
    "Field",
    "Filter",
    "LuaSource",
    "Point",
    "Procedure",
    "by_name",
    "examine",
    "lib_file",
    "load",
    "load_again",
    "lua_names",
    "namesakes",
    "params",
    "pin",
    "read_file",
    "templates",
]
