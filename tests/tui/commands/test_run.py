from __future__ import annotations

import json
import signal
import sys
from typing import Any

import pytest


def test_the_result_alone_is_on_standard_output(proc: Any) -> None:
    result = proc("run", "hello", "-p", "who=Ada")
    assert result.stdout == "greeting: Hello, Ada!\n"
    assert "info  greeting" in result.stderr
    assert "completed" in result.stderr


def test_a_file_is_run_as_well_as_a_name(proc: Any) -> None:
    assert proc("run", str(proc.folder / "hello.yaml")).stdout == "greeting: Hello, World!\n"


def test_parameters_come_from_a_file_and_the_command_line_wins(proc: Any) -> None:
    (proc.folder / "p.yaml").write_text("who: File\n")
    assert "File" in proc("run", "hello", "--params", str(proc.folder / "p.yaml")).stdout
    assert "Line" in proc("run", "hello", "--params", str(proc.folder / "p.yaml"), "-p", "who=Line").stdout
    assert "Pipe" in proc("run", "hello", "--params", "-", input='{"who": "Pipe"}').stdout
    (proc.folder / "p.yaml").write_text("- a\n")
    assert "must be a map" in proc("run", "hello", "--params", str(proc.folder / "p.yaml"), code=2).stderr
    (proc.folder / "p.yaml").write_text("a: [\n")
    assert "is not YAML or JSON: line 2" in proc("run", "hello", "--params", str(proc.folder / "p.yaml"), code=2).stderr


def test_a_file_of_parameters_in_json_is_read_as_json(proc: Any, tmp_path: Any) -> None:
    (tmp_path / "given.json").write_text(json.dumps({"who": "\U0001f600"}))
    assert (
        proc.json("run", "hello", "--params", str(tmp_path / "given.json"))["outputs"]["greeting"]
        == "Hello, \U0001f600!"
    )


def test_a_parameter_that_is_not_utf8_arrives_as_it_was_given(proc: Any) -> None:
    assert "ab�" in proc("run", "hello", "-p", "who=ab\udcff").stdout


USED = {
    "turns": 0, "input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0,
    "cost": 0.0, "unpriced": 0,
}  # fmt: skip


def test_json_is_one_object(proc: Any) -> None:
    result = proc("run", "hello", "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout) == {
        "run": json.loads(result.stdout)["run"], "procedure": "hello", "version": "1", "status": "COMPLETED",
        "outputs": {"greeting": "Hello, World!"}, "error": None, "summary": None, "request": None, "requests": [],
        "listening": [],
        "usage": USED, "total_usage": USED, "blocked": None,
    }  # fmt: skip


def test_without_a_terminal_it_stops_at_the_first_question_with_code_3(proc: Any) -> None:
    result = proc("run", "gate", code=3)
    assert result.stdout == ""
    assert "Go on?" in result.stderr
    assert "size: 3" in result.stderr
    assert "proc-tui answer" in result.stderr
    found = proc.json("run", "gate", "-p", "timeout=3600", code=3)
    assert found["status"] == "WAITING_FOR_HUMAN"
    assert found["request"] == found["requests"][0]
    assert (found["request"]["kind"], found["request"]["message"], found["request"]["context"]) == (
        "approval", "Go on?", {"size": 3},
    )  # fmt: skip
    assert found["request"]["deadline"] > found["request"]["asked_at"]


def test_it_stops_only_when_nothing_goes_on_by_itself_any_more(proc: Any) -> None:
    found = proc.json("run", "family", code=3)
    assert [item["procedure"] for item in found["requests"]] == ["child"]
    states = {row["procedure"]: row["status"] for row in proc.lines("list", "--status", "completed")}
    assert states == {"child": "COMPLETED"}


def test_log_lines_of_children_say_whose_they_are(proc: Any) -> None:
    assert "warn  [child " in proc("run", "family", code=3).stderr


def test_a_failed_run_shows_its_error_its_source_and_what_can_be_done(proc: Any) -> None:
    result = proc("run", "boom", code=1)
    assert "failed" in result.stderr
    assert "RUN-005: boom.yaml:6: it broke" in result.stderr
    assert "> 6 │     error(" in result.stderr
    assert "3 │ code: |" in result.stderr
    assert "trace:" in result.stderr
    assert "does exists" not in result.stderr
    assert "resume" in result.stderr
    assert "reset" in result.stderr
    found = proc.json("run", "boom", code=1)
    assert found["error"] == {"code": "RUN-005", "message": "boom.yaml:6: it broke", "line": 6}


def test_detached_it_only_starts(proc: Any) -> None:
    result = proc("run", "hello", "--detach")
    assert "proc-tui watch" in result.stderr
    assert proc.json("show", result.stdout.strip())["status"] == "PENDING"


class TestAnswersFile:
    def answers(self, proc: Any, text: str) -> str:
        file = proc.folder / "given.answers.yaml"
        file.write_text(text)
        return str(file)

    def test_answers_are_given_in_order(self, proc: Any) -> None:
        file = self.answers(proc, "- {approve: true, confirm: prod}\n- escalate: {note: mended}\n")
        assert proc.json("run", "danger", "--answers", file)["outputs"] == {"ok": True, "note": "mended"}

    def test_what_is_left_over_is_reported(self, proc: Any) -> None:
        file = self.answers(proc, "- Rome\n- true\n")
        result = proc("run", "city", "--answers", file)
        assert result.stdout == "city: Rome\n"
        assert f"never asked for: {file}:2" in result.stderr

    def test_a_missing_answer_stops_the_run_with_its_request(self, proc: Any) -> None:
        file = self.answers(proc, "- {approve: true, confirm: prod}\n")
        result = proc("run", "danger", "--answers", file, code=3)
        assert "Broken" in result.stderr

    def test_an_answer_that_does_not_fit_says_which_and_leaves_the_run_waiting(self, proc: Any) -> None:
        file = self.answers(proc, "- approve: true\n")
        result = proc("run", "danger", "--answers", file, code=2)
        assert f"{file}:1" in result.stderr
        assert 'type "prod"' in result.stderr
        assert [row["status"] for row in proc.lines("list")] == ["WAITING_FOR_HUMAN"]

    def test_a_request_that_is_meant_to_time_out_does(self, proc: Any) -> None:
        file = self.answers(proc, "- timeout: true\n")
        found = proc.json("run", "gate", "-p", "timeout=0.2", "--answers", file)
        assert found["outputs"] == {"ok": False, "timed_out": True}

    def test_children_are_answered_too(self, proc: Any) -> None:
        file = self.answers(proc, "- {approve: true, for: {procedure: child}}\n")
        assert proc.json("run", "family", "--answers", file)["outputs"] == {"total": 6}


@pytest.mark.slow
class TestOnATerminal:
    def test_an_approval_is_asked_and_its_answer_shown(self, proc: Any) -> None:
        terminal = proc.terminal("run", "gate")
        terminal.expect("Go on\\?")
        terminal.expect("size: 3")
        terminal.expect("approve\\? y/n")
        terminal.sendline("perhaps")
        terminal.expect('Type "y" or "n"')
        terminal.sendline("y looks fine")
        terminal.expect("ok: true")
        assert proc.finish(terminal) == 0
        (row,) = proc.lines("list")
        assert "looks fine" in proc("show", row["run"], "--json").stdout

    def test_an_input_takes_its_default_on_enter(self, proc: Any) -> None:
        terminal = proc.terminal("run", "city")
        terminal.expect("Which city\\?")
        terminal.expect("> ")
        terminal.sendline("")
        terminal.expect("city: Paris")
        assert proc.finish(terminal) == 0

    def test_a_review_is_edited_in_the_editor_and_decided_by_its_beginning(self, proc: Any) -> None:
        terminal = proc.terminal(
            "run", "review", EDITOR=f"{sys.executable} -c \"import sys; open(sys.argv[1], 'a').write(' third')\""
        )
        terminal.expect("first line")
        terminal.expect("second line")
        terminal.expect("1 Approve")
        terminal.expect("decision")
        terminal.sendline("e")
        terminal.expect("Edited")
        terminal.expect("decision")
        terminal.sendline("send")
        terminal.expect("feedback")
        terminal.sendline("not yet")
        terminal.expect("decision: Send back")
        assert proc.finish(terminal) == 0
        (row,) = proc.lines("list")
        outputs = proc.json("show", row["run"])["outputs"]
        assert outputs["edited_artifact"] == "first line\nsecond line third"
        assert outputs["feedback"] == "not yet"

    def test_a_dangerous_one_wants_its_word_and_an_escalation_a_note(self, proc: Any) -> None:
        terminal = proc.terminal("run", "danger")
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect('type "prod" to confirm')
        terminal.sendline("dev")
        terminal.expect("nothing was decided")
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect('type "prod" to confirm')
        terminal.sendline("prod")
        terminal.expect("\\[high\\]")
        terminal.expect("how was it resolved\\?")
        terminal.sendline("replaced it")
        terminal.expect("note: replaced it")
        assert proc.finish(terminal) == 0

    def test_an_answer_from_elsewhere_is_noticed_while_it_asks(self, proc: Any) -> None:
        terminal = proc.terminal("run", "gate")
        terminal.expect("approve\\? y/n")
        request = proc.until(lambda operator: operator.inbox())[0]
        proc("answer", request.id, "--reject", "--by", "Grace")
        terminal.expect("was answered by Grace")
        terminal.expect("ok: false")
        assert proc.finish(terminal) == 0

    def test_the_deadline_holds_while_it_asks(self, proc: Any) -> None:
        terminal = proc.terminal("run", "gate", "-p", "timeout=3")
        terminal.expect("reject in 0:0")
        terminal.expect("approve\\? y/n")
        terminal.send("y")
        terminal.expect("time is up")
        terminal.expect("ok: false")
        assert proc.finish(terminal) == 0

    def test_end_of_input_leaves_the_request_for_later(self, proc: Any) -> None:
        terminal = proc.terminal("run", "gate")
        terminal.expect("approve\\? y/n")
        terminal.sendeof()
        terminal.expect("left for later")
        assert proc.finish(terminal) == 3

    def test_the_line_in_place_says_what_goes_on_and_is_gone_at_the_end(self, proc: Any) -> None:
        terminal = proc.terminal("run", "nap")
        terminal.expect("nap · [a-z0-9]+ · sleeps until .* · 0?.* ms|nap · [a-z0-9]+ · sleeps until")
        terminal.sendintr()
        terminal.expect("left [a-z0-9]+ as it was recorded \\(sleeping\\)|left [a-z0-9]+ as it was recorded")
        terminal.expect("proc-tui resume")
        assert proc.finish(terminal) == 130
        assert proc.lines("list")[0]["status"] in ("SLEEPING", "PENDING")

    def test_no_colour_and_no_line_in_place_on_a_dumb_terminal(self, proc: Any) -> None:
        terminal = proc.terminal("run", "hello", TERM="dumb")
        terminal.expect("completed")
        assert proc.finish(terminal) == 0
        assert "\x1b" not in terminal.before

    def test_no_color_is_respected(self, proc: Any) -> None:
        terminal = proc.terminal("run", "boom", NO_COLOR="1")
        terminal.expect("failed")
        assert "\x1b[3" not in terminal.before
        proc.finish(terminal)

    def test_interrupted_at_a_question_the_request_stays(self, proc: Any) -> None:
        terminal = proc.terminal("run", "gate")
        terminal.expect("approve\\? y/n")
        terminal.sendintr()
        terminal.expect("left [a-z0-9]+ as it was recorded \\(waiting for human\\)")
        assert proc.finish(terminal) == 130
        assert len(proc.lines("inbox")) == 1

    def test_an_endless_computation_is_let_go_of(self, proc: Any) -> None:
        (proc.folder / "spin.yaml").write_text(
            'name: spin\nversion: "1"\ncode: |\n  Log.info("on")\n  while true do end\n'
        )
        terminal = proc.terminal("run", "spin")
        terminal.expect("spin · ")
        terminal.sendintr()
        terminal.expect("proc-tui resume")
        assert proc.finish(terminal) == 130


@pytest.mark.slow
def test_a_run_that_another_process_drives_is_followed(proc: Any, watching: Any) -> None:
    run = proc.start("gate")
    proc.until(lambda operator: operator.inbox())
    following = proc.background("resume", run, "--json")
    found, _ = following.communicate(timeout=30)
    assert json.loads(found)["status"] == "WAITING_FOR_HUMAN"
    assert following.returncode == 3


@pytest.mark.slow
def test_terminated_it_lets_go_as_with_an_interrupt(proc: Any) -> None:
    process = proc.background("run", "nap")
    proc.until(lambda operator: [run for run in operator.runs() if run.status.value == "SLEEPING"])
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "left" in output
