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
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core import operator as operator_module
from proc_tui.core.journal import requests
from proc_tui.core.journal.events import Ended, ReplyFailed
from proc_tui.core.journal.folds.agents import REPLY, TURN
from proc_tui.core.model.settings import ModelSettings, PythonToolSettings, Settings, WorkerSettings
from proc_tui.core.operator import Given, Operator
from proc_tui.core.scripted import in_chat
from proc_tui.core.testing import NOON, Crash, FakeClock, Person, die_at, play, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from proc_tui.core.journal.runs import Run
    from proc_tui.core.testing import Played

SHARE = 3 if os.environ.get("PROC_TUI_SUSPEND") else 1
"""One of so many points after something happened outside is tried."""
MOST = 12
"""How many of the other points are tried, evenly chosen."""
POINTS = ("write:begin", "write:worked", "write:committed", "claim")

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
  local result = {direct = direct, ok = ok, refused = refused, heard = heard, by = by, last = last.content}
  result.stop = Stop.reason()
  return result
"""

TOOLS = """
import json, os

def _note(**line):
    with open("effects.jsonl", "a") as file:
        file.write(json.dumps(line) + "\\n")

def weigh(item: str, idempotency_key: str) -> dict:
    'How heavy an item is.'
    _note(key=idempotency_key, item=item)
    if item == "lamp" and os.path.exists("hold"):
        open("hold").read()
    return {"item": item, "grams": len(item)}

def smash(item: str, idempotency_key: str) -> str:
    'Always fails.'
    _note(key=idempotency_key, item=item)
    raise ValueError(item + " does not break")
"""


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


def configured(url: str, lease: float = 60.0) -> Settings:
    return Settings(
        durability="fast",
        models={"main": ModelSettings(model="gpt-test", base_url=url)},
        python_tools=PythonToolSettings(interpreter="${PROC_TUI_PYTHON}", modules=["tools.py"]),
        worker=WorkerSettings(lease_seconds=lease),
    )


def at_work(folder: Path, url: str, **options: Any) -> Played:
    """Plays the desk, or goes on with it."""
    folder.mkdir(exist_ok=True)
    files = {"tools.py": TOOLS}
    return play(DESK, folder=folder, settings=configured(url), answers=Colleague(), workspace=files, **options)


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

    def __init__(self, matrix: ModuleType, server: Any, folder: Path) -> None:
        self._matrix = matrix
        self.server = server
        server.play(SCRIPT)
        self._busy = Busy(server)
        counting = matrix.Counting()
        played = at_work(folder, server.url, fault=counting)
        self.points: list[tuple[str, int]] = matrix.evenly(counting.points(), MOST)
        """Points by how often they came, chosen evenly."""
        self.image: dict[str, Any] = left(matrix, played)
        self.bodies: list[Any] = [asked.body for asked in server.asked]
        self.effects: list[Effect] = effects(folder)
        played.operator.close()

    def deaths(self, folder: Callable[[str], Path]) -> Iterator[tuple[Path, Callable[[str], None]]]:
        """Where to play, and the `fault` to do it with: at the first write after each thing that happened outside,
        before it is committed and behind; and at some of all other points."""
        for point, nth in self.points:
            yield folder(f"{point} {nth}"), die_at(point, nth)
        for nth in range(1, len(self.bodies) + len(self.effects) + 1, SHARE):
            for point in ("write:worked", "write:committed"):
                place = folder(f"{point} after {nth}")
                yield place, DieAfter(point, nth, lambda place=place: len(self.server.asked) + len(effects(place)))

    def begin(self) -> None:
        """Before another run."""
        self.server.play(SCRIPT)
        self.server.asked.clear()
        self._busy.refuses = True

    def died(self, folder: Path) -> AtDeath:
        """After it died, before it goes on."""
        settled = Settled(folder)
        self._busy.refuses = not settled.refused
        return AtDeath(settled, len(self.server.asked), effects(folder))

    def differences(self, played: Any, death: AtDeath) -> list[str]:
        """What is not as in the uninterrupted run, but for what was under way at the death."""
        rows = list(self._matrix.differences(self.image, left(self._matrix, played)))
        bodies = [item.body for item in self.server.asked]
        if death.unpaid not in (0, 1):
            rows.append(f"{death.asked} requests, {death.settled.asked} recorded at the death")
        elif death.unpaid:
            rows += [f"called before the reply was recorded: {call}" for call in death.unfinished]
            rows += self._matrix.differences(bodies[death.asked - 1], bodies.pop(death.asked), "repeated request")
        rows += self._matrix.differences(self.bodies, bodies, "requests")
        called = effects(played.folder)
        rows += [f"called again: {call}" for call in called[len(death.called) :] if call.key in death.settled.keys]
        rows += [f"called {count} times: {call}" for call, count in Counter(called).items() if count > 2]
        rows += [f"called with another key or not at all: {call}" for call in {*called} ^ {*self.effects}]
        return rows


class DieAfter:
    """A `fault` that dies at a point once so much has happened outside, and stays dead."""

    def __init__(self, point: str, count: int, counted: Callable[[], int]) -> None:
        self._point = point
        self._count = count
        self._counted = counted
        self._dead = False

    def __call__(self, point: str) -> None:
        self._dead = self._dead or (point == self._point and self._counted() >= self._count)
        if self._dead:
            raise Crash(f"{self._point} after {self._count}")


class AtDeath(msgspec.Struct, frozen=True):
    """What there was when the process died."""

    settled: Settled
    asked: int
    """How many requests had come to the model's server."""
    called: list[Effect]
    """The calls that had come to the tools."""

    @property
    def unpaid(self) -> int:
        """How many requests were under way."""
        return self.asked - self.settled.asked

    @property
    def unfinished(self) -> list[Effect]:
        """The calls that were under way."""
        return [call for call in self.called if call.key not in self.settled.keys]


@pytest.fixture(scope="module")
def whole(matrix: ModuleType, servers: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with servers.OpenAIServer() as server, pytest.MonkeyPatch.context() as patch:
        same_ids(patch.setattr)
        yield Whole(matrix, server, tmp_path_factory.mktemp("desk") / "whole")


def same_ids(set_in: Callable[[object, str, object], None]) -> None:
    """Gives every run that is started here the same id and seed, so that two runs differ in nothing but the crash."""
    set_in(operator_module, "_new_id", lambda: "matrixrun0")
    set_in(operator_module.secrets, "randbits", lambda _bits: 20_260_314)


# ---- in this process


def test_the_uninterrupted_run_has_all_of_it(whole: Whole) -> None:
    desk, lamp, vase, box = whole.image["runs"]
    assert [desk["status"], lamp["status"], vase["status"], box["status"]] == ["COMPLETED"] * 2 + [
        "FAILED",
        "COMPLETED",
    ]
    ended = next(event for kind, _, event in desk["history"] if kind == "run.ended")
    assert ended["result"] == {
        "direct": {"item": "direct", "grams": 6}, "ok": False, "refused": True, "heard": "Two of each.", "by": "ann",
        "stop": "all shipped", "last": "That is all.",
    }  # fmt: skip
    assert ended["summary"] == "The lamp and the box were shipped."
    state = dict(desk["fold"]["state"])
    assert state["first"][0] == {"item": "lamp", "grams": 4}
    assert "vase does not break" in state["first"][1]
    assert state["first"][2] == {"shipped": "lamp"}
    assert 'no tool "fly"' in state["first"][3]
    assert state["first"][4] == {"item": "vase", "grams": 4}
    assert "not JSON" in state["first"][5]
    assert '"item" must be a string' in state["first"][6]
    assert state["second"][0] == "nobody agrees"
    assert state["second"][2] == {"shipped": "box"}
    assert "Wrap it well." in json.dumps(whole.bodies[1])
    assert len(whole.bodies) == 7
    assert len(whole.effects) == 11


def test_dies_anywhere_pays_each_reply_once_and_repeats_no_call_that_ended(whole: Whole, tmp_path: Path) -> None:
    problems: list[str] = []
    deaths = unpaid = unfinished = 0
    for folder, fault in whole.deaths(lambda name: tmp_path / name.replace(":", "-")):
        clock = FakeClock()
        whole.begin()
        try:
            played = at_work(folder, whole.server.url, clock=clock, fault=fault)
            death = whole.died(folder)
        except Crash:
            deaths += 1
            death = whole.died(folder)
            played = at_work(folder, whole.server.url, clock=clock)
        unpaid += death.unpaid
        unfinished += len(death.unfinished)
        problems += [f"{folder.name}: {row}" for row in whole.differences(played, death)]
        played.operator.close()
    assert problems == [], f"{len(problems)} differences\n" + "\n".join(problems[:6])
    assert deaths > MOST
    assert unpaid, "no reply was under way at any death"
    assert unfinished, "no call was under way at any death"


# ---- in another process, which is really killed

KILLED = [
    *((point, nth) for point in POINTS[:3] for nth in (8, 21, 42)),
    ("write:worked", 15),
    ("write:committed", 15),
    ("claim", 4),
]


class Process:
    """The desk in a process of its own: this file, run as a program."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, __file__, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """Waits for its end; returns its exit code."""
        self._process.communicate(timeout=60)
        return self._process.returncode

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.kill
@pytest.mark.parametrize(("point", "nth"), KILLED)
def test_is_killed_and_ends_the_same(whole: Whole, point: str, nth: int, tmp_path: Path) -> None:
    whole.begin()
    with Process("play", tmp_path, whole.server.url, point, nth) as other:
        assert other.end() == -signal.SIGKILL
    death = whole.died(tmp_path)
    played = at_work(tmp_path, whole.server.url, clock=FakeClock(NOON + 0.1))
    assert whole.differences(played, death) == []


@pytest.mark.kill
def test_is_killed_while_a_reply_streams_which_is_asked_for_once_more(whole: Whole, tmp_path: Path) -> None:
    whole.begin()
    whole.server.play({**SCRIPT, "replies": [{**CLERK[0], "hang": 4}]})
    with Process("play", tmp_path, whole.server.url, "never", 1) as other:
        with looking(whole, tmp_path) as operator:
            until(lambda: operator.runs() and operator.partial(operator.runs()[0]))
        other.signal(signal.SIGKILL)
        assert other.end() == -signal.SIGKILL
    whole.server.play(SCRIPT)
    death = whole.died(tmp_path)
    assert (death.asked, death.settled.asked, whole.server.paid) == (1, 0, 0)
    played = at_work(tmp_path, whole.server.url, clock=FakeClock(NOON + 0.1))
    assert whole.differences(played, death) == []
    assert played.operator.partial(played.run) is None


@pytest.mark.kill
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_another_worker_takes_over_while_a_tool_runs_and_repeats_only_that(
    whole: Whole, how: str, tmp_path: Path
) -> None:
    whole.begin()
    write_workspace(tmp_path, {"play": DESK, "tools.py": TOOLS})
    os.mkfifo(tmp_path / "hold")
    lease = 60.0 if how == "killed" else 0.5
    with looking(whole, tmp_path) as operator, Process("work", tmp_path, whole.server.url, lease) as first:
        run = operator.start(tmp_path / "play.yaml")
        with (tmp_path / "hold").open("wb"):  # from here until it is closed, the lamp is weighed
            until(lambda: ended(operator, run) >= {"tools.smash#1", "tools.weigh#3"})
            with Process("work", tmp_path, whole.server.url, 60.0) as second:
                assert second.line() == "ready"
                freeze(tmp_path, first)
                if how == "killed":
                    first.signal(signal.SIGKILL)
                    first.end()
                (tmp_path / "hold").unlink()
                death = whole.died(tmp_path)
                person = Colleague()
                until(lambda: operator.run(run.id).status.ended or (person.act(operator) and False))
                second.signal(signal.SIGTERM)
                assert second.end() == 0
        if how == "frozen":
            first.signal(signal.SIGCONT)
            first.signal(signal.SIGTERM)
            assert first.end() == 0
        played = SimpleNamespace(operator=operator, run=operator.run(run.id), folder=tmp_path)
        assert whole.differences(played, death) == []
        again = [call.item for call, count in Counter(effects(tmp_path)).items() if count > 1]
        assert again == ["lamp"]
        assert len(whole.server.asked) == len(whole.bodies)


@contextmanager
def looking(whole: Whole, folder: Path) -> Iterator[Operator]:
    with Operator.open(folder, settings=configured(whole.server.url), user="starter") as operator:
        yield operator


def ended(operator: Operator, run: Run) -> set[str]:
    """The operations of a run that have ended."""
    return {record.event.name for record in operator.records(operator.run(run.id)) if isinstance(record.event, Ended)}


def until(holds: Callable[[], object], patience: float = 30.0) -> None:
    """Polls for a condition."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        pause.wait(0.01)


def freeze(folder: Path, process: Process) -> None:
    """Stops a process between two transactions: within one it holds SQLite's lock, and nobody can write."""
    with closing(sqlite3.connect(folder / ".proc-tui/runs.db", isolation_level=None, timeout=0.2)) as own:
        while True:
            process.signal(signal.SIGSTOP)
            try:
                own.execute("BEGIN IMMEDIATE")
                own.execute("ROLLBACK")
                return
            except sqlite3.OperationalError:
                process.signal(signal.SIGCONT)


def main(what: str, folder: str, url: str, *arguments: str) -> None:
    """`play FOLDER URL POINT NTH` plays the desk and dies there; `work FOLDER URL LEASE` is a worker until SIGTERM."""
    if what == "play":
        same_ids(setattr)
        point, left = arguments[0], int(arguments[1])

        def fault(name: str) -> None:
            nonlocal left
            left -= name == point
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        at_work(Path(folder), url, fault=fault)
        return
    with Operator.open(Path(folder), settings=configured(url, float(arguments[0]))) as operator:
        worker = operator.worker()
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        asyncio.run(worker.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
