"""The scripted model: whose replies it gives, how, and how loudly it fails."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.agents.filters import estimate
from proc_tui.core.agents.model import Model
from proc_tui.core.agents.replies import Replies
from proc_tui.core.errors import ModelError, RepliesError
from proc_tui.core.model.messages import ChatMessage, ModelRequest, Offer, Reply, RequestedCall, Usage

ASKED = (ChatMessage("system", "Be brief."), ChatMessage("user", "Where is the lighthouse?"))


def asks(
    agent: str = "writer",
    turn: int = 0,
    procedure: str = "article",
    nth: int = 1,
    tools: tuple[str, ...] = ("search", "done", "stop"),
    messages: tuple[ChatMessage, ...] = ASKED,
    failures: int = 0,
) -> ModelRequest:
    offers = tuple(Offer(name) for name in tools)
    return ModelRequest(messages, offers, agent, turn, procedure, nth, failures=failures)


def file(text: str) -> Replies:
    return Replies.parse(text, "r.yaml")


async def said(replies: Replies, request: ModelRequest) -> Reply:
    return await replies.model().reply(request, lambda _piece: None)


# ---- whose replies


KEYS = """
writer: [any]
article.writer: [in an article]
article#2.writer: [in the second article]
"Überblick 1.5.writer": [in an overview]
"""


@pytest.mark.parametrize(
    ("procedure", "nth", "expected"),
    [
        ("story", 1, "any"),
        ("article", 1, "in an article"),
        ("article", 2, "in the second article"),
        ("article", 12, "in an article"),
        ("Überblick 1.5", 3, "in an overview"),
    ],
)
async def test_the_most_specific_key_wins(procedure: str, nth: int, expected: str) -> None:
    assert (await said(file(KEYS), asks(procedure=procedure, nth=nth))).content == expected


async def test_replies_come_in_the_order_of_the_agents_own() -> None:
    replies = file("writer: [one, two]\neditor: [three]\n")
    assert (await said(replies, asks(turn=1))).content == "two"
    assert (await said(replies, asks(turn=0))).content == "one"
    assert (await said(replies, asks("editor"))).content == "three"


async def test_the_last_reply_can_be_repeated() -> None:
    replies = file("writer:\n  - one\n  - text: and so on\n    repeat: true\n")
    assert [(await said(replies, asks(turn=turn))).content for turn in (0, 1, 2, 500)] == ["one", *["and so on"] * 3]


async def test_a_script_that_has_run_out_says_what_was_asked() -> None:
    with pytest.raises(RepliesError) as caught:
        await said(file("article.writer: [a, b, c]\nwriter: []\n"), asks(turn=3))
    assert str(caught.value) == (
        'r.yaml: the agent "writer" of the procedure "article" (its run #1) asks for reply 4; the file has 3 under '
        "`article.writer`. Add one, or give the last one `repeat: true`"
    )
    with pytest.raises(RepliesError, match="asks for reply 1; the file has 0 under `writer`"):
        await said(file("article.writer: [a]\nwriter: []\n"), asks(procedure="other"))


async def test_an_agent_without_a_script_is_told_whose_there_are() -> None:
    with pytest.raises(RepliesError) as caught:
        await said(file("wrtier: [a]\neditor: [b]\n"), asks())
    assert str(caught.value) == (
        'r.yaml: no replies for the agent "writer" of the procedure "article" (its run #1); the file has `wrtier`, '
        '`editor`; did you mean "wrtier"?'
    )
    with pytest.raises(RepliesError, match="the file is empty: add `writer:`"):
        await said(file("# nothing\n"), asks())


# ---- what a reply is


async def test_a_text_alone_is_a_reply() -> None:
    replies = file('writer: [42, true, 1.50, "null", " a: b ", ""]')
    found = [await said(replies, asks(turn=turn)) for turn in range(6)]
    assert [reply.content for reply in found] == ["42", "true", "1.50", "null", " a: b ", ""]
    assert {reply.stop_reason for reply in found} == {"stop"}
    assert {reply.model for reply in found} == {"scripted"}


async def test_calls_have_names_arguments_and_ids_of_their_own() -> None:
    replies = file(
        """
writer:
  - text: I look.
    calls:
      - search: {query: sea, limit: 3, deep: [1.0, null, {no: true}]}
      - search
      - search: not JSON
      - search:
    done: found
    stop_reason: odd
  - stop: lost
  - content: the same as text
"""
    )
    first, second, third = [await said(replies, asks(turn=turn)) for turn in range(3)]
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("search", '{"query": "sea", "limit": 3, "deep": [1.0, null, {"no": true}]}'),
        ("search", "{}"),
        ("search", "not JSON"),
        ("search", "{}"),
        ("done", '{"reason": "found"}'),
    ]
    assert first.stop_reason == "odd"
    assert second.calls[0].name == "stop"
    assert second.stop_reason == "tool_calls"
    assert third.content == "the same as text"
    ids = [call.id for reply in (first, second) for call in reply.calls]
    assert len(set(ids)) == len(ids)


async def test_a_call_of_what_is_not_offered_fails() -> None:
    replies = file("writer:\n  - calls: [serch: {query: sea}]\n")
    with pytest.raises(RepliesError) as caught:
        await said(replies, asks())
    assert str(caught.value) == (
        'r.yaml:2:5: this reply calls "serch", which is not offered to the agent "writer" of the procedure "article" '
        '(its run #1) (offered: search, done, stop); did you mean "search"?'
    )
    with pytest.raises(RepliesError, match=r"\(no tool is\)"):
        await said(replies, asks(tools=()))


async def test_tokens_are_estimated_where_the_file_says_nothing() -> None:
    replies = file("writer:\n  - Here.\n  - {text: Here., usage: {output: 9, cached: 2, reasoning: 1, cost: 0.5}}\n")
    sent = estimate(ASKED, asks().offers)
    assert (await said(replies, asks())).usage == Usage(sent, 6, sent + 6)
    assert (await said(replies, asks(turn=1))).usage == Usage(sent, 9, sent + 9, 2, 1, 0.5)


async def test_the_model_has_a_name() -> None:
    model: Model = file("writer: [{text: a, model: big}]").model()
    assert model.name == "scripted"
    assert (await model.reply(asks(), lambda _piece: None)).model == "big"


# ---- how it is said


async def test_a_text_arrives_word_by_word() -> None:
    pieces: list[str] = []
    replies = file(f'writer: ["  One two,\\n three.  ", {"x" * 60}]')
    await replies.model().reply(asks(), pieces.append)
    assert pieces == ["  ", "One ", "two,\n ", "three.  "]
    pieces.clear()
    await replies.model().reply(asks(turn=1), pieces.append)
    assert [len(piece) for piece in pieces] == [24, 24, 12]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_the_pieces_are_the_text(text: str) -> None:
    pieces: list[str] = []
    replies = file(json.dumps({"writer": [text]}, ensure_ascii=False))
    reply = asyncio.run(replies.model().reply(asks(), pieces.append))
    assert "".join(pieces) == reply.content == text


async def test_a_slow_reply_can_be_cancelled_and_what_arrived_is_known() -> None:
    pieces: list[str] = []
    replies = file("writer: [{text: one two three, delay: 60}]")
    async with asyncio.timeout(5):
        task = asyncio.get_running_loop().create_task(replies.model().reply(asks(), pieces.append))
        while not pieces:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert pieces == ["one "]


async def test_a_long_reply_lets_others_go_on() -> None:
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(other())
    await said(file(f"writer: [{'word ' * 1000}]"), asks())
    task.cancel()
    assert len(turns) >= 30


# ---- failing on purpose


async def test_an_error_takes_a_place_in_the_list() -> None:
    replies = file(
        """
writer:
  - one
  - {error: The server is overloaded., retryable: true}
  - {text: half a, error: The connection broke.}
  - two
"""
    )
    pieces: list[str] = []
    model = replies.model()
    with pytest.raises(ModelError, match="overloaded") as overloaded:
        await model.reply(asks(turn=1), pieces.append)
    assert overloaded.value.retryable is True
    assert pieces == []
    with pytest.raises(ModelError, match="broke") as broke:
        await model.reply(asks(turn=1, failures=1), pieces.append)
    assert broke.value.retryable is False
    assert pieces == ["half ", "a"]
    assert (await model.reply(asks(turn=1, failures=2), pieces.append)).content == "two"


async def test_what_is_expected_must_stand_in_what_is_sent() -> None:
    replies = file(
        'writer:\n  - {text: a, expect: lighthouse}\n  - {text: b, expect: [brief, "Rub", 2]}\n'
        "  - {done: c, expect: sand}\n"
    )
    assert (await said(replies, asks())).content == "a"
    with pytest.raises(RepliesError) as caught:
        await said(replies, asks(turn=1))
    assert str(caught.value) == (
        'r.yaml:3:5: this reply expects "Rub" and "2" in what the agent "writer" of the procedure "article" '
        "(its run #1) sends; it sends:\n  system: Be brief.\n  user: Where is the lighthouse?"
    )
    called = ChatMessage("assistant", "", (RequestedCall("1", "search", '{"q": "Rub"}'),))
    messages = (*ASKED, called, ChatMessage("tool", "2\n" + "x" * 400, call="1"))
    assert (await said(replies, asks(turn=1, messages=messages))).content == "b"
    with pytest.raises(RepliesError) as caught:
        await said(replies, asks(turn=2, messages=messages * 5))
    assert "(12 earlier messages)\n" in str(caught.value)
    assert '\n  assistant: search({"q": "Rub"})\n  tool: 2\n    xxx' in str(caught.value)
    assert str(caught.value).endswith("x…")


# ---- files


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("- a", ["1:1: replies are a map: an agent's name, and under it"]),
        ("just a text", ["1:1: replies are a map"]),
        ("writer: a text", ["1:9: the replies of `writer` must be a list: each begins with `- `"]),
        ("writer:", ["the replies of `writer` must be a list"]),
        ("writer#2: [a]", ["1:1: `writer#2` is neither an agent's name, nor `procedure.agent`"]),
        ("my writer: [a]", ["1:1: `my writer` is neither"]),
        ("writer: [null]", ["1:10: a reply is a text, or a map such as `text: Hello`"]),
        ("writer:\n  -\n", ["a reply is a text, or a map"]),
        ("writer: [[a]]", ["1:10: a reply is a text"]),
        ("writer: [{}]", ["1:10: this reply says nothing; give one of text, content, calls, done, stop, error"]),
        ("writer: [{usage: {input: 1}}]", ["1:10: this reply says nothing"]),
        ("writer: [{txt: a}]", ['1:11: "txt" is not known here; did you mean "text"?']),
        ("writer:\n  - Sure: I write.\n", ['2:5: "Sure" is not known here (known: text, .*); a text with `: ` in it']),
        ("writer: [{text: [a]}]", ["1:17: `text` must be a text"]),
        ("writer: [{text: }]", ["`text` must be a text"]),
        ("writer: [{text: a, content: b}]", ["1:20: `content` is another name of `text`"]),
        ("writer: [{error: a, calls: [search]}]", ["1:21: `calls` cannot stand with `error`"]),
        ("writer: [{text: a, retryable: true}]", ["1:20: `retryable` is about an `error`"]),
        ("writer: [{error: a, retryable: soon}]", ["1:32: `retryable` must be true or false"]),
        ("writer: [{text: a, repeat: true}, b]", ["1:20: only the last reply of a list can be repeated"]),
        ("writer: [{text: a, repeat: 3}]", ["1:28: `repeat` must be true or false"]),
        ("writer: [{text: a, delay: -1}]", ["1:27: `delay` must be a number from 0 to 60"]),
        ("writer: [{text: a, delay: .nan}]", ["`delay` must be a number"]),
        ("writer: [{text: a, expect: {b: c}}]", ["1:28: `expect` is a text, or a list of texts"]),
        ("writer: [{text: a, expect: [b, ]}]", []),
        ("writer: [{text: a, expect: ['']}]", ["1:29: `expect` is a text"]),
        ("writer: [{text: a, usage: 5}]", ["1:27: `usage` is a map of input, output, cached, reasoning, cost"]),
        ("writer: [{text: a, usage: {inputs: 5}}]", ['1:28: "inputs" is not known here; did you mean "input"?']),
        ("writer: [{text: a, usage: {input: -5}}]", ["1:35: `input` must be a number of tokens"]),
        ("writer: [{text: a, usage: {input: true}}]", ["1:35: `input` must be a number of tokens"]),
        ("writer: [{text: a, usage: {cost: .inf}}]", ["1:34: `cost` must be a number from 0"]),
        ("writer: [{calls: search}]", ["1:18: `calls` is a list: each begins with `- name:"]),
        ("writer: [{calls: {search: {q: a}}}]", ["1:18: `calls` is a list"]),
        ("writer:\n- calls:\n  - search:\n    query: a\n", ["3:5: a call is the tool's name with its"]),
        ("writer: [{calls: [5]}]", ["1:19: a call is the tool's name"]),
        ("writer: [{calls: ['']}]", ["1:19: a call is the tool's name"]),
        ("writer: [{calls: [search: [a]]}]", ["1:27: arguments are a map, or a text"]),
        ("writer: [{calls: [search: {a: [.inf]}]}]", ["1:27: arguments are JSON, which has no numbers such as .inf"]),
        ("writer: [a\n", ["not valid YAML"]),
        ("writer: [a]\nwriter: [b]\n", ["2:1: `writer` is given twice"]),
        ("writer: [*a]", ["1:10: `*a` refers to no anchor"]),
        ("a: &a [*a]", ["stands inside what"]),
        ("[" * 100, ["nested more than 60 deep"]),
        ("writer: ['\x07']", ["U+0007 is not allowed"]),
        ("writer:\n  - done: [a]\n  - {}\neditor: 5\n", ["2:11: `done` must", "3:5: this reply", "4:9: the repl"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_listed_with_its_place(text: str, problems: list[str]) -> None:
    if not problems:
        file(text)
        return
    with pytest.raises(RepliesError) as caught:
        file(text)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith("r.yaml:")
        start, _, end = problem.partition(".*")
        assert start in line
        assert end in line


def test_a_file_is_read_and_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes("\ufeffwriter: [é]\n".encode())
    replies = Replies.load(path)
    assert (replies.file, replies.text, list(replies.scripts)) == (str(path), "writer: [é]\n", ["writer"])
    path.write_bytes(b"writer: [\xff]\n")
    with pytest.raises(RepliesError, match=r"r\.yaml:1:10: byte 0xff is not UTF-8"):
        Replies.load(path)
    with pytest.raises(RepliesError, match=r'cannot read the replies ".*none\.yaml": No such file'):
        Replies.load(tmp_path / "none.yaml")


@given(st.text(st.sampled_from("writer:-# \n[]{},'\"|>*&!%@`text0.5done")) | st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        file(text)
        problems = []
    except RepliesError as error:
        problems = str(error).splitlines()
    assert all(problem.startswith("r.yaml:") for problem in problems)


async def test_a_message_hostile_to_yaml_comes_back(tmp_path: Path) -> None:
    text = "a: b # c\n\t- 'd'\n{e}"
    assert (await said(file(f"writer: [{json.dumps(text)}]"), asks())).content == text
