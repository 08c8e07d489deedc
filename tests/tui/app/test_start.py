from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.model.trust import Startable, TrustRecord
from proc_tui.tui import forms
from proc_tui.tui.screens.dialogs import TrustDialog
from proc_tui.tui.screens.start import StartScreen
from proc_tui.tui.widgets.form_row import FormRow

if TYPE_CHECKING:
    from conftest import OpenApp, Stage
    from proc_tui.tui.app import ProcTui
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

EVERY_KIND = """
name: ship
version: "1"
description: Sends a parcel, and says when it will be there. What is written here may be as long as it likes.
params:
  target: {type: string, required: true, description: "Where it goes: a town, or a town and a country"}
  note: {type: string, default: "to 東京, with 🎁 and a\u0301ccents"}
  speed: {type: string, enum: [slow, fast, overnight], default: slow}
  carrier: {type: string, enum: [road, rail]}
  insured: {type: boolean, default: false, description: Costs 2 more}
  copies: {type: integer, default: 1}
  weight: {type: number, description: in kg}
  letter:
    type: string
    default: |
      Dear customer,
      it is on its way.
  items: {type: array, default: [paper, {name: ink, count: 2}]}
  address: {type: object, default: {street: Main Street, number: 1}}
code: |
  return params.target
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
        assert "People are asked" in text
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


def open_form(app: ProcTui) -> None:
    """The form of `ship`."""
    app.start_form("ship")


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [
        ((120, 44), "proc-dark", "xterm-256color"),
        ((80, 24), "proc-light", "xterm-256color"),
        ((100, 36), "proc-contrast", "xterm-256color"),
        ((90, 30), "proc-16", "linux"),
    ],
)
def test_a_form_with_every_kind_of_field(
    stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str
) -> None:
    write(stage, EVERY_KIND)
    (stage.folder / "ship.replies.yaml").write_text("helper:\n  - Hello.\n")
    app = stage.app(theme=theme, TERM=terminal)
    steps = (open_form, *(["tab"] * 9 if size == (120, 44) else ["tab", "tab"] if size == (100, 36) else []))
    assert snap_compare(app, terminal_size=size, run_before=stage.after(*steps))


@pytest.mark.parametrize(
    ("size", "theme"), [((100, 40), "proc-light"), ((80, 24), "proc-dark")], ids=["light", "at_80x24"]
)
def test_a_form_with_errors_at_its_fields(stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str) -> None:
    write(stage)
    keys = (*["tab"] * 3, *"heavy", "tab", "x", "ctrl+s")
    assert snap_compare(stage.app(theme=theme), terminal_size=size, run_before=stage.after(open_form, *keys))


def test_a_form_of_a_procedure_that_is_wrong(stage: Stage, snap_compare: Any) -> None:
    write(stage, 'name: ship\nversion: "1"\nstages: 3\ncode: |\n  return (\n')
    assert snap_compare(stage.app(), terminal_size=(80, 24), run_before=stage.after(open_form))


def test_the_picker(stage: Stage, snap_compare: Any) -> None:
    write(stage)
    write(stage, SHIP.replace("Sends a parcel.", "荷物を送る " * 12), "配送")
    work = stage.after(lambda app: app.start_form(None))
    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(80, 24), run_before=work)


def test_the_question_of_trust(stage: Stage, snap_compare: Any) -> None:
    found = [
        Startable("mcpServers", "disk", "disk-server --all --root /srv/data", ("HOME", "DISK_TOKEN"), "/srv"),
        Startable("pythonTools", "prices", "prices.py " + "--every-option " * 12),
    ]
    work = stage.after(lambda app: app.push_screen(TrustDialog("/home/ann/shop", found)))
    assert snap_compare(stage.app(), terminal_size=(100, 30), run_before=work)
