"""What can be wrong with a procedure file: the diagnostic, and the table of all codes.

Belongs here: the record and the table that `docs/errors.md` is generated from. Never: finding problems
(see `source.py`, `tree.py`, `schema.py`, `checks.py`), or showing them on a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem of a procedure file at a 1-based position."""

    code: str
    """A key of `CODES`."""
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    related: tuple[tuple[str, int, int], ...] = ()
    """Other places that matter, as (message, line, column) in the same file."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity} {self.code}: {self.message}"


CODES: dict[str, tuple[Severity, str]] = {
    "DOC-001": ("error", "The file is not UTF-8 text."),
    "DOC-002": ("error", "The file is larger than 4 MB."),
    "DOC-003": (
        "error",
        "The file holds a character that YAML does not allow, or that YAML and Lua count differently.",
    ),
    "DOC-004": ("error", "The file is not well-formed YAML."),
    "DOC-005": ("error", "A tab is used to indent YAML."),
    "DOC-006": ("error", "A key is given twice in the same map."),
    "DOC-007": ("error", "An alias names no anchor, or an anchor that contains the alias."),
    "DOC-008": ("error", "The file holds too many values once its aliases are expanded."),
    "DOC-009": ("error", "Maps and lists are nested too deep."),
    "DOC-010": ("error", "The file holds more than one YAML document."),
    "DOC-011": ("error", "The file is empty, or is not a map of keys."),
    "DOC-012": ("error", "A YAML tag is used that procedures do not know."),
    "DOC-013": ("error", "A key is empty, or is not plain text."),
    "DOC-014": ("error", "A merge key `<<` is given something other than a map or a list of maps."),
    "DOC-020": ("error", "A key is not known at this place."),
    "DOC-021": ("error", "A required key is missing."),
    "DOC-022": ("error", "A value has the wrong type."),
    "DOC-023": ("error", "A value is not one of those allowed."),
    "DOC-024": ("error", "A number is out of range."),
    "DOC-025": ("error", "A name has characters that it cannot have."),
    "DOC-026": ("error", "A text or a list is empty."),
    "DOC-027": ("error", "Both `code` and its older name `workflow` are given."),
    "DOC-028": ("error", "An inline procedure has a `name` or a `version` of its own."),
    "DOC-029": ("warning", "Another file of the workspace declares the same name."),
    "DOC-030": ("error", "`prompts.NAME` refers to a prompt that is not declared."),
    "DOC-031": ("error", "A template refers to a parameter that is not declared."),
    "DOC-032": ("warning", "A template uses `outputs` outside `return_prompt`, where it stays literal text."),
    "DOC-033": ("warning", "`return_prompt` refers to an output that is not declared, so it renders as nothing."),
    "DOC-034": ("error", "A default does not have the declared type."),
    "DOC-035": ("error", "A default is not one of the values in `enum`."),
    "DOC-036": ("error", "A value in `enum` does not have the declared type."),
    "DOC-037": ("warning", "A parameter is required and has a default, so the default is never used."),
    "DOC-038": ("error", "A stage is declared twice."),
    "DOC-039": ("error", "Two agents have the same name in Lua."),
    "DOC-040": ("error", "An agent has the name of a primitive in Lua."),
    "DOC-041": ("warning", "The default of a review is not one of its options."),
    "DOC-050": ("error", "Lua text does not compile."),
    "DOC-051": ("error", "Lua text assigns to a loop's variable or another constant."),
    "DOC-052": ("warning", "Lua text is written so that its lines cannot match the lines of the file."),
    "DOC-053": ("error", "A file of `lib/` cannot be read as Lua text."),
    "DOC-098": ("info", "The file has more problems than are listed."),
    "DOC-099": ("error", "The loader itself failed; the file may be right."),
}
"""Every code with its severity and a sentence about what it means."""


class Report:
    """Collects the diagnostics of one file while it is examined."""

    LIMIT = 500
    """How many problems are listed; a generated file can have one on every line."""

    def __init__(self, file: str) -> None:
        self.file: str = file
        self.found: dict[Diagnostic, None] = {}
        self.dropped: bool = False

    def add(
        self,
        code: str,
        message: str,
        at: tuple[int, int],
        *,
        file: str | None = None,
        related: tuple[tuple[str, int, int], ...] = (),
    ) -> None:
        """Note a problem at (line, column)."""
        if self.full:
            self.dropped = True
            return
        item = Diagnostic(code, CODES[code][0], message, file or self.file, at[0], at[1], related)
        self.found.setdefault(item)

    @property
    def full(self) -> bool:
        """Whether no more problems are listed."""
        return len(self.found) >= self.LIMIT

    @property
    def failed(self) -> bool:
        """Whether any error was noted."""
        return self.dropped or any(item.severity == "error" for item in self.found)

    def sorted(self) -> list[Diagnostic]:
        """All that was noted, in the order of the text; the procedure's own file comes first."""
        items = sorted(
            self.found, key=lambda item: (item.file != self.file, item.file, item.line, item.column, item.code)
        )
        if self.dropped:
            last = items[-1]
            message = f"only the first {self.LIMIT} problems found are listed"
            items.append(Diagnostic("DOC-098", "info", message, self.file, last.line, last.column))
        return items
