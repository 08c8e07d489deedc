"""`Stage`: where the run is among its declared stages."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import StageHistoryCleared, StageSet
from proc_tui.core.testing import NOON, play

DECLARED = ["plan", "write", "check"]


@pytest.mark.covers("Stage.current", "success", "replay")
@pytest.mark.covers("Stage.advance", "success", "option name", "replay")
@pytest.mark.covers("Stage.is", "success", "replay")
def test_stages_advance_in_the_declared_order_and_end_with_nil() -> None:
    played = play(
        """
        local seen = {Stage.current() == nil, Stage.is("plan")}
        for _ = 1, 3 do seen[#seen + 1] = Stage.advance() end
        seen[#seen + 1] = Stage.is("check")
        seen[#seen + 1] = Stage.advance() == nil
        seen[#seen + 1] = Stage.advance("plan")
        seen[#seen + 1] = Stage.current()
        return seen
        """,
        stages=DECLARED,
    )
    assert played.result == [True, False, "plan", "write", "check", True, True, "plan", "plan"]
    assert [event.stage for event in played.events(StageSet)] == ["plan", "write", "check", "plan"]
    assert played.run.stage == "plan"
    played.replay()


@pytest.mark.covers("Stage.set", "success", "replay")
@pytest.mark.covers("Stage.history", "success", "replay")
@pytest.mark.covers("Stage.count", "success", "replay")
@pytest.mark.covers("Stage.clear_history", "success", "replay")
def test_history_lists_every_change_until_it_is_cleared() -> None:
    played = play(
        """
        Stage.set("write")
        Sleep(10)
        Stage.set("plan")
        local before, count = Stage.history(), Stage.count()
        Stage.clear_history()
        return {before = before, count = count, after = Stage.count(), current = Stage.current()}
        """,
        stages=DECLARED,
    )
    assert played.result == {
        "before": [
            {"to_stage": "write", "timestamp": NOON},
            {"from_stage": "write", "to_stage": "plan", "timestamp": NOON + 10},
        ],
        "count": 2,
        "after": 0,
        "current": "plan",
    }
    assert len(played.events(StageHistoryCleared)) == 1
    played.replay()


def test_without_a_declared_list_any_name_is_a_stage() -> None:
    played = play('Stage.set("anything") Stage.advance("else") return Stage.current()')
    assert played.result == "else"
    played.replay()


def test_a_stage_is_shown_with_the_run_while_it_waits() -> None:
    played = play('Stage.set("asking") Human.approve{message = "?"}', upto="WAITING_FOR_HUMAN")
    assert played.run.stage == "asking"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            'Stage.set("wrte")',
            'Stage.set: unknown stage "wrte"; did you mean "write"? (stages: plan, write, check)',
            marks=pytest.mark.covers("Stage.set", "error"),
        ),
        ('Stage.set("zzz")', 'Stage.set: unknown stage "zzz" (stages: plan, write, check)'),
        ("Stage.set()", 'Stage.set: "name" is missing (a string)'),
        pytest.param(
            'Stage.advance("chek")',
            'Stage.advance: unknown stage "chek"; did you mean "check"? (stages: plan, write, check)',
            marks=pytest.mark.covers("Stage.advance", "error"),
        ),
        pytest.param(
            "Stage.is()", 'Stage.is: "name" is missing (a string)', marks=pytest.mark.covers("Stage.is", "error")
        ),
        pytest.param(
            "Stage.current(1)",
            "Stage.current takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stage.current", "error"),
        ),
        pytest.param(
            "Stage.history(1)",
            "Stage.history takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stage.history", "error"),
        ),
        pytest.param(
            "Stage.count(1)",
            "Stage.count takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stage.count", "error"),
        ),
        pytest.param(
            "Stage.clear_history(1)",
            "Stage.clear_history takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stage.clear_history", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}", stages=DECLARED)
    assert played.result == [False, f"play.yaml:2: {message}"]
    assert played.events(StageSet) == []
    played.replay()


def test_advancing_without_a_name_needs_a_declared_list() -> None:
    played = play("Stage.advance()")
    assert played.error == ("play.yaml:2: Stage.advance: this procedure declares no stages; name the stage to move to")
    played.replay()
