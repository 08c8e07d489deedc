"""What the disk and other programs do to the database, through the whole engine: a clear message, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import pytest
from proc_tui.core.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly
from proc_tui.core.model.settings import Settings, WorkerSettings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given

BUSY = """
    local n = 0
    while not Stop.requested() do
      n = n + 1
      Step.run("s" .. n, function() State.set("n", n); return ("x"):rep(200) end)
    end
    return n
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again soon."""
    from proc_tui.core.engine import worker

    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(worker, "TROUBLE_SECONDS", 0.05)


@pytest.fixture
def short(make_scene: Any, quick: None) -> Any:
    """A scene whose leases and patience are short."""
    scene = make_scene(settings=Settings(durability="fast", worker=WorkerSettings(lease_seconds=0.5)))
    scene.operator._database._writer._busy_seconds = 0.1
    return scene


def on_the_writer(scene: Any, statement: str) -> None:
    """Executes a statement on the connection that writes, while no other thread uses or closes it."""
    writer = scene.operator._database._writer
    with writer.alone():
        writer.connection().execute(statement)


def writes_through_a_new_connection(scene: Any) -> None:
    """Has the next work open the database anew."""
    writer = scene.operator._database._writer
    with writer.alone():
        writer.disconnect()


def counted(scene: Any, run: Any) -> None:
    row = scene.operator.run(run.id)
    fold = scene.operator.fold(row)
    assert fold.state.values["n"] == len(fold.checkpoints.completed) == scene.result(row)


def goes_on(scene: Any, run: Any, until: Any) -> None:
    """The run makes progress by itself, and ends when it is asked to, with all that it recorded."""
    last = scene.operator.run(run.id).last_seq
    until(lambda: scene.operator.run(run.id).last_seq > last, f"goes on; problems: {scene.problems}")
    scene.operator.stop(run)
    scene.wait(run)
    counted(scene, run)


@pytest.mark.slow
def test_a_database_that_another_program_locks_for_long(short: Any, until: Any, agrees: Any) -> None:
    short.write(it=BUSY)
    run = short.start("it")
    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 10)
        with sqlite3.connect(short.folder / ".proc-tui/runs.db", isolation_level=None, timeout=10) as other:
            other.execute("BEGIN IMMEDIATE")
            last = short.operator.run(run.id).last_seq
            until(lambda: short.problems)
            with pytest.raises(StoreBusy, match="another program holds the database locked"):
                short.operator.stop(run)
            assert short.operator.run(run.id).last_seq == last
            other.execute("ROLLBACK")
        other.close()
        goes_on(short, run, until)
    assert {type(error) for _, error in short.problems} == {StoreBusy}
    agrees(short.operator)


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while(short: Any, until: Any, agrees: Any) -> None:
    short.write(it=BUSY)
    run = short.start("it")
    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 10)
        pages = short.execute("PRAGMA page_count")[0][0]
        on_the_writer(short, f"PRAGMA max_page_count = {pages}")
        until(lambda: short.problems)
        assert isinstance(short.problems[0][1], StoreFull)
        assert "no room left on the disk" in str(short.problems[0][1])
        on_the_writer(short, "PRAGMA max_page_count = 1073741823")
        goes_on(short, run, until)
    agrees(short.operator)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where nobody may")
def test_a_file_that_is_made_read_only_for_a_while(short: Any, until: Any) -> None:
    short.write(it=BUSY)
    run = short.start("it")
    path = short.folder / ".proc-tui/runs.db"
    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 10)
        path.chmod(0o400)
        writes_through_a_new_connection(short)
        until(lambda: any(isinstance(error, StoreReadOnly) for _, error in short.problems))
        path.chmod(0o600)
        goes_on(short, run, until)


@pytest.mark.slow
def test_a_store_that_refuses_to_write_for_a_while(short: Any, until: Any, agrees: Any) -> None:
    """As a file system that was remounted read-only does, for root too."""
    short.write(it=BUSY)
    run = short.start("it")
    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 10)
        on_the_writer(short, "PRAGMA query_only = ON")
        until(lambda: short.problems)
        assert isinstance(short.problems[0][1], StoreReadOnly)
        writes_through_a_new_connection(short)
        goes_on(short, run, until)
    agrees(short.operator)


DAMAGES = {
    "an event that is no JSON": (
        "UPDATE events SET data='{' WHERE kind='state.set'",
        r"Event \d+ of run \w+ \(state.set\) cannot be read",
    ),
    "an event of an unknown kind": (
        "UPDATE events SET kind='nonsense' WHERE kind='state.set'",
        r"\(nonsense\) cannot be read",
    ),
    "an event of the wrong shape": ("UPDATE events SET data='[1]' WHERE kind='state.set'", "cannot be read"),
    "a missing blob": ("DELETE FROM blobs", r"\(state.set\) cannot be read: .*missing from blobs"),
    "a missing source": ("DELETE FROM sources", "pinned source .* is missing"),
    "a source that is no bundle": ("UPDATE sources SET text='{'", "source"),
    "a source that is no text": ("UPDATE sources SET text=CAST(x'ff22' AS TEXT)", "UTF-8|source"),
    "a history that is no list": ("UPDATE runs SET history='?'", "row of run"),
    "an answer that is no JSON": ("UPDATE answers SET data='{'", "answer"),
}
REPAIRS = {"a missing blob": "blobs", "a missing source": "sources"}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_row_blocks_its_run_with_the_reason_and_no_other_run(short: Any, until: Any, case: str) -> None:
    sql, says = DAMAGES[case]
    short.write(it='State.set("n", ("x"):rep(40000))\nlocal t = Human.input{message = "m"}\nreturn t', other="return 1")
    run = short.drive(short.start("it"), RunStatus.WAITING_FOR_HUMAN)
    tables = ("events", "blobs", "sources", "runs", "answers")
    short.operator.answer(short.operator.inbox()[0].id, Given(text="yes"))
    copies = {table: short.execute(f"SELECT rowid, * FROM {table}") for table in tables}
    short.execute(sql)
    short.operator._sources._read.clear()

    def status() -> str:
        return short.execute("SELECT status FROM runs WHERE id=?", run.id)[0][0]

    with short.working():
        until(lambda: status() == "BLOCKED", f"{short.problems}")
        error = short.execute("SELECT error FROM runs WHERE id=?", run.id)[0][0]
        import re

        assert re.search(says, error), error
        if case != "a history that is no list":
            healthy = short.start("other") if "source" not in case else None
            if healthy is not None:
                short.wait(healthy)
        for table, rows in copies.items():
            marks = ",".join("?" * (len(rows[0]) - 1))
            for row in rows:
                if table == "runs":
                    short.execute("UPDATE runs SET history=? WHERE id=?", "[[1,null]]", run.id)
                else:
                    short.execute(f"DELETE FROM {table} WHERE rowid=?", row[0])
                    short.execute(f"INSERT INTO {table} VALUES ({marks})", *row[1:])
        short.operator.resume(short.operator.run(run.id))
        short.wait(run)
    assert short.result(run) == "yes"


def test_what_is_damaged_is_refused_by_name_when_it_is_read(short: Any) -> None:
    short.write(it='State.set("n", 1)\nHuman.approve{message = "m"}')
    run = short.drive(short.start("it"), RunStatus.WAITING_FOR_HUMAN)
    short.execute("UPDATE requests SET data='{'")
    with pytest.raises(StoreDamaged, match="request"):
        short.operator.answer(short.operator.inbox()[0].id, Given(approved=True))
    short.execute("UPDATE events SET data='{' WHERE kind='state.set'")
    with pytest.raises(StoreDamaged, match=f"run {run.id}"):
        short.operator.records(run)
    with pytest.raises(StoreDamaged):
        short.operator.plan_reset(run)
    short.operator.cancel(run)


@pytest.mark.slow
def test_a_file_that_is_cut_short_is_named_and_what_can_be_saved_too(short: Any, until: Any) -> None:
    short.write(it=BUSY)
    run = short.start("it")
    path = short.folder / ".proc-tui/runs.db"
    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 300)
    on_the_writer(short, "PRAGMA wal_checkpoint(TRUNCATE)")
    short.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    def look() -> None:
        with short.another() as operator:
            operator.records(operator.run(run.id))

    with pytest.raises(StoreError, match=r"damaged|cut|\.recover"):
        look()
    path.write_bytes(whole)
    short.operator = short.another()
    with short.working():
        goes_on(short, run, until)


def test_a_commit_whose_result_was_lost_is_not_made_twice(short: Any, until: Any, agrees: Any) -> None:
    """The disk took the commit and reported an error: what the run has in memory is behind its journal."""
    short.write(it=BUSY)
    run = short.start("it")
    database = short.operator._database
    original = database.write
    hits: list[int] = []

    def write(work: Any, **options: Any) -> Any:
        result = original(work, **options)
        if len(hits) < 3 and "Recording" in getattr(work, "__qualname__", ""):
            hits.append(1)
            raise StoreError("the disk refused to say whether that was written")
        return result

    with short.working():
        until(lambda: short.operator.run(run.id).last_seq > 10)
        database.write = write
        until(lambda: len(hits) == 3)
        goes_on(short, run, until)
    agrees(short.operator)
