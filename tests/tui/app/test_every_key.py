"""Every key of the lists, the panes, the form and the dialogs does what the table of keys says.

`TRIED` has a function for each binding. It is called with the first of its keys, in an application that shows `WORK`,
and leaves it with the list of runs focused. A binding without a function fails the tests of its layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.tui import keys
from proc_tui.tui.widgets.run_list import RunList

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import OpenApp, Stage

    Try = Callable[[OpenApp, str], Awaitable[None]]

WORK = """
name: notes
version: "1"
procedures:
  child:
    code: |
      Sleep(9999)
code: |
  -- {long}
  for i = 1, 80 do Log.info("line " .. i) end
  State.set("champion", {version = "v2.3", commits = 48})
  State.set("text", string.rep("many lines\\n", 200))
  Step.run("first", function() State.set("count", 1) return {rows = 3} end)
  Step.run("second", function() State.set("count", 2) return "done" end)
  local root = GraphNode.create{content = "root", score = 0.5}
  GraphNode.create{content = "worse", score = 0.1, parent = root}
  GraphNode.create{content = "better", score = 0.9, parent = root}
  GraphNode.set_current(root)
  for n = 1, 5 do Procedure.spawn("child", {}) end
  Human.approve{message = "Publish it?"}
""".replace("{long}", "a long line " * 30)
SHIP = """
name: ship
version: "1"
params:
  target: {type: string, default: Oslo}
  speed: {type: string, enum: [slow, fast, overnight]}
code: |
  return params.target
"""
TRIED: dict[str, Try] = {}

pytestmark = pytest.mark.slow


def tries(*ids: str) -> Callable[[Try], Try]:
    """Says which bindings a function tries."""

    def note(work: Try) -> Try:
        TRIED.update(dict.fromkeys(ids, work))
        return work

    return note


def said(app: OpenApp, text: str) -> bool:
    """Whether a notice says a text; it does not any more afterwards."""
    found = any(text in str(note.message) for note in app.app._notifications)
    app.app.clear_notifications()
    return found


def cursor(app: OpenApp) -> int:
    """The row of the list that has the focus."""
    focused = app.app.screen.focused
    assert focused is not None
    return focused.cursor  # pyright: ignore[reportAttributeAccessIssue] - it is a list


async def go(app: OpenApp, *pressed: str) -> None:
    """Presses keys one after the other, and waits once."""
    await app.pilot.press(*pressed)
    await app.settle()


async def home(app: OpenApp) -> None:
    """Back to the list of runs, live, on the run that waits."""
    for _ in range(6):
        if app.app.screen.is_modal or len(app.app.screen_stack) > 1:
            await app.press("escape")
    app.app.look_at(None)
    runs = app.app.screen.query_one(RunList)
    runs.focus()
    runs.action_first()
    await app.settle()


# ---- everywhere


@tries("app.help")
async def _help(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "Keys in the list of runs" in app.text()


@tries("app.commands")
async def _commands(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "─ Commands ─" in app.text()


@tries("app.inbox", "app.back")
async def _inbox(app: OpenApp, key: str) -> None:
    await app.press("I")
    assert "Inbox" in app.text().splitlines()[0]
    await app.press("q")
    assert "Inbox" not in app.text().splitlines()[0]


@tries("app.redraw")
async def _redraw(app: OpenApp, key: str) -> None:
    drawn: list[bool] = []
    refresh = app.app.screen.refresh
    app.app.screen.refresh = lambda *args, **options: (drawn.append(True), refresh(*args, **options))[1]
    await app.press(key)
    del app.app.screen.refresh
    assert drawn


@tries("app.interrupt")
async def _interrupt(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert said(app, "q leaves")


# ---- Operate

PANES = {
    "1": "card", "2": "timeline", "3": "state", "4": "checkpoints", "5": "graph", "6": "source", "7": "log",
}  # fmt: skip


@tries(*(f"operate.pane_{number}" for number in PANES))
async def _pane(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert app.focused_layer() == PANES[key]


@tries("operate.next_pane")
async def _next_pane(app: OpenApp, key: str) -> None:
    await app.press(key, key)
    assert app.focused_layer() == "timeline"


@tries("operate.previous_pane")
async def _previous_pane(app: OpenApp, key: str) -> None:
    await app.press(key, key)
    assert app.focused_layer() == "source"


@tries("operate.zoom", "operate.out")
async def _zoom(app: OpenApp, key: str) -> None:
    await app.press("3", "z")
    assert "Needs you" not in app.text()
    await app.press(key)
    assert "Needs you" in app.text()
    await app.press("3", "escape")
    assert app.focused_layer() == "runs"


@tries("operate.actions")
async def _actions(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "Cancel" in app.text()
    assert "its record stays" in app.text()


@tries("operate.new")
async def _new(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "Start a run, or write a procedure" in app.text()


@tries("operate.type")
async def _type(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert app.focused_layer() == "text"


@tries("operate.filter")
async def _filter(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert said(app, "nothing to filter")


@tries("operate.event_back", "operate.event_forward", "operate.live")
async def _events(app: OpenApp, key: str) -> None:
    await app.press("comma", "comma")
    at = app.app.at
    assert at is not None
    await app.press(key)
    assert app.app.at == {"comma": at - 1, "full_stop": at + 1, "F": None}[key]


@tries("operate.checkpoint_back", "operate.checkpoint_forward")
async def _checkpoints(app: OpenApp, key: str) -> None:
    await app.press("less_than_sign", "less_than_sign")
    at = app.app.at
    assert at is not None
    await app.press(key)
    assert app.app.at is not None
    assert app.app.at < at if key == "less_than_sign" else app.app.at > at


@tries("operate.next_request", "operate.previous_request")
async def _requests(app: OpenApp, key: str) -> None:
    first = app.app.selected
    await app.press(key)
    assert app.app.selected != first
    assert app.app.screen.query_one("RunList").selected == app.app.selected  # pyright: ignore[reportAttributeAccessIssue]
    await app.press(key)
    assert app.app.selected == first


@tries("operate.source")
async def _source(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert app.focused_layer() == "source"


@tries("operate.edit", "source.edit")
async def _edit(app: OpenApp, key: str) -> None:
    await app.press(key)
    await app.until(lambda: bool(app.app._notifications))
    assert said(app, "cannot be started")


# ---- the list of runs


@tries("runs.open")
async def _open_run(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert app.focused_layer() == "card"


@tries("runs.fold")
async def _fold_run(app: OpenApp, key: str) -> None:
    assert "child × 5" in app.text()
    before = app.text().count("child")
    await app.press(key)
    assert app.text().count("child") > before + 3, app.text()
    await app.press(key)
    assert app.text().count("child") == before


@tries("runs.find", "find.out", "source.find", "log.find", "lines.find")
async def _find(app: OpenApp, key: str) -> None:
    layer = app.focused_layer()
    await app.press("slash", "o")
    assert app.focused_layer() == "find"
    await app.press("escape")
    assert app.focused_layer() == layer
    assert not app.app.screen.query("FindBar")


@tries("find.go")
async def _find_go(app: OpenApp, key: str) -> None:
    await go(app, "slash", *"older", key)
    assert app.focused_layer() == "runs"
    assert app.line("▌").lstrip("│▌ ◆").startswith("older")
    await app.press("g")


# ---- lists: the Log is a long one


@tries("lines.down", "lines.half_down", "lines.page_down")
async def _down(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    height = app.pane("log").query_one("LogLines").size.height
    assert cursor(app) == {"j": 1, "down": 1, "ctrl+d": height // 2, "pagedown": height - 1}[key]


@tries("lines.up", "lines.half_up", "lines.page_up")
async def _up(app: OpenApp, key: str) -> None:
    app.pane("log").query_one("LogLines").select(30)
    height = app.pane("log").query_one("LogLines").size.height
    await app.press(key)
    assert cursor(app) == 30 - {"k": 1, "up": 1, "ctrl+u": height // 2, "pageup": height - 1}[key]


@tries("lines.first", "lines.last", "log.follow")
async def _ends(app: OpenApp, key: str) -> None:
    await app.press("g", *["j"] * 3, key)
    assert cursor(app) == (0 if key in ("g", "home") else 79)


@tries("lines.left", "lines.right")
async def _sideways(app: OpenApp, key: str) -> None:
    await app.press("6", "l", "l")
    lines = app.app.screen.focused
    assert lines is not None
    at = lines.scroll_offset.x
    assert at > 0
    await app.press(key)
    assert lines.scroll_offset.x < at if key in ("h", "left") else lines.scroll_offset.x > at


@tries("lines.open", "log.open", "checkpoints.source", "timeline.source", "graph.source")
async def _to_source(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert app.focused_layer() == "source"
    assert cursor(app) > 0


@tries("lines.fold", "log.fold")
async def _fold_line(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert app.app.screen.is_modal
    assert "line 1" in app.text()


@tries("lines.again", "lines.again_up")
async def _again(app: OpenApp, key: str) -> None:
    await go(app, "g", "slash", *"line 3", "enter")
    assert cursor(app) == 2
    await app.press("n")
    assert cursor(app) == 29
    if key == "N":
        await app.press(key)
        assert cursor(app) == 2
    await app.press("slash", "escape")


@tries("lines.copy", "lines.copy_path")
async def _copy(app: OpenApp, key: str) -> None:
    await app.press("4", "g", key)
    assert app.app.clipboard == "first"
    assert said(app, "if your terminal takes it"), "what the terminal does with it cannot be known"


# ---- panes


@tries("state.open")
async def _state_open(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert "commits: 48" in app.text()


@tries("state.history")
async def _state_history(app: OpenApp, key: str) -> None:
    await app.press("G", key)
    assert "count: 2 changes" in app.text()


@tries("checkpoints.open")
async def _checkpoint_open(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert "outcome:" in app.text()


@tries("checkpoints.moment", "timeline.open", "graph.moment")
async def _moment(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert app.app.at is not None
    assert "past" in app.line("notes  ")


@tries("checkpoints.mark")
async def _mark(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert "1 marked" in app.text()
    await app.press(key)
    assert "marked" not in app.text()


@tries("checkpoints.compare")
async def _compare(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert said(app, "mark two operations first")
    await app.press("g", "m", "j", "m", key)
    assert "Compare, notes" in app.text()
    await app.press("escape", "m", "k", "m")


@tries("checkpoints.attempts")
async def _attempts(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "Attempts of notes" in app.text()


@tries("checkpoints.actions", "timeline.actions")
async def _from_here(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert "Reset here" in app.text()


@tries("graph.open")
async def _graph_open(app: OpenApp, key: str) -> None:
    await go(app, "g", key)
    assert app.app.screen.is_modal
    assert "score: 0.5" in app.text()


@tries("graph.sort")
async def _graph_sort(app: OpenApp, key: str) -> None:
    if "worse" not in app.text():
        await app.press("g", "l")
    assert app.text().index("worse") < app.text().index("better")
    await app.press(key)
    assert app.text().index("better") < app.text().index("worse")
    await app.press(key)


@tries("graph.current")
async def _graph_current(app: OpenApp, key: str) -> None:
    await app.press("G", key)
    assert cursor(app) == 0


@tries("source.here")
async def _here(app: OpenApp, key: str) -> None:
    await app.press("G")
    end = cursor(app)
    await go(app, "g", key)
    assert 0 < cursor(app) <= end
    assert "waits at line" in app.text()


@tries("source.versions")
async def _versions(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert said(app, "the file is what this run has")


@tries("log.filter")
async def _level(app: OpenApp, key: str) -> None:
    await app.press(key)
    assert "info+" in app.text()
    await app.press(*[key] * 3)
    assert "debug+" in app.text()


@tries("timeline.zoom_in", "timeline.zoom_out")
async def _scale(app: OpenApp, key: str) -> None:
    await app.press("equals_sign", "equals_sign")
    assert "4x closer" in app.text()
    await app.press(key)
    assert {"equals_sign": "8x closer", "minus": "2x closer"}[key] in app.text()
    await app.press(*["minus"] * 4)


# ---- dialogs


@tries("compare.open", "compare.out")
async def _compared(app: OpenApp, key: str) -> None:
    await app.press("4")
    await go(app, "g", "m", "j", "m", "C")
    assert "Compare, notes" in app.text()
    await app.press(key)
    if key == "enter":
        assert "before:" in app.text()
        await app.press("escape", "escape")
    assert "Compare, notes" not in app.text()
    await go(app, "m", "k", "m")


async def _value(app: OpenApp) -> object:
    await app.press("3")
    await go(app, "g", "j", "enter")
    return app.app.screen.focused


@tries("value.down", "value.page_down", "value.last")
async def _value_down(app: OpenApp, key: str) -> None:
    await _value(app)
    top = app.text()
    await app.press(key)
    assert app.text() != top
    await app.press("g")
    assert app.text() == top


@tries("value.up", "value.page_up", "value.first")
async def _value_up(app: OpenApp, key: str) -> None:
    await _value(app)
    await app.press("G")
    end = app.text()
    await app.press(key)
    assert app.text() != end


@tries("value.copy")
async def _value_copy(app: OpenApp, key: str) -> None:
    await _value(app)
    await app.press(key)
    assert app.app.clipboard.startswith("many lines\n")


@tries("value.out", "choice.out", "start.out")
async def _out(app: OpenApp, key: str) -> None:
    assert app.app.screen.is_modal
    await app.press(key)
    assert not app.app.screen.is_modal


def chosen(app: OpenApp) -> int:
    """The row of the dialog that enter chooses."""
    return app.app.screen.query_one("ChoiceList").cursor  # pyright: ignore[reportAttributeAccessIssue]


@tries("choice.down", "choice.page_down")
async def _choice_down(app: OpenApp, key: str) -> None:
    before = chosen(app)
    await app.press(key)
    assert chosen(app) > before


@tries("choice.up", "choice.page_up")
async def _choice_up(app: OpenApp, key: str) -> None:
    before = chosen(app)
    await app.press("pagedown", key)
    assert chosen(app) == before if key == "pageup" else chosen(app) > before


@tries("choice.choose")
async def _choose(app: OpenApp, key: str) -> None:
    await go(app, *"source in", key)
    assert said(app, "cannot be started")


# ---- the form


@tries("start.next")
async def _next_field(app: OpenApp, key: str) -> None:
    first = app.app.screen.focused
    await app.press(key)
    assert app.app.screen.focused is not first


@tries("start.previous")
async def _previous_field(app: OpenApp, key: str) -> None:
    first = app.app.screen.focused
    await app.press("tab", key)
    assert app.app.screen.focused is first


@tries("start.defaults")
async def _defaults(app: OpenApp, key: str) -> None:
    await go(app, *"berg")
    assert "berg" in app.text()
    await app.press(key)
    assert "berg" not in app.text()


@tries("start.edit")
async def _edit_procedure(app: OpenApp, key: str) -> None:
    await app.press("tab", key)
    await app.until(lambda: bool(app.app._notifications))
    assert said(app, "cannot be started")


@tries("start.run", "button.press")
async def _start(app: OpenApp, key: str) -> None:
    before = len(app.app.operator.runs(procedure="ship"))
    await app.press("tab", "tab", key)
    await app.until(lambda: len(app.app.operator.runs(procedure="ship")) > before)
    await app.until(lambda: not app.app.screen.is_modal)


@tries("field.left", "field.right")
async def _option(app: OpenApp, key: str) -> None:
    await app.press("ctrl+r", "tab", key)
    assert ("overnight" if key in ("left", "h") else "slow") in app.line("of 4")


@tries("field.list")
async def _options(app: OpenApp, key: str) -> None:
    await app.press("ctrl+r", "tab", key, "down", "down", "enter")
    assert "fast" in app.line("3 of 4")


def _form(app: OpenApp) -> None:
    app.app.start_form("ship")


BEFORE: dict[str, tuple[str | Callable[[OpenApp], None], ...]] = {
    "app": (), "operate": (), "runs": (), "find": (), "compare": (), "lines": ("7",), "log": ("7",),
    "timeline": ("2",), "state": ("3",), "checkpoints": ("4",), "graph": ("5",), "source": ("6",),
    "value": ("3", "g", "j", "enter"), "choice": ("colon",), "start": (_form,), "field": (_form,), "button": (_form,),
}  # fmt: skip
"""How to get from the list of runs to where a layer acts."""


@pytest.mark.parametrize("layer", sorted(BEFORE))
async def test_every_key_does_what_it_is_called(stage: Stage, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    (stage.folder / "ship.yaml").write_text(SHIP.lstrip())
    await stage.play('Human.approve{message = "And this?"}', name="older")
    stage.clock.advance(-1)
    await stage.play(WORK, name="notes")
    for _ in range(3):
        await stage.drive()
    async with stage.open(size=(150, 44)) as app:
        for binding in keys.of_layer(layer):
            key = binding.keys.split(",")[0]  # the others are the same to Textual
            await home(app)
            assert app.focused_layer() == "runs", f"before {binding.id}"
            if not (layer == "value" and binding.id != "value.out"):
                for step in BEFORE[layer]:
                    if isinstance(step, str):
                        await app.press(step)
                    else:
                        step(app)
                        await app.until(lambda: app.focused_layer() in ("", "field", "button", "start"))
                        await app.until("People are asked")
                        await app.settle()
            assert binding.id in TRIED, f"no test presses {key} of {binding.id}"
            try:
                await TRIED[binding.id](app, key)
            except AssertionError as error:
                raise AssertionError(f"{binding.id} by {key}: {error}\n{app.text()}") from error


def test_every_layer_of_lists_panes_and_forms_is_tried() -> None:
    elsewhere = {"welcome", "conversation", "card", "failure", "inbox", "queue", "review", "naming", "dialog", "text"}
    assert {key.layer for key in keys.KEYS} - elsewhere == set(BEFORE)
