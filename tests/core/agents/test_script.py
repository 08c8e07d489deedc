"""Files of replies made of finished runs: what is in them, how they read, and that they give the same again."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.agents.replies import Replies
from proc_tui.core.agents.script import script_of
from proc_tui.core.journal.events import Began, Ended, Event, Prompted, Record, ReplyFailed, StateSet
from proc_tui.core.journal.folds.agents import REPLY, SUMMARY, TURN, reply_value
from proc_tui.core.model.messages import ModelRequest, Offer, Reply, RequestedCall, Usage
from proc_tui.core.testing import play

COST = Usage(1200, 40, 1240, cost=0.25)


def turn(agent: str, reply: Reply, number: int = 1, op: str = TURN) -> list[Event]:
    name = f"{agent}.{op}#{number}"
    return [
        Began(op, name),
        Prompted(agent),
        ReplyFailed(f"{agent}: overloaded", 1, 5.0),
        Ended(REPLY, f"{agent}.reply#{number}", values=[reply_value(reply)], opened=True),
        StateSet("x", 1),
        Ended(op, name, opened=True),
    ]


def run(*turns: list[Event]) -> list[Record]:
    return [Record(seq, 0.0, 1, event) for seq, event in enumerate((event for turn in turns for event in turn), 1)]


def text(content: str) -> Reply:
    return Reply(content, stop_reason="stop", model="big", usage=COST)


def call(name: str, arguments: str = "{}", id: str = "x") -> RequestedCall:
    return RequestedCall(id, name, arguments)


# ---- how it reads


def test_a_run_reads_as_a_person_would_write_it() -> None:
    calls = (
        call("list"),
        call("write_file", '{"path": "a.txt", "text": "one\\n  two\\n\\tthree\\n", "tags": ["a", 1, null, {}, []]}'),
        call("search", '{"query": "sea: and sand", "page": 1.0, "year": "2024"}'),
    )
    records = run(
        turn("writer", text("Here it is.")),
        turn("writer", Reply("Let me see:\n\n- one\n- two", calls, "tool_calls", "big", COST)),
        turn("writer", Reply("", (call("done", '{"reason": "It is written."}'),), "tool_calls")),
        turn("writer", Reply("That is lon", (), "length")),
        turn("critic", text("# Fine\n")),
        turn("writer", text("A summary"), op=SUMMARY),
    )
    script = script_of([("article", 1, records)])
    assert (
        script
        == """\
writer:
  - Here it is.
  - text: |-
      Let me see:

      - one
      - two
    calls:
      - list
      - write_file:
          path: a.txt
          text: |
            one
              two
            \tthree
          tags:
            - a
            - 1
            - null
            - {}
            - []
      - search:
          query: "sea: and sand"
          page: 1.0
          year: "2024"
  - done: It is written.
  - text: That is lon
    stop_reason: length
  - A summary

critic:
  - |
    # Fine
"""
    )
    assert Replies.parse(script, "s.yaml").scripts.keys() == {"writer", "critic"}


def test_a_key_says_no_more_than_it_must() -> None:
    same, other = run(turn("writer", text("a"))), run(turn("writer", text("b")))
    alike = script_of([("article", 1, same), ("article", 2, same), ("story", 1, same)])
    by_procedure = script_of([("article", 1, same), ("article", 2, same), ("story", 1, other)])
    by_run = script_of([("article", 1, same), ("article", 2, other), ("story", 1, other)])
    assert list(Replies.parse(alike, "s").scripts) == ["writer"]
    assert list(Replies.parse(by_procedure, "s").scripts) == ["article.writer", "story.writer"]
    assert list(Replies.parse(by_run, "s").scripts) == ["article#1.writer", "article#2.writer", "story.writer"]


def test_one_true_and_one_point_nought_are_different_arguments() -> None:
    runs = [
        ("article", nth, run(turn("writer", Reply(calls=(call("search", f'{{"x": {x}}}'),)))))
        for nth, x in enumerate(("1", "1.0", "true"), 1)
    ]
    assert len(Replies.parse(script_of(runs), "s").scripts) == 3


def test_a_turn_that_failed_for_good_is_an_error() -> None:
    failed: list[Event] = [
        Began(TURN, "writer.turn#1"),
        Prompted("writer"),
        ReplyFailed("writer: overloaded; asked again in 1 s (1 of 1)", 1, 5.0),
        Ended(TURN, "writer.turn#1", error="writer: overloaded (tried 2 times)", failed=True, opened=True),
    ]
    script = script_of([("article", 1, run(failed, turn("writer", text("a"), 2)))])
    assert script == "writer:\n  - error: overloaded (tried 2 times)\n  - a\n"


def test_a_turn_that_failed_after_its_reply_keeps_the_reply() -> None:
    events = turn("writer", text("a"))
    events[-1] = Ended(TURN, "writer.turn#1", error="no", failed=True, opened=True)
    assert script_of([("article", 1, run(events))]) == "writer:\n  - a\n"


def test_without_agents_there_is_nothing_to_play() -> None:
    script = script_of([("article", 1, run([StateSet("x", 1)]))])
    assert Replies.parse(script, "s").scripts == {}
    assert Replies.parse(script_of([]), "s").scripts == {}


@pytest.mark.parametrize(
    "arguments",
    [
        "not JSON",
        "",
        "[1]",
        '{"a": NaN}',
        '{"a": 123456789012345678901234567890}',
        '{"a": 1e400}',
        '{"a": -0.0, "b": 1e22, "c": 5e-324, "d": 0.1}',
        '{"<<": 1, "": 2, "null": 3, "a: b": 4, "1": 5, "*a": 6}',
        json.dumps({"k" * 3000: 1}),
        json.dumps({"a": "x" * 3000 + "\n" * 3}),
        '{"a":' * 100 + "1" + "}" * 100,
        '{"a": "\\ud83d\\ude00 \\u0000 \\u2028 \\u0085 \\ufeff"}',
    ],
)
async def test_odd_arguments_come_back_as_they_were(arguments: str) -> None:
    script = script_of([("article", 1, run(turn("writer", Reply(calls=(call("search", arguments),)))))])
    (again,) = (await replayed(script, "article", "writer", 1)).calls
    assert again.arguments == arguments or _same(again.arguments, arguments)


def _same(one: str, other: str) -> bool:
    first, second = (call("x", text).parsed() for text in (one, other))
    return not isinstance(first, str) and json.dumps(first) == json.dumps(second)


# ---- the round trip


async def replayed(script: str, procedure: str, agent: str, nth: int, turn: int = 0) -> Reply:
    offers = tuple(Offer(name) for name in NAMES)
    request = ModelRequest((), offers, agent, turn, procedure, nth)
    return await Replies.parse(script, "s.yaml").model().reply(request, lambda _piece: None)


NAMES = ["search", "list_all", "done", "stop", "null", "12", "no", "a-b"]
lines = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\t \r:#-'\"|>{}[]&*!%@`?,\\\x00\x85\u2028\ufeff"),
    max_size=30,
)
texts = (
    lines | st.lists(lines, max_size=4).map("\n".join) | st.sampled_from(["", "1e3", "0o7", "~", ".inf", "yes", "a: b"])
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
arguments = st.one_of(
    st.dictionaries(texts, values, max_size=3).map(json.dumps),
    st.dictionaries(texts, values, max_size=3).map(lambda data: json.dumps(data, ensure_ascii=False)),
    st.builds(lambda reason: json.dumps({"reason": reason}), texts),
    texts,
)
calls = st.lists(st.builds(call, st.sampled_from(NAMES), arguments), max_size=3).map(tuple)
replies = st.builds(Reply, texts, calls, st.sampled_from(["", "stop", "tool_calls", "length"]), st.just("big"))
runs = st.lists(
    st.tuples(
        st.sampled_from(["article", "a story: #1"]),
        st.lists(st.tuples(st.sampled_from(["writer", "critic"]), replies), max_size=4),
    ),
    max_size=4,
)


@pytest.mark.slow
@given(runs)
async def test_a_script_gives_the_same_replies(made: list[tuple[str, list[tuple[str, Reply]]]]) -> None:
    counts: dict[str, int] = {}
    tree: list[tuple[str, int, list[Record]]] = []
    expected: list[tuple[str, int, str, int, Reply]] = []
    for procedure, said in made:
        nth = counts[procedure] = counts.get(procedure, 0) + 1
        tree.append((procedure, nth, run(*(turn(agent, reply) for agent, reply in said))))
        for agent in ("writer", "critic"):
            own = [reply for name, reply in said if name == agent]
            expected += [(procedure, nth, agent, index, reply) for index, reply in enumerate(own)]
    script = script_of(tree)
    for procedure, nth, agent, index, reply in expected:
        again = await replayed(script, procedure, agent, nth, index)
        assert again.content == reply.content
        assert again.stop_reason == (reply.stop_reason or ("tool_calls" if reply.calls else "stop"))
        assert [item.name for item in again.calls] == [item.name for item in reply.calls]
        for ours, theirs in zip(again.calls, reply.calls, strict=True):
            assert ours.arguments == theirs.arguments or _same(ours.arguments, theirs.arguments)


@pytest.mark.slow
def test_a_finished_run_plays_again_from_its_own_script() -> None:
    code = """
local child = Procedure.run("child")
repeat local turn = Worker.turn() until Stop.requested()
return {child, Stop.reason(), State.get("n")}
"""
    child = "agents: {worker: {system_prompt: s}}\ncode: return Worker.turn{inject = 'x'}.content\n"
    agents = {"worker": {"system_prompt": "Work."}}
    first = play(
        code, agents=agents, workspace={"child": child},
        replies={"worker": ["a\n b", {"text": "now", "done": "all: done"}], "child.worker": ["from the child"]},
    )  # fmt: skip
    assert first.status == "COMPLETED"
    tree = [(row.procedure, place, first.operator.records(row)) for row, place in first.operator.tree(first.run)]
    script = script_of(tree)
    again = play(code, agents=agents, workspace={"child": child}, replies=Replies.parse(script, "s.yaml"))
    assert again.result == first.result


def test_a_long_conversation_is_written_and_read_quickly() -> None:
    records = run(*(turn("writer", text(f"line {n}\n" * 20), n) for n in range(500)))
    began = time.perf_counter()
    script = script_of([("article", 1, records)])
    assert len(Replies.parse(script, "s").scripts["writer"]) == 500
    assert time.perf_counter() - began < 2
