"""Workers: each run is driven by exactly one, and what happens to a worker never happens to a run."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.engine.driver import Driver
from proc_tui.core.errors import LeaseLost, StoreError
from proc_tui.core.model.settings import LimitSettings, Settings, WorkerSettings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import FakeClock


def fast(**worker: Any) -> Settings:
    return Settings(durability="fast", worker=WorkerSettings(**worker))


HANG = 'string.find(string.rep("a", 26), string.rep("a?", 26) .. string.rep("a", 26))'
"""One call of C that takes some seconds."""


# ---- many runs


def test_more_runs_than_a_worker_drives_at_once_all_end(make_scene: Any, agrees: Any) -> None:
    scene = make_scene(settings=fast(max_active=3))
    scene.write(
        it='Step.run("a", function() end)\nSleep(0.001)\nreturn params',
    )
    runs = [scene.start("it") for _ in range(40)]
    with scene.working():
        for run in runs:
            scene.wait(run)
    assert {scene.operator.run(run.id).status for run in runs} == {RunStatus.COMPLETED}
    agrees(scene.operator)


def test_runs_that_are_always_due_do_not_keep_others_waiting(make_scene: Any, until: Any) -> None:
    """A timer of a young run gets its turn though old ones ask to go on all the time."""
    scene = make_scene(settings=fast(max_active=1, warm=0))
    scene.write(busy="while not Stop.requested() do Sleep(0.0001) end", it='Sleep(0.001)\nreturn "done"')
    greedy = [scene.start("busy") for _ in range(3)]
    with scene.working():
        until(lambda: all(scene.operator.run(run.id).last_seq > 5 for run in greedy))
        run = scene.start("it")
        scene.wait(run)
        for other in greedy:
            scene.operator.stop(other)
            scene.wait(other)


@pytest.mark.slow
def test_waiting_runs_hold_no_thread_and_no_lua_state(make_scene: Any, until: Any, agrees: Any) -> None:
    scene = make_scene(settings=fast(warm=5, max_active=8))
    scene.write(it='local ok = Human.approve{message = "m"}\nreturn ok')
    live: weakref.WeakSet[Driver] = weakref.WeakSet()
    made = Driver.__init__

    def remember(self: Driver, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        live.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Driver, "__init__", remember)
        with scene.working() as worker:
            runs = [scene.start("it") for _ in range(300)]
            until(lambda: len(scene.operator.inbox()) == 300)
            until(lambda: worker.active == 0)
            assert sum(thread.name == "proc-tui run" for thread in threading.enumerate()) <= 16 + 8
            gc.collect()
            assert sum(driver._sandbox is not None for driver in live) <= 5
            for run in runs:
                scene.operator.answer(scene.operator.request(run.id).id, Given(approved=True))
            for run in runs:
                scene.wait(run)
    agrees(scene.operator)


def test_two_waiting_runs_of_one_process_never_hold_each_other_up(scene: Any) -> None:
    scene.write(it='local t = Human.input{message = "m"}\nreturn t')
    with scene.working():
        first, second = scene.start("it"), scene.start("it")
        for run in (first, second):
            scene.wait(run, RunStatus.WAITING_FOR_HUMAN)
        scene.operator.answer(scene.operator.request(second.id).id, Given(text="2"))
        scene.wait(second)
        assert scene.operator.run(first.id).status is RunStatus.WAITING_FOR_HUMAN
        scene.operator.answer(scene.operator.request(first.id).id, Given(text="1"))
        scene.wait(first)
    assert (scene.result(first), scene.result(second)) == ("1", "2")


@pytest.mark.slow
def test_a_run_that_hangs_in_one_call_of_c_leaves_the_others_going(scene: Any) -> None:
    scene.write(hang=HANG + '\nreturn "late"', it='Sleep(0.001)\nreturn "done"')
    with scene.working():
        hung = scene.start("hang")
        scene.wait(hung, RunStatus.RUNNING)
        others = [scene.start("it") for _ in range(20)]
        for run in others:
            scene.wait(run, patience=5)
        assert scene.operator.run(hung.id).status is RunStatus.RUNNING
        scene.operator.cancel(hung)
        assert scene.operator.run(hung.id).status is RunStatus.CANCELLED
    assert scene.operator.run(hung.id).status is RunStatus.CANCELLED


@pytest.mark.slow
def test_an_idle_worker_rests_between_two_looks(scene: Any, until: Any) -> None:
    """Ten looks a second, each of some tenths of a millisecond, are what a waiting workspace costs."""
    scene.write(it='Human.approve{message = "m"}')
    with scene.working() as worker:
        for run in [scene.start("it") for _ in range(20)]:
            scene.wait(run, RunStatus.WAITING_FOR_HUMAN)
        until(lambda: worker.active == 0)
        looks: list[float] = []
        paused = worker._pause

        async def pause(due: float | None, now: float) -> None:
            before = time.thread_time()
            await paused(due, now)
            looks.append(time.thread_time() - before)

        began = time.monotonic()
        worker._pause = pause
        until(lambda: len(looks) >= 4)
        assert time.monotonic() - began > 0.25
    assert sorted(looks)[1] < 0.01


# ---- letting go


@pytest.mark.slow
def test_a_worker_that_is_stopped_leaves_every_run_to_the_next(scene: Any, until: Any, agrees: Any) -> None:
    scene.write(
        busy=(
            "local n = 0\n"
            "while not Stop.requested() do n = n + 1 Step.run('s' .. n, function() State.set('n', n) end) end\n"
            "return n"
        ),
        spin="local n = 0\nwhile n < 40000000 do n = n + 1 end\nreturn n",
        it='Human.approve{message = "m"}\nreturn 1',
        nap="Sleep(0.2)\nreturn 2",
    )
    runs = [scene.start(name) for name in ("busy", "busy", "spin", "it", "nap")]
    with scene.working():
        until(lambda: scene.operator.run(runs[0].id).last_seq > 10)
        scene.wait(runs[3], RunStatus.WAITING_FOR_HUMAN)
    for run in runs:
        assert scene.operator.run(run.id).owner is None
    agrees(scene.operator)
    with scene.working():
        for run in runs[:2]:
            scene.operator.stop(run)
        scene.operator.answer(scene.operator.inbox()[0].id, Given(approved=True))
        for run in runs:
            scene.wait(run)
    for run in runs[:2]:
        fold = scene.operator.fold(scene.operator.run(run.id))
        assert scene.result(run) == fold.state.values["n"] == len(fold.checkpoints.completed)


def test_a_run_that_another_worker_drove_meanwhile_is_not_gone_on_with_from_memory(scene: Any) -> None:
    scene.write(
        it=(
            "local t = {}\n"
            'for i = 1, 6 do\n  local text = Human.input{message = "m" .. i}\n'
            '  t[i] = text .. Step.run("s" .. i, function() State.increment("n") return State.get("n") end)\nend\n'
            "return t"
        )
    )
    run = scene.start("it")
    other = scene.another()

    def answer(operator: Any, text: str) -> None:
        operator.answer(operator.inbox()[0].id, Given(text=text))

    with scene.working() as first:
        scene.wait(run, RunStatus.WAITING_FOR_HUMAN)
        claim = first._claim_due

        async def nothing() -> bool:
            return False

        for index in range(1, 7):
            first._claim_due = nothing if index % 2 else claim  # a warm state that is left out of every other turn
            scene_until(lambda: len(scene.operator.inbox()) == 1)
            answer(scene.operator, f"<{index}>")
            if index % 2:
                with scene.working(operator=other):
                    scene_until(lambda: scene.operator.inbox() or scene.operator.run(run.id).status.ended)
            else:
                scene_until(lambda: scene.operator.inbox() or scene.operator.run(run.id).status.ended)
    other.close()
    assert scene.result(run) == [f"<{index}>{index}" for index in range(1, 7)]


def scene_until(condition: Any) -> Any:
    end = time.monotonic() + 15
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.002)
    return found


@pytest.mark.slow
def test_two_workers_of_one_process_drive_each_run_once(scene: Any, agrees: Any) -> None:
    scene.write(
        child='Step.run("s", function() State.increment("n") end)\nSleep(0.002)\nreturn State.get("n")',
        it=(
            "local h = {}\n"
            'for i = 1, 4 do h[i] = Procedure.spawn("child", {}) end\n'
            "local n = 0\n"
            "for _, r in pairs(Procedure.wait_all(h)) do n = n + r end\n"
            "return n"
        ),
    )
    other = scene.another()
    with scene.working(), scene.working(operator=other):
        runs = [scene.start("it") for _ in range(15)]
        for run in runs:
            scene.wait(run)
    other.close()
    assert [scene.result(run) for run in runs] == [4] * 15
    agrees(scene.operator)


def test_a_worker_that_lost_its_run_writes_nothing_more(scene: Any, until: Any) -> None:
    scene.write(it="local n = 0\nwhile true do n = n + 1 Step.run('s' .. n, function() end) end")
    run = scene.start("it")
    with scene.working() as worker:
        until(lambda: scene.operator.run(run.id).last_seq > 5)
        scene.execute(
            "UPDATE runs SET epoch=epoch+1, owner='elsewhere:1:1:1', lease_until=? WHERE id=?", time.time() + 10, run.id
        )
        last = scene.operator.run(run.id).last_seq
        until(lambda: worker.active == 0)
        assert scene.operator.run(run.id).last_seq == last
        assert scene.operator.run(run.id).owner == "elsewhere:1:1:1"
    assert scene.problems == []
    scene.operator.cancel(run)


def test_an_append_under_an_old_epoch_is_refused(scene: Any) -> None:
    from proc_tui.core.journal import runs

    scene.write(it='Human.approve{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    with pytest.raises(LeaseLost, match=f"run {run.id} was taken over"):
        scene.operator._database.write(lambda connection: runs.check_lease(connection, run.id, run.epoch - 1))


# ---- the clock


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_setting_the_clock_while_runs_are_driven_drives_each_once(
    make_scene: Any, until: Any, agrees: Any, jump: float
) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock, settings=fast(lease_seconds=0.6))
    scene.write(
        it=(
            "local n = 0\n"
            "while not Stop.requested() do n = n + 1 Step.run('s' .. n, function() State.set('n', n) end) end\n"
            "return n"
        )
    )
    runs = [scene.start("it") for _ in range(3)]
    starts: list[str] = []
    with scene.working() as worker:
        began = worker._start

        def start(run: Any) -> None:
            starts.append(run.id)
            began(run)

        worker._start = start
        until(lambda: all(scene.operator.run(run.id).last_seq > 5 for run in runs))
        begun = len(starts)
        clock.advance(jump)
        seen = [scene.operator.run(run.id).last_seq for run in runs]
        until(
            lambda: all(scene.operator.run(run.id).last_seq > last + 50 for run, last in zip(runs, seen, strict=True))
        )
        for run in runs:
            scene.operator.stop(run)
        for run in runs:
            scene.wait(run)
    if not scene.operator._environment.suspend_always:
        assert starts[begun:] == [], "no run was begun anew"
    agrees(scene.operator)


def test_effects_are_written_in_time_after_the_clock_was_set_back(make_scene: Any, until: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(
        it=(
            'State.set("a", 1)\n'
            "local n = 0\n"
            'while not Stop.requested() do n = n + 1 if n % 5000 == 0 then State.set("n", n) end end'
        )
    )
    run = scene.start("it")
    with scene.working():
        until(lambda: scene.operator.run(run.id).last_seq > 3)
        clock.advance(-3600)
        last = scene.operator.run(run.id).last_seq
        until(lambda: scene.operator.run(run.id).last_seq > last, patience=3)
        scene.operator.cancel(run)


# ---- limits and cancelling


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("while true do end", "instructions"),
        ("while true do pcall(function() while true do end end) end", "instructions"),
        ("local t = {}\nwhile true do t[#t + 1] = ('x'):rep(1000) .. #t end", "memory"),
        (
            "while true do pcall(function() local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end) end",
            "memory",
        ),
    ],
)
def test_a_limit_fails_the_run_and_a_raised_one_lets_it_go_on(
    make_scene: Any, agrees: Any, code: str, says: str
) -> None:
    small = Settings(durability="fast", limits=LimitSettings(lua_memory_mb=8, lua_instructions=3_000_000))
    scene = make_scene(settings=small)
    scene.write(
        it='Step.run("before", function() State.increment("n") end)\nif not File.exists("go") then\n'
        + code
        + '\nend\nreturn State.get("n")'
    )
    failed = scene.drive(scene.start("it"))
    assert failed.status is RunStatus.FAILED
    ended = scene.operator.fold(failed).ended
    assert ended.code == "RUN-008"
    assert says in ended.message
    (scene.folder / "go").touch()
    plan = scene.operator.plan_reset(failed, "file.exists#1")
    assert plan.checkpoints == ("file.exists#1",)
    scene.operator.reset(failed, "file.exists#1")
    scene.drive(failed)
    assert scene.result(failed) == 1
    agrees(scene.operator)


def test_a_run_that_met_a_limit_goes_on_with_a_raised_one(make_scene: Any) -> None:
    scene = make_scene(settings=Settings(durability="fast", limits=LimitSettings(lua_instructions=1_000_000)))
    scene.write(
        it=(
            'Step.run("before", function() State.increment("n") end)\n'
            "local n = 0\n"
            "for i = 1, 2000000 do n = n + 1 end\n"
            "return n"
        )
    )
    failed = scene.drive(scene.start("it"))
    assert scene.operator.fold(failed).ended.code == "RUN-008"
    scene.close()
    scene.operator = scene.another(settings=Settings(durability="fast"))
    scene.operator.resume(failed)
    scene.drive(failed)
    assert scene.result(failed) == 2_000_000
    assert scene.operator.run(failed.id).attempt == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "code", ["while true do end", "while true do pcall(error) end", "for i = 1, 1e15 do State.get('x') end"]
)
def test_cancelling_ends_an_endless_loop_at_once(scene: Any, until: Any, code: str) -> None:
    scene.write(it=code)
    run = scene.start("it")
    with scene.working() as worker:
        scene.wait(run, RunStatus.RUNNING)
        until(lambda: worker._active.get(run.id))
        scene.operator.cancel(run)
        began = time.monotonic()
        until(lambda: worker.active == 0, patience=3)
        assert time.monotonic() - began < 2
    assert scene.operator.run(run.id).status is RunStatus.CANCELLED


# ---- what the worker does with what it does not expect


def test_a_failure_of_the_engine_itself_blocks_the_run_and_not_the_worker(scene: Any, until: Any) -> None:
    scene.write(it="return 1")
    with scene.working() as worker:
        original = worker._activate

        def fails(row: Any, warm: Any) -> Any:
            raise RuntimeError("unexpected")

        worker._activate = fails
        run = scene.start("it")
        blocked = until(lambda: scene.operator.run(run.id).status is RunStatus.BLOCKED and scene.operator.run(run.id))
        assert "RuntimeError: unexpected" in blocked.error
        worker._activate = original
        scene.operator.resume(run)
        scene.wait(run)


@pytest.mark.slow
def test_a_lease_that_could_not_be_given_back_is_taken_up_again(make_scene: Any, until: Any) -> None:
    """The commit that let go of the run failed, so the worker owns a run that it does not drive."""
    scene = make_scene(settings=fast(lease_seconds=0.3))
    scene.write(it="return 1")
    with scene.working() as worker:
        original, broken = worker._activate, worker._let_run_go

        def fails(row: Any, warm: Any) -> Any:
            worker._activate = original
            raise StoreError("the disk is away")

        worker._activate, worker._let_run_go = fails, lambda *_, **__: None
        run = scene.start("it")
        until(lambda: scene.problems)
        worker._let_run_go = broken
        scene.wait(run, RunStatus.COMPLETED, patience=5)


def test_a_worker_for_some_trees_leaves_the_others_alone(scene: Any) -> None:
    scene.write(child="return 1", it='return Procedure.run("child", {})')
    mine, other = scene.start("it"), scene.start("it")
    with scene.working(roots=[mine.id]):
        scene.wait(mine)
    assert scene.operator.run(other.id).status is RunStatus.PENDING
    scene.drive(other)


@pytest.mark.slow
def test_memory_stays_flat_over_thousands_of_activations(make_scene: Any) -> None:
    import resource

    scene = make_scene(settings=fast(warm=0))
    scene.write(
        it=(
            "while not Stop.requested() do\n"
            "  Sleep(0.0001)\n"
            "  if Checkpoint.exists('sleep#20') then Procedure.restart() end\n"
            "end"
        )
    )
    runs = [scene.start("it") for _ in range(4)]
    activations = 0
    sizes: list[int] = []
    with scene.working() as worker:
        began = worker._start

        def start(run: Any) -> None:
            nonlocal activations
            activations += 1
            began(run)

        worker._start = start
        for goal in (700, 2700):
            scene_until(lambda goal=goal: activations >= goal)
            gc.collect()
            sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
        assert sum(thread.name == "proc-tui run" for thread in threading.enumerate()) <= 24
        for run in runs:
            scene.operator.stop(run)
            scene.wait(run)
    assert sizes[1] - sizes[0] < 12 * 2**20, [size // 2**20 for size in sizes]
