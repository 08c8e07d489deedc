from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.tui.panes.highlight import highlight

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stage

TEXT = """\
name: notes
version: "1"
# What is published.
stages: [collect, review]
code: |
  -- three times
  for n = 1, 3 do
    Step.run("part " .. n, function() return n end)
  end
  local ok = Human.approve{message = "Publish it?"}
  return {ok = ok}
"""

pytestmark = pytest.mark.slow


async def play(stage: Stage, text: str = TEXT) -> Any:
    """The procedure, up to where it waits."""
    (stage.folder / "notes.yaml").write_text(text)
    run = stage.operator.start(stage.folder / "notes.yaml")
    await stage.drive()
    return stage.operator.run(run.id)


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *texts: str) -> None:
    """An editor that writes these texts, one each time it is opened."""
    for place, text in enumerate(texts):
        (tmp_path / f"text{place}").write_text(text)
    script = tmp_path / "editor.sh"
    script.write_text(
        f'for last in "$@"; do :; done\nfor n in 0 1 2; do if [ -e {tmp_path}/text$n ]; then '
        f'cat {tmp_path}/text$n > "$last"; rm {tmp_path}/text$n; exit 0; fi; done\n'
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"sh {script}")


def test_lua_in_yaml_has_its_colours() -> None:
    lines = highlight(TEXT)
    assert len(lines) == TEXT.count("\n")
    assert [line.plain for line in lines] == TEXT.splitlines()

    def styles(number: int) -> set[str]:
        return {str(span.style) for span in lines[number - 1].spans}

    assert styles(1) == {"$accent"}
    assert "$quiet" in styles(3)
    assert "$quiet" in styles(6)
    assert {"$agent", "$number"} <= styles(7)
    assert "$string" in styles(8)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "code: |", "code: |\n", "a: [", "code: |\n  x = 'open\n", "\tcode: |\n\t\tx\n", "code: >-\n\n\n  y"],
)
def test_any_text_keeps_its_lines(text: str) -> None:
    lines = text.expandtabs(4).split("\n")
    assert [line.plain for line in highlight(text)] == (lines if lines[-1] else lines[:-1])


def test_nothing_of_the_text_reaches_the_terminal_unseen() -> None:
    (line,) = highlight("a: \x1b[31m\u202e [/foo] [@click=app.quit]x[/]")
    assert line.plain == "a: ‹U+001B›[31m‹U+202E› [/foo] [@click=app.quit]x[/]"


async def test_the_line_that_waits_and_the_lines_that_ran_are_marked(stage: Stage) -> None:
    await play(stage)
    async with stage.open(size=(170, 44)) as app:
        await app.press("6", "z")
        assert "◆" in app.line("local ok")
        assert "3   8 " in app.line('Step.run("part')
        assert "waits at line 10" in app.text()
        await app.press("comma", "comma", "comma")
        assert "▸" in app.line('Step.run("part')
        assert "◆" not in app.line("local ok")


async def test_finding_and_copying_a_line(stage: Stage) -> None:
    await play(stage)
    async with stage.open(size=(170, 44)) as app:
        await app.press("6", "slash", *"three", "enter")
        assert app.focused_layer() == "source"
        assert app.pane("source").query_one("SourceLines").cursor == 5
        await app.press("t")
        assert app.pane("source").query_one("SourceLines").cursor == 9


async def test_the_difference_to_the_file_is_said_and_shown(stage: Stage) -> None:
    await play(stage)
    (stage.folder / "notes.yaml").write_text(TEXT.replace("three times", "many times"))
    async with stage.open(size=(170, 44)) as app:
        await app.press("6", "z")
        assert "the file differs" in app.text()
        await app.press("v")
        assert "-  -- three times" in app.text()
        assert "+  -- many times" in app.text()
        await app.press("v")
        assert "@@" not in app.text()
    (stage.folder / "notes.yaml").unlink()
    async with stage.open(size=(170, 44)) as app:
        await app.press("6")
        assert "the file is gone" in app.text()


async def test_a_mistake_is_shown_with_its_place_and_can_be_mended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await play(stage)
    editor(monkeypatch, tmp_path, TEXT.replace("code: |", "cod: |"), TEXT + "# more\n")
    async with stage.open(size=(150, 44)) as app:
        await app.press("6", "E")
        await app.until("notes.yaml is not right yet")
        assert "5:1 error DOC-" in app.text()
        assert "5 | cod: |" in app.text()
        await app.press("enter")
        await app.until("Resume with the edited text?")
        await app.press("escape")
        assert "# more" in (stage.folder / "notes.yaml").read_text()


async def test_a_run_goes_on_with_the_edited_text(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = await play(stage)
    editor(monkeypatch, tmp_path, TEXT.replace("return {ok = ok}", "return {ok = ok, edited = true}"))
    async with stage.open(size=(150, 44)) as app:
        await app.press("E")
        await app.until("Resume with the edited text?")
        await app.press("j", "enter")
        await app.until(lambda: stage.operator.run(run.id).attempt == 2)
        assert "edited = true" in stage.operator.source(stage.operator.run(run.id))


async def test_enter_resumes_a_failed_run_with_the_text_that_was_mended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = await stage.play('error("no")', name="it")
    text = (stage.folder / "it.yaml").read_text()
    editor(monkeypatch, tmp_path, text.replace('error("no")', "return {}"))
    async with stage.open() as app:
        await app.press("enter", "E")
        await app.until("Resume with the edited text?")
        await app.press("enter")
        await app.until(lambda: stage.operator.run(run.id).attempt == 2)


async def test_a_text_that_is_only_kept_is_said_to_wait_for_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = await play(stage)
    editor(monkeypatch, tmp_path, TEXT + "# more\n")
    async with stage.open() as app:
        await app.press("E")
        await app.until("Resume with the edited text?")
        await app.press("enter")
        await app.until(lambda: any("notes.yaml is kept" in note.message for note in app.app._notifications))
        assert stage.operator.run(run.id).attempt == 1


async def test_a_text_that_goes_another_way_shows_both_sides_and_can_be_cut(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = await play(stage)
    editor(monkeypatch, tmp_path, TEXT.replace('"part "', '"piece "'))
    async with stage.open(size=(150, 44)) as app:
        await app.press("E")
        await app.until("Resume with the edited text?")
        await app.press("j", "enter")
        await app.until("The edited text goes another way")
        assert "part 1" in app.text()
        assert "piece 1" in app.text()
        assert stage.operator.run(run.id).attempt == 1
        await app.press("j", "j", "enter")
        await app.until(lambda: stage.operator.run(run.id).attempt == 2)


async def test_an_editor_that_is_not_there_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await play(stage)
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    async with stage.open(size=(150, 44)) as app:
        await app.press("E")
        await app.until(lambda: any("cannot be started" in str(note.message) for note in app.app._notifications))


async def test_hostile_text_is_shown_literally(stage: Stage) -> None:
    await play(stage, TEXT + "# [/foo] [@click=app.quit]x[/]\n")
    async with stage.open(size=(170, 44)) as app:
        await app.press("6", "z")
        assert "# [/foo] [@click=app.quit]x[/]" in app.text()


def test_source(stage: Stage, snap_compare: Any) -> None:
    (stage.folder / "notes.yaml").write_text(TEXT)
    stage.operator.start(stage.folder / "notes.yaml")
    stage.drive_now()
    assert snap_compare(stage.app(), press=["6", "z"], terminal_size=(80, 24), run_before=stage.settle)


def test_source_difference_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    (stage.folder / "notes.yaml").write_text(TEXT)
    stage.operator.start(stage.folder / "notes.yaml")
    stage.drive_now()
    (stage.folder / "notes.yaml").write_text(TEXT.replace("three times", "many times"))

    async def switch(pilot: Any) -> None:
        for key in ("6", "z", "v"):
            await stage.settle(pilot)
            await pilot.press(key)
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(100, 26), run_before=switch)


@pytest.mark.parametrize(
    ("size", "theme", "terminal"),
    [((80, 24), "proc-contrast", "xterm-256color"), ((80, 24), "proc-16", "linux")],
    ids=["contrast", "linux"],
)
def test_wide_and_long_lines(stage: Stage, snap_compare: Any, size: tuple[int, int], theme: str, terminal: str) -> None:
    text = TEXT.replace("three times", "三回 🎁 " + "three times " * 12)
    (stage.folder / "notes.yaml").write_text(text)
    stage.operator.start(stage.folder / "notes.yaml")
    stage.drive_now()
    app = stage.app(theme=theme, TERM=terminal)
    assert snap_compare(app, terminal_size=size, run_before=stage.after("6", "z", "l"))
