"""A request as a card: which key does what, and when none decides anything."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given, Operator
from proc_tui.tui.memory import Memory
from proc_tui.tui.widgets import card_writing
from proc_tui.tui.widgets.arming import Timing
from proc_tui.tui.widgets.card import Card
from proc_tui.tui.widgets.seen import seen
from textual import events

if TYPE_CHECKING:
    import sqlite3

    from conftest import OpenApp, Stage

GATE = 'return Human.approve{message = "Go on?", timeout = 3600}'
POINT: dict[str, Any] = {"hitl": {"gate": {"type": "approval", "message": "Go on?"}}}

pytestmark = pytest.mark.slow


def card(app: OpenApp) -> Card:
    """The card on the screen."""
    return app.app.screen.query_one(Card)


def field(app: OpenApp) -> Any:
    """The field that has the focus."""
    return app.app.screen.focused


def change_artifact(stage: Stage, request: str, artifact: str) -> None:
    """Makes a request show something else, as asking again does."""

    def work(connection: sqlite3.Connection) -> None:
        (row,) = connection.execute("SELECT data FROM requests WHERE id=?", (request,)).fetchone()
        event = json.loads(row)
        event["data"]["artifact"], event["digest"] = artifact, "0" * 16
        connection.execute(
            "UPDATE requests SET data=?, digest=? WHERE id=?", (json.dumps(event), event["digest"], request)
        )

    stage.operator._database.write(work)  # pyright: ignore[reportPrivateUsage]


def still(app: Any) -> None:
    """Nothing blinks in a picture."""
    focused = app.screen.focused
    if hasattr(focused, "cursor_blink"):
        focused.cursor_blink = False


def answers(stage: Stage) -> list[dict[str, Any]]:
    """The answers of the first pending request that count."""
    found = stage.operator.answers(stage.operator.inbox()[0].id)
    return [answer.answer for answer in found if answer.undone_at is None]


async def test_a_approves_in_two_seconds_and_u_takes_it_back(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    async with stage.open(drive=True) as app:
        await app.press("enter", "a")
        assert "approving in 2 s · u undo" in app.text()
        assert answers(stage) == [{"approved": True}]
        await app.press("u")
        assert answers(stage) == []
        assert "a Approve" in app.text()
        await app.press("r")
        assert "rejecting in 2 s" in app.text()
        stage.clock.advance(3)
        await app.until(lambda: stage.operator.run(run.id).status == "COMPLETED")


async def test_an_unarmed_card_decides_nothing(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        app.app.keyboard.timing = Timing(arm=3600)
        await app.pilot.press("enter")
        await app.pilot.pause()
        assert "arming…" in app.text()
        await app.pilot.press("a", "r", "a")
        await app.pilot.pause()
        assert answers(stage) == []
        card(app).trigger.disarm()


@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("c", 'Human.approve{message = "Go on?"}'),
        ("i", 'Human.approve{message = "Go on?"}'),
        ("c", 'Human.input{message = "Why?"}'),
        ("c", 'Human.escalate{message = "Stuck"}'),
        ("e", 'Human.review{message = "Good?", artifact = "draft"}'),
    ],
)
async def test_what_is_typed_while_a_card_arms_goes_into_the_field(stage: Stage, key: str, call: str) -> None:
    await stage.play(call, name="it")
    async with stage.open() as app:
        app.app.keyboard.timing = Timing(arm=3600)
        await app.pilot.press("enter")
        await app.pilot.pause()
        assert card(app).trigger.arming
        await app.pilot.press(key)
        await app.pilot.pause()
        await app.pilot.press(*"raw")
        await app.pilot.pause()
        assert "raw" in field(app).text
        assert not card(app).is_later
        assert answers(stage) == []
        card(app).trigger.disarm()


async def test_a_second_character_at_once_disarms_and_undoes(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "a")
        assert answers(stage) == [{"approved": True}]
        app.app.keyboard.timing = Timing(arm=0.0, burst=0.05)
        for key, at in (("x", 1000.0), ("y", 1000.02)):
            event = events.Key(key, key)
            event.time = at
            app.app.post_message(event)
        await app.settle()
        assert answers(stage) == []


@pytest.mark.parametrize("key", ["A", "R", "1", "7", "enter", "escape", "y", "n", "space"])
async def test_other_keys_decide_nothing(stage: Stage, key: str) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", key)
        assert answers(stage) == []


async def test_a_comment_goes_with_the_decision(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "c", "n", "o", "enter")
        assert answers(stage) == []
        assert "comment no" in app.text()
        await app.press("r")
        assert answers(stage) == [{"approved": False, "feedback": "no"}]


async def test_what_was_typed_is_there_again_after_a_crash(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "c", "h", "m", "escape")
    async with stage.open() as app:
        assert "comment hm" in app.text()


async def test_options_have_letters_that_mean_nothing_else(stage: Stage) -> None:
    labels = ["approve", "reject", "revise", "send", "pause", "talk", "merge", "build", "заново"]
    options = ", ".join(f'"{label}"' for label in labels)
    await stage.play(f'Human.review{{message = "Which?", options = {{{options}}}}}', name="it")
    async with stage.open(size=(160, 40)) as app:
        await app.press("enter")
        keys = {option.label: option.key for option in card(app).options}
        assert keys["Approve"] == "a"
        assert keys["Reject"] == "r"
        assert keys["Send"] == "s"
        assert keys["Revise"] == ""
        assert keys["Заново"] == "", "another script has no letter here"
        assert sorted(key for key in keys.values() if key) == sorted("arsptmb")
        assert "x 2 more answers" in app.text()
        await app.press("m")
        assert answers(stage) == [{"decision": "Merge"}]


async def test_options_in_another_script_are_all_in_x(stage: Stage) -> None:
    await stage.play('Human.review{message = "Which?", options = {"承認", "却下", "保留"}}', name="it")
    async with stage.open() as app:
        await app.press("enter")
        assert "x 3 answers" in app.text()
        await app.press("x", "enter")
        assert answers(stage) == [{"decision": "承認"}]


async def test_x_lists_every_answer_and_what_it_leads_to(stage: Stage) -> None:
    await stage.play(
        'local ok = Human.approve{message = "Go on?"}\nif ok then Step.run("deploy", function() end) end', name="it"
    )
    async with stage.open(size=(160, 40)) as app:
        await app.press("enter")
        await app.until("Approve → line")
        assert 'Step.run "deploy"' in app.line("Approve →")
        assert "Reject → ends" in app.text()
        await app.press("x")
        assert "Reject → ends" in app.text()
        await app.press("down", "enter")
        assert answers(stage) == [{"approved": False}]


async def test_x_lists_what_can_be_done_with_the_run_and_what_is_kept(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "x")
        assert "Stop.requested()" in app.text()
        assert "its record stays" in app.line("waits included")
        await app.press("s", "c", "f")
        assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN", "letters answer here, and do nothing else"
        await app.press("slash", *"cancel", "enter")
        await app.until(lambda: stage.operator.run(run.id).status == "CANCELLED")


async def test_x_at_80x24_shows_what_each_way_does_when_it_is_picked(stage: Stage) -> None:
    options = ", ".join(f'"way {number}"' for number in range(9))
    await stage.play(f'Human.review{{message = "Which?", options = {{{options}}}}}', name="it")
    async with stage.open(size=(80, 24)) as app:
        await app.press("enter", "x", "G", "up")
        assert "Cancel" in app.line("▌")
        assert "its record stays" in app.text()


async def test_the_name_is_asked_for_once_and_goes_with_every_answer(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    stage.memory.keep_name("")
    async with stage.open() as app:
        await app.press("enter", "a")
        assert "Who answers?" in app.text()
        assert answers(stage) == []
        await app.press("escape")
        assert answers(stage) == [], "nothing is decided without a name"
        await app.press("a", "ctrl+a", "ctrl+k", *"anna", "enter")
        assert answers(stage) == [{"approved": True}], "and then what was pressed is"
        given = stage.operator.answers(stage.operator.inbox()[0].id)[0]
        assert (given.by, given.audit["name"]) == ("anna", "anna")
        await app.press("u", "r")
        assert answers(stage) == [{"approved": False}]
    other = Memory(stage.folder.parent / "elsewhere", folder=stage.folder.parent / "memory", terminal="another")
    assert other.name == "anna"


async def test_the_name_can_be_changed(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "x", "slash", *"another", "enter")
        await app.press("ctrl+a", "ctrl+k", *"bob", "enter")
        await app.press("a")
        assert stage.operator.answers(stage.operator.inbox()[0].id)[0].by == "bob"


async def test_a_name_has_no_hidden_characters(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    stage.memory.keep_name("")
    async with stage.open() as app:
        await app.press("enter", "a")
        field(app).value = "an\u202ena"
        await app.press("enter")
        assert "no hidden characters" in app.text()
        assert answers(stage) == []


async def test_a_dangerous_word_is_typed(stage: Stage) -> None:
    hitl = {"gate": {"type": "approval", "message": "Go on?", "confirm": "prod"}}
    await stage.play('return Human.approve("gate")', name="it", hitl=hitl)
    async with stage.open() as app:
        await app.press("enter", "a")
        assert "dangerous: type prod" in app.text()
        assert answers(stage) == []
        await app.press("p", "r", "enter")
        assert answers(stage) == []
        app.app.post_message(events.Paste("od"))
        await app.settle()
        assert field(app).text == "pr"
        await app.press("o", "d", "enter")
        assert answers(stage) == [{"approved": True}]


async def test_refusing_what_is_dangerous_needs_no_word(stage: Stage) -> None:
    hitl = {"gate": {"type": "approval", "message": "Go on?", "confirm": "prod"}}
    await stage.play('return Human.approve("gate")', name="it", hitl=hitl)
    async with stage.open() as app:
        await app.press("enter", "r")
        assert answers(stage) == [{"approved": False}]


async def test_a_question_is_answered_in_the_field_of_its_card(stage: Stage) -> None:
    await stage.play('return Human.input{message = "Who?"}', name="it")
    async with stage.open() as app:
        await app.press("I", "enter", "c", "b", "o", "b", "escape")
        assert "answer bob" in app.text(), "what was typed is no comment"
        await app.press("c", "enter")
        assert answers(stage) == [{"text": "bob"}]
        assert "answering in 2 s" in app.text()
        await app.press("u")
        assert answers(stage) == []


async def test_an_escalation_wants_a_note(stage: Stage) -> None:
    await stage.play('return Human.escalate{message = "Broken", severity = "high"}', name="it")
    async with stage.open() as app:
        await app.press("I", "enter", "c", "enter")
        assert answers(stage) == []
        await app.press("o", "k", "enter")
        assert answers(stage) == [{"note": "ok"}]


async def test_an_answer_from_elsewhere_is_said_with_who_gave_it(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("I", "v")
        stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="bob")
        await app.until("answered by bob (as claimed; user")
        assert "Approve" in app.text()
        assert not card(app).trigger.armed


async def test_a_card_in_the_conversation_says_what_became_of_its_request(stage: Stage) -> None:
    run = await stage.play(f"{GATE.removeprefix('return ')} Sleep(9999)", name="it")
    await stage.play(GATE, name="another")
    await stage.play(GATE, name="third")
    async with stage.open(drive=True) as app:
        app.app.go_to_run(run.id)
        await app.settle()
        await app.press("1")
        given = Given(approved=False, feedback="not today")
        stage.operator.answer(stage.operator.inbox(run=run.id)[0].id, given, by="bob")
        await app.until('Reject "not today"')
        assert "answered by bob" in app.text()
        assert "waiting" not in app.line("Approval"), "it is none of those that wait"
        assert app.focused_layer() == "card", "nothing takes the focus away from whoever was about to decide"
        await app.press("a", "r", "c", "e")
        assert "answered by bob" in app.text()
        await app.press("enter")
        assert not app.app.screen.query(Card)
        assert "not today" in app.text(), "the conversation has it"


async def test_what_nobody_is_at_goes_by_itself_after_a_while(stage: Stage) -> None:
    await stage.play(f"{GATE.removeprefix('return ')} Sleep(9999)", name="it")
    async with stage.open(drive=True) as app:
        stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="bob")
        await app.until("answered by bob (as claimed")
        stage.clock.advance(11)
        await app.until(lambda: not app.app.screen.query(Card))


async def test_a_card_says_that_time_is_up(stage: Stage) -> None:
    await stage.play(f"{GATE.removeprefix('return ')} Sleep(99999)", name="it")
    async with stage.open(drive=True) as app:
        await app.press("enter")
        stage.clock.advance(3601)
        await app.until("nobody answered in time")
        assert "reject" in app.line("nobody answered in time")


async def test_a_card_says_that_its_request_was_withdrawn(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter")
        stage.operator.cancel(stage.operator.run(run.id), by="bob")
        await app.until("withdrawn by bob")


async def test_what_was_decided_here_makes_room_at_once(stage: Stage) -> None:
    await stage.play(f"{GATE.removeprefix('return ')} Sleep(9999)", name="it")
    async with stage.open(drive=True) as app:
        await app.press("enter", "a")
        stage.clock.advance(3)
        await app.until(lambda: not app.app.screen.query(Card))


async def test_somebody_elses_answer_on_its_way_lets_nobody_else_decide(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter")
        stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="bob", effective_in=30)
        await app.until("bob is deciding this")
        await app.press("r")
        assert answers(stage) == [{"approved": True}]


async def test_the_answer_says_what_was_shown_and_when(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter", "a")
        request = stage.operator.inbox()[0]
        audit = stage.operator.answers(request.id)[0].audit
        assert audit["digest_shown"] == request.digest
        assert audit["shown_at"] == stage.clock.now()
        assert audit["pressed_at"] == stage.clock.now()
        assert audit["effective_at"] == stage.clock.now() + 2
        assert audit["via"] == "interface"
        assert audit["screen"] == "card"


async def test_what_was_reset_takes_no_answer(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    request = stage.operator.inbox()[0]
    async with stage.open() as app:
        await app.press("I", "v")
        stage.operator.reset(stage.operator.run(run.id))
        await app.press("a")
        await app.until("withdrawn by")
        assert stage.operator.answers(request.id) == []


async def test_a_past_view_takes_no_answer(stage: Stage) -> None:
    await stage.play(f'Log.info("one") Step.run("two", function() end) {GATE}', name="it")
    async with stage.open() as app:
        await app.press("enter")
        held = card(app)
        app.app.look_at(2)
        held.answering.choose(held.options[0])
        await app.press("a")
        await app.press("r")
        assert answers(stage) == []
        assert not app.app.screen.query(Card), "the past has no cards"
        await app.press("F")
        await app.press("1", "a")
        assert answers(stage) == [{"approved": True}]


async def test_what_changed_after_it_was_drawn_is_refused_and_drawn_anew(stage: Stage) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = "three"}', name="it")
    request = stage.operator.inbox()[0]
    async with stage.open() as app:
        await app.press("enter")
        change_artifact(stage, request.id, "four")
        card(app).answering.choose(card(app).options[0])
        await app.until("shows something else by now")
        await app.settle()
        assert answers(stage) == []
        assert "│ four" in app.text()
        assert "│ three" not in app.text()


async def test_why_an_answer_was_refused_is_not_said_of_another_request(stage: Stage) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = "three"}', name="it")
    await stage.play('return Human.review{message = "And this?", artifact = "five"}', name="other")
    request = next(one for one in stage.operator.inbox() if one.message == "Fine?")
    async with stage.open(size=(120, 40)) as app:
        await app.press("I", "v")
        if "And this?" in app.text():
            await app.press("J")
        change_artifact(stage, request.id, "four")
        card(app).answering.choose(card(app).options[0])
        await app.until("shows something else by now")
        await app.press("J")
        assert "And this?" in app.text()
        assert "shows something else by now" not in app.text()


async def test_the_next_request_has_the_focus_where_the_one_before_had_it(stage: Stage) -> None:
    await stage.play(GATE, name="one")
    await stage.play(GATE, name="two")
    async with stage.open(size=(120, 40)) as app:
        await app.press("enter")
        before = card(app).request.id
        await app.press("J")
        assert card(app).request.id != before
        assert card(app).has_focus
        await app.press("escape", "J")
        assert not card(app).has_focus


async def test_a_key_that_answers_says_where_it_does_when_pressed_elsewhere(stage: Stage) -> None:
    await stage.play(GATE, name="it")
    async with stage.open(size=(120, 40)) as app:
        await app.press("a")
        assert any("1 goes to the request; there a answers it" in note.message for note in app.app._notifications)
        assert answers(stage) == []
        await app.press("1", "a")
        await app.until(lambda: card(app).decider.now is not None)


async def test_what_was_typed_last_is_kept_when_the_field_is_closed_for_somebody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_writing, "DRAFT_SECONDS", 3600)
    await stage.play('return Human.review{message = "Fine?", artifact = "three"}', name="it")
    request = stage.operator.inbox()[0]
    async with stage.open() as app:
        await app.press("enter", "c", "n", "o")
        change_artifact(stage, request.id, "four")
        app.app.feed.look()
        await app.until("four")
        kept = app.app.memory.draft(seen(request).key)
        assert kept is not None
        assert kept.note == "no"


async def test_a_rehearsal_gives_no_answer_and_records_nothing(stage: Stage) -> None:
    run = await stage.play(f'Step.run("two", function() end) {GATE}', name="it")
    before = stage.operator.run(run.id).last_seq
    async with stage.open() as app:
        await app.press("enter")
        await app.until("ends with true")
        assert answers(stage) == []
        assert stage.operator.run(run.id).last_seq == before


async def test_a_fork_says_that_it_is_one(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    stage.operator.fork(stage.operator.run(run.id), None)
    stage.operator.cancel(stage.operator.run(run.id))
    await stage.drive()
    async with stage.open() as app:
        assert f"a fork of {run.id[:4]}" in app.text()


async def test_a_request_that_is_asked_again_after_a_reset_says_so(stage: Stage) -> None:
    run = await stage.play(GATE, name="it")
    stage.operator.reset(stage.operator.run(run.id))
    await stage.drive()
    async with stage.open() as app:
        assert "attempt 2 of the run" in app.text()


async def test_the_parameters_that_differ_from_the_last_run_are_on_the_button(stage: Stage) -> None:
    text = (
        "name: it\nversion: '1'\nparams: {target: {type: string}}\ncode: |\n  return Human.approve{message = 'Go?'}\n"
    )
    await stage.play(text, name="it", params={"target": "staging"})
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True))
    await stage.drive()
    stage.clock.advance(5)
    await stage.play(text, name="it", params={"target": "production"})
    async with stage.open(size=(160, 40)) as app:
        await app.press("enter")
        assert "a Approve" in app.line('target="production"')


async def test_later_folds_the_card_until_it_is_taken_back(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    async with stage.open() as app:
        await app.press("enter", "w")
        assert "│ a text" not in app.text()
        await app.press("w")
        assert "│ a text" in app.text()


TWO: dict[str, Any] = {"gate": {"type": "approval", "message": "Go on?", "approvals": 2, "not_starter": True}}


async def test_two_people_have_to_answer_and_not_who_started_it(stage: Stage) -> None:
    await stage.play('return Human.approve("gate")', name="it", hitl=TWO)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="anna")
    async with stage.open() as app:
        assert "2 people have to answer (anna: Approve)" in app.text()
        assert "somebody else than starter" in app.text()
        await app.press("enter", "a")
        assert len(answers(stage)) == 1, "starter may not"
        await app.until("wants somebody other than")


@pytest.mark.parametrize("wanted", [{"not_starter": True}, {"approvals": 2}])
async def test_who_may_not_answer_is_not_asked_for_the_word(stage: Stage, wanted: dict[str, Any]) -> None:
    gate = {"type": "approval", "message": "Go on?", "confirm": "prod", **wanted}
    await stage.play('return Human.approve("gate")', name="it", hitl={"gate": gate})
    if "approvals" in wanted:
        stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True, typed="prod"), by="starter")
    before = answers(stage)
    async with stage.open() as app:
        await app.press("enter", "a")
        assert "dangerous: type prod" not in app.text()
        assert "x: answer in another name" in app.text()
        await app.press("x")
        assert "answer in another name" in app.text()
        assert answers(stage) == before


async def test_the_second_of_two_people_decides(stage: Stage) -> None:
    run = await stage.play('return Human.approve("gate")', name="it", hitl=TWO)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="anna")
    stage.memory.keep_name("bob")
    async with stage.open(drive=True) as app:
        await app.press("enter", "a")
        stage.clock.advance(3)
        await app.until(lambda: stage.operator.run(run.id).status == "COMPLETED")


async def test_the_first_of_two_people_leaves_the_request_to_the_other(stage: Stage) -> None:
    await stage.play('return Human.approve("gate")', name="it", hitl=TWO)
    stage.memory.keep_name("bob")
    async with stage.open(drive=True) as app:
        await app.press("enter", "a")
        stage.clock.advance(3)
        await app.until(lambda: "approving" not in app.text())
        await app.settle()
        assert "2 people have to answer (bob: Approve)" in app.text()
        await app.press("a")
        await app.until("bob has answered")
        assert len(answers(stage)) == 1


async def test_whoever_edits_elsewhere_is_named(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    other = Operator.open(stage.folder, settings=stage.operator.settings, clock=stage.clock, user="bob")
    other._owner = "elsewhere:1:x"  # pyright: ignore[reportAttributeAccessIssue]
    other.edit(stage.operator.inbox()[0].id)
    async with stage.open() as app:
        await app.until("being edited by bob")
    other.close()


async def test_others_see_that_somebody_edits_here_until_it_is_left(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    request = stage.operator.inbox()[0].id
    other = Operator.open(stage.folder, settings=stage.operator.settings, clock=stage.clock, user="bob")
    other._owner = "elsewhere:1:x"  # pyright: ignore[reportAttributeAccessIssue]
    async with stage.open() as app:
        await app.press("enter", "e")
        assert [item.by for item in other.editors(request)] == ["starter"]
        await app.press("escape")
        assert not other.editors(request)
    other.close()


async def test_others_hear_last_that_nobody_edits_however_slow_the_first_word_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    request = stage.operator.inbox()[0].id
    other = Operator.open(stage.folder, settings=stage.operator.settings, clock=stage.clock, user="bob")
    other._owner = "elsewhere:1:x"  # pyright: ignore[reportAttributeAccessIssue]
    ended, edit, stop = threading.Event(), stage.operator.edit, stage.operator.stop_editing

    def slow(about: str) -> None:
        ended.wait(0.3)
        edit(about)

    def stopped(about: str) -> None:
        stop(about)
        ended.set()

    monkeypatch.setattr(stage.operator, "edit", slow)
    monkeypatch.setattr(stage.operator, "stop_editing", stopped)
    async with stage.open() as app:
        await app.press("enter")
        await app.pilot.press("e", "escape")
        await app.settle()
        assert ended.is_set()
        assert not other.editors(request)
    other.close()


async def test_many_who_wait_for_a_model_leave_the_screen_up_to_date(stage: Stage) -> None:
    await stage.play("return 1", name="first")
    answered = threading.Event()
    async with stage.open() as app:
        for _ in range(40):
            app.app.act(answered.wait, waits=True)
        try:
            async with asyncio.timeout(20):
                await stage.play("return 2", name="second")
                await app.until("second")
        finally:
            answered.set()


async def test_an_edit_is_there_again_for_the_same_artifact(stage: Stage) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = "three"}', name="it")
    async with stage.open() as app:
        await app.press("enter", "e", "backspace")
        field(app).text = "four"
        await app.press("escape")
    async with stage.open() as app:
        assert "+ four" in app.text()
        await app.press("enter", "a")
        assert answers(stage) == [{"decision": "Approve", "edited_artifact": "four"}]


async def test_at_80x24_a_long_artifact_leaves_the_buttons_in_sight(stage: Stage) -> None:
    long = "\\n".join(f"line {number}" for number in range(200))
    talk = 'for n = 1, 30 do Human.notify{message = "notice " .. n} end '
    await stage.play(f'{talk} Human.review{{message = "Fine?", artifact = "{long}"}}', name="it")
    async with stage.open(size=(80, 24)) as app:
        await app.press("enter")
        assert "line 0" in app.text()
        assert "a Approve" in app.text()
        assert "no deadline" in app.text()
        await app.press("enter")
        assert app.focused_layer() == "lines"
        assert "line 9" in app.text(), "enter opens all of it"


@pytest.mark.parametrize("height", [34, 35, 36])
async def test_what_comes_later_pushes_nothing_of_a_card_out_of_sight(stage: Stage, height: int) -> None:
    talk = 'for n = 1, 5 do Human.notify{message = "notice " .. n} end '
    ask = 'if Human.approve{message = "Fine?", timeout = 3600} then Step.run("ship", function() end) end'
    await stage.play(talk + ask, name="it")
    async with stage.open(size=(120, height)) as app:
        assert "reject in 1:00:00" in app.text()
        await app.press("enter")
        assert "Approve → " in app.text()
        assert "reject in 1:00:00" in app.text()
        assert "c comment" in "\n".join(app.text().splitlines()[:-1])


async def test_a_card_makes_room_while_somebody_reads_what_was_said(stage: Stage) -> None:
    long = "\\n".join(f"line {number}" for number in range(30))
    talk = 'for n = 1, 40 do Human.notify{message = "notice " .. n} end '
    await stage.play(f'{talk} Human.review{{message = "Fine?", artifact = "{long}"}}', name="it")
    async with stage.open(size=(100, 40)) as app:
        app.pane("conversation").query_one("Talk").focus()
        await app.settle()
        before = app.text().count("notice")
        await app.press(*["k"] * 14)
        assert "line 0" not in app.text()
        assert "G goes to it" in app.text()
        assert app.text().count("notice") > before
        await app.press("G")
        assert "line 0" in app.text()
        await app.press(*["k"] * 14)
        card(app).focus()
        await app.settle()
        assert "line 0" in app.text()
        await app.press("a")
        assert answers(stage) == [{"decision": "Approve"}]


async def test_what_was_put_off_takes_no_answer_unseen(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    async with stage.open() as app:
        await app.press("enter", "w", "a")
        assert answers(stage) == []
        await app.press("w", "a")
        assert answers(stage) == [{"decision": "Approve"}]


@pytest.mark.parametrize(
    "text", ["a\\r\\nb\\nc", "a\\u{2028}b", "a\\fb", ("x" * 20_001)], ids=["mixed", "2028", "feed", "long"]
)
async def test_what_a_field_would_change_is_not_edited_in_one(stage: Stage, text: str) -> None:
    await stage.play(f'return Human.review{{message = "Fine?", artifact = "{text}"}}', name="it")
    async with stage.open() as app:
        await app.press("enter", "e")
        assert app.focused_layer() == "card"
        assert any("$EDITOR" in str(note.message) for note in app.app._notifications)


async def test_a_table_is_edited_as_yaml_and_must_stay_yaml(stage: Stage) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = {price = 3}}', name="it")
    async with stage.open() as app:
        await app.press("enter", "e")
        field(app).text = "price: ["
        await app.press("escape", "a")
        assert "is not YAML" in app.text()
        assert answers(stage) == []
        await app.press("e")
        field(app).text = "price: 4\n"
        await app.press("escape", "a")
        assert answers(stage) == [{"decision": "Approve", "edited_artifact": {"price": 4}}]


async def test_the_editor_of_the_person_changes_the_artifact(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = "three"}', name="it")
    monkeypatch.setenv("EDITOR", "sed -i s/three/four/")
    monkeypatch.delenv("VISUAL", raising=False)
    async with stage.open() as app:
        await app.press("enter", "E")
        await app.until("+ four")
        await app.press("a")
        assert answers(stage) == [{"decision": "Approve", "edited_artifact": "four"}]


async def test_an_editor_that_changes_nothing_leaves_the_artifact_as_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.play('return Human.review{message = "Fine?", artifact = "one\\r\\ntwo\\nthree"}', name="it")
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)
    async with stage.open() as app:
        await app.press("enter", "E", "a")
        assert answers(stage) == [{"decision": "Approve"}]


async def test_markup_in_a_request_is_text(stage: Stage) -> None:
    hostile = "[/foo] [@click=app.quit]x[/]"
    await stage.play(
        f'Human.review{{message = "{hostile}", artifact = "{hostile}", context = {{a = "{hostile}"}}, '
        f'options = {{"{hostile}", "approve"}}, artifact_type = "{hostile}"}}', name="it",
    )  # fmt: skip
    async with stage.open(size=(160, 40)) as app:
        await app.press("enter", "x")
        await app.press("escape", "v")
        assert app.text().count("[@click=app.quit]") >= 3


LONG = "\\n".join(f"line {number} of a text that has to be broken where the terminal is narrow" for number in range(60))
SAID = 'for n = 1, 9 do Human.notify{message = "notice " .. n} end '
CARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "approval": (
        'return Human.approve{message = "Deploy 2.4.0?", timeout = 3600, context = {service = "web", size = 3}}', {},
    ),
    "review": (f'{SAID} Human.review{{message = "Fine?", artifact = "{LONG}", timeout = 3600}}', {}),
    "question": (f'{SAID} Human.input{{message = "What is your name?", default = "ann", timeout = 3600}}', {}),
    "escalation": (
        'Human.escalate{message = "The bank is silent", severity = "high", context = {bank = "N", tried = {1, 2}}}', {},
    ),
    "options": (
        'Human.review{message = "Which?", options = {"approve", "reject", "revise", "send", "merge", "новый", "hold"}}',
        {},
    ),
    "dangerous": ('return Human.approve("gate")', {"hitl": {"gate": {**TWO["gate"], "confirm": "prod"}}}),
}  # fmt: skip
SIZES = [
    pytest.param("proc-dark", (150, 40), id="wide-dark"),
    pytest.param("proc-light", (80, 24), id="narrow-light"),
]


@pytest.mark.parametrize(("theme", "size"), SIZES)
@pytest.mark.parametrize("kind", CARDS)
def test_cards(stage: Stage, snap_compare: Any, kind: str, theme: str, size: tuple[int, int]) -> None:
    code, keys = CARDS[kind]
    stage.play_now(code, name="deploy", **keys)
    assert snap_compare(stage.app(theme=theme), terminal_size=size, run_before=stage.after("enter"))


@pytest.mark.parametrize(("theme", "size"), SIZES)
@pytest.mark.parametrize("keys", ["a", "x", "e", "w"])
def test_a_card_after_a_key(
    stage: Stage, snap_compare: Any, keys: str, theme: str, size: tuple[int, int]
) -> None:  # fmt: skip
    stage.play_now(CARDS["review"][0], name="deploy")
    before = stage.after("enter", keys, still)
    assert snap_compare(stage.app(theme=theme), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("theme", "size"), SIZES)
def test_what_became_of_a_request(stage: Stage, snap_compare: Any, theme: str, size: tuple[int, int]) -> None:
    stage.play_now(CARDS["approval"][0], name="deploy")

    def answered(_app: object) -> None:
        given = Given(approved=False, feedback="not today")
        stage.operator.answer(stage.operator.inbox()[0].id, given, by="bob", audit={"user": "deploy"})

    async def before(pilot: Any) -> None:
        await stage.after("enter", answered)(pilot)
        while pilot.app.screen.query_one(Card).outcome is None:
            await pilot.pause(0.02)
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme=theme), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("theme", "size"), SIZES)
def test_the_question_for_the_name(stage: Stage, snap_compare: Any, theme: str, size: tuple[int, int]) -> None:
    stage.play_now(GATE, name="deploy")
    stage.memory.keep_name("")
    assert snap_compare(stage.app(theme=theme), terminal_size=size, run_before=stage.after("enter", "a", still))


def test_a_folded_card_in_ascii(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(f"{SAID * 3} {CARDS['review'][0]}", name="deploy")
    app = stage.app(theme="proc-16", TERM="linux")

    def read_back(app: Any) -> None:
        app.screen.query_one("Talk").focus()

    before = stage.after("enter", read_back, *["k"] * 12)
    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


def test_a_card_in_ascii(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(CARDS["review"][0], name="deploy")
    app = stage.app(theme="proc-16", TERM="linux")
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage.after("enter"))


def test_an_answer_on_its_way_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(GATE, name="it")

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("a")
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(80, 24), run_before=opened)
