"""Terminals of all kinds and sizes: small ones, poor ones, those without colours, and those that are none."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Screen, Shop

pytestmark = pytest.mark.kill

APPROVAL = 'return {ok = Human.approve{message = "May world pass?", timeout = 3600}}'
COLOURS = {*range(30, 39), *range(40, 49), *range(90, 108)}
"""Numbers of SGR sequences that set a colour."""


def test_everything_works_at_80_by_24(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(size=(80, 24))
    screen.to_card("May world pass?")
    screen.press("a")
    screen.until("completed")
    shop.check(run, answers=1)


def test_a_resize_keeps_what_is_shown_and_a_card_takes_keys_anew(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(size=(150, 40))
    screen.to_card("May world pass?")
    for width, height in ((80, 24), (180, 50), (101, 30)):
        screen.resize(width, height)
        screen.until("May world pass?", "Approve")
    screen.until("Runs", "Timeline")
    screen.press("Escape")
    screen.to_card("May world pass?")
    screen.press("a")
    screen.until("completed")
    shop.check(run, answers=1)


def test_where_a_request_cannot_be_read_it_is_said_how_much_room_is_needed_and_no_key_decides(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(size=(40, 10))
    screen.until("40x10 is too small", "60x16 is needed")
    for key in ("Enter", "a", "r", "1", "a"):
        screen.press(key)
        time.sleep(0.4)
    screen.resize(90, 30)
    screen.to_card("May world pass?")
    screen.resize(50, 15)
    screen.until("50x15 is too small")
    time.sleep(1.0)
    screen.press("a")
    time.sleep(0.5)
    assert shop.answers(shop.waits(run)) == []
    screen.resize(60, 16)
    screen.armed("May world pass?")
    screen.press("a")
    screen.until("completed")
    screen.resize(30, 8)
    screen.until("too small")
    screen.press("q")
    screen.until("Pane is dead (status 0")
    shop.check(run, answers=1)


def test_a_linux_console_gets_nothing_but_ascii(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(TERM="linux")
    screen.until("May world pass?", "Approve")
    for keys in (("Enter",), ("?",), ("Escape", "x"), ("Escape", "2"), ("3",), ("4",), ("6",), ("7",), ("Escape", "I")):
        screen.press(*keys)
        time.sleep(0.3)
        text = screen.text
        assert text.isascii(), f"after {keys}: {sorted({sign for sign in text if not sign.isascii()})}"
    screen.press("q")
    screen.until("Runs")
    screen.press("1")
    screen.until("arming", gone=True)
    time.sleep(1.0)
    screen.press("a")
    screen.until("completed")
    shop.check(run, answers=1)


def test_no_color_draws_without_any_colour_and_armed_buttons_stand_out(tmux: Callable[..., Screen], shop: Shop) -> None:
    shop.start(APPROVAL)
    screen = tmux(NO_COLOR="1")
    screen.to_card("May world pass?")
    drawn = screen.drawn
    assert not _codes(drawn) & COLOURS
    assert "\x1b[1;7m a Approve" in drawn
    screen.press("?")
    screen.until("enter does it")
    assert not _codes(screen.drawn) & COLOURS


def _codes(drawn: str) -> set[int]:
    """The numbers in all SGR sequences."""
    found: set[int] = set()
    for part in drawn.split("\x1b[")[1:]:
        numbers, end, _ = part.partition("m")
        if end and all(sign.isdigit() or sign in ";:" for sign in numbers):
            found.update(int(number) for number in numbers.replace(":", ";").split(";") if number)
    return found


def test_the_title_counts_what_waits(tmux: Callable[..., Screen], shop: Shop) -> None:
    shop.start(APPROVAL)
    screen = tmux()
    screen.until("May world pass?")
    assert screen.title == "(1) proc-tui shop"


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_only_prints_is_told_what_to_use_instead(
    tmux: Callable[..., Screen], shop: Shop, term: str
) -> None:
    shop.start(APPROVAL)
    screen = tmux(TERM=term, size=(140, 90))
    said = screen.until("Pane is dead (status 0")
    assert "1 run going on" in said
    assert f'TERM is "{term}"; proc-tui inbox -i asks by plain prompts' in said
    assert "Durable procedures that wait for people." in said


def test_without_a_terminal_it_prints_the_help_and_draws_nothing(shop: Shop) -> None:
    shop.start(APPROVAL)
    said = shop.call()
    assert said.startswith("Usage: proc-tui")
    assert "\x1b" not in said
    assert "1 run going on" in said.splitlines()[-1]
    assert shop.call("demo", code=2) == ""


def test_over_ssh_the_mouse_reports_clicks_alone(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(SSH_CONNECTION="192.0.2.7 50000 192.0.2.8 22")
    screen.to_card("May world pass?")
    assert screen.is_set("mouse_standard_flag")
    assert not screen.is_set("mouse_all_flag")
    screen.press("a")
    screen.until("completed")
    shop.check(run, answers=1)


def test_a_stopped_program_gives_the_screen_to_the_shell_and_takes_no_key_unseen_when_it_comes_back(
    tmux: Callable[..., Screen], shop: Shop, program: str
) -> None:
    run = shop.start(APPROVAL)
    screen = tmux(shell="bash --norc --noprofile", PS1="ready$ ")
    screen.until("ready$")
    screen.type(program)
    screen.press("Enter")
    screen.to_card("May world pass?")
    os.kill(screen.child(), signal.SIGTSTP)
    screen.until("Stopped")
    assert not screen.is_set("alternate_on")
    screen.type("echo a-$((6 * 7))-b")
    screen.press("Enter")
    screen.until("a-42-b")
    screen.type("fg")
    screen.press("Enter")
    screen.armed("May world pass?")
    screen.press("a")
    screen.until("completed")
    shop.check(run, answers=1)
    screen.press("q")
    screen.until("ready$")


def test_bytes_that_are_no_utf_8_are_signs_that_cannot_be_read(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start('return Human.approve{message = "Go on?"}')
    screen = tmux()
    screen.until("Go on?")
    for number in ("ff", "e1", "c3", "ff"):  # Meta as an eighth bit, half a letter
        screen.tmux("send-keys", "-H", "-t", screen.name, number)
        time.sleep(0.1)
    screen.press("i")
    screen.until("esc leave the field")
    screen.tmux("send-keys", "-H", "-t", screen.name, "62", "e4", "72")
    screen.until("b\ufffdr")
    assert shop.status(run) == "WAITING_FOR_HUMAN"


def test_a_letter_of_a_pasted_text_does_not_leave_for_the_shell(tmux: Callable[..., Screen], shop: Shop) -> None:
    shop.start('return Human.approve{message = "Go on?"}')
    screen = tmux()
    screen.until("Go on?")
    screen.until("all commands", gone=True)
    screen.tmux("send-keys", "-t", screen.name, "-l", "quite some words")
    time.sleep(0.5)
    screen.press("Escape", "Escape")
    screen.tmux("send-keys", "-t", screen.name, "-l", "jq")
    screen.until("pasted")
    time.sleep(0.5)
    screen.press("q")
    screen.until("Pane is dead")
