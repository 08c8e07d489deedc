"""Workspaces that the interface is looked at on: large ones, and ones whose runs go on.

Large runs have ended, so that nothing drives them. Belongs here: making them. Never: measuring.
"""

from __future__ import annotations

import json
import textwrap
import time
from itertools import chain
from typing import TYPE_CHECKING

import windows
from proc_tui.core.agents.replies import Replies
from proc_tui.core.journal import runs
from proc_tui.core.journal.events import Logged, MessageAppended, RunEnded
from proc_tui.core.model.settings import Settings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from proc_tui.core.journal.events import Event

SMALL, TALK, GRAPH, LONG = NAMES = ("small", "talk", "graph", "long")
"""The procedures of a workspace of large runs, from the newest run to the oldest."""
LAST = "the last of all"
"""What each of them says and logs last."""
BATCH = 100
WORD_SECONDS = 0.01
LINES_A_SECOND = 5000
LOGGING = f"""
local due = 0
for batch = 1, 1000000 do
  for place = 1, {BATCH} do
    Log.info("line " .. batch * {BATCH} + place .. ": the quick brown fox jumps over the lazy dog", {{batch = batch}})
  end
  due = math.max(due + {BATCH / LINES_A_SECOND}, os.clock() - 0.1)
  Sleep(math.max(0.001, due - os.clock()))
end
"""
"""Code that logs so many lines a second."""
REPLYING = "while true do Worker.turn() end\n"
"""Code whose agent says a word every 10 ms."""
_TEXT = "The quick brown fox jumps over the lazy dog, and nobody knows why it always does."


def large(folder: Path, *, events: int = 1, nodes: int = 1, messages: int = 1) -> None:
    """Four runs that have ended: a long one, one with a graph, one with a conversation, a small one."""
    now = time.time()
    contents: dict[str, Iterable[Event]] = {
        LONG: windows.long_run(events),
        GRAPH: windows.tree(nodes),
        TALK: (MessageAppended("ASSISTANT" if n % 2 else "USER", f"message {n}: {_TEXT}") for n in range(messages)),
        SMALL: [],
    }
    with _opened(folder, dict.fromkeys(contents, "return 1")) as operator:
        for age, name in reversed([*enumerate(NAMES)]):
            _ended(operator, name, contents[name], now - 1000 - age)


def _ended(operator: Operator, name: str, events: Iterable[Event], at: float) -> None:
    run = operator.start(name)
    last = (MessageAppended("ASSISTANT", f"{name}: {LAST}"), Logged("info", f"{name}: {LAST}"), RunEnded("COMPLETED"))
    windows.append(operator, run, chain(events, last), at - 40_000)

    def work(connection: sqlite3.Connection) -> None:
        runs.end(connection, run.id, status=RunStatus.COMPLETED, now=at, error=None)

    operator._database.write(work)  # pyright: ignore[reportPrivateUsage] - as in windows.py


def many(folder: Path, count: int) -> None:
    """So many runs; every tenth waits for a person."""
    with _opened(folder, {"case": "return 1"}) as operator:
        windows.many_runs(operator, count, time.time() - count)


def busy(folder: Path, code: str) -> None:
    """A run that goes on until it is stopped, once somebody drives it."""
    with _opened(folder, {"busy": code}) as operator:
        text = " ".join(f"{n}: {_TEXT}" for n in range(70))
        script = {"worker": [{"text": text, "delay": WORD_SECONDS, "repeat": True}]}
        operator.start("busy", replies=Replies.parse(json.dumps(script), "bench.replies.yaml"))


def logged(folder: Path) -> int:
    """How many lines were logged in a workspace."""
    with Operator.open(folder) as operator, operator._database.read() as connection:  # pyright: ignore[reportPrivateUsage] - as above
        row = connection.execute("SELECT count(*) FROM events WHERE kind=?", (Logged.kind,)).fetchone()
    return row[0]


def _opened(folder: Path, procedures: dict[str, str]) -> Operator:
    """A workspace with such procedures."""
    folder.mkdir()
    for name, code in procedures.items():
        head = f'name: {name}\nversion: "1"\nmax_turns: 1000000\nagents: {{worker: {{system_prompt: You work.}}}}\n'
        (folder / f"{name}.yaml").write_text(f"{head}code: |\n{textwrap.indent(code, '  ')}\n")
    return Operator.open(folder, settings=Settings(durability="fast"))
