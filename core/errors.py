"""Every error class of proc-tui, each with a stable code.

Belongs here: the classes, their codes and what a caller may read from them. Never: formatting for a
screen, or catching. `docs/errors.md` is generated from this file; a test keeps it complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .document.diagnostics import Diagnostic


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name a person most likely meant by `name`, or None when nothing is close."""
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    if name.casefold() in folded:
        return folded[name.casefold()]
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: `; did you mean "x"?`, or nothing."""
    match = nearest(name, known)
    return f'; did you mean "{match}"?' if match is not None else ""


class ProcError(Exception):
    """Base of every error that proc-tui raises on purpose; its text is meant for a person."""

    code: ClassVar[str] = "PROC-000"


class DocumentError(ProcError):
    """A procedure file has problems; `diagnostics` lists every one of them."""

    code: ClassVar[str] = "DOC-000"

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(str(item) for item in diagnostics))
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that keep it from being run; the others are warnings."""
        return [item for item in self.diagnostics if item.severity == "error"]


class ParameterError(ProcError):
    """The parameters given to a run do not fit the procedure; the text lists every problem."""

    code: ClassVar[str] = "RUN-001"


class OutputError(ProcError):
    """What the code returned does not fit the declared outputs; the text lists every problem."""

    code: ClassVar[str] = "RUN-002"


class DependencyError(ProcError):
    """Tools or procedures named under `dependencies` do not exist; the text names all of them."""

    code: ClassVar[str] = "RUN-003"


class GuardError(ProcError):
    """A guard of the procedure refused the run; the text is the guard's reason."""

    code: ClassVar[str] = "RUN-004"


class LuaFailure(ProcError):
    """The procedure's Lua raised an error that nothing caught."""

    code: ClassVar[str] = "RUN-005"


class PrimitiveError(ProcError):
    """A primitive was called wrongly, or could not do what was asked; Lua's `pcall` catches it."""

    code: ClassVar[str] = "RUN-006"


class InvalidValue(ProcError):
    """A Lua value cannot cross into the journal: a function, a cycle, or past the size limits."""

    code: ClassVar[str] = "RUN-007"


class LimitError(ProcError):
    """The run used more memory or computing than its limits allow; no `pcall` catches it."""

    code: ClassVar[str] = "RUN-008"


class DepthError(PrimitiveError):
    """A child would nest deeper than `max_depth` allows."""

    code: ClassVar[str] = "RUN-009"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a divergence: what was recorded, or what the code asked for."""

    what: str
    line: int
    detail: str = ""


class Divergence(ProcError):
    """On a replay the code asked for something other than what the journal recorded at that point."""

    code: ClassVar[str] = "RUN-010"

    def __init__(self, *, recorded: Side | None, asked: Side | None, file: str, seq: int) -> None:
        self.recorded: Side | None = recorded
        self.asked: Side | None = asked
        self.seq: int = seq
        where = asked or recorded
        line = where.line if where else 0
        says = _side(recorded) if recorded else "nothing more (the code asked for more than was recorded)"
        asks = _side(asked) if asked else "nothing more (the code ended before the record did)"
        super().__init__(
            f"{file}:{line}: the code no longer does what this run recorded.\n"
            f"  recorded: {says}\n"
            f"  asked:    {asks}\n"
            "Nothing is lost. Restore the text and resume, cut here (resume --edited --cut), or fork."
        )


def _side(side: Side) -> str:
    detail = f" {side.detail}" if side.detail else ""
    return f"{side.what}{detail} (line {side.line})"


class BudgetError(LimitError):
    """The run used up the tokens or the money of its budget; it can be resumed with a raised one."""

    code: ClassVar[str] = "RUN-012"


class Blocked(ProcError):
    """This worker lacks something that the run needs: a key, a tool, somebody's trust. The run waits for it."""

    code: ClassVar[str] = "RUN-013"


class ModelError(PrimitiveError):
    """A model gave no usable reply; the text says why and what to do. `pcall` catches it."""

    code: ClassVar[str] = "AGT-001"

    def __init__(self, message: str, *, retryable: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable: bool = retryable
        """Whether the same request may succeed later."""
        self.retry_after: float | None = retry_after
        """Seconds that the server asked to wait."""


class ToolError(PrimitiveError):
    """A tool is unknown, was called wrongly, or failed; the text is what the model sees."""

    code: ClassVar[str] = "AGT-002"


class RepliesError(ProcError):
    """A file of scripted replies cannot be read, or has no reply that fits; the text says where."""

    code: ClassVar[str] = "AGT-003"


class StoreError(ProcError):
    """The journal's database cannot be read or written; what was committed before is intact."""

    code: ClassVar[str] = "STO-001"


class StoreBusy(StoreError):
    """Another program holds the database locked for longer than the waiting time."""

    code: ClassVar[str] = "STO-002"


class StoreFull(StoreError):
    """There is no room left on the disk for the journal."""

    code: ClassVar[str] = "STO-003"


class StoreReadOnly(StoreError):
    """The database or its folder cannot be written by this user."""

    code: ClassVar[str] = "STO-004"


class StoreDamaged(StoreError):
    """The database file, or a row of it, is damaged; the text says which and what can be read still."""

    code: ClassVar[str] = "STO-005"


class StoreVersion(StoreError):
    """The database was written by a newer version of proc-tui."""

    code: ClassVar[str] = "STO-006"


class LeaseLost(ProcError):
    """Another worker took the run over, or somebody cancelled it; this worker's append was refused."""

    code: ClassVar[str] = "RUN-011"


class NotFound(ProcError):
    """No run, request, procedure or checkpoint has this name or prefix, or more than one does."""

    code: ClassVar[str] = "OPR-001"


class Refused(ProcError):
    """The operator's command does not fit the state that the run or the request is in."""

    code: ClassVar[str] = "OPR-002"


class AlreadyAnswered(Refused):
    """Somebody else answered first, the time ran out, or the request was withdrawn; the text says who and when."""

    code: ClassVar[str] = "OPR-003"


class AnswersError(ProcError):
    """A file of scripted answers cannot be read, or its next answer does not fit what is asked; the text says where."""

    code: ClassVar[str] = "OPR-004"


class ConfigError(ProcError):
    """A configuration file is wrong; the text names the file and the key."""

    code: ClassVar[str] = "CFG-001"
