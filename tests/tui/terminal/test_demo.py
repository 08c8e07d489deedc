"""`proc-tui demo`: a newcomer sees runs, an agent, a graph and a waiting approval, and brings a run to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen

pytestmark = pytest.mark.kill


def test_the_demo_comes_to_a_completed_run_by_the_keyboard_alone(
    tmux: Callable[..., Screen], tmp_path: Path, workers: Callable[[], list[int]]
) -> None:
    stranger = tmp_path / "stranger"
    folder = tmp_path / "demo"
    screen = tmux("demo", str(folder), HOME=str(stranger), XDG_STATE_HOME=str(stranger / "state"))
    screen.until("Needs you", "release", "trip_planner", "document_review", "Recent", "route_search", "access_audit")
    screen.until("poet", "waiting for you")
    for _ in range(8):
        if "How we handle outages" in screen.text:
            break
        screen.press("J")
        time.sleep(0.5)
    screen.press("Enter")
    screen.armed("How we handle outages")
    screen.press("p")
    screen.until("Who answers?")
    screen.press("C-u")
    screen.type("Robin")
    screen.press("Enter")
    screen.until("Who answers?", gone=True)
    screen.until('deciding "Publish"')
    screen.until("completed", "Publish by Robin")
    assert (folder / "output" / "published.md").exists()
    screen.press(":")
    screen.until("Commands")
    screen.type("start hello")
    screen.press("Enter")
    screen.until("Start hello", "People are asked")
    screen.press("C-s")
    screen.until("hello", "Good morning")
    screen.press("Escape")
    screen.press("q")
    screen.until("Leave proc-tui?", "Stop here")
    assert "background worker" not in screen.text
    screen.press("Enter")
    screen.until("Pane is dead (status 0", "opens it again")
    assert not workers()
