"""Nothing that a procedure says reaches the terminal as anything but text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

EVIL = r"\27[2J\27]0;owned\7\u{9b}31m\u{202e}gnp.exe\u{200b}\u{2028}\8\13over\127\u{e0041}"
HOSTILE = f"""
name: hostile
version: "1"
params: {{evil: {{type: string, required: true}}}}
code: |
  local evil = "{EVIL}" .. params.evil
  Stage.set(evil)
  State.set("k" .. evil, {{[evil] = evil}})
  Log.info(evil, {{[evil] = evil}})
  Human.notify{{message = evil, content = evil .. "\\n" .. evil, details = {{{{title = evil, content = evil}}}}}}
  System.alert{{message = evil, source = evil, level = "error"}}
  GraphNode.create(evil, {{x = evil}})
  Session.append("user", evil)
  Step.run("s" .. evil, function() return evil end)
  Human.review{{message = evil, artifact = {{[evil] = evil}}, artifact_type = evil, context = evil,
    options = {{{{label = "A" .. evil, type = "action"}}, {{label = "B" .. evil, type = "cancel"}}}}, timeout = 900}}
  error(evil)
"""
PARAM = "evil=\x1b[31m\x9bP\u202e\r"


@pytest.fixture
def hostile(proc: Any) -> str:
    (proc.folder / "hostile.yaml").write_text(HOSTILE.lstrip())
    result = proc("run", "hostile", "-p", PARAM, code=3)
    assert not OBEYED.search(result.output)
    return proc.lines("list")[0]["run"]


COMMANDS = [
    ["list"], ["list", "--all"], ["show", "RUN"], ["show", "RUN", "--at", "9"], ["log", "RUN"], ["inbox"], ["handover"],
    ["export", "RUN"], ["export", "RUN", "--format", "html"], ["export", "RUN", "--format", "answers"],
    ["reset", "RUN"],
    ["answer", "RUN", "--decision", "\x1b[31m\u202e"], ["resume", "RUN"], ["config"], ["doctor"],
    ["show", "\x1b[31m\u202e"], ["run", "\x1b[31m\u202e"], ["\x1b[31m"], ["list", "--status", "\x1b[31m"],
    ["list", "--\x1b[31m"], ["alert", "\x1b[31m", "x"], ["check", "\x1b[31m\u202e"], ["new", "\x1b[31m"],
    ["fork", "RUN", "--after", "\x1b[31m"],
]  # fmt: skip


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: " ".join(args).encode("unicode_escape").decode()[:40])
def test_hostile_text_is_shown_and_never_obeyed(proc: Any, hostile: str, args: list[str]) -> None:
    args = [hostile if word == "RUN" else word for word in args]
    for extra in ([], ["--json"]):
        result = proc(*args, *extra, code=None)
        assert not OBEYED.search(result.output)
        assert "Traceback" not in result.output


def test_the_failure_and_its_command_lines_too(proc: Any, hostile: str) -> None:
    decision = proc.lines("inbox")[0]["options"][0]["label"]
    assert "\x1b[2J" in decision
    proc("answer", hostile, "--decision", decision)
    for args in (["resume", hostile], ["show", hostile], ["list"], ["handover"], ["watch", "--once"], ["log", hostile]):
        assert not OBEYED.search(proc(*args, code=None).output)
    assert "\x1b[2J" in json.loads(proc("resume", hostile, "--json", code=1).stdout)["error"]["message"]


@pytest.mark.slow
def test_on_a_terminal_only_our_own_sequences_are_sent(proc: Any) -> None:
    (proc.folder / "hostile.yaml").write_text(HOSTILE.lstrip())
    terminal = proc.terminal("run", "hostile", "-p", "evil=x")
    terminal.expect("decision")
    said = terminal.before
    terminal.sendintr()
    proc.finish(terminal)
    rest = re.sub("\x1b\\[[0-9;]*m|\x1b\\[K|\r\n", "", said + terminal.before)
    assert not OBEYED.search(rest.replace("\r", ""))
