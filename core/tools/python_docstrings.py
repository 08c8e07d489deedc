"""What docstrings say of functions, classes and their parameters.

Runs under the workspace's interpreter, as all of `python_host.py`: standard library only, nothing newer than Python
3.9. Belongs here: text. Never: signatures.
"""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"(Args|Arguments|Parameters|Attributes):\s*")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


def documentation(text: object) -> tuple[str, dict[str, str]]:
    """The first paragraph of a docstring, and what its `Args:` section says of each parameter."""
    if not isinstance(text, str):
        return "", {}
    lines = inspect.cleandoc(text).splitlines()
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.fullmatch(line):
            break
        first.append(line.strip())
    notes: dict[str, str] = {}
    start = next((index for index, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    name, depth = "", 0
    for line in lines[start + 1 :]:
        words, indent = line.strip(), len(line) - len(line.lstrip())
        if words and not indent:
            break
        depth = depth or indent
        entry = _ENTRY.fullmatch(words)
        if entry and indent == depth:
            name = entry[1]
            notes[name] = entry[2]
        elif words and name:
            notes[name] = f"{notes[name]} {words}".strip()
    return " ".join(first), notes
