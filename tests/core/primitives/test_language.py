"""What section 6 of the language says about Lua itself, where primitives and the engine meet it."""

from __future__ import annotations

import pytest
from proc_tui.core.errors import Divergence
from proc_tui.core.journal.events import Ended, Requested
from proc_tui.core.model.settings import LimitSettings, Settings
from proc_tui.core.testing import NOON, play

# ---- time and chance


def test_time_is_that_of_the_last_completed_operation_in_utc() -> None:
    played = play("""
        local seen = {os.time(), os.date("%Y-%m-%d %H:%M:%S"), os.clock(), os.date("*t").hour}
        Sleep(3600.5)
        State.set("a", 1)
        seen[5], seen[6], seen[7] = os.time(), os.clock(), os.date("!%H")
        return seen
    """)
    assert played.result == [NOON, "2027-01-15 08:00:00", 0.0, 8, NOON + 3600, 3600.5, "09"]
    played.replay()


def test_time_stands_still_while_a_person_thinks_and_moves_with_the_answer() -> None:
    played = play("local a = os.time() Human.approve{message = '?'} return os.time() - a", upto="WAITING_FOR_HUMAN")
    played.clock.advance(500)
    assert played.go_on(answers=[True]).result == 500
    played.replay()


def test_random_numbers_are_the_same_in_a_replay_and_differ_between_runs() -> None:
    code = """
        local a = math.random(1 << 60)
        Sleep(1)
        local b = math.random(1 << 60)
        math.randomseed(7)
        local c = math.random(1 << 60)
        math.randomseed()
        return {a, b, c, math.random(1 << 60)}
    """
    first, second = play(code), play(code)
    first.replay()
    one, two = first.result, second.result
    assert isinstance(one, list)
    assert isinstance(two, list)
    assert one[0] == one[3], "randomseed() returns to the seed of the run"
    assert (one[0], one[1]) != (two[0], two[1])
    assert one[2] == two[2]


def test_a_retried_operation_does_not_disturb_the_random_sequence() -> None:
    played = play(
        """
        local seen = {}
        for i = 1, 3 do
          seen[i] = math.random(1000)
          Human.approve{message = "q" .. i}
        end
        return seen
    """,
        answers=[True, False, True],
    )
    result = played.result
    played.replay()
    assert isinstance(result, list)
    assert len(set(map(str, result))) > 1


# ---- where operations can wait

ASK = 'Human.approve{message = "?"}'

WAITING = {
    "pcall": f"local ok, value = pcall(function() return {ASK} end) return value",
    "nested pcall": f"return select(3, pcall(pcall, function() return {ASK} end))",
    "xpcall": f"local ok, value = xpcall(function() return {ASK} end, tostring) return value",
    "coroutine": f"return coroutine.wrap(function() return {ASK} end)()",
    "coroutine in a coroutine": f"""
        local outer = coroutine.create(function()
          local inner = coroutine.wrap(function() coroutine.yield(1) return {ASK} end)
          inner()
          coroutine.yield("between")
          return inner()
        end)
        coroutine.resume(outer)
        return select(2, coroutine.resume(outer))
    """,
    "iterator": f"""
        local function each(n)
          return function(_, i) if i < n and {ASK} then return i + 1 end end, nil, 0
        end
        local count = 0
        for _ in each(1) do count = count + 1 end
        return count == 1
    """,
    "comparator": f"""
        local t = {{3, 1}}
        table.sort(t, function(a, b) return {ASK} and a < b end)
        return t[1] == 1
    """,
    "__index": f"return setmetatable({{}}, {{__index = function(_, key) return {ASK} end}}).anything",
    "__newindex": f"local v setmetatable({{}}, {{__newindex = function() v = {ASK} end}}).x = 1 return v",
    "__call": f"return setmetatable({{}}, {{__call = function() return {ASK} end}})()",
    "__eq": f"local m = {{__eq = function() return {ASK} end}} return setmetatable({{}}, m) == setmetatable({{}}, m)",
    "__add": f"return setmetatable({{}}, {{__add = function() return {ASK} end}}) + 1",
    "__concat": f"return setmetatable({{}}, {{__concat = function() return {ASK} end}}) .. 'x'",
    "__close": f"""
        local v
        do local x <close> = setmetatable({{}}, {{__close = function() v = {ASK} end}}) end
        return v
    """,
    "__pairs": f"for v in pairs(setmetatable({{}}, {{__pairs = function() local done "
    f"return function() if not done then done = true return {ASK} end end end}})) do return v end",
}


@pytest.mark.parametrize("place", WAITING)
def test_an_operation_can_wait_here(place: str) -> None:
    played = play(WAITING[place], answers=lambda _request: True)
    assert played.result is True
    assert played.asked
    played.replay()


REFUSING = {
    "gsub": f'("x"):gsub("x", function() {ASK} end)',
    "gsub by a table": f'("x"):gsub("x", setmetatable({{}}, {{__index = function() {ASK} end}}))',
    "xpcall handler": f"""
        local ok, why = xpcall(error, function() return select(2, pcall(function() {ASK} end)) end)
        error(why, 0)
    """,
    "__tostring": f"tostring(setmetatable({{}}, {{__tostring = function() {ASK} return '' end}}))",
    "coroutine.close": f"""
        local co = coroutine.create(function()
          local x <close> = setmetatable({{}}, {{__close = function() {ASK} end}})
          coroutine.yield()
        end)
        coroutine.resume(co)
        local ok, why = coroutine.close(co)
        error(why, 0)
    """,
    "a coroutine in gsub": f'("x"):gsub("x", coroutine.wrap(function() {ASK} end))',
    "a step in gsub": '("x"):gsub("x", function() Step.run("s", function() end) end)',
}


@pytest.mark.parametrize("place", REFUSING)
def test_an_operation_cannot_wait_here_and_one_named_error_says_so(place: str) -> None:
    played = play(f"local ok, why = pcall(function() {REFUSING[place]} end)\nreturn {{ok, why}}")
    assert isinstance(played.result, list)
    assert played.result[0] is False
    assert "an operation cannot wait inside a gsub callback, an xpcall handler, __tostring or coroutine.close" in str(
        played.result[1]
    )
    assert played.events(Requested) == []
    played.replay()


def test_queries_and_effects_work_where_operations_cannot_wait() -> None:
    played = play("""
        local text = ("a b"):gsub("%a", function(c) State.append("seen", c) Log.info(c) return State.get("seen")[1] end)
        return {text, State.get("seen")}
    """)
    assert played.result == ["a a", ["a", "b"]]
    assert played.log == ["a", "b"]
    played.replay()


def test_no_close_runs_when_a_run_is_suspended_or_cancelled() -> None:
    played = play(
        """
        local x <close> = setmetatable({}, {__close = function() Log.info("closed") end})
        Human.approve{message = "?"}
        """,
        upto="WAITING_FOR_HUMAN",
    )
    assert played.log == []
    other = play(
        "local x <close> = setmetatable({}, {__close = function() Log.info('closed') end}) Sleep(10)", upto="SLEEPING"
    )
    other.operator.cancel(other.run)
    other.go_on()
    assert other.log == []
    assert played.go_on(answers=[True]).log == ["closed"]
    played.replay()


def test_pcall_and_operations_keep_trailing_nils() -> None:
    played = play("""
        local n = select("#", pcall(function() return 1, nil, nil end))
        local m = select("#", Human.input{message = "?", timeout = 1})
        return {n, m, select("#", Step.run("s", function() return nil, nil end))}
    """)
    assert played.result == [4, 2, 2]
    played.replay()


# ---- errors


def test_an_error_of_an_operation_can_be_caught_and_has_the_position_of_the_call() -> None:
    played = play("""
        local ok, why = pcall(function()
          File.read("no.txt")
        end)
        return {ok, why, Checkpoint.exists("file.read#1")}
    """)
    assert played.result == [False, 'play.yaml:3: cannot read "no.txt": No such file or directory', False]
    played.replay()


def test_a_table_that_is_raised_crosses_as_it_is_and_fails_the_run_with_it() -> None:
    played = play('error({code = 3, nested = {"x"}, f = 1.5})')
    ended = played.ended
    assert ended is not None
    assert ended.error == {"code": 3, "nested": ["x"], "f": 1.5}
    played.replay()


def test_a_failed_run_keeps_its_trace_and_the_operation_that_caused_it() -> None:
    played = play('local function inner() File.read("no.txt") end\nStep.run("s", inner)')
    ended = played.ended
    assert ended is not None
    assert ended.message == 'play.yaml:2: cannot read "no.txt": No such file or directory'
    assert "play.yaml:3" in ended.trace
    step, read = played.fold.checkpoints.entries
    assert (step.name, read.name, ended.cause) == ("s", "file.read#1", read.first), "the innermost one is done again"
    (played.folder / "no.txt").write_text("there now")
    played.operator.resume(played.run)
    assert played.go_on().status == "COMPLETED"
    played.replay()


def test_a_resumed_run_does_the_failed_operation_again_and_nothing_before_it() -> None:
    played = play("""
        Step.run("once", function() State.increment("n") end)
        local text = File.read("later.txt")
        return {text, State.get("n")}
    """)
    assert "cannot read" in played.error
    (played.folder / "later.txt").write_text("now")
    played.operator.resume(played.run)
    assert played.go_on().result == ["now", 1]
    played.replay()


def test_memory_and_instructions_are_limits_that_no_pcall_catches() -> None:
    small = Settings(durability="fast", limits=LimitSettings(lua_memory_mb=8, lua_instructions=2_000_000))
    loop = play("pcall(function() while true do end end) return 'caught'", settings=small)
    assert "instructions" in loop.error
    assert loop.ended is not None
    assert loop.ended.code == "RUN-008"
    memory = play(
        "pcall(function() local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end) return 1",
        settings=small,
    )
    assert "memory" in memory.error.lower()
    loop.replay()


# ---- values that cross


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3),
        ("3.0", 3.0),
        ("math.mininteger", -(2**63)),
        ('"\\xff\\0"', {"$b": "/wA="}),
        ("1/0", {"$f": "inf"}),
        ("{1, nil, 3}", {"$t": [[1, 1], [3, 3]]}),
        ("{[1.5] = true, [false] = 1}", None),
        ("{}", {}),
        ('{["$t"] = 1}', {"$t": [["$t", 1]]}),
        ("{{{}}}", [[{}]]),
    ],
)
def test_values_survive_state_steps_children_and_results_exactly(value: str, expected: object) -> None:
    played = play(
        f"""
        local function same(a, b)
          if type(a) ~= "table" then return rawequal(a, b) and math.type(a) == math.type(b) end
          for k, v in next, a do if not same(v, b[k]) then return false end end
          for k in next, b do if a[k] == nil then return false end end
          return true
        end
        local v = {value}
        State.set("v", v)
        assert(same(v, State.get("v")), "state")
        assert(same(v, Step.run("s", function() return v end)), "step")
        local ok, raised = pcall(Step.run, "e", function() error(v, 0) end)
        assert(same(v, raised), "error")
        assert(same(v, Procedure.run("echo", {{v = {{v}}}})[1]), "child")
        Session.append("user", "x", {{v = v}})
        assert(same(v, Session.history()[1].metadata.v), "session")
        assert(same(v, GraphNode.create(v and {{v}} and nil, {{v = v}}):metadata().v), "node")
        return v
        """,
        workspace={"echo": "params: {v: {type: array}}\ncode: return params.v\n"},
    )
    if expected is not None:
        assert played.result == expected
        assert type(played.result) is type(expected)
    played.replay()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{a = {b = print}}", "value.a.b is a function"),
        ("{coroutine.create(print)}", "value[1] is a coroutine"),
        ("{[{}] = 1}", "value has a table as a key"),
        (
            "(function() local t = {} t.x = {t} return t end)()",
            "value.x[1] leads back to value: a cycle is not a value",
        ),
    ],
)
def test_what_cannot_cross_is_an_error_that_names_the_path(value: str, says: str) -> None:
    played = play(f'return {{pcall(function() State.set("v", {value}) end)}}')
    assert played.result == [False, f"play.yaml:2: {says}"]
    returned = play(f"return {value}")
    assert returned.error.removeprefix("play.yaml:2: ") == says.replace("value", "the returned value", 1).replace(
        "back to value", "back to the returned value"
    )
    returned.replay()


def test_shared_subtables_are_copied_and_metatables_ignored() -> None:
    played = play("""
        local shared = setmetatable({1}, {__index = {x = 1}})
        State.set("v", {a = shared, b = shared})
        local v = State.get("v")
        return {v, rawequal(v.a, v.b), v.a.x == nil}
    """)
    assert played.result == [{"a": [1], "b": [1]}, False, True]


def test_params_are_a_table_of_the_run_and_changing_it_changes_no_record() -> None:
    played = play("params.n = params.n + 1 Sleep(1) return params.n", params={"n": 1})
    assert played.result == 2
    assert played.fold.params == {"n": 1}
    played.replay()


# ---- divergence


@pytest.mark.parametrize(
    ("before", "after", "recorded", "asked"),
    [
        (
            'State.set("a", 1)',
            'State.set("a", 2)',
            'state.set a {"key":"a","value":1} (line 2)',
            'state.set a {"key":"a","value":2} (line 2)',
        ),
        ("Sleep(1)", "Sleep(2)", "sleep#1 [1] (line 2)", "sleep#1 [2] (line 2)"),
        ("Sleep(1)", 'File.exists("a")', "sleep#1 [1] (line 2)", 'file.exists#1 ["a"] (line 2)'),
        ('Step.run("a", function() end)', 'Step.run("b", function() end)', 'step "a" (line 2)', 'step "b" (line 2)'),
        ("Sleep(1)", "", "sleep#1 [1] (line 2)", 'approve#1 [{"message":"?"}] (line 3)'),
    ],
)
def test_a_divergence_shows_the_line_what_was_recorded_and_what_was_asked(
    before: str, after: str, recorded: str, asked: str
) -> None:
    played = play(f'{before}\nHuman.approve{{message = "?"}}\nerror("end")', answers=[True])
    file = played.folder / "play.yaml"
    file.write_text(file.read_text().replace(before, after, 1))
    with pytest.raises(Divergence) as raised:
        played.operator.resume_edited(played.run)
    assert f"recorded: {recorded}" in str(raised.value)
    assert f"asked:    {asked}" in str(raised.value)


@pytest.mark.parametrize(
    "line", ['Log.info("more")', 'Human.notify{message = "m"}', 'System.alert{message = "a"}', "print()"]
)
def test_log_lines_notifications_and_alerts_may_come_and_go(line: str) -> None:
    played = play(f'Sleep(1) {line}\nSleep(1) {line}\nSleep(1) error("end")')
    file = played.folder / "play.yaml"
    text = file.read_text().replace(line, "", 1).replace(line, f"{line} {line} {line}", 1)
    file.write_text(text.replace('error("end")', "return 1"))
    played.operator.resume_edited(played.run)
    assert played.go_on().result == 1
    played.replay()


def test_a_rehearsal_of_an_edited_text_performs_nothing() -> None:
    played = play('Sleep(1) error("end")')
    file = played.folder / "play.yaml"
    file.write_text(file.read_text().replace('error("end")', 'File.write("made", "x") error("again")'))
    played.operator.resume_edited(played.run)
    assert not (played.folder / "made").exists()
    assert "again" in played.go_on().error
    assert (played.folder / "made").exists()
    assert [event.op for event in played.events(Ended)] == ["sleep", "file.write"]


# ---- lib/

LIB = {
    "lib/words.lua": """
        local M = {}
        function M.shout(s) return s:upper() end
        function M.wait() Sleep(1) end
        return M
    """,
    "lib/bad.lua": "Log.info('loading')\nreturn 1\n",
}


def test_require_loads_a_file_of_lib_once_and_its_functions_may_use_primitives() -> None:
    played = play(
        'local w = require "words"\nw.wait()\nreturn {w.shout("hey"), rawequal(w, require "words")}', workspace=LIB
    )
    assert played.result == ["HEY", True]
    (played.folder / "lib/words.lua").write_text("error('changed')")
    played.replay()


@pytest.mark.parametrize(
    "call", ["Log.info('x')", "Sleep(1)", "State.get('a')", "Step.run('a', function() end)", "GraphNode.root()"]
)
def test_no_primitive_may_be_called_while_lib_loads(call: str) -> None:
    played = play('return {pcall(require, "l")}', workspace={"lib/l.lua": f"local x\n{call}\nreturn 1\n"})
    title = call.partition("(")[0]
    assert played.result == [
        False,
        f"lib/l.lua:2: {title} cannot be called while a file of lib/ loads; call it in a function",
    ]
    assert len(played.records) == 2
    played.replay()
