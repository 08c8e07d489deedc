"""`list`, `show`, `log`, `inbox`, `handover`, `export`: reading what was recorded."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
import pytest
from proc_tui.core.operator import Given, Operator
from proc_tui.core.scripted import AnswersFile
from proc_tui.tui.commands.list import _Listing


class TestList:
    def test_runs_are_grouped_by_what_they_want(self, proc: Any) -> None:
        proc("run", "gate", "-p", "timeout=3530", code=3)
        proc("run", "hello")
        proc("run", "boom", code=1)
        proc.start("nap")
        text = proc("list").stdout
        titles = [line for line in text.splitlines() if not line.startswith(" ")]
        assert titles == ["Needs you", "Running", "Recent"]
        assert "Go on?" in text
        assert "reject in 58:" in text
        assert "boom.yaml:6: it broke" in text

    def test_a_run_whose_question_is_answered_asks_no_more(self, proc: Any) -> None:
        run = proc.json("run", "gate", code=3)["run"]
        proc("answer", run, "--approve")
        text = proc("list").stdout
        assert "Needs you" not in text
        assert "answered" in text
        assert "asks" not in text
        assert "goes on when a worker drives it" in proc("answer", run, "--approve", code=2).stderr

    def test_json_has_the_promised_fields(self, proc: Any) -> None:
        proc("run", "hello")
        (row,) = proc.lines("list")
        assert list(row) == [
            "run", "procedure", "version", "status", "stage", "parent", "started_at", "updated_at", "finished_at",
            "attempt", "usage",
        ]  # fmt: skip
        assert row["started_at"].endswith("Z")

    def test_filters(self, proc: Any) -> None:
        proc("run", "hello")
        proc("run", "gate", code=3)
        assert [row["procedure"] for row in proc.lines("list", "--status", "waiting")] == ["gate"]
        assert [row["procedure"] for row in proc.lines("list", "--procedure", "hello")] == ["hello"]
        assert len(proc.lines("list", "--limit", "1")) == 1
        assert "no such runs" in proc("list", "--status", "failed").stderr

    @pytest.mark.slow
    def test_many_children_do_not_push_older_runs_out(self, proc: Any) -> None:
        proc("run", "boom", code=1)
        (proc.folder / "family.yaml").write_text(
            'name: family\nversion: 1.0.0\ncode: |\n  for number = 1, 50 do Procedure.run("hello") end\n'
        )
        proc("run", "family")
        recent = proc("list").stdout
        assert "it broke" in recent
        assert recent.count("hello") == 0

    def test_ended_runs_are_capped_and_counted(self, proc: Any) -> None:
        for _ in range(12):
            proc("cancel", proc.start("hello"))
        assert "… 2 more" in proc("list").stdout
        assert len(proc("list", "--all").stdout.splitlines()) == 13

    @pytest.mark.slow
    def test_many_waiting_runs_are_capped(self, proc: Any) -> None:
        with Operator.open(proc.folder) as operator:
            for _ in range(60):
                operator.start("gate")
        proc("resume-all")
        assert "… 10 more: proc-tui list --all" in proc("list").stdout

    def test_rows_fit_the_terminal(self, proc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        (proc.folder / "long.yaml").write_text(
            f'name: long\nversion: "1"\ncode: |\n  Human.approve{{message = "{"very " * 60}long", timeout = 99}}\n'
        )
        proc("run", "long", code=3)
        monkeypatch.setenv("COLUMNS", "80")
        shown: list[str] = []
        monkeypatch.setattr("proc_tui.tui.commands.list.say", shown.append)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        with Operator.open(proc.folder) as operator:
            _Listing(operator, everything=False).show("", operator.runs())
        assert len(click.unstyle(shown[-1])) <= 80
        assert "reject in" in shown[-1]


class TestShow:
    def test_a_waiting_run_wholly(self, proc: Any) -> None:
        run = proc.json("run", "gate", code=3)["run"]
        text = proc("show", run[:5]).stdout
        for part in (
            "gate 1.2",
            run,
            "stages",
            "ask",
            "operations",
            "approve#1",
            "open",
            "Go on?",
            "color: blue",
            "--approve",
        ):
            assert part in text

    def test_json_has_the_promised_fields(self, proc: Any) -> None:
        run = proc.json("run", "family", code=3)["run"]
        found = proc.json("show", run)
        assert {
            "params",
            "outputs",
            "error",
            "state",
            "stages",
            "checkpoints",
            "graph",
            "agents",
            "messages",
            "requests",
            "children",
        } <= set(found)
        assert [child["procedure"] for child in found["children"]] == ["child"] * 3
        assert list(found["checkpoints"][0]) == [
            "name", "operation", "line", "status", "started_at", "finished_at", "tokens", "cost",
        ]  # fmt: skip
        waiting = next(child for child in found["children"] if child["status"] == "WAITING_FOR_HUMAN")
        child = proc.json("show", waiting["run"])
        assert [item["class"] for item in child["messages"]] == ["PENDING_APPROVAL"]
        assert list(child["messages"][0]) == [
            "id", "parent", "role", "class", "agent", "content", "at", "tool", "calls",
        ]  # fmt: skip
        assert child["requests"][0]["message"] == "May the second?"

    def test_an_earlier_moment(self, proc: Any) -> None:
        run = proc.json("run", "gate", code=3)["run"]
        proc("answer", run, "--approve")
        proc("resume", run)
        assert proc.json("show", run)["stages"][-1]["name"] == "done"
        at_ask = proc.json("show", run, "--at", "2")
        assert [stage["name"] for stage in at_ask["stages"]] == ["ask"]
        assert (at_ask["state"], at_ask["outputs"]) == ({}, None)
        assert "a view of the past" in proc("show", run, "--at", "2").stdout
        assert "there is no event 99" in proc("show", run, "--at", "99", code=2).stderr

    def test_an_earlier_moment_knows_nothing_of_what_came_later(self, proc: Any) -> None:
        run = proc.json("run", "gate", code=3)["run"]
        asked = int(proc.json("inbox")["request"].partition(".")[2])
        proc("answer", run, "--approve")
        proc("resume", run)
        text = proc("show", run, "--at", str(asked)).stdout
        assert "ended:" not in text
        assert "asked 0s ago" in text
        found = proc.json("show", run, "--at", str(asked))
        assert (found["status"], found["stage"], found["finished_at"]) == ("WAITING_FOR_HUMAN", "ask", None)
        assert proc.json("show", run, "--at", str(proc.json("show", run)["seq"]))["status"] == "COMPLETED"

    def test_the_word_to_type_is_part_of_the_command(self, proc: Any) -> None:
        run = proc.json("run", "danger", code=3)["run"]
        assert "--approve --confirm WORD | --reject" in proc("show", run).stdout

    def test_a_failure_shows_the_card(self, proc: Any) -> None:
        run = proc.json("run", "boom", code=1)["run"]
        text = proc("show", run).stdout
        assert "> 6 │     error(" in text
        assert f"proc-tui resume {run}" in text


class TestLog:
    def test_lines_and_json(self, proc: Any) -> None:
        run = proc.json("run", "hello")["run"]
        assert "info  greeting  {who: World}" in proc("log", run).stdout
        (line,) = proc.lines("log", run)
        assert list(line) == ["seq", "at", "level", "message", "context", "line", "kind"]
        assert (line["level"], line["message"], line["context"], line["line"]) == (
            "info",
            "greeting",
            {"who": "World"},
            6,
        )

    def test_the_last_lines_and_levels(self, proc: Any) -> None:
        (proc.folder / "chatty.yaml").write_text(
            'name: chatty\nversion: "1"\ncode: |\n  for n = 1, 5 do Log.info("n " .. n) end\n  Log.error("bad")\n'
        )
        run = proc.json("run", "chatty")["run"]
        assert [line["message"] for line in proc.lines("log", run, "-n", "2")] == ["n 5", "bad"]
        assert [line["message"] for line in proc.lines("log", run, "--level", "warn")] == ["bad"]
        assert proc.lines("log", run, "-n", "0") == []

    @pytest.mark.slow
    def test_followed_to_the_end_of_the_run(self, proc: Any) -> None:
        run = proc.start("gate")
        following = proc.background("log", run, "-f")
        proc("resume", run, code=3)
        proc("answer", run, "--approve")
        proc("resume", run)
        output, _ = following.communicate(timeout=30)
        assert following.returncode == 0
        assert "completed" in output


class TestInbox:
    def test_requests_and_json(self, proc: Any) -> None:
        proc("run", "gate", code=3)
        proc("run", "review", code=3)
        text = proc("inbox").stdout
        assert "Go on?" in text
        assert "│ second line" in text
        assert "--decision Approve|'Send back'|Reject" in text
        rows = {row["kind"]: row for row in proc.lines("inbox")}
        assert list(rows["review"])[:13] == [
            "request", "run", "procedure", "kind", "message", "context", "options", "artifact", "artifact_type",
            "placeholder", "default", "asked_at", "deadline",
        ]  # fmt: skip
        assert [option["label"] for option in rows["review"]["options"]] == ["Approve", "Send back", "Reject"]
        assert rows["review"]["artifact"] == "first line\nsecond line"

    @pytest.mark.slow
    def test_answered_one_by_one_on_a_terminal(self, proc: Any, watching: Any) -> None:
        first, second = proc.start("gate"), proc.start("city")
        proc.until(lambda operator: len(operator.inbox()) == 2)
        terminal = proc.terminal("inbox", "-i", "--by", "Ada")
        terminal.expect("2 requests to answer")
        for _ in range(2):
            if terminal.expect(["approve\\? y/n", "> $"]) == 0:
                terminal.sendline("n too early")
            else:
                terminal.sendline("Oslo")
        terminal.expect("Nothing waits for a person any more")
        assert proc.finish(terminal) == 0
        proc.until(lambda operator: all(operator.run(name).status.ended for name in (first, second)))
        assert proc.json("show", first)["outputs"]["ok"] is False
        assert proc.json("show", second)["outputs"] == {"city": "Oslo"}
        assert "Ada" in proc("handover").stdout


class TestHandover:
    def test_what_ended_who_decided_and_what_waits(self, proc: Any) -> None:
        proc("run", "hello")
        proc("run", "boom", code=1)
        run = proc.json("run", "gate", code=3)["run"]
        proc("answer", run, "--approve", "--by", "Grace")
        proc("run", "city", code=3)
        proc("alert", "warning", "the disk is filling")
        text = proc("handover", "--since", "1h").stdout
        for part in (
            "4 runs started",
            "it broke",
            "Which city?",
            "Grace: approved",
            "the disk is filling",
            "1 completed",
        ):
            assert part in text
        found = proc.json("handover")
        assert [row["procedure"] for row in found["failed"]] == ["boom"]
        assert [(row["by"], row["answer"]) for row in found["decided"]] == [("Grace", "approved")]
        assert [row["procedure"] for row in found["waiting"]] == ["city"]
        assert found["alerts"][0]["level"] == "warning"

    def test_an_answer_that_was_undone_is_said(self, proc: Any) -> None:
        run = proc.json("run", "gate", code=3)["run"]
        with Operator.open(proc.folder) as operator:
            (request,) = operator.inbox()
            operator.answer(request.id, Given(approved=False), by="Ada", effective_in=60.0)
            assert operator.undo(request.id, by="Ada")
        proc("answer", run, "--approve", "--by", "Grace")
        assert "Grace: approved (after 1 answer undone)" in proc("handover").stdout
        assert [row["undone"] for row in proc.json("handover")["decided"]] == [1]

    def test_what_was_before_is_left_out(self, proc: Any) -> None:
        proc("run", "hello")
        time.sleep(0.01)
        assert "0 runs started" in proc("handover", "--since", "1ms").stdout


class TestExport:
    def test_json_holds_the_events_and_the_source(self, proc: Any) -> None:
        run = proc.json("run", "family", code=3)["run"]
        found = json.loads(proc("export", run).stdout)
        assert found["events"][0]["kind"] == "run.started"
        assert "name: family" in found["source"]
        assert [child["procedure"] for child in found["children"]] == ["child"] * 3

    def test_answers_make_a_new_run_go_the_same_way(self, proc: Any) -> None:
        run = proc.json("run", "review", code=3)["run"]
        (proc.folder / "edited.txt").write_text("better")
        proc(
            "answer",
            run,
            "--decision",
            "send back",
            "--feedback",
            "more",
            "--artifact",
            str(proc.folder / "edited.txt"),
        )
        first = proc.json("resume", run)["outputs"]
        file = proc.folder / "again.answers.yaml"
        proc("export", run, "--format", "answers", "-o", str(file))
        assert len(AnswersFile.load(file).leftover) == 1
        second = proc.json("run", "review", "--answers", str(file))["outputs"]
        assert {**first, "responded_at": 0} == {**second, "responded_at": 0}

    def test_html_is_escaped_and_has_nothing_active(self, proc: Any) -> None:
        (proc.folder / "html.yaml").write_text(
            'name: html\nversion: "1"\ncode: |\n  Log.info("<script>alert(1)</script>")\n  return "<b>bold</b>"\n'
        )
        run = proc.json("run", "html")["run"]
        text = proc("export", run, "--format", "html").stdout
        assert "<script" not in text
        assert "&lt;b&gt;bold" in text

    def test_a_file_is_overwritten_only_when_that_is_asked_for(self, proc: Any) -> None:
        run = proc.json("run", "hello")["run"]
        file = proc.folder / "out.json"
        proc("export", run, "-o", str(file))
        before = file.read_text()
        assert "exists already" in proc("export", run, "-o", str(file), code=2).stderr
        assert file.read_text() == before
        proc("export", run, "--format", "html", "-o", str(file), "--force")
        assert file.read_text().startswith("<!doctype html>")
