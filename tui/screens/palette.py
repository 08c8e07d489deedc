"""Every command by name: the keys of what has the focus, screens, runs, procedures to start and to write, themes.

Belongs here: what can be chosen. Never: what it does; keys and their words come from `keys.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import keys
from ..words import age
from .picking import Choice, PickDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.dom import DOMNode
    from textual.screen import Screen

    from ...core.journal.runs import Run
    from ..app import ProcTui

SEARCHED = 200
"""How many runs a search brings; those of the list are there at once."""
_MOVES = frozenset({"lines", "choice", "value", "text", "dialog", "naming", "start", "field", "button"})
"""Layers whose keys move about; nobody looks for them by name."""
_SELF = frozenset({"app.commands", "app.interrupt"})
_ALSO = {
    "app.help": "keys shortcuts bindings",
    "app.inbox": "requests approve reject answer decide review",
    "lines.find": "search look for",
    "lines.copy": "clipboard yank",
    "operate.new": "start procedure create",
    "operate.type": "guidance message chat write send",
    "operate.actions": "stop cancel resume reset fork status report",
    "operate.next_request": "approve reject answer decide",
    "operate.zoom": "full screen maximise",
    "operate.live": "present now follow",
}
"""Words that somebody may look for, by the id of the key that does it."""


def acting(screen: Screen[object]) -> dict[str, DOMNode]:
    """The layers that act on a screen and who does it, innermost first."""
    found: dict[str, DOMNode] = {}
    start: DOMNode = screen.focused or screen
    for node in start.ancestors_with_self:
        layer: str = getattr(node, "LAYER", "")
        if layer == "operate" and screen.has_class("-empty"):
            continue
        if layer:
            found.setdefault(layer, node)
        if layer != "lines" and any(kind.__name__ == "Lines" for kind in type(node).__mro__):
            found.setdefault("lines", node)
    return found


class PaletteScreen(PickDialog):
    """The commands."""

    def __init__(self) -> None:
        super().__init__("Commands", [], typing=True, placeholder="a command, a run, a procedure, a theme")
        self._works: dict[str, Callable[[], object]] = {}
        self._commands: list[Choice] = []
        self._below: Screen[object] | None = None

    def on_mount(self) -> None:
        """What there is depends on what had the focus, and on the workspace."""
        super().on_mount()
        below = self.proc.screen_stack[-2]
        for choice, work in (*_keys(self.proc, below), *_commands(self.proc)):
            self._commands.append(choice)
            self._works[choice.key] = work
        self._list.offer(self._commands)
        self.run_worker(self._all_runs(), exit_on_error=False, group="read")

    async def _all_runs(self) -> None:
        """Runs that are not in the list can be found, too."""
        proc = self.proc
        for run in await asyncio.to_thread(proc.operator.search, "", limit=SEARCHED):
            if f"run {run.id}" not in self._works:
                choice, work = _run(proc, run)
                self._commands.append(choice)
                self._works[choice.key] = work
        self._list.offer(self._commands)
        self._list.narrow(self._field.value)

    def action_choose(self) -> None:
        """Does it."""
        picked = self._list.picked
        if picked is not None:
            self.dismiss(None)
            self.proc.call_after_refresh(self._works[picked.key])


def _keys(proc: ProcTui, screen: Screen[object]) -> Iterator[tuple[Choice, Callable[[], object]]]:
    plain = proc.glyphs.name == "ascii"
    nodes = acting(screen)
    inner = {key.action for layer in nodes if layer not in _MOVES for key in keys.of_layer(layer)}
    for layer, node in nodes.items():
        for key in keys.of_layer(layer):
            if (layer in _MOVES and (key.id not in _ALSO or key.action in inner)) or key.id in _SELF:
                continue
            title = f"{key.what[:1].upper()}{key.what[1:]}"
            hint = keys.shortcut(key, proc.whole_keymap, plain=plain)
            also = _ALSO.get(key.id) or _ALSO.get(f"lines.{key.action}", "")
            yield Choice(key.id, title, hint, keys.title(layer), also=also), _does(proc, key.action, node)


def _commands(proc: ProcTui) -> Iterator[tuple[Choice, Callable[[], object]]]:
    from ..templates import TEMPLATES, TITLES
    from .program import save_picture, show_settings

    for entry in proc.workspace.entries():
        yield _run(proc, entry.run)
    for name in sorted(proc.operator.procedures()):
        yield Choice(f"start {name}", f"Start {name}", "", "Procedures"), _starts(proc, name)
    yield Choice("leave", "Leave proc-tui", "", "Program", also="quit exit close end"), proc.action_leave
    yield (
        Choice("settings", "Settings in effect", "and where each is from", "Program", also="configuration"),
        lambda: show_settings(proc),
    )
    yield (
        Choice("picture", "Save a picture of the screen", "SVG", "Program", also="screenshot export image"),
        lambda: save_picture(proc),
    )
    for name, title in TITLES.items():
        yield (
            Choice(f"new {name}", f"Write a new procedure: {title}", TEMPLATES[name][1], "Procedures"),
            _writes(proc, name),
        )
    for name in sorted(proc.available_themes, key=lambda name: (not name.startswith("proc-"), name)):
        worn = "this one" if name == proc.theme else ""
        yield Choice(f"theme {name}", f"Theme {name}", worn, "Themes"), _wears(proc, name)


def _run(proc: ProcTui, run: Run) -> tuple[Choice, Callable[[], object]]:
    said = run.status.value.lower().replace("_", " ")
    hint = f"{said}, {age(max(0.0, proc.now() - run.updated_at))} ago"
    return Choice(f"run {run.id}", f"{run.procedure} {run.id[:4]}", hint, "Runs"), lambda: proc.go_to_run(run.id)


def _does(proc: ProcTui, action: str, node: DOMNode) -> Callable[[], object]:
    return lambda: proc.run_action(action, node)


def _starts(proc: ProcTui, name: str) -> Callable[[], object]:
    return lambda: proc.start_form(name)


def _writes(proc: ProcTui, template: str) -> Callable[[], object]:
    return lambda: proc.new_procedure(template)


def _wears(proc: ProcTui, name: str) -> Callable[[], object]:
    def work() -> None:
        proc.theme = name
        proc.memory.keep(theme=name)

    return work
