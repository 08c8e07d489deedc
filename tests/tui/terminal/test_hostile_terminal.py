"""No byte of what a run, a file or a name says is obeyed by the terminal: read from a pseudo-terminal, and parsed."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.model.settings import Settings
from proc_tui.core.operator import Operator
from proc_tui.core.testing import complete, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.kill]

STRINGS = runpy.run_path(str(Path(__file__).parent.parent / "hostile_strings.py"))
FOLDER = "shop \x1b]0;OWNED\x07 [b][@click=app.quit]\u202e\x9b31m"
NAME = "evil \x1b]2;OWNED\x1b\\\x9d0;OWNED\x9c[/x]"
OBEYED = STRINGS["OBEYED"].replace("\x00-\x1f", "\x00-\x09\x0b\x0c\x0e-\x1f")
"""Lines are broken by the interface, too."""
ESC, PAGE_DOWN = "\x1b", "\x1b[6~"
PATIENCE = 20.0
SIZE = (40, 150)

ALL = """
local T = %s
for i, s in ipairs(T) do
  Log.info(s, {[s] = s})
  pcall(State.set, s, s)
  pcall(GraphNode.create, s, {[s] = s})
  pcall(Step.run, s, function() return s end)
  pcall(Human.notify, {message = s, content = s, details = {{title = s, content = s}}})
  pcall(System.alert, {message = s, source = s, level = "error"})
  pcall(Session.append, "assistant", s)
  pcall(Stage.set, s)
end
error(table.concat(T, " ", 40, 120))
"""
ASKS = """
local T = %s
local all = table.concat(T, "\\n")
Human.review{message = table.concat(T, " ", 40, 60), artifact = all, artifact_type = T[70],
  context = {[T[50]] = T[60], t = T},
  options = {{label = "A" .. T[45], type = "action"}, {label = "B" .. T[66], type = "cancel"}}}
"""

TEXT = "[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*"
OURS = re.compile(
    "\x1b\\[[0-9;:]*m"  # colours
    "|\x1b\\[[0-9]+;[0-9]+H|\x1b\\[[HJK]|\x1b\\[2J"  # where to draw
    "|\x1b\\[\\?(?:7|25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2048|2031)[hl]"
    "|\x1b\\[\\?(?:2026|2048|2027|2031)\\$p"
    "|\x1b\\[(?:>[0-9]+|<|\\?)u|\x1b\\[6n|\x1b\\[2[23];2t"  # keys, where the cursor is, the title put away
    f"|\x1b\\]2;(?:\\([0-9]+\\) )?proc-tui {TEXT}\x1b\\\\|\x1b\\]9;{TEXT}\x1b\\\\"  # the title, and a notification
    "|\x1b\\]22;[a-z-]*\x07|\x1b\\]52;c;[A-Za-z0-9+/=]*\x07"  # the pointer, and what is copied
)


def notifies(home: Path) -> dict[str, str]:
    """Variables of somebody who is told of requests by a command, which writes what it is given to `home / "told"`."""
    config = home / "config" / "proc-tui"
    config.mkdir(parents=True)
    told = home / "told"
    command = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(ascii(sys.argv[2:]))' {told}"
    (config / "config.toml").write_text(f'[notify]\nosc = "9"\ncommand = """{command} {{title}} {{message}}"""\n')
    return {"XDG_CONFIG_HOME": str(home / "config")}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Operator]:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "broken \x1b[31m.yaml").write_bytes(b"name: \xff\x1b]0;OWNED\x07")
    found = Operator.open(folder, settings=Settings(durability="fast"), user="tester \x1b]0;OWNED\x07")
    yield found
    found.close()


def play(shop: Operator, lua: str, name: str) -> None:
    """Plays a procedure whose name and file are hostile, too."""
    write_workspace(shop.workspace, {f"{name} \x1b[31m\u202e.yaml": complete(lua, name, {})})
    file = shop.workspace / f"{name} \x1b[31m\u202e.yaml"
    text = file.read_text()
    file.write_text(text.replace(f"name: {name}\n", f"name: {json.dumps(f'{name} {NAME}')}\n"))
    shop.start(file)
    asyncio.run(shop.worker().run(once=True))


def test_only_our_own_sequences_are_sent(
    shop: Operator, open_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    texts = STRINGS["lua_list"](STRINGS["named"]())
    play(shop, ASKS % texts, "asks")
    play(shop, ALL % texts, "all")
    home = tmp_path / "home"
    told = home / "told"
    terminal = open_terminal(shop.workspace, home, SIZE, **notifies(home))
    try:
        terminal.until("all ‹U+001B›")
        terminal.rest()
        play_later(shop)
        end = time.monotonic() + PATIENCE
        while not told.exists():
            assert time.monotonic() < end, "\n".join(terminal.screen.display)
            terminal.look()
        terminal.rest()
        for key in "1234567":
            terminal.press(key, "g", PAGE_DOWN, "G")
        terminal.press(
            "3", "g", "\r", PAGE_DOWN, ESC, "y", "x", ESC, ":", "evil", ESC, "?", ESC, "+", ESC, ",", ",", "F"
        )
        terminal.press("J", "1", "x", ESC, "c", ESC, "e", PAGE_DOWN, ESC, "v", PAGE_DOWN, "v", ESC, "I", "J")
        assert terminal.process.isalive()
    finally:
        terminal.process.kill(signal.SIGTERM)
        terminal.look(1.0)
        terminal.end()
    rest = OURS.sub("", terminal.sent.decode("utf-8"))
    assert rest.count("\x07") == 1, "the bell, rung once for the new request"
    rest = rest.replace("\x07", "")
    assert not [rest[max(0, bad.start() - 30) : bad.end() + 30] for bad in re.finditer(OBEYED, rest)]
    for said in ("[/foo]", "[@click=app.quit]press[/]", "‹U+001B›["):
        assert said in rest
    heard = told.read_text()
    assert "OWNED" in heard
    assert not re.search(r"\\x1b|\\x9b|\\x07|\\u202e", heard)


def play_later(shop: Operator) -> None:
    """Somebody asks while the interface is open, which drives the run."""
    file = next(path for path in shop.workspace.glob("asks*.yaml"))
    shop.start(file)
