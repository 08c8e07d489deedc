"""Printing: results on standard output, everything else on standard error, colour where it is wanted.

Belongs here: the two streams and styles. Never: what is said. Text from outside is cleaned by whoever puts it
into a line (`clean.py`), since only they know which part of it is theirs.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

import click

from ..clean import safe_json

if TYPE_CHECKING:
    from typing import TextIO

Meaning = Literal["good", "bad", "waits", "quiet", "strong"]

_STYLES: dict[Meaning, dict[str, object]] = {
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "waits": {"fg": "yellow"},
    "quiet": {"dim": True},
    "strong": {"bold": True},
}


def coloured(stream: TextIO) -> bool:
    """Whether a stream shows colour: a terminal that is neither dumb nor told not to (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def paint(text: str, meaning: Meaning) -> str:
    """The text in the colour of a meaning; `say` removes it where no colour is wanted."""
    return click.style(text, **_STYLES[meaning])  # pyright: ignore[reportArgumentType]


def say(text: str = "", *, nl: bool = True) -> None:
    """Prints a result."""
    click.echo(text, nl=nl, color=coloured(sys.stdout))


def tell(text: str = "", *, nl: bool = True) -> None:
    """Prints what is not a result: news, questions, errors."""
    click.echo(text, nl=nl, err=True, color=coloured(sys.stderr))


def say_json(shape: object) -> None:
    """Prints one object of the machine-readable output on a line of its own."""
    import msgspec  # a command that prints no JSON need not pay for it

    text = msgspec.json.encode(shape).decode()
    click.echo(safe_json(text).encode())
