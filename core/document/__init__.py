"""A procedure file, from its text to a checked `Procedure`: positions, schema, templates, parameters.

Belongs here: what a procedure may say and what is wrong with one. Never: running it. Importing this
package loads neither jsonschema nor lupa; they are imported when a procedure is first read.
"""

from . import params, templates
from .diagnostics import CODES, Diagnostic
from .libs import pin
from .loader import examine, lib_file, load, load_again
from .procedure import PRIMITIVES, Agent, Field, Filter, LuaSource, Point, Procedure, lua_names
from .schema import SCHEMA_FILE

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
    "examine",
    "lib_file",
    "load",
    "load_again",
    "lua_names",
    "params",
    "pin",
    "templates",
]
