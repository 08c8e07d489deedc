"""Untrusted text made safe for a terminal: nothing that a terminal obeys is left in it.

Everything that comes from a run, a model, a tool, a file or a person passes through here before it is shown.
Belongs here: which characters are dangerous, how they are shown, how wide the others are. Never: colours or layout.

Shown as `‹U+001B›` are C0 and C1 controls, DEL, line separators, and characters that reorder or hide text
(bidirectional controls, zero-width marks, tags). The joiners U+200C and U+200D stay: scripts and emoji need them.
"""

from __future__ import annotations

import re
import unicodedata

_CONTROLS = "\x00-\x08\x0b-\x1f"
_HIDDEN = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = re.compile(f"[{_CONTROLS}{_HIDDEN}]")
_UNSAFE_IN_JSON = re.compile(f"[{_HIDDEN}]")
_BREAKS = re.compile(r"\r\n|\n")


def visible(text: object) -> str:
    """The text with every dangerous character shown by its number; lines and tabs stay."""
    return _UNSAFE.sub(_mark, str(text).replace("\r\n", "\n"))


def oneline(text: object) -> str:
    """The same on one line, for tables and titles."""
    return visible(_BREAKS.sub(" ⏎ ", str(text).strip()).replace("\t", " "))


def safe_json(text: str) -> str:
    """JSON text in which dangerous characters are escapes: the same data, harmless on a terminal.

    Such characters stand in strings only, and JSON encoders escape C0 controls themselves.
    """
    return _UNSAFE_IN_JSON.sub(_escape, text)


def _mark(match: re.Match[str]) -> str:
    return f"‹U+{ord(match[0]):04X}›"


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def clip(text: str, width: int) -> str:
    """The beginning of a text that fits into so many columns, with `…` where something is missing."""
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    used, kept = 0, 0
    for kept, character in enumerate(text):  # noqa: B007 - counts what fits
        used += _width(character)
        if used > width - 1:
            break
    return f"{text[:kept]}…"


def clip_left(text: str, width: int) -> str:
    """The end of a text that fits into so many columns, with `…` where something is missing."""
    if cells(text) <= width:
        return text
    used, first = 1, len(text)
    while first and (used := used + _width(text[first - 1])) <= width:
        first -= 1
    return f"…{text[first:]}" if width > 0 else ""


def padded(text: str, width: int) -> str:
    """The text filled with spaces to so many columns."""
    return text + " " * max(0, width - cells(text))
