from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen

pytestmark = pytest.mark.kill

PATIENCE = 30.0
APPROVAL = """
name: gate
version: "1"
params:
  who: {type: string, default: world}
code: |
  local ok = Human.approve{message = "May " .. params.who .. " pass?", timeout = 3600}
  return {ok = ok}
"""
NAP = """
name: nap
version: "1"
code: |
  for n = 1, 3 do
    Sleep(1)
    Log.info("tick " .. n)
  end
  return "rested"
"""


def write(place: Path, **procedures: str) -> None:
    for name, text in procedures.items():
        (place / f"{name}.yaml").write_text(text.lstrip())


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def statuses(place: Path) -> list[str]:
    with Operator.open(place) as operator:
        return [run.status.value for run in operator.runs()]


def start(screen: Screen, name: str) -> None:
    screen.until("all commands")
    screen.press("Enter")
    screen.until(name)


LONG = NAP.replace("n = 1, 3", "n = 1, 4")


def test_runs_that_go_on_are_left_to_a_worker_that_ends_when_it_is_idle(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, nap=LONG)
    screen = tmux()
    start(screen, "sleeping")
    screen.press("q")
    screen.until("Leave them to a background worker")
    screen.press("Enter")
    screen.until("Pane is dead (status 0")
    assert len(workers()) == 1
    until(lambda: statuses(place) == ["COMPLETED"], "the worker did not drive the run")
    until(lambda: not workers(), "the worker did not end")


def test_runs_can_be_stopped_here_and_go_on_when_the_interface_comes_back(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, nap=LONG)
    screen = tmux()
    start(screen, "sleeping")
    screen.press("C-c", "C-c")
    screen.until("Stop here")
    screen.press("j", "Enter")
    screen.until("Pane is dead (status 0")
    assert not workers()
    assert statuses(place) == ["SLEEPING"]
    again = tmux()
    again.until("completed")


def test_a_lost_connection_leaves_the_runs_to_a_worker_without_asking(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, nap=LONG)
    screen = tmux()
    start(screen, "sleeping")
    screen.close()
    until(lambda: workers(), "no worker took over")
    until(lambda: statuses(place) == ["COMPLETED"], "the worker did not drive the run")


def test_a_program_that_is_ended_gives_the_screen_back(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, nap=LONG)
    screen = tmux()
    start(screen, "sleeping")
    os.kill(screen.pid, signal.SIGTERM)
    screen.until("Pane is dead (status 143")
    assert not workers()


def test_after_a_kill_the_interface_shows_the_request_and_the_run_goes_on(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, gate=APPROVAL)
    screen = tmux()
    screen.until("all commands")
    screen.press("Enter")
    screen.until("Start gate", "people: asked")
    screen.press("C-s")
    screen.until("May world pass?")
    os.kill(screen.pid, signal.SIGKILL)
    screen.until("Pane is dead")
    again = tmux()
    again.until("May world pass?", "Needs you")
    again.press("Enter")
    again.until("pprove")
    time.sleep(1.0)  # the card arms
    again.press("a")
    until(lambda: statuses(place) == ["COMPLETED"], "the answer did not count")


def test_two_interfaces_on_one_workspace_see_each_others_answers(
    tmux: Callable[..., Screen], place: Path, workers: Callable[[], list[int]]
) -> None:
    write(place, gate=APPROVAL)
    one = tmux()
    one.until("all commands")
    one.press("Enter")
    one.until("Start gate", "people: asked")
    one.press("C-s")
    one.until("May world pass?")
    two = tmux()
    two.until("May world pass?")
    two.press("Enter")
    time.sleep(1.0)
    two.press("r")
    one.until("completed")
    assert "(1)" not in one.title
    one.press("q")
    one.until("Pane is dead (status 0")
