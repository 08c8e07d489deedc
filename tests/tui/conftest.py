"""A workspace with procedures, and the command line on it: in this process, in another, on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from click.testing import CliRunner, Result
from proc_tui.core.operator import Operator
from proc_tui.tui.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = (sys.executable, "-c", "from proc_tui.tui.cli import main; main()")
PATIENCE = 30.0
"""Seconds after which something that should happen counts as not happening."""

PROCEDURES = {
    "hello": """
name: hello
version: "1"
params: {who: {type: string, default: World}}
outputs: {greeting: {type: string, required: true}}
code: |
  Log.info("greeting", {who = params.who})
  return {greeting = "Hello, " .. params.who .. "!"}
""",
    "gate": """
name: gate
version: "1.2"
params: {timeout: {type: number}}
stages: [ask, done]
code: |
  Stage.set("ask")
  State.set("color", "blue")
  local ok, timed_out = Human.approve{message = "Go on?", context = {size = 3}, timeout = params.timeout}
  Stage.set("done")
  return {ok = ok, timed_out = timed_out}
""",
    "review": """
name: review
version: "1"
code: |
  return (Human.review{
    message = "Good?", artifact = "first line\\nsecond line", options = {"approve", "Send back", "reject"},
  })
""",
    "city": """
name: city
version: "1"
code: |
  return {city = Human.input{message = "Which city?", default = "Paris"}}
""",
    "danger": """
name: danger
version: "1"
hitl:
  drop: {type: approval, message: "Drop it?", confirm: "prod"}
code: |
  local ok = Human.approve("drop", {})
  local note = Human.escalate{message = "Broken", severity = "high"}
  return {ok = ok, note = note.note}
""",
    "boom": """
name: boom
version: "1"
code: |
  Step.run("fine", function() return 1 end)
  if not File.exists("mended") then
    error("it broke")
  end
  return "mended"
""",
    "family": """
name: family
version: "1"
procedures:
  child:
    params: {n: {type: integer, required: true}}
    code: |
      Log.warn("child " .. params.n)
      if params.n == 2 then Human.approve{message = "May the second?"} end
      return params.n
code: |
  local handles = {}
  for n = 1, 3 do handles[n] = Procedure.spawn("child", {n = n}) end
  local total = 0
  for _, n in pairs(Procedure.wait_all(handles)) do total = total + n end
  return {total = total}
""",
    "nap": """
name: nap
version: "1"
code: |
  Log.info("asleep")
  Sleep(3600)
""",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with the procedures above."""
    for name, text in PROCEDURES.items():
        (tmp_path / f"{name}.yaml").write_text(text.lstrip())
    return tmp_path


class CommandLine:
    """The command line in one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str, input: str | None = None, code: int | None = 0) -> Result:
        """In this process, with neither terminal nor pipe; `code` is what it must end with, None for any."""
        result = CliRunner().invoke(cli, ["-C", str(self.folder), *args], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, result.output
        return result

    def json(self, *args: str, code: int | None = 0) -> Any:
        """The one object that a command with `--json` prints."""
        return json.loads(self(*args, "--json", code=code).stdout)

    def lines(self, *args: str) -> list[Any]:
        """The objects that a listing with `--json` prints."""
        return [json.loads(line) for line in self(*args, "--json").stdout.splitlines()]

    def process(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """In a process of its own, to its end."""
        return subprocess.run(
            [*PROGRAM, *args], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
        )

    def background(self, *args: str) -> subprocess.Popen[str]:
        """In a process of its own that goes on."""
        return subprocess.Popen(
            [*PROGRAM, *args], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def terminal(self, *args: str, **environment: str) -> pexpect.spawn[str]:
        """On a terminal of 80x24."""
        return pexpect.spawn(
            PROGRAM[0], [*PROGRAM[1:], *args], cwd=str(self.folder), env={**os.environ, "COLUMNS": "80", **environment},
            encoding="utf-8", timeout=PATIENCE, dimensions=(24, 80),
        )  # fmt: skip

    def finish(self, terminal: pexpect.spawn[str]) -> int | None:
        """Waits for the end of a program on a terminal, and gives its exit code."""
        terminal.expect(pexpect.EOF)
        terminal.close()
        return terminal.exitstatus

    def start(self, name: str, *params: str) -> str:
        """Starts a run that nobody drives yet, and gives its id."""
        return self.json("run", name, *(word for param in params for word in ("-p", param)), "--detach")["run"]

    def until(self, condition: Callable[[Operator], object]) -> Any:
        """What the condition gives once it is true, or fails after a while."""
        deadline = time.monotonic() + PATIENCE
        with Operator.open(self.folder) as operator:
            while not (found := condition(operator)):
                assert time.monotonic() < deadline, "it did not happen"
                time.sleep(0.02)
            return found


@pytest.fixture
def proc(workspace: Path) -> CommandLine:
    return CommandLine(workspace)


@pytest.fixture
def watching(proc: CommandLine) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own."""
    process = proc.background("watch")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
