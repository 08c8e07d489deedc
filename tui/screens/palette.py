"""Every command by name: screens, panes, runs, procedures to start, themes. (A stand-in: the list is short.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dialogs import Choice, PickDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import ProcTui


class PaletteScreen(PickDialog):
    """The commands."""

    def __init__(self) -> None:
        super().__init__("Commands", [], typing=True, placeholder="a command, a run, a procedure, a theme")
        self._works: dict[str, Callable[[], object]] = {}

    def on_mount(self) -> None:
        """What there is depends on the workspace."""
        choices: list[Choice] = []
        for choice, work in _commands(self.proc):
            choices.append(choice)
            self._works[choice.key] = work
        self._list._all = choices  # pyright: ignore[reportPrivateUsage] - a list of its own
        self._list.narrow("")

    def action_choose(self) -> None:
        """Does it."""
        picked = self._list.picked
        if picked is not None:
            self.dismiss(None)
            self.proc.call_later(self._works[picked.key])


def _commands(proc: ProcTui) -> list[tuple[Choice, Callable[[], object]]]:
    found: list[tuple[Choice, Callable[[], object]]] = [
        (Choice("inbox", "Inbox", "I", "Go"), proc.action_inbox),
        (Choice("new", "Start a run", "+", "Go"), lambda: proc.start_form(None)),
        (Choice("actions", "Actions of the run", "x", "Go"), proc.actions),
        (Choice("help", "Keys", "?", "Go"), proc.action_help),
        (Choice("leave", "Leave", "q", "Go"), proc.action_back),
    ]
    for entry in proc.workspace.entries():
        run = entry.run
        found.append((Choice(f"run {run.id}", f"{run.procedure} {run.id[:4]}", run.status.value.lower(), "Runs"), _goes(proc, run.id)))
    for name in sorted(proc.operator.procedures()):
        found.append((Choice(f"start {name}", f"start {name}", "", "Procedures"), _starts(proc, name)))
    for name in sorted(proc.available_themes, key=lambda name: (not name.startswith("proc-"), name)):
        found.append((Choice(f"theme {name}", f"theme {name}", "", "Themes"), _wears(proc, name)))
    return found


def _goes(proc: ProcTui, run: str) -> Callable[[], object]:
    return lambda: proc.go_to_run(run)


def _starts(proc: ProcTui, name: str) -> Callable[[], object]:
    return lambda: proc.start_form(name)


def _wears(proc: ProcTui, name: str) -> Callable[[], object]:
    def work() -> None:
        proc.theme = name
        proc.memory.keep(theme=name)

    return work
