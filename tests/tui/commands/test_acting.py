"""`answer`, `send`, `stop`, `cancel`, `resume`, `reset`, `fork`, `watch`, `alert`: changing what goes on."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from proc_tui.tui.memory import Memory


def waiting(proc: Any, name: str) -> str:
    return proc.json("run", name, code=3)["run"]


class TestAnswer:
    def test_a_request_or_the_only_one_of_a_run(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        result = proc("answer", run[:6], "--approve", "--feedback", "fine")
        assert "proc-tui resume" in result.stderr
        assert proc.json("resume", run)["outputs"]["ok"] is True

    def test_the_name_of_a_procedure_means_its_only_run_or_its_only_request(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        assert run in proc("show", "gate").stdout
        proc("answer", "gate", "--approve")
        assert proc.json("resume", "gate")["run"] == run
        other = waiting(proc, "gate")
        assert proc.json("answer", "gate", "--approve")["run"] == other

    def test_a_name_that_means_several_lists_them_and_does_nothing(self, proc: Any) -> None:
        names = {waiting(proc, "gate"), waiting(proc, "gate")}
        for command in (["cancel", "gate"], ["answer", "gate", "--approve"]):
            told = proc(*command, code=2).stderr
            assert all(name in told for name in names)
        assert "Go on?" in proc("answer", "gate", "--approve", code=2).stderr
        assert len(proc.lines("inbox")) == 2

    def test_a_run_is_answered_although_it_is_a_child_of_it_that_asks(self, proc: Any) -> None:
        (proc.folder / "outer.yaml").write_text(
            'name: outer\nversion: "1"\ncode: |\n  return Procedure.run("gate", {})\n'
        )
        run = waiting(proc, "outer")
        for command in ("status", "show"):
            told = proc(command, run).stdout
            assert "Go on?; proc-tui answer" in told, told
        assert "--approve | --reject" in proc("answer", run, code=2).stderr
        assert proc.json("answer", run, "--approve")["run"] != run
        assert proc.json("resume", run)["outputs"]["ok"] is True

    def test_the_name_that_was_given_in_the_interface_holds_here_too(self, proc: Any) -> None:
        Memory(proc.folder).keep_name("Grace")
        run = proc.json("run", "gate", code=3)["run"]
        proc("answer", run, "--approve")
        assert [row["by"] for row in proc.json("handover")["decided"]] == ["Grace"]

    def test_json_says_what_was_taken(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        found = proc.json("answer", run, "--reject", "--by", "Ada")
        assert (found["run"], found["resolved"], found["by"]) == (run, True, "Ada")

    def test_the_second_answer_is_told_who_was_first(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        request = proc.lines("inbox")[0]["request"]
        proc("answer", request, "--approve", "--by", "Ada")
        assert "was answered by Ada" in proc("answer", request, "--reject", code=2).stderr
        assert proc.json("answer", request, "--reject", code=2)["error"]["code"] == "OPR-003"
        assert "waits for nobody" in proc("answer", run, "--reject", code=2).stderr

    @pytest.mark.parametrize(
        ("name", "args", "says"),
        [
            ("gate", ["--text", "yes"], "is an approval: --text does not fit"),
            ("city", ["--approve"], "is an input: --approve or --reject does not fit"),
            ("review", ["--decision", "aprove"], 'did you mean "Approve"?'),
            ("review", ["--approve", "--artifact", "none.txt"], "cannot read the artifact"),
            ("danger", ["--approve"], 'type "prod"'),
            ("danger", ["--approve", "--confirm", "dev"], 'type "prod"'),
        ],
    )
    def test_what_does_not_fit_is_refused_and_nothing_is_lost(
        self, proc: Any, name: str, args: list[str], says: str
    ) -> None:
        run = waiting(proc, name)
        assert says in proc("answer", run, *args, code=2).stderr
        assert len(proc.lines("inbox")) == 1

    def test_a_text_comes_from_standard_input(self, proc: Any) -> None:
        run = waiting(proc, "city")
        proc("answer", run, "--text", "-", input="Oslo\n")
        assert proc.json("resume", run)["outputs"] == {"city": "Oslo"}

    def test_programs_that_agents_start_are_refused(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        run = waiting(proc, "gate")
        monkeypatch.setenv("PROC_TUI_TOOL", "1")
        assert "people answer requests" in proc("answer", run, "--approve", code=2).stderr
        assert len(proc.lines("inbox")) == 1


def test_a_message_and_a_stop_arrive_at_the_next_operation(proc: Any) -> None:
    run = waiting(proc, "gate")
    proc("send", run, "hello there")
    proc("stop", run, "--reason", "enough")
    assert "2 messages not delivered" in proc("show", run).stdout
    proc("answer", run, "--approve")
    proc("resume", run)
    assert "hello there" in [item["content"] for item in proc.json("show", run)["messages"]]


def test_cancelling_ends_a_run_with_its_children(proc: Any) -> None:
    run = waiting(proc, "family")
    assert "1 child cancelled" in proc("cancel", run).stderr
    assert proc.lines("inbox") == []
    assert "has ended" in proc("cancel", run, code=2).stderr
    assert "it can be forked" in proc("resume", run, code=2).stderr
    assert "cannot be sent a message" in proc("send", run, "x", code=2).stderr


class TestResume:
    def test_a_failed_run_goes_on_without_repeating_what_is_recorded(self, proc: Any) -> None:
        run = proc.json("run", "boom", code=1)["run"]
        (proc.folder / "mended").touch()
        # The recorded look at the file stays as it was; a reset of it looks again.
        proc("resume", run, code=1)
        assert proc.json("reset", run, "--after", "file.exists#1", "--yes")["forgotten"] == ["file.exists#1"]
        assert proc.json("resume", run)["outputs"] == "mended"

    def test_the_edited_text(self, proc: Any) -> None:
        run = proc.json("run", "boom", code=1)["run"]
        file = proc.folder / "boom.yaml"
        file.write_text(file.read_text().replace('error("it broke")', 'Log.info("no matter")'))
        found = proc.json("resume", run, "--edited")
        assert (found["status"], found["outputs"]) == ("COMPLETED", "mended")

    def test_a_difference_is_shown_with_both_sides_and_cut_only_when_asked(self, proc: Any) -> None:
        run = proc.json("run", "boom", code=1)["run"]
        file = proc.folder / "boom.yaml"
        file.write_text(
            file.read_text().replace('Step.run("fine"', 'Step.run("other"').replace('error("it broke")', "")
        )
        result = proc("resume", run, "--edited", code=2)
        assert "fine" in result.stderr
        assert "other" in result.stderr
        error = proc.json("resume", run, "--edited", code=2)["error"]
        assert error["code"] == "RUN-010"
        assert error["recorded"]["line"] == error["asked"]["line"] == 4
        assert proc.json("show", run)["status"] == "FAILED"
        assert proc.json("resume", run, "--edited", "--cut")["outputs"] == "mended"

    def test_a_completed_run_is_never_run_again(self, proc: Any) -> None:
        run = proc.json("run", "hello")["run"]
        assert "it can be forked" in proc("resume", run, code=2).stderr

    def test_all_that_can_go_on_does(self, proc: Any) -> None:
        runs = [proc.start("hello"), proc.start("gate"), proc.start("hello")]
        result = proc("resume-all")
        assert "2 runs ended, 1 run waiting for a person" in result.stderr
        states = {row["run"]: row["status"] for row in proc.lines("list")}
        assert [states[run] for run in runs] == ["COMPLETED", "WAITING_FOR_HUMAN", "COMPLETED"]

    def test_all_failed_ones_only_when_asked(self, proc: Any) -> None:
        proc("run", "boom", code=1)
        assert "0 runs ended" in proc("resume-all").stderr
        assert "1 run ended" in proc("resume-all", "--failed", code=1).stderr
        assert "no run of hello" in proc("resume-all", "--procedure", "hello").stderr


class TestReset:
    def test_what_it_means_is_shown_and_it_must_be_said_twice(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        result = proc("reset", run, code=2)
        assert "withdrawn:   1 request" in result.stderr
        assert "--yes" in result.stderr
        assert len(proc.lines("inbox")) == 1
        assert "begins attempt 2" in proc("reset", run, "--yes").stderr
        assert proc.lines("inbox") == []
        assert proc.json("show", run)["attempt"] == 2

    @pytest.mark.slow
    def test_on_a_terminal_it_asks(self, proc: Any) -> None:
        run = waiting(proc, "gate")
        terminal = proc.terminal("reset", run)
        terminal.expect("reset it\\?")
        terminal.sendline("n")
        terminal.expect("nothing was changed")
        assert proc.finish(terminal) == 1
        assert len(proc.lines("inbox")) == 1

    def test_after_a_checkpoint(self, proc: Any) -> None:
        run = waiting(proc, "danger")
        assert 'did you mean "approve#1"?' in proc("reset", run, "--after", "aprove#1", "--yes", code=2).stderr
        proc("answer", run, "--approve", "--confirm", "prod")
        proc("resume", run, code=3)
        found = proc.json("reset", run, "--after", "approve#1", "--yes")
        assert (found["forgotten"], len(found["withdrawn"]), found["attempt"]) == (["approve#1"], 1, 2)

    def test_an_ended_run_is_refused(self, proc: Any) -> None:
        run = proc.json("run", "hello")["run"]
        assert "it can be forked" in proc("reset", run, "--yes", code=2).stderr


def test_a_fork_is_a_new_run(proc: Any) -> None:
    run = proc.json("run", "hello", "-p", "who=Ada")["run"]
    new = proc("fork", run).stdout.strip()
    assert new != run
    assert proc.json("resume", new)["outputs"] == {"greeting": "Hello, Ada!"}
    assert proc.json("show", run)["status"] == "COMPLETED"


class TestWatch:
    def test_once_drives_what_is_due_and_says_what_happened(self, proc: Any) -> None:
        run, gate = proc.start("hello"), proc.start("gate")
        text = proc("watch", "--once").stdout
        assert f"{run} hello completed" in text
        assert f"{gate} gate asks (approval {gate}." in text
        assert "watch" not in proc("watch", "--once").stdout

    def test_json_is_a_line_for_each_event(self, proc: Any) -> None:
        run = proc.start("hello")
        rows = proc.lines("watch", "--once")
        assert [(row["run"], row["event"]) for row in rows] == [(run, "run.ended")]

    @pytest.mark.slow
    def test_one_process_watches_and_another_answers(self, proc: Any, watching: Any) -> None:
        run = proc.start("gate")
        request = proc.until(lambda operator: operator.inbox())[0]
        result = proc("answer", request.id, "--approve", "--by", "Grace")
        assert "it goes on now" in result.stderr
        proc.until(lambda operator: operator.run(run).status.ended)
        proc("alert", "critical", "look here")
        watching.send_signal(signal.SIGTERM)
        output, _ = watching.communicate(timeout=30)
        assert watching.returncode == 0
        for part in (f"{run} gate asks", "Grace answered", "completed", "let go"):
            assert part in output

    @pytest.mark.slow
    def test_let_go_of_runs_stay_as_they_were(self, proc: Any, watching: Any) -> None:
        run = proc.start("nap")
        proc.until(lambda operator: operator.run(run).status.value == "SLEEPING")
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=30)
        assert proc.json("show", run)["status"] == "SLEEPING"

    @pytest.mark.slow
    @pytest.mark.kill
    def test_two_watchers_drive_each_run_once(self, proc: Any, watching: Any) -> None:
        other = proc.background("watch")
        try:
            runs = [proc.start("family") for _ in range(5)]
            proc.until(lambda operator: len(operator.inbox()) == 5)
            for request in proc.lines("inbox"):
                proc("answer", request["request"], "--approve")
            proc.until(lambda operator: all(operator.run(run).status.ended for run in runs))
            for run in runs:
                assert proc.json("show", run)["outputs"] == {"total": 6}
                messages = [
                    line for child in proc.json("show", run)["children"] for line in proc.lines("log", child["run"])
                ]
                assert len(messages) == 3
        finally:
            other.kill()
            other.communicate()


def test_alerts_are_kept(proc: Any) -> None:
    proc("alert", "ERROR", "look", "--source", "cron")
    (alert,) = proc.json("handover")["alerts"]
    assert (alert["level"], alert["message"], alert["source"]) == ("error", "look", "cron")


def test_json_of_commands_that_act(proc: Any) -> None:
    run = waiting(proc, "gate")
    for args in (["send", run, "x"], ["stop", run], ["cancel", run], ["fork", run]):
        assert json.loads(proc(*args, "--json").stdout)["procedure"] == "gate"
