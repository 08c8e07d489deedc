"""`System`: alerts."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import Alerted
from proc_tui.core.testing import play


@pytest.mark.covers("System.alert", "success", "option level", "option source", "option context", "replay")
def test_an_alert_is_recorded_as_it_was_given() -> None:
    played = play("""
        System.alert{message = "disk"}
        System.alert{message = "fire", level = "CRITICAL", source = "sensor", context = {room = 4}}
        for _, level in ipairs{"info", "warning", "error"} do System.alert{message = level, level = level} end
    """)
    alerts = played.events(Alerted)
    assert alerts[:2] == [Alerted("disk"), Alerted("fire", "critical", "sensor", {"room": 4})]
    assert [alert.level for alert in alerts[2:]] == ["info", "warning", "error"]
    assert played.log[:2] == ["disk", "fire"]
    played.replay()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            "System.alert{}",
            'System.alert: "message" is missing (a string)',
            marks=pytest.mark.covers("System.alert", "error"),
        ),
        (
            'System.alert{message = "x", level = "warn"}',
            'System.alert: "level" must be one of "info", "warning", "error", "critical", got a string ("warn"); '
            'did you mean "warning"?',
        ),
        (
            'System.alert{mesage = "x"}',
            'System.alert: unknown option "mesage"; did you mean "message"? (options: message, level, source, context)',
        ),
        ('System.alert("x")', 'System.alert takes a table of options, got a string ("x")'),
        ("System.alert({}, 1)", "System.alert takes one table of options, got 2 arguments"),
        ('System.alert{message = "x", context = {f = print}}', "value.context.f is a function"),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}")
    assert played.result == [False, f"play.yaml:2: {message}"]
    assert played.events(Alerted) == []
    played.replay()
