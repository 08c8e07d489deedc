"""A request as a card: which key does what, and when none decides anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.operator import Given
from proc_tui.tui.widgets.arming import Timing
from proc_tui.tui.widgets.card import Card
from textual import events

if TYPE_CHECKING:
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
        await app.press("I", "enter", "c", "b", "o", "b", "enter")
        assert answers(stage) == [{"text": "bob"}]
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
        await app.until("answered by bob")
        assert "Approve" in app.line("answered by bob")
        assert not card(app).trigger.armed


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
    await stage.play(GATE, name="it")
    async with stage.open() as app:
        await app.press("enter")
        held = card(app)
        app.app.at = 1
        assert "this is the past" in held.why_not()
        held.choose(held.options[0])
        assert answers(stage) == []
        app.app.at = None


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


async def test_two_people_have_to_answer(stage: Stage) -> None:
    hitl = {"gate": {"type": "approval", "message": "Go on?", "approvals": 2, "not_starter": True}}
    await stage.play('return Human.approve("gate")', name="it", hitl=hitl)
    stage.operator.answer(stage.operator.inbox()[0].id, Given(approved=True), by="anna")
    async with stage.open() as app:
        assert "2 people have to answer (anna: Approve)" in app.text()
        assert "somebody else than starter" in app.text()
        await app.press("enter", "a")
        assert len(answers(stage)) == 1, "starter may not"


async def test_whoever_edits_elsewhere_is_named(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "a text"}', name="it")
    from proc_tui.core.operator import Operator

    other = Operator.open(stage.folder, settings=stage.operator.settings, clock=stage.clock, user="bob")
    other._owner = "elsewhere:1:x"  # pyright: ignore[reportAttributeAccessIssue]
    other.edit(stage.operator.inbox()[0].id)
    async with stage.open() as app:
        await app.until("being edited by bob")
    other.close()


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


def test_a_card_in_the_conversation(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(
        'return Human.approve{message = "Deploy 2.4.0?", timeout = 3600, context = {service = "web", size = 3}}',
        name="deploy",
    )

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)

    assert snap_compare(stage.app(), terminal_size=(150, 40), run_before=opened)


def test_an_answer_on_its_way_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(GATE, name="it")

    async def opened(pilot: Any) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("a")
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(80, 24), run_before=opened)
