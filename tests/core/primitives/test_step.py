"""`Step`: pieces of code whose results are recorded."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import Began, Ended
from proc_tui.core.testing import play


@pytest.mark.covers("Step.run", "success", "replay")
def test_a_step_returns_all_that_its_function_returned_trailing_nils_included() -> None:
    played = play("""
        local n = select("#", Step.run("three", function() return 1, nil, nil end))
        local none = select("#", Step.run("none", function() end))
        local a, b = Step.run("tables", function() return {1, {2}}, "x" end)
        return {n, none, a, b}
    """)
    assert played.result == [3, 0, [1, [2]], "x"]
    assert [(event.op, event.name, event.values) for event in played.events(Ended)] == [
        ("step", "three", [1, None, None]),
        ("step", "none", []),
        ("step", "tables", [[1, [2]], "x"]),
    ]
    played.replay()


def test_the_function_of_a_completed_step_is_not_called_again() -> None:
    played = play(
        """
        local calls = 0
        Step.run("once", function() calls = calls + 1 State.increment("calls") end)
        Sleep(1)
        return {State.get("calls"), calls}
    """,
        upto="SLEEPING",
    )
    played.go_on()
    assert played.result == [1, 0], "what the step did to a variable outside does not come back on a replay"
    played.replay()


def test_effects_of_a_step_count_after_it_was_skipped() -> None:
    played = play("""
        Step.run("all", function()
          State.set("a", 1) Session.append("user", "hi") Stage.set("s") GraphNode.create("n") Log.info("line")
        end)
        Sleep(1)
        return {State.get("a"), Session.count(), Stage.current(), GraphNode.current().content}
    """)
    assert played.result == [1, 1, "s", "n"]
    assert played.log == ["line"]
    played.replay()


def test_what_comes_back_is_a_copy_of_what_was_recorded() -> None:
    played = play("""
        local inner = setmetatable({f = {1}}, {__index = {x = 1}})
        local outer = Step.run("t", function() return inner end)
        inner.f[2] = "later"
        return {outer = outer, x = outer.x == nil, same = rawequal(inner, outer)}
    """)
    assert played.result == {"outer": {"f": [1]}, "x": True, "same": False}


def test_a_step_that_fails_is_recorded_and_raises_the_same_error_on_a_replay() -> None:
    played = play("""
        local ok, why = pcall(Step.run, "bad", function() error({code = 7, list = {1}}) end)
        local ok2, text = pcall(Step.run, "text", function() error("plain") end)
        local ok3, bare = pcall(Step.run, "bare", function() error("bare", 0) end)
        local ok4, none = pcall(Step.run, "nil", function() error() end)
        Sleep(1)
        return {ok, why, ok2, text, ok3, bare, ok4, none}
    """)
    assert played.result == [
        False,
        {"code": 7, "list": [1]},
        False,
        "play.yaml:3: plain",
        False,
        "bare",
        False,
        NIL_ERROR,
    ]
    assert [event.failed for event in played.events(Ended) if event.op == "step"] == [True] * 4
    played.replay()


NIL_ERROR = "<no error object>"
"""What Lua 5.5 makes of `error(nil)`."""


def test_an_error_that_is_no_value_is_turned_to_text() -> None:
    played = play("""
        local mine = setmetatable({f = print}, {__tostring = function() return "my error" end})
        local ok, why = pcall(Step.run, "bad", function() error(mine) end)
        return {ok, why}
    """)
    assert played.result == [False, "my error"]
    played.replay()


def test_only_a_completed_step_takes_its_name_and_attempts_are_counted() -> None:
    played = play("""
        local tries = 0
        local function fetch()
          return Step.run("fetch", function()
            if State.increment("tries") < 3 then error("not yet", 0) end
            return "got it"
          end)
        end
        return Retry.with_backoff(fetch, {initial_delay = 5})
    """)
    assert played.result == "got it"
    steps = [event for event in played.events(Ended) if event.op == "step"]
    assert [(event.name, event.attempt, event.failed) for event in steps] == [
        ("fetch", 1, True),
        ("fetch", 2, True),
        ("fetch", 3, False),
    ]
    played.replay()


def test_steps_nest_and_inner_ones_are_skipped_with_the_outer() -> None:
    played = play("""
        local result = Step.run("outer", function()
          local a = Step.run("inner", function() State.increment("n") return "a" end)
          Sleep(1)
          return a .. Step.run("second", function() State.increment("n") return "b" end)
        end)
        Sleep(1)
        return {result, State.get("n")}
    """)
    assert played.result == ["ab", 2]
    assert [(entry.name, entry.level) for entry in played.fold.checkpoints.entries] == [
        ("outer", 0),
        ("inner", 1),
        ("sleep#1", 1),
        ("second", 1),
        ("sleep#2", 0),
    ]
    played.replay()


def test_an_interrupted_step_is_entered_again_and_its_parts_are_recalled() -> None:
    played = play(
        """
        return Step.run("ask", function()
          State.increment("entered")
          Log.info("entered")
          local ok = Human.approve{message = "?"}
          return {ok, State.get("entered")}
        end)
    """,
        upto="WAITING_FOR_HUMAN",
    )
    assert [event.name for event in played.events(Began)] == ["ask", "approve#1"]
    played.go_on(answers=[True])
    assert played.result == [True, 1]
    assert played.log == ["entered"]
    played.replay()


def test_a_step_has_a_random_sequence_of_its_own() -> None:
    code = """
        local before = math.random(1000000)
        {step}
        return {{before, math.random(1000000), math.random(1000000)}}
    """
    played = play(code.format(step='Step.run("r", function() for _ = 1, 9 do math.random() end end) Sleep(1)'))
    first = played.result
    played.replay()
    again = played.operator.fork(played.run)
    file = played.folder / "play.yaml"
    assert isinstance(first, list)
    assert len(set(map(str, first))) == 3
    played.go_on()
    assert played.operator.fold(again).seed == played.fold.seed
    ended = played.operator.fold(played.operator.run(again.id)).ended
    assert ended is not None
    assert ended.result == first
    assert file.exists()


def test_two_steps_and_two_attempts_draw_different_numbers() -> None:
    played = play("""
        local seen = {}
        local function draw() seen[#seen + 1] = math.random(1 << 50) end
        Step.run("a", draw)
        Step.run("b", draw)
        pcall(Step.run, "c", function() draw() error("x") end)
        Step.run("c", draw)
        local distinct = {}
        for _, n in ipairs(seen) do distinct[n] = true end
        local count = 0
        for _ in pairs(distinct) do count = count + 1 end
        State.set("count", count)
        return #seen
    """)
    if played.result == 4:  # in one Lua state; in always-suspend mode what a step did outside itself is gone
        assert played.fold.state.values == {"count": 4}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            'Step.run("done", function() end)',
            'Step.run: a step named "done" has completed already (line 2); names are unique in a run',
            marks=pytest.mark.covers("Step.run", "error"),
        ),
        (
            'Step.run("a#1", function() end)',
            'Step.run: the name of a step cannot contain "#" (got "a#1"): '
            "numbered names belong to operations without a name",
        ),
        ('Step.run("", function() end)', "Step.run: the name of a step must be a string that is not empty"),
        ("Step.run(3, function() end)", "Step.run: the name of a step must be a string that is not empty"),
        ("Step.run(nil, function() end)", "Step.run: the name of a step must be a string that is not empty"),
        ('Step.run("x")', 'Step.run: "fn" must be a function, got nil'),
        ('Step.run("x", {})', 'Step.run: "fn" must be a function, got table'),
        ('Step.run("x", function() end, 1)', "Step.run takes at most 2 arguments, got 3"),
        ('Step.run("x", function() return print end)', "step x returned: value 1 is a function"),
        (
            'Step.run("x", function() return 1, {a = {coroutine.create(print)}} end)',
            "step x returned: value 2.a[1] is a coroutine",
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"""
        Step.run("done", function() end)
        return {{pcall(function() {call} end)}}
    """)
    assert played.result == [False, f"play.yaml:3: {message}"]
    played.replay()


def test_a_coroutine_in_which_a_step_is_open_cannot_yield_to_its_resumer() -> None:
    played = play("""
        local co = coroutine.create(function()
          local ok, why = pcall(Step.run, "s", function() coroutine.yield(1) end)
          coroutine.yield(why)
          return "end"
        end)
        local found = {coroutine.resume(co)}
        local rest = {coroutine.resume(co)}
        return {found, rest}
    """)
    assert played.result == [
        [True, "play.yaml:3: a coroutine in which a step is open cannot yield to its resumer until the step ends"],
        [True, "end"],
    ]
    played.replay()


def test_a_coroutine_begun_inside_a_step_may_yield() -> None:
    played = play("""
        return Step.run("s", function()
          local sum = 0
          for n in coroutine.wrap(function() for i = 1, 3 do Sleep(1) coroutine.yield(i) end end) do sum = sum + n end
          return sum
        end)
    """)
    assert played.result == 6
    played.replay()


def test_tostring_numbers_are_the_same_after_a_skipped_step() -> None:
    played = play("""
        Step.run("s", function() for _ = 1, 5 do tostring({}) end end)
        local text = tostring({})
        Sleep(1)
        return {text, tostring(function() end)}
    """)
    assert played.result == ["table: 0x00000001", "function: 0x00000002"]
    played.replay()


def test_time_moves_to_the_end_of_a_step() -> None:
    played = play("""
        local t0 = os.time()
        local inside = Step.run("s", function() Sleep(100) return os.time() - t0 end)
        return {inside, os.time() - t0}
    """)
    assert played.result == [100, 100]
    played.replay()


def test_a_resumed_run_enters_a_failed_step_again_at_the_operation_that_failed() -> None:
    played = play("""
        Step.run("outer", function()
          State.increment("n")
          pcall(File.read, "other.txt")
          Step.run("inner", function() File.read("no.txt") end)
        end)
        return State.get("n")
    """)
    assert played.ended is not None
    cause = next(entry for entry in played.fold.checkpoints.entries if entry.first == played.ended.cause)
    assert cause.name == "file.read#2"
    (played.folder / "no.txt").write_text("there now")
    played.operator.resume(played.run)
    assert played.go_on().result == 1
    played.replay()
