"""The interface in a terminal: how soon it is there, how soon a key is seen, what it keeps, what it sends.

Beside it, in turn with it, an application of Textual's that shows a word.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import interface_large
import scenes
from figures import Figure
from person import SSH, WORD, Person, Plain, shows, spread, types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from terminal import Terminal

LOADS = {
    "a run sleeps": "Sleep(86400)",
    "a run logs {:,.0f} lines/s": scenes.LOGGING,
    f"a reply arrives, {1 / scenes.WORD_SECONDS:.0f} words/s": scenes.REPLYING,
}
"""What goes on meanwhile, and the code of the run that it goes on in."""


def measure(quick: bool) -> Iterator[Figure]:
    rounds, keys, seconds = (4, 40, 3.0) if quick else (15, 200, 10.0)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        person = Person(Path(folder))
        scenes.large(person.folder / "small")
        plain, figures = _beginning(person, rounds, keys)
        yield from figures
        yield from _keys(person, plain, keys)
        yield from _line(person, seconds)
        yield from interface_large.measure(person, plain, quick)


def _beginning(person: Person, rounds: int, keys: int) -> tuple[Plain, list[Figure]]:
    words: list[float] = []
    frames: list[float] = []
    panes: list[float] = []
    least: list[int] = []
    held: list[int] = []
    for _ in range(rounds):
        with person.minimal() as terminal:
            words.append(terminal.until(WORD) - terminal.began)
            terminal.quiet()
            least.append(terminal.memory())
        with person.opens("small") as terminal:
            frames.append(terminal.until(terminal.screen.shows_something) - terminal.began)
            panes.append(terminal.until(shows(terminal, scenes.SMALL)) - terminal.began)
            terminal.quiet()
            held.append(terminal.memory())
    with person.minimal("TextArea") as terminal:
        terminal.until(WORD)
        key, late = spread(types(terminal, keys))
    plain = Plain(median(words), median(least), key, late)
    return plain, [
        Figure("the interface: first frame", median(frames), "s", plain.frame, "minimal", 1.4, relative=True),
        Figure("the interface: a small run in all panes", median(panes), "s", plain.frame, "minimal"),
        Figure("the interface: memory", median(held), "B", plain.held, "minimal"),
    ]


def _keys(person: Person, plain: Plain, count: int) -> Iterator[Figure]:
    for number, (says, code) in enumerate(LOADS.items()):
        with _going_on(person, f"keys {number}", code) as (terminal, speed):
            terminal.press("i")
            terminal.until("esc leave the field")
            key, late = spread(types(terminal, count))
            case = f"from a key to what it draws, {says.format(speed())}"
        yield Figure(f"{case}: p50", key, "s", plain.key, "minimal")
        yield Figure(f"{case}: p95", late, "s", plain.late, "minimal", 0.05)


def _line(person: Person, seconds: float) -> Iterator[Figure]:
    with person.opens("small", **SSH) as terminal:
        terminal.until(shows(terminal, scenes.SMALL))
        terminal.quiet(1.5)
        yield Figure("sent over SSH, at rest", _sent(terminal, seconds), "B/s", aim=0)
    for number, (says, code) in enumerate(LOADS.items()):
        with _going_on(person, f"line {number}", code, **SSH) as (terminal, speed):
            sent = _sent(terminal, seconds)
            yield Figure(f"sent over SSH, {says.format(speed())}", sent, "B/s")


def _sent(terminal: Terminal, seconds: float) -> float:
    """Bytes a second."""
    began, before = time.monotonic(), terminal.received
    terminal.look(seconds)
    return (terminal.received - before) / (time.monotonic() - began)


@contextmanager
def _going_on(person: Person, workspace: str, code: str, **more: str) -> Iterator[tuple[Terminal, Callable[[], float]]]:
    """The interface on a run that goes on, and how many lines it logs in a second."""
    folder = person.folder / workspace
    scenes.busy(folder, code)
    with person.opens(workspace, **more) as terminal:
        terminal.until("guidance")
        terminal.look(2)
        began, before = time.monotonic(), scenes.logged(folder)
        yield terminal, lambda: (scenes.logged(folder) - before) / (time.monotonic() - began)
