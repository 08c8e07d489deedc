"""Turns of agents and calls of tools as the code sees them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui.core.engine.local import LocalContext
from proc_tui.core.errors import DependencyError
from proc_tui.core.journal.events import Ended, MessagesTaken, Prompted, Said
from proc_tui.core.model.settings import PythonToolSettings, Settings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.testing import Crash, play

if TYPE_CHECKING:
    from proc_tui.core.primitives.execution import Call
    from proc_tui.core.testing import Played
    from proc_tui.core.values import Value

AGENT = {"worker": {"system_prompt": "You work."}}
TOOLS = Settings(
    durability="fast", python_tools=PythonToolSettings(interpreter="${PROC_TUI_PYTHON}", modules=["tools.py"])
)
MODULE = {
    "tools.py": '''
def add(a: int, b: int = 1) -> int:
    """Adds."""
    return a + b

def fail(why: str):
    raise ValueError(why)

def table() -> dict:
    return {"a": [1, 2], "b": None}
'''
}


def prompted(played: Played) -> list[list[str]]:
    """What each turn said to the model."""
    return [[f"{message.role}: {message.content}" for message in event.messages] for event in played.events(Prompted)]


# ---- turns


@pytest.mark.covers("Worker.turn", "success", "option inject", "replay")
def test_a_turn_returns_the_reply_with_its_usage() -> None:
    played = play(
        'return Worker.turn{inject = "Go."}',
        agents=AGENT,
        replies={"worker": [{"text": "Done.", "usage": {"input": 7, "output": 2}}]},
    )
    result = played.result
    assert isinstance(result, dict)
    assert result["content"] == "Done."
    assert result["tool_calls"] in ([], {})
    assert result["token_usage"] == {"input": 7, "output": 2, "total": 9}
    assert result["stop_reason"] == "stop"
    assert prompted(played) == [["user: Go."]]
    assert (played.run.tokens_in, played.run.tokens_out, played.run.unpriced) == (7, 2, 1)
    played.replay()


@pytest.mark.covers("Worker.turn", "error")
def test_what_a_turn_does_not_take_is_an_error_that_names_it() -> None:
    played = play(
        """
        local _, unknown = pcall(Worker.turn, {injekt = "x"})
        local _, wrong = pcall(Worker.turn, {inject = {}})
        local _, no_table = pcall(Worker.turn, "x")
        local _, other = pcall(function() return Worker.go end)
        return {unknown, wrong, no_table, other}
        """,
        agents=AGENT,
        replies={"worker": []},
    )
    assert isinstance(played.result, list)
    messages = [str(item).partition(": ")[2] for item in played.result]
    assert messages[0].startswith('Worker.turn: unknown option "injekt"; did you mean "inject"?')
    assert messages[1].startswith('Worker.turn: "inject" must be a string')
    assert messages[2].startswith("Worker.turn takes a table of options, got a string")
    assert messages[3] == "Worker.go: an agent has only turn()"


def test_an_agent_has_a_name_in_lua_for_each_way_to_write_it() -> None:
    played = play(
        "Data_analyst.turn() return DataAnalyst.turn().content",
        agents={"data_analyst": {"system_prompt": "s"}},
        replies={"data_analyst": ["one", "two"]},
    )
    assert played.result == "two"
    assert played.kinds.count("ended data_analyst.turn#2") == 1


@pytest.mark.slow
def test_what_done_is_told_wrongly_is_told_to_the_model_and_stops_nothing() -> None:
    played = play(
        """
        local turn = Worker.turn()
        return {turn.tool_calls[1].error, Stop.requested(), Worker.turn().tool_calls[1].error == nil, Stop.success()}
        """,
        agents=AGENT,
        replies={
            "worker": [
                {"calls": [{"done": {"reason": "It failed.", "success": "false"}}]},
                {"calls": [{"done": {"reason": "It failed.", "success": False}}]},
            ]
        },
    )
    wrong, stopped, second, success = played.result if isinstance(played.result, list) else []
    assert "success must be true or false" in str(wrong)
    assert (stopped, second, success) == (False, True, False)
    played.replay()


# ---- tools


@pytest.mark.slow
@pytest.mark.covers("Tools.NAME", "success", "option arguments", "replay")
def test_the_code_calls_a_tool_directly_and_it_counts() -> None:
    played = play(
        """
        local sum = Tools.add{a = 2, b = 3}
        local found = Tools.table()
        return {sum, found.a[2], Tool.called("add"), Tool.last_call("add").args.a, Tool.last_result("table").a[1]}
        """,
        settings=TOOLS,
        workspace=MODULE,
    )
    assert played.result == [5, 2, True, 2, 1]
    assert "ended tools.add#1" in played.kinds
    played.replay()


@pytest.mark.slow
@pytest.mark.covers("Tools.NAME", "error")
def test_a_direct_call_that_fails_raises_with_what_went_wrong() -> None:
    played = play(
        """
        local function why(fn, ...) return (select(2, pcall(fn, ...))) end
        return {
          why(Tools.fail, {why = "no luck"}), why(Tools.add, {a = "x"}), why(Tools.ad, {}), why(Tools.add, 1, 2),
          why(function() return Tools["a#b"]() end), Tool.last_call("fail").error,
        }
        """,
        settings=TOOLS,
        workspace=MODULE,
    )
    assert isinstance(played.result, list)
    failed, unfit, unknown, many, name, kept = map(str, played.result)
    assert "no luck" in failed
    assert "tools.py" in failed
    assert "a must be an integer" in unfit
    assert 'did you mean "add"' in unknown
    assert "takes one table of options" in many
    assert "cannot be the name of a tool" in name
    assert "no luck" in kept
    played.replay()


def test_tools_that_are_not_there_are_named_before_the_run_starts() -> None:
    with pytest.raises(DependencyError, match=r'tool "search", tool "fetch" '):
        play("dependencies: {tools: [search, fetch]}\ncode: return 1\n")
    with pytest.raises(DependencyError, match='tool "serch"'):
        play("return 1", agents={"worker": {"system_prompt": "s", "tools": ["serch", "done"]}})


# ---- chats


@pytest.mark.covers("Human.chat", "success", "option message", "replay")
def test_a_chat_waits_for_the_next_message_and_stands_in_nobodys_inbox() -> None:
    played = play('return {Human.chat{message = "Well?"}}', upto=RunStatus.WAITING_FOR_HUMAN)
    assert played.operator.inbox() == []
    assert [event.content for event in played.events(Said)] == ["Well?"]
    played.operator.send(played.run, "Yes.", by="eve")
    assert played.go_on().result == ["Yes.", "eve"]
    assert [event.taken for event in played.events(MessagesTaken)] == [1]
    played.replay()


@pytest.mark.covers("Human.chat", "option timeout")
def test_a_chat_ends_when_its_time_has_passed() -> None:
    played = play("return {Human.chat{timeout = 60} == nil, os.time()}")
    start = played.records[0].at
    assert played.result == [True, int(start + 60)]


@pytest.mark.covers("Human.chat", "error")
def test_what_a_chat_does_not_take_is_an_error() -> None:
    played = play("return (select(2, pcall(Human.chat, {mesage = 'x'})))")
    assert 'unknown option "mesage"; did you mean "message"?' in str(played.result)


def test_a_chat_ends_when_the_run_is_asked_to_stop() -> None:
    played = play("return {Human.chat() == nil, Stop.reason()}", upto=RunStatus.WAITING_FOR_HUMAN)
    played.operator.stop(played.run, "enough")
    assert played.go_on().result == [True, "enough"]


def test_messages_that_came_early_are_taken_one_by_one_and_not_given_to_agents_again() -> None:
    played = play(
        """
        Human.approve{message = "?"}
        local first = Human.chat()
        Worker.turn()
        return first
        """,
        agents=AGENT,
        replies={"worker": ["ok"]},
        upto=RunStatus.WAITING_FOR_HUMAN,
    )
    played.operator.send(played.run, "one")
    played.operator.send(played.run, "two")
    assert played.go_on(answers=[True]).result == "one"
    assert prompted(played) == [["user: two"]]
    played.replay()


def test_a_message_that_a_chat_took_is_not_lost_when_the_process_dies_right_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "return {(Human.chat{message = 'First?'}), (Human.chat{message = 'Second?'})}"
    played = play(code, folder=tmp_path, upto=RunStatus.WAITING_FOR_HUMAN)
    played.operator.send(played.run, "one")
    played.operator.send(played.run, "two")
    complete = LocalContext.complete

    def die(context: LocalContext, call: Call, values: list[Value], detail: Value = None) -> Ended:
        if call.op == "chat":
            context.flush(sync=True)  # as the thread does that writes what waited long enough
            raise Crash("between taking the message and the outcome")
        return complete(context, call, values, detail)

    with monkeypatch.context() as patch:
        patch.setattr(LocalContext, "complete", die)
        with pytest.raises(Crash):
            played.go_on()
    again = play(code, folder=tmp_path)
    assert again.result == ["one", "two"]
    assert [event.taken for event in again.events(MessagesTaken)] == [1, 2]


# ---- procedures


@pytest.mark.covers("Procedure.list", "success", "error", "replay")
def test_the_procedures_of_the_workspace_are_listed_with_their_parameters() -> None:
    other = "name: other\nversion: '1'\ndescription: Does.\nparams: {n: {type: integer, default: 3}}\ncode: return 1\n"
    played = play(
        "return {Procedure.list(), (select(2, pcall(Procedure.list, 1)))}",
        workspace={"other.yaml": other, "broken.yaml": "name: broken\ncode: 5\n"},
    )
    assert isinstance(played.result, list)
    listed, error = played.result
    assert isinstance(listed, list)
    assert [item["name"] for item in listed if isinstance(item, dict)] == ["other", "play"]
    assert listed[0] == {
        "name": "other",
        "description": "Does.",
        "params": {"n": {"type": "integer", "required": False, "default": 3}},
    }
    assert "Procedure.list takes at most 0 arguments" in str(error)
    played.replay()


def test_a_summary_is_asked_from_a_copy_of_the_childs_conversation() -> None:
    child = """
agents: {worker: {system_prompt: s}}
status_prompt: Where are you, in {params.place}?
params: {place: {type: string, default: Rome}}
code: |
  Worker.turn{inject = "begin"}
  Human.approve{message = "?"}
  return Worker.turn().content
"""
    played = play(
        """
        local child = Procedure.spawn("child")
        Sleep(10)
        local status, about = Procedure.status(child, {summary = true})
        local _, plain = Procedure.status(child)
        return {status, about.summary, plain.summary == nil, Procedure.wait(child)}
        """,
        workspace={"child": child},
        replies={
            "worker": ["begun", "done"],
            "worker.status": [{"text": "half way", "expect": "Where are you, in Rome?"}],
        },
    )
    assert played.go_on(answers=[True]).result == ["WAITING_FOR_HUMAN", "half way", True, "done"]
    turns = [record.event for record in played.children[0].records if isinstance(record.event, Ended)]
    assert [event.name for event in turns if event.op == "turn"] == ["worker.turn#1", "worker.turn#2"]
    played.replay()


def test_the_assistant_starts_a_procedure_only_once_the_person_agreed(project: Path) -> None:
    text = (project / "core" / "procedures" / "assistant.yaml").read_text()
    played = play(
        text,
        params={"message": "Run demo."},
        workspace={"demo": "return 5"},
        replies={
            "assistant": [
                {"calls": [{"start_procedure": {"name": "demo", "why": "you asked"}}]},
                "You said no.",
                {"calls": [{"start_procedure": {"name": "demo"}}, {"list_procedures": {}}]},
                "It runs.",
            ]
        },
        answers=[False],
        upto=RunStatus.WAITING_FOR_HUMAN,
    )
    played.go_on()
    assert [event.content for event in played.events(Said)] == ["You said no."]
    assert [run.procedure for run in played.operator.runs() if run.procedure == "demo"] == []
    played.operator.send(played.run, "Do it all the same.")
    played.go_on(answers=[True])
    assert [run.status for run in played.operator.runs() if run.procedure == "demo"] == [RunStatus.COMPLETED]
    assert [event.content for event in played.events(Said)] == ["You said no.", "It runs."]
    played.operator.stop(played.run)
    assert played.go_on().result == "The conversation has ended."
    played.replay()
