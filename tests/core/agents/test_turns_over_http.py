"""Turns through real HTTP: what a person sees of each failure, what is journaled, and that the run can go on."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.engine import recording
from proc_tui.core.engine import worker as worker_module
from proc_tui.core.errors import Blocked, StoreFull
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.events import Ended, Logged, ReplyFailed
from proc_tui.core.model.messages import Usage
from proc_tui.core.model.settings import LimitSettings, ModelSettings, PriceSettings, Settings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Operator
from proc_tui.core.testing import complete, play

if TYPE_CHECKING:
    from pathlib import Path

    from proc_tui.core.testing import Played

KEY = "sk-live-0123456789abcdef"
ANSWER = {"text": "Well done."}
CODE = 'return Worker.turn{inject = "Go."}.content'

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)


def configured(url: str, limits: LimitSettings | None = None, **model: Any) -> Settings:
    given = ModelSettings(**{"model": "gpt-test", "base_url": url, "api_key_env": "TEST_KEY", **model})
    return Settings(durability="fast", models={"main": given}, limits=limits or LimitSettings())


def agent(**keys: Any) -> dict[str, Any]:
    return {"worker": {"system_prompt": "You work.", "response": {"retries": 2, "retry_delay": 1.0}, **keys}}


def turn(server: Any, script: list[dict[str, Any]], code: str = CODE, **options: Any) -> Played:
    server.play(script)
    settings = configured(server.url, options.pop("limits", None), **options.pop("model", {}))
    return play(code, agents=agent(**options.pop("agent", {})), settings=settings, **options)


def everything(played: Played) -> str:
    """All that is in the journal's files, and all that a person is told."""
    played.operator.fold(played.run)
    texts = [repr(record) for record in played.records] + played.log + [str(played.run)]
    with sqlite3.connect(played.folder / ".proc-tui" / "runs.db") as connection:
        texts += connection.iterdump()
    return "\n".join(texts)


PASSING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "429 without a word about when": ({"status": 429}, {}, "429"),
    "429 with retry-after": ({"status": 429, "headers": {"retry-after": "30"}}, {}, "429"),
    "500": ({"status": 500}, {}, "500"),
    "cut in mid-stream": ({**ANSWER, "cut": 2}, {}, "broke"),
    "no finish reason": ({**ANSWER, "finish": None}, {}, "finish_reason"),
    "malformed JSON": ({**ANSWER, "inject": {"1": "data: {no json\n\n"}}, {}, "does not speak the OpenAI protocol"),
    "silence": ({"hang": "headers"}, {"idle_timeout": 0.05}, "no sign of life"),
    "silence in mid-stream": ({**ANSWER, "hang": 1}, {"idle_timeout": 0.05}, "no sign of life"),
    "a slow drip": ({"text": ["a"] * 50, "drip": 0.02}, {"timeout": 0.1}, "did not finish the reply within 0.1 s"),
}
FINAL: dict[str, tuple[dict[str, Any], str]] = {
    "a refused key": ({"status": 401, "error": "Incorrect API key provided: KEY"}, "TEST_KEY"),
    "an unknown model": ({"status": 404, "error": {"message": "no such model", "code": "model_not_found"}}, "gpt-test"),
    "no quota": ({"status": 429, "error": {"message": "quota", "code": "insufficient_quota"}}, "quota"),
    "too long": (
        {"status": 400, "error": {"message": "maximum context length", "code": "context_length_exceeded"}},
        "filter",
    ),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again_visibly_and_the_run_goes_on(openai_server: Any, name: str) -> None:
    failure, model, says = PASSING[name]
    played = turn(openai_server, [failure, failure, ANSWER], model=model)
    assert played.result == "Well done."
    failures = played.events(ReplyFailed)
    assert [event.attempt for event in failures] == [1, 2]
    assert all(says in event.message and "asked again in" in event.message for event in failures)
    assert all(event.level == "warn" for event in failures)
    shown = [record.event for record in played.operator.log(played.run) if not isinstance(record.event, Logged)]
    assert shown == failures
    assert len(openai_server.asked) == 3
    waited = failures[0].due - played.records[0].at
    assert waited == pytest.approx(30, abs=0.5) if "retry-after" in name else 1 <= waited < 1.5
    played.replay()


@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass_in_time_fails_the_turn_which_can_be_caught_and_resumed(
    openai_server: Any, name: str
) -> None:
    failure, model, says = PASSING[name]
    played = turn(openai_server, [failure] * 3, model=model)
    assert says in played.error
    assert "(tried 3 times); resume the run when this is over, or raise the agent's response.retries" in played.error
    assert played.fold.agents.of("worker").messages == []
    openai_server.play([ANSWER])
    played.operator.resume(played.run)
    assert played.go_on().result == "Well done."
    played.replay()


@pytest.mark.parametrize("name", FINAL)
def test_what_cannot_pass_fails_at_once_and_says_what_to_do(openai_server: Any, name: str) -> None:
    failure, says = FINAL[name]
    played = turn(openai_server, [failure], code=f"local ok, why = pcall(function() {CODE} end)\nerror(why, 0)")
    assert says in played.error
    assert len(openai_server.asked) == 1
    assert played.events(ReplyFailed) == []
    openai_server.play([ANSWER])
    played.operator.reset(played.run)
    assert "Well done." in str(played.go_on().fold.agents.of("worker").messages)


def test_a_server_that_is_not_there_is_named(openai_server: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    played = play(CODE, agents=agent(response={"retries": 0}), settings=configured(url))
    assert url.removesuffix("/v1") in played.error
    assert "running" in played.error


def test_the_key_is_nowhere_in_the_journal_the_log_or_the_errors(openai_server: Any) -> None:
    echo = {"status": 401, "error": "Incorrect API key provided: KEY"}
    broken = {"status": 500, "error": "the header was Bearer KEY"}
    played = turn(openai_server, [broken, echo])
    assert openai_server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in everything(played)
    assert KEY[3:] not in everything(played)
    assert "***" in everything(played)


def test_a_missing_key_blocks_the_run_until_a_worker_has_it(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(Blocked, match="TEST_KEY"):
        turn(openai_server, [ANSWER])


# ---- what the model asks for


def test_arguments_that_are_not_json_do_not_fit_or_belong_to_no_tool_are_told_to_the_model(openai_server: Any) -> None:
    calls = [
        {"name": "done", "arguments": "{not json"},
        {"name": "child", "arguments": {"n": "three"}},
        {"name": "chidl", "arguments": {}},
        {"name": "child", "arguments": {"n": 3}},
    ]
    document = """
agents: {worker: {system_prompt: s, tools: [child]}}
procedures: {child: {params: {n: {type: integer, required: true}}, code: return params.n * 2}}
code: |
  local turn = Worker.turn{inject = "Go."}
  local found = {}
  for i, call in ipairs(turn.tool_calls) do found[i] = call.error or call.result end
  return {found, Worker.turn().content}
"""
    openai_server.play([{"calls": calls}, ANSWER])
    played = play(document, settings=configured(openai_server.url))
    assert isinstance(played.result, list)
    found, content = played.result
    assert isinstance(found, list)
    not_json, unfit, unknown, fine = found
    assert "not JSON" in str(not_json)
    assert '"n" must be an integer' in str(unfit)
    assert 'there is no tool "chidl"; did you mean "child"?' in str(unknown)
    assert (fine, content) == (6, "Well done.")
    sent = openai_server.asked[-1].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "tool", "tool", "tool"]
    assert [message["tool_call_id"] for message in sent[3:]] == [call["id"] for call in sent[2]["tool_calls"]]
    assert sent[3]["content"].startswith("error: the arguments are not JSON")
    kept = next(event.detail for event in played.events(Ended) if event.name == "tools.done#1")
    assert isinstance(kept, dict)
    assert kept["arguments"] == "{not json"
    played.replay()


def test_a_reply_of_no_choices_is_no_reply(openai_server: Any) -> None:
    empty = {"text": "", "inject": {"0": {"choices": []}}, "finish": None}
    played = turn(openai_server, [empty, ANSWER])
    assert played.result == "Well done."
    assert len(played.events(ReplyFailed)) == 1


# ---- stopping


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "from another process"])
def test_cancelling_closes_the_connection_before_the_next_piece_and_keeps_what_had_arrived(
    openai_server: Any, tmp_path: Path, elsewhere: bool
) -> None:
    # The role and two pieces at once; then a piece each three seconds, without end.
    openai_server.play([{"text": ["Once ", "upon "] + ["a time "] * 1000, "drip": [0, 0, 0, 3.0]}])
    (tmp_path / "tell.yaml").write_text(complete(CODE, "tell", {"agents": agent()}))
    settings = configured(openai_server.url)
    arrived = threading.Event()

    def listen(partial: Any, piece: str) -> None:
        if partial.text == "Once upon ":
            arrived.set()

    async def drive(operator: Operator, canceller: Operator, run: str) -> None:
        worker = operator.worker()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            assert await asyncio.to_thread(arrived.wait, 10)
            canceller.cancel(canceller.run(run), by="eve")
            assert await asyncio.to_thread(openai_server.asked[0].left.wait, 10), "the connection was closed"
            worker.stop()

    with ExitStack() as stack:
        operator = stack.enter_context(Operator.open(tmp_path, settings=settings))
        canceller = stack.enter_context(Operator.open(tmp_path, settings=settings)) if elsewhere else operator
        operator.listen_replies(listen)
        run = operator.start(tmp_path / "tell.yaml")
        asyncio.run(drive(operator, canceller, run.id))
        assert openai_server.asked[0].sent == 3, "the role and two pieces: the connection was closed before the third"
        assert operator.run(run.id).status is RunStatus.CANCELLED
        kept = operator.partial(run)
        assert kept is not None
        assert (kept.agent, kept.name, kept.text) == ("worker", "worker.turn#1", "Once upon ")


@pytest.mark.parametrize("ends", [True, False], ids=["in time", "too late"])
def test_a_worker_that_ends_waits_a_moment_for_the_reply_under_way_and_begins_nothing(
    openai_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    monkeypatch.setattr(worker_module, "QUIT_SECONDS", 20.0 if ends else 0.1)
    words = {"text": ["Once ", "upon."] if ends else ["Once "] + ["upon "] * 1000, "drip": [0, 0, 0.3]}
    openai_server.play([words, {"text": "Again."}, {"text": "Again."}])
    code = 'local first = Worker.turn{inject = "Go."}.content\nreturn first .. " " .. Worker.turn().content'
    (tmp_path / "tell.yaml").write_text(complete(code, "tell", {"agents": agent()}))
    arrived = threading.Event()

    async def drive(operator: Operator) -> None:
        worker = operator.worker()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run())
            assert await asyncio.to_thread(arrived.wait, 10)
            worker.stop()

    with Operator.open(tmp_path, settings=configured(openai_server.url)) as operator:
        operator.listen_replies(lambda partial, piece: arrived.set())
        run = operator.start(tmp_path / "tell.yaml")
        asyncio.run(drive(operator))
        assert operator.run(run.id).status is RunStatus.PENDING
        assert (len(openai_server.asked), openai_server.paid) == (1, int(ends))
        asyncio.run(operator.worker().run(once=True))
        ended = operator.fold(operator.run(run.id)).ended
        assert ended is not None
        assert ended.result == ("Once upon. Again." if ends else "Again. Again.")
        assert len(openai_server.asked) == (2 if ends else 3)


def test_a_budget_stops_the_run_cleanly_and_more_of_it_lets_it_go_on(openai_server: Any, tmp_path: Path) -> None:
    code = "for i = 1, 4 do pcall(Worker.turn) end\nreturn Iterations.current()"
    usage = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
    script = [{**ANSWER, "usage": usage}] * 4
    played = turn(openai_server, script, code, limits=LimitSettings(max_tokens=150), folder=tmp_path)
    assert "the run has used 200 tokens; the budget is 150 (limits.max_tokens)" in played.error
    assert played.ended is not None
    assert played.ended.code == "RUN-012"
    assert len(openai_server.asked) == 2
    played.operator.resume(played.run)
    played.operator.close()
    more = play(code, agents=agent(), settings=configured(openai_server.url), folder=tmp_path)
    assert more.result == 4
    assert more.run.tokens_in == 240


def test_a_budget_holds_for_a_run_and_its_children_together(openai_server: Any) -> None:
    document = """
agents: {worker: {system_prompt: s}}
procedures:
  child:
    agents: {helper: {system_prompt: s}}
    code: return Helper.turn().content
code: |
  Worker.turn()
  local first = Procedure.run("child")
  local ok, why = pcall(Procedure.run, "child")
  State.set("why", why)
  pcall(Worker.turn)
  return "never"
"""
    openai_server.play([{**ANSWER, "usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}}] * 4)
    played = play(document, settings=configured(openai_server.url, LimitSettings(max_tokens=200)))
    together = "the run, its parents and its children have used 200 tokens; the budget is 200 (limits.max_tokens)"
    assert together in str(played.fold.state.values["why"])
    assert together in played.error
    assert [run.status.value for run in (child.run for child in played.children)] == ["COMPLETED", "FAILED"]
    assert len(openai_server.asked) == 2


@pytest.mark.parametrize(
    "code",
    [
        'return Procedure.run("writer")',
        'return Step.run("s", function() return Procedure.run("editor") end)',
        'local handle = Procedure.spawn("writer")\nreturn Procedure.wait(handle)',
        'local handle = Procedure.spawn("editor")\nreturn (Procedure.wait(handle))',
    ],
    ids=["run", "run below a run in a step", "wait", "wait for a run of a run"],
)
def test_a_child_that_met_the_budget_goes_on_when_its_parent_is_resumed(
    openai_server: Any, tmp_path: Path, code: str
) -> None:
    writer = {
        "agents": {"writer": {"system_prompt": "s"}},
        "code": 'local said = {}\nfor i = 1, 3 do said[i] = Writer.turn{inject = "Go."}.content end\nreturn #said',
    }
    keys: dict[str, Any] = {"procedures": {"writer": writer, "editor": {"code": 'return Procedure.run("writer")'}}}
    openai_server.play([ANSWER] * 9)
    small, large = (configured(openai_server.url, LimitSettings(max_tokens=tokens)) for tokens in (30, 300))
    stopped = play(code, **keys, settings=small, folder=tmp_path)
    assert "30 tokens; the budget is 30 (limits.max_tokens)" in stopped.error
    started = {run.id for run in stopped.operator.runs()}
    stopped.operator.resume(stopped.run)
    assert "the budget is 30" in stopped.go_on().error, "nothing was raised"
    stopped.operator.resume(stopped.run)
    stopped.operator.close()
    more = play(code, **keys, settings=large, folder=tmp_path)
    assert more.result == 3
    assert len(openai_server.asked) == 3, "no reply is paid twice"
    assert {run.id for run in more.operator.runs()} == started
    more.replay()


def test_what_replies_cost_is_counted_by_turn_agent_and_run(openai_server: Any) -> None:
    price = PriceSettings(input=1.0, output=2.0)
    played = turn(openai_server, [ANSWER, ANSWER], "Worker.turn() Worker.turn() return 1", model={"price": price})
    fold = played.fold.agents
    assert fold.used_by["worker.turn#1"] == Usage(10, 5, 15, cost=20e-6)
    assert fold.of("worker").usage.cost == played.run.cost == pytest.approx(40e-6)
    assert (fold.unpriced, played.run.tokens_in, played.run.tokens_out) == (0, 20, 10)


def test_a_cost_that_is_not_known_stays_unknown(openai_server: Any) -> None:
    played = turn(openai_server, [ANSWER])
    assert played.fold.agents.usage.cost is None
    assert (played.run.unpriced, played.run.cost) == (1, 0.0)


@pytest.mark.parametrize("calls", [[], [{"name": "done", "arguments": {"reason": "x"}}]])
def test_a_reply_that_the_disk_has_no_room_for_is_held_and_not_paid_again(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch, calls: list[dict[str, Any]]
) -> None:
    refused: list[int] = []
    original = Database.write

    def write(self: Database, work: Any, *, sync: bool = True) -> Any:
        if openai_server.paid and sync and len(refused) < 3:
            refused.append(1)
            raise StoreFull("no room")
        return original(self, work, sync=sync)

    monkeypatch.setattr(Database, "write", write)
    monkeypatch.setattr(recording, "PATIENCE", (0.001, 0.001, 0.001, 0.001))
    played = turn(openai_server, [{**ANSWER, "calls": calls}])
    assert played.result == "Well done."
    assert (len(refused), len(openai_server.asked)) == (3, 1)


# ---- what is sent


def test_a_turn_sends_prompt_session_conversation_and_what_was_said_since_in_this_order(openai_server: Any) -> None:
    document = """
prompts: {work: "Work on {params.topic}, {state.n}, {prepared.x}."}
params: {topic: {type: string, default: lamps}}
outputs: {text: {type: string, required: true, description: The text.}}
agents:
  worker:
    system_prompt: prompts.work
    initial_message: Begin with {params.topic}.
    prepare: return {x = "prepared"}
    temperature: 0.5
code: |
  Session.append("user", "Everybody knows this.")
  State.set("n", 1)
  Worker.turn{inject = "First."}
  State.set("n", 2)
  Human.approve{message = "?"}
  return {text = Worker.turn{inject = "Second."}.content}
"""
    openai_server.play([{"text": "One."}, {"text": "Two."}])
    settings = configured(openai_server.url)
    played = play(document, settings=settings, upto=RunStatus.WAITING_FOR_HUMAN)
    played.operator.send(played.run, "By the way.")
    assert played.go_on(answers=[True]).result == {"text": "Two."}
    first, second = (item.body for item in openai_server.asked)
    system = first["messages"][0]["content"]
    assert system.startswith("Work on lamps, 1, prepared.")
    assert "- `text` (string, required): The text." in system
    assert second["messages"][0]["content"].startswith("Work on lamps, 2, prepared.")
    said = [(message["role"], message["content"]) for message in second["messages"][1:]]
    assert said == [
        ("user", "Everybody knows this."),
        ("user", "Begin with lamps."),
        ("user", "First."),
        ("assistant", "One."),
        ("user", "By the way."),
        ("user", "Second."),
    ]
    assert [tool["function"]["name"] for tool in second["tools"]] == ["done", "stop"]
    assert second["temperature"] == 0.5
    played.replay()


def test_the_prompts_about_the_run_are_asked_at_its_end(openai_server: Any) -> None:
    keys: dict[str, Any] = {"return_prompt": "Sum up {outputs.n}.", "error_prompt": "What went wrong?"}
    played = turn(openai_server, [ANSWER, {"text": "In short."}], "Worker.turn() return {n = 3}", **keys)
    assert (played.result, played.run.summary) == ({"n": 3}, "In short.")
    assert openai_server.asked[-1].body["messages"][-1]["content"] == "Sum up 3."
    assert "tools" not in openai_server.asked[-1].body
    failed = turn(openai_server, [ANSWER, {"text": "It broke."}], "Worker.turn() error('no luck', 0)", **keys)
    assert (failed.error, failed.run.summary) == ("no luck", "It broke.")
    assert openai_server.asked[-1].body["messages"][-1]["content"] == "What went wrong?\n\nno luck"
    alone = turn(openai_server, [], "return 1", **keys)
    assert (alone.result, alone.run.summary) == (1, None)
    text = turn(openai_server, [ANSWER, {"text": "All of it."}], "Worker.turn()", **keys)
    assert text.result == "All of it."
    table = turn(
        openai_server, [ANSWER, {"text": 'Here: {"n": 4}'}], "Worker.turn()", outputs={"n": {"type": "integer"}}, **keys
    )
    assert table.result == {"n": 4}
    unreachable = turn(openai_server, [ANSWER, {"status": 401}], "Worker.turn() return 5", **keys)
    assert (unreachable.result, unreachable.run.summary) == (5, None)
    for one in (played, failed, text, table, unreachable):
        one.replay()


def test_an_error_prompt_that_cannot_be_asked_does_not_hide_the_error(openai_server: Any, tmp_path: Path) -> None:
    code = 'Worker.turn() error("no luck", 0)'
    played = turn(openai_server, [ANSWER], code, error_prompt="What went wrong in {env.REGION}?")
    assert played.error.startswith("no luck\n(error_prompt could not be asked: ")
    assert "REGION" in played.error
    assert played.ended is not None
    assert (played.ended.error, played.ended.code, played.run.summary) == ("no luck", "RUN-005", None)
    assert len(openai_server.asked) == 1
    played.replay()
    limits = LimitSettings(max_tokens=5)
    spent = turn(openai_server, [ANSWER], code, error_prompt="Why?", limits=limits, folder=tmp_path)
    assert spent.error.startswith("no luck\n(error_prompt could not be asked: the run has used 15 tokens; the budget")
    spent.operator.resume(spent.run)
    spent.operator.close()
    openai_server.play([{"text": "Bad luck."}])
    with Operator.open(tmp_path, settings=configured(openai_server.url)) as operator:
        asyncio.run(operator.worker().run(once=True))
        (run,) = operator.runs()
        assert (run.error, run.summary) == ("no luck", "Bad luck.")


def test_no_turn_is_taken_past_max_turns(openai_server: Any) -> None:
    code = """
local n = 0
while true do
  local ok, why = pcall(Worker.turn)
  if not ok then return {n, why} end
  n = n + 1
end
"""
    run = turn(openai_server, [ANSWER] * 3, code, max_turns=2)
    own = turn(openai_server, [ANSWER] * 3, code, agent={"max_turns": 1})
    assert isinstance(run.result, list)
    assert isinstance(own.result, list)
    assert (run.result[0], own.result[0]) == (2, 1)
    assert "all of its 2 turns (max_turns)" in str(run.result[1])
    assert 'the agent "worker" has taken all of its 1 turns (max_turns)' in str(own.result[1])
    run.replay()


def test_a_status_report_is_no_part_of_the_run(openai_server: Any) -> None:
    played = turn(openai_server, [ANSWER, {"text": "Half way."}], "Worker.turn() Human.approve{message = '?'}")
    before = len(played.records)
    report = played.operator.status_report(played.run)
    assert report is not None
    assert report.content == "Half way."
    assert openai_server.asked[-1].body["messages"][-1]["content"].startswith("Briefly describe")
    assert len(played.records) == before
    assert msgspec.to_builtins(played.fold.agents.usage)["input"] == 10


def test_a_server_cannot_put_a_run_to_sleep_for_ever(openai_server: Any) -> None:
    played = turn(openai_server, [{"status": 429, "headers": {"retry-after": "1e300"}}, ANSWER])
    due = played.events(ReplyFailed)[0].due
    assert due - played.records[0].at <= 86401
    assert played.result == "Well done."


def test_arguments_nested_without_end_are_told_to_the_model(openai_server: Any) -> None:
    deep = {"text": "x", "calls": [{"name": "done", "arguments": '{"a":' * 5000 + "1" + "}" * 5000}]}
    played = turn(openai_server, [deep], code="return Worker.turn().tool_calls[1].error")
    assert played.result == "the arguments are nested too deep; give one JSON object with fewer levels"
    played.replay()


def test_a_long_reply_is_published_in_larger_parts_as_it_grows(openai_server: Any) -> None:
    played = turn(openai_server, [ANSWER])
    seen: list[tuple[int, str]] = []
    unlisten = played.operator.listen_replies(lambda partial, piece: seen.append((len(partial.text), piece)))
    openai_server.play([{"text": ["x" * 1000] * 1000}])
    again = played.operator.start(played.folder / "play.yaml")
    played.operator.run(again.id)
    worker = played.operator.worker()
    asyncio.run(worker.run(once=True))
    unlisten()
    assert [size for size, _ in seen[:100]] == list(range(1000, 101_000, 1000))
    assert len(seen) < 600
    assert "".join(piece for _, piece in seen) == "x" * seen[-1][0]
