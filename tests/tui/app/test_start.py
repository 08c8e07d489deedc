from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.core.model.trust import TrustRecord
from proc_tui.tui import forms
from proc_tui.tui.screens.start import FormRow, StartScreen

if TYPE_CHECKING:
    from conftest import OpenApp, Stage
    from textual.widget import Widget

SHIP = """
name: ship
version: "1"
description: Sends a parcel.
params:
  target: {type: string, required: true, description: Where it goes}
  speed: {type: string, enum: [slow, fast], default: slow}
  insured: {type: boolean, default: false}
  weight: {type: number}
  items: {type: array, default: [1, 2]}
code: |
  return {target = params.target, n = #params.items}
"""

pytestmark = pytest.mark.slow


def write(stage: Stage, text: str = SHIP, name: str = "ship") -> None:
    (stage.folder / f"{name}.yaml").write_text(text.lstrip())


def control(app: OpenApp, name: str) -> Widget:
    """The field of a parameter."""
    return next(row.control for row in app.app.screen.query(FormRow) if row.field.name == name)


def of(stage: Stage) -> list[forms.FormField]:
    return forms.fields(stage.operator.program("ship").procedure.params)


async def test_a_form_has_a_field_for_each_parameter_of_its_kind(stage: Stage) -> None:
    write(stage)
    async with stage.open() as app:
        app.app.start_form("ship")
        await app.until("Where it goes")
        text = app.text()
        assert "Sends a parcel." in text
        assert "slow" in app.line("1 of 2")
        assert "- 1" in text
        assert "people: asked" in text
        assert app.app.screen.focused is control(app, "target")


async def test_a_run_is_started_with_what_was_typed_and_that_is_remembered(stage: Stage) -> None:
    write(stage)
    async with stage.open(drive=True) as app:
        app.app.start_form("ship")
        await app.until("Where it goes")
        await app.press(*"Oslo", "enter", "right", "tab", "right", "tab", *"2.5", "ctrl+s")
        await app.until(lambda: stage.operator.runs())
        run = stage.operator.runs()[0]
        await app.until(lambda: stage.operator.run(run.id).status == "COMPLETED")
        assert '"speed":"fast"' in run.params.replace(" ", "")
        assert '"weight":2.5' in run.params.replace(" ", "")
        assert '"insured":true' in run.params.replace(" ", "")
        app.app.start_form("ship")
        await app.until("as last time")
        assert "Oslo" in app.text()


async def test_what_is_wrong_is_said_at_its_field_which_gets_the_focus(stage: Stage) -> None:
    write(stage)
    async with stage.open() as app:
        app.app.start_form("ship")
        await app.until("Where it goes")
        await app.press("ctrl+s")
        await app.until("is required")
        assert not stage.operator.runs()
        await app.press(*"x", "tab", "tab", "tab", *"heavy", "tab")
        await app.until("must be a number")
        await app.press("ctrl+s")
        assert app.app.screen.focused is control(app, "weight")
        assert not stage.operator.runs()


async def test_a_form_that_was_left_is_as_it_was_when_it_is_opened_again(stage: Stage) -> None:
    write(stage)
    async with stage.open() as app:
        app.app.start_form("ship")
        await app.until("Where it goes")
        await app.press(*"Berg", "escape")
        app.app.start_form("ship")
        await app.until("as you left it")
        assert "Berg" in app.text()
        await app.press("ctrl+r")
        assert "Berg" not in app.text()


async def test_a_procedure_that_cannot_be_read_says_why(stage: Stage) -> None:
    write(stage, 'name: ship\nversion: "1"\ncode: |\n  return (\n')
    async with stage.open() as app:
        app.app.start_form("ship")
        await app.until("E opens it")
        assert "ship.yaml:" in app.text()
        await app.press("escape")
        assert not isinstance(app.app.screen, StartScreen)


async def test_a_run_that_may_want_programs_asks_for_trust_with_their_commands(stage: Stage) -> None:
    (stage.folder / ".proc-tui").mkdir(exist_ok=True)
    (stage.folder / ".proc-tui" / "config.toml").write_text(
        '[mcpServers.disk]\ncommand = "disk-server"\nargs = ["--all"]\n'
    )
    write(stage, SHIP.replace("  return {", "  if false then Tools.find() end\n  return {"))
    async with stage.open(drive=True) as app:
        app.app.start_form("ship")
        await app.until("Where it goes")
        await app.press(*"Oslo", "ctrl+s")
        await app.until("disk-server --all")
        await app.press("enter")
        assert not stage.operator.runs(), "the first answer is the mildest"
        await app.press("ctrl+s")
        await app.until("disk-server --all")
        await app.press("j", "j", "enter")
        await app.until(lambda: stage.operator.runs())
        assert TrustRecord().trusts(stage.folder)


async def test_replies_beside_the_procedure_are_offered(stage: Stage) -> None:
    write(stage)
    (stage.folder / "ship.replies.yaml").write_text("helper:\n  - Hello.\n")
    async with stage.open() as app:
        app.app.start_form("ship")
        await app.until("scripted by ship.replies.yaml")
        assert "none is called" in app.text()


async def test_the_picker_lists_procedures_and_templates_and_opens_the_form(stage: Stage) -> None:
    write(stage)
    async with stage.open() as app:
        app.app.start_form(None)
        await app.until("Sends a parcel.")
        assert "fan-out with join" in app.text()
        await app.press(*"shi", "enter")
        await app.until("Where it goes")


async def test_a_new_procedure_asks_for_a_name_that_is_free(stage: Stage) -> None:
    write(stage)
    async with stage.open() as app:
        app.app.new_procedure("approval")
        await app.until("approval gate")
        await app.press(*"ship")
        await app.until("exists already")
        await app.press("enter")
        assert not (stage.folder / "shipment.yaml").exists()
        await app.press(*"ment", "enter")
        await app.until(lambda: (stage.folder / "shipment.yaml").exists())


def test_texts_and_values_go_round(stage: Stage) -> None:
    write(stage)
    form = of(stage)
    texts = forms.defaults(form)
    assert texts == {"target": "", "speed": "slow", "insured": "no", "weight": "", "items": "- 1\n- 2"}
    found, problems = forms.values(form, {**texts, "items": "a: 1"})
    assert problems["items"].startswith("must be an array")
    assert problems["target"].startswith("is required")
    found, problems = forms.values(form, {**texts, "target": "x", "items": "[3]", "insured": "yes"})
    assert not problems
    assert found == {"target": "x", "speed": "slow", "insured": True, "items": [3]}
    assert {name: forms.text_of(field, found.get(name)) for field in form for name in [field.name]}["items"] == "- 3"
