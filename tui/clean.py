"""Untrusted text made safe for a terminal: nothing that a terminal obeys is left in it.

Everything that comes from a run, a model, a tool, a file or a person passes through here before it is shown.
Belongs here: which characters are dangerous, how they are shown, how wide the others are. Never: colours or layout.

Shown as `‹U+001B›` are C0 and C1 controls, DEL, line separators, and characters that reorder or hide text
(bidirectional controls, zero-width marks, tags). The joiners U+200C and U+200D stay where scripts and emoji need them.
"""

from __future__ import annotations

import re
import unicodedata

CONTROLS = "\x00-\x08\x0b-\x1f"
"""C0 controls but tabs and line breaks, as the inside of a class of a regular expression."""
HIDDEN = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""All other characters that a terminal obeys, or that reorder or hide text."""
_UNSAFE = re.compile(f"[{CONTROLS}{HIDDEN}]")
_UNSAFE_IN_JSON = re.compile(f"[{HIDDEN}]")
EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
"""Emoji, which U+200D joins to one."""
MOST_MARKS = 24
"""Characters without a width that follow each other as they are; more of them have no column that they stand in."""
_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_PILE = re.compile(f"(?:[^\\w\\s\x00-\x7f]|[\u1160-\u11ff\ud7b0-\ud7ff]){{{MOST_MARKS},}}")
_JOINER = re.compile("\u200d|(?<=[0-9#*])\ufe0f(?!\u20e3)")
_JOINS = re.compile(f"[{EMOJI}]\ufe0f?\u200d[{EMOJI}]")
_WIDENED = re.compile(f"[0-9#*{EMOJI}]")
_VIRAMA = 9
"""The combining class of the signs that a joiner may follow in the scripts of India."""
_BREAKS = re.compile(r"\r\n|\n")


def visible(text: object) -> str:
    """The text with every dangerous character shown by its number; lines and tabs stay."""
    return _PILE.sub(_apart, _measurable(_UNSAFE.sub(_mark, str(text).replace("\r\n", "\n"))))


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


def _apart(match: re.Match[str]) -> str:
    """Marks that are piled up on one character, and emoji that are joined to one, by their number beyond a few."""
    parts: list[str] = []
    pile = 0
    for character in match[0]:
        joined = character in "\u200d\ufe0f" or bool(parts and parts[-1] == "\u200d")
        mark = joined or unicodedata.category(character) in ("Mn", "Me") or bool(_JAMO.match(character))
        pile = pile + 1 if mark else 0
        parts.append(f"‹U+{ord(character):04X}›" if pile > MOST_MARKS else character)
    return "".join(parts)


def _measurable(text: str) -> str:
    """The text without joiners that Textual and terminals do not measure alike.

    Textual takes whatever follows U+200D to have no width, which holds for emoji only. In the scripts of India, which
    need it after a virama, it is left out; anywhere else it is shown by its number, as digits are made wide by U+FE0F.
    """
    return _JOINER.sub(_joiner, text) if "\u200d" in text or "\ufe0f" in text else text


def _joiner(match: re.Match[str]) -> str:
    text, place = match.string, match.start()
    if match[0] == "\u200d":
        if any(_JOINS.match(text, first) for first in (place - 1, place - 2) if first >= 0):
            return match[0]
        if place and unicodedata.combining(text[place - 1]) == _VIRAMA:
            return ""
    return _mark(match)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(text, place) for place in range(len(text)))


def _width(text: str, place: int) -> int:
    """Columns of the character at a place; U+FE0F makes the emoji before it a wide one."""
    character = text[place]
    if character == "\ufe0f":
        return int(place > 0 and bool(_WIDENED.match(text, place - 1)) and _width(text, place - 1) == 1)
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
    for kept in range(len(text)):
        used += _width(text, kept)
        if used > width - 1:
            break
    return f"{text[:kept]}…"


def clip_left(text: str, width: int) -> str:
    """The end of a text that fits into so many columns, with `…` where something is missing."""
    if cells(text) <= width:
        return text
    used, first = 1, len(text)
    while first and (used := used + _width(text, first - 1)) <= width:
        first -= 1
    return f"…{text[first:]}" if width > 0 else ""


def padded(text: str, width: int) -> str:
    """The text filled with spaces to so many columns."""
    return text + " " * max(0, width - cells(text))
