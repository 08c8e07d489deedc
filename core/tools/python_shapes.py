"""The annotations of a workspace's functions as JSON Schema, and JSON made into what they annotate.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. A schema and its conversion are made together, so that they cannot disagree. Belongs here: annotations, and
classes with fields. Never: plain values (`python_values.py`), signatures, or what functions return.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable
from typing import Any, cast

from .python_docstrings import documentation
from .python_results import TEXTUAL, Misfit, plain, shown
from .python_values import (
    JSON_NAMES,
    LISTS,
    SCALARS,
    TABLES,
    Schema,
    Shape,
    Undescribable,
    anything,
    choice,
    fields_of,
    from_text,
    misfit,
    rows_of,
)


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
            return Shape({}, anything)
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
            return choice(list(args), {})
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
        item = self.shape(args[0]) if args else Shape({}, anything)

        def convert(value: object, path: str) -> object:
            rows = rows_of(value, path)
            try:
                return make([item.convert(row, f"{path}[{index}]") for index, row in enumerate(rows)])
            except TypeError as error:  # a list or a table cannot be in a set
                raise Misfit(f"{path}: {error}") from None

        schema: Schema = {"type": "array", "items": item.schema} if item.schema else {"type": "array"}
        return Shape({**schema, "uniqueItems": True} if make in (set, frozenset) else schema, convert)

    def _tuple(self, items: list[Shape]) -> Shape:
        def convert(value: object, path: str) -> object:
            rows = rows_of(value, path)
            if len(rows) != len(items):
                raise misfit(f"a list of {len(items)}", value, path)
            pairs = enumerate(zip(items, rows))  # zip takes no `strict` in 3.9
            return tuple(item.convert(row, f"{path}[{index}]") for index, (item, row) in pairs)

        size = len(items)
        prefix = [item.schema for item in items]
        return Shape({"type": "array", "prefixItems": prefix, "minItems": size, "maxItems": size}, convert)

    def _table(self, args: tuple[Any, ...]) -> Shape:
        if args and args[0] not in (str, Any) and not isinstance(args[0], typing.TypeVar):
            raise Undescribable(f"has a dict with keys of type {shown(args[0])}; JSON has only str")
        item = self.shape(args[1]) if args else Shape({}, anything)

        def convert(value: object, path: str) -> object:
            return {key: item.convert(found, f"{path}.{key}") for key, found in fields_of(value, path).items()}

        return Shape({"type": "object", "additionalProperties": item.schema or True}, convert)

    def _class(self, kind: type[Any]) -> Shape:
        described: Any = kind
        if TEXTUAL.get(kind.__name__) == kind.__module__:
            schema: Schema = {"type": "string", "format": "uuid"} if kind.__name__ == "UUID" else {"type": "string"}
            return Shape(schema, from_text(described, f"a {kind.__name__} as text"))
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
            later.append(Shape({}, anything))

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
            given = fields_of(value, path or "the arguments")
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


def _takes_null(shape: Shape) -> bool:
    try:
        shape.convert(None, "")
    except Exception:  # noqa: BLE001  # whatever a class does with null, it does not take it
        return False
    return True


def _is_special(origin: object, *names: str) -> bool:
    """Whether it is one of these forms of `typing`, or of `typing_extensions` where `typing` has not got it."""
    return getattr(origin, "_name", None) in names and type(origin).__name__.startswith("_")


def _enum(kind: type[enum.Enum]) -> Shape:
    """By value; by name where a value is more than text or a number."""
    members = list(kind)
    by_value = all(type(member.value) in JSON_NAMES for member in members)
    stand: dict[object, object] = {member.value if by_value else member.name: member for member in members}
    shape = choice(list(stand), stand)
    notes: list[str] = []
    text = documentation(vars(kind).get("__doc__"))[0]
    if text and text != "An enumeration.":
        notes.append(text)
    if by_value and not all(isinstance(value, str) for value in stand):
        notes.append("; ".join(f"{member.value}: {member.name}" for member in members))
    return Shape({**shape.schema, "description": " ".join(notes)} if notes else shape.schema, shape.convert)


def _hints(kind: object) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)
