"""The application is killed while somebody answers: no answer is lost, none counts twice, and the run goes on.

What comes after the kill is read twice: on the screen that is opened again, and from the journal by the command line.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Screen, Shop

pytestmark = pytest.mark.kill

APPROVAL = """
local ok = Human.approve{message = "Go on?"}
for n = 1, 20 do
  Sleep(0.1)
  State.set("n", n)
end
return {ok = ok}
"""
REVIEW = """
local review = Human.review{message = "Good?", artifact = "a text", options = {"Approve", "Reject"}}
return {decision = review.decision, text = review.edited_artifact, feedback = review.feedback}
"""
CITY = 'return {city = Human.input{message = "Which city?"}}'


def test_before_anything_is_decided_the_request_waits_on(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.kill()
    assert shop.answers(shop.waits(run)) == []
    screen.reopen()
    screen.to_card("Go on?")
    screen.press("a")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"ok": True}


def test_an_answer_that_could_be_undone_yet_counts_when_its_time_has_come(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("r")
    screen.until("rejecting in")
    until(lambda: shop.answers(shop.waits(run)), "the answer was not stored at once")
    screen.kill()
    assert shop.status(run) == "WAITING_FOR_HUMAN"
    screen.reopen()
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"ok": False}


def test_a_worker_without_a_screen_takes_up_what_was_decided_when_the_application_died(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("a")
    until(lambda: shop.answers(shop.waits(run)), "the answer was not stored at once")
    screen.kill()
    shop.call("watch", "--until-idle")
    assert shop.check(run, answers=1)["outputs"] == {"ok": True}


def test_a_kill_in_the_moment_of_the_key_stores_the_answer_or_asks_again(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.tmux("send-keys", "-t", screen.name, "a")
    screen.kill()
    stored = shop.answers(shop.waits(run))
    assert len(stored) <= 1
    screen.reopen()
    if not stored:
        screen.to_card("Go on?")
        screen.press("a")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"ok": True}


def test_a_run_that_goes_on_after_an_answer_is_taken_up_where_it_was(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(APPROVAL)
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("a")
    until(lambda: not shop.waits(run) and shop.status(run) == "SLEEPING", "the run did not go on")
    screen.kill()
    screen.reopen()
    screen.until("completed")
    found = shop.check(run, answers=1)
    assert found["outputs"] == {"ok": True}
    assert found["attempt"] == 1
    assert [event["data"]["value"] for event in found["events"] if event["kind"] == "state.set"] == list(range(1, 21))


@pytest.mark.parametrize("how", ["killed", "hung up"])
def test_a_note_that_was_being_typed_is_there_again(tmux: Callable[..., Screen], shop: Shop, how: str) -> None:
    run = shop.start(REVIEW)
    screen = tmux()
    screen.to_card("Good?")
    screen.press("c")
    screen.until("esc leave the field")
    screen.type("too lo")
    time.sleep(0.5)
    if how == "killed":
        screen.kill()
        screen.reopen()
    else:
        screen.close()
        screen = tmux()
    screen.to_card("Good?")
    screen.armed("comment too lo")
    assert shop.answers(shop.waits(run)) == []
    screen.press("c")
    screen.until("esc leave the field")
    screen.type("ng")
    screen.press("Enter")
    screen.armed("comment too long")
    screen.press("r")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"decision": "Reject", "feedback": "too long"}


def test_an_artifact_that_was_being_edited_is_there_again(tmux: Callable[..., Screen], shop: Shop) -> None:
    run = shop.start(REVIEW)
    screen = tmux()
    screen.to_card("Good?")
    screen.press("e")
    screen.until("esc leave the field")
    screen.type("Half of ")
    time.sleep(0.5)
    screen.kill()
    screen.reopen()
    screen.to_card("Good?")
    screen.armed("the edited version", "Half of a text")
    assert shop.answers(shop.waits(run)) == []
    screen.press("a")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"decision": "Approve", "text": "Half of a text"}


def test_an_answer_that_was_being_typed_is_there_again_and_was_not_sent(
    tmux: Callable[..., Screen], shop: Shop
) -> None:
    run = shop.start(CITY)
    screen = tmux()
    screen.until("Which city?", "answer ▸")
    screen.press("i")
    screen.until("esc leave the field")
    screen.type("Brem")
    time.sleep(0.8)
    screen.kill()
    screen.reopen()
    screen.until("Which city?", "Brem")
    assert shop.answers(shop.waits(run)) == []
    screen.press("i")
    screen.until("esc leave the field")
    screen.press("End")
    screen.type("en")
    screen.press("Enter")
    screen.until("completed")
    assert shop.check(run, answers=1)["outputs"] == {"city": "Bremen"}


def test_the_terminal_can_be_used_after_a_kill_and_is_given_back_when_the_program_ends(
    tmux: Callable[..., Screen], shop: Shop, program: str
) -> None:
    shop.start(APPROVAL)
    screen = tmux(shell="bash --norc --noprofile", PS1="ready$ ")
    screen.until("ready$")
    for number, said in ((signal.SIGKILL, "ended 137"), (signal.SIGTERM, "ended 143")):
        screen.type(f"{program}; echo ended $?")
        screen.press("Enter")
        screen.until("Go on?")
        os.kill(screen.child(), number)
        screen.until(said)
        screen.type("echo a-$((6 * 7))-b")
        screen.press("Enter")
        screen.until("a-42-b")
        screen.press("C-l")
        screen.until(said, gone=True)
    for mode in ("alternate_on", "mouse_any_flag", "mouse_sgr_flag"):
        assert not screen.is_set(mode)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
