"""Whether arguments fit a tool's schema, and if not, why, in words that a model can act on.

Belongs here: judging plain data by a JSON Schema that a server wrote, which may be wrong and is never trusted: what
cannot be judged is left to the server, and nothing is fetched. Never: calling a tool.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, cast

from ..errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MOST = 50
"""How many problems are listed."""
STEPS = 200_000
"""Rules that are judged, for a second or so; a schema of forms within forms can have more than anybody waits for."""


def problem(schema: Mapping[str, object], args: Mapping[str, object]) -> str | None:
    """What is wrong with the arguments, every problem on a line of its own; None when nothing is known to be.

    A schema that is itself wrong, that takes too long, or that points to another document, judges nothing. Patterns
    are not judged: the dialect is another one than Python's, and a hostile one never ends.
    """
    import re  # noqa: PLC0415 (with the import below: only calls need it)

    from jsonschema import exceptions, validators  # noqa: PLC0415 (0.1 s that the start need not pay)
    from referencing import Registry  # noqa: PLC0415 (comes with jsonschema)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 (comes with jsonschema)

    library = cast("Any", validators)
    kind = library.validator_for(dict(schema), default=library.validator_for({}))
    steps = itertools.count()

    def counted(rule: Callable[..., Iterable[object] | None]) -> Callable[..., Iterable[object] | None]:
        def judged(*given: object) -> Iterable[object] | None:
            if next(steps) > STEPS:
                raise _TooMuch
            return rule(*given)

        return judged

    rules = kind.VALIDATORS | dict.fromkeys(("pattern", "patternProperties", "format"), _anything)
    judge = library.extend(kind, {name: counted(rule) for name, rule in rules.items()})
    found: list[str] = []
    try:
        kind.check_schema(dict(schema))
        for error in judge(dict(schema), registry=cast("Any", Registry)()).iter_errors(dict(args)):
            found.extend(line for line in _lines(error) if line not in found)
    except _TooMuch:
        return None
    except (exceptions.SchemaError, exceptions.UnknownType, exceptions.UndefinedTypeCheck, Unresolvable):
        return None
    except (RecursionError, re.error, TypeError, ValueError, AttributeError, LookupError):
        return None  # of a schema that its own metaschema let pass
    if len(found) > MOST:
        found = [*found[:MOST], f"and {len(found) - MOST} problems more"]
    return "\n".join(found) or None


class _TooMuch(Exception):
    """Judging takes too long."""


def fitted(schema: Mapping[str, object], args: dict[str, object]) -> dict[str, object]:
    """The arguments with each empty table as the schema wants it: Lua's `{}` is an empty list or an empty object."""
    return cast("dict[str, object]", _fit(schema, args))


def _fit(schema: object, value: object) -> object:
    if not isinstance(schema, dict):
        return value
    rules = cast("dict[str, object]", schema)
    if value == {} and rules.get("type") == "array":
        return []
    if value == [] and rules.get("type") == "object":
        return {}
    if isinstance(value, dict):
        known = rules.get("properties")
        names = cast("dict[str, object]", known) if isinstance(known, dict) else {}
        rest = rules.get("additionalProperties")
        fields = cast("dict[str, object]", value)
        return {key: _fit(names.get(key, rest), item) for key, item in fields.items()}
    if isinstance(value, list):
        return [_fit(rules.get("items"), item) for item in cast("list[object]", value)]
    return value


def _anything(*_: object) -> Iterable[object]:
    return ()


def _lines(error: Any) -> Iterator[str]:
    """The problems that one error of the library stands for."""
    words: dict[str, Callable[[Any, str], Iterator[str]]] = {
        "required": _missing,
        "additionalProperties": _unknown,
        "unevaluatedProperties": _unknown,
        "type": _wrong_type,
        "enum": _not_listed,
        "const": _not_constant,
        "anyOf": _no_form,
        "oneOf": _no_form,
    }
    path = _path(error.absolute_path)
    told = words.get(str(error.validator))
    if told is not None:
        yield from told(error, path)
    else:
        yield f"{path or 'the arguments'}: {_short(str(error.message), 300)}"


def _path(steps: Iterable[object]) -> str:
    """As a program would write it: `filters[0].name`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _missing(error: Any, path: str) -> Iterator[str]:
    known = _properties(error.schema)
    for name in error.validator_value:
        if name not in error.instance:
            told = _expected(known.get(name))
            yield f"{_join(path, name)} is missing{f'; it must be {told}' if told else ''}"


def _unknown(error: Any, path: str) -> Iterator[str]:
    known = _properties(error.schema)
    if "patternProperties" in error.schema or not isinstance(error.instance, dict):
        return
    if isinstance(error.validator_value, dict) or error.validator == "unevaluatedProperties":
        yield f"{path or 'the arguments'}: {_short(str(error.message), 300)}"
        return
    takes = f"; it takes {', '.join(known)}" if known else "; it takes none"
    for name in cast("dict[str, object]", error.instance):
        if name not in known:
            yield f"{_join(path, name)} is not known{did_you_mean(name, known) or takes}"


def _wrong_type(error: Any, path: str) -> Iterator[str]:
    yield f"{path or 'the arguments'} must be {_expected(error.schema)}, not {_told(error.instance)}"


def _not_listed(error: Any, path: str) -> Iterator[str]:
    listed = cast("list[object]", error.validator_value)
    near = did_you_mean(error.instance, [item for item in listed if isinstance(item, str)]) if _is_text(error) else ""
    yield f"{path} must be {_expected(error.schema)}, not {_told(error.instance)}{near}"


def _is_text(error: Any) -> bool:
    return isinstance(error.instance, str)


def _not_constant(error: Any, path: str) -> Iterator[str]:
    yield f"{path} must be {_json(error.validator_value)}, not {_told(error.instance)}"


def _no_form(error: Any, path: str) -> Iterator[str]:
    forms = cast("list[object]", error.validator_value)
    context = cast("list[Any]", error.context)
    if not context:
        yield f"{path or 'the arguments'} fits more than one of the forms that exclude each other"
        return
    # When its type already says which form is meant, only what is wrong with that form helps.
    typed = {cast(int, item.schema_path[0]) for item in context if item.validator == "type" and not item.path}
    meant = [index for index in range(len(forms)) if index not in typed]
    if len(meant) == 1:
        for item in context:
            if item.schema_path[0] == meant[0]:
                yield from _lines(item)
        return
    told = list(dict.fromkeys(_expected(form) for form in forms))
    if all(told) and len(told) > 1:
        yield f"{path or 'the arguments'} must be {' or '.join(told)}, not {_told(error.instance)}"
    else:
        reasons = list(dict.fromkeys(line for item in context for line in _lines(item)))
        yield f"{path or 'the arguments'} fits none of {len(forms)} forms: {_short('; or: '.join(reasons), 600)}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _properties(schema: object) -> dict[str, object]:
    known = cast("dict[str, object]", schema).get("properties") if isinstance(schema, dict) else None
    return cast("dict[str, object]", known) if isinstance(known, dict) else {}


_KINDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _expected(schema: object) -> str:
    """What a schema wants, in a few words; empty when it does not say."""
    if not isinstance(schema, dict):
        return ""
    rules = cast("dict[str, object]", schema)
    listed = rules.get("enum")
    if isinstance(listed, list):
        return _short("one of " + ", ".join(_json(item) for item in cast("list[object]", listed)), 400)
    if "const" in rules:
        return _json(rules["const"])
    kinds = rules.get("type")
    names = cast("list[object]", kinds) if isinstance(kinds, list) else [kinds]
    words = " or ".join(_KINDS[str(name)] for name in names if str(name) in _KINDS)
    about = rules.get("description")
    return f"{words} ({_short(about, 80)})" if words and isinstance(about, str) and about else words


def _told(value: object) -> str:
    if isinstance(value, str):
        return f"the string {_json(value)}"
    if value is None or isinstance(value, (bool, int, float)):
        return _json(value)
    return "a list" if isinstance(value, list) else "an object"


def _json(value: object) -> str:
    return _short(json.dumps(value, ensure_ascii=False, default=str), 60)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
