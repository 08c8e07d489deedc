"""The crash matrix of turns and tool calls: no reply is paid twice, and no tool is called again that had ended.

One run has all of it: several turns of two agents, a refusal of the server that is retried, parallel calls of tools
that work, fail, do not exist and start procedures in which a person is asked, messages from outside, a chat, a turn
that fails, calls by the code, a last turn about the run. It dies at every point around every commit, and is killed;
then what is left of it is compared with the uninterrupted run, and so is what the model's server and the tools saw.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core import operator as operator_module
from proc_tui.core.journal import requests
from proc_tui.core.journal.events import Ended, ReplyFailed
from proc_tui.core.journal.folds.agents import REPLY, TURN
from proc_tui.core.model.settings import ModelSettings, PythonToolSettings, Settings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given, Operator
from proc_tui.core.scripted import in_chat
from proc_tui.core.testing import NOON, Crash, FakeClock, Person, die_at, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from proc_tui.core.journal.runs import Run
    from proc_tui.core.testing import Played

MOST = 12 if os.environ.get("PROC_TUI_SUSPEND") else 40
"""How many points are tried, evenly chosen."""

pytestmark = pytest.mark.slow

DESK = """
return_prompt: Sum up what was shipped.

agents:
  clerk:
    system_prompt: You run the desk. So far {state.n} turns, {prepared.grams} grams.
    initial_message: Two parcels have come.
    tools: [weigh, smash, ship]
    response: {retries: 2, retry_delay: 1}
    prepare: |
      local n = State.increment("n")
      Log.info("turn " .. n)
      return Step.run("prepare " .. n, function() return Tools.weigh{item = "scales " .. n} end)
  critic:
    system_prompt: You criticise.

procedures:
  ship:
    params: {item: {type: string, required: true}}
    code: |
      State.set("item", params.item)
      if not Human.approve{message = "Ship " .. params.item .. "?"} then error("nobody agrees", 0) end
      Step.run("post", function() Tools.weigh{item = "posted " .. params.item} end)
      return {shipped = params.item}

code: |
  local function told(reply)
    local found = {}
    for i, call in ipairs(reply.tool_calls) do found[i] = call.error or call.result end
    return found
  end

  Session.append("user", "The desk opens.")
  local first = Clerk.turn{inject = "Go."}
  State.set("first", told(first))
  local direct = Tools.weigh{item = "direct"}
  local ok, why = pcall(function() Tools.smash{item = "by hand"} end)
  local said = Step.run("criticism", function() return Critic.turn{inject = first.content}.content end)
  local refused = not pcall(function() Critic.turn{inject = "Say what nobody may say."} end)
  Log.warn("criticised", {said = said})
  local heard, by = Human.chat{message = "How many?", timeout = 3600}
  State.set("heard", heard)
  State.set("second", told(Clerk.turn{inject = heard}))
  local last = Clerk.turn()
  return {direct = direct, ok = ok, refused = refused, heard = heard, by = by, stop = Stop.reason(), last = last.content}
"""

TOOLS = """
import json, os

def note(**line):
    with open("effects.jsonl", "a") as file:
        file.write(json.dumps(line) + "\\n")

def _hold():
    if os.path.exists("hold"):
        open("hold", "w").close()

def weigh(item: str, idempotency_key: str) -> dict:
    'How heavy an item is.'
    _note(key=idempotency_key, item=item)
    if item == "lamp":
        _hold()
    return {"item": item, "grams": len(item)}

def smash(item: str, idempotency_key: str) -> str:
    'Always fails.'
    _note(key=idempotency_key, item=item)
    raise ValueError(item + " does not break")
""".replace("note(", "_note(").replace("__note(", "_note(")


def calls(*asked: tuple[str, object]) -> list[dict[str, object]]:
    return [{"name": name, "arguments": arguments} for name, arguments in asked]


CLERK: list[dict[str, Any]] = [
    {
        "when": "You run the desk",
        "text": "I weigh both, and ship the lamp.",
        "calls": calls(
            ("weigh", {"item": "lamp"}),
            ("smash", {"item": "vase"}),
            ("ship", {"item": "lamp"}),
            ("fly", {}),
            ("weigh", {"item": "vase"}),
            ("weigh", "{not json"),
            ("ship", {"item": 5}),
        ),
    },
    {
        "when": "You run the desk",
        "text": "And the rest.",
        "calls": calls(
            ("ship", {"item": "vase"}), ("weigh", {"item": "rest"}), ("ship", {"item": "box"}), ("fly", {"item": "a"})
        ),
    },
    {"when": "You run the desk", "text": "That is all.", "calls": calls(("done", {"reason": "all shipped"}))},
    {"when": "You run the desk", "text": "The lamp and the box were shipped."},
]
CRITIC: list[dict[str, Any]] = [
    {"when": "You criticise", "text": "Too slow."},
    {"when": "You criticise", "status": 400, "error": {"message": "no", "code": "content_filter"}},
]
SCRIPT = {"by": "turn", "replies": CLERK + CRITIC}
BUSY = "And the rest."
"""What is in the requests of which the first is refused: that of the clerk's third turn."""


class Busy:
    """Makes a server refuse a request once, and again when the refusal was not recorded."""

    def __init__(self, server: Any) -> None:
        self.refuses: bool = True
        self._choose: Any = server._chosen
        server._chosen = self

    def __call__(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        if self.refuses and BUSY in json.dumps(messages):
            self.refuses = False
            return {"status": 429, "error": {"message": "too many"}}
        return self._choose(messages)


class Colleague(Person):
    """Agrees to all but the vase, sends a message before the first decision, and talks in the chat."""

    def act(self, operator: Operator) -> bool:
        for request in operator.inbox():
            root = operator.run(operator.run(request.run).root)
            if "Wrap it well." not in said(operator, root):
                operator.send(root, "Wrap it well.", by="ann")
            else:
                operator.answer(request.id, Given(approved="vase" not in request.message), by="bob")
            return True
        for run in operator.runs():
            if in_chat(run) and "Two of each." not in said(operator, run):
                operator.send(run, "Two of each.", by="ann")
                return True
        return False


def said(operator: Operator, run: Run) -> set[str]:
    """What was sent to a run, delivered or not."""
    with operator._environment.database.read() as connection:
        letters = requests.mail(connection, run.id)
    data = [letter.data for letter in letters if isinstance(letter.data, dict)]
    return {message.content for message in operator.fold(run).session.received} | {str(one["content"]) for one in data}


def at_work(folder: Path, url: str, **options: Any) -> Played:
    """Plays the desk, or goes on with it."""
    folder.mkdir(exist_ok=True)
    settings = Settings(
        durability="fast",
        models={"main": ModelSettings(model="gpt-test", base_url=url)},
        python_tools=PythonToolSettings(interpreter="${PROC_TUI_PYTHON}", modules=["tools.py"]),
    )
    return play(DESK, folder=folder, settings=settings, answers=Colleague(), workspace={"tools.py": TOOLS}, **options)


# ---- what is left


@pytest.fixture(scope="module")
def matrix(project: Path) -> ModuleType:
    """The crash matrix of the examples, which knows how to compare."""
    spec = importlib.util.spec_from_file_location("crash_matrix", project / "tests" / "test_crash_matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    same_ids_in(monkeypatch.setattr)


def same_ids_in(setattr_: Callable[[object, str, object], None]) -> None:
    """So that two runs differ in nothing but the crash."""
    setattr_(operator_module, "_new_id", lambda: "matrixrun0")
    setattr_(operator_module.secrets, "randbits", lambda _bits: 20_260_314)


class Effect(msgspec.Struct, frozen=True):
    """A call that reached a tool."""

    key: str
    item: str


def effects(folder: Path) -> list[Effect]:
    file = folder / "effects.jsonl"
    return [msgspec.json.decode(line, type=Effect) for line in file.read_bytes().splitlines()] if file.exists() else []


class Settled:
    """What a journal holds of the world outside."""

    def __init__(self, folder: Path) -> None:
        self.asked: int = 0
        """Requests to a model whose outcome is recorded."""
        self.refused: bool = False
        self.keys: set[str] = set()
        """The calls of tools that have ended."""
        with Operator.open(folder) as operator:
            for run in operator.runs():
                for record in operator.records(run):
                    self._take(run, record.event)

    def _take(self, run: Run, event: object) -> None:
        if isinstance(event, ReplyFailed):
            self.refused = True
            self.asked += 1
        elif isinstance(event, Ended) and (event.op == REPLY or (event.op == TURN and event.failed)):
            self.asked += 1
        elif isinstance(event, Ended) and event.op.startswith("tools."):
            self.keys.add(f"{run.id}-{run.attempt}-{event.name}")


def left(matrix: ModuleType, played: Played) -> dict[str, Any]:
    """What is left of the run and its children, and what the run's row says of its models' usage."""
    usage = [(row.tokens_in, row.tokens_out, row.cost, row.unpriced) for row in played.operator.runs()]
    return {**matrix.image(played), "usage": sorted(usage)}


class Whole:
    """The uninterrupted run, and what differs from it in another."""

    def __init__(self, matrix: ModuleType, server: Any, folder: Path, fault: Callable[[str], None]) -> None:
        self._matrix = matrix
        self._server = server
        server.play(SCRIPT)
        self._busy = Busy(server)
        played = at_work(folder, server.url, fault=fault)
        self.image: dict[str, Any] = left(matrix, played)
        self.bodies: list[Any] = [asked.body for asked in server.asked]
        self.effects: list[Effect] = effects(folder)
        self.result: Any = played.result
        self.played: Played = played

    def begin(self) -> None:
        """Before another run."""
        self._server.asked.clear()
        self._busy.refuses = True

    def died(self, folder: Path) -> tuple[Settled, int, list[Effect]]:
        """After it died, before it goes on."""
        settled = Settled(folder)
        self._busy.refuses = not settled.refused
        return settled, len(self._server.asked), effects(folder)

    def differences(self, folder: Path, found: dict[str, Any], at_death: tuple[Settled, int, list[Effect]]) -> list[str]:
        settled, asked, before = at_death
        rows = list(self._matrix.differences(self.image, found))
        bodies = [item.body for item in self._server.asked]
        if asked - settled.asked not in (0, 1):
            rows.append(f"{asked} requests, {settled.asked} recorded at the death")
        elif asked > settled.asked:
            repeated = bodies.pop(asked)
            rows += self._matrix.differences(bodies[asked - 1], repeated, "repeated request")
        rows += self._matrix.differences(self.bodies, bodies, "requests")
        after = effects(folder)[len(before) :]
        rows += [f"called again after it had ended: {call}" for call in after if call.key in settled.keys]
        if any(count > 2 for count in Counter(effects(folder)).values()):
            rows.append("called more than twice")
        if set(effects(folder)) != set(self.effects):
            rows.append(f"calls: {sorted(set(effects(folder)) ^ set(self.effects), key=repr)}")
        return rows


def test_dies_anywhere_pays_each_reply_once_and_repeats_no_call_that_ended(
    matrix: ModuleType, openai_server: Any, tmp_path: Path
) -> None:
    counting = matrix.Counting()
    whole = Whole(matrix, openai_server, tmp_path / "whole", counting)
    print(whole.played, whole.result, counting.seen, len(whole.bodies), len(whole.effects))
    problems: list[str] = []
    died = repeated = 0
    points = matrix.evenly(counting.points(), MOST)
    for point, nth in points:
        folder, clock = tmp_path / f"{point.replace(':', '-')}-{nth}", FakeClock()
        whole.begin()
        try:
            played = at_work(folder, openai_server.url, clock=clock, fault=die_at(point, nth))
            at_death = whole.died(folder)
        except Crash:
            died += 1
            at_death = whole.died(folder)
            played = at_work(folder, openai_server.url, clock=clock)
        problems += [f"{point} {nth}: {row}" for row in whole.differences(folder, left(matrix, played), at_death)]
    assert problems == [], f"{len(problems)} differences\n" + "\n".join(problems[:6])
    assert died >= len(points) // 2, f"only {died} of {len(points)} points were reached again"
