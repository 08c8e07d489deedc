"""The bytes of a file -> its text, with its lines.

Belongs here: what is text, and where in it something stands. Never: YAML (see `tree.py`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from .diagnostics import Report

MAX_BYTES = 4 * 1024 * 1024
"""How large a procedure file may be."""

Place: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_file(path: Path) -> bytes:
    """What is in a file, cut where `decode` refuses it: a device has no end. Raises `OSError`."""
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


class Source:
    """The decoded text of a file, with its lines."""

    def __init__(self, text: str) -> None:
        self.text: str = text
        self._starts: list[int] = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def place(self, offset: int) -> Place:
        """Line and column of an offset, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, from 1, without its end; nothing for a line past the last."""
        if number > len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")


def decode(data: bytes | str, report: Report) -> Source | None:
    """The text of a file, or None with the reason in the report."""
    length = len(data) if isinstance(data, bytes) else len(data.encode(errors="surrogatepass"))
    if length > MAX_BYTES:
        report.add("DOC-002", f"the file is larger than {MAX_BYTES // 2**20} MB", (1, 1))
        return None
    if isinstance(data, bytes):
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            report.add("DOC-001", "the file is UTF-16; save it as UTF-8", (1, 1))
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            place = Source(data[: error.start].decode()).place(len(data[: error.start].decode()))
            message = f"byte 0x{data[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
            report.add("DOC-001", message, place)
            return None
    else:
        text = data
    source = Source(text.removeprefix("\ufeff"))
    for count, match in enumerate(_FORBIDDEN.finditer(source.text)):
        if count == 20:
            break
        report.add("DOC-003", _forbidden(match[0]), source.place(match.start()))
    return None if report.failed else source


def _forbidden(char: str) -> str:
    name = f"U+{ord(char):04X}"
    if char in "\x85\u2028\u2029":
        return f"the character {name} ends a line in YAML but not in an editor; write it as an escape, or remove it"
    return f"the character {name} is not allowed in YAML; write it as an escape in a quoted text, or remove it"
