"""What of a conversation is sent to a model: the filters of an agent, and estimates of tokens.

A conversation is cut between groups only: a message that asks for calls stands with all of their results, every other
message stands alone. What a model would be refused for never goes out: a result without its call, or a call without
its result. The system prompt, which is every system message at the head, is kept whatever a filter says. Belongs here:
pure functions of messages. Never: what the journal keeps, which is everything.

Every filter is idempotent, alone and in a chain, and never makes a conversation longer.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from ..document.procedure import Filter
from ..model.messages import ChatMessage, Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STANDARD = Filter(
    "ComposedFilter", chain=(Filter("LimitToolResults", count=2), Filter("TokenBudget", max_tokens=120_000))
)
"""What `StandardFilter` means."""
KEPT_CHARS = 500
"""How many characters of an older tool result are kept when `LimitToolResults` has no `max_chars`."""

_EACH = 4
"""Tokens that a message, a call or an offered tool costs besides its texts."""
_CUT = re.compile(r"\n\[(\d+) more characters cut\]\Z")
"""What stands where a text was cut."""


def shape(filter: Filter | None, messages: Sequence[ChatMessage], *, scale: float = 1.0) -> list[ChatMessage]:
    """The messages that are sent: those that the filter keeps, in their order.

    Without a filter everything is sent that a server would accept. A conversation that has calls without results, or
    results without calls, loses these messages.

    `TokenBudget` keeps the newest groups that fit into the budget together with the system prompt. When the newest
    group alone does not fit, its longest texts are shortened, with a mark of how much was cut, until it does: a
    request without its newest message asks for nothing, and one over the budget is refused. When there is not even
    room for that (the budget is hardly more than the system prompt, or less), only the system prompt is left, so that
    the budget is never exceeded by anything else. `LastMessages` does not count the system prompt, and keeps the
    newest group even if it has more messages. `LimitToolResults` leaves a text whole that cutting would not make
    shorter.

    Arguments:
        scale: Tokens as the model counts them, by tokens as `estimate` does; budgets are compared with the product.
    """
    conversation = _Conversation(messages)
    if filter is not None:
        conversation.apply(filter, scale)
    return conversation.head + conversation.rest


def estimate(messages: Sequence[ChatMessage], offers: Sequence[Offer] = ()) -> int:
    """About how many tokens a request has: a quarter of the bytes of its texts as UTF-8, and a few for each message,
    call and offered tool. Images and the like count nothing.

    Bytes, because text that is not Latin has fewer characters in a token. The same messages have the same estimate
    everywhere, and the estimate of two lists together is the sum of theirs. What a model makes of it differs by the
    model and the language; an agent's fold keeps the ratio at the latest reply, and `shape` takes it as `scale`. Give
    `offers` too where that ratio is measured, or every message seems to cost what the tools do.
    """
    return sum(map(_tokens, messages)) + sum(
        _EACH + _quarter(_size(item.name) + _size(item.description) + len(msgspec.json.encode(item.schema)))
        for item in offers
    )


class _Conversation:
    """The messages that are still to be sent."""

    def __init__(self, messages: Sequence[ChatMessage]) -> None:
        head = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
        self.head: list[ChatMessage] = list(messages[:head])
        """The system prompt."""
        self.rest: list[ChatMessage] = []
        self.starts: list[int] = []
        """Where in `rest` each group begins."""
        index = head
        while index < len(messages):
            message = messages[index]
            index += 1
            if message.role == "assistant" and message.calls:
                index = self._add_calls(message, messages, index)
            elif message.role != "tool":
                self.starts.append(len(self.rest))
                self.rest.append(message)

    def _add_calls(self, message: ChatMessage, messages: Sequence[ChatMessage], index: int) -> int:
        """Adds a message with its results, which begin at `index`, if all are there; returns where they end."""
        open_calls = Counter(call.id for call in message.calls)
        group = [message]
        while index < len(messages) and (result := messages[index]).role == "tool":
            index += 1
            if open_calls[result.call] > 0:
                open_calls[result.call] -= 1
                group.append(result)
        if len(group) == 1 + len(message.calls):
            self.starts.append(len(self.rest))
            self.rest += group
        return index

    def apply(self, filter: Filter, scale: float) -> None:
        if filter.cls == "TokenBudget":
            self._fit(filter.max_tokens or 0, scale)
        elif filter.cls == "LimitToolResults":
            self._limit_results(filter.count or 0, KEPT_CHARS if filter.max_chars is None else filter.max_chars)
        elif filter.cls == "LastMessages":
            self._keep_last(filter.count or 0)
        else:
            for item in STANDARD.chain if filter.cls == "StandardFilter" else filter.chain:
                self.apply(item, scale)

    def _drop_before(self, group: int) -> None:
        first = self.starts[group] if group < len(self.starts) else len(self.rest)
        self.rest = self.rest[first:]
        self.starts = [start - first for start in self.starts[group:]]

    def _keep_last(self, count: int) -> None:
        total, first = len(self.rest), max(len(self.starts) - 1, 0)
        while first > 0 and total - self.starts[first - 1] <= count:
            first -= 1
        self._drop_before(first)

    def _fit(self, budget: int, scale: float) -> None:
        used = sum(map(_tokens, self.head))
        first, end = len(self.starts), len(self.rest)
        while first > 0:
            start = self.starts[first - 1]
            more = used + sum(map(_tokens, self.rest[start:end]))
            if more * scale > budget:
                break
            first, end, used = first - 1, start, more
        if first == len(self.starts) and first > 0:
            start = self.starts[-1]
            shortened = _shortened(self.rest[start:], lambda tokens: (used + tokens) * scale <= budget)
            if shortened is not None:
                self.rest[start:] = shortened
                first -= 1
        self._drop_before(first)

    def _limit_results(self, count: int, chars: int) -> None:
        for index in range(len(self.rest) - 1, -1, -1):
            message = self.rest[index]
            if message.role != "tool":
                continue
            if count > 0:
                count -= 1
            elif len(message.content) > chars:
                self.rest[index] = _with_text(message, _cut(message.content, chars))


def _tokens(message: ChatMessage) -> int:
    found = _EACH + _quarter(_size(message.content) + _size(message.name))
    for call in message.calls:
        found += _EACH + _quarter(_size(call.name) + _size(call.arguments))
    return found


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _quarter(size: int) -> int:
    return (size + 3) // 4


def _cut(text: str, chars: int) -> str:
    """The first characters of a text and a mark of how many are missing; the text itself where that is not shorter."""
    missing = 0
    if (mark := _CUT.search(text, max(0, len(text) - 60))) is not None:
        kept, missing = text[: mark.start()], int(mark[1])
    else:
        kept = text
    if len(kept) <= chars:
        return text
    shorter = f"{kept[:chars]}\n[{missing + len(kept) - chars} more characters cut]"
    return shorter if len(shorter) < len(text) else text


def _shortened(group: list[ChatMessage], fits: Callable[[int], bool]) -> list[ChatMessage] | None:
    """The group with its longest texts cut to one length, the longest that fits; None when none does."""
    longest = max(len(message.content) for message in group)
    low, high, found = 0, longest, None
    while low < high:
        chars = (low + high) // 2
        shorter = [_with_text(message, _cut(message.content, chars)) for message in group]
        if fits(sum(map(_tokens, shorter))):
            low, found = chars + 1, shorter
        else:
            high = chars
    return found


def _with_text(message: ChatMessage, text: str) -> ChatMessage:
    if text is message.content:
        return message
    return ChatMessage(message.role, text, message.calls, message.call, message.name)
