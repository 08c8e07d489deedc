"""Runs with agents on the command line: what is told while they go on, what is shown afterwards, what is missing."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POET = """
name: poet
version: "1"
agents:
  poet:
    system_prompt: You write.
    initial_message: Write a poem.
  critic:
    system_prompt: You judge.
    tools: [measure]
procedures:
  measure:
    params: {text: {type: string, required: true}}
    code: return {lines = 2}
code: |
  local poem = Poet.turn().content
  Critic.turn{inject = poem}
  return Critic.turn().content
"""
LISTENS = """
name: listens
version: "1"
code: |
  local said = Human.chat{message = "Who is there?"}
  local ok = Human.approve{message = "Let " .. said .. " in?"}
  return {who = said, ok = ok}
"""
SAYS = [
    {"text": "Roses are red,\nviolets are \u202eblue"},
    {"calls": [{"name": "measure", "arguments": {"text": "x"}}, {"name": "guess", "arguments": {}}]},
    {"text": "Good enough."},
]
SPENT = {"input_tokens": 30, "output_tokens": 15, "total_tokens": 45, "cost": 0.00009, "unpriced": 0}


@pytest.fixture
def configure(proc: Any) -> Callable[[str], None]:
    """Writes the workspace's configuration."""

    def configure(text: str) -> None:
        (proc.folder / ".proc-tui").mkdir(mode=0o700, exist_ok=True)
        (proc.folder / ".proc-tui" / "config.toml").write_text(text)

    return configure


@pytest.fixture
def model(proc: Any, openai_server: Any, configure: Callable[[str], None]) -> Any:
    """A server that says the poem; a token of it costs 1 or 4 millionths of a dollar."""
    (proc.folder / "poet.yaml").write_text(POET.lstrip())
    configure(f'[models.main]\nmodel = "m"\nbase_url = "{openai_server.url}"\nprice = {{input = 1, output = 4}}\n')
    openai_server.play(SAYS)
    return openai_server


@pytest.mark.slow
class TestTelling:
    def test_a_line_for_each_reply_and_each_tool_call(self, proc: Any, model: Any) -> None:
        result = proc("run", "poet")
        assert result.stdout == "Good enough.\n"
        told = [line.partition("       ")[2] for line in result.stderr.splitlines()[:-1]]
        assert told[0] == "poet: Roses are red, ⏎ violets are ‹U+202E›blue  15 tokens, <$0.0001"
        assert told[1] == "critic → measure, guess  15 tokens, <$0.0001"
        assert sorted(told[2:4]) == [
            'tool failed guess: there is no tool "guess" (tools: measure, done, stop)',
            'tool measure {text: x}: {"lines":2}',
        ]
        assert told[4].startswith("critic: Good enough.")
        assert result.stderr.splitlines()[-1].endswith("45 tokens, <$0.0001")

    def test_a_failed_reply_is_told_with_what_happens_next(self, proc: Any, model: Any) -> None:
        (proc.folder / "poet.yaml").write_text(
            POET.lstrip().replace("You write.", "You write.\n    response: {retry_delay: 0.01}")
        )
        model.play([{"status": 500, "error": {"message": "out of order"}}, *SAYS])
        result = proc("run", "poet")
        assert "warn  poet: " in result.stderr
        assert "asked again in" in result.stderr
        (run,) = proc.lines("list", "--procedure", "poet")
        assert "asked again in" in proc("log", run["run"]).stdout
        assert [line["kind"] for line in proc.lines("log", run["run"])] == ["reply.failed"]

    def test_the_log_of_all_has_replies_and_calls_and_without_it_a_hint_leads_there(
        self, proc: Any, model: Any
    ) -> None:
        run = proc.json("run", "poet")["run"]
        result = proc("log", run)
        assert result.stdout == ""
        assert f"proc-tui log {run} --all" in result.stderr
        told = [line[15:] for line in proc("log", run, "--all").stdout.splitlines()]
        assert told[1].startswith("poet: Roses are red")
        assert 'tool measure {text: x}: {"lines":2}' in told
        assert told[-1] == "completed"
        last = proc.lines("log", run, "--all", "-n", "2")
        assert [(line["kind"], line["message"].partition(" ")[0]) for line in last] == [
            ("ended", "critic:"), ("run.ended", "completed")
        ]  # fmt: skip
        (failed,) = proc.lines("log", run, "--all", "--level", "warn")
        assert failed["message"].startswith("tool failed guess")

    def test_json_counts_the_run_and_all_below_it(self, proc: Any, model: Any) -> None:
        (proc.folder / "boss.yaml").write_text('name: boss\nversion: "1"\ncode: return Procedure.run("poet", {})\n')
        found = proc.json("run", "boss")
        assert found["outputs"] == "Good enough."
        assert (found["usage"]["turns"], found["usage"]["total_tokens"], found["usage"]["cost"]) == (0, 0, 0)
        assert found["total_usage"] == {
            **SPENT, "cost": pytest.approx(0.00009), "turns": 3, "cached_tokens": 0, "reasoning_tokens": 0,
        }  # fmt: skip

    def test_the_reply_that_arrives_is_in_the_line_in_place(self, proc: Any, model: Any) -> None:
        model.play([{"text": ["Roses ", "are ", "\x1b[31mred ", "all ", "over"], "drip": 0.4}, *SAYS[1:]])
        terminal = proc.terminal("run", "poet")
        terminal.expect("poet · [a-z0-9]+ · poet: Roses are ‹U\\+001B›\\[31mred")
        terminal.expect("Good enough.")
        assert proc.finish(terminal) == 0


@pytest.mark.slow
class TestLooking:
    def test_agents_with_what_they_used_and_turns_with_what_they_cost(self, proc: Any, model: Any) -> None:
        run = proc.json("run", "poet")["run"]
        text = proc("show", run).stdout
        rows = {line.split()[0]: line.split() for line in text.partition("\nagents\n")[2].splitlines() if line.strip()}
        assert rows["critic"] == ["critic", "(default)", "2", "5", "20", "10", "0", "0", "<$0.0001"]
        assert rows["total"] == ["total", "3", "7", "30", "15", "0", "0", "<$0.0001"]
        found = proc.json("show", run)
        assert found["usage"] == {**SPENT, "cost": pytest.approx(0.00009)}
        assert [(item["agent"], item["messages"], item["usage"]["turns"]) for item in found["agents"]] == [
            ("poet", 2, 1), ("critic", 5, 2)
        ]  # fmt: skip
        turns = {item["name"]: (item["tokens"], item["cost"]) for item in found["checkpoints"]}
        assert turns["critic.turn#1"] == (15, pytest.approx(0.00003))
        assert turns["critic.reply#1"] == (None, None)

    def test_what_is_not_known_is_called_unknown(self, proc: Any, model: Any, configure: Callable[[str], None]) -> None:
        configure(f'[models.main]\nmodel = "m"\nbase_url = "{model.url}"\n')
        run = proc.json("run", "poet")["run"]
        assert "the cost of 3 replies is unknown" in proc("show", run).stdout
        found = proc.json("show", run)
        assert (found["usage"]["cost"], found["usage"]["unpriced"]) == (None, 3)
        assert found["agents"][1]["usage"]["unpriced"] == 2
        assert "cost unknown" in proc("handover").stdout

    def test_what_agents_said_is_internal_and_says_whose_it_is(self, proc: Any, model: Any) -> None:
        found = proc.json("show", proc.json("run", "poet")["run"])["messages"]
        assert {item["class"] for item in found} == {"INTERNAL"}
        assert [(item["agent"], item["role"], item["content"].partition("\n")[0]) for item in found[:3]] == [
            ("poet", "SYSTEM", "You write."), ("poet", "USER", "Write a poem."),
            ("poet", "ASSISTANT", "Roses are red,"),
        ]  # fmt: skip
        calling = next(item for item in found if item["calls"])
        assert [call["name"] for call in calling["calls"]] == ["measure", "guess"]
        told = {item["tool"]: item["content"] for item in found if item["role"] == "TOOL"}
        assert told["measure"] == '{"lines":2}'
        assert told["guess"].startswith("error: there is no tool")

    def test_listings_have_it_too(self, proc: Any, model: Any) -> None:
        run = proc.json("run", "poet")["run"]
        rows = {row["procedure"]: row["usage"] for row in proc.lines("list")}
        assert rows["poet"] == {**SPENT, "cost": pytest.approx(0.00009)}
        assert rows["measure"]["total_tokens"] == 0
        assert "<$0.0001 own" in proc("list").stdout
        assert "wrote 15 tokens (by whole quarters of an hour): <$0.0001" in proc("handover").stdout
        assert proc.json("handover")["usage"]["total_tokens"] == 45
        page = proc("export", run, "--format", "html").stdout
        assert ">Agents</h" in page
        assert "measure" in page

    def test_an_agent_reports_where_its_run_is_and_the_price_is_told(self, proc: Any, model: Any) -> None:
        run = proc.json("run", "poet")["run"]
        model.play([{"text": "All is \x1bwell."}])
        result = proc("status", run, "--summary")
        assert "so far 8 operations, 3 turns, 45 tokens, <$0.0001" in result.stdout
        assert "All is ‹U+001B›well." in result.stdout
        assert "this report used 15 tokens; cost: <$0.0001" in result.stderr
        assert proc.json("show", run)["usage"]["total_tokens"] == 45
        model.play([{"status": 401}])
        assert proc("status", run, "--summary", code=1).stderr

    def test_what_had_arrived_of_a_reply_is_shown_while_it_arrives_and_after_a_cancellation(
        self, proc: Any, model: Any
    ) -> None:
        model.play([{"text": ["Roses ", "are ", "red"], "hang": 2}])
        going = proc.background("run", "poet", "--json")
        try:
            run = proc.until(lambda operator: next((item for item in operator.runs() if operator.partial(item)), None))
            assert "the reply of poet that arrives, " in proc("show", run.id).stdout
            assert "poet replies, " in proc("status", run.id).stdout
            proc("cancel", run.id)
        finally:
            going.communicate()
        assert "the reply of poet that was cut off\n  Roses" in proc("show", run.id).stdout
        assert "poet was replying: Roses" in proc("status", run.id).stdout
        assert proc.json("show", run.id)["partial"]["text"].startswith("Roses")

    def test_a_listing_by_time_moves_a_child_in_only_below_its_parent(self, proc: Any, model: Any) -> None:
        proc("run", "poet")
        for line in proc("list", "--limit", "1").stdout.splitlines():
            assert line.split()[1] in ("poet", "measure")
            assert not line.partition(line.split()[0])[2].startswith("   ")


class TestMissing:
    @pytest.fixture(autouse=True)
    def keyless(self, proc: Any, configure: Callable[[str], None]) -> None:
        (proc.folder / "poet.yaml").write_text(POET.lstrip())
        configure('[models.main]\nmodel = "m"\n')

    def test_without_a_key_the_run_waits_for_it_and_says_what_to_set(self, proc: Any) -> None:
        result = proc("run", "poet", code=3)
        assert "blocked" in result.stderr
        assert "needs OPENAI_API_KEY" in result.stderr
        assert "proc-tui resume" in result.stderr
        found = proc.json("run", "poet", code=3)
        assert found["status"] == "BLOCKED"
        assert "OPENAI_API_KEY" in found["blocked"]

    @pytest.mark.slow
    def test_what_was_missing_before_is_not_told_again_once_it_is_there(
        self, proc: Any, monkeypatch: pytest.MonkeyPatch, openai_server: Any, configure: Callable[[str], None]
    ) -> None:
        run = proc.json("run", "poet", code=3)["run"]
        configure(f'[models.main]\nmodel = "m"\nbase_url = "{openai_server.url}"\n')
        openai_server.play(SAYS)
        result = proc("resume", run)
        assert "blocked" not in result.stderr
        assert "poet: Roses are red" in result.stderr

    def test_a_replies_file_beside_the_procedure_is_pointed_at(
        self, proc: Any, configure: Callable[[str], None]
    ) -> None:
        configure("")
        assert "--replies" not in proc("run", "poet", code=1).stderr.partition("proc-tui resume")[2]
        (proc.folder / "poet.replies.yaml").write_text("poet: [Roses.]\n")
        assert "proc-tui run poet.yaml --replies poet.replies.yaml" in proc("run", "poet", code=1).stderr

    def test_a_blocked_child_is_named_and_looked_at_again_by_resume(self, proc: Any) -> None:
        (proc.folder / "boss.yaml").write_text('name: boss\nversion: "1"\ncode: return Procedure.run("poet", {})\n')
        run = proc.json("run", "boss", code=3)["run"]
        (child,) = proc.lines("list", "--procedure", "poet")
        before = proc.json("show", child["run"])["updated_at"]
        assert f"{child['run']} (poet)" in proc("resume", run, code=3).stderr
        assert proc.json("show", child["run"])["updated_at"] > before

    @pytest.mark.slow
    def test_on_a_terminal_it_does_not_wait_for_ever(self, proc: Any) -> None:
        terminal = proc.terminal("run", "poet")
        terminal.expect("needs OPENAI_API_KEY")
        assert proc.finish(terminal) == 3

    @pytest.mark.slow
    def test_a_talk_with_nobody_is_not_begun(self, proc: Any, configure: Callable[[str], None]) -> None:
        assert "needs a terminal" in proc("chat", code=2).stderr
        assert "is for a new conversation" in proc("chat", "zzz", "--replies", "x.yaml", code=2).stderr
        configure("")
        terminal = proc.terminal("chat")
        terminal.expect("no model is configured")
        assert proc.finish(terminal) == 2
        assert proc.lines("list") == []


class TestTrust:
    """A workspace that would start programs."""

    @pytest.fixture(autouse=True)
    def server(self, proc: Any, configure: Callable[[str], None]) -> None:
        configure('[mcpServers.search]\ncommand = "no-such-program"\nargs = ["--now"]\n')
        (proc.folder / "uses.yaml").write_text('name: uses\nversion: "1"\ncode: |\n  -- Tools\n  return "ran"\n')

    @pytest.mark.slow
    def test_a_run_that_may_want_tools_asks_once_and_a_no_is_no_hindrance(self, proc: Any) -> None:
        for answer, says in (("n", "It is not done"), ("y", "ran")):
            terminal = proc.terminal("run", "uses")
            terminal.expect("mcpServers.search: no-such-program --now")
            terminal.expect("do this when a run needs it")
            terminal.sendline(answer)
            terminal.expect(says)
            assert proc.finish(terminal) == 0
        terminal = proc.terminal("run", "uses")
        terminal.expect("ran")
        assert "do this when a run needs it" not in terminal.before
        assert proc.finish(terminal) == 0
        proc("trust", "--revoke")

    @pytest.mark.slow
    def test_a_run_without_tools_is_not_held_up(self, proc: Any) -> None:
        terminal = proc.terminal("run", "hello")
        terminal.expect("Hello, World!")
        assert "do this when a run needs it" not in terminal.before
        assert proc.finish(terminal) == 0

    @pytest.mark.slow
    def test_a_talk_asks_before_it_looks_for_the_key(self, proc: Any, configure: Callable[[str], None]) -> None:
        configure('[models.main]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "MY_KEY"\n')
        terminal = proc.terminal("chat")
        terminal.expect("the key in MY_KEY")
        terminal.expect("do this when a run needs it")
        terminal.sendline("y")
        terminal.expect("needs MY_KEY on this worker")
        assert proc.finish(terminal) == 3
        proc("trust", "--revoke")

    @pytest.mark.slow
    def test_a_worker_asks_before_it_drives(self, proc: Any) -> None:
        terminal = proc.terminal("watch", "--once")
        terminal.expect("do this when a run needs it")
        terminal.sendline("n")
        terminal.expect("It is not done")
        assert proc.finish(terminal) == 0

    @pytest.mark.kill
    def test_a_run_that_needs_a_tool_waits_until_somebody_agrees(
        self, proc: Any, configure: Callable[[str], None]
    ) -> None:
        (proc.folder / "tools.py").write_text('def add(a: int, b: int) -> int:\n    "Adds."\n    return a + b\n')
        configure(f'[pythonTools]\ninterpreter = "{sys.executable}"\nmodules = ["tools.py"]\n')
        (proc.folder / "sum.yaml").write_text('name: sum\nversion: "1"\ncode: return Tools.add{a = 1, b = 2}\n')
        (proc.folder / "adds.yaml").write_text(
            'name: adds\nversion: "1"\ndependencies: {tools: [add]}\ncode: return 1\n'
        )
        result = proc("run", "sum", code=3)
        assert "tools.py" in result.stderr
        assert "proc-tui trust" in result.stderr
        assert "proc-tui trust" in proc("list").stdout
        assert "proc-tui trust" in proc("run", "adds", code=3).stderr
        assert proc.lines("list", "--procedure", "adds") == []
        proc("trust", "--yes")
        (row,) = proc.lines("list")
        result = proc("resume", row["run"])
        assert result.stdout == "3\n"
        assert "tool add {" in result.stderr
        assert "}: 3\n" in result.stderr
        proc("trust", "--revoke")

    def test_nobody_is_asked_where_there_is_no_terminal(self, proc: Any) -> None:
        assert proc("run", "uses").stdout == "ran\n"


class TestListening:
    @pytest.fixture(autouse=True)
    def listens(self, proc: Any) -> None:
        (proc.folder / "listens.yaml").write_text(LISTENS.lstrip())

    def test_a_run_that_listens_stops_here_and_says_how_to_talk_to_it(self, proc: Any) -> None:
        result = proc("run", "listens", code=3)
        assert "listens ▸ Who is there?" in result.stderr
        run = proc.lines("list")[0]["run"]
        assert f"proc-tui send {run} TEXT, then proc-tui resume {run}" in result.stderr
        assert proc.json("resume", run, code=3)["listening"] == [
            {"run": run, "procedure": "listens", "said": "Who is there?"}
        ]
        assert f"proc-tui chat {run}" in result.stderr
        assert "listens  proc-tui chat" in proc("list").stdout
        assert "waits for a message" in proc("status", run).stdout
        proc("send", run, "Ada")
        assert "Let Ada in?" in proc("resume", run, code=3).stderr
        found = [(item["role"], item["class"], item["content"]) for item in proc.json("show", run)["messages"]]
        assert found[:2] == [("ASSISTANT", "CHAT_ASSISTANT", "Who is there?"), ("USER", "CHAT", "Ada")]

    @pytest.mark.slow
    def test_a_conversation_on_a_terminal_is_left_and_gone_on_with(self, proc: Any) -> None:
        run = proc.json("run", "listens", code=3)["run"]
        terminal = proc.terminal("chat", run)
        terminal.expect("listens.* ▸ Who is there\\?")
        terminal.expect("you ▸ ")
        terminal.sendeof()
        terminal.expect("left the conversation")
        terminal.expect(f"proc-tui chat {run}")
        assert proc.finish(terminal) == 0
        terminal = proc.terminal("chat", run)
        terminal.expect("you ▸ ")
        terminal.sendline("")
        terminal.expect("you ▸ ")
        terminal.sendline("Ada")
        terminal.expect("Let Ada in\\?")
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect("who: Ada")
        assert proc.finish(terminal) == 0

    def test_a_file_says_what_a_run_waits_to_hear(self, proc: Any) -> None:
        file = proc.folder / "said.answers.yaml"
        file.write_text("- {say: Ada, by: grace}\n- approve: true\n- say: too much\n")
        result = proc("run", "listens", "--answers", str(file))
        assert result.stdout == "who: Ada\nok: true\n"
        assert "listens ▸ Who is there?\ngrace ▸ Ada\n" in result.stderr
        assert f"never said: {file}:3: say: too much" in result.stderr
        run = proc.lines("list")[0]["run"]
        again = proc.folder / "again.answers.yaml"
        proc("export", run, "--format", "answers", "-o", str(again))
        assert "- say: Ada\n  by: grace\n- approve: true\n" in again.read_text()
        assert proc.json("run", "listens", "--answers", str(again))["outputs"] == {"who": "Ada", "ok": True}

    @pytest.mark.slow
    def test_a_run_on_a_terminal_is_talked_with_there(self, proc: Any) -> None:
        terminal = proc.terminal("run", "listens")
        terminal.expect("listens.* ▸ Who is there\\?")
        terminal.expect("you ▸ ")
        terminal.sendline("Ada")
        terminal.expect("Let Ada in\\?")
        assert "root ▸" not in terminal.before
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect("who: Ada")
        assert proc.finish(terminal) == 0

    @pytest.mark.slow
    def test_a_conversation_that_is_left_for_later_is_shown_again_by_resume(self, proc: Any) -> None:
        terminal = proc.terminal("run", "listens")
        terminal.expect("you ▸ ")
        terminal.sendeof()
        terminal.expect("for a message: proc-tui chat ([a-z0-9]+)")
        run = terminal.match[1]
        assert proc.finish(terminal) == 3
        terminal = proc.terminal("resume", run)
        terminal.expect("listens.* ▸ Who is there\\?")
        terminal.expect("you ▸ ")
        terminal.sendline("Ada")
        terminal.expect("Let Ada in\\?")
        terminal.expect("approve\\? y/n")
        terminal.sendeof()
        terminal.expect("left for later")
        assert proc.finish(terminal) == 3

    @pytest.mark.slow
    def test_a_request_that_is_left_for_later_does_not_take_the_prompt_away(self, proc: Any) -> None:
        (proc.folder / "both.yaml").write_text(
            'name: both\nversion: "1"\nprocedures:\n  asks:\n    code: return Human.approve{message = "Sure?"}\n'
            'code: |\n  local h = Procedure.spawn("asks", {})\n'
            '  local said = Human.chat{message = "Who?"}\n  return {said = said, ok = Procedure.wait(h)}\n'
        )
        terminal = proc.terminal("run", "both")
        terminal.expect("approve\\? y/n")
        terminal.sendeof()
        terminal.expect("left for later")
        terminal.expect("you ▸ ")
        terminal.sendline("Ada")
        terminal.expect("for 1 answer")
        assert terminal.before.count("you ▸ ") == 0
        assert proc.finish(terminal) == 3

    @pytest.mark.slow
    def test_a_message_from_elsewhere_takes_the_prompt_away(self, proc: Any) -> None:
        run = proc.json("run", "listens", code=3)["run"]
        terminal = proc.terminal("chat", run)
        terminal.expect("you ▸ ")
        proc("send", run, "Grace")
        terminal.expect("Let Grace in\\?")
        terminal.sendintr()
        terminal.expect("left the conversation")
        assert proc.finish(terminal) == 0


class TestAssistant:
    REPLIES = """
assistant:
  - calls: [list_procedures]
  - "I know hello.\\nShall I start it?"
  - calls:
      - start_procedure: {name: gate, why: "You said so."}
  - text: It runs.
    delay: 0.05
"""

    @pytest.mark.slow
    def test_it_knows_the_procedures_and_starts_one_after_asking_what_is_asked_is_asked_here(self, proc: Any) -> None:
        (proc.folder / "said.replies.yaml").write_text(self.REPLIES)
        terminal = proc.terminal("chat", "--replies", "said.replies.yaml")
        terminal.expect("assistant.* ▸ What can I do for you")
        terminal.expect("you ▸ ")
        terminal.sendline("what is there?")
        terminal.expect("tool list_procedures")
        terminal.expect("Shall I start it\\?")
        terminal.expect("you ▸ ")
        terminal.sendline("yes")
        terminal.expect("Start gate\\?")
        terminal.expect("You said so")
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect("Go on\\?")
        terminal.expect("approve\\? y/n")
        terminal.sendline("y")
        terminal.expect("It runs.")
        terminal.expect("you ▸ ")
        terminal.sendeof()
        terminal.expect("left the conversation [a-z0-9]+.*tokens")
        assert proc.finish(terminal) == 0
        rows = {row["procedure"]: row["status"] for row in proc.lines("list")}
        assert (rows["assistant"], rows["gate"]) == ("WAITING_FOR_HUMAN", "COMPLETED")


class TestReplies:
    @pytest.fixture
    def script(self, proc: Any) -> str:
        (proc.folder / "poet.yaml").write_text(POET.lstrip())
        file = proc.folder / "poet.replies.yaml"
        file.write_text(
            "poet: [Roses.]\ncritic:\n  - calls: [{measure: {text: x}}]\n"
            "  - {text: Good., usage: {input: 7, output: 3, cached: 2, cost: 0.5}}\n"
        )
        return str(file)

    def test_a_run_with_scripted_replies_calls_no_model(self, proc: Any, script: str) -> None:
        found = proc.json("run", "poet", "--replies", script)
        assert (found["outputs"], found["usage"]["turns"], found["usage"]["unpriced"]) == ("Good.", 3, 2)
        assert (found["usage"]["cached_tokens"], found["usage"]["cost"]) == (2, 0.5)
        assert "$0.5000 and 2 replies of unknown price" in proc("run", "poet", "--replies", script).stderr
        assert "cost of 2 replies is unknown" in proc("show", found["run"]).stdout

    def test_the_past_knows_what_had_been_used_by_then(self, proc: Any, script: str) -> None:
        run = proc.json("run", "poet", "--replies", script)["run"]
        first = next(item for item in proc.json("show", run)["messages"] if item["role"] == "ASSISTANT")
        then = proc.json("show", run, "--at", first["id"])
        assert [item["agent"] for item in then["agents"]] == ["poet"]
        assert then["usage"]["unpriced"] == 1

    def test_a_file_beside_the_procedure_is_not_used_unasked(self, proc: Any, script: str) -> None:
        assert "no model is configured" in proc("run", "poet", code=1).stderr

    def test_a_file_with_too_few_replies_is_not_mended_by_resuming(self, proc: Any, script: str) -> None:
        (proc.folder / "poet.replies.yaml").write_text("poet: []\n")
        result = proc("run", "poet", "--replies", script, code=1)
        assert "anew, once FILE is right" in result.stderr
        assert "proc-tui resume" not in result.stderr

    def test_a_file_with_mistakes_is_refused_before_anything_starts(self, proc: Any, script: str) -> None:
        (proc.folder / "poet.replies.yaml").write_text("poet: Roses\n")
        assert "must be a list" in proc("run", "poet", "--replies", script, code=2).stderr
        assert "No runs" in proc("list").stderr

    def test_an_exported_file_makes_a_run_go_the_same_way(self, proc: Any, script: str) -> None:
        run = proc.json("run", "poet", "--replies", script)["run"]
        text = proc("export", run, "--format", "replies").stdout
        assert "Roses." in text
        (proc.folder / "again.yaml").write_text(text)
        again = proc.json("run", "poet", "--replies", str(proc.folder / "again.yaml"))
        assert (again["outputs"], again["usage"]["turns"]) == ("Good.", 3)


@pytest.mark.slow
class TestExamples:
    """What was exported from a run makes another go the same way."""

    @pytest.fixture(autouse=True)
    def examples(self, proc: Any, project: Path) -> Iterator[None]:
        shutil.copytree(project / "examples", proc.folder, dirs_exist_ok=True)
        proc("trust", "--yes")
        yield
        proc("trust", "--revoke")

    @pytest.mark.parametrize(
        "name", ["poet", "press_release", "research", "self_optimising", "triage", "trip_planner", "tutor"]
    )
    def test_with_the_exported_replies_and_answers_it_ends_alike(self, proc: Any, name: str) -> None:
        file = proc.folder / f"{name}.params.yaml"
        args = ["run", name, *(["--params", str(file)] if file.exists() else [])]
        beside = {kind: proc.folder / f"{name}.{kind}.yaml" for kind in ("replies", "answers")}
        made = {kind: proc.folder / f"again.{kind}.yaml" for kind in beside}
        first = proc.json(*args, *(word for kind in beside for word in (f"--{kind}", str(beside[kind]))))
        for kind, place in made.items():
            proc("export", first["run"], "--format", kind, "-o", str(place))
        second = proc.json(*args, *(word for kind in made for word in (f"--{kind}", str(made[kind]))))
        assert (second["status"], second["error"]) == ("COMPLETED", None)
        assert second["outputs"] == first["outputs"]
        assert second["total_usage"]["turns"] == first["total_usage"]["turns"]


class TestStatus:
    def test_what_a_run_waits_for_is_said_in_words(self, proc: Any) -> None:
        run = proc.json("run", "gate", "-p", "timeout=3530", code=3)["run"]
        text = proc("status", run).stdout
        assert "gate 1.2 · " in text
        assert "stage ask, for " in text
        assert "in approve#1, line 8, for " in text
        assert "asks: Go on? (asked 0s ago, reject in 58:" in text
        found = proc.json("status", run)
        assert (found["status"], found["summary"], len(found["requests"])) == ("WAITING_FOR_HUMAN", None, 1)
        assert any(line.startswith("asks: Go on?") for line in found["where"])

    def test_a_failed_run_says_why_and_one_that_is_due_that_nobody_drives_it(self, proc: Any) -> None:
        proc("run", "boom", code=1)
        assert "failed: boom.yaml:6: it broke" in proc("status", proc.lines("list")[0]["run"]).stdout
        assert "proc-tui watch" in proc("status", proc.start("hello")).stdout

    def test_without_an_agent_there_is_nobody_to_report(self, proc: Any) -> None:
        run = proc.json("run", "hello")["run"]
        assert "no agent has taken a turn" in proc("status", run, "--summary", code=2).stderr
        assert json.loads(proc("status", run, "--summary", "--json", code=2).stdout)["error"]["code"] == "OPR-002"
