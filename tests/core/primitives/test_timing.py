"""`Sleep` and `Retry`."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import Ended, Logged
from proc_tui.core.testing import NOON, play


@pytest.mark.covers("Sleep", "success", "replay")
def test_a_sleep_lasts_as_long_as_it_says_and_moves_the_time() -> None:
    played = play("""
        local t = os.time()
        Sleep(90)
        local after = os.time() - t
        Sleep(0.5)
        return {after, select("#", Sleep(1))}
    """)
    assert played.result == [90, 0]
    assert played.clock.now() == NOON + 91.5
    assert [event.name for event in played.events(Ended)] == ["sleep#1", "sleep#2", "sleep#3"]
    played.replay()


def test_a_sleep_goes_on_while_nothing_runs() -> None:
    played = play("Sleep(3600) return os.time()", upto="SLEEPING")
    assert played.run.wake_at == NOON + 3600
    played.clock.advance(10_000)
    assert played.go_on().result == NOON + 10_000
    played.replay()


def test_a_sleep_of_no_time_returns_at_once_and_is_recorded() -> None:
    played = play("Sleep(0) return 1")
    assert played.result == 1
    assert played.clock.now() == NOON
    assert [event.name for event in played.events(Ended)] == ["sleep#1"]
    played.replay()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("-1", "a number (-1)", marks=pytest.mark.covers("Sleep", "error")),
        ('"1"', 'a string ("1")'),
        ("math.huge", "a number (inf)"),
        ("0/0 ~= 0/0", "true"),
        ("{seconds = 1}", "a table"),
    ],
)
def test_a_sleep_that_is_no_duration_raises(given: str, says: str) -> None:
    played = play(f"return {{pcall(function() Sleep({given}) end)}}")
    assert played.result == [False, f'play.yaml:2: Sleep: "seconds" must be a number of seconds, got {says}']
    assert played.events(Ended) == []
    played.replay()


@pytest.mark.covers("Retry.with_backoff", "success", "option options", "replay")
def test_a_retry_waits_longer_after_each_failure_and_returns_all_values() -> None:
    played = play("""
        local t0, times = os.time(), {}
        local function flaky()
          times[#times + 1] = os.time() - t0
          if #times < 5 then error("no " .. #times, 0) end
          return "yes", nil, 3, nil
        end
        local values = table.pack(Retry.with_backoff(flaky, {
          max_attempts = 6, initial_delay = 10, max_delay = 50, backoff_factor = 3,
          on_error = function(e) Log.warn("failed", e) end,
        }))
        return {times = times, n = values.n, first = values[1], third = values[3]}
    """)
    assert played.result == {"times": [0, 10, 40, 90, 140], "n": 4, "first": "yes", "third": 3}
    assert [event.context for event in played.events(Logged)] == [
        {"attempt": 1, "max_attempts": 6, "error": "no 1", "delay": 10.0},
        {"attempt": 2, "max_attempts": 6, "error": "no 2", "delay": 30.0},
        {"attempt": 3, "max_attempts": 6, "error": "no 3", "delay": 50.0},
        {"attempt": 4, "max_attempts": 6, "error": "no 4", "delay": 50.0},
    ]
    played.replay()


def test_by_default_three_attempts_are_made_and_the_last_error_is_raised_as_it_was() -> None:
    played = play("""
        local seen = {}
        local ok, why = pcall(Retry.with_backoff, function()
          State.increment("n")
          error({attempt = State.get("n")})
        end, {on_error = function(e) seen[#seen + 1] = tostring(e.delay) end})
        return {ok, why, State.get("n"), seen}
    """)
    assert played.result == [False, {"attempt": 3}, 3, ["1.0", "2.0", "nil"]]
    assert played.clock.now() == NOON + 3
    played.replay()


def test_one_attempt_never_waits() -> None:
    played = play('Retry.with_backoff(function() error("x", 0) end, {max_attempts = 1})')
    assert played.error == "x"
    assert played.events(Ended) == []
    played.replay()


def test_an_error_in_on_error_ends_the_retry() -> None:
    played = play("""
        local function handler(e) error("handler: " .. e.error, 0) end
        Retry.with_backoff(function() error("first", 0) end, {on_error = handler})
    """)
    assert played.error == "handler: first"
    played.replay()


def test_operations_inside_a_retry_are_recalled() -> None:
    played = play(
        """
        return Retry.with_backoff(function()
          local ok = Human.approve{message = "again?"}
          if not ok then error("refused", 0) end
          return ok
        end)
        """,
        answers=[False, True],
    )
    assert played.result is True
    assert [request.message for request in played.asked] == ["again?", "again?"]
    played.replay()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "Retry.with_backoff()",
            'Retry.with_backoff: "fn" must be a function, got nil',
            marks=pytest.mark.covers("Retry.with_backoff", "error"),
        ),
        ("Retry.with_backoff(f, 3)", "Retry.with_backoff takes a table of options, got number"),
        ("Retry.with_backoff(f, {}, 1)", "Retry.with_backoff takes at most 2 arguments, got 3"),
        (
            "Retry.with_backoff(f, {on_error = 1})",
            'Retry.with_backoff: "on_error" must be a function, got number',
        ),
        (
            "Retry.with_backoff(f, {max_atempts = 1})",
            'Retry.with_backoff: unknown option "max_atempts"; did you mean "max_attempts"? '
            "(options: max_attempts, initial_delay, max_delay, backoff_factor, on_error)",
        ),
        (
            "Retry.with_backoff(f, {max_attempts = 0})",
            "Retry.with_backoff: max_attempts must be at least 1, got 0",
        ),
        (
            "Retry.with_backoff(f, {max_attempts = 1.5})",
            'Retry.with_backoff: "max_attempts" must be an integer, got a number (1.5)',
        ),
        (
            "Retry.with_backoff(f, {initial_delay = -1})",
            'Retry.with_backoff: "initial_delay" must be a number of seconds, got a number (-1)',
        ),
        (
            'Retry.with_backoff(f, {backoff_factor = "2"})',
            'Retry.with_backoff: "backoff_factor" must be a number, got a string ("2")',
        ),
        (
            "Retry.with_backoff(f, {backoff_factor = -2})",
            "Retry.with_backoff: backoff_factor must be finite and not negative, got a number (-2)",
        ),
        (
            "Retry.with_backoff(f, {backoff_factor = math.huge})",
            "Retry.with_backoff: backoff_factor must be finite and not negative, got a number (inf)",
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"""
        local function f() Log.info("called") end
        return {{pcall(function() {call} end)}}
    """)
    assert played.result == [False, f"play.yaml:3: {message}"]
    assert played.log == []
    played.replay()
