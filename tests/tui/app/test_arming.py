"""What the terminal is asked before keys of a card act, and what its answers are taken for."""

from __future__ import annotations

import pytest
from proc_tui.tui.widgets import arming
from proc_tui.tui.widgets.arming import REPORT, Keyboard, Timing


class Terminal:
    """What was written to a terminal that may be in other hands."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.ours = True

    def write(self, sequence: str) -> bool:
        if self.ours:
            self.written.append(sequence)
        return self.ours


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test can change."""
    found = [0.0]
    monkeypatch.setattr(arming, "monotonic", lambda: found[0])
    return found


def test_each_answer_is_for_the_oldest_question() -> None:
    terminal, heard = Terminal(), list[str]()
    keyboard = Keyboard(terminal.write, Timing(), asks=True)
    keyboard.ask(lambda: heard.append("first"))
    keyboard.ask(lambda: heard.append("second"))
    assert terminal.written == [REPORT, REPORT]
    keyboard.answered()
    assert heard == ["first"]
    keyboard.answered()
    keyboard.answered()
    assert heard == ["first", "second"]


def test_a_question_whose_answer_was_lost_takes_no_later_answer(now: list[float]) -> None:
    heard: list[str] = []
    keyboard = Keyboard(Terminal().write, Timing(lost=10.0), asks=True)
    keyboard.ask(lambda: heard.append("lost"))
    now[0] = 9.0
    keyboard.ask(lambda: heard.append("second"))
    now[0] = 11.0
    keyboard.answered()
    assert heard == ["second"]


def test_what_could_not_be_asked_waits_for_no_answer() -> None:
    terminal, heard = Terminal(), list[str]()
    keyboard = Keyboard(terminal.write, Timing(), asks=True)
    terminal.ours = False
    keyboard.ask(lambda: heard.append("while an editor has the terminal"))
    terminal.ours = True
    keyboard.ask(lambda: heard.append("after it"))
    keyboard.answered()
    assert heard == ["after it"]
