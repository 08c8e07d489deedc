"""What a form asks for before a run starts: a field for each parameter, and the values of what was typed.

Belongs here: which kind of field a parameter gets, its text, reading that text, and what is remembered of it. Never:
widgets (`widgets/form_row.py`, `screens/start.py`), or what a value may be (`core/document/params.py`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from ..core.document import params
from ..core.errors import ParameterError
from ..core.values import to_plain
from .memory import Draft
from .readable import as_yaml, of_yaml, plain_yaml, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..core.document.procedure import Field
    from ..core.values import Value
    from .memory import Memory

_ABOUT = re.compile(r'parameter "(?P<name>.*?)" (?P<what>.*)', re.DOTALL)
NOT_GIVEN = ""
"""The label of an option that gives nothing."""


class FormField(msgspec.Struct, frozen=True):
    """A parameter as the form shows it."""

    name: str
    spec: Field
    kind: Literal["choice", "line", "block"]
    """One of some options, one line of text, or several."""
    options: tuple[str, ...] = ()
    """Labels, in order; `NOT_GIVEN` among them where nothing may be given."""

    @property
    def about(self) -> str:
        """Type and need, in words."""
        kind = {"array": "a list, as YAML", "object": "a map, as YAML"}.get(self.spec.type, self.spec.type)
        return f"{kind}, required" if self.spec.required else kind


def fields(declared: Mapping[str, Field]) -> list[FormField]:
    """The fields of a form, in the order of the declaration."""
    return [_field(name, spec) for name, spec in declared.items()]


def _field(name: str, spec: Field) -> FormField:
    free = () if spec.required or spec.default is not None else (NOT_GIVEN,)
    if spec.enum is not None:
        return FormField(name, spec, "choice", (*free, *map(label, spec.enum)))
    if spec.type == "boolean":
        return FormField(name, spec, "choice", (*free, "no", "yes"))
    if spec.type in ("array", "object") or (isinstance(spec.default, str) and "\n" in spec.default):
        return FormField(name, spec, "block")
    return FormField(name, spec, "line")


def label(value: Value) -> str:
    """A value as an option of a field, or in a line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(to_plain(value), ensure_ascii=False)


def text_of(field: FormField, value: Value) -> str:
    """The text that stands for a value in a field; empty for none."""
    if value is None:
        return NOT_GIVEN
    if field.kind == "choice":
        found = label(value)
        return found if found in field.options else field.options[0]
    if isinstance(value, str):
        return value
    if field.spec.type in ("array", "object"):
        return as_yaml(value).rstrip("\n")
    return label(value)


def defaults(form: list[FormField]) -> dict[str, str]:
    """The texts of a form that nobody has touched."""
    return {
        field.name: text_of(field, field.spec.default) if field.kind != "choice" else _first(field) for field in form
    }


def _first(field: FormField) -> str:
    if field.spec.default is not None:
        return text_of(field, field.spec.default)
    return field.options[0] if field.options else NOT_GIVEN


def read(field: FormField, text: str) -> Value:
    """The value of what was typed, None when nothing is given. Raises `ValueError` with what is wrong, in words."""
    spec = field.spec
    if field.kind == "choice":
        if text == NOT_GIVEN and NOT_GIVEN in field.options:
            return None
        if spec.enum is None:
            return text == "yes"
        return next((value for value in spec.enum if label(value) == text), text)
    if spec.type == "string":
        return None if text == "" and not isinstance(spec.default, str) else text
    if not text.strip():
        return None
    if spec.type in ("array", "object"):
        value = of_yaml(text)
        fitted = params.fit(spec.type, value)
        if fitted is None:
            shape = 'one item a line, each after "- "' if spec.type == "array" else 'one "key: value" a line'
            raise ValueError(f"must be {params.type_text(spec.type)}: {shape}")
        return fitted
    try:
        return params.parse({field.name: spec}, [f"{field.name}={text}"])[field.name]
    except ParameterError as error:
        raise ValueError(_without_name(str(error))) from None


def values(form: list[FormField], texts: Mapping[str, str]) -> tuple[dict[str, Value], dict[str, str]]:
    """The values of a whole form, and what is wrong by the name of the field."""
    found: dict[str, Value] = {}
    problems: dict[str, str] = {}
    for field in form:
        try:
            value = read(field, texts.get(field.name, ""))
            if value is not None:
                found[field.name] = value
        except ValueError as error:
            problems[field.name] = str(error)
    try:
        params.check({field.name: field.spec for field in form}, found)
    except ParameterError as error:
        for name, what in problems_of(str(error)).items():
            problems.setdefault(name, what)
    return found, problems


def problems_of(text: str) -> dict[str, str]:
    """What a `ParameterError` says, by the name of the parameter; by "" what is about none."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _ABOUT.search(line)
        name = match["name"] if match else ""
        what = match["what"] if match else line
        found[name] = f"{found[name]}; {what}" if name in found else what
    return found


def _without_name(text: str) -> str:
    match = _ABOUT.search(text)
    return match["what"] if match else text


# ---- what is remembered


def remembered(memory: Memory, procedure: str, file: Path, form: list[FormField]) -> tuple[dict[str, str], str]:
    """The texts to begin with, and where they come from in words.

    What was typed and not started wins, then what was started last, then `NAME.params.yaml` beside the procedure.
    """
    texts = defaults(form)
    for key, source in ((f"start {procedure}", "as you left it"), (f"params {procedure}", "as last time")):
        draft = memory.draft(key)
        if draft is not None:
            found = _texts(draft.text)
            kept = {field.name: found[field.name] for field in form if _fits(field, found.get(field.name))}
            if kept:
                return {**texts, **kept}, source
    beside = file.with_name(f"{file.stem}.params.yaml")
    try:
        given = plain_yaml(read_text(beside))
    except (OSError, ValueError):
        return texts, ""
    if not isinstance(given, dict):
        return texts, ""
    table = cast("dict[str, Value]", given)
    known = {field.name: text_of(field, table[field.name]) for field in form if field.name in table}
    return {**texts, **known}, f"from {beside.name}" if known else ""


def _texts(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:
        return {}


def _fits(field: FormField, text: str | None) -> bool:
    return text is not None and (field.kind != "choice" or text in field.options)


def keep_draft(memory: Memory, procedure: str, form: list[FormField], texts: dict[str, str]) -> None:
    """Keeps what was typed, until the run is started."""
    touched = texts != defaults(form)
    memory.keep_draft(f"start {procedure}", Draft(msgspec.json.encode(texts).decode()) if touched else Draft())


def keep_started(memory: Memory, procedure: str, texts: dict[str, str]) -> None:
    """Keeps what a run was started with, for the next one."""
    memory.drop_draft(f"start {procedure}")
    memory.keep_draft(f"params {procedure}", Draft(msgspec.json.encode(texts).decode()))
