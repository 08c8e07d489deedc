"""Golden journals: what every earlier format wrote is read, replayed and adds up to the same for ever."""

from __future__ import annotations

import json
import re
import runpy
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from proc_tui.core.engine import rehearsal
from proc_tui.core.errors import Divergence
from proc_tui.core.journal import journal
from proc_tui.core.journal.events import EVENTS, decode_event, encode_event
from proc_tui.core.journal.journal import WHOLE
from proc_tui.core.journal.migrations import MIGRATIONS, migrate
from proc_tui.core.lua.sandbox import Limits
from proc_tui.core.model.workspace import FOLDER
from proc_tui.core.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent / "golden"
FILES = sorted(HERE.glob("*.json"))
RECORD = runpy.run_path(str(HERE / "record.py"), run_name="record")


def restore(file: Path, workspace: Path) -> dict[str, Any]:
    """Puts the rows of a file into a database of their format."""
    golden = cast("dict[str, Any]", json.loads(file.read_text()))
    path = workspace / FOLDER / "runs.db"
    path.parent.mkdir(mode=0o700)
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, [step for step in MIGRATIONS if step[0] <= golden["format"]])
    for name, rows in golden["tables"].items():
        for row in rows:
            values = [item["bytes"].encode() if isinstance(item, dict) else item for item in row.values()]
            columns = ", ".join(f'"{column}"' for column in row)
            connection.execute(f"INSERT INTO {name}({columns}) VALUES ({','.join('?' * len(values))})", values)
    connection.close()
    return golden


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Operator, dict[str, Any]]]:
    golden = restore(request.param, tmp_path)
    with Operator.open(tmp_path) as operator:
        yield operator, golden


def missing(expected: object, found: object, path: str = "") -> list[str]:
    """Where `found` lacks what `expected` has; a map may have more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        rows = [missing(expected[key], found.get(key), f"{path}.{key}") for key in expected]
        return [row for several in rows for row in several]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        rows = [missing(item, found[index], f"{path}[{index}]") for index, item in enumerate(expected)]
        return [row for several in rows for row in several]
    same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
    return [] if same else [f"{path}: {found!r} instead of {expected!r}"]


def test_every_event_is_decoded_and_encoded_to_the_same_text(opened: tuple[Operator, dict[str, Any]]) -> None:
    operator, golden = opened
    count = 0
    for run in operator.runs():
        with operator._environment.database.read() as connection:
            count += len(journal.read(connection, run.id, WHOLE))
    assert count == len(golden["tables"]["events"])
    if golden["format"] == MIGRATIONS[-1][0]:
        for row in golden["tables"]["events"]:
            if row["data"] is not None:
                assert encode_event(decode_event(row["kind"], row["data"])) == row["data"]


def test_every_run_adds_up_to_the_same_and_replays_without_divergence(opened: tuple[Operator, dict[str, Any]]) -> None:
    operator, golden = opened
    environment, limits = operator._environment, Limits()
    assert {run.id for run in operator.runs()} == set(golden["images"])
    for run in operator.runs():
        expected = golden["images"][run.id]
        assert missing(expected, RECORD["image"](operator.fold(run))) == []
        records = operator.records(run)
        with environment.database.read() as connection:
            program = environment.sources.program(connection, run.source, run.path)
        fold, failure = rehearsal.rehearsed(run, program, environment, records, limits)
        assert not isinstance(failure, Divergence), failure
        assert missing(expected, RECORD["image"](fold)) == []


def test_the_present_format_has_a_file_for_every_example_and_holds_every_kind_of_event(project: Path) -> None:
    newest = MIGRATIONS[-1][0]
    files = [file for file in FILES if file.name.endswith(f".{newest}.json")]
    examples = {path.stem for path in (project / "examples").glob("*.yaml")}
    examples = {name for name in examples if not name.endswith((".params", ".answers", ".replies"))}
    assert examples <= {file.name.partition(".")[0] for file in files}
    kinds = {kind for file in files for kind in re.findall(r'"kind": "([\w.]+)"', file.read_text())}
    assert set(EVENTS) - kinds <= NOT_RECORDED


NOT_RECORDED = {"tool.forgotten"}
"""Kinds of events that no golden journal has: their part of the language is not there yet."""


def test_recording_again_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    RECORD["main"]([file.name.partition(".")[0] for file in FILES])
    assert capsys.readouterr().out == ""
