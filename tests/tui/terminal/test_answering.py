"""Answering as a person does it: keys are pressed in a terminal, the screen is read, and then the journal."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Screen, Shop

pytestmark = pytest.mark.kill

APPROVAL = """
local ok, timed_out = Human.approve{message = "Go on?", timeout = 3600}
return {ok = ok, timed_out = timed_out}
"""
ROUNDS = """
local text = "first version\\nof the text"
for round = 1, 4 do
  local review = Human.review{
    message = "Round " .. round .. ": good?", artifact = text, options = {"Approve", "Revise", "Reject"},
  }
  text = review.edited_artifact or text
  if review.decision ~= "Revise" then
    return {decision = review.decision, rounds = round, text = text}
  end
  text = "version " .. round + 1 .. ": " .. review.feedback
end
"""
CITY = """
return {city = Human.input{message = "Which city?"}}
"""


def test_an_approval_is_undone_given_and_done(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("r")
    screen.until("rejecting in", "u undo")
    screen.press("u")
    screen.until("undone")
    screen.armed("Go on?")
    screen.press("a")
    screen.until("approving in", "u undo")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"ok": True, "timed_out": False}


def test_a_rejection_goes_with_a_note(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("c")
    screen.until("esc leave the field")
    screen.type("not before Monday: a b r x")
    screen.press("Enter")
    screen.armed("comment not before Monday: a b r x")
    assert shop.waits(run), "nothing that is typed in the note decides"
    screen.press("r")
    screen.until("rejecting in")
    screen.until("completed")
    found = shop.check(run, answers=1)
    assert found["outputs"] == {"ok": False, "timed_out": False}
    assert "not before Monday: a b r x" in json.dumps(found["events"])


def test_an_artifact_is_sent_back_edited_here_and_in_an_editor_and_approved(
    tmux: Callable[..., Screen], shop: Shop, tmp_path: Path
) -> None:
    run = shop.start(ROUNDS)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s, and outside" "$(cat "$1")" > "$1"\n')
    editor.chmod(0o755)
    screen = tmux(EDITOR=str(editor))
    screen.to_card("Round 1")
    screen.press("c")
    screen.until("esc leave the field")
    screen.type("shorter")
    screen.press("Enter")
    screen.armed("comment shorter")
    screen.press("s")
    screen.until('deciding "Revise"')
    screen.until("Round 2", "version 2: shorter")
    screen.press("1")
    screen.armed("Round 2")
    screen.press("e")
    screen.until("esc leave the field")
    screen.type("Edited ")
    screen.press("Escape")
    screen.armed("the edited version", "Edited version 2: shorter")
    screen.press("E")
    screen.until("and outside")
    screen.armed("the edited version", "Edited version 2: shorter, and outside")
    screen.press("a")
    screen.until("completed")
    found = shop.check(run, answers=2)
    assert found["outputs"] == {
        "decision": "Approve", "rounds": 2, "text": "Edited version 2: shorter, and outside",
    }  # fmt: skip


def test_what_was_written_and_pressed_for_a_request_does_not_land_on_the_same_one_after_a_reset(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start('return Human.review{message = "Good?", artifact = "the same each time"}.decision')
    screen = tmux()
    screen.to_card("Good?")
    screen.press("c")
    screen.until("esc leave the field")
    screen.type("for the first")
    screen.press("Enter")
    screen.armed("comment for the first")
    first = shop.waits(run)
    shop.call("reset", run, "--yes")
    for _ in range(6):
        screen.press("a")
    screen.until("attempt 2 of the run")
    screen.until("comment for the first", gone=True)
    second = shop.waits(run)
    assert second != first
    assert [shop.answers(request) for request in (first, second)] == [[], []]
    screen.press("Escape")
    screen.to_card("attempt 2 of the run")
    screen.press("a")
    screen.until("completed")
    assert [len(shop.answers(request)) for request in (first, second)] == [0, 1]


def test_an_input_is_answered_in_the_composer(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(CITY)
    screen = tmux()
    screen.until("Which city?", "answer ▸")
    screen.press("i")
    screen.until("esc leave the field")
    screen.type("Bremen")
    screen.until("Bremen")
    screen.press("Enter")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"city": "Bremen"}


def test_a_request_that_times_out_while_nobody_is_there_is_told_and_the_run_has_gone_on(
    tmux: Callable[..., Screen], shop: Shop, home: Path, workers: Callable[[], list[int]]
) -> None:
    run = shop.start(APPROVAL.replace("3600", "6"))
    screen = tmux()
    screen.until("Go on?", "if nobody answers")
    screen.press("q")
    screen.until("Leave proc-tui?", "Stop here")
    screen.press("j", "Enter")
    screen.until("Pane is dead (status 0")
    assert not workers()
    assert shop.status(run) == "WAITING_FOR_HUMAN"
    for file in home.rglob("left.json"):  # an hour passes
        file.write_text(json.dumps({"at": json.loads(file.read_text())["at"] - 3600}))
    deadline = shop.deadline(run)
    while time.time() <= deadline:
        time.sleep(0.1)
    screen.reopen()
    screen.until("Since you left", "1 decided", "nobody answered in time")
    screen.press("a")
    screen.until("Since you left", gone=True)
    screen.until("completed", "nobody answered in time")
    found = shop.check(run, answers=0)
    assert found["outputs"] == {"ok": False, "timed_out": True}
