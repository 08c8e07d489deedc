"""Going on and going back: resume, reset, fork, restart, edits. Every event stays where it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.errors import Divergence, NotFound, ProcError, Refused
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import complete, fold_image, play
from proc_tui.core.values import encode

if TYPE_CHECKING:
    from proc_tui.core.journal.folds import RunFold

THREE = """
    Stage.set("begin")
    Step.run("a", function() State.set("a", math.random(1000000)) end)
    Stage.set("middle")
    Step.run("b", function() State.set("b", math.random(1000000)) end)
    Stage.set("end")
    local ok = Human.approve{message = "go on?"}
    if not ok then error("refused") end
    Step.run("c", function() State.set("c", os.time()) end)
    return State.all()
"""


def names(fold: RunFold) -> list[str]:
    return [entry.name for entry in fold.checkpoints.entries]


def image(scene: Any, run: Any, at: int | None = None) -> str:
    return encode(fold_image(scene.operator.fold(run, at=at)))


# ---- resume


def test_the_operation_whose_error_ended_the_run_is_done_again(scene: Any) -> None:
    (scene.folder / "wanted").mkdir()
    scene.write(
        it=(
            'Step.run("a", function() State.increment("a") end)\n'
            'local text = File.read("f")\n'
            'return text .. State.get("a")'
        )
    )
    failed = scene.drive(scene.start("it"))
    assert failed.status is RunStatus.FAILED
    (scene.folder / "f").write_text("here ")
    scene.operator.resume(failed)
    assert scene.drive(failed).status is RunStatus.COMPLETED
    assert scene.result(failed) == "here 1"
    assert names(scene.operator.fold(failed, at=failed.last_seq)) == ["a", "file.read#1"]


def test_an_operation_that_failed_deep_in_steps_is_done_again_and_no_more_than_it(scene: Any) -> None:
    scene.write(
        it="""
        Step.run("outer", function()
          Step.run("done", function() State.increment("done") end)
          Step.run("inner", function()
            State.increment("inner")
            return File.read("f")
          end)
        end)
        return State.all()
        """
    )
    failed = scene.drive(scene.start("it"))
    plan_names = scene.kinds(failed)
    assert plan_names[-1] == "run.ended"
    (scene.folder / "f").write_text("x")
    scene.operator.resume(failed)
    scene.drive(failed)
    assert scene.result(failed) == {"done": 1, "inner": 1}
    assert names(scene.operator.fold(scene.operator.run(failed.id))) == ["outer", "done", "inner", "file.read#1"]


def test_an_error_that_was_caught_is_not_what_a_later_equal_error_is_traced_to(scene: Any) -> None:
    """Else a resume would do again what succeeded long ago."""
    scene.write(
        it="""
        pcall(Step.run, "first", function() error("boom", 0) end)
        Step.run("paid", function() State.increment("paid") end)
        Step.run("second", function()
          if not File.exists("f") then error("boom", 0) end
        end)
        return State.all()
        """
    )
    failed = scene.drive(scene.start("it"))
    assert failed.error == "boom"
    (scene.folder / "f").write_text("x")
    scene.operator.resume(failed)
    scene.drive(failed)
    fold = scene.operator.fold(scene.operator.run(failed.id))
    assert names(fold)[:3] == ["first", "paid", "second"]
    kept = [
        record.seq for record in scene.operator.records(scene.operator.run(failed.id)) if record.event.label == "paid"
    ]
    assert kept[-1] < failed.last_seq, "`paid` was recorded once, before the failure"


def test_a_limit_that_ends_a_run_is_not_traced_to_an_error_of_nil(scene: Any) -> None:
    scene.write(
        it=(
            'pcall(Step.run, "nothing", function() error(nil) end)\n'
            'Step.run("b", function() end)\n'
            "return print, function() end"
        )
    )
    failed = scene.drive(scene.start("it"))
    assert failed.status is RunStatus.FAILED
    assert scene.operator.fold(failed).ended.cause == 0
    scene.operator.resume(failed)
    failed = scene.drive(failed)
    assert failed.attempt == 1


def test_a_failed_child_is_run_again_when_its_parent_is_resumed(scene: Any) -> None:
    scene.write(child='return File.read("f")', it='return Procedure.run("child", {})')
    failed = scene.drive(scene.start("it"))
    assert "f" in failed.error
    (scene.folder / "f").write_text("good")
    scene.operator.resume(failed)
    scene.drive(failed)
    assert scene.result(failed) == "good"
    children = scene.operator.runs(parent=failed.id)
    assert sorted(child.status for child in children) == [RunStatus.COMPLETED, RunStatus.FAILED]


def test_a_failed_child_that_is_resumed_itself_counts_for_a_parent_that_waits_again(scene: Any) -> None:
    scene.write(
        child='return File.read("f")',
        it='local h = Procedure.spawn("child", {})\nlocal r = Procedure.wait(h)\nreturn r',
    )
    failed = scene.drive(scene.start("it"))
    (scene.folder / "f").write_text("good")
    child = scene.operator.runs(parent=failed.id)[0]
    scene.operator.resume(child)
    scene.drive(child)
    scene.operator.resume(failed)
    scene.drive(failed)
    assert scene.result(failed) == "good"
    assert len(scene.operator.runs(parent=failed.id)) == 1


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.CANCELLED])
def test_a_completed_or_cancelled_run_is_never_run_again_but_can_be_forked(scene: Any, status: RunStatus) -> None:
    scene.write(
        it=(
            'Step.run("a", function() State.set("x", math.random()) end)\n'
            'local ok = Human.approve{message = "m"}\n'
            'return State.get("x")'
        )
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    if status is RunStatus.CANCELLED:
        scene.operator.cancel(run)
    else:
        scene.finish(run)
    run = scene.operator.run(run.id)
    assert run.status is status
    before = scene.kinds(run)
    for refused in (
        lambda: scene.operator.resume(run),
        lambda: scene.operator.resume_edited(run),
        lambda: scene.operator.resume_edited(run, cut=True),
        lambda: scene.operator.reset(run),
        lambda: scene.operator.cancel(run),
        lambda: scene.operator.stop(run),
        lambda: scene.operator.send(run, "hello"),
    ):
        with pytest.raises(Refused, match=status.value.lower() + "|" + status.value):
            refused()
    fork = scene.operator.fork(run, "approve#1")
    scene.finish(fork)
    assert scene.kinds(run) == before
    assert scene.operator.run(run.id).status is status
    assert scene.result(fork) == scene.operator.fold(run).state.values["x"]


def test_resuming_twice_at_once_makes_one_attempt(scene: Any) -> None:
    scene.write(it='return File.read("f")')
    failed = scene.drive(scene.start("it"))
    start = threading.Barrier(4)
    errors: list[ProcError] = []

    def resume() -> None:
        start.wait()
        try:
            scene.operator.resume(failed)
        except ProcError as error:
            errors.append(error)

    threads = [threading.Thread(target=resume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert scene.operator.run(failed.id).attempt == 2
    assert [record.event.kind for record in scene.operator.records(scene.operator.run(failed.id))] == [
        "run.started",
        "attempt.began",
    ]


# ---- reset


def test_a_reset_forgets_a_checkpoint_and_all_after_it(scene: Any) -> None:
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    before, request = image(scene, run), scene.operator.inbox()[0].id
    plan = scene.operator.plan_reset(run, "b")
    assert plan.checkpoints == ("b",)
    assert plan.requests == (request,)
    assert scene.operator.reset(run, "b") == plan
    again = scene.operator.run(run.id)
    assert (again.status, again.attempt, again.stage) == (RunStatus.PENDING, 2, "middle")
    assert names(scene.operator.fold(again)) == ["a"]
    assert scene.operator.inbox() == []
    assert image(scene, again, at=run.last_seq) == before, "the earlier attempt stays readable"
    a, b = (scene.operator.fold(run, at=run.last_seq).state.values[key] for key in "ab")
    finished = scene.finish(again)
    result = scene.result(finished)
    assert (result["a"], result["b"]) == (a, b), "the same seed"


def test_a_reset_to_the_beginning_keeps_the_start_only(scene: Any) -> None:
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.reset(run)
    assert scene.kinds(run) == ["run.started", "attempt.began"]
    assert scene.operator.run(run.id).stage is None
    assert scene.finish(run).status is RunStatus.COMPLETED


def test_a_reset_inside_a_step_leaves_the_step_open(scene: Any) -> None:
    scene.write(
        it="""
        Step.run("outer", function()
          Step.run("one", function() State.increment("one") end)
          Step.run("two", function() State.increment("two") end)
        end)
        Human.approve{message = "m"}
        return State.all()
        """
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.reset(run, "two")
    fold = scene.operator.fold(scene.operator.run(run.id))
    assert [entry.name for entry in fold.checkpoints.open] == ["outer"]
    assert fold.state.values == {"one": 1}
    scene.finish(run)
    assert scene.result(run) == {"one": 1, "two": 1}


def test_resets_of_resets_keep_every_attempt_readable(scene: Any) -> None:
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    seen: list[tuple[int, str]] = []
    for name in ("c-is-unknown", "b", "a", "b", None, "a"):
        if name == "c-is-unknown":
            with pytest.raises(NotFound, match='no checkpoint "c-is-unknown"'):
                scene.operator.reset(run, name)
            continue
        run = scene.operator.run(run.id)
        seen.append((run.last_seq, image(scene, run)))
        scene.operator.reset(run, name)
        run = scene.drive(run, RunStatus.WAITING_FOR_HUMAN)
    for at, expected in seen:
        assert image(scene, run, at=at) == expected
    assert run.attempt == 6
    assert len(scene.operator.inbox()) == 1


def test_a_reset_cancels_the_children_made_after_it_and_lists_them_first(scene: Any) -> None:
    scene.write(
        child='Human.approve{message = "child"}',
        it="""
        local kept = Procedure.spawn("child", {})
        Step.run("here", function() end)
        local lost = Procedure.spawn("child", {})
        Step.run("deep", function() Procedure.spawn("child", {}) end)
        Procedure.run("child", {})
        """,
    )
    run = scene.start("it")
    with scene.working():
        until_pending(scene, 4)
    run = scene.operator.run(run.id)
    children = sorted(scene.operator.runs(parent=run.id), key=lambda child: child.created_at)
    plan = scene.operator.plan_reset(run, "here")
    assert set(plan.children) == {child.id for child in children[1:]}
    assert plan.checkpoints == ("here", "spawn#2", "spawn#3", "deep")
    scene.operator.reset(run, "here")
    statuses = [scene.operator.run(child.id).status for child in children]
    assert statuses == [RunStatus.WAITING_FOR_HUMAN, *[RunStatus.CANCELLED] * 3]
    assert len(scene.operator.inbox()) == 1


def until_pending(scene: Any, count: int) -> None:
    scene_until(lambda: len(scene.operator.inbox()) == count)


def scene_until(condition: Any) -> None:
    import time

    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


# ---- fork


def test_a_fork_keeps_seed_clock_and_record_and_leaves_the_original_alone(scene: Any) -> None:
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    before = image(scene, run)
    fork = scene.operator.fork(run, "b")
    assert (fork.forked_from, fork.parent, fork.root, fork.stage) == (run.id, None, fork.id, "middle")
    scene.finish(fork)
    result = scene.result(fork)
    fold = scene.operator.fold(run, at=run.last_seq)
    assert {key: result[key] for key in "ab"} == {key: fold.state.values[key] for key in "ab"}
    assert before  # the original is compared by its own end below
    scene.finish(run)
    assert {key: scene.result(run)[key] for key in "ab"} == {key: result[key] for key in "ab"}


def test_forks_of_forks_after_resets_read_right_at_every_event(scene: Any) -> None:
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.reset(run, "b")
    run = scene.drive(run, RunStatus.WAITING_FOR_HUMAN)
    fork = scene.drive(scene.operator.fork(run, "approve#1"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.reset(fork, "b")
    fork = scene.drive(fork, RunStatus.WAITING_FOR_HUMAN)
    second = scene.finish(scene.operator.fork(fork, "approve#1"))
    for row in (scene.operator.run(row.id) for row in (run, fork, second)):
        records = scene.operator.records(row)
        assert image(scene, row, at=row.last_seq) == image(scene, row)
        for record in records:
            prefix = [item.seq for item in scene.operator.records(row, at=record.seq)]
            assert (prefix[0], prefix[-1]) == (1, record.seq)
    assert scene.result(second)["a"] == scene.operator.fold(scene.operator.run(run.id)).state.values["a"]


def test_a_fork_may_wait_for_the_children_of_the_original_but_does_not_own_them(scene: Any) -> None:
    scene.write(
        child='return Human.input{message = "child"}',
        it='local h = Procedure.spawn("child", {})\nStep.run("here", function() end)\nreturn Procedure.wait(h)',
    )
    run = scene.start("it")
    with scene.working():
        until_pending(scene, 1)
        scene.wait(run, RunStatus.WAITING_FOR_CHILD)
    fork = scene.operator.fork(scene.operator.run(run.id), "here")
    with scene.working():
        scene.wait(fork, RunStatus.WAITING_FOR_CHILD)
        scene.operator.cancel(fork)
        assert len(scene.operator.inbox()) == 1, "the child is not the fork's"
        other = scene.operator.fork(scene.operator.run(run.id), "here")
        scene.wait(other, RunStatus.WAITING_FOR_CHILD)
        scene.operator.answer(scene.operator.inbox()[0].id, Given(text="hi"))
        scene.wait(other)
        scene.wait(run)
    assert scene.result(other) == scene.result(run) == "hi"


def test_a_fork_of_a_child_stands_alone(scene: Any) -> None:
    scene.write(child=THREE, it='return Procedure.run("child", {})')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_CHILD)
    with scene.working():
        until_pending(scene, 1)
    child = scene.operator.runs(parent=run.id)[0]
    fork = scene.operator.fork(child, "b")
    assert fork.parent is None
    scene.operator.cancel(run)
    assert scene.operator.run(fork.id).status is not RunStatus.CANCELLED
    assert scene.finish(fork).status is RunStatus.COMPLETED


# ---- restart


def test_a_restart_begins_anew_with_other_chances_and_keeps_the_earlier_attempts_readable() -> None:
    played = play(
        """
        Stage.set("s" .. params.n)
        State.set("random" .. params.n, math.random())
        Step.run("same name", function() end)
        local h = Procedure.spawn("child", {})
        if params.n < 3 then Procedure.restart({n = params.n + 1}) end
        return {n = params.n, state = State.all(), handle = h}
        """,
        params={"n": 1},
        workspace={"child": "return 1"},
    )
    result: Any = played.result
    assert result["n"] == 3
    assert list(result["state"]) == ["random3"]
    operator, run = played.operator, played.run
    starts = [record.seq for record in operator.log(run, kinds=["attempt.began"])]
    assert (run.attempt, len(starts)) == (3, 1)
    first = operator.fold(run, at=5)
    assert (first.attempt, list(first.state.values)) == (1, ["random1"])
    assert len({child.id for child in operator.runs(parent=run.id)}) == 3
    played.replay()


def test_a_stop_that_was_asked_for_is_not_forgotten_by_a_restart(scene: Any) -> None:
    scene.write(
        it='if Stop.requested() then return Stop.reason() end\nHuman.approve{message = "m"}\nProcedure.restart()'
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.stop(run, "enough")
    scene.finish(run)
    assert scene.result(run) == "enough"
    assert scene.operator.run(run.id).attempt == 2


def test_a_restart_inside_a_step_leaves_nothing_open() -> None:
    played = play(
        'Step.run("s", function() if params.n < 3 then Procedure.restart({n = params.n + 1}) end end)\nreturn params.n',
        params={"n": 1},
    )
    assert played.result == 3
    assert [entry.name for entry in played.fold.checkpoints.entries] == ["s"]


def test_a_reset_after_a_restart_goes_back_to_the_restart(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": complete(
                "params:\n  n: {type: integer, default: 1}\ncode: |\n  Step.run('a', function() end)\n"
                "  if params.n < 3 then Procedure.restart({n = params.n + 1}) end\n"
                "  Human.approve{message = 'm'}\n  return params.n\n",
                "it",
            )
        }
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.reset(run)
    run = scene.operator.run(run.id)
    assert scene.operator.fold(run).params == {"n": 3}
    fork = scene.operator.fork(run, None)
    assert scene.operator.fold(fork).params == {"n": 3}
    assert scene.finish(fork).status is RunStatus.COMPLETED
    assert scene.result(fork) == 3


# ---- checkpoints that the code clears


def test_a_cleared_checkpoint_is_where_an_ended_run_is_resumed_from(scene: Any) -> None:
    scene.write(
        it="""
        Step.run("a", function() State.increment("a") end)
        if not File.exists("f") then
          Step.run("b", function() State.increment("b") end)
          Sleep(0.01)
          Checkpoint.clear_after("b")
          assert(not Checkpoint.exists("b") and Checkpoint.exists("a") and Checkpoint.get("file.exists#1") == false)
          Step.run("b", function() State.increment("b") end)
          Sleep(0.01)
          error("now", 0)
        end
        Step.run("b", function() State.increment("b", 10) end)
        return State.all()
        """
    )
    failed = scene.drive(scene.start("it"))
    assert (failed.status, failed.error) == (RunStatus.FAILED, "now")
    (scene.folder / "f").write_text("x")
    scene.operator.resume(failed)
    again = scene.drive(failed)
    assert again.error == "now", "File.exists was recorded before the cleared checkpoint"
    scene.operator.reset(again, "file.exists#1")
    scene.drive(again)
    assert scene.result(again) == {"a": 1, "b": 10}


def test_clearing_all_inside_a_step_keeps_the_run_readable() -> None:
    played = play(
        """
        Step.run("before", function() end)
        Step.run("outer", function()
          Step.run("inner", function() end)
          Checkpoint.clear_all()
          assert(not Checkpoint.exists("inner") and not Checkpoint.exists("before"))
          Step.run("inner", function() State.set("again", true) end)
          Sleep(1)
        end)
        local known = Checkpoint.exists("outer")
        Checkpoint.clear_after("outer")
        local gone = Checkpoint.exists("outer")
        Step.run("outer", function() end)
        return {known = known, gone = gone, state = State.all()}
        """
    )
    assert played.result == {"known": True, "gone": False, "state": {"again": True}}
    played.replay()


# ---- edits


def test_an_edit_of_what_comes_goes_on_without_doing_again_what_was(scene: Any) -> None:
    scene.write(it='Step.run("a", function() State.increment("a") end)\nHuman.approve{message = "m"}\nreturn "old"')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    scene.write(
        it=(
            'Step.run("a", function() State.increment("a", 100) end)\n'
            'Human.approve{message = "m"}\n'
            'return "new" .. State.get("a")'
        )
    )
    plan = scene.operator.resume_edited(run)
    assert (plan.checkpoints, plan.requests, plan.children) == ((), (), ())
    assert [item.id for item in scene.operator.inbox()] == [request], "the person is not asked again"
    scene.finish(run)
    assert scene.result(run) == "new1"


def test_an_edit_performs_nothing_itself(scene: Any) -> None:
    scene.write(it='Human.approve{message = "m"}\nFile.write("f", "old")')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(it='File.write("f", "new")\nHuman.approve{message = "m"}')
    with pytest.raises(Divergence):
        scene.operator.resume_edited(run)
    scene.operator.cancel(run)
    failing = scene.drive(scene.operator.start("it"), RunStatus.WAITING_FOR_HUMAN)
    (scene.folder / "f").unlink()
    scene.operator.reset(failing)
    scene.operator.resume_edited(scene.operator.run(failing.id))
    assert not (scene.folder / "f").exists()


def test_the_version_of_an_edited_text_is_the_runs(scene: Any) -> None:
    text = 'name: it\nversion: "{}"\ncode: Human.approve{{message = "m"}}\n'
    scene.write(**{"it.yaml": text.format(1)})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(**{"it.yaml": text.format(2)})
    scene.operator.resume_edited(run)
    assert scene.operator.run(run.id).version == "2"


def test_an_edit_of_lib_counts_as_an_edit(scene: Any) -> None:
    scene.write(
        **{
            "lib/greet.lua": 'return {say = function() return "old" end}',
            "it": 'local g = require("greet")\nHuman.approve{message = "m"}\nreturn g.say()',
        }
    )
    first = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    second = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(**{"lib/greet.lua": 'return {say = function() return "new" end}'})
    scene.operator.resume_edited(second)
    scene.finish(first)
    scene.finish(second)
    assert scene.result(first) == "old", "a run pins its lib"
    assert scene.result(second) == "new"


def test_an_inline_child_can_be_edited_in_its_document(scene: Any) -> None:
    text = """
        code: |
          return Procedure.run("inner", {})
        procedures:
          inner:
            code: |
              Human.approve{message = "m"}
              return "OLD"
        """
    scene.write(**{"it.yaml": complete(text, "it")})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_CHILD)
    with scene.working():
        until_pending(scene, 1)
    child = scene.operator.runs(parent=run.id)[0]
    scene.write(**{"it.yaml": complete(text.replace("OLD", "NEW"), "it")})
    scene.operator.resume_edited(child)
    scene.finish(run)
    assert scene.result(run) == "NEW"
    scene.write(**{"it.yaml": complete(text.replace("inner:", "other:"), "it")})


def test_an_edit_after_a_failure_does_the_failed_operation_again(scene: Any) -> None:
    scene.write(
        it=(
            'Step.run("a", function() State.increment("a") end)\n'
            'Step.run("b", function() error("bug", 0) end)\n'
            'return State.get("a")'
        )
    )
    failed = scene.drive(scene.start("it"))
    scene.write(
        it=(
            'Step.run("a", function() State.increment("a") end)\n'
            'Step.run("b", function() return "fixed" end)\n'
            'return State.get("a")'
        )
    )
    plan = scene.operator.resume_edited(failed)
    assert plan.checkpoints == ("b",)
    scene.drive(failed)
    assert scene.result(failed) == 1


def test_an_edit_that_cannot_be_read_changes_nothing(scene: Any) -> None:
    scene.write(it='Human.approve{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(**{"it.yaml": "name: it\nversion: '1'\ncode: |\n  if if\n"})
    with pytest.raises(ProcError):
        scene.operator.resume_edited(run)
    assert scene.operator.run(run.id) == run


def test_an_edit_of_a_procedure_outside_the_workspace_finds_its_file(make_scene: Any, tmp_path_factory: Any) -> None:
    scene, elsewhere = make_scene(), tmp_path_factory.mktemp("elsewhere") / "it.yaml"
    elsewhere.write_text(complete('Human.approve{message = "m"}\nreturn "old"', "it"))
    run = scene.drive(scene.operator.start(elsewhere), RunStatus.WAITING_FOR_HUMAN)
    elsewhere.write_text(complete('Human.approve{message = "m"}\nreturn "new"', "it"))
    scene.operator.resume_edited(run)
    scene.finish(run)
    assert scene.result(run) == "new"


def test_going_back_while_the_clock_is_set_back_keeps_the_journal_in_order(make_scene: Any, agrees: Any) -> None:
    from proc_tui.core.testing import FakeClock

    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(it=THREE)
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    clock.advance(-3600)
    scene.operator.reset(run, "b")
    run = scene.drive(run, RunStatus.WAITING_FOR_HUMAN)
    clock.advance(-3600)
    fork = scene.operator.fork(run, "b")
    scene.operator.cancel(run)
    scene.operator.cancel(fork)
    agrees(scene.operator)
