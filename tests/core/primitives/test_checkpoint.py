"""`Checkpoint`: recorded results by name."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import AttemptBegan, CheckpointsCleared
from proc_tui.core.testing import play


@pytest.mark.covers("Checkpoint.exists", "success", "replay")
@pytest.mark.covers("Checkpoint.get", "success", "replay")
def test_checkpoints_are_those_of_this_point_of_the_code_in_a_replay_too() -> None:
    played = play("""
        local seen = {Checkpoint.exists("a"), Checkpoint.get("a") == nil, Checkpoint.exists("sleep#1")}
        Step.run("a", function() return 1, {2}, nil end)
        seen[4] = Checkpoint.exists("a")
        seen[5] = select("#", Checkpoint.get("a"))
        seen[6] = select(2, Checkpoint.get("a"))
        Sleep(1)
        seen[7] = Checkpoint.exists("sleep#1") and not Checkpoint.exists("sleep#2")
        pcall(Step.run, "bad", function() error("x") end)
        seen[8] = Checkpoint.exists("bad")
        return seen
    """)
    assert played.result == [False, True, False, True, 3, [2], True, False]
    played.replay()


def test_operations_without_a_name_of_their_own_are_numbered_checkpoints() -> None:
    played = play(
        """
        Human.approve{message = "?"}
        Sleep(1) Sleep(1)
        Procedure.run("child")
        File.exists("x")
        Human.input{message = "?"}
        local got = Checkpoint.get
        return {(got("approve#1")), got("run#1"), got("file.exists#1"), (got("input#1")),
                Checkpoint.exists("sleep#2"), Checkpoint.exists("sleep#3")}
        """,
        answers=[True, "text"],
        workspace={"child": "return 5"},
    )
    assert played.result == [True, 5, False, "text", True, False]
    played.replay()


def test_what_get_returns_is_a_copy() -> None:
    played = play("""
        Step.run("a", function() return {1} end)
        Checkpoint.get("a")[2] = "changed"
        return Checkpoint.get("a")
    """)
    assert played.result == [1]


@pytest.mark.covers("Checkpoint.clear_after", "success", "replay")
def test_clear_after_frees_the_names_of_a_checkpoint_and_all_later_ones_at_once() -> None:
    played = play("""
        Step.run("a", function() return "a1" end)
        Step.run("b", function() return "b1" end)
        Sleep(1)
        Checkpoint.clear_after("b")
        local seen = {Checkpoint.exists("a"), Checkpoint.exists("b"), Checkpoint.exists("sleep#1")}
        seen[4] = Step.run("b", function() return "b2" end)
        Sleep(1)
        seen[5] = Checkpoint.exists("sleep#1")
        return seen
    """)
    assert played.result == [True, False, False, "b2", True]
    assert played.events(CheckpointsCleared) == [CheckpointsCleared("b")]
    played.replay()


@pytest.mark.covers("Checkpoint.clear_all", "success", "replay")
def test_clear_all_frees_every_name() -> None:
    played = play("""
        Step.run("a", function() end)
        pcall(Step.run, "b", function() error("x") end)
        Checkpoint.clear_all()
        Step.run("a", function() end)
        Step.run("b", function() end)
        return {Checkpoint.exists("a"), Checkpoint.exists("b")}
    """)
    assert played.result == [True, True]
    played.replay()


@pytest.mark.parametrize(("clear", "calls"), [('Checkpoint.clear_after("second")', 1), ("Checkpoint.clear_all()", 2)])
def test_a_resumed_run_starts_from_what_was_cleared(clear: str, calls: int) -> None:
    played = play(f"""
        Step.run("first", function() File.write("first" .. (File.exists("first") and "2" or ""), "x") end)
        Step.run("second", function() end)
        if not File.exists("fixed") then {clear} error("not fixed") end
        return "done"
    """)
    assert played.error == "play.yaml:4: not fixed"
    played.replay()
    (played.folder / "fixed").write_text("x")
    played.operator.resume(played.run)
    played.go_on()
    assert played.result == "done"
    assert played.events(AttemptBegan)[-1].why == "resume"
    assert [(played.folder / name).exists() for name in ("first", "first2")] == [True, calls == 2]
    assert [entry.name for entry in played.fold.checkpoints.entries if entry.level == 0][:2] == ["first", "second"]
    played.replay()


def test_a_suspension_does_not_start_again_from_what_was_cleared() -> None:
    played = play(
        """
        Step.run("a", function() return State.increment("n") end)
        Checkpoint.clear_all()
        Human.approve{message = "?"}
        return State.get("n")
        """,
        upto="WAITING_FOR_HUMAN",
    )
    played.replay()
    assert played.go_on(answers=[True]).result == 1
    played.replay()


def test_clearing_inside_an_open_step_leaves_the_step_open() -> None:
    played = play("""
        local n = Step.run("outer", function()
          Step.run("inner", function() end)
          Checkpoint.clear_all()
          Step.run("inner", function() end)
          Sleep(1)
          return 1
        end)
        Sleep(1)
        return {n, Checkpoint.exists("outer"), Checkpoint.exists("inner")}
    """)
    assert played.result == [1, True, True]
    played.replay()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "Checkpoint.exists()",
            'Checkpoint.exists: "name" is missing (a string)',
            marks=pytest.mark.covers("Checkpoint.exists", "error"),
        ),
        pytest.param(
            "Checkpoint.get({})",
            'Checkpoint.get: "name" must be a string, got a table',
            marks=pytest.mark.covers("Checkpoint.get", "error"),
        ),
        pytest.param(
            'Checkpoint.clear_after("fetsh")',
            'Checkpoint.clear_after: there is no checkpoint "fetsh"; did you mean "fetch"?',
            marks=pytest.mark.covers("Checkpoint.clear_after", "error"),
        ),
        pytest.param(
            "Checkpoint.clear_all(1)",
            "Checkpoint.clear_all takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Checkpoint.clear_all", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"""
        Step.run("fetch", function() end)
        return {{pcall(function() {call} end)}}
    """)
    assert played.result == [False, f"play.yaml:3: {message}"]
    assert played.events(CheckpointsCleared) == []
    played.replay()
