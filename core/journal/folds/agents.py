"""The conversations of a run's agents, the turn that is open, and what models used.

A turn is an operation with parts. What it adds to a conversation counts once it has ended well: a turn that failed
leaves nothing behind, so that trying it again does not say everything twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ...model.messages import ChatMessage, Reply, Usage
from ...values import Value, from_json, to_plain

if TYPE_CHECKING:
    from ..events import Began, Ended, MessagesTaken, Prompted, Record, ReplyFailed, RunEnded, ToolChild

TURN, SUMMARY, REPLY = "turn", "summary", "reply"
"""The kinds of operations: a turn, the turn that a prompt about the run asks for at its end, a reply within either."""
TURNS = (TURN, SUMMARY)
MOST_SCALE = 4.0
"""By how much an estimate of tokens is corrected at most: a server may count nonsense."""


class OpenTurn:
    """The parts of a turn that are recorded so far."""

    def __init__(self, name: str) -> None:
        self.name: str = name
        """The turn's checkpoint: `worker.turn#3`."""
        self.prompted: Prompted | None = None
        self.reply: Reply | None = None
        self.results: dict[int, ChatMessage] = {}
        """What the model is told of each call that ended, by the call's place in the reply."""
        self.children: dict[str, str] = {}
        """The runs that calls of procedures started, by the call's name."""
        self.failures: int = 0
        """How often the model gave no usable reply."""
        self.due: float = 0.0
        """When it is asked again."""


class Conversation:
    """One agent's conversation."""

    def __init__(self) -> None:
        self.system: str = ""
        """The system prompt of the latest turn."""
        self.model: str = ""
        self.messages: list[ChatMessage] = []
        self.replies: int = 0
        """How many replies the agent had; a scripted model's place in its script."""
        self.failures: int = 0
        """How often the model gave none."""
        self.turns: int = 0
        self.usage: Usage = Usage()
        self.unpriced: int = 0
        """How many of its replies have no known price."""
        self.scale: float = 1.0
        """Tokens as the model counts them, by tokens as they are estimated, at its latest reply."""


class AgentFold:
    """What agents go on with, and what the conversation pane and listings of usage read."""

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.open: OpenTurn | None = None
        self.last: str | None = None
        """The agent that took the latest turn."""
        self.turns: int = 0
        """Turns that agents took, all together."""
        self.usage: Usage = Usage()
        """Of all replies, those of turns that failed later too."""
        self.used_by: dict[str, Usage] = {}
        """The same by the name of the turn."""
        self.unpriced: int = 0
        """How many replies have no known price."""
        self.taken: int = 0
        """How many of the run's received messages have been given to code or agents."""

    def of(self, agent: str) -> Conversation:
        """An agent's conversation, empty before its first turn."""
        return self.conversations.get(agent) or Conversation()

    def _apply_began(self, event: Began, record: Record) -> None:
        if event.op in TURNS:
            self.open = OpenTurn(event.name)

    def _apply_prompted(self, event: Prompted, record: Record) -> None:
        if self.open is not None:
            self.open.prompted = event

    def _apply_reply_failed(self, event: ReplyFailed, record: Record) -> None:
        if self.open is not None:
            self.open.failures, self.open.due = event.attempt, event.due
            self._count_failure(self.open)

    def _apply_tool_child(self, event: ToolChild, record: Record) -> None:
        if self.open is not None:
            self.open.children[event.call] = event.child

    def _apply_messages_taken(self, event: MessagesTaken, record: Record) -> None:
        self.taken = event.taken

    def _apply_run_ended(self, event: RunEnded, record: Record) -> None:
        self.open = None if event.status == "COMPLETED" else self.open

    def _apply_ended(self, event: Ended, record: Record) -> None:
        if self.open is None:
            return
        if event.op == REPLY and not event.failed:
            self._replied(event)
        elif event.op in TURNS:
            turn, self.open = self.open, None
            if event.failed and turn.reply is None:
                self._count_failure(turn)
            if not event.failed and event.op == TURN:
                self._took(turn)
        elif isinstance(event.detail, dict) and isinstance(index := event.detail.get("index"), int):
            text, call = event.detail.get("text"), event.detail.get("id")
            name = event.detail.get("name")
            self.open.results[index] = ChatMessage("tool", str(text or ""), call=str(call or ""), name=str(name or ""))

    def _replied(self, event: Ended) -> None:
        turn = self.open
        if turn is None or turn.prompted is None or not event.values:
            return
        reply = turn.reply = reply_of(event.values[0])
        usage = reply.usage
        self.usage = self.usage.plus(usage)
        self.used_by[turn.name] = usage
        self.unpriced += usage.cost is None
        conversation = self.conversations.setdefault(turn.prompted.agent, Conversation())
        conversation.replies += 1
        conversation.usage = conversation.usage.plus(usage)
        conversation.unpriced += usage.cost is None
        estimate = event.detail.get("estimate") if isinstance(event.detail, dict) else None
        if isinstance(estimate, int) and estimate > 0 and usage.input:
            conversation.scale = min(max(usage.input / estimate, MOST_SCALE**-1), MOST_SCALE)

    def _count_failure(self, turn: OpenTurn) -> None:
        if turn.prompted is not None:
            self.conversations.setdefault(turn.prompted.agent, Conversation()).failures += 1

    def _took(self, turn: OpenTurn) -> None:
        prompted, reply = turn.prompted, turn.reply
        if prompted is None or reply is None:
            return
        conversation = self.conversations[prompted.agent]
        if prompted.system is not None:
            conversation.system = prompted.system
        conversation.model = prompted.model
        conversation.turns += 1
        conversation.messages += prompted.messages
        conversation.messages.append(ChatMessage("assistant", reply.content, reply.calls))
        conversation.messages += [turn.results[index] for index in sorted(turn.results)]
        self.last, self.taken = prompted.agent, max(self.taken, prompted.taken)
        self.turns += 1


def reply_value(reply: Reply) -> Value:
    """A reply as the outcome of its operation keeps it."""
    return from_json(msgspec.to_builtins(reply))


def reply_of(value: Value) -> Reply:
    """The reply that `reply_value` gave."""
    return msgspec.convert(to_plain(value), Reply)
