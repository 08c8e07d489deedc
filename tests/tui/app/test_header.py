from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from proc_tui.tui.live.workspace import Driver
from proc_tui.tui.widgets.header import Header

if TYPE_CHECKING:
    from conftest import Stage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("driver", "wide", "narrow"),
    [
        (Driver("here"), "driven by this process", "this process"),
        (Driver("other", "build-7:4711"), "driven by build-7:4711", "build-7:4711"),
        (Driver("none"), "no worker", "no worker"),
        (Driver("stale", "build-7:4711", 1_800_000_000.0), "stale since ", "stale since "),
    ],
    ids=["here", "other", "none", "stale"],
)
async def test_it_says_who_drives_also_where_there_is_little_room(
    stage: Stage, driver: Driver, wide: str, narrow: str
) -> None:
    await stage.play('Human.approve{message = "?"}', name="notes")
    await stage.play('error("no")', name="broken")
    async with stage.open(size=(150, 40)) as app:
        tick = app.app.tick
        assert tick is not None
        view = msgspec.structs.replace(tick.view, name="a-workspace-with-a-long-name", driver=driver)
        tick.view = view
        app.app.screen.query_one(Header).refresh()
        await app.pilot.pause()
        assert wide in app.text().splitlines()[0]
        await app.pilot.resize_terminal(80, 24)
        await app.pilot.pause()
        assert narrow in app.text().splitlines()[0]
        assert "1 needs you" in app.text().splitlines()[0]


async def test_it_and_the_list_tell_the_same_story_when_one_tree_asks_twice(stage: Stage) -> None:
    family = """
name: family
version: "1"
procedures:
  child:
    code: |
      Human.approve{message = "May I?"}
code: |
  Procedure.wait_all{Procedure.spawn("child"), Procedure.spawn("child")}
"""
    await stage.play(family, name="family")
    for _ in range(3):
        await stage.drive()
    async with stage.open(size=(120, 30)) as app:
        assert "2 requests need you" in app.text().splitlines()[0]
        assert "1 run, 2 requests" in app.line("Needs you")
