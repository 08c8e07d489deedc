"""Writing to a run: what the field is for, what happens with the text, and that it is never lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.errors import ProcError
from proc_tui.core.journal.events import Responded
from proc_tui.tui import memory as memory_module
from proc_tui.tui.memory import Draft, Memory
from textual.widgets import TextArea

if TYPE_CHECKING:
    from conftest import OpenApp, Stage
    from proc_tui.tui.widgets.composer import Composer
    from textual.pilot import Pilot

pytestmark = pytest.mark.slow

GATE = 'Human.approve{message = "Go on?"} return {got = Human.chat{message = "Who?"}}'
INPUT = 'return {name = Human.input{message = "Your name?"}}'
CHAT = 'local said = Human.chat{message = "Who is there?"} return {said = said}'


def composer(app: OpenApp) -> Composer:
    found: Composer = app.pane("conversation").query_one("Composer")
    return found


async def test_guidance_is_pending_until_it_is_delivered(stage: Stage) -> None:
    run = await stage.play(GATE, name="gate")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i")
        assert app.focused_layer() == "text"
        assert "guidance ▸" in app.text()
        assert "delivered at its next operation" in app.text()
        await app.press(*"mind", "ctrl+j", *"arq", "enter")
        assert "sent, not delivered yet" in app.text()
        assert "mind" in app.text()
        assert "arq" in app.text()
        assert stage.operator.run(run.id).mail == 1
        await app.press("escape")
        (request,) = stage.operator.inbox()
        from proc_tui.core.operator import Given

        stage.operator.answer(request.id, Given(approved=True))
        await stage.drive()
        await app.until(lambda: "not delivered" not in app.text())
        assert "starter" in app.line("starter  ") or "arq" in app.text()


async def test_a_letter_in_the_field_is_text_and_never_a_key(stage: Stage) -> None:
    run = await stage.play(GATE, name="gate")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", "a", "r", "q", "x")
        assert composer(app).field.text == "arqx"
        assert stage.operator.run(run.id).status == "WAITING_FOR_HUMAN"
        assert not stage.operator.answers(stage.operator.inbox()[0].id)


async def test_an_input_request_is_answered_in_the_field(stage: Stage) -> None:
    run = await stage.play(INPUT, name="asks")
    async with stage.open(size=(120, 40), drive=True) as app:
        await app.press("i")
        assert "answer ▸" in app.text()
        await app.press(*"ann", "enter")
        assert composer(app).field.text == ""
        stage.clock.advance(3)
        await app.until(lambda: stage.operator.run(run.id).status == "COMPLETED")
    (answer,) = [record.event for record in stage.operator.records(run) if isinstance(record.event, Responded)]
    assert answer.answer["text"] == "ann"


async def test_an_answer_is_its_cards_to_give_and_to_undo(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    request = stage.operator.inbox()[0]
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"ann", "enter")
        assert "u undo" in app.text()
        assert app.focused_layer() == "card"
        (answer,) = stage.operator.answers(request.id)
        assert (answer.answer, answer.by) == ({"text": "ann"}, "starter")
        assert answer.audit["screen"] == "composer"
        assert answer.audit["digest_shown"] == request.digest
        await app.press("u")
        assert stage.operator.answers(request.id)[0].undone_at is not None
        assert composer(app).field.text == "ann", "what was taken back is there again"
        assert composer(app).target.kind == "answer"


async def test_c_on_a_question_goes_to_the_composer_with_its_default(stage: Stage) -> None:
    await stage.play('return Human.input{message = "Your name?", default = "ann"}', name="asks")
    async with stage.open(size=(120, 40)) as app:
        await app.press("enter", "c")
        assert app.app.screen.focused is composer(app).field
        assert composer(app).field.text == "ann"
        await app.press("a", "enter")
        assert stage.operator.answers(stage.operator.inbox()[0].id)[0].answer == {"text": "anna"}


async def test_a_draft_of_an_answer_is_the_same_in_the_inbox(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    async with stage.open(size=(150, 40)) as app:
        await app.press("i", *"half", "escape")
        await app.until(lambda: len(list((stage.memory._folder / "drafts").glob("*.json"))) == 2)
        await app.press("I", "enter", "c")
        assert getattr(app.app.screen.focused, "text", "") == "half"


async def test_a_word_that_confirms_is_asked_for_by_the_card(stage: Stage) -> None:
    hitl = {"who": {"type": "input", "message": "Whom?", "confirm": "fire"}}
    await stage.play('return Human.input("who")', name="asks", hitl=hitl)
    request = stage.operator.inbox()[0]
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"bob", "enter")
        assert "dangerous: type fire" in app.text()
        assert stage.operator.answers(request.id) == []
        await app.press(*"fire", "enter")
        assert stage.operator.answers(request.id)[0].answer == {"text": "bob"}


async def test_what_the_request_refuses_is_said_and_stays(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", "a", "ctrl+j", "b", "enter")
        await app.until("wants one line")
        await app.settle()
        assert composer(app).field.text == "a\nb"
        assert stage.operator.answers(stage.operator.inbox()[0].id) == []


async def test_the_label_stays_while_there_is_text(stage: Stage) -> None:
    await stage.play(GATE, name="gate")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"wait")
        (request,) = stage.operator.inbox()
        from proc_tui.core.operator import Given

        stage.operator.answer(request.id, Given(approved=True))
        await stage.drive()
        await app.until("Who?")
        await app.settle()
        assert "guidance ▸" in app.text()
        for _ in range(4):
            await app.press("backspace")
        assert "chat ▸" in app.text()


async def test_a_chat_goes_on_with_what_is_sent(stage: Stage) -> None:
    run = await stage.play(CHAT, name="door")
    async with stage.open(size=(120, 40)) as app:
        assert "chat ▸" in app.text()
        await app.press("i", *"me", "enter")
        await app.press("escape")
        await stage.drive()
        await app.until("completed")
        assert "Who is there?" in app.text()
    assert stage.operator.run(run.id).status == "COMPLETED"


async def test_a_draft_is_there_again_and_so_is_what_it_is_for(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"half", "space", *"an", "space", "a")
        await app.press("escape")
        await app.until(lambda: list((stage.memory._folder / "drafts").glob("*.json")))
    async with stage.open(size=(120, 40)) as app:
        assert "half an a" in app.text()
        assert composer(app).target.kind == "answer"
        assert app.focused_layer() != "text"


async def test_what_was_for_a_settled_request_is_kept_and_goes_nowhere(stage: Stage) -> None:
    await stage.play('Human.input{message = "Your name?"} Human.approve{message = "Sure?"}', name="asks")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", *"ann")
        (request,) = stage.operator.inbox()
        from proc_tui.core.operator import Given

        stage.operator.answer(request.id, Given(text="bob"))
        await stage.drive()
        await app.until("Sure?")
        await app.press("enter")
        assert "settled already" in app.text()
        assert composer(app).field.text == "ann"


async def test_up_and_down_go_through_what_was_sent(stage: Stage) -> None:
    await stage.play(GATE, name="gate")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i", "o", "n", "e", "enter", "t", "w", "o", "enter")
        await app.press("up")
        assert composer(app).field.text == "two"
        await app.press("up")
        assert composer(app).field.text == "one"
        await app.press("down", "down")
        assert composer(app).field.text == ""


async def test_nothing_can_be_written_to_a_run_that_ended(stage: Stage) -> None:
    await stage.play("return 1", name="quick")
    async with stage.open(size=(120, 40)) as app:
        await app.press("i")
        assert app.focused_layer() != "text"
        assert not composer(app).has_class("-open")


async def test_the_focus_comes_by_i_or_a_click_only(stage: Stage) -> None:
    await stage.play(GATE, name="gate")
    async with stage.open(size=(120, 40)) as app:
        for _ in range(8):
            await app.press("tab")
            assert app.focused_layer() != "text"
        await app.pilot.click("ComposerField")
        await app.settle()
        assert app.focused_layer() == "text"


def test_composer_with_a_text_and_what_was_sent(stage: Stage, snap_compare: Any) -> None:
    stage.play_now("Sleep(3600)", name="gate")

    async def write(pilot: Pilot[Any]) -> None:
        await stage.settle(pilot)
        await pilot.press("i", *"first", "enter", *"two", "ctrl+j", *"lines")
        pilot.app.screen.query_one("ComposerField", TextArea).cursor_blink = False
        await stage.settle(pilot)

    assert snap_compare(stage.app(), terminal_size=(120, 40), run_before=write)


def test_composer_in_a_chat_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(CHAT, name="door")
    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(120, 36), run_before=stage.settle)


# ---- nothing is lost


async def test_what_was_cleared_does_not_come_back(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    async with stage.open() as app:
        await app.press("i", "a", "b", "escape")
        await app.until(lambda: _drafts(stage) == 2)
        await app.press("i", "backspace", "backspace", "escape")
        await app.until(lambda: _drafts(stage) == 0)
    async with stage.open():
        assert _drafts(stage) == 0


async def test_an_answer_stays_in_the_field_when_no_name_is_said(stage: Stage) -> None:
    await stage.play(INPUT, name="asks")
    stage.memory.name = ""
    async with stage.open() as app:
        await app.press("i", *"ann", "enter")
        assert "Who answers?" in app.text()
        await app.press("escape")
        assert composer(app).field.text == "ann"
        await app.press("i", "e", "enter", "enter")
        assert composer(app).field.text == ""
    (answer,) = stage.operator.answers(stage.operator.inbox()[0].id)
    assert answer.answer == {"text": "anne"}


async def test_what_cannot_be_sent_goes_back_to_the_run_that_it_was_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.play(GATE, name="gate")
    await stage.play(GATE, name="other")
    refuse = _hold(stage, monkeypatch, error=True)
    async with stage.open() as app:
        app.app.go_to_run(run.id)
        await app.settle()
        await app.press("i")
        for key in (*"one", "enter", *"two"):
            await app.pilot.press(key)
        other = next(found.id for found in stage.operator.runs() if found.id != run.id)
        await app.pilot.press("escape")
        app.app.go_to_run(other)
        await app.until(lambda: composer(app)._run == other)
        refuse.set()
        await app.until(lambda: any("not sent to run" in note.message for note in app.app._notifications))
        await app.settle()
        assert composer(app).field.text == ""
        app.app.go_to_run(run.id)
        await app.settle()
        assert composer(app).field.text == "one\ntwo"


async def test_what_was_being_sent_when_the_program_was_killed_is_there_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.play(GATE, name="gate")
    arrive = _hold(stage, monkeypatch)
    async with stage.open() as app:
        await app.press("i")
        for key in (*"mind", "enter"):
            await app.pilot.press(key)
        await app.until(lambda: _drafts(stage) == 1)
        killed = Memory(stage.folder, folder=stage.memory._folder.parent, terminal="test")
        arrive.set()
        await app.settle()
        await app.until(lambda: _drafts(stage) == 0)
        assert stage.operator.run(run.id).mail == 1
    stage.memory = killed
    killed.keep_draft(f"sending {run.id}", Draft("mind"))
    async with stage.open() as app:
        assert composer(app).field.text == "mind"
        assert composer(app).target.kind == "guidance"


def test_a_draft_that_is_written_late_does_not_replace_a_newer_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one to be written hangs, as on a slow disk, while a newer one is taken."""
    begun, go_on, write = threading.Event(), threading.Event(), memory_module._write

    def slow(*args: Any, **options: Any) -> bool:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(20)
        return write(*args, **options)

    monkeypatch.setattr(memory_module, "_write", slow)
    stage.memory.take_drafts({"composer x": Draft("older")})
    threads = [threading.Thread(target=stage.memory.write_drafts) for _ in range(2)]
    threads[0].start()
    assert begun.wait(20)
    stage.memory.take_drafts({"composer x": Draft("newer")})
    threads[1].start()
    assert stage.memory.draft("composer x") == Draft("newer"), "whoever asks meanwhile is given the newer one, too"
    go_on.set()
    for thread in threads:
        thread.join(20)
    again = Memory(stage.folder, folder=stage.memory._folder.parent, terminal="test")
    assert again.draft("composer x") == Draft("newer")


def test_a_draft_that_a_full_disk_refuses_is_kept_and_written_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(memory_module, "_write", lambda *args, **options: False)
        stage.memory.keep_draft("composer x", Draft("mine"))
    assert stage.memory.draft("composer x") == Draft("mine")
    stage.memory.keep_draft("composer y", Draft("more"))
    again = Memory(stage.folder, folder=stage.memory._folder.parent, terminal="test")
    assert (again.draft("composer x"), again.draft("composer y")) == (Draft("mine"), Draft("more"))


def _drafts(stage: Stage) -> int:
    return len(list((stage.memory._folder / "drafts").glob("*.json")))


def _hold(stage: Stage, monkeypatch: pytest.MonkeyPatch, *, error: bool = False) -> threading.Event:
    """What is sent hangs until the event is set, as where another program holds the database, and is refused then."""
    go_on, send = threading.Event(), stage.operator.send

    def sending(*args: Any, **options: Any) -> None:
        assert go_on.wait(20)
        if error:
            raise ProcError("the database is locked")
        send(*args, **options)

    monkeypatch.setattr(stage.operator, "send", sending)
    return go_on
