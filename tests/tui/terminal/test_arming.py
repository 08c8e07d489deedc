"""Keys that nobody pressed at a card that they saw never decide: on a pseudo-terminal, as bytes, with delays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.model.settings import Settings
from proc_tui.core.operator import Operator
from proc_tui.core.testing import complete, write_workspace
from proc_tui.tui.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Terminal
    from proc_tui.core.journal.requests import PendingRequest

pytestmark = [pytest.mark.slow, pytest.mark.kill]

MANY = """
return Human.review{message = "Which way?", artifact = "a text",
  options = {"approve", "reject", "send", "pause", "test", "merge", "build"}}
"""
PATIENCE = 10.0
QUIET = 0.7
"""Seconds in which something that should not happen would have."""


class Scene:
    """A workspace with a request, and terminals on it."""

    def __init__(self, open_terminal: Callable[..., Terminal], folder: Path) -> None:
        self._open = open_terminal
        self.folder = folder / "shop"
        self.folder.mkdir()
        self._home = folder
        Memory(self.folder, folder=folder / "state" / "proc-tui" / "interface", terminal="").keep_name("tester")
        self.operator = Operator.open(self.folder, settings=Settings(durability="fast"), user="tester")

    def ask(self, procedure: str) -> None:
        """Starts a run that asks, and drives it there."""
        import asyncio

        write_workspace(self.folder, {"it.yaml": complete(procedure, "it", {})})
        self.operator.start(self.folder / "it.yaml")
        asyncio.run(self.operator.worker().run(once=True))

    def open(self, **options: bool) -> Terminal:
        """Opens the interface in a terminal."""
        return self._open(self.folder, self._home, **options)

    @property
    def request(self) -> PendingRequest:
        """The request, as it is recorded."""
        return self.operator.request(self.operator.runs()[0].id)

    def given(self) -> int:
        """How many answers were given to the request that waits, undone or not."""
        run = self.operator.runs()[0]
        return sum(len(self.operator.answers(request.id)) for request in self.operator.inbox(run=run.id))

    def answered(self) -> int:
        """How many answers were given that count, in effect or not."""
        run = self.operator.runs()[0]
        waiting = self.operator.inbox(run=run.id)
        if not waiting:
            return 1
        return len([answer for answer in self.operator.answers(waiting[0].id) if answer.undone_at is None])

    def close(self) -> None:
        """Closes the workspace."""
        self.operator.close()


@pytest.fixture
def scene(tmp_path: Path, open_terminal: Callable[..., Terminal]) -> Iterator[Scene]:
    """A workspace called `shop`."""
    found = Scene(open_terminal, tmp_path)
    yield found
    found.close()


def armed(terminal: Terminal) -> None:
    """Goes to the card and waits until its keys act."""
    terminal.until("needs you")
    terminal.look(0.5)
    terminal.send(b"\r")
    terminal.until("arming")
    end = time.monotonic() + PATIENCE
    while "arming" in terminal.look():
        assert time.monotonic() < end


def test_a_key_pressed_at_an_armed_card_decides_and_can_be_undone(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    armed(terminal)
    terminal.send(b"a")
    terminal.until("approving in")
    assert scene.answered() == 1
    terminal.send(b"u")
    terminal.until("undone")
    assert scene.answered() == 0
    terminal.look(QUIET)
    terminal.send(b"r")
    terminal.until("rejecting in")
    terminal.until("completed")


def test_keys_that_were_typed_ahead_decide_nothing(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    terminal.process.send(b"\raaaa")
    terminal.until("Go on?")
    terminal.send(b"\r")
    terminal.send(b"a")
    terminal.look(QUIET)
    assert scene.answered() == 0


def test_a_card_counts_from_when_the_terminal_has_shown_it(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    armed(terminal)
    terminal.send(b"\x1b", 0.5)
    terminal.answers = False
    asked = terminal.asked
    terminal.send(b"\r", 0.5)
    assert terminal.asked > asked
    for _ in range(6):
        terminal.send(b"a", 0.3)
    assert scene.answered() == 0, "the card was not seen yet"
    terminal.reply()
    terminal.send(b"a", 0.15)
    assert scene.answered() == 0, "it was seen just now"
    terminal.look(QUIET)
    terminal.send(b"a", QUIET)
    assert scene.answered() == 1


def test_a_terminal_that_never_answers_is_not_waited_for_for_ever(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open(answers=False)
    armed(terminal)
    terminal.send(b"a")
    terminal.until("approving in")


PASTED = (b"approve it, please", b"ra", b"\x1b[200~a\x1b[201~", b"1a2r3s", b"a\rb\r", b"xa")


def test_what_is_pasted_decides_nothing(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    armed(terminal)
    for text in PASTED:
        terminal.send(text)
        terminal.look(0.5)
        assert scene.answered() == 0, text
        terminal.send(b"\x1b", 0.25)
        terminal.send(b"\x1b", 0.25)
        terminal.send(b"1", 0.8)
    terminal.send(b"a")
    terminal.until("approving in")


TORN = (
    (b"\x1b", b"[15~"), (b"\x1b[", b"15~"), (b"\x1b[1", b"5~"), (b"\x1b", b"[<0;10;10m"), (b"\x1b[<0;10", b";10m"),
    (b"\x1b[", b"<0;3;3", b"m"), (b"\x1b[1;", b"2s"), (b"\x1b", b"[", b"1", b";", b"5", b"p"), (b"\x1b", b"[A"),
    (b"\x1b", b"[200~a"), (b"\x1b[1", b"5", b"~"),
)  # fmt: skip


def test_what_is_left_of_a_torn_escape_sequence_decides_nothing(scene: Scene) -> None:
    scene.ask(MANY)
    terminal = scene.open()
    armed(terminal)
    for parts in TORN:
        for part in parts:
            terminal.send(part, 0.16)
        terminal.look(0.5)
        assert scene.answered() == 0, parts
        terminal.send(b"1", 0.1)  # an escape alone goes to the list
    terminal.look(1.0)
    terminal.send(b"s")
    terminal.until("deciding")


def test_keys_that_are_sent_one_by_one_before_the_card_was_painted_decide_nothing(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    for _ in range(40):
        terminal.send(b"a", 0.12)
        if "Go on?" in terminal.look():
            break
    terminal.send(b"\r", 0.06)
    for _ in range(2):  # all within the 350 ms that a card is seen before it takes keys
        terminal.send(b"a", 0.06)
        terminal.send(b"r", 0.06)
    assert scene.given() == 0
    terminal.look(1.5)
    assert scene.given() == 0
    terminal.send(b"a")
    terminal.until("approving in")


def test_a_key_that_is_held_down_decides_nothing(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    armed(terminal)
    for _ in range(60):
        terminal.send(b"a", 0.03)
    terminal.look(QUIET)
    assert scene.answered() == 0


def test_the_next_card_opens_unarmed_and_takes_keys_once_it_was_seen(scene: Scene) -> None:
    scene.ask('Human.approve{message = "First?"} return Human.approve{message = "Second?"}')
    terminal = scene.open()
    armed(terminal)
    terminal.send(b"a")
    terminal.until("approving in")
    first = scene.request.id
    end = time.monotonic() + PATIENCE
    while "Second?" not in terminal.look(0.01):
        terminal.send(b"a", 0.1)
        assert time.monotonic() < end
    for _ in range(3):
        terminal.send(b"a", 0.1)
    waiting = scene.operator.inbox()
    assert [request.id != first for request in waiting] == [True]
    assert scene.given() == 0
    terminal.send(b"1", 0.3)
    terminal.look(1.0)
    terminal.send(b"r")
    terminal.until("rejecting in")


def test_it_arms_anew_when_something_else_is_seen(scene: Scene) -> None:
    scene.ask('return Human.approve{message = "Go on?"}')
    terminal = scene.open()
    armed(terminal)
    terminal.send(b"\x1b[I")
    terminal.send(b"a", 0.15)
    assert scene.given() == 0, "the window came to the front just now"
    terminal.look(QUIET)
    terminal.resize(110, 32)
    terminal.look(0.1)
    terminal.send(b"a", 0.15)
    assert scene.given() == 0, "lines break elsewhere since"
    terminal.look(1.0)
    terminal.send(b"c", 0.3)
    terminal.until("leave the field")
    terminal.send(b"\x1b", 0.15)
    terminal.send(b"a", 0.1)
    assert scene.given() == 0, "a moment ago that was typed into the field"
    terminal.look(1.0)
    terminal.send(b"a")
    terminal.until("approving in")


def test_capitals_digits_and_enter_decide_nothing(scene: Scene) -> None:
    scene.ask(MANY)
    terminal = scene.open()
    armed(terminal)
    for key in (b"A", b"R", b"S", b"P", b"T", b"M", b"B", b"\r", b"\x1ba"):
        terminal.send(key, 0.15)
    terminal.look(QUIET)
    assert scene.answered() == 0
