"""`Human`: questions to people, and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.core.engine.answers import Given
from proc_tui.core.errors import AlreadyAnswered, Refused
from proc_tui.core.journal.events import Notified, Requested, RequestTimedOut, Responded
from proc_tui.core.model.settings import Settings
from proc_tui.core.testing import NOON, play

if TYPE_CHECKING:
    from collections.abc import Mapping

# ---- what is asked and what comes back


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.covers("Human.approve", "success", "option message", "option context", "replay")
def test_an_approval_returns_what_the_person_said(approved: bool) -> None:
    played = play('return {Human.approve{message = "Ship?", context = {files = {"a", 2}}}}', answers=[approved])
    assert played.result == [approved, False]
    [asked] = played.asked
    assert (asked.type, asked.message, asked.deadline, asked.on_timeout) == ("approval", "Ship?", None, "default")
    assert asked.data == {"context": {"files": ["a", 2]}, "default": False}
    assert played.events(Responded)[0].by == "starter"
    played.replay()


@pytest.mark.covers(
    "Human.input",
    "success",
    "option message",
    "option placeholder",
    "option default",
    "option multiline",
    "option context",
    "replay",
)
def test_an_input_returns_the_text() -> None:
    played = play(
        """
        local a, late = Human.input{message = "Name?", placeholder = "first last", default = "nobody", context = 3}
        local b = Human.input{message = "Story?", multiline = true}
        return {a, late, b}
        """,
        answers=["Ann", "one\ntwo"],
    )
    assert played.result == ["Ann", False, "one\ntwo"]
    assert played.asked[0].data == {
        "placeholder": "first last",
        "default": "nobody",
        "multiline": False,
        "context": 3,
    } or (played.asked[0].data == {"placeholder": "first last", "default": "nobody", "context": 3})
    assert played.asked[1].data == {"multiline": True}
    played.replay()


def test_an_empty_text_is_a_text() -> None:
    assert play('return Human.input{message = "?"}', answers=[""]).result == ""


@pytest.mark.covers(
    "Human.review",
    "success",
    "option message",
    "option artifact",
    "option artifact_type",
    "option options",
    "option context",
    "replay",
)
def test_a_review_returns_the_decision_by_its_label_with_what_was_said_and_edited() -> None:
    played = play(
        """
        local answer, late = Human.review{
          message = "See", artifact = {title = "T", n = 3}, artifact_type = "json", context = "why",
          options = {"approve", "needs_work", {label = "Give up", type = "cancel", hint = "for ever"}},
        }
        return {answer, late}
        """,
        answers=[{"decision": "NEEDS WORK", "feedback": "shorter", "artifact": {"title": "U", "n": 3}}],
    )
    assert played.result == [
        {
            "decision": "Needs work",
            "feedback": "shorter",
            "edited_artifact": {"title": "U", "n": 3},
            "responded_at": NOON,
        },
        False,
    ]
    assert played.asked[0].data == {
        "artifact": {"title": "T", "n": 3},
        "artifact_type": "json",
        "options": [
            {"label": "Approve", "type": "action"},
            {"label": "Needs work", "type": "action"},
            {"label": "Give up", "type": "cancel", "hint": "for ever"},
        ],
        "context": "why",
    }
    played.replay()


def test_a_review_offers_approve_and_reject_when_nothing_else_is_said() -> None:
    played = play('return Human.review{message = "See", artifact = "text"}', answers=["reject"])
    assert played.result == {"decision": "Reject", "responded_at": NOON}
    assert played.asked[0].data["options"] == [
        {"label": "Approve", "type": "action"},
        {"label": "Reject", "type": "cancel"},
    ]


@pytest.mark.parametrize(
    ("artifact", "edited", "fits"),
    [
        ('"text"', "better", True),
        ('"text"', {"a": 1}, False),
        ("{1, 2}", [3], True),
        ("{1, 2}", "better", False),
        ("{}", {"a": 1}, True),
        ("nil", "anything", True),
    ],
)
def test_an_edited_artifact_comes_back_in_the_type_it_was_given_in(artifact: str, edited: object, fits: bool) -> None:
    code = f'return Human.review{{message = "See", artifact = {artifact}}}.edited_artifact'
    if fits:
        played = play(code, answers=[{"decision": "Approve", "artifact": edited}])
        assert played.result == edited
        played.replay()
    else:
        with pytest.raises(Refused, match="the edited one is"):
            play(code, answers=[{"decision": "Approve", "artifact": edited}])


@pytest.mark.covers("Human.escalate", "success", "option message", "option context", "option severity", "replay")
def test_an_escalation_blocks_until_it_is_resolved() -> None:
    code = 'return Human.escalate{message = "Stuck", context = {at = 3}, severity = "high"}'
    played = play(code, upto="WAITING_FOR_HUMAN")
    played.clock.advance(10**9)
    assert played.go_on().status == "WAITING_FOR_HUMAN"
    assert played.asked[0].deadline is None
    assert played.asked[0].data == {"context": {"at": 3}, "severity": "high"}
    played.go_on(answers=["fixed by hand"])
    assert played.result == {"note": "fixed by hand", "responded_at": NOON + 10**9}
    played.replay()


@pytest.mark.covers(
    "Human.notify",
    "success",
    "option message",
    "option level",
    "option content",
    "option details",
    "option context",
    "replay",
)
def test_a_notification_blocks_nothing_and_is_recorded_as_it_was_given() -> None:
    played = play("""
        Human.notify{message = "hello"}
        Human.notify{
          message = "m", level = "Warning", content = "# Title", context = {1},
          details = {{title = "a", content = "b"}},
        }
        Human.notify{content = "only content", level = "error", details = {}}
    """)
    assert played.events(Notified) == [
        Notified("hello"),
        Notified("m", "warning", "# Title", [{"title": "a", "content": "b"}], [1]),
        Notified("", "error", "only content"),
    ]
    played.replay()


# ---- timeouts


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('approve{message = "?", timeout = 60}', [False, True]),
        ('approve{message = "?", timeout = 60, default = true}', [True, True]),
        ('approve{message = "?", timeout = 60, default = true, on_timeout = "default"}', [True, True]),
        ('input{message = "?", timeout = 60, default = "d"}', ["d", True]),
        ('review{message = "?", timeout = 60}', [{"decision": "Reject"}, True]),
        ('review{message = "?", timeout = 60, options = {"go", "stay"}}', [{"decision": "Stay"}, True]),
        ('review{message = "?", timeout = 60, options = {"cancel", "go"}}', [{"decision": "Cancel"}, True]),
        ('review{message = "?", timeout = 60, default = "approve"}', [{"decision": "Approve"}, True]),
    ],
)
@pytest.mark.covers("Human.approve", "option timeout", "option default", "option on_timeout")
@pytest.mark.covers("Human.input", "option timeout")
@pytest.mark.covers("Human.review", "option timeout", "option default")
def test_on_a_timeout_the_default_is_returned(call: str, expected: object) -> None:
    rest = """
        Human.approve{message = "a", timeout = 1, on_timeout = "default"}
        Human.input{message = "i", timeout = 1}
        Human.review{message = "r", timeout = 1}
    """
    played = play(f"local found = {{Human.{call}}}\n{rest}\nreturn found")
    assert played.result == expected
    assert played.asked[0].deadline == NOON + 60
    assert played.clock.now() == NOON + 63
    assert len(played.events(RequestTimedOut)) == 4
    played.replay()


def test_an_input_without_a_default_times_out_with_nil() -> None:
    played = play('local text, late = Human.input{message = "?", timeout = 1} return {text == nil, late}')
    assert played.result == [True, True]
    played.replay()


@pytest.mark.parametrize("call", ["approve", "input", "review"])
@pytest.mark.covers("Human.approve", "error", "option on_timeout")
@pytest.mark.covers("Human.input", "error", "option on_timeout")
@pytest.mark.covers("Human.review", "error", "option on_timeout")
def test_on_a_timeout_an_error_is_raised_where_it_is_asked_for(call: str) -> None:
    every = " ".join(
        f'pcall(Human.{name}, {{message = "m", timeout = 1, on_timeout = "error"}})'
        for name in ("approve", "input", "review")
    )
    played = play(f'{every}\nHuman.{call}{{message = "Go?", timeout = 90, on_timeout = "error"}}')
    assert played.error == "play.yaml:3: nobody answered within 90 s: Go?"
    played.replay()


def test_a_retry_asks_once_more_with_the_same_limit_from_the_second_posting() -> None:
    played = play(
        'return {Human.approve{message = "?", timeout = 100, on_timeout = "retry", default = true}}',
        upto="WAITING_FOR_HUMAN",
    )
    played.clock.advance(1000)  # nothing runs when the first deadline passes
    played.go_on(upto="WAITING_FOR_HUMAN")
    assert [(asked.attempt, asked.deadline) for asked in played.asked] == [(1, NOON + 100), (2, NOON + 1100)]
    assert played.operator.inbox()[0].attempt == 2
    played.go_on()
    assert played.result == [True, True]
    assert played.clock.now() == NOON + 1100
    assert len(played.asked) == 2
    played.replay()


def test_the_second_request_of_a_retry_can_be_answered() -> None:
    played = play(
        'return {Human.input{message = "?", timeout = 100, on_timeout = "retry", default = "d"}}',
        answers=[None, "late"],
    )
    assert played.result == ["late", False]
    played.replay()


def test_a_deadline_holds_while_nothing_runs_and_a_late_answer_is_refused() -> None:
    played = play('return {Human.approve{message = "?", timeout = 100}}', upto="WAITING_FOR_HUMAN")
    request = played.operator.inbox()[0]
    played.clock.advance(100)
    with pytest.raises(AlreadyAnswered, match=r"timed out at .*; the answer came too late"):
        played.operator.answer(request.id, Given(approved=True))
    assert played.go_on().result == [False, True]
    with pytest.raises(AlreadyAnswered, match="timed out at"):
        played.operator.answer(request.id, Given(approved=True))
    played.replay()


def test_an_answer_before_the_deadline_counts_though_it_is_read_after_it() -> None:
    played = play('return {Human.approve{message = "?", timeout = 100}}', upto="WAITING_FOR_HUMAN")
    played.clock.advance(99)
    played.operator.answer(played.operator.inbox()[0].id, Given(approved=True))
    played.clock.advance(1000)
    assert played.go_on().result == [True, False]
    played.replay()


def test_a_timeout_of_nothing_is_over_at_once() -> None:
    assert play('return {Human.approve{message = "?", timeout = 0}}').result == [False, True]


def test_the_second_answer_is_refused_and_told_who_was_first() -> None:
    played = play('Human.approve{message = "?"}', upto="WAITING_FOR_HUMAN")
    request = played.operator.inbox()[0].id
    played.operator.answer(request, Given(approved=True), by="ann")
    with pytest.raises(AlreadyAnswered, match=r"was answered by ann at 2027-01-15 08:00:00 UTC"):
        played.operator.answer(request, Given(approved=False), by="bob")
    assert played.go_on().status == "COMPLETED"


# ---- declared points

POINTS: Mapping[str, object] = {
    "ship": {
        "type": "approval",
        "message": "Ship {params.what} of {context.procedure}?",
        "timeout": 50,
        "default": True,
    },
    "name": {"type": "input", "message": "Name?", "placeholder": "p", "multiline": True},
    "check": {"type": "review", "message": "Check {state.title}", "options": ["fine", "bad"], "artifact_type": "diff"},
}


@pytest.mark.covers("Human.approve", "option config_key", "replay")
def test_a_point_gives_its_options_in_either_form_and_the_calls_own_win() -> None:
    played = play(
        """
        Human.approve("ship")
        Human.approve{config_key = "ship", message = "Mine {params.what}", timeout = 7}
        Human.approve("ship", {default = false, context = 1})
        """,
        params={"what": "it"},
        hitl=POINTS,
        answers=[True, True, True],
    )
    assert [(asked.point, asked.message, asked.deadline, asked.data) for asked in played.asked] == [
        ("ship", "Ship it of play?", NOON + 50, {"default": True}),
        ("ship", "Mine {params.what}", NOON + 7, {"default": True}),
        ("ship", "Ship it of play?", NOON + 50, {"default": False, "context": 1}),
    ]
    played.replay()


@pytest.mark.covers("Human.input", "option config_key")
@pytest.mark.covers("Human.review", "option config_key")
def test_every_type_of_point_is_called_by_its_name() -> None:
    played = play(
        """
        State.set("title", "the draft")
        Human.input("name")
        return Human.review("check", {artifact = "a"}).decision
        """,
        params={"what": ""},
        hitl=POINTS,
        answers=["x\ny", "fine"],
    )
    assert played.result == "Fine"
    assert played.asked[0].data == {"placeholder": "p", "multiline": True}
    assert (played.asked[1].message, played.asked[1].data["artifact_type"]) == ("Check the draft", "diff")
    played.replay()


def test_a_message_that_the_call_gives_is_shown_as_it_is() -> None:
    played = play(
        'Human.approve{message = "{params.what} {state.x} {{params.what}}"}', params={"what": 1}, answers=[True]
    )
    assert played.asked[0].message == "{params.what} {state.x} {{params.what}}"


def test_a_template_renders_tables_environment_and_context() -> None:
    message = "{params.list} {state.n}{state.gone} {context.depth} {context.who} {{params.list}} {env.REGION}!"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGION", "north")
        played = play(
            'State.set("n", 2.0) Human.approve("p")',
            params={"list": [{"b": 1, "a": 2}]},
            hitl={"p": {"type": "approval", "message": message}},
            settings=Settings(durability="fast", env_allow=["REGION"]),
            context={"who": "me"},
            answers=[True],
        )
    assert played.asked[0].message == '[{"a":2,"b":1}] 2.0 0 me {params.list} north!'
    played.replay()


def test_a_variable_of_the_environment_that_is_not_allowed_is_an_error() -> None:
    played = play('Human.approve("p")', hitl={"p": {"type": "approval", "message": "{env.HOME}"}})
    assert "templates may not read the environment variable HOME" in played.error
    assert "env_allow" in played.error


def test_a_point_may_want_a_word_to_be_typed() -> None:
    points = {"p": {"type": "approval", "message": "Drop?", "confirm": "drop {params.table}"}}
    code = 'return Human.approve("p")'
    with pytest.raises(Refused, match='type "drop users" to confirm'):
        play(code, params={"table": "users"}, hitl=points, answers=[True])
    with pytest.raises(Refused, match='type "drop users" to confirm'):
        play(code, params={"table": "users"}, hitl=points, answers=[{"approved": True, "typed": "drop"}])
    played = play(code, params={"table": "users"}, hitl=points, answers=[{"approved": True, "typed": "drop users"}])
    assert played.result is True
    refused = play(code, params={"table": "users"}, hitl=points, answers=[False])
    assert refused.result is False, "refusing needs no word"
    played.replay()


def test_a_point_may_want_several_people() -> None:
    points = {"p": {"type": "approval", "message": "?", "approvals": 2}}
    played = play('return Human.approve("p")', hitl=points, answers=[{"approved": True, "by": "ann"}], upto="never")
    assert played.status == "WAITING_FOR_HUMAN"
    request = played.operator.inbox()[0].id
    with pytest.raises(Refused, match=r"ann has answered request .* already; it wants 2 people"):
        played.operator.answer(request, Given(approved=True), by="ann")
    played.go_on(answers=[{"approved": True, "by": "bob"}])
    assert played.result is True
    assert played.events(Responded)[0].by == "ann, bob"
    played.replay()


def test_one_refusal_is_enough_where_several_are_asked() -> None:
    points = {"p": {"type": "approval", "message": "?", "approvals": 3}}
    answers = [{"approved": True, "by": "ann"}, {"approved": False, "by": "bob"}]
    played = play('return Human.approve("p")', hitl=points, answers=answers)
    assert played.result is False
    played.replay()


def test_a_point_may_want_somebody_else_than_who_started_the_run() -> None:
    points = {"p": {"type": "approval", "message": "?", "not_starter": True}}
    played = play('return Human.approve("p")', hitl=points, upto="WAITING_FOR_HUMAN")
    request = played.operator.inbox()[0].id
    with pytest.raises(Refused, match=r"wants somebody other than who started the run \(starter\)"):
        played.operator.answer(request, Given(approved=True))
    played.operator.answer(request, Given(approved=True), by="ann")
    assert played.go_on().result is True
    played.replay()


def test_a_declared_default_that_is_no_option_raises_at_the_call() -> None:
    points = {"p": {"type": "review", "message": "?", "options": ["go"], "default": "stop"}}
    played = play('Human.review("p")', hitl=points)
    assert played.error == 'play.yaml:2: Human.review: the default "stop" is not an option (Go)'
    assert (
        play('return Human.review("p", {options = {"stop"}}).decision', hitl=points, answers=["stop"]).result == "Stop"
    )


# ---- what does not fit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Human.approve{}", 'Human.approve: "message" is missing (a string)'),
        ("Human.approve()", 'Human.approve: "message" is missing (a string)'),
        (
            'Human.approve{mesage = "x"}',
            'Human.approve: unknown option "mesage"; did you mean "message"? '
            "(options: message, context, timeout, default, on_timeout, config_key)",
        ),
        (
            'Human.approve{message = "x", zzz = 1}',
            'Human.approve: unknown option "zzz" (options: message, context, timeout, default, on_timeout, config_key)',
        ),
        ("Human.approve{message = {}}", 'Human.approve: "message" must be a string, got a table'),
        (
            'Human.approve{message = "x", timeout = -1}',
            'Human.approve: "timeout" must be a number of seconds, got a number (-1)',
        ),
        (
            'Human.approve{message = "x", timeout = 1/0}',
            'Human.approve: "timeout" must be a number of seconds, got a number (inf)',
        ),
        (
            'Human.approve{message = "x", default = "yes"}',
            'Human.approve: "default" must be a boolean, got a string ("yes")',
        ),
        (
            'Human.approve{message = "x", on_timeout = "retri"}',
            'Human.approve: "on_timeout" must be one of "default", "error", "retry", got a string ("retri"); '
            'did you mean "retry"?',
        ),
        (
            'Human.approve("shp")',
            'Human.approve: no point is declared under hitl as "shp"; did you mean "ship"?',
        ),
        (
            'Human.approve{config_key = "nowhere"}',
            'Human.approve: no point is declared under hitl as "nowhere"; to ask without a point: '
            "Human.approve{message = ...}",
        ),
        ('Human.approve("name")', 'Human.approve: the point "name" is declared for Human.input'),
        ('Human.approve("ship", {}, 1)', "Human.approve takes a point's name and a table of options, got 3 arguments"),
        ("Human.approve({}, 1)", "Human.approve takes one table of options, got 2 arguments"),
        ("Human.approve(3)", "Human.approve takes a table of options, got a number (3)"),
        ('Human.approve{message = "x", context = print}', "value.context is a function"),
        ('Human.input{message = "x", multiline = 1}', 'Human.input: "multiline" must be a boolean, got a number (1)'),
        ("Human.input{}", 'Human.input: "message" is missing (a string)'),
        ('Human.review{message = "x", options = "a"}', 'Human.review: "options" must be a list, got a string ("a")'),
        (
            'Human.review{message = "x", options = {3}}',
            "Human.review: an option must be a name or {label, type}, got a number (3)",
        ),
        (
            'Human.review{message = "x", options = {{label = "A", type = "no"}}}',
            'Human.review: the type of an option must be "action" or "cancel", got a string ("no")',
        ),
        ('Human.review{message = "x", options = {"a", "A"}}', "Human.review: two options have the same label (A, A)"),
        (
            'Human.review{message = "x", options = {"approve", "stop"}, default = "stp"}',
            'Human.review: the default "stp" is not an option; did you mean "Stop"? (Approve, Stop)',
        ),
        ("Human.review{}", 'Human.review: "message" is missing (a string)'),
        pytest.param(
            "Human.escalate{}",
            'Human.escalate: "message" is missing (a string)',
            marks=pytest.mark.covers("Human.escalate", "error"),
        ),
        (
            'Human.escalate{message = "x", timeout = 3}',
            'Human.escalate: unknown option "timeout" (options: message, context, severity, config_key)',
        ),
        pytest.param(
            "Human.notify{}",
            'Human.notify: "message" is missing (a string)',
            marks=pytest.mark.covers("Human.notify", "error"),
        ),
        (
            'Human.notify{message = "x", level = "critical"}',
            'Human.notify: "level" must be one of "info", "warning", "error", got a string ("critical")',
        ),
        (
            'Human.notify{message = "x", details = {{content = "c"}}}',
            'Human.notify: "details" must be a list of {title, content}; item 1 is a table',
        ),
        (
            'Human.notify{message = "x", details = {"a"}}',
            'Human.notify: "details" must be a list of {title, content}; item 1 is a string ("a")',
        ),
        ('Human.notify("x")', 'Human.notify takes a table of options, got a string ("x")'),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong_and_asks_nobody(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}", hitl=POINTS, params={"what": "x"})
    assert played.result == [False, f"play.yaml:2: {message}"]
    assert played.events(Requested) == []
    assert played.events(Notified) == []
    played.replay()


@pytest.mark.covers("Human.escalate", "option config_key")
def test_an_escalation_takes_the_message_of_any_point() -> None:
    played = play('return Human.escalate("ship").note', hitl=POINTS, params={"what": "it"}, answers=["done"])
    assert played.asked[0].message == "Ship it of play?"
    assert played.result == "done"
    played.replay()


@pytest.mark.parametrize(
    ("call", "answer", "says"),
    [
        ("approve", {"text": "yes"}, "wants approval: approve it or reject it"),
        ("input", {"approved": True}, "wants a text"),
        ("input", {"text": "a\nb"}, "wants one line"),
        ("review", {"decision": "Aprove"}, 'not among the decisions .*; did you mean "Approve"'),
        ("review", {"text": "x"}, "wants a decision: Approve, Reject"),
        ("escalate", {"approved": True}, "wants a note on how it was resolved"),
        ("approve", {"approved": True, "digest": "0"}, "shows something else by now"),
        ("approve", {"approved": True, "attempt": 2}, "was asked again since"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_the_request_stays(
    call: str, answer: Mapping[str, object], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        play(f'Human.{call}{{message = "?"}}', answers=[answer])


def test_what_is_compared_in_a_replay_is_what_lua_gave_before_templates() -> None:
    played = play(
        'State.set("x", 1) Human.approve("p") State.set("x", 2) error("end")',
        hitl={"p": {"type": "approval", "message": "x is {state.x}"}},
        answers=[True],
    )
    file = played.folder / "play.yaml"
    file.write_text(file.read_text().replace("x is", "changed").replace('error("end")', "return 1"))
    played.operator.resume_edited(played.run)
    assert played.go_on().result == 1
    assert played.asked[0].message == "x is 1"
