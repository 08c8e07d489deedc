"""The functions of a workspace: described by their signatures, and called.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. Belongs here: signatures. Never: annotations (`python_shapes.py`), finding the functions, or what they return.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, cast

from .python_docstrings import documentation
from .python_shapes import Describer, Field
from .python_values import Convert, Schema, Undescribable

KEY = "idempotency_key"
"""The parameter that proc-tui fills in: the same at every try of one call."""


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
