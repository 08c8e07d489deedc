"""`Stop`, `Tool` and `Iterations`."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import StateSet, StopRequested, ToolForgotten
from proc_tui.core.testing import play

LOOK = "{Stop.requested(), Stop.reason() or 'nobody', tostring(Stop.success())}"


@pytest.mark.covers("Stop.requested", "success", "replay")
@pytest.mark.covers("Stop.reason", "success", "replay")
@pytest.mark.covers("Stop.success", "success", "replay")
def test_a_stop_is_seen_at_the_next_operation_or_effect_and_not_before() -> None:
    played = play(
        f"""
        local before = {LOOK}
        Sleep(10)
        local still = {LOOK}
        State.set("a", 1)
        local after = {LOOK}
        Sleep(1)
        return {{before, still, after}}
        """,
        upto="SLEEPING",
    )
    played.operator.stop(played.run, "enough", by="ann")
    played.go_on()
    nothing = [False, "nobody", "nil"]
    assert played.result == [nothing, nothing, [True, "enough", "false"]]
    assert played.events(StopRequested) == [StopRequested("enough", False, "ann")]
    kinds = [record.event.kind for record in played.records]
    assert kinds[kinds.index(StopRequested.kind) + 1] == StateSet.kind
    played.replay()


def test_a_stop_interrupts_no_wait() -> None:
    played = play('Human.approve{message = "?"} return Stop.requested()', upto="WAITING_FOR_HUMAN")
    played.operator.stop(played.run)
    played.go_on()
    assert played.status == "WAITING_FOR_HUMAN"
    played.go_on(answers=[True])
    assert played.result is False, "it is delivered at an operation or effect, and after the answer there was none"


def test_a_stop_without_a_reason_says_that_a_person_asked() -> None:
    played = play("Sleep(1) Sleep(1) return Stop.reason()", upto="SLEEPING")
    played.operator.stop(played.run)
    assert played.go_on().result == "asked by a person"


@pytest.mark.covers("Tool.called", "success", "option options", "replay")
@pytest.mark.covers("Tool.last_result", "success", "option options", "replay")
@pytest.mark.covers("Tool.last_call", "success", "option options", "replay")
@pytest.mark.covers("Tool.clear", "success", "replay")
@pytest.mark.covers("Iterations.current", "success", "replay")
@pytest.mark.covers("Iterations.exceeded", "success", "replay")
def test_without_agents_no_tool_was_called_and_no_turn_taken() -> None:
    played = play("""
        Tool.clear("search")
        return {
          called = Tool.called("search"), result = Tool.last_result("search") == nil,
          call = Tool.last_call("search") == nil,
          by = Tool.called("search", {agent = "critic"}), by_result = Tool.last_result("search", {agent = "a"}) == nil,
          by_call = Tool.last_call("search", {agent = "a"}) == nil,
          turns = Iterations.current(), none = Iterations.exceeded(0), one = Iterations.exceeded(1),
        }
    """)
    assert played.result == {
        "called": False,
        "result": True,
        "call": True,
        "by": False,
        "by_result": True,
        "by_call": True,
        "turns": 0,
        "none": True,
        "one": False,
    }
    assert played.events(ToolForgotten) == [ToolForgotten("search")]
    played.replay()


UNKNOWN = 'unknown option "agnt"; did you mean "agent"? (options: agent)'
WRONG = "must be a string, got a number (3)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "Stop.requested(1)",
            "Stop.requested takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stop.requested", "error"),
        ),
        pytest.param(
            "Stop.reason(1)",
            "Stop.reason takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stop.reason", "error"),
        ),
        pytest.param(
            "Stop.success(1)",
            "Stop.success takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Stop.success", "error"),
        ),
        pytest.param(
            'Tool.called("t", {agnt = "x"})',
            f"Tool.called: {UNKNOWN}",
            marks=pytest.mark.covers("Tool.called", "error"),
        ),
        pytest.param(
            'Tool.last_result("t", {agnt = "x"})',
            f"Tool.last_result: {UNKNOWN}",
            marks=pytest.mark.covers("Tool.last_result", "error"),
        ),
        pytest.param(
            'Tool.last_call("t", {agnt = "x"})',
            f"Tool.last_call: {UNKNOWN}",
            marks=pytest.mark.covers("Tool.last_call", "error"),
        ),
        ('Tool.last_call("t", {agent = 3})', f'Tool.last_call: "agent" {WRONG}'),
        (
            'Tool.called("t", "critic")',
            'Tool.called: "options" must be a table with string keys, got a string ("critic")',
        ),
        ("Tool.called()", 'Tool.called: "name" is missing (a string)'),
        pytest.param(
            "Tool.clear()", 'Tool.clear: "name" is missing (a string)', marks=pytest.mark.covers("Tool.clear", "error")
        ),
        pytest.param(
            "Iterations.current(1)",
            "Iterations.current takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Iterations.current", "error"),
        ),
        pytest.param(
            "Iterations.exceeded(1.5)",
            'Iterations.exceeded: "n" must be an integer, got a number (1.5)',
            marks=pytest.mark.covers("Iterations.exceeded", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}")
    assert played.result == [False, f"play.yaml:2: {message}"]
    played.replay()
