"""`Log` and `print`."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import Logged
from proc_tui.core.testing import play

LEVELS = ["debug", "info", "warn", "error"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.covers("Log.debug", "success", "option message", "option context", "replay")
@pytest.mark.covers("Log.info", "success", "option message", "option context", "replay")
@pytest.mark.covers("Log.warn", "success", "option message", "option context", "replay")
@pytest.mark.covers("Log.error", "success", "option message", "option context", "replay")
def test_a_line_is_written_with_its_level_and_context(level: str) -> None:
    played = play(f"""
        Log.{level}("plain")
        Log.{level}("with", {{n = 1}})
        Log.{level}()
        for _, other in ipairs{{"debug", "info", "warn", "error"}} do Log[other]("x") end
    """)
    assert played.events(Logged)[:3] == [Logged(level, "plain"), Logged(level, "with", {"n": 1}), Logged(level, "nil")]
    assert [event.level for event in played.events(Logged)[3:]] == LEVELS
    played.replay()


def test_a_message_that_is_no_string_is_written_as_tostring_has_it() -> None:
    played = play("""
        Log.info(3) Log.info(3.0) Log.info(true) Log.info(nil)
        Log.info(setmetatable({}, {__tostring = function() return "mine" end}))
        Log.info({})
    """)
    assert played.log == ["3", "3.0", "true", "nil", "mine", "table: 0x00000001"]
    played.replay()


def test_print_writes_its_arguments_with_tabs_between_at_level_info() -> None:
    played = play('print("a", 1, nil, true) print() print(nil)')
    assert played.events(Logged) == [Logged("info", "a\t1\tnil\ttrue"), Logged("info", ""), Logged("info", "nil")]
    played.replay()


def test_lines_have_the_line_of_the_code_that_wrote_them() -> None:
    played = play('Log.info("one")\n\nlocal function f() Log.info("two") end\nf() print("three")')
    assert [(record.line, record.event.message) for record in played.records if isinstance(record.event, Logged)] == [
        (2, "one"),
        (4, "two"),
        (5, "three"),
    ]


@pytest.mark.covers("Log.debug", "error")
@pytest.mark.covers("Log.info", "error")
@pytest.mark.covers("Log.warn", "error")
@pytest.mark.covers("Log.error", "error")
def test_a_context_that_cannot_be_kept_and_more_arguments_than_two_raise() -> None:
    played = play("""
        local found = {}
        for i, level in ipairs{"debug", "info", "warn", "error"} do
          found[i] = select(2, pcall(function() Log[level]("x", {f = print}) end))
          found[i + 4] = select(2, pcall(function() Log[level]("x", {}, "y") end))
        end
        return found
    """)
    more = [f"play.yaml:5: Log.{level} takes at most 2 arguments, got 3" for level in LEVELS]
    assert played.result == ["play.yaml:4: value.f is a function"] * 4 + more
    assert played.log == []
    played.replay()


def test_lines_are_recalled_by_number_and_never_written_twice() -> None:
    played = play('for i = 1, 3 do Log.info("line " .. i) Sleep(1) end Log.info("end")')
    assert played.log == ["line 1", "line 2", "line 3", "end"]
    played.replay()


def test_an_edited_line_is_not_a_divergence() -> None:
    code = 'Log.info("before") Human.approve{message = "?"} error("stop")'
    played = play(code, upto="WAITING_FOR_HUMAN").go_on(answers=[True])
    file = played.folder / "play.yaml"
    file.write_text(file.read_text().replace('"before"', '"after", {more = true}').replace('error("stop")', "return 1"))
    played.operator.resume_edited(played.run)
    played.go_on()
    assert played.result == 1
    assert played.log == ["before"]
