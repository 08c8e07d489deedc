"""Workers in real processes, killed, stopped and gone on with."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.model.states import RunStatus

pytestmark = pytest.mark.kill

BUSY = """
    local n = 0
    while not Stop.requested() do
      n = n + 1
      Step.run("s" .. n, function() State.set("n", n); Log.info("line " .. n) end)
    end
    return n
"""


def counted(scene: Any, run: Any) -> None:
    """Nothing of the run was lost or done twice."""
    row = scene.operator.run(run.id)
    fold = scene.operator.fold(row)
    names = [entry.name for entry in fold.checkpoints.entries if entry.op == "step"]
    assert names == [f"s{index}" for index in range(1, len(names) + 1)]
    assert fold.state.values["n"] == len(names) == scene.result(row)
    lines = [record.event.message for record in scene.operator.log(row, kinds=["logged"])]
    assert lines == [f"line {index}" for index in range(1, len(names) + 1)]


def finish(scene: Any, runs: list[Any]) -> None:
    for run in runs:
        scene.operator.stop(run)
    for run in runs:
        scene.wait(run)
        counted(scene, run)


def until_stopped(pid: int) -> None:
    """The signal is sent at once, but each thread stops only when it is scheduled next."""
    threads = Path(f"/proc/{pid}/task")
    deadline = time.monotonic() + 5
    while any((task / "stat").read_text().rpartition(")")[2].split()[0] != "T" for task in threads.iterdir()):
        assert time.monotonic() < deadline, "the process does not stop"


def freeze(scene: Any, other: Any) -> None:
    """Stops the process between two transactions: within one it holds SQLite's lock, and nobody can write."""
    while True:
        other.signal(signal.SIGSTOP)
        until_stopped(other.process.pid)
        with closing(sqlite3.connect(scene.folder / ".proc-tui/runs.db", isolation_level=None, timeout=0.2)) as own:
            try:
                own.execute("BEGIN IMMEDIATE")
                own.execute("ROLLBACK")
                return
            except sqlite3.OperationalError:
                other.signal(signal.SIGCONT)


def test_the_runs_of_a_killed_worker_go_on_at_once_on_the_same_machine(scene: Any, program: Any, until: Any) -> None:
    scene.write(it=BUSY)
    runs = [scene.start("it") for _ in range(4)]
    other = program("work", lease=60.0)
    until(lambda: all(scene.operator.run(run.id).last_seq > 20 for run in runs))
    with scene.working():
        other.signal(signal.SIGKILL)
        other.process.wait()
        killed, seen = time.monotonic(), [scene.operator.run(run.id).last_seq for run in runs]
        until(lambda: all(scene.operator.run(run.id).last_seq > last for run, last in zip(runs, seen, strict=True)))
        assert time.monotonic() - killed < 5, "not after the lease of a minute"
        finish(scene, runs)


def test_a_worker_that_is_frozen_past_its_lease_loses_its_runs_and_notices(
    scene: Any, program: Any, until: Any
) -> None:
    scene.write(it=BUSY)
    runs = [scene.start("it") for _ in range(3)]
    other = program("work", lease=0.5)
    until(lambda: all(scene.operator.run(run.id).last_seq > 20 for run in runs))
    freeze(scene, other)
    with scene.working():
        try:
            until(
                lambda: all(str(os.getpid()) in (scene.operator.run(run.id).owner or "") for run in runs), patience=10
            )
        finally:
            other.signal(signal.SIGCONT)
        seen = [scene.operator.run(run.id).last_seq for run in runs]
        until(
            lambda: all(scene.operator.run(run.id).last_seq > last + 100 for run, last in zip(runs, seen, strict=True))
        )
        if not scene.operator._environment.suspend_always:
            assert all(str(os.getpid()) in (scene.operator.run(run.id).owner or "") for run in runs)
        finish(scene, runs)


def test_two_processes_drive_each_run_once(scene: Any, program: Any, until: Any) -> None:
    scene.write(
        child=(
            'Step.run("s", function() State.increment("n"); Log.info("once") end)\nSleep(0.002)\nreturn State.get("n")'
        ),
        it="""
        local h = {}
        for i = 1, 4 do h[i] = Procedure.spawn("child", {}) end
        local n = 0
        for _, r in pairs(Procedure.wait_all(h)) do n = n + r end
        return n
        """,
    )
    program("work")
    program("work")
    runs = [scene.start("it") for _ in range(12)]
    for run in runs:
        scene.wait(run)
    assert [scene.result(run) for run in runs] == [4] * 12
    until(lambda: all(run.owner is None for run in scene.operator.runs()))
    for run in scene.operator.runs(procedure="child"):
        assert len(scene.operator.log(run, kinds=["logged"])) == 1


def test_a_living_worker_of_another_process_keeps_its_runs(scene: Any, program: Any, until: Any) -> None:
    scene.write(it=BUSY)
    run = scene.start("it")
    other = program("work", lease=60.0)
    until(lambda: scene.operator.run(run.id).last_seq > 20)
    epoch = scene.operator.run(run.id).epoch
    with scene.working():
        last = scene.operator.run(run.id).last_seq
        until(lambda: scene.operator.run(run.id).last_seq > last + 200)
        if not scene.operator._environment.suspend_always:
            assert scene.operator.run(run.id).epoch == epoch
            assert str(other.process.pid) in scene.operator.run(run.id).owner
        finish(scene, [run])


def test_cancelling_from_another_process_ends_an_endless_loop(scene: Any, program: Any, until: Any) -> None:
    scene.write(it="while true do pcall(function() while true do end end) end", after='return "next"')
    run = scene.start("it")
    program("work")
    scene.wait(run, RunStatus.RUNNING)
    scene.operator.cancel(run)
    scene.wait(scene.start("after"), patience=5)
    assert scene.operator.run(run.id).status is RunStatus.CANCELLED
