"""Two applications on one workspace: each shows what the other does, and one drives on when the other is gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen, Shop

pytestmark = pytest.mark.kill

TWICE = """
local first = Human.approve{message = "First?"}
local second = Human.approve{message = "Second?"}
return {first = first, second = second}
"""
TICKS = """
for n = 1, 30 do
  Sleep(0.1)
  State.set("n", n)
end
return {ok = Human.approve{message = "All thirty?"}}
"""


@pytest.fixture
def people(
    tmux: Callable[..., Screen], tmp_path: Path, home_of: Callable[[str, Path], Path]
) -> Callable[[], list[Screen]]:
    """Opens an application for amara, then one for ben."""

    def opened() -> list[Screen]:
        found: list[Screen] = []
        for name in ("amara", "ben"):
            home = home_of(name, tmp_path / name)
            found.append(tmux(HOME=str(home), XDG_STATE_HOME=f"{home}/state", LOGNAME=name))
            found[-1].until("driven")
        return found

    return opened


def test_each_sees_the_others_answers_and_is_told_who_gave_them(people: Callable[[], list[Screen]], shop: Shop) -> None:
    run = shop.start(TWICE)
    amara, ben = people()
    ben.to_card("First?")
    amara.to_card("First?")
    amara.press("a")
    ben.until("amara is deciding this")
    ben.press("r")
    for screen in (amara, ben):
        screen.until("Second?")
    ben.until("answered by amara (as claimed; user ")
    ben.press("Enter")
    ben.until("enter goes on", gone=True)
    for screen in (ben, amara):
        screen.press("1")
        screen.armed("Second?")
    ben.press("r")
    amara.until("ben is deciding this")
    amara.press("a")
    amara.until("answered by ben (as claimed; user ", "completed")
    ben.until("completed", "rejected by ben")
    assert [screen.title for screen in (amara, ben)] == ["proc-tui shop"] * 2
    found = shop.check(run, answers=2)
    assert found["outputs"] == {"first": True, "second": False}


def test_when_one_is_killed_the_other_drives_the_run_on(people: Callable[[], list[Screen]], shop: Shop) -> None:
    shop.configure("[worker]\nlease_seconds = 2\n")
    run = shop.start(TICKS)
    amara, ben = people()
    ben.until("sleeping")
    amara.kill()
    ben.to_card("All thirty?")
    ben.press("a")
    ben.until("completed")
    found = shop.check(run, answers=1)
    assert [event["data"]["value"] for event in found["events"] if event["kind"] == "state.set"] == list(range(1, 31))
    assert found["attempt"] == 1


def test_of_two_who_press_at_once_one_is_taken_and_the_other_told(
    people: Callable[[], list[Screen]], shop: Shop
) -> None:
    run = shop.start('return {ok = Human.approve{message = "Go on?"}}')
    screens = people()
    for screen in screens:
        screen.to_card("Go on?")
    for screen, key in zip(screens, "ar", strict=True):
        screen.tmux("send-keys", "-t", screen.name, key)
    time.sleep(0.1)
    for screen in screens:
        screen.until("completed")
    shop.check(run, answers=1)
