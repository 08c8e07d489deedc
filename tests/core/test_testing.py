"""The harness that tests of procedures use: what a play does, and that it notices what it is there to notice."""

from __future__ import annotations

import gc
import sqlite3
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest
from proc_tui.core.engine.answers import Given
from proc_tui.core.errors import DocumentError, NotFound, ParameterError, Refused
from proc_tui.core.journal.events import Logged, StateSet
from proc_tui.core.journal.folds import RunFold
from proc_tui.core.testing import (
    NOON,
    Answer,
    Crash,
    FakeClock,
    Person,
    complete,
    die_at,
    fold_image,
    images,
    play,
    stage,
)

if TYPE_CHECKING:
    from pathlib import Path

    from proc_tui.core.journal.requests import PendingRequest


def test_the_clock_moves_only_when_it_is_told_to() -> None:
    clock = FakeClock()
    assert (clock.now(), clock.now()) == (NOON, NOON)
    clock.advance(1.5)
    assert clock.now() == NOON + 1.5
    clock.set(7.0)
    assert clock.now() == 7.0


def test_a_play_reads_from_top_to_bottom() -> None:
    played = play(
        """
        Log.info("hello " .. params.who)
        local ok, late = Human.approve{message = "Ship it?", timeout = 3600}
        State.set("shipped", ok)
        Sleep(60)
        return {ok = ok, at = os.time()}
        """,
        params={"who": "world"},
        answers=[True],
    )
    assert played.status == "COMPLETED"
    assert played.result == {"ok": True, "at": NOON + 60}
    assert played.log == ["hello world"]
    assert [request.message for request in played.asked] == ["Ship it?"]
    assert played.events(StateSet) == [StateSet("shipped", True)]
    assert played.fold.state.values == {"shipped": True}
    assert played.kinds[0] == "run.started"
    assert "ended approve#1" in played.kinds
    played.replay()


def test_time_jumps_only_when_nothing_else_can_happen() -> None:
    played = play(
        """
        local h = Procedure.spawn("napper")
        local ok = Human.approve{message = "first", timeout = 50}
        return {ok, os.time(), Procedure.wait(h), os.time()}
        """,
        workspace={"napper": "Sleep(10) return os.time()"},
        answers=[True],
    )
    assert played.result == [True, NOON, NOON + 10, NOON + 10]


def test_a_request_that_nobody_answers_times_out() -> None:
    code = 'return {Human.approve{message = "a", timeout = 5}, Human.approve{message = "b", timeout = 5}}'
    assert play(code, answers=[None, True]).result == [False, True, False]
    assert play(code).result == [False, False, True]


def test_a_request_without_a_deadline_that_nobody_answers_ends_the_play() -> None:
    played = play('return Human.input{message = "?"}')
    assert played.status == "WAITING_FOR_HUMAN"
    assert repr(played) == "<play WAITING_FOR_HUMAN; waits for input '?'>"
    with pytest.raises(AssertionError, match="did not complete: <play WAITING_FOR_HUMAN"):
        _ = played.result
    assert played.go_on(answers=["x"]).result == "x"
    with pytest.raises(AssertionError, match="did not fail"):
        _ = played.error


@pytest.mark.parametrize(
    ("call", "answer", "result"),
    [
        ("approve", True, True),
        ("approve", False, False),
        ("approve", Given(approved=True), True),
        ("approve", {"approved": True, "by": "ann", "feedback": "fine"}, True),
        ("input", "text", "text"),
        ("review", "Reject", {"decision": "Reject", "responded_at": NOON}),
        ("review", True, {"decision": "Approve", "responded_at": NOON}),
        (
            "review",
            {"decision": "approve", "artifact": {"a": [1]}},
            {"decision": "Approve", "edited_artifact": {"a": [1]}, "responded_at": NOON},
        ),
        ("escalate", "done", {"note": "done", "responded_at": NOON}),
    ],
)
def test_answers_have_short_forms(call: str, answer: Answer, result: object) -> None:
    assert play(f'local value = Human.{call}{{message = "?"}} return value', answers=[answer]).result == result


def test_a_script_may_be_a_function_of_the_request() -> None:
    seen: list[str] = []

    def person(request: PendingRequest) -> bool | str:
        seen.append(request.message)
        return True if request.type == "approval" else "text"

    code = 'Human.approve{message = "a"} Human.input{message = "b"} return 1'
    assert play(code, answers=person).result == 1
    assert seen == ["a", "b"]


def test_answers_that_nobody_asked_for_are_an_error() -> None:
    with pytest.raises(AssertionError, match="2 answers were not asked for; <play COMPLETED>"):
        play('Human.approve{message = "?"}', answers=[True, True, "more"])


def test_an_answer_that_is_refused_is_raised() -> None:
    with pytest.raises(Refused, match="wants a text"):
        play('Human.input{message = "?"}', answers=[True])


def test_a_person_remembers_what_was_shown() -> None:
    person = Person([True])
    play('Human.approve{message = "?"}', answers=person)
    assert [request.message for request in person.asked] == ["?"]
    assert person.unused == 0


def test_a_play_stops_at_a_status_and_goes_on_in_a_new_worker() -> None:
    played = play("Sleep(10) Sleep(20) return os.time()", upto="SLEEPING")
    assert (played.status, played.clock.now()) == ("SLEEPING", NOON)
    played.clock.advance(10)
    played.go_on(upto="SLEEPING")
    assert played.run.wake_at == NOON + 30
    assert played.go_on().result == NOON + 30


def test_a_run_that_failed_to_start_is_raised(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        play("return +")
    with pytest.raises(ParameterError):
        play("params: {n: {type: integer, required: true}}\ncode: return 1\n")
    with pytest.raises(DocumentError):
        play("codes: return 1\ncode: return 1\n", folder=tmp_path)


def test_documents_are_completed_without_moving_a_line() -> None:
    assert complete("return 1", "it") == 'code: |\n  return 1\nname: it\nversion: "1"\n'
    assert (
        complete("\n    stages: [a]\n    code: return 1\n", "it")
        == 'stages: [a]\ncode: return 1\nname: it\nversion: "1"\n'
    )
    whole = 'name: mine\nversion: "2"\nworkflow: return 1\n'
    assert complete(whole, "it") == whole
    assert play('error("here")').error == "play.yaml:2: here"
    assert play("return params.n", params={"n": 1.5}, stages=["a"], outputs={}).result == 1.5


def test_a_workspace_holds_procedures_and_files() -> None:
    played = play(
        'return {Procedure.run("lua"), Procedure.run("yaml"), File.read("data/x.txt"), (require("l"))}',
        workspace={
            "lua": "return 1",
            "yaml": "stages: [a]\ncode: return 2\n",
            "data/x.txt": b"x\n",
            "lib/l.lua": "return 3",
        },
    )
    assert played.result == [1, 2, "x\n", 3]
    assert [child.run.procedure for child in played.children] == ["lua", "yaml"]
    assert played.child("yaml").result == 2
    with pytest.raises(AssertionError, match="no child runs zzz"):
        played.child("zzz")


def test_the_folder_of_a_play_is_removed_with_it() -> None:
    played = play("return 1")
    folder = played.folder
    assert folder.exists()
    del played
    gc.collect()
    assert not folder.exists()


def test_a_folder_that_is_given_stays(tmp_path: Path) -> None:
    played = play("return 1", folder=tmp_path)
    del played
    gc.collect()
    assert (tmp_path / "play.yaml").exists()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["write:begin", "write:worked", "write:committed", "claim"])
def test_a_process_dies_at_a_point_and_another_one_goes_on(point: str, tmp_path: Path) -> None:
    code = """
        Step.run("a", function() State.increment("n") end)
        Sleep(5)
        local ok = Human.approve{message = "?"}
        return {ok, State.get("n"), Procedure.run("child")}
    """
    alone = play(code, workspace={"child": "return 3"}, answers=[True])
    clock, deaths = FakeClock(), list[str]()
    for nth in range(1, 40):
        fault = die_at(point, nth)
        try:
            play(
                code, workspace={"child": "return 3"}, folder=tmp_path, clock=clock, answers=lambda _: True, fault=fault
            )
        except Crash as crash:
            deaths.append(str(crash))
        if not fault.dead:
            break
    assert deaths == [f"{point} {nth}" for nth in range(1, nth)]
    assert len(deaths) > (0 if point == "claim" else 2)
    played = play(code, workspace={"child": "return 3"}, folder=tmp_path, clock=clock)
    assert played.result == alone.result == [True, 1, 3]
    assert len(played.asked) == 1
    played.replay()


def test_once_dead_every_point_raises_and_a_death_of_nothing_only_counts() -> None:
    death = die_at("claim", 2)
    death("claim")
    death("write:begin")
    for point in ("claim", "claim", "write:begin"):
        with pytest.raises(Crash):
            death(point)
    counter = die_at("write:committed", 0)
    assert play("Sleep(1) return 1", fault=counter).result == 1
    assert counter.seen > 2


def tamper(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / ".proc-tui/runs.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_replay_notices_a_record_that_the_code_does_not_ask_for() -> None:
    played = play('State.set("a", 1) Sleep(1) return 1').replay()
    tamper(played.folder, """UPDATE events SET data=replace(data, '1', '2') WHERE kind='state.set'""")
    with pytest.raises(AssertionError, match=r"of . records diverges"):
        played.replay()


@pytest.mark.parametrize(("text", "says"), [("error(7)", "fails: play.yaml:2: 7|diverges"), ("Sleep(2)", "diverges")])
def test_replay_notices_a_text_that_does_something_else(text: str, says: str, tmp_path: Path) -> None:
    code = "Sleep(1) local last = 3"
    play(code, folder=tmp_path).replay()
    tamper(tmp_path, f"UPDATE sources SET text=replace(text, 'Sleep(1)', '{text}')")
    with pytest.raises(AssertionError, match=says):
        play(code, folder=tmp_path).replay()


def test_folds_are_compared_in_all_their_parts() -> None:
    played = play('State.set("a", 1) Stage.set("s") Session.append("user", "x") GraphNode.create("n") Sleep(1)')
    records = played.records
    whole = fold_image(RunFold(records))
    assert whole == fold_image(RunFold(records)) == fold_image(played.fold)
    assert isinstance(whole, dict)
    for length in range(1, len(records) - 1):
        assert fold_image(RunFold(records[:length])) != whole
    assert set(whole) >= {"state", "messages", "stages", "graph", "checkpoints", "requests"}


def test_a_fold_that_differs_is_shown_with_both_sides() -> None:
    played = play('State.set("a", 1)')
    changed = RunFold(played.records)
    changed.state.values["a"] = 2
    with pytest.raises(AssertionError, match=r'state: \[\["a",2\]\]\n  expected: \[\["a",1\]\]'):
        images.compare(changed, played.fold, "this")


def test_a_play_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PATIENCE", 0.2)
    with pytest.raises(AssertionError, match=r"no end within 0\.2 s"):
        play("while true do Sleep(1) end")


def test_a_played_run_can_be_given_to_the_operator() -> None:
    played = play('Log.info("x") error("no")')
    assert played.operator.run(played.run.id).status == "FAILED"
    assert [record.event for record in played.operator.log(played.run)] == [Logged("info", "x")]
    assert msgspec.to_builtins(played.run)["procedure"] == "play"
    with pytest.raises(NotFound):
        played.operator.run("nothing")


@pytest.mark.parametrize(
    "code",
    [
        'State.set("t", {1}) return State.all()',
        'Step.run("s", function() return {1} end) error({2})',
        'Sleep(1) State.set("a", {f = print})',
        "Procedure.run('nowhere', {a = {1}})",
    ],
)
def test_no_object_of_lua_outlives_its_run_in_a_cycle(code: str) -> None:
    """Such a cycle is collected in whatever thread, which is the end of the process."""
    # A thread of an earlier test may let go of its own meanwhile; what this code leaves is there each time.
    assert set[str].intersection(*(_left_in_cycles(code) for _ in range(3))) == set()


def _left_in_cycles(code: str) -> set[str]:
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        play(code).replay()
        gc.collect()
        return {type(item).__name__ for item in gc.garbage if type(item).__module__.startswith("lupa")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def test_plays_leave_no_threads_behind() -> None:
    before = threading.active_count()
    for _ in range(3):
        play("Sleep(1) return 1")
    gc.collect()
    assert threading.active_count() <= before + 2
