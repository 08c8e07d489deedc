"""`Procedure`: children, which are runs of their own."""

from __future__ import annotations

import pytest
from proc_tui.core.errors import DependencyError, OutputError, ParameterError, Refused
from proc_tui.core.journal.events import AttemptBegan, Ended, MessageReceived, Requested, RunEnded, RunStarted
from proc_tui.core.testing import NOON, play

CHILDREN = {
    "double": "params: {n: {type: integer, required: true}}\ncode: return params.n * 2\n",
    "fails": 'error({code = 7, why = "bad"})',
    "fails_in_text": 'error("broken")',
    "slow": """
        params: {s: {type: number, default: 100}}
        code: |
          Stage.set('napping')
          Sleep(params.s)
          return params.s
    """,
    "asks": 'return Human.approve{message = "child asks"}',
    "together": "async: false\ncode: return 1\n",
}

# ---- run


@pytest.mark.covers("Procedure.run", "success", "option params", "replay")
def test_run_returns_what_the_child_returned() -> None:
    played = play('return {Procedure.run("double", {n = 21}), Procedure.run("together")}', workspace=CHILDREN)
    assert played.result == [42, 1]
    assert [child.run.procedure for child in played.children] == ["double", "together"]
    assert {child.run.parent for child in played.children} == {played.run.id}
    played.replay()


def test_a_child_returns_its_declared_outputs_only() -> None:
    child = "outputs: {a: {type: integer, required: true}}\ncode: return {a = 1, b = 2}\n"
    played = play('return Procedure.run("c")', workspace={"c": child})
    assert played.result == {"a": 1}
    played.replay()


@pytest.mark.parametrize(
    ("name", "error"),
    [("fails", {"code": 7, "why": "bad"}), ("fails_in_text", "fails_in_text.yaml:2: broken")],
)
@pytest.mark.covers("Procedure.run", "error", "replay")
def test_a_failed_child_raises_with_its_error(name: str, error: object) -> None:
    played = play(f'return {{pcall(Procedure.run, "{name}")}}', workspace=CHILDREN)
    assert played.result == [False, error]
    played.replay()


def test_an_uncaught_error_of_a_child_fails_the_parent_with_the_same_error() -> None:
    played = play('Procedure.run("fails_in_text")', workspace=CHILDREN)
    assert played.error == "fails_in_text.yaml:2: broken"
    ended = played.ended
    assert ended is not None
    assert ended.cause == played.fold.checkpoints.entries[-1].first
    played.replay()


def test_a_child_that_was_cancelled_raises() -> None:
    played = play('return {pcall(Procedure.run, "asks")}', workspace=CHILDREN, upto="WAITING_FOR_CHILD")
    child = played.child("asks")
    played.operator.cancel(child.run)
    played.go_on()
    assert played.result == [False, f"the child {child.run.id} was cancelled"]
    assert child.status == "CANCELLED"
    played.replay()


def test_a_child_waits_for_its_person_while_the_parent_does_other_work() -> None:
    played = play(
        """
        local h = Procedure.spawn("asks")
        local mine = Human.input{message = "parent asks"}
        return {mine, Procedure.wait(h)}
        """,
        workspace=CHILDREN,
        answers=lambda request: "text" if request.type == "input" else True,
    )
    assert played.result == ["text", True]
    assert {request.message for request in played.asked} == {"child asks", "parent asks"}
    played.replay()


# ---- finding a procedure

INLINE = """
procedures:
  helper:
    code: return "inline"
  outer:
    procedures:
      deep: {code: return "deep"}
    code: |
      return {Procedure.run("deep"), Procedure.run("helper"), Procedure.run("elsewhere")}
code: |
  return {Procedure.run("helper"), Procedure.run("outer"), pcall(Procedure.run, "deep")}
"""


def test_a_name_is_looked_up_among_the_inline_procedures_then_around_then_in_the_workspace() -> None:
    played = play(INLINE, workspace={"helper": 'return "workspace"', "elsewhere": 'return "workspace"'})
    result = played.result
    assert isinstance(result, list)
    assert result[:3] == ["inline", ["deep", "inline", "workspace"], False]
    assert 'play.yaml:10: there is no procedure "deep"' in str(result[3])
    assert [child.run.path for child in played.children if child.run.path] == [
        "helper",
        "outer",
        "outer/deep",
        "helper",
    ]
    played.replay()


def test_lines_of_an_inline_procedure_are_lines_of_the_file() -> None:
    played = play(
        'procedures:\n  inner:\n    code: |\n      local x = 1\n      error("here")\ncode: Procedure.run("inner")\n'
    )
    assert played.error == "play.yaml:5: here"


# ---- spawn and wait


@pytest.mark.covers("Procedure.spawn", "success", "option params", "replay")
@pytest.mark.covers("Procedure.wait", "success", "replay")
def test_spawn_gives_the_childs_run_id_and_wait_its_outputs() -> None:
    played = play(
        """
        local h = Procedure.spawn("double", {n = 4})
        return {h, Procedure.wait(h), Procedure.wait(h)}
        """,
        workspace=CHILDREN,
    )
    assert played.result == [played.child("double").run.id, 8, 8]
    played.replay()


def test_children_run_side_by_side() -> None:
    played = play(
        """
        local hs = {}
        for i = 1, 5 do hs[i] = Procedure.spawn("slow", {s = 100}) end
        local all = Procedure.wait_all(hs)
        local sum = 0
        for _, h in ipairs(hs) do sum = sum + all[h] end
        return sum
        """,
        workspace=CHILDREN,
    )
    assert played.result == 500.0
    assert played.clock.now() == NOON + 100
    played.replay()


@pytest.mark.parametrize("form", ["50", "{timeout = 50}"])
@pytest.mark.covers("Procedure.wait", "option timeout")
def test_a_wait_that_takes_too_long_raises_and_cancels_nothing(form: str) -> None:
    played = play(
        f"""
        local h = Procedure.spawn("slow")
        local t = os.time()
        local ok, why = pcall(Procedure.wait, h, {form})
        State.set("waited", os.time() - t)
        return {{ok, why, Procedure.wait(h)}}
        """,
        workspace=CHILDREN,
    )
    handle = played.child("slow").run.id
    assert played.result == [False, f"play.yaml:4: the child {handle} did not end within 50 s; it goes on", 100.0] or (
        played.result == [False, f"the child {handle} did not end within 50 s; it goes on", 100.0]
    )
    assert played.fold.state.values == {"waited": 50}
    played.replay()


def test_the_deadline_of_a_wait_holds_while_nothing_runs() -> None:
    played = play(
        'local h = Procedure.spawn("asks") return {pcall(Procedure.wait, h, 50)}',
        workspace=CHILDREN,
        upto="WAITING_FOR_CHILD",
    )
    played.clock.advance(1000)
    played.go_on()
    assert isinstance(played.result, list)
    assert played.result[0] is False
    played.replay()


@pytest.mark.covers("Procedure.wait", "error")
def test_wait_raises_the_error_of_a_child_that_failed() -> None:
    played = play('local h = Procedure.spawn("fails") return {pcall(Procedure.wait, h)}', workspace=CHILDREN)
    assert played.result == [False, {"code": 7, "why": "bad"}]
    played.replay()


@pytest.mark.covers("Procedure.wait_any", "success", "replay")
def test_wait_any_gives_the_first_in_list_order_among_those_that_have_ended() -> None:
    played = play(
        """
        local function nap(s) return Procedure.spawn("slow", {s = s}) end
        local a, b, c = nap(30), nap(10), nap(10)
        local first, out = Procedure.wait_any({a, c, b})
        local names = {[a] = "a", [b] = "b", [c] = "c"}
        Sleep(100)
        local second = Procedure.wait_any({b, a, c})
        local third = Procedure.wait_any({c, b})
        return {names[first] ~= "a", out, names[second], names[third]}
        """,
        workspace=CHILDREN,
    )
    assert played.result == [True, 10.0, "b", "c"]
    played.replay()


def test_wait_any_and_wait_all_tell_of_a_failure_instead_of_raising() -> None:
    played = play(
        """
        local bad = Procedure.spawn("fails")
        local h, outcome = Procedure.wait_any({bad})
        local good = Procedure.spawn("double", {n = 1})
        local gone = Procedure.spawn("asks")
        Procedure.cancel(gone)
        local all = Procedure.wait_all({bad, good, gone})
        return {h == bad, outcome, all[bad], all[good], all[gone].status, all[gone].success, type(all[gone].error)}
        """,
        workspace=CHILDREN,
    )
    failed = {"success": False, "error": {"code": 7, "why": "bad"}, "status": "FAILED"}
    assert played.result == [True, failed, failed, 2, "CANCELLED", False, "string"]
    played.replay()


@pytest.mark.covers("Procedure.wait_any", "option timeout")
@pytest.mark.covers("Procedure.wait_all", "option timeout", "replay")
def test_a_timeout_of_wait_any_and_wait_all_raises_and_cancels_nothing() -> None:
    played = play(
        """
        local a, b = Procedure.spawn("slow", {s = 20}), Procedure.spawn("slow", {s = 40})
        local _, any = pcall(Procedure.wait_any, {a, b}, 10)
        local _, all = pcall(Procedure.wait_all, {a, b}, {timeout = 15})
        return {any, all, Procedure.wait(a), Procedure.wait(b)}
        """,
        workspace=CHILDREN,
    )
    result = played.result
    assert isinstance(result, list)
    assert str(result[0]).endswith("none of the 2 children ended within 10 s; they go on")
    assert str(result[1]).endswith("not all of the 2 children ended within 15 s; they go on")
    assert result[2:] == [20.0, 40.0]
    played.replay()


@pytest.mark.covers("Procedure.wait_all", "success")
def test_wait_all_of_nothing_is_an_empty_table() -> None:
    played = play("return Procedure.wait_all({})")
    assert played.result == {}
    played.replay()


def test_the_same_child_may_stand_twice_in_a_list() -> None:
    played = play(
        """
        local h = Procedure.spawn("double", {n = 2})
        return {Procedure.wait_all({h, h})[h], select(2, Procedure.wait_any({h, h}))}
        """,
        workspace=CHILDREN,
    )
    assert played.result == [4, 4]
    played.replay()


# ---- looking at children


@pytest.mark.covers("Procedure.status", "success", "option options", "replay")
@pytest.mark.covers("Procedure.is_complete", "success", "replay")
@pytest.mark.covers("Procedure.all_complete", "success", "replay")
def test_the_status_of_a_child_follows_its_life() -> None:
    played = play(
        """
        local slow = Procedure.spawn("slow", {s = 10})
        local asks, bad = Procedure.spawn("asks"), Procedure.spawn("fails_in_text")
        Sleep(1)
        local seen = {}
        for i, h in ipairs{slow, asks, bad} do
          local status, about = Procedure.status(h, {summary = true})
          seen[i] = {status, about.stage, about.waiting_for_human, about.request and about.request.message, about.error}
        end
        local before = {Procedure.is_complete(slow), Procedure.is_complete(bad), Procedure.all_complete({slow, bad}),
                        Procedure.all_complete({bad}), Procedure.all_complete({})}
        Sleep(20)
        local status = Procedure.status(slow)
        return {seen, before, status, Procedure.is_complete(slow), Procedure.all_complete({slow, bad})}
        """,
        workspace=CHILDREN,
    )
    assert played.result == [
        [
            ["SLEEPING", "napping", False],
            {"$t": [[1, "WAITING_FOR_HUMAN"], [3, True], [4, "child asks"]]},
            {"$t": [[1, "FAILED"], [3, False], [5, "fails_in_text.yaml:2: broken"]]},
        ],
        [False, True, False, True, True],
        "COMPLETED",
        True,
        True,
    ]
    played.replay()


def test_states_that_the_language_does_not_name_are_shown_as_running() -> None:
    played = play(
        'local h = Procedure.spawn("parent") Sleep(1) return Procedure.status(h)',
        workspace={**CHILDREN, "parent": 'Procedure.run("asks")'},
    )
    assert played.result == "RUNNING"


@pytest.mark.slow
def test_polling_waits_after_a_hundred_unchanged_answers() -> None:
    played = play(
        """
        local h, waits, t = Procedure.spawn("slow", {s = 5}), {}, nil
        Sleep(1)
        for i = 1, 104 do
          t = os.time()
          if Procedure.is_complete(h) then break end
          if os.time() > t then waits[#waits + 1] = i end
        end
        Sleep(10)
        for _ = 1, 110 do Procedure.is_complete(h) end
        return {waits = waits, clock = os.clock()}
        """,
        workspace=CHILDREN,
    )
    assert played.result == {"waits": [102, 103, 104], "clock": 14.0}, (
        "what has ended changes no more, and is not waited for"
    )
    assert played.fold.polls.unchanged == 109
    played.replay()


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    ["Procedure.is_complete(h)", "Procedure.all_complete({done, h})", 'Procedure.status(h) == "COMPLETED"'],
)
def test_a_poll_ends_soon_after_its_child(question: str) -> None:
    played = play(
        f"""
        local done, h = Procedure.spawn("double", {{n = 1}}), Procedure.spawn("slow", {{s = 5.5}})
        Procedure.wait(done)
        while not ({question}) do end
        """,
        workspace=CHILDREN,
    )
    assert NOON + 5.5 <= played.clock.now() <= NOON + 6.5
    assert len(played.events(Ended)) < 450


@pytest.mark.slow
def test_polls_of_several_children_in_turn_are_throttled_too_and_a_sleep_ends_the_row() -> None:
    played = play(
        """
        local a, b = Procedure.spawn("slow"), Procedure.spawn("slow")
        Sleep(1)
        for _ = 1, 51 do Procedure.is_complete(a) Procedure.is_complete(b) end
        local before = os.clock()
        Procedure.is_complete(a)
        local after = os.clock()
        Sleep(1)
        for _ = 1, 10 do Procedure.is_complete(a) end
        return {before, after, os.clock()}
        """,
        workspace=CHILDREN,
    )
    assert played.result == [1.0, 2.0, 3.0]
    played.replay()


# ---- talking to children


@pytest.mark.covers("Procedure.inject", "success", "replay")
def test_a_message_reaches_the_child_at_its_next_operation() -> None:
    played = play(
        """
        local h = Procedure.spawn("slow")
        Sleep(1)
        local sent = Procedure.inject(h, "hurry")
        Procedure.wait(h)
        return {sent, Procedure.inject(h, "too late")}
        """,
        workspace={**CHILDREN, "slow": "Sleep(10) State.set('a', 1)"},
    )
    assert played.result == [True, False]
    child = played.child("slow")
    assert child.events(MessageReceived) == [MessageReceived("hurry", f"run {played.run.id}")]
    kinds = [record.event.kind for record in child.records]
    assert kinds[kinds.index("message.received") + 1] == "state.set"
    played.replay()


def test_a_hundred_messages_may_wait_undelivered() -> None:
    played = play(
        """
        local h = Procedure.spawn("asks")
        Sleep(1)
        local sent = 0
        for i = 1, 103 do if Procedure.inject(h, "m" .. i) then sent = sent + 1 end end
        return sent
        """,
        workspace=CHILDREN,
    )
    assert played.result == 100
    with pytest.raises(Refused, match="100 messages wait undelivered"):
        played.operator.send(played.child("asks").run, "one more")


@pytest.mark.covers("Procedure.cancel", "success", "replay")
def test_cancel_ends_a_child_with_its_children_and_their_requests() -> None:
    played = play(
        """
        local h = Procedure.spawn("parent")
        Sleep(1)
        return {Procedure.cancel(h), Procedure.cancel(h), (Procedure.status(h))}
        """,
        workspace={**CHILDREN, "parent": 'Procedure.run("asks")'},
    )
    assert played.result == [True, False, "CANCELLED"]
    assert [child.status for child in played.children] == ["CANCELLED", "CANCELLED"]
    assert played.operator.inbox() == []
    assert played.child("asks").events(RunEnded)[0].by == f"run {played.run.id}"
    played.replay()


def test_cancelling_a_parent_cancels_its_children() -> None:
    played = play('Procedure.spawn("asks") Procedure.spawn("slow") Sleep(9)', workspace=CHILDREN, upto="SLEEPING")
    played.operator.cancel(played.run)
    assert {run.status for run in played.operator.runs()} == {"CANCELLED"}
    assert played.operator.inbox() == []
    played.go_on()
    assert played.clock.now() == NOON


@pytest.mark.parametrize("end", ["return 1", 'error("x")'])
def test_children_go_on_after_their_parent_ended(end: str) -> None:
    played = play(f'Procedure.spawn("asks") {end}', workspace=CHILDREN, upto="never")
    assert played.status.ended
    child = played.child("asks")
    assert child.status == "WAITING_FOR_HUMAN"
    played.go_on(answers=[True])
    assert child.result is True


# ---- depth


def test_procedures_nest_as_deep_as_max_depth_allows_and_no_deeper() -> None:
    nested = 'return {Procedure.run("down")}'
    played = play("max_depth: 3\ncode: return {Procedure.run('down')}\n", workspace={"down": nested})
    assert "may nest at most" in played.error
    assert max(child.run.depth for child in played.children) == 3
    played.replay()


def test_max_depth_of_nothing_allows_no_child() -> None:
    played = play("max_depth: 0\ncode: return {pcall(Procedure.spawn, 'double', {n = 1})}\n", workspace=CHILDREN)
    assert isinstance(played.result, list)
    assert str(played.result[1]).endswith('cannot start "double": procedures may nest at most 0 deep here (max_depth)')
    assert played.children == []
    played.replay()


def test_a_childs_own_max_depth_limits_what_is_below_it() -> None:
    played = play(
        "return {pcall(Procedure.run, 'middle')}",
        workspace={**CHILDREN, "middle": "max_depth: 0\ncode: Procedure.run('double', {n = 1})\n"},
    )
    assert isinstance(played.result, list)
    assert played.result[0] is False
    played.replay()


# ---- restart


@pytest.mark.covers("Procedure.restart", "success", "option params", "replay")
def test_restart_begins_anew_with_a_fresh_journal_under_the_same_id() -> None:
    played = play(
        """
        params: {n: {type: integer, default: 0}, keep: {type: string, default: k}}
        code: |
          State.increment("seen")
          Log.info("attempt " .. params.n)
          Step.run("work", function() return params.n end)
          Sleep(10)
          if params.n < 3 then Procedure.restart({n = params.n + 1}) end
          return {n = params.n, keep = params.keep, seen = State.get("seen")}
        """
    )
    assert played.result == {"n": 3, "keep": "k", "seen": 1}
    assert played.run.attempt == 4
    assert played.log == ["attempt 3"]
    assert [event.params for event in played.events(AttemptBegan)] == [{"n": 3, "keep": "k"}]
    assert played.clock.now() == NOON + 40
    played.replay()


def test_earlier_attempts_stay_readable() -> None:
    played = play(
        """
        params: {n: {type: integer, default: 1}}
        code: |
          Log.info('a' .. params.n)
          if params.n == 1 then Procedure.restart{n = 2} end
        """
    )
    assert [record.event.kind for record in played.records] == ["run.started", "attempt.began", "logged", "run.ended"]
    earlier = played.operator.records(played.run, at=2)
    assert [record.event.kind for record in earlier] == ["run.started", "logged"]
    assert played.log == ["a2"]


def test_restart_without_params_keeps_those_of_this_attempt() -> None:
    played = play(
        """
        params: {n: {type: integer, required: true}}
        code: |
          if not File.exists("mark") then File.write("mark", "x") Procedure.restart() end
          return params.n
        """,
        params={"n": 7},
    )
    assert played.result == 7
    assert played.run.attempt == 2
    played.replay()


def test_random_numbers_of_two_attempts_differ_and_the_clock_begins_anew() -> None:
    played = play("""
        params: {n: {type: integer, default: 1}, r: {type: integer, default: 0}}
        code: |
          local r = math.random(1 << 60)
          Sleep(10)
          if params.n == 1 then Procedure.restart{n = 2, r = r} end
          return {r ~= params.r, os.clock()}
    """)
    assert played.result == [True, 10.0]
    played.replay()


@pytest.mark.covers("Procedure.restart", "error")
def test_restart_checks_the_new_params_and_an_error_can_be_caught() -> None:
    played = play("""
        params: {n: {type: integer}}
        code: return {pcall(Procedure.restart, {n = "x", m = 1})}
    """)
    assert isinstance(played.result, list)
    assert played.result[0] is False
    message = str(played.result[1])
    assert 'parameter "n"' in message
    assert '"m"' in message
    assert played.run.attempt == 1
    played.replay()


# ---- what does not fit

PARAMS_OF_DOUBLE = 'double: parameter "n" is required (an integer) and was not given'


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('Procedure.run("dobule")', 'there is no procedure "dobule" in {folder}; did you mean "double"?'),
        ('Procedure.run("double")', PARAMS_OF_DOUBLE),
        ('Procedure.run("double", {n = 1, m = 2})', 'double: parameter "m" is not declared; declared are n'),
        ('Procedure.run("double", 3)', 'Procedure.run: "params" must be a table with string keys, got a number (3)'),
        ('Procedure.run("double", {1})', 'Procedure.run: "params" must be a table with string keys, got a table'),
        ("Procedure.run()", 'Procedure.run: "name" is missing (a string)'),
        pytest.param(
            'Procedure.spawn("together")',
            '"together" declares async: false, so it cannot be spawned; use Procedure.run',
            marks=pytest.mark.covers("Procedure.spawn", "error"),
        ),
        pytest.param(
            'Procedure.status("nobody")',
            'unknown handle "nobody"',
            marks=pytest.mark.covers("Procedure.status", "error"),
        ),
        (
            "Procedure.status(h, {sumary = true})",
            'Procedure.status: unknown option "sumary"; did you mean "summary"? (options: summary)',
        ),
        ('Procedure.wait("nobody")', 'unknown handle "nobody"'),
        (
            "Procedure.wait(h, -1)",
            'Procedure.wait: "timeout" must be a number of seconds, or {timeout = seconds}, got a number (-1)',
        ),
        (
            "Procedure.wait(h, {timeot = 1})",
            'Procedure.wait: "timeout" has the unknown option "timeot" (options: timeout)',
        ),
        pytest.param(
            "Procedure.wait_any({})",
            "Procedure.wait_any: the list of handles is empty",
            marks=pytest.mark.covers("Procedure.wait_any", "error"),
        ),
        ("Procedure.wait_any(h)", 'Procedure.wait_any: "handles" must be a list, got a string ("{h}")'),
        pytest.param(
            "Procedure.wait_all({h, 3})",
            "Procedure.wait_all: handle 2 must be a string, got a number (3)",
            marks=pytest.mark.covers("Procedure.wait_all", "error"),
        ),
        ('Procedure.wait_all({h, "nobody"})', 'unknown handle "nobody"'),
        pytest.param(
            'Procedure.is_complete("nobody")',
            'unknown handle "nobody"',
            marks=pytest.mark.covers("Procedure.is_complete", "error"),
        ),
        pytest.param(
            "Procedure.all_complete()",
            'Procedure.all_complete: "handles" is missing (a list)',
            marks=pytest.mark.covers("Procedure.all_complete", "error"),
        ),
        ('Procedure.all_complete({"nobody"})', 'unknown handle "nobody"'),
        pytest.param(
            'Procedure.inject("nobody", "x")',
            'unknown handle "nobody"',
            marks=pytest.mark.covers("Procedure.inject", "error"),
        ),
        ("Procedure.inject(h)", 'Procedure.inject: "message" is missing (a string)'),
        pytest.param(
            'Procedure.cancel("nobody")',
            'unknown handle "nobody"',
            marks=pytest.mark.covers("Procedure.cancel", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong_and_starts_nothing(call: str, message: str) -> None:
    played = play(
        f"""
        local h = Procedure.spawn("double", {{n = 1}})
        return {{pcall(function() {call} end)}}
    """,
        workspace=CHILDREN,
    )
    handle = played.child("double").run.id
    assert isinstance(played.result, list)
    says = message.replace("{folder}", str(played.folder)).replace("{h}", handle)
    found = str(played.result[1])
    assert (played.result[0], found[: len(says) + 13]) == (False, f"play.yaml:3: {says}")
    assert len(played.children) == 1
    played.replay()


def test_the_run_of_somebody_else_is_no_handle() -> None:
    played = play('Human.approve{message = "?"}', upto="WAITING_FOR_HUMAN")
    (played.folder / "other.yaml").write_text(
        "name: other\nversion: '1'\nparams: {h: {type: string}}\ncode: return {pcall(Procedure.cancel, params.h)}\n"
    )
    other = played.operator.start("other", {"h": played.run.id})
    played.go_on()
    ended = played.operator.fold(played.operator.run(other.id)).ended
    assert ended is not None
    assert isinstance(ended.result, list)
    assert "is not a child of this run" in str(ended.result[1])
    assert played.status == "WAITING_FOR_HUMAN"


def test_handles_are_the_same_when_the_run_is_played_again_from_its_journal() -> None:
    played = play('local h = Procedure.spawn("double", {n = 1}) Sleep(1) return h', workspace=CHILDREN)
    assert played.events(Ended)[0].values == [played.result]
    assert played.child("double").events(RunStarted)[0].parent == played.run.id
    played.replay()


# ---- params, outputs, guards, dependencies: checked before the code starts


def test_every_problem_of_the_params_is_listed() -> None:
    document = """
        params:
          n: {type: integer, required: true}
          kind: {type: string, enum: [a, b]}
          ok: {type: boolean, default: true}
        code: return params
    """
    with pytest.raises(ParameterError) as raised:
        play(document, params={"kind": "c", "ok": "yes", "m": 1})
    lines = str(raised.value).splitlines()
    assert len(lines) == 4
    assert play(document, params={"n": 3.0}).result == {"n": 3, "ok": True}


def test_outputs_that_do_not_fit_fail_the_run_with_all_reasons_and_keep_what_was_returned() -> None:
    played = play("outputs: {a: {type: string, required: true}, b: {type: integer}}\ncode: return {b = 'x', c = 1}\n")
    assert len(played.error.splitlines()) == 2
    ended = played.ended
    assert ended is not None
    assert (ended.code, ended.returned) == (OutputError.code, {"b": "x", "c": 1})
    played.replay()


def test_an_empty_table_is_an_empty_array_where_one_is_declared() -> None:
    played = play("outputs: {a: {type: array, required: true}, o: {type: object}}\ncode: return {a = {}, o = {}}\n")
    assert played.result == {"a": [], "o": {}}
    played.replay()


def test_a_procedure_returns_its_first_value() -> None:
    played = play("return 1, 2, 3")
    assert played.result == 1
    assert play("local x = 1").result is None


GUARDED = """
params: {n: {type: integer, default: 1}}
guards:
  - return params.n > 0, "n must be positive"
  - |
    if not File.exists("gate.txt") then return false, "no gate" end
    return State.get("x") == nil
code: return {params.n, File.read("gate.txt")}
"""


def test_guards_may_read_files_are_evaluated_once_and_their_verdict_is_recorded() -> None:
    played = play(GUARDED, workspace={"gate.txt": "open"})
    assert played.result == [1, "open"]
    guards = [event for event in played.events(Ended) if event.op == "guard"]
    assert [(event.name, event.values) for event in guards] == [
        ("guard#1", [True, "n must be positive"]),
        ("guard#2", [True]),
    ]
    (played.folder / "gate.txt").unlink()
    played.replay()


@pytest.mark.parametrize(("n", "says"), [(0, "n must be positive"), (1, "no gate")])
def test_a_guard_that_refuses_fails_the_run_with_its_reason(n: int, says: str) -> None:
    played = play(GUARDED, params={"n": n})
    assert played.error == says
    assert played.ended is not None
    assert played.ended.code == "RUN-004"
    played.replay()


def test_a_refused_run_can_be_resumed_when_the_reason_is_gone() -> None:
    played = play(GUARDED)
    (played.folder / "gate.txt").write_text("now")
    played.operator.resume(played.run)
    assert played.go_on().result == [1, "now"]
    played.replay()


@pytest.mark.parametrize(
    "code",
    [
        'State.set("a", 1)',
        'Log.info("x") Sleep(1)',
        'Human.approve{message = "x"}',
        'Procedure.run("double")',
        'Step.run("a", print)',
    ],
)
def test_a_guard_may_change_nothing(code: str) -> None:
    played = play(f"guards:\n  - |\n    {code}\n    return true\ncode: return 1\n")
    assert "a guard may use queries and File" in played.error
    assert played.fold.state.values == {}
    assert played.events(Requested) == []
    played.replay()


def test_every_missing_dependency_is_named_before_the_run_starts() -> None:
    document = "dependencies: {tools: [search, fetch], procedures: [double, gone]}\ncode: return 1\n"
    with pytest.raises(DependencyError, match=r'tool "search", tool "fetch" \(none .*; procedure "gone"'):
        play(document, workspace=CHILDREN)
    assert play("dependencies: {procedures: [double]}\ncode: return 1\n", workspace=CHILDREN).result == 1
