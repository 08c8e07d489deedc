"""The sandbox as an author sees it: each replaced function does what Lua 5.5's manual says."""

# ruff: noqa: E501 - one row is one chunk

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from lupa import lua55
from proc_tui.core.lua.sandbox import HALTED, OPERATION, RAISED, RETURNED, Limits, LuaSyntax

# Expressions whose values must be the same in a plain Lua 5.5.
SAME = """
string.rep("ab", 3, ",") | string.rep("x", 0) | string.rep("x", -1) | ("x"):rep(3)
string.find("hello world", "o w") | string.find("hello", "l+") | string.find("a.b", ".", 1, true) | ("x"):find("y")
string.find("abc", "b", -1) | string.find("abc", "()b()") | string.find("", "") | string.find(12345, 34)
string.match("key = value", "^(%w+)%s*=%s*(%w+)$") | string.match("2024-01-02", "(%d+)-(%d+)-(%d+)") | ("abc"):match("z")
string.gsub("hello", "l", "L") | string.gsub("hello", "l", "L", 1) | string.gsub("abc", "%w", "%0%0") | string.gsub("$a", "%$(%w)", {a = 1})
string.gsub("abc", "b", function(x) return x:upper() end) | pcall(string.gsub, "abc", "b", false) == false | ("x y"):gsub("%s", "")
string.format("%d %5.2f %s %q %x %g", 3, 1.5, "x", "a\\n", 255, 0.1) | string.format("%%") | string.format("%-5s|%5s", "a", "b")
string.format("%s %s %s", nil, true, 1.0) | string.format("%i", 3.0) | string.format("%c%c", 72, 105) | string.format("%5s", "abcdefg")
string.byte("abc") | string.byte("abc", 1, -1) | string.byte("abc", 10) | ("abc"):byte(-1) | string.char(72, 105)
string.lower("ABC") | string.upper("abc") | string.reverse("abc") | string.len("abc") | ("abc"):sub(2) | ("abc"):sub(-2, -2)
string.pack("<i4", 100) | string.unpack("<i4", "\\100\\0\\0\\0") | string.packsize("i4i8") | string.pack("z", "hi")
utf8.len("häß") | utf8.len("\\xff") | utf8.char(228, 8364) | utf8.codepoint("ä€", 1, -1) | utf8.offset("aä€", 3) | utf8.len("äö", 3)
table.concat({1, 2, 3}, ", ") | table.concat({}) | table.concat({1, 2, 3}, "-", 2, 3) | table.concat({1, "x", 2.5}) | table.concat({1}, "", 2)
table.unpack({1, 2, 3}) | table.unpack({1, 2, 3}, 2) | table.unpack({1, 2}, 1, 3) | table.unpack({}, 1, 0) | table.pack(1, nil, 3).n
#table.move({1, 2, 3}, 1, 3, 2) | table.concat(table.move({1, 2, 3}, 2, 3, 1), ",") | table.concat(table.move({1, 2}, 1, 2, 3), ",")
table.concat(table.move({1, 2, 3}, 1, 3, 3, {9, 9}), ",") | table.concat(table.move({1, 2, 3}, 1, 0, 5), ",")
select("#") | select("#", nil, nil) | select(2, "a", "b", "c") | select(-1, "a", "b") | rawlen({1, 2}) | rawlen("abc") | rawequal("a", "a")
rawget({a = 1}, "a") | tonumber("0x10") | tonumber("z", 36) | tonumber("1e2") | tonumber("x") | tonumber("10", 2) | type(nil) | type(type)
tostring(nil) | tostring(1) | tostring(1.0) | tostring(-0.0) | tostring("x") | tostring(true) | tostring(1e100) | tostring(math.mininteger)
tostring(setmetatable({}, {__tostring = function() return "mine" end})) | tostring(math.huge) | next({}) | next({10}) | next({a = 1}, "a")
pcall(error) | pcall(error, nil) | pcall(error, "x", 0) | pcall(error, {1}, 2) == false | pcall(function() return 1, nil, nil end)
select("#", pcall(function() return 1, nil, nil end)) | pcall(nil) == false | xpcall(function(...) return ... end, type, 1, 2)
xpcall(error, function(e) return e .. "!" end, "x") | select("#", xpcall(function() return nil, nil end, type))
pcall(string.rep) == false | pcall(assert, false, "m") | pcall(assert, nil) | assert(1, 2, 3) | pcall(assert, false, 1)
load("return 1 + 1")() | load("return ...")(1, 2) | load("x =") == nil | load(function() return nil end) ~= nil | load("return x", "c", "t", {x = 5})()
select(2, load("x =", "=c")) | select(2, load("x =", "@c")) | select(2, load("return 'a", "=s")) | load("goto x", "=c") == nil | load("return _VERSION")()
math.type(1) | math.type(1.0) | math.type("1") | math.tointeger(3.0) | math.maxinteger | math.fmod(7, 3) | 7 // 2 | -7 // 2 | 7 % -3 | 2^53 | 1 << 63
math.floor(2.7) | math.ceil(2.1) | math.max(1, 2.5) | math.ult(1, -1) | math.abs(math.mininteger) | 10 / 2 | 3 | 3.0 | 1e15 | 0x7fffffffffffffff + 1
coroutine.isyieldable() | select(2, coroutine.running()) | coroutine.status(coroutine.create(type)) | type(coroutine.create(type))
coroutine.wrap(function(...) return select("#", ...), coroutine.yield(1) end)(1, nil) | coroutine.resume(coroutine.create(function() error("x", 0) end))
coroutine.resume(coroutine.create(function(a, b) return a + b end), 1, 2) | coroutine.close(coroutine.create(type))
coroutine.wrap(function() return coroutine.isyieldable(), select(2, coroutine.running()) end)()
#coroutine.wrap(function() return table.pack(pcall(error, "x")) end)() | pcall(coroutine.wrap(function() error({}, 0) end)) == false
os.time{year = 2024, month = 2, day = 29, hour = 12} | os.time{year = 2023, month = 14, day = -3} | os.date("!%Y-%m-%d %H:%M:%S", 86400)
os.date("!*t", 0).year | os.date("!%A %B %j", 1e9 // 1) | os.difftime(5, 3) | os.time{year = 1900, month = 1, day = 1} | os.time{year = 2000, month = 1, day = 1, sec = -1}
pairs({}) == next | select("#", pairs({})) | ipairs({}) ~= nil | #{1, 2, nil, 4} >= 2 | ("x"):rep(3, ",") | -("2") | "10" + 5 | "0x10" * 1 | 10 .. 20
table.remove({1, 2, 3}) | table.remove({1, 2, 3}, 1) | table.remove({}) | table.remove({}, 0) | table.remove({1}, 2) | #table.create(5)
""".strip()

CHECKS = r"""
t = {3, 1, 2} table.sort(t) return table.concat(t, ",")
t = {"b", "a", "c"} table.sort(t, function(a, b) return a > b end) return table.concat(t, ",")
t = {} for i = 1, 200 do t[i] = (i * 7919) % 211 end table.sort(t) for i = 2, #t do assert(t[i-1] <= t[i]) end return #t
t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return table.concat(t, ",")
t = {1, 2, 3} table.remove(t, 1) table.insert(t, 3, 9) return table.concat(t, ",")
t = setmetatable({}, {__index = function(_, k) return k * 2 end, __len = function() return 3 end}) return table.concat(t, ","), table.unpack(t)
t = setmetatable({}, {__index = {1, 2, 3}, __len = function() return 3 end}) return table.remove(t), table.concat(t, ",")
log = {} t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v) log[#log+1] = k end}) table.insert(t, "a") table.insert(t, 1, "b") return #log, t[1], t[2]
t = {} for k, v in pairs(setmetatable({}, {__pairs = function() return next, {7}, nil end})) do t[k] = v end return t[1]
log = "" do local x <close> = setmetatable({}, {__close = function() log = log .. "closed" end}) log = log .. "in " end return log
f = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) local c = coroutine.yield(b * 2) return c end) return f(1), f(10), f(5)
co = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() log = "closed" end}) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co), log, coroutine.status(co)
co = coroutine.create(function() error("x", 0) end) coroutine.resume(co) return coroutine.close(co)
co = coroutine.create(function() return 1, nil, nil end) return select("#", coroutine.resume(co))
co = coroutine.create(function() end) coroutine.resume(co) return coroutine.resume(co)
f = coroutine.wrap(function() error({code = 5}) end) local ok, e = pcall(f) return ok, e.code
t = setmetatable({}, {__call = function(self, a) return a end}) return t(5), pcall(t, 6)
parts = {"return ", "1", "2", nil} i = 0 return load(function() i = i + 1 return parts[i] end)()
t = {} for w in ("one two three"):gmatch("%a+") do t[#t+1] = w end return table.concat(t, "|")
t = {} for p, c in utf8.codes("aä") do t[#t+1] = p .. ":" .. c end return table.concat(t, " ")
ok, e = xpcall(function() local x = nil; return x.y end, function(e) return "handled" end) return ok, e
s = 0 for i, v in ipairs(setmetatable({}, {__index = function(_, i) if i < 4 then return i end end})) do s = s + v end return s
return (pcall(setmetatable, setmetatable({}, {__metatable = "locked"}), {}))
return getmetatable(setmetatable({}, {__metatable = "locked"}))
local a <const> = 5; return a
t = table.pack(table.unpack({1, nil, 3}, 1, 3)) return t.n, t[1], t[2], t[3]
t = os.date("*t", os.time{year = 2024, month = 13, day = 1, hour = 0}) return t.year, t.month, t.day, t.hour
""".strip()


def plain(code: str) -> tuple[Any, ...]:
    runtime = lua55.LuaRuntime(encoding=None, unpack_returned_tuples=True)
    found = runtime.execute(code.encode())
    return found if isinstance(found, tuple) else (found,)


def text(values: tuple[Any, ...]) -> list[str]:
    return [repr(value.decode() if isinstance(value, bytes) else value) for value in values]


@pytest.mark.parametrize("expression", [part.strip() for row in SAME.splitlines() for part in row.split(" | ")])
def test_value_is_the_same_as_in_plain_lua(lua: Any, expression: str) -> None:
    code = f"return select('#', {expression}), {expression}"
    assert text(lua.run(code).event[1:]) == text(plain(code))


@pytest.mark.parametrize("code", CHECKS.splitlines())
def test_chunk_does_the_same_as_in_plain_lua(lua: Any, code: str) -> None:
    code = "local t, log, f, co, parts, i, s, ok, e " + code
    outcome = lua.run(code)
    assert outcome.kind == RETURNED, outcome.event
    assert text(outcome.event[1:]) == text(plain(code))


@pytest.mark.parametrize(
    "code",
    [
        "string.rep()", "('x'):rep({})", "string.rep('x', 1.5)", "('x'):find()", "string.find('x', '[')", "('x'):gsub('x')",
        "string.format('%d', 'x')", "string.format('%d', 1.5)", "string.format()", "string.format('%y', 1)", "table.concat(1)",
        "table.concat({{}})", "table.insert({}, 5, 1)", "table.insert({}, 1, 2, 3)", "table.insert()", "table.remove({}, 5)",
        "table.unpack()", "math.random(0.5)", "math.random(2, 1)", "math.random(1, 2, 3)", "math.randomseed({})",
        "utf8.len({})", "utf8.char(-1)", "os.time({})", "os.date('%Ez')", "coroutine.create(1)", "coroutine.resume(1)",
        "setmetatable(1, {})", "setmetatable({}, 1)", "string.byte({})", "string.upper()", "string.char(256)", "utf8.codepoint('abc', 4)",
        "select(0)", "tonumber()", "tonumber('1', 99)", "load({})", "rawlen(5)", "ipairs()", "string.pack('i17', 1)", "table.move({}, 1, 2)",
        "table.create(-1)", "error('plain')", "error()", "local x = nil; x()", "local x = {} .. 'y'", "local y = 1 < 'x'", "local y = #nil",
    ],
)  # fmt: skip
def test_error_message_is_the_same_as_in_plain_lua(lua: Any, code: str) -> None:
    wrapped = f"local ok, e = pcall(function()\n{code}; return 1 end) return ok, e"
    ours = [str(value).replace("got no value", "got nil") for value in lua.run(wrapped).values]
    theirs = plain("return load(..., '@t.yaml')()".replace("...", f"[==[{wrapped}]==]"))
    assert ours == [str(theirs[0]), theirs[1].decode().replace("got no value", "got nil")]


def test_random_numbers_are_those_of_lua_for_the_same_seed(lua: Any) -> None:
    code = "local t = {} math.randomseed(5) for i = 1, 50 do t[i] = math.random(0) t[i + 50] = math.random(i, 3 * i) end return table.concat(t, ',')"
    assert text(lua.run(code).event[1:]) == text(plain(code))


def test_random_numbers_are_seeded_by_the_run_and_return_to_its_seed(lua: Any) -> None:
    code = "local a = math.random(0) local n, m = math.randomseed() return a == math.random(0), n, m"
    assert lua.run(code, seed=77).values == [True, 77, 0]
    assert lua.run("return math.random()", seed=1).values == lua.run("return math.random()", seed=1).values
    assert lua.run("return math.random()", seed=1).values != lua.run("return math.random()", seed=2).values


def test_a_step_has_its_own_random_sequence_and_labels(lua: Any) -> None:
    code = """
      local skip = ...
      local shared = {}
      local a = math.random(0)
      if not %s then step(9, function() math.random() math.random() tostring({}) tostring(shared) end) end
      return a, math.random(0), tostring(shared), tostring({})
    """
    assert lua.run(code % "true").values == lua.run(code % "false").values


def test_tostring_counts_up_and_keeps_its_number(lua: Any) -> None:
    code = (
        "local a, b = {}, {} return tostring(a), tostring(b), tostring(a), tostring(setmetatable({}, {__name = 'My'}))"
    )
    assert lua.run(code).values == ["table: 0x00000001", "table: 0x00000002", "table: 0x00000001", "My: 0x00000003"]


def test_time_is_the_clock_of_the_run(lua: Any) -> None:
    now = [lua.now]
    sandbox = lua.make(clock=lambda: now[0])
    event = sandbox.start(sandbox.compile("local a = os.time() op() return a, os.time(), os.clock(), os.date()", 1))
    assert event == (OPERATION,)
    now[0] += 61.5
    expected = (RETURNED, 1_700_000_000, 1_700_000_061, 61.5, b"Tue Nov 14 22:14:21 2023")
    assert sandbox.resume() == expected
    sandbox.close()


def test_os_time_normalises_the_table(lua: Any) -> None:
    code = "local t = {year = 2024, month = 14, day = 31, hour = 25} os.time(t) return t.year, t.month, t.day, t.hour, t.yday, t.isdst"
    assert lua.run(code).values == [2025, 3, 4, 1, 63, False]


def test_sort_is_stable_and_its_comparator_may_wait(lua: Any) -> None:
    code = """
      local t = {}
      for i = 1, 60 do t[i] = {key = i % 3, at = i} end
      table.sort(t, function(a, b) op() return a.key < b.key end)
      for i = 2, 60 do assert(t[i - 1].key < t[i].key or t[i - 1].at < t[i].at) end
      return #t
    """
    outcome = lua.run(code)
    assert outcome.values == [60]
    assert len(outcome.asked) > 60


def test_sort_says_what_cannot_be_compared(lua: Any) -> None:
    assert lua.run("table.sort{1, 'x'}").message == "t.yaml:1: attempt to compare string with number"
    assert lua.run("table.sort{{}, {}}").message == "t.yaml:1: attempt to compare two table values"
    assert (
        lua.run("table.sort({3, 1}, 5)").message
        == "t.yaml:1: bad argument #2 to 'sort' (function expected, got number)"
    )


@pytest.mark.parametrize(
    "code",
    [
        "return op(1)",
        "local a = op(1) return a",
        "return select(2, pcall(op, 1))",
        "return select(2, pcall(function() return op(1) end))",
        "return select(2, xpcall(op, type, 1))",
        "return coroutine.wrap(op)(1)",
        "return coroutine.wrap(function() return coroutine.wrap(function() return op(1) end)() end)()",
        "return select(2, coroutine.resume(coroutine.create(op), 1))",
        "return (setmetatable({}, {__index = function() return (op(1)) end}).x)",
        "for x in function() return (op(1)) end do return x end",
        "local r do local x <close> = setmetatable({}, {__close = function() r = op(1) end}) end return r",
        "return setmetatable({}, {__add = function() return (op(1)) end}) + 1",
        "for k, v in pairs(setmetatable({}, {__pairs = function() return function() return (op(1)) end end})) do return k end",
        "return table.concat(setmetatable({}, {__index = function() return (op(1)) end, __len = function() return 1 end})) + 0",
        "return load(function() return op(1) and nil end) and 7",
        "return step(1, function() return op(1) end)",
        "return coroutine.wrap(function() return step(1, function() return op(1) end) end)()",
    ],
)
def test_an_operation_can_wait_here(lua: Any, code: str) -> None:
    outcome = lua.run(code, [(7,)])
    assert outcome.asked == [(1,)]
    assert outcome.values == [7]


def test_operations_keep_trailing_nils(lua: Any) -> None:
    outcome = lua.run("return select('#', op(nil, 1, nil))", [(None, None)])
    assert outcome.asked == [(None, 1, None)]
    assert outcome.values == [2]
    outcome = lua.run("return select('#', coroutine.wrap(op)())", [()])
    assert outcome.asked == [()]
    assert outcome.values == [0]


@pytest.mark.parametrize("count", [1, 19, 20, 21, 40, 100, 250])
def test_operations_may_have_many_values(lua: Any, count: int) -> None:
    code = "local t = {} for i = 1, %d do t[i] = i %% 2 == 0 and i or {} end %s return table.unpack(t)"
    for call in ("op(table.unpack(t))", "coroutine.wrap(op)(table.unpack(t))"):
        outcome = lua.run(code % (count, call))
        assert len(outcome.asked[0]) == len(outcome.values) == count


def test_operations_cannot_have_more_values_than_that(lua: Any) -> None:
    code = "op(table.unpack({}, 1, 251))"
    assert lua.run(code).message == "t.yaml:1: an operation takes at most 250 values"
    assert lua.run("effect(table.unpack({}, 1, 251))").message == "t.yaml:1: a primitive takes at most 250 values"
    assert len(lua.run("return table.unpack({}, 1, 1000)").values) == 250


def test_user_coroutines_yield_to_each_other_between_operations(lua: Any) -> None:
    code = """
      local co = coroutine.wrap(function(a)
        local b = op("first", a)
        local c = coroutine.yield(b)
        return op("second", c), "end"
      end)
      local x = co(1)
      local y, z = co(x + 1)
      return x, y, z
    """
    outcome = lua.run(code, [(10,), (20,)])
    assert outcome.asked == [(b"first", 1), (b"second", 11)]
    assert outcome.values == [10, 20, "end"]


def test_the_instruction_budget_is_filled_again_by_an_operation(lua: Any) -> None:
    code = "for i = 1, 10 do for j = 1, 1000000 do end op() end return 1"
    assert lua.run(code, limits=Limits(instructions=3_000_000)).values == [1]
    outcome = lua.run(code.replace("op()", ""), limits=Limits(instructions=3_000_000))
    assert outcome.event == (
        HALTED,
        "t.yaml:1: the run computed more than 3,000,000 Lua instructions without an operation",
    )


def test_positions_are_lines_of_the_file(lua: Any) -> None:
    code = "local n = where()\nlocal m = where()\nlocal function f()\n  return (where())\nend\nreturn n, m, f()"
    assert lua.run(code, line=40).values == [40, 41, 43]
    assert lua.run("return where()", line=7).values == [7]
    assert lua.run("return coroutine.wrap(where)()", line=7).values == [7]
    assert lua.run("\n\nreturn load('\\n\\nlocal x = where() return x')()", line=7).values == [9]


def test_fail_names_the_line_of_the_author(lua: Any) -> None:
    assert lua.run("\nfail('no')", line=41).message == "t.yaml:42: no"
    code = "local function f()\n  fail('no', 2)\nend\nf()"
    assert lua.run(code).message == "t.yaml:4: no"


def test_an_error_has_a_message_and_a_trace_without_our_frames(lua: Any) -> None:
    code = "local function inner()\n  error('boom')\nend\nlocal function outer()\n  inner()\nend\npcall(print)\nouter()"
    kind, _, message, trace = lua.run(code, line=10).event
    assert kind == RAISED
    assert message == "t.yaml:11: boom"
    assert trace.splitlines() == [
        "t.yaml:11: in upvalue 'inner'",
        "t.yaml:14: in local 'outer'",
        "t.yaml:17: in main chunk",
    ]


def test_an_error_in_a_coroutine_keeps_its_trace(lua: Any) -> None:
    code = "local f = coroutine.wrap(function()\n  local x = nil\n  x.y = 1\nend)\nf()"
    _, _, message, trace = lua.run(code).event
    assert message == "t.yaml:5: t.yaml:3: attempt to index a nil value (local 'x')"
    assert "t.yaml:3: in function <t.yaml:1>" in trace
    assert "t.yaml:5: in main chunk" in trace


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("error({message = 'inside'})", "inside"),
        ("error({})", "(error object is a table value)"),
        ("error(setmetatable({}, {__tostring = function() return 'told' end}))", "told"),
        ("error(5)", "5"),
        ("error('at level 0', 0)", "at level 0"),
    ],
)
def test_error_values_have_a_message(lua: Any, code: str, message: str) -> None:
    assert lua.run(code).message == message


def test_a_syntax_error_has_a_position(lua: Any) -> None:
    sandbox = lua.make()
    with pytest.raises(LuaSyntax) as caught:
        sandbox.compile("local x = 1\nx = = 2", 30)
    assert (caught.value.file, caught.value.line) == ("t.yaml", 31)
    assert "unexpected symbol near '='" in str(caught.value)
    with pytest.raises(LuaSyntax, match="copy it to a local first"):
        sandbox.compile("for i = 1, 2 do i = 3 end", 1)
    with pytest.raises(LuaSyntax, match="a procedure is text"):
        sandbox.compile("\x1bLua", 1)
    sandbox.close()


LIBS = {
    "plain": "local M = {} M.times = (M.times or 0) + 1 function M.double(x) return 2 * x end return M",
    "none": "shared = 5",
    "one": "return require 'two'",
    "two": "return require 'one'",
    "deep/er": "return ...",
    "waits": "op()",
    "draws": "return math.random()",
    "times": "return os.time()",
    "yields": "coroutine.yield()",
    "wrong": "local x = \n",
    "fails": "\nerror('no')",
    "later": "return function() return op(1), math.random() > -1 end",
    "loops": "while true do end",
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return require('plain').double(4), require('plain') == require('plain')", [8, True]),
        ("local a, b = require 'none' return a, b, shared", [True, "lib/none.lua", 5]),
        ("return (require 'deep/er')", ["deep/er"]),
        ("return require('later')()", [7, True]),
    ],
)
def test_require_loads_a_lib_file_once(lua: Any, code: str, expected: list[Any]) -> None:
    assert lua.run(code, [(7,)], libs=LIBS).values == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "t.yaml:1: there is no lib/missing.lua beside the procedure"),
        ("../etc", "there is no lib/../etc.lua"),
        ("one", "in a circle"),
        ("waits", "lib/waits.lua:1: an operation is not available while a lib file loads"),
        ("draws", "lib/draws.lua:1: math.random is not available while a lib file loads"),
        ("times", "lib/times.lua:1: the time is not available while a lib file loads"),
        ("yields", "lib/yields.lua:1: "),
        ("wrong", "lib/wrong.lua:2: unexpected symbol"),
        ("fails", "lib/fails.lua:2: no"),
    ],
)
def test_require_says_what_is_wrong(lua: Any, name: str, message: str) -> None:
    for code in (f"require '{name}'", f"coroutine.wrap(function() require '{name}' end)()"):
        assert message in lua.run(code, libs=LIBS).message


def test_a_lib_file_that_loops_is_halted(lua: Any) -> None:
    assert lua.run("pcall(require, 'loops')", libs=LIBS).kind == HALTED


def test_libs_are_seen_as_loading(lua: Any) -> None:
    sandbox = lua.make(libs={"a": "return loading()"})
    sandbox.trusted(b"local S = ... S.env.loading = S.loading", "loading")
    assert lua.drive(sandbox, "return (require 'a'), loading()").values == [True, False]
    sandbox.close()


def test_two_sandboxes_visit_keys_in_the_same_order(lua: Any) -> None:
    code = "local t, r = {}, {} for i = 1, 200 do t['key' .. (i * 7919) % 1009] = i end for k in pairs(t) do r[#r+1] = k end return table.concat(r, ' ')"
    assert lua.run(code).values == lua.run(code).values


def test_closing_twice_is_closing_once(lua: Any) -> None:
    sandbox = lua.make()
    assert sandbox.memory_used > 0
    sandbox.close()
    sandbox.close()
    assert sandbox.memory_used == 0


def test_a_waiting_sandbox_can_be_closed(lua: Any) -> None:
    sandbox = lua.make()
    code = "local x <close> = setmetatable({}, {__close = function() effect() end}) op()"
    assert sandbox.start(sandbox.compile(code, 1)) == (OPERATION,)
    sandbox.close()


def test_closing_breaks_the_cycle_through_callbacks(lua: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        sandbox = lua.make()

        def callback() -> Any:
            return sandbox.halted

        sandbox.trusted(b"local S, f = ... S.env.f = function() return f() end", "cycle", callback)
        lua.drive(sandbox, "f() kept = {f, op, function() return f end}")
        gone = weakref.ref(callback)
        del callback
        assert gone() is not None
        sandbox.close()
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.slow
def test_many_sandboxes_leave_nothing_behind(lua: Any) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def once() -> None:
        lua.run("local t = {} for i = 1, 50 do t[i] = {op(i)} end return t", [(i,) for i in range(50)])

    for _ in range(200):
        once()
    gc.collect()
    before = resident()
    gc.disable()
    try:
        for _ in range(2000):
            once()
        left = [type(item) for item in gc.get_objects() if str(type(item).__module__).startswith("lupa")]
    finally:
        gc.enable()
    assert left == []
    assert resident() - before < 8 * 2**20


@pytest.mark.slow
def test_a_long_loop_does_not_hold_up_other_threads(lua: Any) -> None:
    stop = threading.Event()
    ended: list[Any] = []

    def loop() -> None:
        ended.append(lua.run("while true do end", limits=Limits(instructions=10**13), poll=stop.is_set).event)

    thread = threading.Thread(target=loop)
    thread.start()
    for _ in range(20):
        assert lua.run("return op(1)", [(2,)]).values == [2]
        gc.collect()
    stop.set()
    thread.join(30)
    assert ended == [(HALTED, "cancelled")]
