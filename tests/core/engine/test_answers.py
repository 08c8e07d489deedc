"""Answers of people: each request is answered once, in time, by whoever may."""

from __future__ import annotations

import asyncio
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
from proc_tui.core.testing import Crash, FakeClock, die_at, play


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


# ---- answers that can be undone

APPROVE = """
local ok, timed_out = Human.approve{message = "m", timeout = 60, default = true}
return {ok, timed_out}
"""
TWO = """
name: it
version: '1'
hitl:
  go: {type: approval, message: Go?, approvals: 2, not_starter: true, timeout: 60}
code: |
  return (Human.approve('go'))
"""


@pytest.fixture
def waiting(make_scene: Any) -> Any:
    """A scene on a clock moved by hand, with a run that waits: scene, clock, run, request."""
    clock = FakeClock()
    scene = make_scene(clock=clock)

    def wait(**procedures: str) -> tuple[Any, FakeClock, Any, Any]:
        scene.write(**(procedures or {"it": APPROVE}))
        run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
        return scene, clock, run, scene.operator.inbox()[0]

    return wait


def test_an_answer_takes_effect_at_its_moment_and_not_before(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    accepted = scene.operator.answer(request.id, Given(approved=False), by="ann", effective_in=2.0)
    assert (accepted.resolved, accepted.effective_at) == (True, clock.now() + 2.0)
    assert scene.operator.run(run.id).wake_at == clock.now() + 2.0
    deciding = scene.operator.deciding(request.id)
    assert (deciding.answer.by, deciding.answer.answer, deciding.missing) == ("ann", {"approved": False}, 0)
    assert deciding.until == clock.now() + 2.0
    assert [row.decided_by for row in scene.operator.inbox()] == ["ann"], "it is shown until then"
    clock.advance(1.999)
    asyncio.run(scene.operator.worker().run(once=True))
    assert scene.operator.request(request.id).status is RequestStatus.PENDING
    clock.advance(0.001)
    assert scene.operator.inbox() == [], "nobody is waited for, though no worker has seen it"
    assert scene.operator.deciding(request.id) is None
    with pytest.raises(AlreadyAnswered, match="was answered by ann at"):
        scene.operator.answer(request.id, Given(approved=True), by="bob")
    assert not scene.operator.undo(request.id, by="ann")
    scene.drive(run)
    assert scene.result(run) == [False, False]
    row = scene.operator.request(request.id)
    assert (row.status, row.resolved_by, row.resolved_at) == (RequestStatus.ANSWERED, "ann", accepted.effective_at)
    agrees(scene.operator)


def test_what_is_being_decided_takes_no_other_answer_and_says_whose(waiting: Any) -> None:
    scene, clock, _, request = waiting()
    scene.operator.answer(request.id, Given(approved=True), by="ann", effective_in=2.0)
    with pytest.raises(AlreadyAnswered, match=r"is being decided by ann, whose answer takes effect at .* UTC"):
        scene.operator.answer(request.id, Given(approved=False), by="bob")
    with pytest.raises(Refused, match="is being decided by ann, who alone can undo that"):
        scene.operator.undo(request.id, by="bob")
    assert scene.operator.undo(request.id, by="ann")
    assert not scene.operator.undo(request.id, by="ann"), "once"
    scene.operator.answer(request.id, Given(approved=False), by="bob")
    assert scene.operator.request(request.id).resolved_by == "bob"
    assert clock.now() == request.created_at


def test_an_undone_answer_stays_in_the_record(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    first = scene.operator.answer(request.id, Given(approved=False), by="ann", effective_in=2.0)
    clock.advance(1.0)
    assert scene.operator.undo(request.id, by="ann", answer=first.answer)
    assert scene.operator.run(run.id).wake_at == request.deadline
    second = scene.operator.answer(request.id, Given(approved=True), by="ann", effective_in=2.0)
    assert not scene.operator.undo(request.id, by="ann", answer=first.answer), "that one is undone already"
    clock.set(second.effective_at)
    scene.drive(run)
    assert scene.result(run) == [True, False]
    undone, counting = scene.operator.answers(request.id)
    assert (undone.undone_by, undone.undone_at) == ("ann", clock.now() - 2.0)
    assert (counting.undone_at, counting.effective_at) == (None, clock.now())
    (responded,) = [r.event for r in scene.operator.records(scene.operator.run(run.id)) if r.event.kind == "responded"]
    assert responded.answer == {"approved": True}
    assert [(item["by"], item["answer"]) for item in responded.audit["undone"]] == [("ann", {"approved": False})]
    agrees(scene.operator)


def test_the_moment_of_the_key_counts_against_the_deadline(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    clock.set(request.deadline - 0.5)
    scene.operator.answer(request.id, Given(approved=False), by="ann", effective_in=2.0)
    clock.set(request.deadline + 0.5)
    scene.execute("UPDATE runs SET wake_at=0 WHERE id=?", run.id)
    asyncio.run(scene.operator.worker().run(once=True))
    row = scene.operator.run(run.id)
    assert (row.status, row.wake_at) == (RunStatus.WAITING_FOR_HUMAN, request.deadline + 1.5), "it looked too early"
    clock.advance(1.0)
    scene.drive(run)
    assert scene.result(run) == [False, False]
    agrees(scene.operator)


def test_an_answer_that_is_undone_after_the_deadline_leaves_the_timeout(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    clock.set(request.deadline - 0.5)
    scene.operator.answer(request.id, Given(approved=False), by="ann", effective_in=2.0)
    clock.advance(1.0)
    assert scene.operator.undo(request.id, by="ann")
    with pytest.raises(AlreadyAnswered, match="came too late"):
        scene.operator.answer(request.id, Given(approved=False), by="ann")
    scene.drive(run)
    assert scene.result(run) == [True, True]
    assert scene.operator.request(request.id).status is RequestStatus.TIMED_OUT
    agrees(scene.operator)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_neither_loses_an_answer_nor_holds_it_back(waiting: Any, jump: float) -> None:
    scene, clock, run, request = waiting(it='return (Human.approve{message = "m"})')
    scene.operator.answer(request.id, Given(approved=True), by="ann", effective_in=2.0)
    clock.advance(jump)
    assert not scene.operator.undo(request.id, by="ann")
    scene.drive(run)
    assert scene.result(run) is True


def test_an_answer_takes_effect_though_the_program_that_took_it_is_gone(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    other = scene.another(user="ann")
    other.answer(request.id, Given(approved=False), effective_in=2.0)
    other.close()
    clock.advance(86400)
    scene.drive(run)
    assert scene.result(run) == [False, False]
    agrees(scene.operator)


@pytest.mark.parametrize("point", ["write:begin", "write:worked", "write:committed"])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_crash_around_the_effect_neither_loses_the_answer_nor_takes_it_twice(
    tmp_path: Any, point: str, nth: int
) -> None:
    clock = FakeClock()
    played = play(APPROVE, folder=tmp_path, clock=clock, upto="WAITING_FOR_HUMAN")
    request = played.operator.inbox()[0].id
    played.operator.answer(request, Given(approved=False), by="ann", effective_in=2.0)
    clock.advance(2.0)
    played.operator.close()
    with suppress(Crash):
        play(APPROVE, folder=tmp_path, clock=clock, fault=die_at(point, nth))
    again = play(APPROVE, folder=tmp_path, clock=clock)
    assert again.result == [False, False]
    assert [event.by for event in again.events(Responded)] == ["ann"]
    again.replay()


def test_undo_and_effect_exclude_each_other(scene: Any) -> None:
    """Hammered on the real clock: whatever `undo` says is what became of the run."""
    scene.write(it='return (Human.input{message = "m"})')
    with scene.working():
        for n in range(12):
            run = scene.wait(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
            request = scene.operator.inbox(run=run.id)[0].id
            accepted = scene.operator.answer(request, Given(text="first"), by="ann", effective_in=0.03)
            while scene.operator.now() < accepted.effective_at - 0.002 + n * 0.0004:
                pass
            undone = scene.operator.undo(request, by="ann")
            if undone:
                scene.operator.answer(request, Given(text="second"), by="ann")
            scene.wait(run)
            assert scene.result(run) == ("second" if undone else "first")


@pytest.mark.kill
def test_another_process_honours_the_moment_of_effect(scene: Any, program: Any, until: Any) -> None:
    scene.write(it='return (Human.approve{message = "m"})')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    program("work")
    accepted = scene.operator.answer(request, Given(approved=True), by="ann", effective_in=0.3)
    scene.wait(run)
    ended = scene.operator.run(run.id)
    assert ended.ended_at >= accepted.effective_at
    assert scene.result(run) is True


def test_of_two_people_who_agree_each_may_undo_in_time(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting(**{"it.yaml": TWO})
    name = request.id
    with pytest.raises(Refused, match="somebody other than who started"):
        scene.operator.answer(name, Given(approved=True), effective_in=2.0)
    accepted = scene.operator.answer(name, Given(approved=True), by="ann", effective_in=2.0)
    assert (accepted.resolved, accepted.missing) == (False, 1)
    assert scene.operator.run(run.id).wake_at == request.deadline, "the first answer decides nothing"
    with pytest.raises(AlreadyAnswered, match="is being decided by ann"):
        scene.operator.answer(name, Given(approved=True), by="bob")
    assert scene.operator.undo(name, by="ann")
    accepted = scene.operator.answer(name, Given(approved=True), by="ann", effective_in=2.0)
    assert accepted.missing == 1, "what is undone does not count"
    clock.advance(2.0)
    assert not scene.operator.undo(name, by="ann")
    with pytest.raises(Refused, match="ann has answered"):
        scene.operator.answer(name, Given(approved=True), by="ann")
    scene.operator.answer(name, Given(approved=True), by="bob", effective_in=2.0)
    assert scene.operator.deciding(name).missing == 0
    clock.advance(2.0)
    scene.drive(run)
    assert scene.result(run) is True
    assert scene.operator.request(name).resolved_by == "ann, bob"
    agrees(scene.operator)


def test_the_first_of_two_answers_does_not_hold_up_the_deadline(waiting: Any) -> None:
    scene, clock, run, request = waiting(**{"it.yaml": TWO})
    clock.set(request.deadline - 1.0)
    scene.operator.answer(request.id, Given(approved=True), by="ann", effective_in=2.0)
    clock.set(request.deadline)
    scene.drive(run)
    assert scene.result(run) is False
    assert not scene.operator.undo(request.id, by="ann")


def test_a_run_that_goes_back_takes_what_was_being_decided_along(waiting: Any, agrees: Any) -> None:
    scene, clock, run, request = waiting()
    scene.operator.answer(request.id, Given(approved=False), by="ann", effective_in=2.0)
    scene.operator.reset(run, by="rita")
    assert not scene.operator.undo(request.id, by="ann")
    clock.advance(2.0)
    with scene.working():
        again = scene_request(scene, request.id)
    assert again.status is RequestStatus.PENDING
    assert scene.operator.request(request.id).status is RequestStatus.CANCELLED
    agrees(scene.operator)


def test_an_answer_says_how_it_came_to_be(waiting: Any) -> None:
    scene, clock, run, request = waiting(it='return Human.review{message = "m", artifact = "text"}')
    shown_at = clock.now()
    clock.advance(5.0)
    given = Given(decision="Approve", artifact="text!", digest=request.digest, attempt=1, shown_at=shown_at)
    scene.operator.answer(request.id, given, by="ann", via="interface", effective_in=2.0)
    clock.advance(2.0)
    scene.drive(run)
    (responded,) = [r.event for r in scene.operator.records(scene.operator.run(run.id)) if r.event.kind == "responded"]
    trail = responded.audit
    assert (trail["name"], trail["via"]) == ("ann", "interface")
    assert {"user", "host", "version"} <= set(trail)
    assert (trail["shown_at"], trail["pressed_at"], trail["effective_at"]) == (shown_at, clock.now() - 2, clock.now())
    assert trail["digest_shown"] == request.digest != trail["digest_returned"]
    assert responded.answered_at == clock.now() - 2


def test_an_answer_from_a_screen_says_what_was_on_it(waiting: Any) -> None:
    scene, _, _, request = waiting()
    for given in (Given(approved=True), Given(approved=True, digest=request.digest), Given(approved=True, attempt=1)):
        with pytest.raises(Refused, match="must say what was shown"):
            scene.operator.answer(request.id, given, via="interface")
    for seconds in (-1.0, 61.0, float("nan")):
        with pytest.raises(Refused, match="within 60 seconds"):
            scene.operator.answer(request.id, Given(approved=True), effective_in=seconds)
