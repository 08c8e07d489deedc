"""Answers of people: each request is answered once, in time, by whoever may."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from proc_tui.core.errors import AlreadyAnswered, ProcError, Refused
from proc_tui.core.journal.events import Requested, Responded
from proc_tui.core.model.states import RequestStatus, RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import FakeClock, play


def at_once(*works: Any) -> list[Any]:
    """What each of the works gave or raised, all begun in the same moment."""
    results: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = works[index]()
        except ProcError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_answers_at_once_exactly_one_wins_and_the_others_hear_who(scene: Any) -> None:
    scene.write(it='local ok = Human.approve{message = "m"}\nreturn ok')
    for _ in range(5):
        run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
        request = scene.operator.inbox()[0].id
        results = at_once(
            *[partial(scene.operator.answer, request, Given(approved=bool(n % 2)), by=f"p{n}") for n in range(6)]
        )
        lost = [item for item in results if isinstance(item, AlreadyAnswered)]
        assert len(lost) == 5
        winner = results.index(next(item for item in results if item not in lost))
        assert all(f"was answered by p{winner} at " in str(error) for error in lost)
        scene.finish(run)
        assert scene.result(run) is bool(winner % 2)
        fold = scene.operator.fold(scene.operator.run(run.id))
        assert fold.requests.requests[request].by == f"p{winner}"


@pytest.mark.kill
def test_of_two_processes_that_answer_at_once_exactly_one_wins(scene: Any, program: Any) -> None:
    scene.write(it='local ok = Human.approve{message = "m"}\nreturn ok')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    programs = [program("answer", request, name) for name in ("ann", "bob")]
    for item in programs:
        item.go()
    lines = sorted(item.line() for item in programs)
    assert re.fullmatch(rf"lost request {request} was answered by (ann|bob) at .* UTC", lines[0])
    assert lines[1] == "won"
    scene.finish(run)


def test_requests_answered_one_after_the_other_never_take_each_others_answer() -> None:
    played = play(
        """
        local all = {}
        for i = 1, 20 do
          all[i] = Human.input{message = "n" .. i}
          if i % 3 == 0 then
            all[i] = all[i] .. Step.run("s" .. i, function() return (Human.input{message = "inner" .. i}) end)
          end
        end
        return all
        """,
        answers=lambda request: f"<{request.message}>",
    )
    expected = [f"<n{i}>" + (f"<inner{i}>" if i % 3 == 0 else "") for i in range(1, 21)]
    assert played.result == expected
    asked = {event.request: event.message for event in played.events(Requested)}
    for event in played.events(Responded):
        assert event.answer == {"text": f"<{asked[event.request]}>"}
    played.replay()


def test_an_answer_names_what_was_looked_at(scene: Any) -> None:
    scene.write(it='return Human.review{message = "m", artifact = "text"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    with pytest.raises(Refused, match="shows something else by now"):
        scene.operator.answer(request.id, Given(decision="Approve", digest="0" * 16))
    with pytest.raises(Refused, match="was asked again since"):
        scene.operator.answer(request.id, Given(decision="Approve", digest=request.digest, attempt=2))
    with pytest.raises(Refused, match=r'"Aprove" is not among the decisions .* did you mean "Approve"'):
        scene.operator.answer(request.id, Given(decision="Aprove"))
    assert scene.operator.request(request.id).status is RequestStatus.PENDING
    scene.operator.answer(request.id, Given(decision="approve", digest=request.digest, attempt=1))
    scene.finish(run)
    assert scene.result(run)["decision"] == "Approve"


@pytest.mark.parametrize("late", [0.0, 0.001, 3600.0])
def test_an_answer_at_the_deadline_or_after_it_is_refused(make_scene: Any, agrees: Any, late: float) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(
        it='local ok, timed_out = Human.approve{message = "m", timeout = 60, default = true}\nreturn {ok, timed_out}'
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    clock.set(request.deadline + late)
    with pytest.raises(AlreadyAnswered, match=r"timed out at .* the answer came too late"):
        scene.operator.answer(request.id, Given(approved=False))
    scene.drive(run)
    assert scene.result(run) == [True, True]
    with pytest.raises(AlreadyAnswered, match="timed out"):
        scene.operator.answer(request.id, Given(approved=False))
    agrees(scene.operator)


def test_an_answer_before_the_deadline_counts_though_the_run_hears_of_it_later(make_scene: Any, agrees: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(it='local ok, timed_out = Human.approve{message = "m", timeout = 60}\nreturn {ok, timed_out}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    clock.set(request.deadline - 0.001)
    scene.operator.answer(request.id, Given(approved=True))
    clock.advance(86400)
    scene.drive(run)
    assert scene.result(run) == [True, False]
    agrees(scene.operator)


def test_a_deadline_holds_while_no_process_runs(make_scene: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(
        it=(
            'local ok, timed_out = Human.approve{message = "m", timeout = 60, on_timeout = "retry"}\n'
            "return {ok, timed_out}"
        )
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    first = scene.operator.inbox()[0]
    scene.close()
    clock.advance(7200)
    scene.operator = scene.another()
    with pytest.raises(AlreadyAnswered):
        scene.operator.answer(first.id, Given(approved=True))
    with scene.working():
        second = scene_request(scene, first.id)
    assert second.deadline == clock.now() + 60, "the second limit counts from the second request"
    clock.set(second.deadline)
    scene.drive(run)
    assert scene.result(run) == [False, True]


def scene_request(scene: Any, other: str) -> Any:
    import time

    end = time.monotonic() + 10
    while True:
        found = [row for row in scene.operator.inbox() if row.id != other]
        if found:
            return found[0]
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
def test_answers_given_the_moment_a_request_is_seen_are_never_lost(scene: Any) -> None:
    """The worker is between posting the request and letting go of the run: hammered by threads."""
    scene.write(
        it=(
            "local n = 0\n"
            'for i = 1, 12 do local ok = Human.approve{message = "m" .. i} if ok then n = n + 1 end end\n'
            "return n"
        )
    )
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            for request in scene.operator.inbox():
                with suppress(AlreadyAnswered):
                    scene.operator.answer(request.id, Given(approved=True))

    people = [threading.Thread(target=answer) for _ in range(3)]
    with scene.working():
        for person in people:
            person.start()
        try:
            started = [scene.start("it") for _ in range(8)]
            for run in started:
                scene.wait(run)
        finally:
            stop.set()
            for person in people:
                person.join()
    assert [scene.result(run) for run in started] == [12] * 8


def test_several_people_must_agree_and_one_may_refuse(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": (
                "name: it\n"
                "version: '1'\n"
                "hitl:\n"
                "  go: {type: approval, message: Go?, approvals: 2, not_starter: true}\n"
                "code: |\n"
                "  local ok = Human.approve('go')\n"
                "  return ok\n"
            )
        }
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    with pytest.raises(Refused, match="somebody other than who started"):
        scene.operator.answer(request, Given(approved=True))
    accepted = scene.operator.answer(request, Given(approved=True), by="ann")
    assert (accepted.resolved, accepted.missing) == (False, 1)
    with pytest.raises(Refused, match="ann has answered"):
        scene.operator.answer(request, Given(approved=True), by="ann")
    results = at_once(*[lambda n=n: scene.operator.answer(request, Given(approved=True), by=f"p{n}") for n in range(4)])
    assert sum(isinstance(item, AlreadyAnswered) for item in results) == 3
    scene.finish(run)
    assert scene.result(run) is True


@pytest.mark.parametrize("text", ["caf\udce9", "\ud800", "a\0b", "x" * 70_000, "é\u2028"])
def test_whatever_a_terminal_gives_can_be_an_answer(scene: Any, text: str) -> None:
    scene.write(it='local t = Human.input{message = "m", multiline = true}\nreturn #t')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.answer(scene.operator.inbox()[0].id, Given(text=text), by="b\udce9", audit={"from": "\udcff"})
    scene.finish(run)
    assert scene.result(run) > 0


def test_a_request_of_an_earlier_attempt_cannot_be_answered(scene: Any) -> None:
    scene.write(it='return Human.input{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    scene.operator.reset(run, by="rita")
    with pytest.raises(AlreadyAnswered, match="was withdrawn by rita"):
        scene.operator.answer(request, Given(text="late"))
    scene.finish(run, Given(text="new"))
    assert scene.result(run) == "new"


def test_a_cancelled_run_takes_its_requests_along(scene: Any) -> None:
    scene.write(it='return Human.input{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    scene.operator.cancel(run, by="carl")
    assert scene.operator.inbox() == []
    with pytest.raises(AlreadyAnswered, match="was withdrawn by carl"):
        scene.operator.answer(request, Given(text="late"))
