"""A model over real HTTP, against `tests/servers/openai_server.py`.

All tests that import langchain, which takes 1.1 s, are in this file, so that few worker processes pay for it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.agents.models import Models
from proc_tui.core.agents.openai import HOSTS, OpenAIModel
from proc_tui.core.errors import ModelError
from proc_tui.core.model.messages import ChatMessage, ModelRequest, Offer, Reply, RequestedCall, Usage
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import ModelSettings, PriceSettings, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from types import ModuleType

KEY = "sk-test/9f+secret"
HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Hello"))
NOW = 1_700_000_000.0


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    """Imported here, so that no test is slow because it is the first one."""
    import langchain_openai  # noqa: F401


class Clock:
    def now(self) -> float:
        return NOW


class Bench:
    """A server and models that use it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.texts: list[str] = []
        self.opened: list[OpenAIModel] = []

    def model(self, *, key: str = KEY, hosts: tuple[str, ...] = HOSTS, **settings: Any) -> OpenAIModel:
        secrets = Secrets({"TEST_KEY": key})
        if key:
            secrets.environment("TEST_KEY")
        given = ModelSettings(**{"model": "gpt-test", "base_url": self.server.url, **settings})
        opened = OpenAIModel(
            "main", given, secrets=secrets, key=key, key_from="TEST_KEY" if key else "", clock=Clock(), hosts=hosts
        )
        self.opened.append(opened)
        return opened

    async def ask(self, reply: dict[str, Any], request: ModelRequest | None = None, **settings: Any) -> Reply:
        self.server.play([reply])
        return await self.model(**settings).reply(request or ModelRequest(HELLO), self.texts.append)

    async def fail(self, reply: dict[str, Any], **settings: Any) -> ModelError:
        """The error of a reply that fails, in which no secret and no trace of a library may be."""
        with pytest.raises(ModelError) as caught:
            await self.ask(reply, **settings)
        return clean(caught.value)

    @property
    def sent(self) -> dict[str, Any]:
        return self.server.asked[-1].body


def clean(error: ModelError) -> ModelError:
    assert error.__cause__ is None
    assert error.__context__ is None
    assert KEY not in "".join(traceback.format_exception(error))
    assert "secret" not in str(error)
    return error


@pytest.fixture
async def bench(openai_server: Any) -> AsyncIterator[Bench]:
    bench = Bench(openai_server)
    yield bench
    for model in bench.opened:
        await model.aclose()


# Replies


async def test_text_arrives_in_pieces_and_is_whole_at_the_end(bench: Bench) -> None:
    reply = await bench.ask({"text": "Good morning to you", "model": "gpt-test-2"})
    assert bench.texts == ["Good ", "morning ", "to ", "you"]
    assert reply == Reply(
        content="Good morning to you", stop_reason="stop", model="gpt-test-2", usage=Usage(input=10, output=5, total=15)
    )


async def test_the_first_piece_is_given_on_before_the_last_one_is_sent(bench: Bench) -> None:
    bench.server.play([{"text": "one two", "hang": 2}])
    first = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.model().reply(ModelRequest(HELLO), lambda _: first.set()))
        await first.wait()
        assert not bench.server.paid
        task.cancel()


async def test_usage_has_cached_and_reasoning_tokens_and_a_cost(bench: Bench) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 60},
    }
    price = PriceSettings(input=1.0, output=10.0, cached=0.1)
    reply = await bench.ask({"text": "ok", "usage": usage}, price=price)
    assert reply.usage == Usage(1000, 100, 1100, 400, 60, (600 + 40 + 1000) / 1e6)


async def test_usage_that_is_repeated_in_each_chunk_is_not_added_up(bench: Bench) -> None:
    chunk = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}}
    reply = await bench.ask({"text": "a b", "inject": {"1": chunk, "2": chunk}})
    assert reply.usage == Usage(input=10, output=5, total=15)


async def test_usage_is_unknown_when_the_server_does_not_say(bench: Bench) -> None:
    reply = await bench.ask({"text": "ok", "usage": None}, price=PriceSettings(input=1, output=1))
    assert reply.usage == Usage()


async def test_a_reply_may_be_nothing_but_calls(bench: Bench) -> None:
    reply = await bench.ask({"calls": [{"name": "search", "arguments": {"q": "proverbs about rain"}, "id": "c1"}]})
    assert (reply.content, reply.stop_reason, bench.texts) == ("", "tool_calls", [])
    assert reply.calls == (RequestedCall("c1", "search", '{"q": "proverbs about rain"}'),)


async def test_parallel_calls_may_come_interleaved(bench: Bench) -> None:
    calls = [{"name": name, "arguments": {"text": name * 20}} for name in ("one", "two", "three")]
    reply = await bench.ask({"text": "Let me see.", "calls": calls})
    assert [(call.name, call.parsed()) for call in reply.calls] == [
        (name, {"text": name * 20}) for name in ("one", "two", "three")
    ]
    assert reply.content == "Let me see."


async def test_calls_without_index_or_id_are_told_apart(bench: Bench) -> None:
    calls = [{"name": "a", "arguments": {"n": n}, "index": None, "id": None} for n in (1, 2)]
    reply = await bench.ask({"calls": calls})
    assert [(call.id, call.arguments) for call in reply.calls] == [("call_0", '{"n": 1}'), ("call_1", '{"n": 2}')]


async def test_calls_with_the_same_index_and_other_ids_are_told_apart(bench: Bench) -> None:
    calls = [{"name": "a", "arguments": {"n": n}, "index": 0, "id": f"id{n}"} for n in (1, 2)]
    deltas = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": call["id"], "function": {"name": "a", "arguments": json.dumps(call["arguments"])}}
        ]}}]}
        for call in calls
    ]  # fmt: skip
    reply = await bench.ask({"text": "x", "inject": {"1": deltas[0], "2": deltas[1]}})
    assert [(call.id, call.parsed()) for call in reply.calls] == [("id1", {"n": 1}), ("id2", {"n": 2})]


async def test_a_call_without_an_id_gets_one_that_no_other_call_of_the_conversation_has(bench: Bench) -> None:
    earlier = ChatMessage("assistant", calls=(RequestedCall("call_0", "a"),))
    request = ModelRequest((*HELLO, earlier, ChatMessage("tool", "done", call="call_0")))
    reply = await bench.ask({"calls": [{"name": "a", "id": None}, {"name": "b", "id": "mine"}]}, request)
    assert [call.id for call in reply.calls] == ["call_1", "mine"]


async def test_arguments_that_are_not_json_stay_what_the_model_wrote(bench: Bench) -> None:
    reply = await bench.ask({"calls": [{"name": "search", "arguments": '{"q": "rain'}, {"name": "b", "arguments": ""}]})
    assert [call.arguments for call in reply.calls] == ['{"q": "rain', "{}"]
    assert isinstance(reply.calls[0].parsed(), str)


async def test_arguments_that_a_server_sends_as_an_object_become_text(bench: Bench) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"name": "a", "arguments": {"n": 1}}}]}}]}
    reply = await bench.ask({"text": "x", "inject": {"1": chunk}})
    assert [(call.name, call.arguments) for call in reply.calls] == [("a", '{"n": 1}')]


async def test_of_content_in_blocks_only_the_text_is_said(bench: Bench) -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
    reply = await bench.ask({"text": [thought, [{"type": "text", "text": "Yes"}], ", sir"]})
    assert (reply.content, bench.texts) == ("Yes, sir", ["Yes", ", sir"])


async def test_a_refusal_is_what_the_model_says(bench: Bench) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"refusal": "I cannot do that."}}]}
    assert (await bench.ask({"inject": {"1": chunk}})).content == "I cannot do that."


async def test_the_reason_why_it_stopped_is_in_the_servers_words(bench: Bench) -> None:
    assert (await bench.ask({"text": "and so", "finish": "length"})).stop_reason == "length"


async def test_a_server_that_does_not_stream_is_understood(bench: Bench) -> None:
    script = {"text": "All at once.", "calls": [{"name": "a", "arguments": {"n": 1}, "id": "c1"}], "plain": True}
    reply = await bench.ask(script)
    assert reply.content == "All at once."
    assert reply.calls == (RequestedCall("c1", "a", '{"n": 1}'),)
    assert (reply.stop_reason, reply.usage.total) == ("tool_calls", 15)
    assert bench.texts == ["All at once."]


async def test_a_choice_without_a_delta_and_comments_are_passed_over(bench: Bench) -> None:
    inject = {"1": {"choices": [{"index": 0}]}, "2": ": still there\n\n"}
    assert (await bench.ask({"text": "a b", "inject": inject})).content == "a b"


async def test_comments_are_a_sign_of_life(bench: Bench) -> None:
    comments = {"1": [": wait\n\n"] * 10}
    reply = await bench.ask({"text": "at last", "drip": 0.026, "inject": comments}, idle_timeout=0.25)
    assert reply.content == "at last"


async def test_a_connection_that_breaks_after_the_end_of_a_reply_takes_nothing_away(bench: Bench) -> None:
    assert (await bench.ask({"text": "paid", "cut": 3})).content == "paid"


async def test_characters_that_were_cut_in_two_are_mended_or_replaced(bench: Bench) -> None:
    halves = ["so \ud83d", "\ude00 ", "\ud83d!"]
    reply = await bench.ask({"text": halves, "calls": [{"name": "a", "arguments": '{"t": "\udc00"}'}]})
    assert reply.content == "so \U0001f600 \ufffd!"
    for text in (reply.content, reply.calls[0].arguments, *bench.texts):
        text.encode()


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": None}, {"prompt_tokens": "ten", "completion_tokens": -1}, [1], 7]
)
async def test_usage_that_is_none_is_unknown_and_not_0(bench: Bench, usage: object) -> None:
    reply = await bench.ask({"text": "ok", "usage": usage}, price=PriceSettings(input=1, output=1))
    assert (reply.content, reply.usage.input, reply.usage.cost) == ("ok", None, None)


async def test_a_long_reply_takes_time_in_proportion(bench: Bench) -> None:
    pieces = ["word "] * 1500
    reply = await bench.ask({"text": pieces, "calls": [{"name": "a", "arguments": {"text": "x" * 6000}}]})
    assert reply.content == "".join(pieces)
    assert reply.calls[0].parsed() == {"text": "x" * 6000}


@pytest.mark.slow
@pytest.mark.parametrize("finish", ["stop", "length"])
async def test_models_that_only_speak_the_newer_protocol_of_openai_reply_in_it(bench: Bench, finish: str) -> None:
    calls = [{"name": name, "arguments": {"n": name}} for name in ("one", "two")]
    said = ChatMessage("assistant", "Looking.", calls=(RequestedCall("c1", "one", '{"n": 1}'),))
    request = ModelRequest(
        (*HELLO, said, ChatMessage("tool", "wet", call="c1")), (Offer("one"), Offer("two")), max_tokens=9
    )
    script = {"text": "Let me see.", "calls": calls, "finish": finish}
    reply = await bench.ask(script, request, model="gpt-5-codex", hosts=("127.0.0.1",))
    assert bench.texts == ["Let ", "me ", "see."]
    assert [(call.id, call.name, call.parsed()) for call in reply.calls] == [
        ("call_one_0", "one", {"n": "one"}),
        ("call_two_1", "two", {"n": "two"}),
    ]
    assert (reply.content, reply.stop_reason, reply.model) == ("Let me see.", finish, "gpt-5-codex")
    assert reply.usage == Usage(input=10, output=5, total=15, cached=4)
    assert bench.sent["max_output_tokens"] == 9
    assert [item.get("type") for item in bench.sent["input"]][-2:] == ["function_call", "function_call_output"]


@pytest.mark.parametrize(
    ("event", "says", "retryable"),
    [
        (
            {"type": "error", "code": "server_error", "message": "tired"},
            "broke off the reply: server_error: tired",
            True,
        ),
        ({"type": "error", "code": "invalid_prompt", "message": "no"}, "refused the request: invalid_prompt", False),
        (
            {"type": "response.failed", "response": {"id": "r", "error": {"code": "server_error", "message": "tired"}}},
            "tired",
            True,
        ),
        ({"type": "response.completed", "response": {}}, "does not speak the OpenAI protocol", True),
    ],
)
async def test_failures_in_the_newer_protocol_are_told_apart_too(
    bench: Bench, event: dict[str, Any], says: str, retryable: bool
) -> None:
    script = {"text": "one two", "inject": {"1": {"sequence_number": 1, **event}}}
    error = await bench.fail(script, model="gpt-5-codex", hosts=("127.0.0.1",))
    assert says in str(error)
    assert error.retryable is retryable


async def test_only_openai_itself_is_sent_max_completion_tokens(bench: Bench) -> None:
    await bench.ask({"text": "ok"}, max_tokens=7, hosts=("127.0.0.1",))
    assert bench.sent["max_completion_tokens"] == 7
    assert "max_tokens" not in bench.sent


# What is sent


async def test_messages_and_tools_are_sent_as_the_protocol_wants_them(bench: Bench) -> None:
    calls = (RequestedCall("c1", "search", '{"q": "rain"}'), RequestedCall("c2", "search", '{"q": '))
    request = ModelRequest(
        messages=(
            *HELLO,
            ChatMessage("assistant", "Looking.", calls=calls),
            ChatMessage("tool", "wet", call="c1", name="search"),
            ChatMessage("tool", "the arguments are not JSON", call="c2", name="search"),
        ),
        offers=(
            Offer("search", "Finds things.", {"type": "object", "properties": {"q": {"type": "string"}}}),
            Offer("now"),
        ),
    )
    await bench.ask({"text": "ok"}, request)
    sent = bench.sent
    assert sent["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                {"type": "function", "id": "c1", "function": {"name": "search", "arguments": '{"q": "rain"}'}},
                {"type": "function", "id": "c2", "function": {"name": "search", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "wet", "tool_call_id": "c1"},
        {"role": "tool", "content": "the arguments are not JSON", "tool_call_id": "c2"},
    ]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["search", "now"]
    assert sent["tools"][0]["function"]["parameters"]["properties"] == {"q": {"type": "string"}}
    assert sent["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(("model", "role"), [("gpt-5-mini", "system"), ("o3-mini", "developer")])
async def test_a_conversation_is_sent_as_the_model_wants_it(bench: Bench, model: str, role: str) -> None:
    calls = (RequestedCall("c1", "search", ""), RequestedCall("c2", "search", '["rain"]'))
    answers = (ChatMessage("tool", "wet", call="c1"), ChatMessage("tool", "no object", call="c2"))
    later = (ChatMessage("system", "Be brief."), ChatMessage("assistant"), ChatMessage("user", "Zürich \U0001f327"))
    conversation = (*HELLO, ChatMessage("assistant", calls=calls), *answers, *later)
    await bench.ask({"text": "ok"}, ModelRequest(conversation), model=model)
    call = {"type": "function", "function": {"name": "search", "arguments": "{}"}}
    assert bench.sent["messages"] == [
        {"role": role, "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [{**call, "id": "c1"}, {**call, "id": "c2"}]},
        {"role": "tool", "content": "wet", "tool_call_id": "c1"},
        {"role": "tool", "content": "no object", "tool_call_id": "c2"},
        {"role": role, "content": "Be brief."},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "Zürich \U0001f327"},
    ]


async def test_what_is_not_set_is_not_sent(bench: Bench) -> None:
    await bench.ask({"text": "ok"})
    assert bench.sent.keys() == {"messages", "model", "stream", "stream_options"}
    assert bench.sent["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("model", ["o1-mini", "gpt-5-mini", "gpt-6", "gpt-5-codex"])
async def test_the_library_adds_and_drops_nothing_for_a_models_name(bench: Bench, model: str) -> None:
    await bench.ask({"text": "ok"}, model=model)
    assert bench.sent.keys() == {"messages", "model", "stream", "stream_options"}
    await bench.ask({"text": "ok"}, ModelRequest(HELLO, offers=(Offer("a"),)), model=model, temperature=0.5)
    assert bench.sent["temperature"] == 0.5


async def test_the_request_wins_over_the_settings(bench: Bench) -> None:
    settings = {"temperature": 0.2, "max_tokens": 100, "reasoning_effort": "low"}
    await bench.ask({"text": "ok"}, **settings)
    assert {key: bench.sent[key] for key in settings} == settings
    await bench.ask(
        {"text": "ok"}, ModelRequest(HELLO, temperature=0.0, max_tokens=7, reasoning_effort="high"), **settings
    )
    assert {key: bench.sent[key] for key in settings} == {
        "temperature": 0.0,
        "max_tokens": 7,
        "reasoning_effort": "high",
    }


async def test_the_key_goes_into_the_header_and_a_server_without_one_gets_a_stand_in(bench: Bench) -> None:
    await bench.ask({"text": "ok"})
    assert bench.server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    await bench.ask({"text": "ok"}, key="")
    assert bench.server.asked[-1].headers["authorization"] == "Bearer none"


async def test_the_environment_neither_redirects_nor_traces_a_conversation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, servers: ModuleType
) -> None:
    with servers.OpenAIServer() as other:
        root = other.url.removesuffix("/v1")
        for name in ("LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING"):
            monkeypatch.setenv(name, "true")
        for name in (
            "LANGCHAIN_ENDPOINT",
            "LANGSMITH_ENDPOINT",
            "LANGSMITH_GATEWAY",
            "OPENAI_BASE_URL",
            "OPENAI_API_BASE",
        ):
            monkeypatch.setenv(name, root)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_PROXY"):
            monkeypatch.setenv(name, root)
        for name in ("LANGSMITH_API_KEY", "LANGSMITH_GATEWAY_API_KEY", "OPENAI_API_KEY"):
            monkeypatch.setenv(name, "lsv2_other")
        reply = await bench.ask({"text": "here"})
        assert reply.content == "here"
        assert bench.server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
        assert other.asked == []


async def test_a_server_elsewhere_is_reached_through_the_proxy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, bench.server.url.removesuffix("/v1"))
    error = await bench.fail({"text": "ok"}, base_url="http://models.invalid/v1")
    assert "http://models.invalid/v1" in str(error)
    assert "404" in str(error)
    assert len(bench.server.asked) == 1


# Too much


async def test_a_reply_without_end_is_left(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proc_tui.core.agents.openai.MAX_TEXT", 1000)
    error = await bench.fail({"text": ["word "] * 1000})
    assert (error.retryable, sum(map(len, bench.texts))) == (False, 1000)
    assert "has no end in sight: it was left at" in str(error)


async def test_more_calls_than_anybody_makes_are_left(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proc_tui.core.agents.openai.MAX_CALLS", 10)
    assert len((await bench.ask({"calls": [{"name": "a"}] * 10})).calls) == 10
    error = await bench.fail({"calls": [{"name": "a"}] * 11})
    assert "it was left at 10 calls of tools" in str(error)


@pytest.mark.parametrize("reply", [{"text": "x" * 5000, "plain": True}, {"status": 500, "body": "x" * 5000}])
async def test_an_answer_in_one_piece_is_bounded_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reply: dict[str, Any]
) -> None:
    monkeypatch.setattr("proc_tui.core.agents.chat.MAX_LINE", 1000)
    error = await bench.fail(reply)
    assert (error.retryable, "has no end in sight" in str(error)) == (False, True)


async def test_a_stream_of_nothing_is_bounded_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proc_tui.core.agents.chat.MAX_BODY", 1000)
    assert "has no end in sight" in str(await bench.fail({"text": "x", "inject": {"1": [": ping\n\n"] * 1000}}))


async def test_names_that_a_model_made_up_are_sent_back_as_names(bench: Bench) -> None:
    calls = (RequestedCall("1", "docs.search now!"), RequestedCall("2", ""))
    answers = (ChatMessage("tool", "no such tool", call="1"), ChatMessage("tool", "no such tool", call="2"))
    await bench.ask({"text": "ok"}, ModelRequest((*HELLO, ChatMessage("assistant", calls=calls), *answers)))
    said = [call["function"]["name"] for message in bench.sent["messages"] for call in message.get("tool_calls", ())]
    assert said == ["docs_search_now_", "_"]


# Failures: the message says what happened and what to do


async def test_a_refused_key_is_named_and_not_shown(bench: Bench) -> None:
    error = await bench.fail(
        {"status": 401, "error": {"message": "Incorrect API key: KEY.", "code": "invalid_api_key"}}
    )
    assert str(error) == (
        f"the key in TEST_KEY was refused (401) by {bench.server.url}: Incorrect API key: ***.; "
        "set TEST_KEY to a key of that server"
    )
    assert (error.retryable, error.retry_after) == (False, None)


async def test_a_server_that_wants_a_key_says_which_setting_is_missing(bench: Bench) -> None:
    error = await bench.fail({"status": 401, "error": {"message": "no"}}, key="")
    assert "a request without a key was refused (401)" in str(error)
    assert "set api_key_env of [models.main] in config.toml" in str(error)


async def test_a_key_is_found_however_the_server_writes_it(bench: Bench) -> None:
    body = json.dumps(
        {"error": {"message": f"bad {KEY.replace('/', chr(92) + '/')} and sk-test%2F9f%2bsecret " + "x" * 999}}
    )
    error = await bench.fail({"status": 401, "body": body})
    assert "bad *** and *** xxx" in str(error)
    assert len(str(error)) < 800


@pytest.mark.parametrize(
    ("reply", "says", "retryable"),
    [
        ({"status": 403, "error": {"message": "no access"}}, "may not use the model gpt-test (403)", False),
        (
            {"status": 404, "error": {"message": "The model `gpt-test` does not exist", "code": "model_not_found"}},
            "does not know the model gpt-test (404): The model `gpt-test` does not exist; check model and base_url of "
            "[models.main] in config.toml",
            False,
        ),
        ({"status": 404, "body": "<html>nginx</html>"}, "(404): a web page; check model and base_url", False),
        (
            {"status": 429, "error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
            "the account of the key in TEST_KEY has no quota left (429)",
            False,
        ),
        ({"status": 402, "error": {"message": "Insufficient Balance"}}, "add credit or use another model", False),
        (
            {"status": 400, "error": {"message": "too long", "code": "context_length_exceeded"}},
            "the conversation is too long for the model gpt-test (400)",
            False,
        ),
        (
            {"status": 400, "error": {"message": "the request exceeds the available context size (4096 tokens)"}},
            "give the agent a filter, for example TokenBudget",
            False,
        ),
        (
            {"status": 400, "error": {"message": "unknown field `n`"}},
            "refused the request (400): unknown field `n`",
            False,
        ),
        ({"status": 422, "body": '{"detail": [{"msg": "bad"}]}'}, 'refused the request (422): [{"msg": "bad"}]', False),
        ({"status": 500, "error": {"message": "oh\x1b[31m\nno"}}, "failed (500): oh [31m no", True),
        (
            {"status": 400, "body": '[{"error": {"message": "in a list"}}]'},
            "refused the request (400): in a list",
            False,
        ),
        ({"status": 503, "body": "overloaded"}, "failed (503): overloaded", True),
        ({"status": 529, "body": ""}, "failed (529)", True),
        ({"status": 408, "body": ""}, "did not take the request now (408)", True),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_refusal_says_what_to_do(bench: Bench, reply: dict[str, Any], says: str, retryable: bool) -> None:
    error = await bench.fail(reply)
    assert says in str(error)
    assert bench.server.url in str(error)
    assert "\x1b" not in str(error)
    assert error.retryable is retryable
    assert len(bench.server.asked) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "20"}, 20.0),
        ({"Retry-After-Ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT", "Date": "Tue, 14 Nov 2023 22:13:45 GMT"}, 5.0),
        ({"Retry-After": "Tue, 14 Nov 2023 20:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
    ],
)
async def test_retry_after_is_understood_in_every_form(
    bench: Bench, headers: dict[str, str], seconds: float | None
) -> None:
    error = await bench.fail({"status": 429, "error": {"message": "slow down"}, "headers": headers})
    assert (error.retryable, error.retry_after) == (True, seconds)
    assert "asks to slow down (429)" in str(error)


async def test_a_limit_by_the_minute_is_not_the_end_of_a_quota(bench: Bench) -> None:
    error = await bench.fail({"status": 429, "body": '[{"error": {"message": "You exceeded your current quota"}}]'})
    assert error.retryable


async def test_a_server_that_is_down_is_named(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    error = await bench.fail({}, base_url=url)
    assert f"cannot connect to {url}" in str(error)
    assert "is the server running there?" in str(error)
    assert error.retryable


async def test_an_address_without_http_and_a_password_in_one_are_handled(bench: Bench) -> None:
    url = bench.server.url.replace("http://", "http://me:secretword@")
    error = await bench.fail({"status": 400, "error": {"message": "not secretword"}}, base_url=url)
    assert f"{bench.server.url} refused the request (400): not ***" in str(error)


async def test_silence_before_the_reply_ends_after_the_idle_timeout(bench: Bench) -> None:
    error = await bench.fail({"hang": "headers"}, idle_timeout=0.05)
    assert "no sign of life from" in str(error)
    assert "for 0.05 s" in str(error)
    assert "idle_timeout of [models.main]" in str(error)
    assert error.retryable
    assert bench.server.asked[0].left.wait(2)


async def test_silence_within_the_reply_ends_after_the_idle_timeout(bench: Bench) -> None:
    error = await bench.fail({"text": "one two three", "hang": 2}, idle_timeout=0.15)
    assert "no sign of life from" in str(error)
    assert error.retryable
    assert bench.texts == ["one "]
    assert bench.server.asked[0].left.wait(2)


async def test_a_reply_that_only_drips_ends_after_the_timeout(bench: Bench) -> None:
    error = await bench.fail({"text": "drop " * 50, "drip": 0.02}, timeout=0.3, idle_timeout=5.0)
    assert "did not finish the reply within 0.3 s" in str(error)
    assert error.retryable
    assert bench.texts
    assert bench.server.asked[0].left.wait(2)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"text": "one two three", "cut": 2}, "the connection broke"),
        ({"text": "one two three", "finish": None}, "the connection broke: the reply of"),
        ({"text": "one", "choices": []}, "ended with nothing said"),
        ({"text": "one", "inject": {"1": 'data: {"choices": [}\n\n'}}, "does not speak the OpenAI protocol"),
        ({"text": "one", "inject": {"1": 'data: "hello"\n\n'}}, "does not speak the OpenAI protocol"),
        ({"text": "one", "inject": {"1": "data: [1]\n\n"}}, "does not speak the OpenAI protocol"),
        ({"text": "one", "inject": {"1": {"choices": [3]}}}, "does not speak the OpenAI protocol"),
        ({"text": "one", "inject": {"1": {"choices": 7}}}, "does not speak the OpenAI protocol"),
        ({"text": "one", "inject": {"1": {"error": {"message": "KEY is tired", "code": "server_error"}}}}, "broke off"),
        ({"text": "one", "inject": {"1": {"error": "plain words"}}}, "broke off the reply: plain words"),
        ({"text": "one", "inject": {"1": {"error": {"message": "busy", "code": 429}}}}, "asks to slow down (429)"),
        ({"text": "one", "inject": {"1": {"error": {"message": "busy", "code": 502}}}}, "failed (502): busy"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_reply_that_breaks_off_may_be_asked_for_again(bench: Bench, reply: dict[str, Any], says: str) -> None:
    error = await bench.fail(reply)
    assert says in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("insufficient_quota", "no quota left"),
        ("context_length_exceeded", "too long for the model"),
        ("invalid_request_error", "refused the request"),
        ("content_filter", "refused the request"),
        (401, "was refused (401)"),
    ],
)
async def test_an_error_within_the_reply_may_be_final(bench: Bench, code: object, says: str) -> None:
    error = await bench.fail({"text": "one", "inject": {"1": {"error": {"message": "no", "code": code}}}})
    assert says in str(error)
    assert not error.retryable


async def test_an_error_in_one_piece_of_json_is_an_error(bench: Bench) -> None:
    body = json.dumps({"error": {"message": "busy", "code": 503}})
    error = await bench.fail({"status": 200, "body": body})
    assert "failed (503): busy" in str(error)
    assert error.retryable


async def test_a_web_page_instead_of_a_reply_points_at_the_address(bench: Bench) -> None:
    error = await bench.fail({"status": 200, "body": "<html>Hi</html>", "headers": {"Content-Type": "text/html"}})
    assert "answered with a web page: text/html; check base_url of [models.main]" in str(error)
    assert not error.retryable


# Cancelling, loops


async def test_cancelling_ends_a_reply_at_once_and_closes_the_connection(bench: Bench) -> None:
    bench.server.play([{"text": "one two three", "hang": 3}])
    begun = asyncio.Event()

    def hear(text: str) -> None:
        bench.texts.append(text)
        begun.set()

    task = asyncio.get_running_loop().create_task(bench.model().reply(ModelRequest(HELLO), hear))
    await begun.wait()
    moment = time.perf_counter()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.perf_counter() - moment < 0.1
    assert bench.texts[0] == "one "
    assert await asyncio.to_thread(bench.server.asked[0].left.wait, 2)


async def test_cancelling_works_while_the_server_says_nothing_yet(bench: Bench) -> None:
    bench.server.play([{"hang": "headers"}])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.model().reply(ModelRequest(HELLO), bench.texts.append))
        assert await asyncio.to_thread(bench.server.came.wait, 2)
        task.cancel()
    assert task.cancelled()
    assert await asyncio.to_thread(bench.server.asked[0].left.wait, 2)


async def test_an_environment_that_allows_no_connection_is_a_models_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://1")
    with pytest.raises(ModelError, match=r"cannot set up connections to https://models.invalid/v1: .*HTTPS_PROXY"):
        await bench.model(base_url="https://models.invalid/v1").reply(ModelRequest(HELLO), bench.texts.append)
    assert (await bench.ask({"text": "local"})).content == "local"


async def test_an_error_of_the_listener_is_not_the_models(bench: Bench) -> None:
    def deaf(_: str) -> None:
        raise TimeoutError("mine")

    bench.server.play([{"text": "one two", "hang": 2}])
    with pytest.raises(TimeoutError, match="mine"):
        await bench.model().reply(ModelRequest(HELLO), deaf)
    assert await asyncio.to_thread(bench.server.asked[0].left.wait, 2)


async def test_many_replies_at_the_same_time_share_one_model(bench: Bench) -> None:
    bench.server.play([{"text": f"number {n}"} for n in range(8)])
    model = bench.model()
    replies = await asyncio.gather(*(model.reply(ModelRequest(HELLO), lambda _: None) for _ in range(8)))
    assert {reply.content for reply in replies} == {f"number {n}" for n in range(8)}


def test_a_model_works_in_one_event_loop_after_another(openai_server: Any) -> None:
    openai_server.play([{"text": "one"}, {"text": "two"}])
    model = Bench(openai_server).model()

    async def once() -> str:
        try:
            return (await model.reply(ModelRequest(HELLO), lambda _: None)).content
        finally:
            await model.aclose()

    assert [asyncio.run(once()), asyncio.run(once())] == ["one", "two"]


# The configured models


def configured(server: Any, check: Callable[[Models], Any] | None = None, **settings: Any) -> Models:
    table = {"model": "gpt-test", "base_url": server.url, **settings}
    return Models(Settings(models={"main": msgspec.convert(table, ModelSettings)}), Secrets({"TEST_KEY": KEY}))


async def test_a_configured_model_replies_with_its_key(openai_server: Any) -> None:
    openai_server.play([{"text": "hi"}])
    models = configured(openai_server, api_key_env="TEST_KEY")
    assert (await models.get(None).reply(ModelRequest(HELLO), lambda _: None)).content == "hi"
    assert openai_server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    await models.aclose()


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (["gpt-test", "other"], None),
        (["models/gpt-test"], None),
        (["gpt-test:latest"], None),
        (None, None),
        ([], None),
        (["gpt-tess"], 'has no model "gpt-test"; did you mean "gpt-tess"?'),
        (["x", "y"], 'has no model "gpt-test"; it has x, y'),
    ],
)
async def test_the_check_compares_with_what_the_server_lists(
    openai_server: Any, listed: list[str] | None, says: str | None
) -> None:
    openai_server.play({"models": listed})
    models = configured(openai_server)
    found = await models.check("main")
    await models.aclose()
    assert (found is None) if says is None else (found is not None and says in found)
    assert openai_server.asked == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 401, "error": {"message": "KEY is wrong"}}, "the key in TEST_KEY was refused (401)"),
        (
            {"status": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}},
            "does not speak the OpenAI protocol",
        ),
        ({"status": 500, "body": ""}, "failed (500)"),
        ({"hang": "headers"}, "did not answer within 0.05 s"),
    ],
)
async def test_the_check_says_what_is_wrong_with_a_server(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], says: str
) -> None:
    if "hang" in answer:
        monkeypatch.setattr("proc_tui.core.agents.openai.CHECK_SECONDS", 0.05)
    openai_server.play({"models": answer})
    models = configured(openai_server, api_key_env="TEST_KEY")
    found = await models.check("main") or ""
    await models.aclose()
    assert says in found
    assert KEY not in found


async def test_the_check_says_when_a_server_is_down(openai_server: Any) -> None:
    openai_server.close()
    models = configured(openai_server)
    assert "is the server running there?" in (await models.check("main") or "")
    await models.aclose()


# The server as a program


@pytest.mark.slow
def test_the_server_runs_as_a_program_and_files_what_was_asked_and_paid(servers: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("by: turn\nreplies:\n- text: first\n- text: second\n  cut: 2\n")
    folder = tmp_path / "log"
    command = [sys.executable, str(servers.__file__), str(script), "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        model = OpenAIModel("main", ModelSettings(model="m", base_url=url), secrets=Secrets({}))
        answered = ChatMessage("assistant", "first")

        async def talk() -> list[str]:
            first = [(await model.reply(ModelRequest(HELLO), lambda _: None)).content for _ in range(2)]
            with pytest.raises(ModelError, match="the connection broke"):
                await model.reply(ModelRequest((*HELLO, answered, HELLO[1])), lambda _: None)
            await model.aclose()
            return first

        assert asyncio.run(talk()) == ["first", "first"]
        process.communicate("")
    assert process.returncode == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["0001.paid", "0001.request.json", "0002.paid", "0002.request.json", "0003.request.json"]
    assert json.loads((folder / "0003.request.json").read_text())["messages"][2]["content"] == "first"
