from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from textual import events

if TYPE_CHECKING:
    from conftest import Stage

FAMILY = """
name: family
version: "1"
procedures:
  child:
    params: {n: {type: integer, required: true}}
    code: |
      if params.n == COUNT then Human.approve{message = "May number " .. params.n .. "?"} end
      if params.n == 1 then Sleep(9999) end
      return params.n
code: |
  local handles = {}
  for n = 1, COUNT do handles[n] = Procedure.spawn("child", {n = n}) end
  Procedure.wait_all(handles)
"""

pytestmark = pytest.mark.slow


def family(stage: Stage, name: str, count: int) -> None:
    """A run with so many children, of which the first sleeps and the last asks somebody."""
    stage.play_now(FAMILY.replace("COUNT", str(count)).replace("name: family", f"name: {name}"), name=name)
    for _ in range(4):
        stage.drive_now()


def many(stage: Stage) -> None:
    """Runs of every status, with and without deadlines."""
    stage.play_now("return 1", name="quick")
    stage.clock.advance(90000)
    stage.play_now('error("it broke: the server said no, and then it said no again")', name="crm_sync")
    stage.clock.advance(1)
    stage.operator.cancel(stage.play_now("Sleep(99)", name="given_up"))
    stage.drive_now()
    stage.clock.advance(240)
    stage.play_now("Sleep(7200)", name="nightly_import")
    stage.clock.advance(1)
    family(stage, "fan_out", 6)
    stage.clock.advance(1)
    family(stage, "pair", 3)
    stage.clock.advance(1)
    stage.play_now('Human.approve{message = "Publish 2.4.0 to everybody?", timeout = 600}', name="release")
    stage.play_now('Human.input{message = "配送 where? 🎁", timeout = 7200}', name="配送_の_手続き_" * 4)
    stage.clock.advance(75)


@pytest.mark.parametrize(
    ("size", "theme", "terminal", "keys"),
    [
        ((150, 40), "proc-dark", "xterm-256color", ()),
        ((200, 60), "proc-light", "xterm-256color", ()),
        ((80, 24), "proc-contrast", "xterm-256color", ("G",)),
        ((80, 24), "proc-16", "linux", ()),
        ((120, 36), "proc-dark", "xterm-256color", ("slash", *"fan")),
    ],
    ids=["wide", "widest", "narrow", "linux", "found"],
)
def test_runs_of_every_status_with_children(
    stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str, keys: tuple[str, ...]
) -> None:
    many(stage)
    app = stage.app(theme=theme, TERM=terminal)
    assert snap_compare(app, terminal_size=size, run_before=stage.after(*keys))


@pytest.mark.parametrize(
    ("theme", "terminal"), [("proc-light", "xterm-256color"), ("proc-16", "linux")], ids=["light", "linux"]
)
def test_an_empty_workspace_with_procedures(stage: Stage, snap_compare: Any, theme: str, terminal: str) -> None:
    for name in ("hello", "配送", "release_notes"):
        (stage.folder / f"{name}.yaml").write_text(f'name: {name}\nversion: "1"\ncode: |\n  return 1\n')
    assert snap_compare(stage.app(theme=theme, TERM=terminal), terminal_size=(80, 24), run_before=stage.settle)


async def test_finding_looks_at_all_runs_also_those_that_are_not_listed(stage: Stage) -> None:
    (stage.folder / "hay.yaml").write_text('name: hay\nversion: "1"\ncode: |\n  return 1\n')
    needle = await stage.play("return 1", name="needle")
    for _ in range(105):
        stage.clock.advance(1)
        stage.operator.start(stage.folder / "hay.yaml")
    await stage.drive()
    async with stage.open() as app:
        assert "needle" not in app.text()
        await app.press("G")
        assert "6 more, / finds them" in app.text()
        await app.press("slash", *"needl")
        await app.until("Found")
        await app.press("enter")
        assert app.app.selected == needle.id
        assert "needle" in app.line("▌")
        await app.press("slash", *"zzz")
        await app.until(lambda: any("nothing found" in str(note.message) for note in app.app._notifications))
        await app.press("escape")
        assert "Found" not in app.text()
        app.app.go_to_run(needle.id)
        await app.until(lambda: "needle" in app.line("▌"))
        assert app.app.selected == needle.id, "the palette and a fork get there too"


async def test_the_cursor_stays_where_it_is_until_a_new_run_is_listed(stage: Stage) -> None:
    await stage.play("return 1", name="one")
    stage.clock.advance(1)
    await stage.play("return 2", name="two")
    async with stage.open() as app:
        await app.press("j")
        new = await stage.play('Human.approve{message = "?"}', name="new")
        app.app.go_to_run(new.id)
        await app.until(lambda: "new" in app.line("▌"))
        await app.settle()
        assert app.app.selected == new.id


async def test_four_children_and_more_are_folded_and_what_asks_somebody_is_not(stage: Stage) -> None:
    await asyncio.to_thread(family, stage, "fan_out", 6)
    await asyncio.to_thread(family, stage, "pair", 3)
    async with stage.open(size=(80, 24)) as app:
        assert "4 of 6 done" in app.line("child × 6")
        assert app.text().count("└ ◆ child") == 2
        assert app.text().count("└ ☾ child") == 1, "a family of three is shown as it is"


async def test_a_click_selects_a_run_a_second_one_opens_it_and_the_wheel_scrolls(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        await stage.play("return 1", name=name)
        stage.clock.advance(1)
    (stage.folder / "hay.yaml").write_text('name: hay\nversion: "1"\ncode: |\n  return 1\n')
    async with stage.open(size=(150, 40)) as app:
        first = app.app.selected
        row = next(y for y, line in enumerate(app.text().splitlines()) if " one " in line)
        await app.pilot.click(offset=(8, row))
        await app.settle()
        assert app.app.selected != first
        assert app.focused_layer() == "runs"
        assert "one " in app.line("v1")
        await app.pilot.click(offset=(8, row), times=2)
        await app.settle()
        assert app.focused_layer() == "conversation"
        for _ in range(60):
            stage.operator.start(stage.folder / "hay.yaml")
        await app.until("hay")
        runs = app.app.screen.query_one("RunList")
        before = app.app.selected
        await app.pilot._post_mouse_events([events.MouseScrollDown], offset=(8, row))
        await app.settle()
        assert runs.scroll_offset.y > 0
        assert app.app.selected == before, "scrolling looks, it selects nothing"


async def test_tabs_nodes_and_buttons_are_clicked(stage: Stage) -> None:
    (stage.folder / "ship.yaml").write_text(
        'name: ship\nversion: "1"\nparams: {target: {type: string, default: Oslo}}\ncode: |\n  return params.target\n'
    )
    await stage.play('State.set("table", {deep = {1}}) Human.approve{message = "?"}', name="notes")
    async with stage.open(size=(150, 40), drive=True) as app:
        await app.pilot.click("#pane-state", offset=(15, 0))
        await app.settle()
        assert app.focused_layer() == "checkpoints"
        await app.pilot.click("#pane-checkpoints", offset=(5, 0))
        await app.settle()
        assert app.focused_layer() == "state"
        lines = app.text().splitlines()
        row = next(y for y, line in enumerate(lines) if "table" in line)
        await app.pilot.click(offset=(lines[row].index("▸ table"), row))
        await app.settle()
        assert "deep" in app.text(), "the sign of a node unfolds it"
        app.app.start_form("ship")
        await app.until("People are asked")
        await app.settle()
        await app.pilot.click("StartButton")
        await app.until(lambda: bool(stage.operator.runs(procedure="ship")))
