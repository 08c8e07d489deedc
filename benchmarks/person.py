"""What a person does at the interface: opens it on a workspace, types, moves in the list of runs, opens a run.

Belongs here: keys, and when what they do is on the screen. Never: which figures come of it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import scenes
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINIMAL = """
from textual.app import App
from textual.widgets import {widget}

class Minimal(App):
    def compose(self):
        yield {widget}("{word}")

Minimal().run()
"""
WORD = "minimal"
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
"""What a process sees that was started over a slow line."""
PAUSE = 0.073
"""Seconds between two keys: as somebody types, and in no step with the moments at which the screen is drawn."""
_LETTERS = "thequickbrownfoxjumpsoverthelazydog"
_LIST = (0, 1, 42, 46)
"""The cells of the list of runs."""
_LEFT_OUT = ("COLUMNS", "LINES", "NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "TMUX", "TMUX_PANE")


@dataclass(frozen=True)
class Plain:
    """What somebody has of the minimal application."""

    frame: float
    """Seconds until its word is on the screen."""
    held: float
    """Bytes of its memory."""
    key: float
    """Seconds from a key to what it draws: the median."""
    late: float
    """The same, which 19 of 20 are below."""


class Person:
    """Somebody with a folder of workspaces, who was never here before."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder
        kept = {key: value for key, value in os.environ.items() if key not in _LEFT_OUT and not key.startswith("XDG_")}
        self._environment: dict[str, str] = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._homes: int = 0

    def minimal(self, widget: str = "Static") -> Terminal:
        """An application of Textual's that shows a word, or a field with a word in it."""
        return Terminal([sys.executable, "-c", MINIMAL.format(widget=widget, word=WORD)], self._environment)

    def opens(self, workspace: str, **more: str) -> Terminal:
        """The interface on a workspace."""
        command = [str(Path(sys.executable).with_name("proc-tui")), str(self.folder / workspace)]
        self._homes += 1
        return Terminal(command, {**self._environment, "HOME": str(self.folder / f"home {self._homes}"), **more})


def shows(terminal: Terminal, run: str) -> Callable[[], bool]:
    """Whether the end of a run's conversation and that of its log are on the screen."""
    return lambda: terminal.screen.text().count(f"{run}: {scenes.LAST}") >= 2


def goes_to(terminal: Terminal, run: str) -> float:
    """Selects a run of `scenes.large`, from the newest, and lets it rest there.

    Returns the seconds from the last key to the ends of its conversation and its log.
    """
    terminal.until(shows(terminal, scenes.NAMES[0]))
    terminal.quiet()
    took = 0.0
    for name in scenes.NAMES[1 : scenes.NAMES.index(run) + 1]:
        took = moves(terminal, "j", shows(terminal, name))
    return took


def moves(terminal: Terminal, key: str, until: Callable[[], bool] | str) -> float:
    """Seconds from a key to what it does; then waits until nothing is drawn any more."""
    pressed = terminal.press(key)
    took = terminal.until(until) - pressed
    terminal.quiet()
    return took


def types(terminal: Terminal, count: int) -> list[float]:
    """Seconds from each of some letters to when it is on the screen; a field has the focus."""
    taken: list[float] = []
    written = ""
    terminal.press("\x15")
    terminal.look(0.5)
    for number in range(count):
        if len(written) == len(_LETTERS):
            # The field never grows.
            terminal.press("\x15")
            terminal.look(0.5)
            written = ""
        written += _LETTERS[len(written)]
        pressed = terminal.press(written[-1])
        taken.append(terminal.until(written) - pressed)
        terminal.look(PAUSE + number % 7 / 1000)
    return taken


def walks(terminal: Terminal, count: int) -> list[float]:
    """Seconds from each of some moves in the list of runs to when it is on the screen."""
    taken: list[float] = []
    for number in range(count):
        before = terminal.screen.part(*_LIST)
        pressed = terminal.press("j" if number % 60 < 30 else "k")
        taken.append(terminal.until(lambda before=before: terminal.screen.part(*_LIST) != before) - pressed)
        terminal.look(PAUSE + number % 7 / 1000)
    return taken


def spread(taken: Sequence[float]) -> tuple[float, float]:
    """The median, and what 19 of 20 are below."""
    ordered = sorted(taken)
    return median(ordered), ordered[int(len(ordered) * 0.95)]
