"""What an agent's turn does: prompt, one reply of a model, the calls of tools in it.

A turn is an operation with parts, each recorded as it is done: what the turn says (`Prompted`), the reply, every call
of a tool. Entered again after a crash, it finds these in the record and goes on behind them, so that no reply is paid
twice and no finished call repeated. Belongs here: the order of these things, and what the model is told. Never: how a
model or a tool is reached, how anything is recorded, Lua.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from ..errors import BudgetError, ModelError, PrimitiveError, ToolError
from ..journal.events import Prompted, ReplyFailed
from ..journal.folds.agents import REPLY, reply_of, reply_value
from ..journal.folds.tools import TOOL_PREFIX
from ..journal.runs import Partial
from ..model.messages import ChatMessage, Reply
from ..primitives.execution import Call, Result
from ..primitives.rendering import render
from ..values import Value, to_plain
from . import status
from .calls import UNNAMED, Calls, call_key
from .filters import estimate, shape
from .offers import offered
from .prompts import output_guidance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..document.procedure import Agent
    from ..journal.events import Ended
    from ..journal.folds.agents import OpenTurn
    from ..model.messages import ModelRequest, RequestedCall, Usage
    from ..model.settings import LimitSettings
    from ..primitives.execution import ExecutionContext
    from ..tools.toolbox import Toolbox
    from .model import Model
    from .offers import Offered

MAX_DELAY = 60.0
"""The longest wait before a model is asked again, unless its server asks for a longer one."""
LONGEST_DELAY = 86400.0
"""And the longest that a server can ask for: a wrong header must not put a run to sleep for ever."""
AT_ONCE = 100_000
"""Characters of a reply up to which each piece is published as it arrives."""
SHARE = 100
"""What comes after them is published when it is this part of what was published before."""
_LUA_NAME = re.compile(r"[^#\x00-\x1f\x7f]{1,128}")


class Turns:
    """Takes the turns of one run's agents."""

    def __init__(
        self,
        context: ExecutionContext,
        *,
        model: Callable[[str | None], Model],
        tools: Callable[[], Toolbox],
        limits: LimitSettings,
        spent: Callable[[], tuple[Usage, Usage]],
    ) -> None:
        """`spent` gives what the run used so far, over all its attempts, and what all runs of its tree did."""
        self._context: ExecutionContext = context
        self._model: Callable[[str | None], Model] = model
        self._tools: Callable[[], Toolbox] = tools
        self._limits: LimitSettings = limits
        self._spent: Callable[[], tuple[Usage, Usage]] = spent

    # ---- what the driver calls

    def check_limits(self, agent: Agent) -> None:
        """Raises `PrimitiveError` when the run or the agent has taken all the turns that it may."""
        fold, procedure = self._context.fold.agents, self._context.procedure
        own = fold.of(agent.name).turns
        if agent.max_turns is not None and own >= agent.max_turns:
            raise PrimitiveError(f'the agent "{agent.name}" has taken all of its {agent.max_turns} turns (max_turns)')
        if fold.turns >= procedure.max_turns:
            raise PrimitiveError(f"the run's agents have taken all of its {procedure.max_turns} turns (max_turns)")

    async def turn(self, call: Call, agent: Agent, inject: str | None, prepared: Value) -> Value:
        """One turn; what `Worker.turn` returns."""
        turn = self._open()
        if turn is None or turn.prompted is None:
            self._context.note(self._prompted(agent, inject, prepared))
            turn = self._open()
        if turn is None or turn.prompted is None:
            raise AssertionError("the turn is not open")
        reply, names = await self._reply(call, agent, turn, with_tools=True)
        outcomes = await Calls(self._context, self._tools, call, agent, reply, names).make()
        calls: list[Value] = [_shown_call(asked, ended) for asked, ended in zip(reply.calls, outcomes, strict=True)]
        return _without_nil(
            {
                "content": reply.content,
                "tool_calls": calls,
                "token_usage": _usage(reply.usage),
                "model": reply.model,
                "stop_reason": reply.stop_reason,
            }
        )

    async def summary(self, call: Call, agent: Agent, prompt: str) -> str:
        """One more reply of the agent, without tools, about the run itself."""
        turn = self._open()
        if turn is None or turn.prompted is None:
            conversation = self._context.fold.agents.of(agent.name)
            self._context.note(Prompted(agent.name, None, [ChatMessage("user", prompt)], model=conversation.model))
            turn = self._open()
        if turn is None:
            raise AssertionError("the summary is not open")
        return (await self._reply(call, agent, turn, with_tools=False))[0].content

    async def tool(self, call: Call, name: str, arguments: dict[str, Value]) -> Result:
        """A call of a tool by the code."""
        plain = to_plain(arguments)
        key = call_key(self._context, call)
        self._context.begin(call)
        args: dict[str, object] = plain if isinstance(plain, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        try:
            found = self._context.errand(name, lambda: self._tools().call(name, args, key=key), worth=True)
        except ToolError as error:
            raise ToolError(f"Tools.{name}: {error}") from None
        return Result([found.value], None if found.kept is None else {"kept": found.kept})

    @staticmethod
    def check_tool_name(name: Value) -> str:
        """The name of a tool as the code wrote it. Raises `PrimitiveError`."""
        if not isinstance(name, str) or not _LUA_NAME.fullmatch(name):
            raise PrimitiveError(f"Tools: {name!r} cannot be the name of a tool")
        return name

    # ---- the parts of a turn

    def _open(self) -> OpenTurn | None:
        return self._context.fold.agents.open

    def _prompted(self, agent: Agent, inject: str | None, prepared: Value) -> Prompted:
        context = self._context
        fold, conversation = context.fold, context.fold.agents.of(agent.name)
        more: dict[str, Value] = {"prepared": prepared if prepared is not None else {}}
        system = self.render(agent.system_prompt, more)
        if context.procedure.outputs:
            system = f"{system}\n\n{output_guidance(context.procedure.outputs)}"
        said: list[ChatMessage] = []
        if conversation.turns == 0 and agent.initial_message is not None:
            said.append(ChatMessage("user", self.render(agent.initial_message, more)))
        received = fold.session.received
        said += [ChatMessage("user", message.content) for message in received[fold.agents.taken :]]
        if inject is not None:
            said.append(ChatMessage("user", inject))
        return Prompted(
            agent.name, None if system == conversation.system else system, said, len(received), agent.model or ""
        )

    def render(self, text: str, more: Mapping[str, Value]) -> str:
        """A template of the document, filled in; `more` holds further namespaces."""
        context = self._context
        return render(
            text, run_id=context.run_id, procedure=context.procedure, fold=context.fold, env_allow=context.env_allow,
            more=more,
        )  # fmt: skip

    async def _reply(
        self, call: Call, agent: Agent, turn: OpenTurn, *, with_tools: bool
    ) -> tuple[Reply, Mapping[str, str]]:
        """The reply, and what the tools that it calls are called by the document, where models cannot write that."""
        context = self._context
        base = f"{agent.name}.{REPLY}"
        part = Call(REPLY, context.fold.checkpoints.numbered(base), 1, call.line)
        recorded = context.recall_part({part.name: part})
        if recorded is not None:
            return reply_of(recorded.values[0]), _names(recorded.detail)
        while True:
            await context.until(turn.due)
            self.check_budget()
            model = self._model(agent.model)
            tools = offered(context, self._tools, agent) if with_tools else {}
            request = self._request(agent, turn, tools)
            started = context.now()
            found = self._ask(model, request, turn)
            if isinstance(found, Reply):
                break
            self._failed(found, agent, turn)
        detail: dict[str, Value] = {"agent": agent.name, "estimate": estimate(request.messages, request.offers)}
        called = {asked.name: tools[asked.name].name for asked in found.calls if asked.name in tools}
        differing: dict[str, Value] = {name: called[name] for name in called if called[name] != name}
        if differing:
            detail["names"] = differing
        context.record_part(
            part, [reply_value(found)], detail=detail, started_at=started, usage=found.usage, last=not found.calls
        )
        if found.calls:
            await context.after_part()
        return found, _names(detail)

    def _ask(self, model: Model, request: ModelRequest, turn: OpenTurn) -> Reply | ModelError:
        context, pieces = self._context, _Pieces(self._context, turn.name, request.agent)
        started = context.fold.started
        paid = started is None or not started.replies
        try:
            return context.errand("reply", lambda: model.reply(request, pieces.add), worth=paid)
        except ModelError as error:
            return error

    def _failed(self, error: ModelError, agent: Agent, turn: OpenTurn) -> None:
        """Notes that the model gave no reply and when it is asked again; raises when it is not."""
        if not error.retryable or turn.failures >= agent.retries:
            tried = f" (tried {turn.failures + 1} times)" if turn.failures else ""
            if error.retryable:
                tried += "; resume the run when this is over, or raise the agent's response.retries"
            raise ModelError(f"{agent.name}: {error}{tried}") from None
        attempt = turn.failures + 1
        delay = error.retry_after
        if delay is not None:
            delay = min(delay, LONGEST_DELAY)
        else:
            delay = min(agent.retry_delay * 2 ** (attempt - 1), MAX_DELAY)
            # So that many runs that failed together do not come back together.
            spread = hashlib.blake2b(f"{self._context.run_id} {turn.name} {attempt}".encode(), digest_size=2).digest()
            delay *= 1 + int.from_bytes(spread, "big") / 65536 / 4
        again = f"asked again in {delay:.3g} s ({attempt} of {agent.retries})"
        message = f"{agent.name}: {str(error).rstrip('.')}; {again}"
        self._context.note(ReplyFailed(message, attempt, self._context.now() + delay))

    def _request(self, agent: Agent, turn: OpenTurn, tools: Mapping[str, Offered]) -> ModelRequest:
        context, fold = self._context, self._context.fold
        conversation, prompted = fold.agents.of(agent.name), turn.prompted
        if prompted is None:
            raise AssertionError("the turn has no prompt")
        system = conversation.system if prompted.system is None else prompted.system
        messages = status.conversation_of(system, fold.session.messages, (*conversation.messages, *prompted.messages))
        shaped = shape(agent.filter, messages, scale=conversation.scale)
        request = status.request_of(agent, context.procedure, fold, shaped, context.place_in_tree())
        return msgspec.structs.replace(request, offers=tuple(item.offer for item in tools.values()))

    def check_budget(self) -> None:
        """Raises `BudgetError` when the run, with the runs above and below it, has used up what they may."""
        limits = self._limits
        if limits.max_tokens is None and limits.max_cost is None:
            return
        own, spent = self._spent()
        tokens, cost = _tokens(spent), spent.cost or 0.0
        if limits.max_tokens is not None and tokens >= limits.max_tokens:
            who = "the run has" if _tokens(own) == tokens else "the run, its parents and its children have"
            raise BudgetError(
                f"{who} used {tokens:,} tokens; the budget is {limits.max_tokens:,} (limits.max_tokens). "
                "Raise it in config.toml and resume the run."
            )
        if limits.max_cost is not None and cost >= limits.max_cost:
            who = "the run has" if own.cost == spent.cost else "the run, its parents and its children have"
            raise BudgetError(
                f"{who} spent ${cost:.4f}; the budget is ${limits.max_cost:.4f} (limits.max_cost). "
                "Raise it in config.toml and resume the run."
            )


class _Pieces:
    """Collects what arrives of a reply and publishes it; called on the loop of the outside."""

    def __init__(self, context: ExecutionContext, name: str, agent: str) -> None:
        self._context: ExecutionContext = context
        self._name: str = name
        self._agent: str = agent
        self._text: str = ""
        self._waiting: list[str] = []
        self._size: int = 0
        """Characters of what waits."""

    def add(self, piece: str) -> None:
        self._waiting.append(piece)
        self._size += len(piece)
        # Each publication copies all of the text: of a long one less often, or the time would grow with its square.
        if self._size * SHARE < len(self._text) - AT_ONCE:
            return
        piece = "".join(self._waiting)
        self._text += piece
        self._waiting, self._size = [], 0
        context = self._context
        context.publish(Partial(context.run_id, self._name, self._agent, self._text, context.now()), piece)


def _names(detail: Value) -> Mapping[str, str]:
    """The names of tools in what else is recorded of a reply."""
    names = detail.get("names") if isinstance(detail, dict) else None
    return {name: str(own) for name, own in names.items()} if isinstance(names, dict) else {}


def _shown_call(asked: RequestedCall, ended: Ended) -> Value:
    """A call as the code sees it."""
    shown: dict[str, Value] = {
        "name": ended.op.removeprefix(TOOL_PREFIX) if ended.op != UNNAMED else asked.name,
        "args": ended.args,
        "result": ended.values[0] if ended.values else None,
    }
    return _without_nil({**shown, "error": ended.error})


def _tokens(usage: Usage) -> int:
    return (usage.input or 0) + (usage.output or 0)


def _usage(usage: Usage) -> Value:
    counts = {name: getattr(usage, name) for name in ("input", "output", "total", "cached", "reasoning")}
    return _without_nil(counts)


def _without_nil(fields: dict[str, Value]) -> Value:
    return {name: value for name, value in fields.items() if value is not None}
