"""What was recorded is never answered with something else."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.engine.sources import Bundle
from proc_tui.core.errors import Divergence
from proc_tui.core.journal import journal
from proc_tui.core.journal.events import Logged, RunEnded
from proc_tui.core.journal.folds import RunFold
from proc_tui.core.model.states import RunStatus
from proc_tui.core.testing import complete, fold_image, play
from proc_tui.core.values import encode

if TYPE_CHECKING:
    from proc_tui.core.journal.runs import Run
    from proc_tui.core.operator import Operator

WAIT = '\nHuman.approve{message = "go on?"}'

DIFFERENCES = {
    # original, edited, what was recorded, what was asked
    "steps swapped": (
        'Step.run("a", function() return 1 end)\nStep.run("b", function() return 2 end)',
        'Step.run("b", function() return 2 end)\nStep.run("a", function() return 1 end)',
        'step "a" (line 2)',
        'step "b" (line 2)',
    ),
    "step renamed": (
        'Step.run("a", function() return 1 end)',
        'Step.run("other", function() return 1 end)',
        'step "a" (line 2)',
        'step "other" (line 2)',
    ),
    "step removed": (
        'Step.run("a", function() return 1 end)\nStep.run("b", function() return 2 end)',
        'Step.run("b", function() return 2 end)',
        'step "a" (line 2)',
        'step "b" (line 2)',
    ),
    "step added": (
        'Step.run("b", function() return 2 end)',
        'Step.run("a", function() return 1 end)\nStep.run("b", function() return 2 end)',
        'step "b" (line 2)',
        'step "a" (line 2)',
    ),
    "step became an operation": (
        'Step.run("a", function() return 1 end)',
        'File.exists("a")',
        'step "a" (line 2)',
        'file.exists#1 ["a"] (line 2)',
    ),
    "operation with other arguments": (
        'File.exists("a")',
        'File.exists("b")',
        'file.exists#1 ["a"] (line 2)',
        'file.exists#1 ["b"] (line 2)',
    ),
    "operations swapped": (
        'File.exists("a")\nSleep(0)',
        'Sleep(0)\nFile.exists("a")',
        'file.exists#1 ["a"] (line 2)',
        "sleep#1 [0] (line 2)",
    ),
    "integer became a float": ("Sleep(0)", "Sleep(0.0)", "sleep#1 [0] (line 2)", "sleep#1 [0.0] (line 2)"),
    "operation added": ("Sleep(0)", "Sleep(0)\nSleep(0)", "approve#1", "sleep#2 [0] (line 3)"),
    "operation removed": ("Sleep(0)\nSleep(0)", "Sleep(0)", "sleep#2 [0] (line 3)", "approve#1"),
    "effect with other arguments": (
        'State.set("a", 1)',
        'State.set("a", 2)',
        'state.set a {"key":"a","value":1} (line 2)',
        'state.set a {"key":"a","value":2} (line 2)',
    ),
    "effect of another kind": (
        'State.set("a", 1)',
        'Stage.set("a")',
        "state.set a",
        'stage.set a {"stage":"a"} (line 2)',
    ),
    "effect removed": ('State.set("a", 1)', "", 'state.set a {"key":"a","value":1} (line 2)', "approve#1"),
    "effect added": ("", 'State.set("a", 1)', "approve#1", 'state.set a {"key":"a","value":1} (line 2)'),
    "effect became an operation": ('State.set("a", 1)', "Sleep(0)", "state.set a", "sleep#1 [0] (line 2)"),
    "operation became an effect": ("Sleep(0)", 'State.set("a", 1)', "sleep#1 [0]", "state.set a"),
    "node with another parent": (
        'GraphNode.create("x")\nGraphNode.create("y", nil, "node-1")',
        'GraphNode.create("x")\nGraphNode.create("y")',
        "node.created node-2",
        'node.created node-2 {"id":"node-2","content":"y"} (line 3)',
    ),
    "code ends before the record": ("Sleep(0)", "do return 1 end", "sleep#1 [0] (line 2)", "nothing more"),
    "code fails before the record ends": ("Sleep(0)", 'error("no")', "sleep#1 [0]", "to fail with no (line 2)"),
    "an open step ends early": (
        'Step.run("outer", function()\n  Sleep(0)\n  Human.approve{message = "inner"}\nend)',
        'Step.run("outer", function()\n  Sleep(0)\nend)',
        'approve#1 [{"message":"inner"}] (line 4)',
        'the end of step "outer" (line 2)',
    ),
    "an open step fails early": (
        'Step.run("outer", function()\n  Sleep(0)\n  Human.approve{message = "inner"}\nend)',
        'Step.run("outer", function()\n  Sleep(0)\n  error("no")\nend)',
        'approve#1 [{"message":"inner"}] (line 4)',
        'the end of step "outer" (line 2)',
    ),
    "an effect of an open step is gone": (
        'Step.run("outer", function()\n  State.set("x", 1)\n  Human.approve{message = "inner"}\nend)',
        'Step.run("outer", function()\n  Human.approve{message = "inner"}\nend)',
        "state.set x",
        "approve#1",
    ),
}


def document(code: str) -> str:
    return complete("code: |\n" + textwrap.indent(code, "  "), "it")


def repin(operator: Operator, run: Run, text: str) -> None:
    """Another text behind the run's back, as a damaged or edited database would have it."""

    def work(connection: Any) -> None:
        source = journal.pin(connection, Bundle("it.yaml", text).encode())
        connection.execute("UPDATE runs SET source=?, wake_at=0 WHERE id=?", (source, run.id))

    operator._database.write(work)


@pytest.mark.parametrize("case", DIFFERENCES)
def test_a_text_that_asks_for_something_else_is_refused_with_both_sides(scene: Any, case: str) -> None:
    original, edited, recorded, asked = DIFFERENCES[case]
    scene.write(**{"it.yaml": document(original + WAIT)})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    before = scene.kinds(run)
    image = encode(fold_image(scene.operator.fold(run)))
    scene.write(**{"it.yaml": document(edited + WAIT)})

    with pytest.raises(Divergence) as caught:
        scene.operator.resume_edited(run)

    says = str(caught.value)
    assert recorded in says.split("asked:")[0], says
    assert asked in says.split("asked:")[1], says
    assert says.startswith("it.yaml:"), says
    assert "Nothing is lost" in says
    assert scene.kinds(run) == before
    assert encode(fold_image(scene.operator.fold(scene.operator.run(run.id)))) == image


@pytest.mark.parametrize("case", DIFFERENCES)
def test_a_run_that_diverges_while_it_is_driven_fails_and_goes_on_once_the_text_is_back(scene: Any, case: str) -> None:
    original, edited, recorded, asked = DIFFERENCES[case]
    scene.write(**{"it.yaml": document(original + WAIT)})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    before = scene.kinds(run)
    repin(scene.operator, run, document(edited + WAIT))

    failed = scene.drive(run)

    assert failed.status is RunStatus.FAILED
    ended = scene.operator.fold(failed).ended
    assert ended.code == Divergence.code
    assert recorded in ended.message.split("asked:")[0]
    assert asked in ended.message.split("asked:")[1]
    assert scene.kinds(run) == [*before, "run.ended"]

    repin(scene.operator, run, document(original + WAIT))
    scene.operator.resume(failed)
    finished = scene.finish(run)
    assert finished.status is RunStatus.COMPLETED, finished.error


def test_cutting_at_a_difference_keeps_what_matches_and_no_more(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": document(
                'Step.run("a", function() State.increment("a") end)\nStep.run("b", function() end)' + WAIT
            )
        }
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    scene.write(
        **{
            "it.yaml": document(
                'Step.run("a", function() State.increment("a") end)\nStep.run("c", function() end)' + WAIT
            )
        }
    )

    plan = scene.operator.resume_edited(run, cut=True)

    assert plan.checkpoints == ("b",)
    assert plan.requests == (request,)
    assert scene.operator.inbox() == []
    scene.drive(run, RunStatus.WAITING_FOR_HUMAN)
    fold = scene.operator.fold(scene.operator.run(run.id))
    assert [entry.name for entry in fold.checkpoints.entries] == ["a", "c", "approve#1"]
    assert fold.state.values == {"a": 1}
    assert scene.operator.request(request).status == "cancelled"
    old = scene.operator.fold(run, at=run.last_seq)
    assert [entry.name for entry in old.checkpoints.entries] == ["a", "b", "approve#1"]


UNCOMPARED: dict[str, tuple[str, str, list[str]]] = {
    "removed": ('Log.info("one")\nSleep(0)\nLog.info("two")', 'Sleep(0)\nLog.info("two")', ["one", "two", "end"]),
    "changed": ('Log.info("one")\nSleep(0)', 'Log.info("ONE")\nSleep(0)', ["one", "end"]),
    "added": ("Sleep(0)", 'Log.info("one")\nSleep(0)\nLog.info("two")', ["end"]),
    "another kind": ('Log.info("one")', 'Human.notify{message = "n"}\nSystem.alert{message = "a"}', ["one", "end"]),
    "all gone": ('Log.info("one")\nprint("two")', "", ["one", "two", "end"]),
    "in an open step": (
        'Step.run("s", function() Log.info("one") Human.approve{message = "in"} Log.info("late") end)',
        'Step.run("s", function() Log.info("zero") Log.info("one") Human.approve{message = "in"} Log.info("LATE") end)',
        ["one", "LATE", "end"],
    ),
}


@pytest.mark.parametrize("case", UNCOMPARED)
def test_log_lines_are_neither_compared_nor_doubled_nor_reordered(scene: Any, case: str) -> None:
    original, edited, lines = UNCOMPARED[case]
    scene.write(**{"it.yaml": document(original + WAIT + '\nLog.info("end")')})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(**{"it.yaml": document(edited + WAIT + '\nLog.info("end")')})

    plan = scene.operator.resume_edited(run)

    assert plan.checkpoints == ()
    assert plan.requests == ()
    scene.finish(run)
    messages = [
        record.event.message
        for record in scene.operator.records(scene.operator.run(run.id))
        if isinstance(record.event, Logged)
    ]
    assert messages == lines


def test_what_is_left_to_chance_is_the_same_in_a_replay() -> None:
    played = play(
        """
        local function chance()
          local t = {z = 1, a = 2, [3] = 3, m = 4, [true] = 5, [2.5] = 6}
          local keys = {}
          for k in pairs(t) do keys[#keys + 1] = tostring(k) end
          local node = GraphNode.create("n")
          return {keys = keys, time = os.time(), random = math.random(), clock = os.clock(),
                  text = tostring({}) .. tostring(print), node = node.id, date = os.date("%c")}
        end
        local all = {chance()}
        Sleep(10)
        all[2] = chance()
        all[3] = Step.run("s", function() return {chance(), math.random(100)} end)
        all[4] = chance()
        local h = Procedure.spawn("child", {})
        all[5] = {handle = h, result = Procedure.wait(h), after = chance()}
        State.set("all", all)
        Sleep(10)
        return all
        """,
        workspace={"child": "return math.random(1000000)"},
    )
    assert played.result == played.fold.state.values["all"]
    played.replay()


def test_a_completed_step_is_skipped_as_a_whole(tmp_path: Any) -> None:
    """Its function is not called again, what it did to the run counts, what it did to Lua variables does not."""
    played = play(
        """
        local calls = 0
        local value = Step.run("s", function()
          calls = calls + 1
          State.set("x", 1); State.append("list", "a"); Stage.set("in"); Session.append("USER", "hi")
          GraphNode.create("n"); Log.info("once"); File.write("f.txt", "1")
          Step.run("inner", function() State.increment("x") end)
          return "v", nil, 3.0, nil
        end)
        Sleep(1)
        return {calls = calls, value = value}
        """,
        folder=tmp_path,
        upto="SLEEPING",
    )
    (tmp_path / "f.txt").unlink()
    played.go_on()
    assert played.fold.state.values == {"x": 2, "list": ["a"]}
    assert played.log == ["once"]
    assert not (tmp_path / "f.txt").exists()
    played.replay()


def test_an_interrupted_step_is_entered_again_and_recalls_its_parts(tmp_path: Any) -> None:
    played = play(
        """
        local result = Step.run("outer", function()
          local before = File.read("count.txt")
          local inner = Step.run("inner", function() State.increment("n"); return State.get("n") end)
          Sleep(60)
          return before .. inner .. Step.run("last", function() return "!" end)
        end)
        return result
        """,
        folder=tmp_path,
        workspace={"count.txt": "A"},
        upto="SLEEPING",
    )
    (tmp_path / "count.txt").write_text("B")
    played.go_on()
    assert played.result == "A1!"
    assert [entry.name for entry in played.fold.checkpoints.entries] == [
        "outer",
        "file.read#1",
        "inner",
        "sleep#1",
        "last",
    ]


def test_a_replay_applies_each_record_once_in_order() -> None:
    played = play(
        """
        for i = 1, 30 do
          State.increment("n", i)
          if i % 5 == 0 then Sleep(1) end
          if i % 7 == 0 then Step.run("s" .. i, function() State.append("l", i) end) end
        end
        return State.all()
        """
    )
    played.replay()
    assert encode(fold_image(played.fold)) == encode(fold_image(RunFold(played.records)))


def test_the_order_of_keys_does_not_count_in_a_comparison(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": document(
                'State.set("a", {x = 1, y = 2})\n'
                'State.set("b", {x = 1, [2.5] = 2})\n'
                'Human.approve{message = "m", context = {p = 1, q = {r = 1, s = 2}}}'
            )
        }
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(
        **{
            "it.yaml": document(
                'State.set("a", {y = 2, x = 1})\n'
                "local t = {} t[2.5] = 2 t.x = 1\n"
                'State.set("b", t)\n'
                'Human.approve{context = {q = {s = 2, r = 1}, p = 1}, message = "m"}'
            )
        }
    )
    assert scene.operator.resume_edited(run).checkpoints == ()


def test_an_error_while_replaying_does_not_take_the_stage_back(scene: Any) -> None:
    scene.write(**{"it.yaml": document('Stage.set("one")\nSleep(0)\nStage.set("two")' + WAIT)})
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    repin(scene.operator, run, document('Stage.set("one")' + WAIT))
    assert scene.drive(run).stage == "two"


def test_a_recorded_end_of_a_failed_run_is_passed(scene: Any) -> None:
    """Fails, is resumed, fails again: the records of the ends are no operations of the code."""
    scene.write(it='State.increment("tries")\nlocal n = Step.run("one", function() return 1 end)\nerror("not today")')
    run = scene.drive(scene.start("it"))
    for _ in range(3):
        scene.operator.resume(run)
        run = scene.drive(run)
        assert run.error == "it.yaml:4: not today"
    records = scene.operator.records(run)
    assert sum(isinstance(record.event, RunEnded) for record in records) == 4
    assert scene.operator.fold(run).state.values == {"tries": 1}
