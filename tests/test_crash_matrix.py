"""The crash matrix: every example dies at every point around every commit, and ends as if nothing had happened.

A point is one of the names that a `fault` is called with, and how often it came before. Each example is run once
without a crash, counting its points. Then it is run again for each point: it dies there, another operator goes on in
the same folder, and everything that is left must be what the uninterrupted run left.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from proc_tui.core import operator as operator_module
from proc_tui.core.journal import journal
from proc_tui.core.journal.events import Began, MessageReceived
from proc_tui.core.journal.journal import WHOLE
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator
from proc_tui.core.scripted import AnswersFile
from proc_tui.core.testing import NOON, Crash, FakeClock, FilePerson, die_at, fold_image, play_file

if TYPE_CHECKING:
    from proc_tui.core.journal.events import Record
    from proc_tui.core.journal.runs import Run
    from proc_tui.core.testing import Played

FOLDER = Path(__file__).parent.parent / "examples"
BESIDE = (".params", ".answers", ".replies")
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith(BESIDE))
POINTS = ("write:begin", "write:worked", "write:committed", "claim")
MOST = 12 if os.environ.get("PROC_TUI_SUSPEND") else 48
"""How many points of an example are tried; when it has more, they are taken evenly, the first and the last included.
A quarter of them for an example whose tools are programs, which are started again for each point."""

Point = tuple[str, int]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives every run that is started here the same id and seed, so that two runs differ in nothing but the crash."""
    monkeypatch.setattr(operator_module, "_new_id", lambda: "matrixrun0")
    monkeypatch.setattr(operator_module.secrets, "randbits", lambda _bits: 20_260_314)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was put in place: what the examples do outside the workspace."""
    counts: Counter[str] = Counter()
    replace = Path.replace

    def counting(self: Path, target: Path) -> Path:
        counts[Path(target).name] += 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", counting)
    return counts


class Counting:
    """A `fault` that counts."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            self.seen[point] += 1

    def points(self) -> list[Point]:
        """Every point, those of one name together."""
        return [(name, nth) for name in POINTS for nth in range(1, self.seen[name] + 1)]


def evenly(points: list[Point], most: int) -> list[Point]:
    """At most so many of each name, evenly, the first and the last included."""
    chosen: list[Point] = []
    for name in POINTS:
        those = [point for point in points if point[0] == name]
        share = max(2, most // len(POINTS))
        if len(those) > share:
            those = [those[round(index * (len(those) - 1) / (share - 1))] for index in range(share)]
        chosen += those
    return chosen


# ---- what a run leaves


def image(played: Played) -> dict[str, Any]:
    """All that is left of a run and its children, without times and places in the journal."""
    operator = played.operator
    tree = {run.id: run for run in operator.runs(root=played.run.id)}
    texts = {name: history(operator, run) for name, run in tree.items()}
    names = _in_order(operator, played.run.id, tree)
    runs: list[dict[str, Any]] = []
    for name in names:
        run = tree[name]
        runs.append(
            {
                "procedure": run.procedure,
                "status": run.status.value,
                "stage": run.stage,
                "attempt": run.attempt,
                "error": run.error,
                "params": run.params,
                "parent": run.parent,
                "fold": scrubbed_fold(operator, run),
                "history": in_call_order(texts[name]),
            }
        )
    text = json.dumps(runs)
    for index, name in enumerate(names):
        text = text.replace(name, f"run-{index}")
    text = re.sub(r"run-(\d+)\.\d+", r"request-of-\1", text)
    return {"runs": json.loads(text), "files": files(played.folder), "inbox": len(operator.inbox())}


def _in_order(operator: Operator, root: str, tree: dict[str, Run]) -> list[str]:
    """The runs by where their ids first stand in their parent's journal."""
    found = [root]
    for name in found:
        text = json.dumps([msgspec.to_builtins(record.event) for record in everything(operator, tree[name])])
        children = [run.id for run in tree.values() if run.parent == name]
        found += sorted(children, key=lambda child: (text.find(child) < 0, text.find(child)))
    return found


def everything(operator: Operator, run: Run) -> list[Record]:
    """What was ever recorded of a run, earlier attempts too."""
    with operator._environment.database.read() as connection:
        return journal.read(connection, run.id, WHOLE)


def history(operator: Operator, run: Run) -> list[Any]:
    """The same as plain data, but for the openings of operations."""
    records = everything(operator, run)
    # When a message reaches a run that is about to be cancelled is up to the machine.
    kept = [record for record in records if not isinstance(record.event, (Began, MessageReceived))]
    return [[record.event.kind, record.line, _scrub(msgspec.to_builtins(record.event))] for record in kept]


def in_call_order(history: list[Any]) -> list[Any]:
    """Brings the calls of tools that ended one after the other into the order in which a reply asked for them."""
    found: list[Any] = []
    ended: list[Any] = []
    for item in [*history, None]:
        detail = item[2].get("detail") if item else None
        if item and item[0] == "ended" and isinstance(detail, dict) and "index" in detail:
            ended.append(item)
            continue
        found += sorted(ended, key=lambda call: call[2]["detail"]["index"])
        found += [item] if item else []
        ended = []
    return found


_TIMES = {
    "answered_at",
    "at",
    "audit",
    "deadline",
    "digest",
    "due",
    "opened",
    "responded_at",
    "started_at",
    "timestamp",
    "cause",
}


def _scrub(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _scrub(item) for key, item in cast("dict[str, object]", value).items() if key not in _TIMES}
    if isinstance(value, list):
        return [_scrub(item) for item in cast("list[object]", value)]
    return value


def scrubbed_fold(operator: Operator, run: Run) -> dict[str, Any]:
    fold = operator.fold(run)
    found = cast("dict[str, Any]", fold_image(fold))
    for part in ("clock", "began_at", "received"):
        del found[part]
    # In what order calls of one reply end is up to the machine; of all others the history tells the order.
    found["calls"].sort(key=json.dumps)
    found["checkpoints"] = [
        [item.op, item.name, item.line, item.level, item.ended, item.failed, item.values]
        for item in fold.checkpoints.entries
    ]
    found["checkpoints"].sort(key=json.dumps)
    found["completed"] = sorted(name for name, _ in found["completed"])
    found["requests"] = [
        [item.event.type, item.event.message, item.event.attempt, item.status.value, item.answer, item.by]
        for item in fold.requests.requests.values()
    ]
    return _scrub(found)


def files(folder: Path) -> dict[str, str]:
    """What was written outside the database."""
    found = (path for path in (folder / "output").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(found)}


# ---- in this process


def differences(expected: object, found: object, path: str = "") -> list[str]:
    """Where two images are not the same, and how."""
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        rows = [differences(expected[key], found[key], f"{path}.{key}") for key in expected]
        return [row for several in rows for row in several]
    if isinstance(expected, list) and isinstance(found, list):
        for index, (before, after) in enumerate(zip(expected, found, strict=False)):
            if rows := differences(before, after, f"{path}[{index}]"):
                return rows
        if len(expected) != len(found):
            longer, what = (found, "more") if len(found) > len(expected) else (expected, "less")
            return [f"{path}: {what}: {longer[min(len(expected), len(found)) :]}"]
        return []
    return [] if expected == found else [f"{path}: {found} instead of {expected}"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_dies_anywhere_and_ends_the_same(name: str, tmp_path: Path, written: Counter[str]) -> None:
    path = FOLDER / f"{name}.yaml"
    counting = Counting()
    expected = image(play_file(path, folder=made(tmp_path / "whole"), fault=counting))
    assert expected["runs"][0]["status"] == "COMPLETED"
    effects = written.copy()
    problems: list[str] = []
    died = 0
    points = evenly(counting.points(), MOST // 4 if "\ndependencies:\n  tools:" in path.read_text() else MOST)
    for point, nth in points:
        written.clear()
        folder, clock = made(tmp_path / f"{point.replace(':', '-')}-{nth}"), FakeClock()
        try:
            played = play_file(path, folder=folder, clock=clock, fault=die_at(point, nth))
        except Crash:
            died += 1
            played = play_file(path, folder=folder, clock=clock)
        problems += [f"{point} {nth}: {row}" for row in differences(expected, image(played))]
        extra = written - effects
        if sum(extra.values()) > 1:
            problems.append(f"{point} {nth}: done more than once more: {extra}")
    assert problems == [], f"{len(problems)} differences\n" + "\n".join(problems[:4])
    assert died >= len(points) // 2, f"only {died} of {len(points)} points were reached again"


@pytest.mark.parametrize("name", ["release", "incident", "document_review", "nightly_import", "supplier_onboarding"])
def test_answers_that_are_given_while_nothing_runs_are_not_lost(name: str, tmp_path: Path) -> None:
    path = FOLDER / f"{name}.yaml"
    expected = image(play_file(path, folder=made(tmp_path / "whole")))
    folder, clock = made(tmp_path / "apart"), FakeClock()
    person = FilePerson(AnswersFile.load(path.with_name(f"{name}.answers.yaml")))
    played = play_file(path, folder=folder, clock=clock, answers=lambda _request: None, upto="WAITING_FOR_HUMAN")
    for _ in range(20):
        if played.status is RunStatus.COMPLETED:
            break
        played.operator.close()
        with Operator.open(folder, clock=clock, user="starter") as alone:
            if not person.act(alone):
                clock.advance(0.25)
            while person.act(alone):
                pass
        played = play_file(path, folder=folder, clock=clock, answers=lambda _request: None, upto="WAITING_FOR_HUMAN")
    assert person.unused == 0
    assert differences(expected, image(played)) == []


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# ---- in another process, which is really killed

DRIVER = """
import os, signal, sys
from pathlib import Path
from proc_tui.core import operator
from proc_tui.core.testing import play_file

operator._new_id = lambda: "matrixrun0"
operator.secrets.randbits = lambda _bits: 20_260_314
example, folder, point, nth = sys.argv[1:]
left = int(nth)

def fault(name):
    global left
    left -= name == point
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

play_file(Path(example), folder=Path(folder), fault=fault)
print("ended")
"""

KILLED = [
    *(("release", point, nth) for point in POINTS[:3] for nth in (2, 9, 20)),
    ("hello", "claim", 1),
    ("nightly_import", "write:worked", 9),
    ("nightly_import", "write:committed", 14),
    ("sales_report", "write:committed", 4),
    ("sales_report", "write:worked", 5),
    ("queue_watch", "write:committed", 5),
    ("document_review", "write:begin", 12),
]


@pytest.mark.kill
@pytest.mark.parametrize(("name", "point", "nth"), KILLED)
def test_is_killed_and_ends_the_same(name: str, point: str, nth: int, tmp_path: Path, written: Counter[str]) -> None:
    path = FOLDER / f"{name}.yaml"
    expected = image(play_file(path, folder=made(tmp_path / "whole")))
    effects = written.copy()
    written.clear()
    folder = made(tmp_path / "killed")
    command = [sys.executable, "-c", DRIVER, str(path), str(folder), point, str(nth)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    played = play_file(path, folder=folder, clock=FakeClock(NOON + 0.1))
    assert differences(expected, image(played)) == []
    assert sum((written - effects).values()) == 0
