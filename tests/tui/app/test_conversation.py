"""The conversation: what was said, by whom, folded, filtered, followed, and loaded by windows."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.journal import journal
from proc_tui.core.journal.events import MessageAppended, Notified, Record
from proc_tui.core.testing import complete, scripted, write_workspace
from proc_tui.tui.glyphs import UNICODE
from proc_tui.tui.talk.markdown import Growing, lay_out
from proc_tui.tui.widgets.talk import Talk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from conftest import Stage
    from proc_tui.core.journal.events import Event
    from proc_tui.core.journal.runs import Run
    from proc_tui.tui.app import ProcTui
    from textual.pilot import Pilot

pytestmark = pytest.mark.slow

WRITER: dict[str, Any] = {
    "agents": {
        "writer": {"system_prompt": "You write release notes.", "initial_message": "Begin.", "tools": ["count", "done"]}
    },
    "procedures": {
        "count": {"params": {"since": {"type": "string", "required": True}}, "code": "return {commits = 48}"}
    },
}
NOTES = """# Release 2.4.0

Here is the **draft**. I kept the *breaking* changes first:

- `retries` is now `response.retries`
- exit code 3 means that a person is awaited, which takes more than one line of this pane to be told in full

```python
def f(x: int) -> str:
    return "a" * x  # twice
```

See [the notes](https://example.org/notes)."""
DONE = {"done": {"reason": "draft ready"}}
REPLIES: dict[str, Any] = {"writer": [{"calls": [{"count": {"since": "v2.3"}}]}, {"text": NOTES, "calls": [DONE]}]}
GROWS = 'Writer.turn() Human.approve{message = "Good?"}'
CODE = """
Writer.turn()
Writer.turn()
Human.notify{message = "Draft ready", content = "48 lines, 3 links checked"}
System.alert{level = "warning", message = "1 link redirected"}
local ok = Human.approve{message = "Publish it?", timeout = 3600}
return {ok = ok}
"""


async def conversation(stage: Stage, **options: Any) -> Run:
    return await stage.play(CODE, name="notes", replies=REPLIES, **WRITER, **options)


async def test_messages_are_told_by_who_said_them(stage: Stage) -> None:
    await conversation(stage)
    async with stage.open(size=(170, 60)) as app:
        text = app.text()
        assert "writer turn 2" in app.line("writer turn 2")
        assert "tok" in app.line("writer turn 2")
        assert "Here is the draft. I kept the breaking changes first" in text
        assert "the notes (https://example.org/notes)" in text
        assert 'count {"since": "v2.3"} →' in app.line("count {")
        assert "48" in app.line("count {")
        assert "Draft ready" in text
        assert "48 lines, 3 links checked" in text
        assert "WARNING 1 link redirected" in text
        assert "You write release notes." not in text, "what goes to agents is internal"


async def test_a_filter_shows_what_is_internal_and_is_remembered(stage: Stage) -> None:
    await conversation(stage)
    async with stage.open(size=(170, 60)) as app:
        await app.press("1", "k")
        app.pane("conversation").query_one("Talk").focus()
        await app.press("f")
        await app.press("down", "enter")
        assert "system prompt" in app.text()
        assert "You write release notes." in app.line("system prompt")
        assert stage.memory.now.filters["conversation"] == "all"
    async with stage.open(size=(170, 60)) as app:
        assert "You write release notes." in app.text()


async def test_a_call_unfolds_and_opens_in_full(stage: Stage) -> None:
    await conversation(stage)
    async with stage.open(size=(170, 60)) as app:
        talk = app.pane("conversation").query_one("Talk")
        talk.focus()
        row = next(row for row in range(talk.total()) if "count {" in talk.text_of(row))
        talk.select(row)
        await app.press("space")
        assert "arguments" in app.text()
        assert "result" in app.text()
        assert talk.cursor == row
        await app.press("enter")
        assert '{"commits":48}' in app.text()
        await app.press("escape", "space")
        assert "arguments" not in app.text()


async def test_an_answer_stands_beside_its_request(stage: Stage) -> None:
    run = await conversation(stage)
    (request,) = stage.operator.inbox()
    from proc_tui.core.operator import Given

    stage.clock.advance(5)
    stage.operator.answer(request.id, Given(approved=False, feedback="no links"), by="ann")
    await stage.drive()
    async with stage.open(size=(170, 60)) as app:
        assert "Publish it?" in app.text()
        assert "rejected: no links by ann" in app.text()
        assert "completed" in app.text()
    assert stage.operator.run(run.id).status == "COMPLETED"


async def test_an_answer_with_an_edited_artifact_says_so_and_leads_to_what_was_changed(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "one\\ntwo\\nthree\\n"}', name="letter")
    (request,) = stage.operator.inbox()
    from proc_tui.core.operator import Given

    stage.operator.answer(request.id, Given(decision="Approve", artifact="one\n2\nthree\nfour\n"), by="ann")
    await stage.drive()
    async with stage.open(size=(170, 60)) as app:
        assert "edited by ann: 2 lines added, 1 removed" in app.text()
        talk = app.pane("conversation").query_one("Talk")
        talk.focus()
        talk.select(next(row for row in range(talk.total()) if "edited by ann" in talk.text_of(row)))
        await app.press("enter")
        assert "- two" in app.text()
        assert "+ 2" in app.text()
        assert "+ four" in app.text()
        assert "- one" not in app.text()


async def test_an_answer_without_an_edit_does_not_speak_of_one(stage: Stage) -> None:
    await stage.play('Human.review{message = "Fine?", artifact = "one"}', name="letter")
    (request,) = stage.operator.inbox()
    from proc_tui.core.operator import Given

    stage.operator.answer(request.id, Given(decision="Approve"), by="ann")
    await stage.drive()
    async with stage.open(size=(170, 60)) as app:
        assert "Approve by ann" in app.text()
        assert "edited" not in app.text()


async def test_the_past_shows_what_was_said_by_then_and_takes_nothing(stage: Stage) -> None:
    await conversation(stage)
    async with stage.open(size=(170, 60)) as app:
        app.app.look_at(8)
        await app.settle()
        assert "Draft ready" not in app.text()
        assert not app.app.screen.query("Card")
        assert not app.pane("conversation").query_one("Composer").has_class("-open")


@pytest.fixture
def fill(stage: Stage) -> Callable[[Run, int], None]:
    """Appends messages to a run as if it had said them."""

    def fill(run: Run, count: int) -> None:
        events: list[Event] = [
            Notified("half way")
            if n == count // 2
            else MessageAppended("ASSISTANT", f"message {n}: the quick brown fox\nand a line")
            for n in range(count)
        ]
        append(stage, run, events)

    return fill


def append(stage: Stage, run: Run, events: list[Event]) -> None:
    seq = itertools.count(stage.operator.run(run.id).last_seq + 1)
    rows = [journal.event_row(run.id, Record(next(seq), stage.clock.now(), 3, event)) for event in events]

    def work(connection: sqlite3.Connection) -> None:
        journal.insert(connection, rows)

    stage.operator._database.write(work)  # pyright: ignore[reportPrivateUsage] - as if it had said them


async def test_a_long_conversation_opens_at_its_end_and_is_read_upwards(stage: Stage, fill: Any) -> None:
    run = await stage.play('Human.approve{message = "Go on?"}', name="long")
    fill(run, 3000)
    async with stage.open(size=(120, 40)) as app:
        talk = app.pane("conversation").query_one("Talk")
        talk.focus()
        assert "message 2999" in app.text()
        assert talk.shown < 400, "only what is near the end is there"
        await app.press("pageup")
        for _ in range(3):
            before = app.line("message")
            await app.press("pageup")
            assert app.line("message") != before
        top = app.line("message")
        for _ in range(12):
            await app.press("pageup")
        assert app.line("message") < top
        await app.press("g")
        assert "message 0:" in app.text()
        await app.press("G")
        assert "message 2999" in app.text()


async def test_new_messages_are_followed_at_the_end_only(stage: Stage, fill: Any) -> None:
    run = await stage.play('Human.approve{message = "Go on?"}', name="long")
    fill(run, 300)
    async with stage.open(size=(120, 40)) as app:
        talk = app.pane("conversation").query_one("Talk")
        talk.focus()
        append(stage, run, [MessageAppended("ASSISTANT", "one more")])
        await app.until("one more")
        await app.press("pageup", "pageup")
        before = [line[:110] for line in app.text().splitlines()[5:20]]
        append(stage, run, [MessageAppended("ASSISTANT", f"later {n}") for n in range(3)])
        await app.until("3 new below")
        assert [line[:110] for line in app.text().splitlines()[5:20]] == before
        assert "later 2" not in app.text()
        await app.press("G")
        assert "later 2" in app.text()
        assert "new below" not in app.text()


async def test_finding_goes_up_and_beyond_what_is_loaded(stage: Stage, fill: Any) -> None:
    run = await stage.play('Human.approve{message = "Go on?"}', name="long")
    fill(run, 3000)
    async with stage.open(size=(120, 40)) as app:
        app.pane("conversation").query_one("Talk").focus()
        await app.press("slash", *"half", "space", *"way", "enter")
        assert "half way" in app.text()
        assert "message 1499" in app.text(), "what stands around it is shown too"


async def test_hostile_text_is_shown_literally(stage: Stage) -> None:
    bad = (
        "[/foo] [@click=app.quit]x[/] \x1b[31mred \u202ebidi **bold [red]** `[/]` [a](javascript:x) "
        + "(" * 300
        + "`" * 500
    )
    await stage.play(
        f'Human.notify{{message = {lua(bad)}, content = {lua(bad * 3)}}} Session.append("ASSISTANT", {lua(bad)}) '
        f"Human.approve{{message = {lua(bad)}}}",
        name="bad",
    )
    async with stage.open(size=(150, 50)) as app:
        text = app.text()
        assert "[/foo] [@click=app.quit]x[/] ‹U+001B›[31mred" in text
        assert "\x1b" not in text


def lua(text: str) -> str:
    """A Lua string."""
    return (
        '"'
        + "".join(
            char if char.isascii() and char.isalnum() else "".join(f"\\{byte:03}" for byte in char.encode())
            for char in text
        )
        + '"'
    )


def played(stage: Stage) -> None:
    # Without a card: what it previews is read meanwhile.
    stage.play_now(CODE.partition("local ok")[0] + "Sleep(3600)", name="notes", replies=REPLIES, **WRITER)
    stage.clock.advance(240)


def test_conversation_wide(stage: Stage, snap_compare: Any) -> None:
    played(stage)
    stage.memory.keep(zoomed=True)
    assert snap_compare(stage.app(), terminal_size=(150, 54), run_before=stage.settle)


def test_conversation_in_the_light_theme_unfolded_and_unfiltered(stage: Stage, snap_compare: Any) -> None:
    played(stage)
    stage.memory.keep(filters={"conversation": "all"})

    async def unfold(pilot: Pilot[Any]) -> None:
        await stage.settle(pilot)
        await pilot.press("z")
        await stage.settle(pilot)
        talk = pilot.app.screen.query_one("Talk", Talk)
        talk.focus()
        talk.select(next(row for row in range(talk.total()) if "count {" in talk.text_of(row)))
        await pilot.press("space")
        await stage.settle(pilot)

    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(120, 54), run_before=unfold)


def test_conversation_at_80x24_in_ascii(stage: Stage, snap_compare: Any) -> None:
    played(stage)

    async def enter(pilot: Pilot[Any]) -> None:
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("k")
        await stage.settle(pilot)

    assert snap_compare(stage.app(TERM="linux"), terminal_size=(80, 24), run_before=enter)


def test_conversation_empty(stage: Stage, snap_compare: Any) -> None:
    stage.play_now("Sleep(3600)", name="quiet")
    assert snap_compare(stage.app(), terminal_size=(120, 36), run_before=stage.settle)


def test_conversation_with_wide_characters(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(
        'Human.notify{message = "発売の準備 👩‍👩‍👧 e\\u{301}", '
        'content = "漢字 漢字 漢字 漢字 漢字 漢字 漢字 漢字 漢字 漢字 漢字 مرحبا\\n- 一つ"} '
        "Sleep(3600)",
        name="wide",
    )
    assert snap_compare(stage.app(theme="proc-light"), terminal_size=(120, 36), run_before=stage.settle)


def test_a_text_that_grows_looks_at_each_moment_as_when_it_is_whole() -> None:
    growing = Growing()
    for end in range(1, len(NOTES) + 1):
        text = NOTES[:end]
        seen = [line.plain for line in growing.lines(text, 40, UNICODE)]
        assert seen in ([line.plain for line in lay_out(part, 40, UNICODE)] for part in (text, text.removesuffix("\n")))
    assert growing.lines(NOTES, 40, UNICODE) == lay_out(NOTES, 40, UNICODE)


def screen(app: ProcTui) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_reply_is_shown_as_it_arrives_and_stays_where_it_is_when_it_is_recorded(stage: Stage) -> None:
    text = "\n\n".join(f"Paragraph {n} of it." for n in range(30))
    script = scripted({"writer": [{"text": text, "delay": 0.02}]})
    agents = {"writer": {"system_prompt": "x", "initial_message": "y"}}
    write_workspace(stage.folder, {"writes.yaml": complete(GROWS, "writes", {"agents": agents})})
    stage.operator.start(stage.folder / "writes.yaml", replies=script)
    app = stage.app(drive=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "… writing" in screen(app))
        talk = app.screen.query_one("Talk", Talk)
        talk.focus()
        await until(lambda: talk.total() > 40)
        talk.select(3)
        top = talk.scroll_offset.y
        await until(lambda: "Good?" in screen(app))
        await stage.settle(pilot)
        assert "writing" not in screen(app)
        assert talk.scroll_offset.y == top, "the reading position stays"
        assert talk.total() == 60
        await app.leave()
