"""Filters: what they keep, what they never do, and what they cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from proc_tui.core.agents.filters import KEPT_CHARS, estimate, shape
from proc_tui.core.document.procedure import Filter
from proc_tui.core.model.messages import ChatMessage, Offer, RequestedCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

SYSTEM = ChatMessage("system", "Be brief.")


def said(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def called(*ids: str, text: str = "") -> ChatMessage:
    return ChatMessage("assistant", text, tuple(RequestedCall(id, "search", '{"q": "x"}') for id in ids))


def result(call: str, text: str = "found") -> ChatMessage:
    return ChatMessage("tool", text, call=call, name="search")


def budget(tokens: int) -> Filter:
    return Filter("TokenBudget", max_tokens=tokens)


def limit(count: int, chars: int | None = None) -> Filter:
    return Filter("LimitToolResults", count=count, max_chars=chars)


def last(count: int) -> Filter:
    return Filter("LastMessages", count=count)


def chain(*filters: Filter) -> Filter:
    return Filter("ComposedFilter", chain=filters)


# ---- examples


def test_without_a_filter_everything_is_sent() -> None:
    messages = [SYSTEM, said("a"), called("1", "2"), result("2"), result("1"), ChatMessage("assistant", "b")]
    assert shape(None, messages) == messages
    assert shape(None, []) == []


@pytest.mark.parametrize(
    "messages",
    [
        [result("1"), said("b")],
        [called("1"), said("b")],
        [called("1"), said("a"), result("1")],
        [called("1", "2"), result("1"), said("b")],
        [called("1", "1"), result("1"), said("b")],
        [called("1"), result("2"), said("b")],
    ],
)
def test_calls_without_results_and_results_without_calls_are_not_sent(messages: list[ChatMessage]) -> None:
    texts = [message for message in messages if message.role == "user"]
    assert shape(None, [SYSTEM, *messages]) == [SYSTEM, *texts]


def test_a_second_result_of_the_same_call_is_not_sent() -> None:
    assert shape(None, [called("1"), result("1", "a"), result("1", "b")]) == [called("1"), result("1", "a")]


def test_ids_of_calls_may_come_again_in_later_turns() -> None:
    messages = [called("call_0"), result("call_0", "a"), called("call_0"), result("call_0", "b")]
    assert shape(None, messages) == messages


def test_the_newest_messages_that_fit_are_kept() -> None:
    messages = [SYSTEM, *(said(str(index) * 40) for index in range(9))]  # 14 tokens each, and 7 for the system prompt
    assert estimate(messages) == 7 + 9 * 14
    assert shape(budget(7 + 2 * 14), messages) == [SYSTEM, *messages[-2:]]
    assert shape(budget(6 + 2 * 14), messages) == [SYSTEM, *messages[-1:]]
    assert shape(budget(1000), messages) == messages


def test_budgets_are_in_tokens_as_the_model_counts_them() -> None:
    messages = [SYSTEM, *(said(str(index) * 40) for index in range(9))]
    assert shape(budget(2 * (7 + 2 * 14)), messages, scale=2.0) == [SYSTEM, *messages[-2:]]
    assert shape(budget(18), messages, scale=0.5) == [SYSTEM, *messages[-2:]]


def test_a_budget_has_no_gaps() -> None:
    messages = [said("short"), said("long" * 100), said("short too")]
    assert shape(budget(20), messages) == [messages[2]]


def test_a_call_goes_with_its_results() -> None:
    messages = [SYSTEM, said("a"), called("1", "2"), result("1"), result("2"), said("b")]
    whole = estimate(messages[2:]) + estimate([SYSTEM])
    assert shape(budget(whole), messages) == [SYSTEM, *messages[2:]]
    assert shape(budget(whole - 1), messages) == [SYSTEM, said("b")]


def test_the_newest_message_is_shortened_where_it_alone_does_not_fit() -> None:
    shaped = shape(budget(50), [SYSTEM, said("old"), said("0123456789" * 100)])
    assert [message.role for message in shaped] == ["system", "user"]
    assert shaped[1].content.startswith("0123456789")
    assert shaped[1].content.endswith(" more characters cut]")
    assert 49 <= estimate(shaped) <= 50


def test_of_the_newest_results_the_longest_are_shortened_most() -> None:
    messages = [SYSTEM, called("1", "2"), result("1", "short"), result("2", "long" * 1000)]
    shaped = shape(budget(100), messages)
    assert shaped[:3] == messages[:3]
    assert shaped[3].content.endswith("more characters cut]")
    assert shaped[3].call == "2"
    assert estimate(shaped) <= 100


def test_a_budget_that_the_system_prompt_uses_up_leaves_nothing_else() -> None:
    assert shape(budget(3), [SYSTEM, said("a")]) == [SYSTEM]
    assert shape(budget(8), [SYSTEM, said("a" * 500)]) == [SYSTEM]


def test_only_the_system_messages_at_the_head_are_the_system_prompt() -> None:
    messages = [SYSTEM, SYSTEM, said("a" * 100), ChatMessage("system", "later"), said("b")]
    assert shape(last(1), messages) == [SYSTEM, SYSTEM, said("b")]
    assert shape(last(2), messages) == [SYSTEM, SYSTEM, *messages[-2:]]


def test_older_results_are_shortened_and_say_by_how_much() -> None:
    messages = [called("1"), result("1", "a" * 1234), called("2"), result("2", "b" * 1234), said("c")]
    shaped = shape(limit(1, 100), messages)
    assert shaped[1].content == "a" * 100 + "\n[1134 more characters cut]"
    assert shaped[2:] == messages[2:]
    assert shape(limit(2, 100), messages) == messages
    assert shape(limit(0, 0), messages)[3].content == "\n[1234 more characters cut]"
    assert len(shape(limit(0), messages)[1].content) == KEPT_CHARS + len("\n[734 more characters cut]")


def test_a_result_is_left_whole_where_cutting_would_not_make_it_shorter() -> None:
    messages = [called("1"), result("1", "a" * 110)]
    assert shape(limit(0, 100), messages) == messages


def test_a_text_that_is_cut_twice_says_how_much_is_missing_altogether() -> None:
    messages = [called("1"), result("1", "a" * 1000)]
    assert shape(chain(limit(0, 500), limit(0, 100)), messages) == shape(limit(0, 100), messages)
    assert shape(chain(limit(0, 100), limit(0, 500)), messages) == shape(limit(0, 100), messages)


def test_the_last_messages_are_kept_and_no_call_is_split() -> None:
    messages = [SYSTEM, said("a"), called("1", "2"), result("1"), result("2"), said("b")]
    assert shape(last(1), messages) == [SYSTEM, said("b")]
    assert shape(last(3), messages) == [SYSTEM, said("b")]
    assert shape(last(4), messages) == [SYSTEM, *messages[2:]]
    assert shape(last(1), messages[:-1]) == [SYSTEM, *messages[2:-1]]


def test_the_standard_filter_limits_results_and_tokens() -> None:
    turns = [[called(str(n)), result(str(n), "x" * 2000)] for n in range(1500)]
    messages = [SYSTEM, *(message for turn in turns for message in turn)]
    shaped = shape(Filter("StandardFilter"), messages)
    assert shaped[-4:] == messages[-4:]
    assert shaped[-5].content.endswith("[1500 more characters cut]")
    assert 119_000 < estimate(shaped) <= 120_000
    assert shape(chain(limit(2), budget(120_000)), messages) == shaped


def test_an_estimate_counts_bytes_calls_and_tools() -> None:
    assert estimate([]) == 0
    assert estimate([said("x" * 400)]) == 104
    assert estimate([said("語" * 400)]) == 304
    assert estimate([called("1")]) == 4 + 4 + 4
    assert estimate([], [Offer("search", "Finds things.", {"type": "object"})]) == 4 + 9


# ---- properties

texts = st.one_of(
    st.text(max_size=12),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=6), st.integers(0, 200)),
    st.builds(lambda text, cut: f"{text}\n[{cut} more characters cut]", st.text(max_size=40), st.integers(0, 10**6)),
)
ids = st.sampled_from(["", "1", "2", "3"])
loose = st.one_of(
    st.builds(ChatMessage, st.sampled_from(["system", "user", "assistant"]), texts),
    st.builds(lambda call, text: result(call, text), ids, texts),
    st.builds(lambda calls, text: called(*calls, text=text), st.lists(ids, min_size=1, max_size=3), texts),
)


@st.composite
def turns(draw: st.DrawFn) -> list[ChatMessage]:
    calls = draw(st.lists(ids, min_size=1, max_size=4))
    results = [result(call, draw(texts)) for call in draw(st.permutations(calls))]
    return [called(*calls, text=draw(texts)), *results]


conversations = st.builds(
    lambda head, parts: [*head, *(message for part in parts for message in part)],
    st.lists(st.builds(ChatMessage, st.just("system"), texts), max_size=2),
    st.lists(st.one_of(turns(), loose.map(lambda message: [message])), max_size=12),
)
budgets = st.builds(budget, st.integers(1, 400))
simple = st.one_of(
    budgets,
    st.builds(limit, st.integers(0, 4), st.none() | st.integers(0, 300)),
    st.builds(last, st.integers(1, 12)),
    st.just(Filter("StandardFilter")),
)
filters = st.one_of(
    st.none(),
    st.recursive(
        simple, lambda inner: st.builds(lambda parts: chain(*parts), st.lists(inner, min_size=1, max_size=4)),
        max_leaves=6,
    ),
)  # fmt: skip
scales = st.sampled_from([0.3, 1.0, 1.7])


def head_of(messages: list[ChatMessage]) -> list[ChatMessage]:
    count = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    return messages[:count]


def accepted(messages: list[ChatMessage]) -> bool:
    """Whether every call is followed by its results and nothing but them, as servers demand."""
    waiting: list[str] = []
    for message in messages:
        if message.role == "tool":
            if message.call not in waiting:
                return False
            waiting.remove(message.call)
        elif waiting:
            return False
        elif message.role == "assistant":
            waiting = [call.id for call in message.calls]
    return not waiting


def same_but_shorter(short: ChatMessage, long: ChatMessage) -> bool:
    kept = short.content.rpartition("\n[")[0] if short.content != long.content else short.content
    same = (short.role, short.calls, short.call, short.name) == (long.role, long.calls, long.call, long.name)
    return same and long.content.startswith(kept) and len(short.content) <= len(long.content)


@pytest.mark.slow
@given(filters, conversations, scales)
def test_a_call_is_never_split_from_its_results(
    chosen: Filter | None, messages: list[ChatMessage], scale: float
) -> None:
    assert accepted(shape(chosen, messages, scale=scale))


@pytest.mark.slow
@given(filters, conversations, scales)
def test_the_system_prompt_is_always_kept(chosen: Filter | None, messages: list[ChatMessage], scale: float) -> None:
    head = head_of(messages)
    assert shape(chosen, messages, scale=scale)[: len(head)] == head


@pytest.mark.slow
@given(filters, conversations, scales)
def test_shaping_twice_is_shaping_once(chosen: Filter | None, messages: list[ChatMessage], scale: float) -> None:
    once = shape(chosen, messages, scale=scale)
    assert shape(chosen, once, scale=scale) == once


@pytest.mark.slow
@given(filters, conversations, scales)
def test_what_is_sent_is_what_there_was_in_order(
    chosen: Filter | None, messages: list[ChatMessage], scale: float
) -> None:
    left = iter(messages)
    for message in shape(chosen, messages, scale=scale):
        assert any(same_but_shorter(message, item) for item in left)


@pytest.mark.slow
@given(st.integers(1, 400), filters, conversations, scales)
def test_a_budget_is_never_exceeded_but_by_the_system_prompt(
    tokens: int, other: Filter | None, messages: list[ChatMessage], scale: float
) -> None:
    others = () if other is None else (other,)
    for chosen in (budget(tokens), chain(*others, budget(tokens)), chain(budget(tokens), *others)):
        shaped = shape(chosen, messages, scale=scale)
        assert estimate(shaped) * scale <= tokens or shaped == head_of(messages)


@pytest.mark.slow
@given(st.integers(1, 400), conversations)
def test_a_budget_keeps_as_much_as_it_can(tokens: int, messages: list[ChatMessage]) -> None:
    shaped, whole = shape(budget(tokens), messages), shape(None, messages)
    assume(shaped != whole and len(shaped) > len(head_of(messages)))
    count = len(shaped) - len(head_of(messages))
    dropped = whole[len(head_of(messages)) : -count]
    group = next((i for i in range(len(dropped) - 1, -1, -1) if dropped[i].role != "tool"), None)
    if group is not None and shaped[-count:] == whole[-count:]:
        assert estimate(shaped) + estimate(dropped[group:]) > tokens


@pytest.mark.slow
@given(st.lists(simple, min_size=1, max_size=4), conversations, scales)
def test_a_chain_is_its_filters_one_after_the_other(
    parts: list[Filter], messages: list[ChatMessage], scale: float
) -> None:
    # A later system message would belong to the prompt once all before it is left out.
    messages = expected = [SYSTEM, *(message for message in messages if message.role != "system")]
    for part in parts:
        expected = shape(part, expected, scale=scale)
    assert shape(chain(*parts), messages, scale=scale) == expected


@pytest.mark.slow
@given(st.integers(0, 4), st.integers(0, 300), conversations)
def test_only_older_results_are_shortened(count: int, chars: int, messages: list[ChatMessage]) -> None:
    whole, shaped = shape(None, messages), shape(limit(count, chars), messages)
    results = [index for index, message in enumerate(whole) if message.role == "tool"]
    older = set(results[: max(0, len(results) - count)])
    for index, (before, after) in enumerate(zip(whole, shaped, strict=True)):
        assert before == after or index in older
        if index in older:
            assert len(after.content) <= chars + 70


@pytest.mark.slow
@given(conversations, conversations)
def test_the_estimate_of_two_conversations_is_the_sum(one: list[ChatMessage], two: list[ChatMessage]) -> None:
    assert estimate(one + two) == estimate(one) + estimate(two)


@pytest.mark.parametrize("name", ["StandardFilter", "TokenBudget", "LastMessages", "LimitToolResults"])
def test_the_work_grows_with_the_messages_and_not_with_their_square(name: str) -> None:
    chosen = Filter(name, max_tokens=10**9, count=10**9)  # pyright: ignore[reportArgumentType]

    def lines(turns: int) -> int:
        """How many lines of Python are executed, which no other program changes."""
        messages = [SYSTEM, *[called("1"), result("1", "x" * 100)] * turns]
        count = 0

        def traced(_frame: FrameType, event: str, _arg: object) -> Callable[..., Any]:
            nonlocal count
            count += event == "line"
            return traced

        before = sys.gettrace()
        sys.settrace(traced)
        try:
            shape(chosen, messages)
        finally:
            sys.settrace(before)
        return count

    assert lines(800) < 20 * lines(50)
