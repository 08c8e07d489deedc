"""What the functions of a workspace take: the JSON Schema of their signatures, and JSON made into their arguments.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. A schema and its conversion are made together, so that they cannot disagree. Belongs here: signatures, annotations,
docstrings. Never: finding the functions, or what they return.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import inspect
import json
import re
import types
import typing
from collections import abc
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, cast

from .python_results import TEXTUAL, Misfit, plain, shown

KEY = "idempotency_key"
"""The parameter that proc-tui fills in: the same at every try of one call."""

Schema = dict[str, object]
Convert = Callable[[object, str], object]


class Undescribable(Exception):
    """A function cannot be offered as a tool; the text says why."""


class Shape(typing.NamedTuple):
    """What values a parameter takes, and how one becomes what the function wants."""

    schema: Schema
    convert: Convert


def _any(value: object, _: str) -> object:
    return value


def _expected(what: str, value: object, path: str) -> Misfit:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return Misfit(f"{path}: expected {what}, got {text if len(text) <= 80 else text[:80] + '…'}")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _expected("a string", value, path)
    return value


def _integer(value: object, path: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _expected("an integer", value, path)
    return value


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _expected("a number", value, path)
    return float(value)


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _expected("true or false", value, path)
    return value


def _null(value: object, path: str) -> None:
    if value is not None:
        raise _expected("null", value, path)


def _from_text(make: Callable[[str], object], what: str) -> Convert:
    def convert(value: object, path: str) -> object:
        text = _text(value, path)
        try:
            return make(text)
        except (ValueError, ArithmeticError):
            raise _expected(what, value, path) from None

    return convert


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)


SCALARS: dict[object, Shape] = {
    str: Shape({"type": "string"}, _text),
    int: Shape({"type": "integer"}, _integer),
    float: Shape({"type": "number"}, _number),
    bool: Shape({"type": "boolean"}, _boolean),
    type(None): Shape({"type": "null"}, _null),
    datetime.datetime: Shape(
        {"type": "string", "format": "date-time"}, _from_text(_moment, "a date and time as 2030-01-31T12:00:00Z")
    ),
    datetime.date: Shape(
        {"type": "string", "format": "date"}, _from_text(datetime.date.fromisoformat, "a date as 2030-01-31")
    ),
    datetime.time: Shape(
        {"type": "string", "format": "time"}, _from_text(datetime.time.fromisoformat, "a time as 12:00:00")
    ),
    Path: Shape({"type": "string"}, _from_text(Path, "a path")),
    PurePath: Shape({"type": "string"}, _from_text(PurePath, "a path")),
}
LISTS: dict[object, Callable[[list[object]], object]] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    tuple: tuple,
}
TABLES = (dict, abc.Mapping, abc.MutableMapping)
JSON_NAMES: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


class Field(typing.NamedTuple):
    """One item of an object: a parameter, or a field of a class."""

    name: str
    annotation: object
    required: bool
    default: object = inspect.Parameter.empty


class Describer:
    """Makes shapes of annotations; one for each function, since definitions belong to one schema."""

    def __init__(self) -> None:
        self.definitions: Schema = {}
        self._open: dict[type, list[Shape]] = {}
        """Classes whose shape is being made; the list is filled when one turns out to contain itself."""

    def shape(self, kind: object) -> Shape:
        """The shape of an annotation. Raises `Undescribable`."""
        if kind is inspect.Parameter.empty or kind is Any or kind is object:
            return Shape({}, _any)
        if kind is None:
            return SCALARS[type(None)]
        for attribute in ("__value__", "__supertype__"):  # `type X = ...`, NewType
            if hasattr(kind, attribute) and not isinstance(kind, type):
                return self.shape(getattr(kind, attribute))
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        base = origin or kind
        if origin is typing.Annotated:
            return self._annotated(args)
        if _is_special(origin, "Required", "NotRequired", "ReadOnly", "Final"):
            return self.shape(args[0])
        if _is_special(origin, "Literal"):
            return _choice(list(args), {})
        if origin is typing.Union or origin is getattr(types, "UnionType", origin is None):
            return self._union(args)
        with contextlib.suppress(TypeError):  # not hashable
            if base in SCALARS:
                return SCALARS[base]
            if base in LISTS:
                return self._list(base, args)
            if base in TABLES:
                return self._table(args)
        if isinstance(base, type):
            return self._class(cast("type[Any]", base))
        raise Undescribable(f"has the type {shown(kind)}, which cannot be described to a model")

    def _annotated(self, args: tuple[Any, ...]) -> Shape:
        inner = self.shape(args[0])
        for note in args[1:]:
            for text in (note, getattr(note, "description", None), getattr(note, "documentation", None)):
                if isinstance(text, str):
                    return Shape({**inner.schema, "description": text}, inner.convert)
        return inner

    def _union(self, args: tuple[Any, ...]) -> Shape:
        shapes = [self.shape(kind) for kind in args]
        exact = [kind for kind in args if kind in JSON_NAMES]

        def convert(value: object, path: str) -> object:
            if type(value) in exact:
                return value
            problems: list[str] = []
            for shape in shapes:
                try:
                    return shape.convert(value, path)
                except Misfit as problem:
                    problems.append(str(problem))
            raise Misfit("; or ".join(problems))

        return Shape({"anyOf": [shape.schema for shape in shapes]}, convert)

    def _list(self, base: object, args: tuple[Any, ...]) -> Shape:
        make = LISTS[base]
        if base is tuple and args and args[-1] is not ...:
            return self._tuple([self.shape(kind) for kind in args])
        item = self.shape(args[0]) if args else Shape({}, _any)

        def convert(value: object, path: str) -> object:
            rows = _rows(value, path)
            try:
                return make([item.convert(row, f"{path}[{index}]") for index, row in enumerate(rows)])
            except TypeError as error:  # a list or a table cannot be in a set
                raise Misfit(f"{path}: {error}") from None

        schema: Schema = {"type": "array", "items": item.schema} if item.schema else {"type": "array"}
        return Shape({**schema, "uniqueItems": True} if make in (set, frozenset) else schema, convert)

    def _tuple(self, items: list[Shape]) -> Shape:
        def convert(value: object, path: str) -> object:
            rows = _rows(value, path)
            if len(rows) != len(items):
                raise _expected(f"a list of {len(items)}", value, path)
            pairs = enumerate(zip(items, rows))  # zip takes no `strict` in 3.9
            return tuple(item.convert(row, f"{path}[{index}]") for index, (item, row) in pairs)

        size = len(items)
        prefix = [item.schema for item in items]
        return Shape({"type": "array", "prefixItems": prefix, "minItems": size, "maxItems": size}, convert)

    def _table(self, args: tuple[Any, ...]) -> Shape:
        if args and args[0] not in (str, Any) and not isinstance(args[0], typing.TypeVar):
            raise Undescribable(f"has a dict with keys of type {shown(args[0])}; JSON has only str")
        item = self.shape(args[1]) if args else Shape({}, _any)

        def convert(value: object, path: str) -> object:
            return {key: item.convert(found, f"{path}.{key}") for key, found in _fields(value, path).items()}

        return Shape({"type": "object", "additionalProperties": item.schema or True}, convert)

    def _class(self, kind: type[Any]) -> Shape:
        described: Any = kind
        if TEXTUAL.get(kind.__name__) == kind.__module__:
            schema: Schema = {"type": "string", "format": "uuid"} if kind.__name__ == "UUID" else {"type": "string"}
            return Shape(schema, _from_text(described, f"a {kind.__name__} as text"))
        if issubclass(kind, enum.Enum):
            return _enum(kind)
        if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate"):
            return self._model(described)
        if hasattr(kind, "__required_keys__"):
            required: frozenset[str] = described.__required_keys__
            return self._named(kind, [Field(name, hint, name in required) for name, hint in _hints(kind).items()])
        if dataclasses.is_dataclass(kind):
            hints, missing = _hints(kind), dataclasses.MISSING
            fields = [
                Field(
                    field.name,
                    hints[field.name],
                    field.default is missing and field.default_factory is missing,
                    inspect.Parameter.empty if field.default is missing else field.default,
                )
                for field in dataclasses.fields(kind)
                if field.init
            ]
            return self._named(kind, fields)
        if tuple in kind.__mro__ and hasattr(kind, "_fields"):
            hints, defaults = _hints(kind), described._field_defaults
            rows = [
                Field(name, hints.get(name, Any), name not in defaults, defaults.get(name, inspect.Parameter.empty))
                for name in described._fields
            ]
            return self._named(kind, rows)
        raise Undescribable(
            f"has the type {shown(kind)}, which cannot come as JSON; take str, int, float, bool, list, dict, "
            "a dataclass, a TypedDict or an Enum"
        )

    def _model(self, kind: Any) -> Shape:
        """The shape of a model class of pydantic, or of anything that has its two methods."""
        schema: Schema = dict(kind.model_json_schema())
        self.definitions.update(cast(Schema, schema.pop("$defs", {})))

        def convert(value: object, path: str) -> object:
            try:
                return kind.model_validate(value)
            except ValueError as error:
                raise Misfit(f"{path}: {error}") from None

        return Shape(schema, convert)

    def _named(self, kind: type, fields: list[Field]) -> Shape:
        """The shape of a class with these fields, which may contain itself."""
        if kind in self._open:
            later = self._open[kind]
            later.append(Shape({}, _any))

            def convert(value: object, path: str) -> object:
                return later[0].convert(value, path)

            return Shape({"$ref": f"#/$defs/{kind.__name__}"}, convert)
        self._open[kind] = inside = []
        text, notes = documentation(vars(kind).get("__doc__"))
        if text.startswith(f"{kind.__name__}("):
            text = ""  # as dataclass and NamedTuple write it
        shape = self.object(fields, notes, kind)
        schema = {"description": text, **shape.schema} if text else shape.schema
        del self._open[kind]
        if not inside:
            return Shape(schema, shape.convert)
        inside[0] = shape
        self.definitions[kind.__name__] = schema
        return Shape({"$ref": f"#/$defs/{kind.__name__}"}, shape.convert)

    def object(self, fields: list[Field], notes: dict[str, str], make: Callable[..., object]) -> Shape:
        """The shape of an object with these fields, which `make` takes as keywords."""
        shapes: dict[str, Shape] = {}
        required: list[str] = []
        properties: Schema = {}
        for field in fields:
            try:
                shape = self.shape(field.annotation)
            except Undescribable as problem:
                raise Undescribable(f'"{field.name}" {problem}') from None
            if field.default is None and not _takes_null(shape):
                shape = self._union((field.annotation, type(None)))
            schema = dict(shape.schema)
            if field.name in notes:
                schema.setdefault("description", notes[field.name])
            if field.default is not inspect.Parameter.empty:
                with contextlib.suppress(Misfit, ValueError):  # what JSON cannot say is left to the function
                    json.dumps(default := plain(field.default), allow_nan=False)
                    schema["default"] = default
            shapes[field.name] = shape
            properties[field.name] = schema
            form = typing.get_origin(field.annotation)
            if _is_special(form, "Required") or (field.required and not _is_special(form, "NotRequired")):
                required.append(field.name)

        def convert(value: object, path: str) -> object:
            given = _fields(value, path or "the arguments")
            return make(**convert_fields(shapes, required, given, f"{path}." if path else ""))

        found: Schema = {"type": "object", "properties": properties, "required": required}
        return Shape({**found, "additionalProperties": False}, convert)


def convert_fields(
    shapes: dict[str, Shape], required: list[str], given: dict[str, object], prefix: str
) -> dict[str, object]:
    """The fields as the function wants them. Raises `Misfit` for one that is missing, unknown, or of another kind."""
    for name in given:
        if name not in shapes:
            raise Misfit(f"{prefix}{name} is not known; known are {', '.join(shapes) or 'none'}")
    for name in required:
        if name not in given:
            raise Misfit(f"{prefix}{name} is missing")
    return {name: shapes[name].convert(value, f"{prefix}{name}") for name, value in given.items()}


def _rows(value: object, path: str) -> list[object]:
    if value == {}:
        return []  # Lua has one empty table for both
    if not isinstance(value, list):
        raise _expected("a list", value, path)
    return cast("list[object]", value)


def _fields(value: object, path: str) -> dict[str, object]:
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise _expected("an object", value, path)
    return cast("dict[str, object]", value)


def _takes_null(shape: Shape) -> bool:
    try:
        shape.convert(None, "")
    except Exception:  # noqa: BLE001  # whatever a class does with null, it does not take it
        return False
    return True


def _is_special(origin: object, *names: str) -> bool:
    """Whether it is one of these forms of `typing`, or of `typing_extensions` where `typing` has not got it."""
    return getattr(origin, "_name", None) in names and type(origin).__name__.startswith("_")


def _choice(values: list[object], names: dict[object, object]) -> Shape:
    """The shape of one of several values; `names` has what they stand for."""
    given = [value.name if isinstance(value, enum.Enum) else value for value in values]
    if not all(type(value) in JSON_NAMES for value in given):
        raise Undescribable(f"has a choice that JSON cannot say: {', '.join(map(repr, values))}")
    stand = [(value, names.get(value, result)) for value, result in zip(given, values)]
    text = ", ".join(json.dumps(value, ensure_ascii=False) for value in given)

    def convert(value: object, path: str) -> object:
        for known, result in stand:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return result
        raise _expected(f"one of {text}", value, path)

    kinds = list(dict.fromkeys(JSON_NAMES[type(value)] for value in given))
    return Shape({"type": kinds[0] if len(kinds) == 1 else kinds, "enum": given}, convert)


def _enum(kind: type[enum.Enum]) -> Shape:
    """By value; by name where a value is more than text or a number."""
    members = list(kind)
    by_value = all(type(member.value) in JSON_NAMES for member in members)
    stand: dict[object, object] = {member.value if by_value else member.name: member for member in members}
    shape = _choice(list(stand), stand)
    notes: list[str] = []
    text = documentation(vars(kind).get("__doc__"))[0]
    if text and text != "An enumeration.":
        notes.append(text)
    if by_value and not all(isinstance(value, str) for value in stand):
        notes.append("; ".join(f"{member.value}: {member.name}" for member in members))
    return Shape({**shape.schema, "description": " ".join(notes)} if notes else shape.schema, shape.convert)


def _hints(kind: object) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


_SECTION = re.compile(r"(Args|Arguments|Parameters|Attributes):\s*")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


def documentation(text: object) -> tuple[str, dict[str, str]]:
    """The first paragraph of a docstring, and what its `Args:` section says of each parameter."""
    if not isinstance(text, str):
        return "", {}
    lines = inspect.cleandoc(text).splitlines()
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.fullmatch(line):
            break
        first.append(line.strip())
    notes: dict[str, str] = {}
    start = next((index for index, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    name, depth = "", 0
    for line in lines[start + 1 :]:
        words, indent = line.strip(), len(line) - len(line.lstrip())
        if words and not indent:
            break
        depth = depth or indent
        entry = _ENTRY.fullmatch(words)
        if entry and indent == depth:
            name = entry[1]
            notes[name] = entry[2]
        elif words and name:
            notes[name] = f"{notes[name]} {words}".strip()
    return " ".join(first), notes


class Function:
    """A function of the user's, described once and then called. Raises `Undescribable`."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call: Callable[..., object] = call
        self._positional: list[inspect.Parameter] = []
        inner = inspect.unwrap(call)
        if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
            raise Undescribable("is a generator; return a list")
        scope = getattr(inner, "__globals__", {})
        fields: list[Field] = []
        self._wants_key: bool = False
        for name, parameter in inspect.signature(call).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise Undescribable(f"takes {parameter}, which cannot be described to a model; name every parameter")
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self._positional.append(parameter)
            if name == KEY:
                self._wants_key = True
                continue
            annotation = _resolved(name, parameter.annotation, scope)
            fields.append(Field(name, annotation, parameter.default is parameter.empty, parameter.default))
        self.description, notes = documentation(inspect.getdoc(call))
        describer = Describer()
        shape = describer.object(fields, notes, dict)
        self.schema: Schema = dict(shape.schema)
        if describer.definitions:
            self.schema["$defs"] = describer.definitions
        self._convert: Convert = shape.convert

    def __call__(self, args: dict[str, object], key: str) -> object:
        """What the function returns. Raises `Misfit` for arguments that it does not take, and what it raises."""
        given = cast("dict[str, object]", self._convert(args, ""))
        if self._wants_key:
            given[KEY] = key
        first = [given.pop(item.name, item.default) for item in self._positional]
        return self._call(*first, **given)


def _resolved(name: str, annotation: object, scope: dict[str, Any]) -> object:
    """The annotation with names in quotes looked up, one by one: what a function returns need not be known."""
    if annotation is inspect.Parameter.empty:
        return annotation

    def holder() -> None: ...

    holder.__annotations__ = {name: annotation}
    try:
        return typing.get_type_hints(holder, scope, include_extras=True)[name]
    except Exception as error:  # an annotation may be any code
        raise Undescribable(f'"{name}" has the type {annotation}: {type(error).__name__}: {error}') from error
