from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from proc_tui.tui.screens.screen import ProcScreen
from textual.containers import VerticalScroll
from textual.widgets import Static

if TYPE_CHECKING:
    from conftest import Stage
    from textual.app import ComposeResult

pytestmark = pytest.mark.slow


class Probe(Static):
    """Says when it was told of its size."""

    told = False

    def on_resize(self) -> None:
        self.told = True


class Place(ProcScreen[None]):
    """Something to scroll."""

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for number in range(100):
                yield Static(f"line {number}")


async def test_what_is_mounted_between_two_layouts_is_told_of_its_size_though_somebody_asked_where_it_is(
    stage: Stage,
) -> None:
    async with stage.open() as app:
        place = Place()
        await app.app.push_screen(place)
        await app.settle()
        scroll = place.query_one(VerticalScroll)
        probe = Probe("here")
        scroll.mount(probe, before=0)
        for _ in range(5):
            place._compositor.update_widgets({probe})  # as of something new that wants to be painted
            asked = probe.region
            await asyncio.sleep(0)
        assert asked, "it was known where it is"
        await app.settle()
        assert probe.told
