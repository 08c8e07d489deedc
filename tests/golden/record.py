"""Records golden journals of the present format: `python tests/golden/record.py [NAME ...]`.

Plays every example, and the procedures below, which show what the examples do not, and writes the tables of their
databases as text to `NAME.FORMAT.json`. What is there already is never written again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from proc_tui.core import operator as operator_module
from proc_tui.core.journal.migrations import MIGRATIONS
from proc_tui.core.testing import fold_image, play, play_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from proc_tui.core.journal.folds import RunFold
    from proc_tui.core.testing import Played

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
FORMAT = MIGRATIONS[-1][0]
ENTRY = ("op", "name", "first", "line", "began_at", "level", "seq", "ended", "ended_at", "failed", "values")
TABLES = ("sources", "blobs", "runs", "events", "requests", "answers")

VALUES = """
State.set("bytes", "\\xff\\0\\xfe")
State.set("numbers", {3, 3.0, -0.0, math.mininteger, 1/0, -1/0, 0/0, 1e300})
State.set("holes", {1, nil, 3})
State.set("keys", {[1] = "one", [2.5] = "two and a half", [true] = "yes", name = "x"})
State.set("dollar", {["$b"] = "not bytes", ["$f"] = "nan"})
State.set("empty", {})
State.set("long", string.rep("x", 40000))
local a, b, c = Step.run("returns nils", function() return nil, "two", nil end)
local ok, why = pcall(Step.run, "fails with a table", function() error({code = 7, parts = {"\\xff"}}) end)
Sleep(1)
local order = {}
for key in pairs(State.get("keys")) do order[#order + 1] = tostring(key) end
return {why = why, order = order, nan = 0/0, random = math.random(1, 1000000), at = os.time(), text = tostring({})}
"""

GOES_BACK = """
Step.run("first", function() State.increment("tries") end)
Human.approve{message = "Try?"}
Step.run("second", function() Log.info("second") end)
if not File.exists("repaired") then error({reason = "broken"}) end
return State.all()
"""

CLEARS = """
State.set("gone", true)
State.clear()
Stage.set("one")
Stage.clear_history()
Step.run("again", function() return 1 end)
Checkpoint.clear_after("again")
Step.run("again", function() return 2 end)
local child = Procedure.spawn("asks")
Sleep(1)
return {cancelled = Procedure.cancel(child), again = Checkpoint.get("again"), stages = Stage.count()}
"""


def goes_back() -> Played:
    """A run that failed, was resumed, was stopped and sent a message, and went on."""
    played = play(GOES_BACK, answers=[True])
    played.operator.resume(played.run)
    played.go_on()
    (played.folder / "repaired").touch()
    played.operator.reset(played.run, "approve#1")
    played.operator.send(played.run, "go on")
    played.operator.stop(played.run, "and stop then")
    return played.go_on(answers=[False])


def table(connection: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """The rows of a table by column."""
    cursor = connection.execute(f"SELECT * FROM {name} ORDER BY rowid")
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, map(_text, row), strict=True)) for row in cursor]


def _text(value: object) -> object:
    return {"bytes": value.decode()} if isinstance(value, bytes) else value


def image(fold: RunFold) -> dict[str, Any]:
    """All that a fold holds, as JSON."""
    found = cast("dict[str, Any]", fold_image(fold))
    found["checkpoints"] = [{name: getattr(entry, name) for name in ENTRY} for entry in fold.checkpoints.entries]
    return json.loads(json.dumps(found))


def exported(played: Played) -> dict[str, Any]:
    """The database of a play, and what each of its runs adds up to."""
    operator = played.operator
    images = {run.id: image(operator.fold(run)) for run in operator.runs()}
    with operator._environment.database.read() as connection:
        tables = {name: table(connection, name) for name in TABLES}
    return {"format": FORMAT, "tables": tables, "images": images}


EXTRA: dict[str, Callable[[], Played]] = {
    "values": lambda: play(VALUES),
    "goes_back": goes_back,
    "clears": lambda: play(CLEARS, procedures={"asks": {"code": 'Human.approve{message = "Well?"}'}}),
}
"""What shows the rest, by the name of its file."""


def main(names: list[str]) -> None:
    """Records what is missing, as on a machine that is nobody's."""
    with patch.object(operator_module.socket, "gethostname", lambda: "golden"), patch.dict(os.environ):
        for name in ("SSH_CONNECTION", "SSH_TTY", "TERM"):
            os.environ.pop(name, None)
        _record(names)


def _record(names: list[str]) -> None:
    beside = (".params", ".answers", ".replies")
    plays = {path.stem: path for path in EXAMPLES.glob("*.yaml") if not path.stem.endswith(beside)}
    for name in names or sorted([*plays, *EXTRA]):
        target = HERE / f"{name}.{FORMAT}.json"
        if target.exists():
            continue
        played = play_file(plays[name]) if name in plays else EXTRA[name]()
        target.write_text(json.dumps(exported(played), indent=1, sort_keys=True) + "\n")
        print(target.name)


if __name__ == "__main__":
    main(sys.argv[1:])
