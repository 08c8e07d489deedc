"""Leaving with runs under way: they are left to a worker, or wait until somebody comes back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Screen, Shop

pytestmark = pytest.mark.kill

PATIENCE = 30.0
NAP = """
for n = 1, 5 do
  Sleep(0.8)
  State.set("n", n)
end
return {n = State.get("n")}
"""


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def fds(pid: int) -> list[str]:
    """The open files of a process; none when it is gone, or waits for its parent to notice that."""
    try:
        return [file.name for file in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []


def test_runs_that_go_on_are_left_to_a_worker_that_ends_when_it_is_idle(
    tmux: Callable[..., Screen], shop: Shop, workers: Callable[[], list[int]]
) -> None:
    run = shop.start(NAP)
    screen = tmux()
    screen.until("sleeping")
    screen.press("q")
    screen.until("Leave them to a background worker")
    screen.press("Enter")
    screen.until("Pane is dead (status 0")
    assert len(workers()) == 1
    shop.until(run, "COMPLETED")
    until(lambda: not workers(), "the worker did not end")
    assert shop.check(run, answers=0)["outputs"] == {"n": 5}


def test_runs_can_be_stopped_here_and_go_on_when_the_interface_comes_back(
    tmux: Callable[..., Screen], shop: Shop, workers: Callable[[], list[int]]
) -> None:
    run = shop.start(NAP)
    screen = tmux()
    screen.until("sleeping")
    screen.press("C-c", "C-c")
    screen.until("Stop here")
    screen.press("j", "Enter")
    screen.until("Pane is dead (status 0")
    assert not workers()
    assert shop.status(run) == "SLEEPING"
    screen.reopen()
    screen.until("completed")
    assert shop.check(run, answers=0)["outputs"] == {"n": 5}


def test_a_lost_connection_leaves_the_runs_to_a_worker_without_asking(
    tmux: Callable[..., Screen], shop: Shop, workers: Callable[[], list[int]]
) -> None:
    run = shop.start(NAP)
    screen = tmux()
    screen.until("sleeping")
    program = screen.pid
    screen.close()
    until(lambda: workers(), "no worker took over")
    until(lambda: not fds(program), "the program goes on without a screen")
    shop.until(run, "COMPLETED")
    assert shop.check(run, answers=0)["outputs"] == {"n": 5}


def test_a_program_that_is_ended_gives_the_screen_back(
    tmux: Callable[..., Screen], shop: Shop, workers: Callable[[], list[int]]
) -> None:
    run = shop.start(NAP)
    screen = tmux()
    screen.until("sleeping")
    os.kill(screen.pid, signal.SIGTERM)
    screen.until("Pane is dead (status 143")
    assert not workers()
    assert shop.status(run) == "SLEEPING"


def test_with_nothing_under_way_q_goes_back_and_leaves_at_once(tmux: Callable[..., Screen], shop: Shop) -> None:
    shop.start('return {ok = Human.approve{message = "Go on?"}}')
    screen = tmux()
    screen.until("Go on?")
    screen.until("all commands", gone=True)
    screen.press("I")
    screen.until("Inbox")
    screen.press("q")
    screen.until("Runs")
    screen.press("q")
    screen.until("Pane is dead (status 0")
