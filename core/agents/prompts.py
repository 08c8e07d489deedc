"""What agents are told about a run besides their own prompts, and what is read out of their answers.

Belongs here: text and pure functions of text. Never: rendering templates, or a conversation.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from ..values import to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..document.procedure import Field

RETURN_PROMPT = "Summarise the result of this work concisely."
"""Asked for a run's `summary` where its procedure has no `return_prompt`."""
ERROR_PROMPT = "This work failed. Explain what went wrong and any partial progress."
"""Asked for a run's `error_summary` where its procedure has no `error_prompt`."""
STATUS_PROMPT = "Briefly describe the current progress and the remaining work."
"""Asked of a running procedure that has no `status_prompt`."""

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_MAX_BRACES = 10_000
"""How many `{` of a text are tried as the beginning of an object."""


def output_guidance(fields: Mapping[str, Field]) -> str:
    """What is appended to the system prompt where a procedure declares `outputs`; nothing where it declares none."""
    if not fields:
        return ""
    return "\n".join(
        (
            "## Result",
            "",
            "The result of this work is made of the fields below. Where you are asked for the result, give these "
            "fields and no others, as one JSON object.",
            "",
            *(_field(name, field) for name, field in fields.items()),
        )
    )


def _field(name: str, field: Field) -> str:
    about = f"{field.type}, {'required' if field.required else 'optional'}"
    if field.enum is not None:
        about += f", one of {', '.join(json.dumps(to_plain(item), ensure_ascii=False) for item in field.enum)}"
    description = " ".join(field.description.split())
    return f"- `{name}` ({about})" + (f": {description}" if description else "")


def table_in(text: str) -> dict[str, object] | None:
    """The JSON object that a model gave as its answer, or None when there is none.

    It is the whole text, or else what is in the last code fence that holds an object and nothing else, or else the
    last object that stands in the text. Numbers that JSON does not have (`NaN`) are no part of an object.
    """
    whole = _object(text)
    if whole is not None:
        return whole
    fenced = [found for match in _FENCE.finditer(text) if (found := _object(match[2])) is not None]
    if fenced:
        return fenced[-1]
    found = None
    for item in _objects(text):
        found = item
    return found


def _object(text: str) -> dict[str, object] | None:
    stripped = text.strip()
    if not stripped.startswith("{"):
        return None
    try:
        found, end = _decode(stripped, 0)
    except RecursionError:
        return None
    return found if end == len(stripped) else None


def _objects(text: str) -> Iterator[dict[str, object]]:
    """The objects in a text that are not inside another one."""
    start = text.find("{")
    for _ in range(_MAX_BRACES):
        if start < 0:
            return
        try:
            found, end = _decode(text, start)
        except RecursionError:
            return  # braces without end: nothing that a model meant as its answer
        if found is not None:
            yield found
        start = text.find("{", end)


def _decode(text: str, start: int) -> tuple[dict[str, object] | None, int]:
    """The object that begins at an offset, or None, and where to go on. Raises `RecursionError`."""
    try:
        found, end = _DECODER.raw_decode(text, start)
    except ValueError:
        return None, start + 1
    return cast("dict[str, object]", found), end


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
