"""The conversation: what was said, by whom, folded, filtered, followed, and loaded by windows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.journal import journal
from proc_tui.core.journal.events import MessageAppended, Notified, Record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from conftest import Stage
    from proc_tui.core.journal.events import Event
    from proc_tui.core.journal.runs import Run

pytestmark = pytest.mark.slow

WRITER = {
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
REPLIES = {"writer": [{"calls": [{"count": {"since": "v2.3"}}]}, {"text": NOTES, "calls": ["done"]}]}
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
        before = app.text().splitlines()[5:20]
        append(stage, run, [MessageAppended("ASSISTANT", f"later {n}") for n in range(3)])
        await app.until("3 new below")
        assert app.text().splitlines()[5:20] == before
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
        f'Human.notify{{message = {lua(bad)}, content = {lua(bad * 3)}}} Session.append("ASSISTANT", {lua(bad)}) Human.approve{{message = {lua(bad)}}}',
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

