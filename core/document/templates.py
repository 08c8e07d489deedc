"""Templates: `{params.topic}` in prompts and messages, as LANGUAGE section 2 has it.

Belongs here: finding references and rendering them. Never: where the values come from.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec

from ..errors import PrimitiveError
from ..values import to_plain, untag_float

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..values import Value

    Namespace: TypeAlias = "Value | Callable[[str], Value]"

NAMESPACES = ("params", "state", "context", "prepared", "env", "outputs")
"""What a reference can begin with; `outputs` is known in `return_prompt` only."""

_SEGMENT = r"[^\x00-,./:-@\[-^`{-\x7f]+"
_REFERENCE = re.compile(rf"\{{(\{{)?({'|'.join(NAMESPACES)})\.({_SEGMENT}(?:\.{_SEGMENT})*)\}}(?(1)\}})")
_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in a template."""

    namespace: str
    path: tuple[str, ...]
    start: int
    end: int
    """Offsets of the braces in the text."""

    def __str__(self) -> str:
        return f"{{{self.namespace}.{'.'.join(self.path)}}}"


def names(text: str) -> list[Reference]:
    """The references in a template, those written literally (`{{params.x}}`) left out."""
    return [
        Reference(match[2], tuple(match[3].split(".")), match.start(), match.end())
        for match in _REFERENCE.finditer(text)
        if match[1] is None
    ]


def render(text: str, namespaces: Mapping[str, Namespace], *, env_allow: Collection[str] = ()) -> str:
    """The text with its references replaced; references to a namespace that is not given stay as they are.

    A namespace is a table, or a function of the first name after it (`state` need not be copied for one
    key). `env` is the environment; only names in `env_allow` are read. Raises `PrimitiveError` for others.
    """

    def replace(match: re.Match[str]) -> str:
        if match[2] not in namespaces:
            return match[0]
        if match[1] is not None:
            return match[0][1:-1]
        path = match[3].split(".")
        if match[2] == "env":
            path = [match[3]]
            if match[3] not in env_allow:
                raise PrimitiveError(
                    f"{match[0]}: templates may not read the environment variable {match[3]}; "
                    f'to allow it, add "{match[3]}" to env_allow in .proc-tui/config.toml, and agree: proc-tui trust'
                )
        return to_text(_look_up(namespaces[match[2]], path))

    return _REFERENCE.sub(replace, text)


def _look_up(namespace: Namespace, path: list[str]) -> Value:
    if callable(namespace):
        value = namespace(path[0])
        path = path[1:]
    else:
        value = namespace
    for name in path:
        value = _walk(value, name)
        if value is None:
            break
    return value


def _walk(value: Value, name: str) -> Value:
    index = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else None
    if isinstance(value, list):
        return value[index - 1] if index is not None and 1 <= index <= len(value) else None
    if not isinstance(value, dict):
        return None
    if len(value) == 1 and ("$b" in value or "$f" in value):
        return None
    if len(value) == 1 and isinstance(pairs := value.get("$t"), list):
        rows = [cast("list[Value]", row) for row in pairs]
        found = {type(row[0]): row[1] for row in rows if row[0] in (name, index) and not isinstance(row[0], bool)}
        return found.get(int, found.get(str))
    return value.get(name)


def to_text(value: Value) -> str:
    """A value as a template shows it: as Lua prints it, tables as JSON with sorted keys, nil as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict) and len(value) == 1 and isinstance(name := value.get("$f"), str):
        return _float_text(untag_float(name))
    plain = to_plain(value)
    return plain if isinstance(plain, str) else _encoder.encode(plain).decode()


def _float_text(number: float) -> str:
    if math.isnan(number) or math.isinf(number):
        return ("-" if math.copysign(1.0, number) < 0 else "") + ("nan" if math.isnan(number) else "inf")
    text = f"{number:.15g}"
    if float(text) != number:
        text = f"{number:.17g}"
    return text if any(char in text for char in ".en") else text + ".0"
