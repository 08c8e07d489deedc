"""Values as people read them: YAML-like text, cleaned for a terminal."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..core.errors import InvalidValue
from ..core.values import MAX_BYTES, as_bytes, from_json, to_plain
from .clean import oneline, visible

if TYPE_CHECKING:
    from ..core.values import Value


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and lists below their key further in."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """As in the base class, without its lists that begin in the column of their key."""
        return super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not any(line.endswith((" ", "\t", "\r")) for line in text.split("\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)


def as_yaml(value: Value) -> str:
    """A value as YAML, not cleaned: for files and editors."""
    return yaml.dump(to_plain(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, indent=2)


def as_source(artifact: Value) -> str:
    """An artifact as it is shown, edited and compared: a text as it is, anything else as YAML."""
    raw = as_bytes(artifact)
    return raw.decode(errors="replace") if raw is not None else as_yaml(artifact).removesuffix("...\n")


def read_text(file: Path) -> str:
    """The text of a file, `-` being standard input. Raises `OSError`; `ValueError` for what is too long or no text."""
    if str(file) == "-":
        text = sys.stdin.read(MAX_BYTES + 1)
        size = len(text)
    else:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        size = len(raw)
        text = "" if size > MAX_BYTES else raw.decode()
    if size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB")
    return text


def plain_yaml(text: str) -> object:
    """The data of YAML or JSON text. Raises `ValueError` with the place of what is wrong.

    JSON is read as JSON: YAML takes its surrogate pairs apart, `1e3` for a text, and a hundred times as long.
    """
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error)) from None


def of_yaml(text: str) -> Value:
    """The value of YAML or JSON text. Raises `ValueError` with what is wrong."""
    try:
        return from_json(plain_yaml(text))
    except InvalidValue as error:
        raise ValueError(str(error)) from None


def readable(value: Value) -> str:
    """A value on as many lines as it takes, without a line break at the end."""
    if isinstance(value, str):
        return visible(value).rstrip("\n")
    text = as_yaml(value).removesuffix("...\n")
    return visible(text).rstrip("\n")


def brief(value: Value, most: int = 200) -> str:
    """A value on one line, cut where it is long."""
    if not isinstance(value, str):
        text = yaml.dump(
            to_plain(_beginning(value, [most])), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9,
            default_flow_style=True,
        ).removesuffix("...\n")  # fmt: skip
    else:
        text = value if len(value) <= 2 * most else f"{value.lstrip()[: 2 * most]}…"
    text = oneline(text)
    return text if len(text) <= most else f"{text[:most]}…"


def _beginning(value: Value, left: list[int]) -> Value:
    """As much of a value as takes at least so many characters, which are counted down: all of it may be large."""
    if isinstance(value, str):
        kept = value[: max(0, left[0]) + 1]
        left[0] -= len(kept)
        return kept
    left[0] -= 2
    if isinstance(value, list):
        return [_beginning(item, left) for item in value if left[0] >= 0]
    if not isinstance(value, dict) or (len(value) == 1 and isinstance(value.get("$b"), str)):
        return value
    if len(value) == 1 and isinstance(rows := value.get("$t"), list):
        pairs = [row for row in rows if isinstance(row, list)]
        return {"$t": [[_beginning(row[0], left), _beginning(row[1], left)] for row in pairs if left[0] >= 0]}
    return {str(_beginning(key, left)): _beginning(item, left) for key, item in value.items() if left[0] >= 0}
