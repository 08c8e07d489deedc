from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen

pytestmark = pytest.mark.kill

APPROVAL = """
name: gate
version: "1"
params:
  who: {type: string, default: world}
code: |
  local ok = Human.approve{message = "May " .. params.who .. " pass?", timeout = 3600}
  return {ok = ok}
"""


def asked(tmux: Callable[..., Screen], place: Path, **options: object) -> Screen:
    """A terminal in which a run waits for an answer."""
    (place / "gate.yaml").write_text(APPROVAL.lstrip())
    screen = tmux(**options)
    screen.until("all commands")
    screen.press("Enter")
    screen.until("Start gate", "people: asked")
    screen.press("C-s")
    screen.until("gate", "eeds you")
    screen.until("Start gate", gone=True)
    time.sleep(0.5)
    return screen


def test_everything_works_at_80_by_24(tmux: Callable[..., Screen], place: Path) -> None:
    screen = asked(tmux, place, size=(80, 24))
    screen.press("Enter")
    screen.until("May world pass?")
    time.sleep(1.0)
    screen.press("a")
    screen.until("completed")


def test_a_resize_keeps_what_is_shown(tmux: Callable[..., Screen], place: Path) -> None:
    screen = asked(tmux, place, size=(150, 40))
    screen.until("May world pass?")
    screen.resize(80, 24)
    time.sleep(0.5)
    screen.until("gate")
    screen.resize(180, 50)
    screen.until("May world pass?", "Timeline")


def test_a_linux_console_gets_ascii_and_sixteen_colours(tmux: Callable[..., Screen], place: Path) -> None:
    screen = asked(tmux, place, TERM="linux")
    text = screen.until("May world pass?")
    assert not set(text) & set("●◆✓✖╭╮╯╰━│▌"), sorted(set(text) - set(map(chr, range(128))))


def test_no_color_draws_without_colours(tmux: Callable[..., Screen], place: Path) -> None:
    screen = asked(tmux, place, NO_COLOR="1")
    screen.until("May world pass?")
    drawn = screen.tmux("capture-pane", "-p", "-e", "-t", screen.name)
    colours = {
        tuple(map(int, code.split(";")[2:5]))
        for code in drawn.replace("\x1b[", "\0").replace("m", "\0").split("\0")
        if code.startswith(("38;2;", "48;2;"))
    }
    assert all(max(colour) - min(colour) < 24 for colour in colours if len(colour) == 3), colours


def test_the_title_counts_what_waits(tmux: Callable[..., Screen], place: Path) -> None:
    screen = asked(tmux, place)
    screen.until("May world pass?")
    assert screen.title == "(1) proc-tui shop"
