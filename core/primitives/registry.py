"""Where primitives are declared: three decorators, and the registry made from them.

A primitive is a Python method of a `Family`. Its name, signature, annotations and docstring are the
declaration: the Lua binding, the checking of arguments, the linter, completion, the reference
(`docs/primitives.md`) and the tests all read them here. Belongs here: declaring and checking calls.
Never: what a primitive does.
"""

from __future__ import annotations

import inspect
import math
import typing
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin

from ..errors import PrimitiveError, did_you_mean
from ..values import Value, as_bytes, describe, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .execution import ExecutionContext

Seconds: TypeAlias = Annotated[float, "seconds"]
"""A duration: a finite number, not negative."""
Timeout: TypeAlias = Annotated[float, "timeout"]
"""A duration, given as a number or as `{timeout = number}`."""
NodeId: TypeAlias = Annotated[str, "node"]
"""A node, or the id of one."""
Text: TypeAlias = Annotated[str, "text"]
"""A string that is only shown: bytes that are not UTF-8 become replacement characters."""
Record: TypeAlias = Annotated[dict[str, Value], "record"]
"""A table with string keys."""
Rows: TypeAlias = Annotated[list[Value], "rows"]
"""A list."""
Function: TypeAlias = Annotated[object, "function"]
"""A Lua function; only primitives whose code is in the prelude take one."""

F = TypeVar("F", bound="Callable[..., Any]")


class Kind(Enum):
    """What calling a primitive means for the run."""

    QUERY = "query"
    """Reads the run; never recorded."""
    EFFECT = "effect"
    """Changes the run at once; recorded; never done twice."""
    OPERATION = "operation"
    """May wait for the world; its outcome is recorded and recalled."""


class Form(Enum):
    """How arguments may be given."""

    POSITIONAL = "positional"
    OPTIONS = "options"
    """One table of options."""
    EITHER = "either"
    """Positional, or one table with the same names."""
    POINT = "point"
    """Options, with the name of a declared `hitl` point before them or as `config_key`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument or option of a primitive."""

    name: str
    type: str
    """As the reference shows it: `number of seconds`."""
    required: bool
    default: object
    doc: str
    accepts: Callable[[Value], object]
    """Converts a value; raises `TypeError` when it does not fit."""


@dataclass(frozen=True, slots=True)
class Method:
    """A primitive: its declaration and the function behind it."""

    family: str
    name: str
    kind: Kind
    form: Form
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]
    doc: str
    returns: str
    checkpoint: str
    """The base of its checkpoints' names."""
    wraps: Literal["", "node", "nodes"]
    """Whether the result is a node or a list of nodes, which get their methods in Lua."""
    local_only: bool
    """True when only the local context can do it."""
    in_lua: bool
    """True when the prelude implements it; the declaration is for readers and tools."""
    names: tuple[str, ...] = field(default=())
    serves: str = ""
    """For a hidden half of another primitive: that one's title, which its messages have."""

    @property
    def title(self) -> str:
        """The name as the code writes it."""
        if self.serves:
            return self.serves
        if self.family == "node":
            return f"node:{self.name}"
        return f"{self.family}.{self.name}" if self.family else self.name

    def bind(self, given: dict[str, Value]) -> dict[str, object]:
        """The keyword arguments of the method for what `named` found. Raises `PrimitiveError` naming what is wrong."""
        unknown = [name for name in given if name not in self.names]
        if unknown:
            known = ", ".join(self.names)
            raise PrimitiveError(
                f'{self.title}: unknown option "{unknown[0]}"{did_you_mean(unknown[0], self.names)} (options: {known})'
            )
        bound: dict[str, object] = {}
        for parameter in self.parameters:
            value = given.get(parameter.name)
            if value is None:
                if parameter.required and parameter.name not in given:
                    raise PrimitiveError(f'{self.title}: "{parameter.name}" is missing ({parameter.type})')
                if parameter.required:
                    raise PrimitiveError(f'{self.title}: "{parameter.name}" must be {parameter.type}, got nil')
                bound[parameter.name] = parameter.default
                continue
            try:
                bound[parameter.name] = parameter.accepts(value)
            except TypeError as error:
                says = str(error) or f"must be {parameter.type}, got {describe(value)}"
                raise PrimitiveError(f'{self.title}: "{parameter.name}" {says}') from None
        return bound

    def named(self, args: tuple[Value, ...]) -> dict[str, Value]:
        """The arguments by name, in whichever form Lua gave them. Raises `PrimitiveError` when there are too many."""
        if self.form is Form.POINT:
            return self._point(args)
        if self.form is Form.OPTIONS or (
            self.form is Form.EITHER and len(args) == 1 and fields_of(args[0]) is not None
        ):
            if len(args) > 1:
                raise PrimitiveError(f"{self.title} takes one table of options, got {len(args)} arguments")
            return self._table(args[0] if args else None)
        if len(args) > len(self.names) and any(item is not None for item in args[len(self.names) :]):
            most = f"{len(self.names)} argument{'' if len(self.names) == 1 else 's'}"
            raise PrimitiveError(f"{self.title} takes at most {most}, got {len(args)}")
        return dict(zip(self.names, args, strict=False))

    def _table(self, value: Value) -> dict[str, Value]:
        if value is None:
            return {}
        options = fields_of(value)
        if options is None:
            raise PrimitiveError(f"{self.title} takes a table of options, got {describe(value)}")
        return options

    def _point(self, args: tuple[Value, ...]) -> dict[str, Value]:
        first = next(iter(args), None)
        if isinstance(first, str):
            if len(args) > 2:
                raise PrimitiveError(
                    f"{self.title} takes a point's name and a table of options, got {len(args)} arguments"
                )
            return {**self._table(args[1] if len(args) == 2 else None), "config_key": first}
        if len(args) > 1:
            raise PrimitiveError(f"{self.title} takes one table of options, got {len(args)} arguments")
        return dict(self._table(first))


class Family:
    """Base of the classes that declare primitives; one instance serves one activation of a run."""

    lua_name: typing.ClassVar[str] = ""
    """The global table in Lua; empty for plain functions, `node` for the methods of nodes."""

    def __init__(self, context: ExecutionContext) -> None:
        self.context: ExecutionContext = context

    def prepare(self, method: Method, given: dict[str, Value]) -> dict[str, Value]:
        """The arguments as the family wants them checked; a family that declares defaults elsewhere adds them here."""
        return given

    def refuse(self, method: str, message: str) -> PrimitiveError:
        """An error about a call of one of the family's methods."""
        mark = ":" if self.lua_name == "node" else "."
        return PrimitiveError(f"{self.lua_name}{mark}{method}: {message}" if self.lua_name else f"{method}: {message}")


_MARK = "__primitive__"


def _declare(kind: Kind, function: F, options: dict[str, object]) -> F:
    setattr(function, _MARK, (kind, options))
    return function


def query(
    *, form: Form = Form.POSITIONAL, name: str = "", wraps: str = "", in_lua: bool = False, serves: str = ""
) -> Callable[[F], F]:
    """Declares a primitive that reads the run: synchronous, never journaled."""
    return lambda function: _declare(
        Kind.QUERY, function, {"form": form, "name": name, "wraps": wraps, "in_lua": in_lua, "serves": serves}
    )


def effect(
    *, form: Form = Form.POSITIONAL, name: str = "", wraps: str = "", local_only: bool = False
) -> Callable[[F], F]:
    """Declares a primitive that changes the run: synchronous, appends an event, matched on a replay."""
    return lambda function: _declare(
        Kind.EFFECT, function, {"form": form, "name": name, "wraps": wraps, "local_only": local_only}
    )


def operation(
    *,
    form: Form = Form.POSITIONAL,
    name: str = "",
    checkpoint: str = "",
    local_only: bool = False,
    in_lua: bool = False,
) -> Callable[[F], F]:
    """Declares a primitive that may wait for the world: `async`; its outcome is a checkpoint, recalled on a replay."""
    options: dict[str, object] = {"form": form, "name": name, "checkpoint": checkpoint}
    return lambda function: _declare(Kind.OPERATION, function, {**options, "local_only": local_only, "in_lua": in_lua})


class Registry:
    """Every primitive, by family and name."""

    def __init__(self, families: Iterable[type[Family]]) -> None:
        self.families: tuple[type[Family], ...] = tuple(families)
        self.methods: tuple[Method, ...] = tuple(method for family in self.families for method in _methods(family))
        self.by_title: Mapping[str, Method] = {method.title: method for method in self.methods if not method.serves}


def _methods(family: type[Family]) -> list[Method]:
    found: list[Method] = []
    for attribute, function in vars(family).items():
        mark = getattr(function, _MARK, None)
        if mark is None:
            continue
        kind, options = mark
        name = options.get("name") or attribute.rstrip("_")
        doc = inspect.getdoc(function) or ""
        text, described, returns = _sections(doc)
        parameters = _parameters(function, described)
        found.append(
            Method(
                family=family.lua_name,
                name=name,
                kind=kind,
                form=options["form"],
                parameters=parameters,
                function=function,
                doc=text,
                returns=returns,
                checkpoint=options.get("checkpoint") or name,
                wraps=options.get("wraps", ""),
                local_only=options.get("local_only", False),
                in_lua=options.get("in_lua", False),
                names=tuple(parameter.name for parameter in parameters),
                serves=options.get("serves", ""),
            )
        )
    return found


def _sections(doc: str) -> tuple[str, dict[str, str], str]:
    """The text, the described arguments and the `Returns:` text of a docstring."""
    text, _, returns = doc.partition("\nReturns: ")
    text, _, args = text.partition("\nArgs:\n")
    described: dict[str, str] = {}
    last = ""
    for line in args.splitlines():
        name, colon, rest = line.strip().partition(": ")
        if colon and name.isidentifier():
            described[name], last = rest, name
        elif last and line.strip():
            described[last] += f" {line.strip()}"
    return text.strip(), described, " ".join(returns.split())


def _parameters(function: Callable[..., Any], described: dict[str, str]) -> tuple[Parameter, ...]:
    hints = typing.get_type_hints(function, include_extras=True)
    found: list[Parameter] = []
    for name, item in inspect.signature(function).parameters.items():
        if name in ("self", "call"):
            continue
        required = item.default is inspect.Parameter.empty
        text, accepts = _type(hints[name])
        default = None if required else item.default
        found.append(Parameter(name.rstrip("_"), text, required, default, described.get(name.rstrip("_"), ""), accepts))
    return tuple(found)


def _type(hint: Any) -> tuple[str, Callable[[Value], object]]:
    """How the reference calls a type, and what converts a value to it."""
    if get_origin(hint) is Literal:
        names = get_args(hint)
        return " | ".join(f'"{name}"' for name in names), _one_of(names)
    simple = _TYPES.get(hint)
    if simple is not None:
        return simple
    arms = [arm for arm in get_args(hint) if arm is not type(None)]
    if len(arms) == 1:
        return _type(arms[0])
    return "any value", _anything


def _anything(value: Value) -> object:
    return value


def _one_of(names: tuple[object, ...]) -> Callable[[Value], object]:
    def accept(value: Value) -> object:
        folded = value.casefold() if isinstance(value, str) else value
        if folded not in names:
            known = ", ".join(f'"{name}"' for name in names)
            hint = did_you_mean(value, [str(name) for name in names]) if isinstance(value, str) else ""
            raise TypeError(f"must be one of {known}, got {describe(value)}{hint}")
        return folded

    return accept


def _string(value: Value) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if as_bytes(value) is not None:
        raise TypeError("must be UTF-8 text, got bytes that are not")
    raise TypeError


def _text(value: Value) -> object:
    raw = as_bytes(value)
    return _string(value) if raw is None else raw.decode(errors="replace")


def _boolean(value: Value) -> object:
    if isinstance(value, bool):
        return value
    raise TypeError


def _integer(value: Value) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError


def _number(value: Value) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, dict) and "$f" in value:
        return value
    raise TypeError


def _seconds(value: Value) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
        return float(value)
    raise TypeError


def _node(value: Value) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        return value["id"]
    raise TypeError


def _record(value: Value) -> object:
    fields = fields_of(value)
    if fields is None:
        raise TypeError
    return fields


def _rows(value: Value) -> object:
    if value == {}:
        return []
    if isinstance(value, list):
        return value
    raise TypeError


def _timeout(value: Value) -> object:
    if isinstance(value, dict):
        unknown = [name for name in value if name != "timeout"]
        if unknown:
            raise TypeError(f'has the unknown option "{unknown[0]}" (options: timeout)')
        value = value.get("timeout")
    return None if value is None else _seconds(value)


_TYPES: dict[Any, tuple[str, Callable[[Value], object]]] = {
    str: ("a string", _string),
    Text: ("a string", _text),
    bool: ("a boolean", _boolean),
    int: ("an integer", _integer),
    float: ("a number", _number),
    Seconds: ("a number of seconds", _seconds),
    NodeId: ("a node or a node's id", _node),
    Record: ("a table with string keys", _record),
    Rows: ("a list", _rows),
    Function: ("a function", _anything),
    Timeout: ("a number of seconds, or {timeout = seconds}", _timeout),
}
