"""`State`: values of the run by name."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import StateAppended, StateCleared, StateIncremented, StateSet
from proc_tui.core.testing import play


@pytest.mark.covers("State.get", "success", "option default", "replay")
@pytest.mark.covers("State.set", "success", "option value", "replay")
def test_what_is_set_is_got_and_a_default_stands_for_what_never_was() -> None:
    played = play("""
        State.set("a", {1, 2, {deep = true}})
        State.set("f", false)
        local missing = State.get("b") == nil
        return {a = State.get("a"), f = State.get("f", "other"), missing = missing, d = State.get("b", "d")}
    """)
    assert played.result == {"a": [1, 2, {"deep": True}], "f": False, "missing": True, "d": "d"}
    assert played.events(StateSet) == [StateSet("a", [1, 2, {"deep": True}]), StateSet("f", False)]
    played.replay()


def test_setting_nil_removes_a_key() -> None:
    played = play('State.set("a", 1) State.set("a", nil) State.set("b") return State.get("a", "gone")')
    assert played.result == "gone"
    assert played.fold.state.values == {}
    played.replay()


def test_what_get_and_all_return_are_copies() -> None:
    played = play("""
        local mine = {list = {1}}
        State.set("a", mine)
        mine.list[2] = "changed after set"
        local got = State.get("a")
        got.list[2] = "changed after get"
        local all = State.all()
        all.a.list[2] = "changed after all"
        all.b = 1
        return State.all()
    """)
    assert played.result == {"a": {"list": [1]}}
    played.replay()


@pytest.mark.covers("State.all", "success", "replay")
def test_all_gives_every_value_by_its_key() -> None:
    played = play("""
        local empty = next(State.all()) == nil
        State.set("z", 1) State.set("a", 3.0) State.set("$odd", "x")
        local keys = {}
        for key in pairs(State.all()) do keys[#keys + 1] = key end
        table.sort(keys)
        return {keys = keys, odd = State.all()["$odd"], empty = empty}
    """)
    assert played.result == {"keys": ["$odd", "a", "z"], "odd": "x", "empty": True}
    played.replay()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('return State.increment("n")', 1),
        ('State.increment("n", 5) return State.increment("n", -7)', -2),
        ('State.set("n", 1.5) return State.increment("n")', 2.5),
        ('State.set("n", 1) return State.increment("n", 1.0)', 2.0),
        ('State.set("n", math.maxinteger) return State.increment("n")', -(2**63)),
        ('State.set("n", math.mininteger) return State.increment("n", -1)', 2**63 - 1),
        ('State.set("n", math.huge) return State.increment("n")', {"$f": "inf"}),
        ('State.set("n", 1e308) return State.increment("n", 1e308)', {"$f": "inf"}),
        ('State.set("n", -math.huge) return tostring(State.increment("n", math.huge)):gsub("-", "")', "nan"),
    ],
)
@pytest.mark.covers("State.increment", "success", "option amount", "replay")
def test_increment_adds_as_lua_adds(code: str, expected: object) -> None:
    played = play(code)
    assert played.result == expected
    assert type(played.result) is type(expected)
    played.replay()


def test_increment_records_the_sum_and_the_amount() -> None:
    played = play('State.increment("n", 2) State.increment("n", 3)')
    assert played.events(StateIncremented) == [StateIncremented("n", 2, 2), StateIncremented("n", 5, 3)]


@pytest.mark.covers("State.append", "success", "option value", "replay")
def test_append_creates_the_list_and_adds_to_its_end() -> None:
    played = play("""
        State.append("l", "a")
        State.append("l", {b = 1})
        State.append("l", nil)
        State.set("empty", {})
        State.append("empty", 1)
        return State.all()
    """)
    assert played.result == {"l": ["a", {"b": 1}], "empty": [1]}
    assert len(played.events(StateAppended)) == 4
    played.replay()


@pytest.mark.covers("State.clear", "success", "replay")
def test_clear_removes_every_key() -> None:
    played = play('State.set("a", 1) State.clear() State.set("b", 2) return State.all()')
    assert played.result == {"b": 2}
    assert len(played.events(StateCleared)) == 1
    played.replay()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            'State.increment("t")',
            'State.increment: "t" is a table, not a number',
            marks=pytest.mark.covers("State.increment", "error"),
        ),
        ('State.increment("s")', 'State.increment: "s" is a string ("x"), not a number'),
        ('State.increment("yes")', 'State.increment: "yes" is true, not a number'),
        ('State.increment("n", "1")', 'State.increment: "amount" must be a number, got a string ("1")'),
        pytest.param(
            'State.append("s", 1)',
            'State.append: "s" is a string ("x"), not a list',
            marks=pytest.mark.covers("State.append", "error"),
        ),
        ('State.append("map", 1)', 'State.append: "map" is a table, not a list'),
        pytest.param(
            'State.set("f", {a = {print}})', "value.a[1] is a function", marks=pytest.mark.covers("State.set", "error")
        ),
        ("State.set({}, 1)", 'State.set: "key" must be a string, got a table'),
        ("State.set()", 'State.set: "key" is missing (a string)'),
        ("State.set(nil, 1)", 'State.set: "key" must be a string, got nil'),
        pytest.param(
            "State.get(true)",
            'State.get: "key" must be a string, got true',
            marks=pytest.mark.covers("State.get", "error"),
        ),
        ('State.get("a", 1, 2)', "State.get takes at most 2 arguments, got 3"),
        pytest.param(
            'State.all("a")',
            "State.all takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("State.all", "error"),
        ),
        pytest.param(
            "State.clear(1)",
            "State.clear takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("State.clear", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_and_changes_nothing(call: str, message: str) -> None:
    played = play(f"""
        State.set("t", {{}}) State.set("s", "x") State.set("yes", true) State.set("map", {{a = 1}})
        local before = Json.encode(State.all())
        local ok, why = pcall(function()
          {call}
        end)
        assert(Json.encode(State.all()) == before)
        return {{ok, why}}
    """)
    assert played.result == [False, f"play.yaml:5: {message}"]
    played.replay()


def test_numbers_are_taken_as_keys_in_their_text() -> None:
    played = play('State.set(1, "one") State.set(2.5, "x") return State.all()')
    assert played.result == {"1": "one", "2.5": "x"}
