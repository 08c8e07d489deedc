"""What a run would do next after each answer, found out without doing anything."""

from __future__ import annotations

from typing import Any

import pytest
from proc_tui.core.engine import preview
from proc_tui.core.testing import FakeClock, play


def told(lua: str, upto: str = "WAITING_FOR_HUMAN", **options: Any) -> dict[str, str]:
    """What is said of each answer to the request that the code comes to."""
    played = play(lua, upto=upto, **options)
    before = len(played.records), played.operator.newest_event(), played.run.epoch
    found = played.operator.preview(played.operator.inbox()[0].id)
    assert (len(played.records), played.operator.newest_event(), played.run.epoch) == before
    return {item.label: item.text for item in found}


def test_each_answer_says_which_operation_comes_next() -> None:
    found = told(
        """
        local ok = Human.approve{message = "Ship?", timeout = 60, default = true}
        State.set("ok", ok)
        Stage.set("after")
        Log.info("on it goes")
        if ok then
          File.write("out.txt", "x")
        end
        Step.run("clean up", function() return State.get("ok") end)
        """,
        stages=["after"],
    )
    assert found == {
        "Approve": 'line 7 File.write("out.txt", "x")',
        "Reject": 'line 9 Step.run "clean up"',
        "timeout": 'line 7 File.write("out.txt", "x")',
    }


def test_the_end_of_a_run_is_told_with_its_result_or_its_error() -> None:
    found = told('local ok = Human.approve{message = "m"} if ok then return {n = 1, s = "x"} end error("not so", 0)')
    assert found == {"Approve": 'ends with {n=1, s="x"}', "Reject": "fails: not so"}


def test_each_decision_of_a_review_is_told_and_the_next_question() -> None:
    found = told(
        """
        local review = Human.review{message = "m", artifact = "a", options = {"approve", "revise", "reject"}}
        if review.decision == "Revise" then Human.input{message = "What is wrong?"} end
        if review.decision == "Approve" then Sleep(60) end
        """
    )
    assert found == {"Approve": "line 4 Sleep(60)", "Revise": 'line 3 asks input "What is wrong?"', "Reject": "ends"}


def test_a_question_asked_once_more_and_a_restart_are_told() -> None:
    found = told('local t = Human.input{message = "m", timeout = 9, on_timeout = "retry"}\nProcedure.restart()')
    assert found["timeout"] == 'line 2 asks input "m"'
    assert found["answer"].startswith("line 3 ")


def test_what_waits_inside_a_step_is_told_too() -> None:
    found = told(
        """
        Step.run("one", function()
          local ok = Human.approve{message = "m"}
          if not ok then error("no", 0) end
        end)
        Step.run("two", function() end)
        """
    )
    assert found == {"Approve": 'line 6 Step.run "two"', "Reject": "fails: no"}


def test_calls_of_tools_and_turns_of_agents_are_told() -> None:
    played = play(
        """
        agents:
          worker: {system_prompt: You work.}
        code: |
          local ok = Human.approve{message = "m"}
          if ok then Tools.deploy{target = "production"} end
          Worker.turn()
        """,
        upto="WAITING_FOR_HUMAN",
        replies={"worker": ["done"]},
    )
    found = {item.label: item.text for item in played.operator.preview(played.operator.inbox()[0].id)}
    assert found["Approve"] == 'line 5 Tools.deploy{target="production"}'
    assert found["Reject"].startswith("line 6 Worker.turn")


@pytest.mark.slow
def test_what_computes_for_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.3)
    found = told('local ok = Human.approve{message = "m"}\nwhile true do end')
    assert set(found.values()) == {"it took longer than 0.3 s to work out"}
    monkeypatch.setattr(preview, "INSTRUCTIONS", 10_000)
    found = told('local ok = Human.approve{message = "m"}\nwhile true do end')
    assert all(text.startswith("it computes for too long to tell") for text in found.values())


def test_a_run_that_cannot_be_replayed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    played = play('Step.run("a", function() end) Human.approve{message = "m"}', upto="WAITING_FOR_HUMAN")
    request = played.operator.inbox()[0].id
    played.operator._database.write(lambda c: c.execute("UPDATE events SET data=replace(data, '\"a\"', '\"b\"')"))
    assert "cannot be replayed" in played.operator.preview(request)[0].text
    monkeypatch.setattr(preview, "MOST_EVENTS", 2)
    assert "take too long to replay" in played.operator.preview(request)[0].text
    played.operator._database.write(lambda c: c.execute("UPDATE sources SET text='{'"))
    monkeypatch.undo()
    assert played.operator.preview(request)[0].kind == "unknown"


def test_a_settled_request_has_no_preview() -> None:
    clock = FakeClock()
    played = play('Human.approve{message = "m"}', upto="WAITING_FOR_HUMAN", clock=clock)
    request = played.operator.inbox()[0].id
    played.go_on(answers=[True])
    assert played.operator.preview(request) == []
