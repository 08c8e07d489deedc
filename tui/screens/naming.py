"""In whose name somebody answers: asked for once, remembered for the person in every workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clean import oneline
from .dialogs import NameDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import ProcTui

MOST = 60
"""Characters of a name."""


def ask_name(proc: ProcTui, then: Callable[[str | None], None]) -> None:
    """Asks for the name, keeps it, and answers by it from now on; `then` is given it, or None when there is none."""

    def named(name: str | None) -> None:
        if name:
            proc.memory.keep_name(name)
            proc.operator.user = name
        then(name)

    text = (
        "Answers are recorded under this name, as claimed, beside the user of this machine. It is asked for once, for "
        "all workspaces; x on a request changes it."
    )
    start = proc.memory.name or proc.operator.user
    proc.push_screen(NameDialog("Who answers?", text, problem, value=start), named)


def problem(name: str) -> str:
    """What is wrong with a name, or nothing."""
    if not name:
        return "a name is wanted"
    if len(name) > MOST:
        return f"a name has {MOST} characters at most"
    return "" if oneline(name) == name and name.isprintable() else "a name has no hidden characters"
