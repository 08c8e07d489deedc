from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.tui.screen_safety import MOST, ControlGate, safe, safe_line
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

if TYPE_CHECKING:
    from conftest import Stage

HOSTILE = [
    "[/foo]", "[@click=app.quit]press[/]", "[link=https://x]y[/link]", "$accent", "\x1b[31mred", "\x1b]0;title\x07",
    "\x9b31m", "\x90q\x9c", "a\u202egnp.exe", "\u200b\u200bx", "z\u0301\u0301\u0301\u0301", "\r\nover\rwrite",
    "\x00\x08\x7f", "\t\ttabs", "\ud800", "한국어 中文 🙂‍↔️", "x" * 5000, "\n" * 50,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_the_gate_lets_no_control_character_through(text: str) -> None:
    for content in (safe(text), safe_line(text)):
        assert not [character for character in content.plain if ord(character) < 32 and character != "\n"]
        assert not [character for character in content.plain if 0x7F <= ord(character) < 0xA0 or character == "\u202e"]
        assert not content.spans


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (["a\x9bb  "], ["a\ufffdb "]),
        (["│ a\x1b[31mb\u202e      │"], ["│ a\ufffd[31mb\ufffd    │"]),
        (["a\x1b", "bc  d", "   "], ["a\ufffd", "bc d", "   "]),
        (["full\x1b[31mline"], ["full[31mline"]),
        (["│a\u200db   │"], ["│ab  │"]),
        (["a\u200bb     ", "\ud800\U000e0041     "], ["a\ufffdb    ", "\ufffd\ufffd    "]),
    ],
)
def test_the_last_gate_keeps_the_width(line: list[str], shown: list[str]) -> None:
    gated = ControlGate().apply([Segment(text) for text in line], Color(0, 0, 0))
    assert [segment.text for segment in gated] == shown
    assert cell_len("".join(shown)) == cell_len("".join(line))


def test_the_last_gate_drops_links_and_leaves_the_rest() -> None:
    segments = [Segment("fine"), Segment("x", Style(link="https://x", bold=True))]
    shown = ControlGate().apply(segments, Color(0, 0, 0))
    assert [segment.text for segment in shown] == ["fine", "x"]
    assert shown[1].style is not None
    assert shown[1].style.bold
    assert not shown[1].style.link
    assert ControlGate().apply([segments[0]], Color(0, 0, 0))[0] is segments[0]


def test_a_very_long_line_is_cut() -> None:
    assert len(safe_line("x" * 10**6)) == MOST + 1
    assert safe_line("\n" * 10**5 + "seen").plain == "seen"


@pytest.mark.slow
async def test_hostile_text_is_shown_literally_everywhere_on_the_first_screen(stage: Stage) -> None:
    texts = [text for text in HOSTILE if "\ud800" not in text and len(text) < 1000]
    lines = [
        f"Log.info({lua(text)}, {{[{lua(text)}] = {lua(text)}}})\nState.set({lua(text)}, {lua(text)})" for text in texts
    ]
    await stage.play("\n".join(lines) + f"\nHuman.approve{{message = {lua(''.join(texts))}}}", name="hostile")
    async with stage.open(size=(150, 45)) as app:
        for keys in (
            ["7", "g"],
            ["3", "g", "enter", "escape"],
            ["4"],
            ["2"],
            ["6"],
            ["1"],
            ["x", "escape"],
            ["I", "q"],
            ["question_mark", "escape"],
        ):
            await app.press(*keys)
            assert "\x1b" not in app.text()
        app.app.say("[/foo] \x1b[31m")
        await app.until("‹U+001B›[31m")


def lua(text: str) -> str:
    """A Lua string, byte by byte."""
    return '"' + "".join(f"\\{byte:03}" for byte in text.encode()) + '"'
