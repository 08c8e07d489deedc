"""What runs hand to the loop of the outside, and how they are told to stop waiting."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.engine.local import LocalContext
from proc_tui.core.engine.outside import Errands, Outside
from proc_tui.core.errors import LeaseLost
from proc_tui.core.testing import play

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def outside() -> Iterator[Outside]:
    found = Outside()
    yield found
    found.close()


async def at_once() -> str:
    return "done"


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


def test_each_result_is_given_as_it_comes_and_errors_are_results(outside: Outside) -> None:
    async def fails() -> str:
        raise ValueError("no")

    found = dict(Errands(lambda: outside).run({"a": at_once, "b": fails}, lambda: None))
    assert found["a"] == "done"
    assert repr(found["b"]) == "ValueError('no')"


def test_what_has_ended_when_the_run_is_stopped_is_given_before_the_rest_is_cancelled(outside: Outside) -> None:
    errands = Errands(lambda: outside)
    over, cancelled = threading.Event(), threading.Event()

    async def last() -> str:
        asyncio.get_running_loop().call_soon(over.set)
        return "last"

    async def waits() -> str:
        try:
            return await never()
        finally:
            cancelled.set()

    async def fails() -> str:
        raise ValueError("the tools are closed")

    found: list[str] = []

    def take() -> None:
        work = {"waits": waits, "first": at_once, "fails": fails, "last": last}
        for name, result in errands.run(work, lambda: None):
            found.extend([] if isinstance(result, Exception) else [name])
            assert over.wait(5)
            outside.call(asyncio.sleep(0))
            errands.stop()

    with pytest.raises(LeaseLost):
        take()
    assert sorted(found) == ["first", "last"]
    assert cancelled.wait(5)


def test_what_fails_when_the_run_was_stopped_is_no_result(outside: Outside) -> None:
    errands, stopped = Errands(lambda: outside), threading.Event()

    async def fails() -> str:
        await asyncio.to_thread(stopped.wait, 5)
        raise ValueError("the tools are closed")

    found: list[str] = []

    def take() -> None:
        for name, _ in errands.run({"first": at_once, "fails": fails}, lambda: None):
            found.append(name)
            errands.stop()
            stopped.set()

    with pytest.raises(LeaseLost):
        take()
    assert found == ["first"]


def test_what_is_being_cancelled_already_comes_to_its_end_before_the_loop_does(outside: Outside) -> None:
    closing, ends, ended = asyncio.Event(), threading.Event(), threading.Event()

    async def cleans_up() -> None:
        try:
            await never()
        finally:
            ends.set()
            await closing.wait()
            ended.set()

    async def tells() -> None:
        try:
            await never()
        finally:
            closing.set()

    future = outside.submit(cleans_up())
    outside.submit(tells())
    outside.call(asyncio.sleep(0))
    future.cancel()
    assert ends.wait(5)
    outside.close()
    assert ended.is_set()


@pytest.mark.parametrize("worth", [True, False])
def test_when_all_winds_up_only_what_is_worth_it_is_waited_for_and_nothing_begins(
    outside: Outside, worth: bool
) -> None:
    errands, begun, go_on = Errands(lambda: outside), threading.Event(), threading.Event()
    found: list[object] = []

    async def under_way() -> str:
        begun.set()
        await asyncio.to_thread(go_on.wait, 10)
        return "paid"

    def take() -> None:
        try:
            found.extend(errands.run({"a": under_way}, lambda: None, worth=worth))
        except LeaseLost:
            found.append("left")

    thread = threading.Thread(target=take)
    thread.start()
    assert begun.wait(10)
    assert errands.busy is worth
    errands.wind_up()
    if worth:
        go_on.set()
    thread.join(10)
    go_on.set()
    assert found == ([("a", "paid")] if worth else ["left"])
    assert not errands.busy
    with pytest.raises(LeaseLost):
        list(errands.run({"b": at_once}, lambda: None))


def test_nothing_begins_once_the_run_is_stopped(outside: Outside) -> None:
    errands, begun = Errands(lambda: outside), threading.Event()

    async def begins() -> None:
        begun.set()

    errands.stop()
    with pytest.raises(LeaseLost):
        list(errands.run({"a": begins}, lambda: None))
    outside.call(asyncio.sleep(0))
    assert not begun.is_set()


def test_a_worker_that_lost_the_run_calls_nothing() -> None:
    played = play('Human.approve{message = "?"}\nreturn 1', upto="WAITING_FOR_HUMAN")
    environment: Any = played.operator._environment
    run = played.run
    with environment.database.read() as connection:
        program = environment.sources.program(connection, run.source, run.path)
    context = LocalContext(run, program, environment, ())
    assert dict(context.outside({"a": at_once})) == {"a": "done"}
    environment.database.write(lambda connection: connection.execute("UPDATE runs SET epoch=epoch+1"))
    with pytest.raises(LeaseLost, match="taken over"):
        dict(context.outside({"a": at_once}))
