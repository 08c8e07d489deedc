from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.errors import ProcError
from proc_tui.tui.opening import OpeningProcTui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Stage
    from proc_tui.core.operator import Operator

pytestmark = pytest.mark.slow


class Door:
    """A workspace that takes its time to open."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._open = threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> Operator:
        assert self._open.wait(20)
        if self.error is not None:
            raise self.error
        return self._stage.operator

    def let(self) -> None:
        self._open.set()


@pytest.fixture
def door(stage: Stage) -> Iterator[Door]:
    found = Door(stage)
    yield found
    found.let()


async def test_the_first_frame_says_which_workspace_it_is(stage: Stage, door: Door) -> None:
    await stage.play("return 1", name="billing")
    async with stage.opening(door) as app:
        assert "proc-tui  shop" in app.text()
        assert not app.app.is_open
        door.let()
        await app.until("billing")
        await app.settle()
        assert "reading…" not in app.text()


async def test_what_is_typed_meanwhile_acts_once_there_is_something_to_act_on(stage: Stage, door: Door) -> None:
    await stage.play("return 1", name="billing")
    async with stage.opening(door) as app:
        await app.pilot.press("slash", *"bill", "q")
        assert not app.app.left
        door.let()
        await app.until("billq")


async def test_keys_that_were_typed_ahead_decide_nothing(stage: Stage, door: Door) -> None:
    await stage.play('Human.approve{message = "Go on?"}', name="gate")
    async with stage.opening(door) as app:
        await app.pilot.press("enter", "a", "a")
        door.let()
        await app.until("Go on?")
        await app.settle()
        assert stage.operator.answers(stage.operator.inbox()[0].id) == []


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_it_can_be_left_before_it_is_open(stage: Stage, door: Door, key: str) -> None:
    async with stage.opening(door) as app:
        await app.pilot.press(key)
        assert app.app.left
        assert app.app.return_code == 0
        door.let()


async def test_why_it_cannot_be_opened_is_kept_for_who_started_it(stage: Stage, door: Door) -> None:
    door.error = ProcError("the database is newer")
    async with stage.opening(door) as app:
        door.let()
        opening = app.app
        assert isinstance(opening, OpeningProcTui)
        await app.until(lambda: opening.refused is not None)
        assert opening.refused is door.error
        assert app.app.return_code == 1
