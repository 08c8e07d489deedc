"""The calls of tools that a model asked for in one reply.

All begin at once. Each is recorded as it ends, under a name that follows from its place in the reply, so that a crash
repeats none that ended; and all are shown to the model in the order in which it asked for them. Belongs here: beginning
them and recording their ends. Never: how a tool is reached.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from ..document import templates
from ..errors import Blocked, LeaseLost, PrimitiveError, ProcError, ToolError, did_you_mean
from ..journal.events import StopRequested
from ..journal.folds.tools import TOOL_PREFIX
from ..primitives.execution import Call
from ..tools.arguments import problem
from ..values import Value, digest
from .offers import BUILT_IN, Offered, offer_name, offered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from ..document.procedure import Agent
    from ..journal.events import Ended, Event
    from ..model.messages import Reply, RequestedCall, ToolResult
    from ..primitives.execution import ChildOutcome, ExecutionContext
    from ..tools.toolbox import Toolbox

UNNAMED = f"{TOOL_PREFIX}?"
"""The operation of a call of what cannot be the name of a tool."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class _Asked(msgspec.Struct, frozen=True):
    """A call that is to be made, and its place in the reply."""

    index: int
    requested: RequestedCall
    call: Call
    args: dict[str, Value] | str
    """Or what is wrong with their text."""


class Calls:
    """Makes the calls of one reply."""

    def __init__(
        self, context: ExecutionContext, tools: Callable[[], Toolbox], turn: Call, agent: Agent, reply: Reply,
        names: Mapping[str, str],
    ) -> None:  # fmt: skip
        """`names` is what the document calls the tools, by the names that the model wrote, where these differ."""
        self._context: ExecutionContext = context
        self._tools: Callable[[], Toolbox] = tools
        self._turn: Call = turn
        self._agent: Agent = agent
        self._names: Mapping[str, str] = names
        self._left: dict[str, _Asked] = {item.call.name: item for item in self._asked(reply.calls)}
        self._ended: dict[int, Ended] = {}

    async def make(self) -> list[Ended]:
        """The outcomes, in the order of the calls."""
        context = self._context
        while self._left:
            ended = context.recall_part({name: item.call for name, item in self._left.items()})
            if ended is None:
                break
            self._ended[self._left.pop(ended.name).index] = ended
        if self._left:
            await self._perform()
        return [self._ended[index] for index in sorted(self._ended)]

    def _asked(self, requested: Sequence[RequestedCall]) -> list[_Asked]:
        # Of two alike the first has the name. What a server's `*` stands for is only known from the offers.
        listed = {offer_name(name): name for name in reversed(self._agent.tools)} | dict(self._names)
        seen: Counter[str] = Counter()
        found: list[_Asked] = []
        for index, item in enumerate(requested):
            name = listed.get(item.name, item.name)
            op = TOOL_PREFIX + name if _NAME.fullmatch(name) else UNNAMED
            first = int(self._context.fold.checkpoints.numbered(op).rpartition("#")[2])
            args = item.parsed()
            shown: Value = None if isinstance(args, str) else args
            call = Call(op, f"{op}#{first + seen[op]}", 1, self._turn.line, digest(shown), shown)
            seen[op] += 1
            found.append(_Asked(index, item, call, args))
        return found

    async def _perform(self) -> None:
        # The reply is paid for: what it asks of a tool that is gone meanwhile is told to the model.
        lost: dict[str, ToolError] = {}
        known = offered(self._context, self._tools, self._agent, lost)
        outside: dict[str, tuple[_Asked, Offered]] = {}
        children: dict[str, _Asked] = {}
        for item in list(self._left.values()):
            tool = known.get(item.requested.name)
            if isinstance(item.args, str):
                self._fail(item, item.args)
            elif item.requested.name in lost:
                self._fail(item, str(lost[item.requested.name]))
            elif tool is None:
                hint = did_you_mean(item.requested.name, known)
                self._fail(item, f'there is no tool "{item.requested.name}"{hint} (tools: {", ".join(known)})')
            elif tool.kind == "built-in":
                self._stop(item, tool, item.args)
            elif tool.kind == "procedure":
                self._start(item, tool, item.args, children)
            else:
                outside[item.call.name] = (item, tool)
        self._call(outside)
        await self._join(children)
        await self._context.after_part()

    # ---- built-in tools

    def _stop(self, item: _Asked, tool: Offered, args: dict[str, Value]) -> None:
        wrong = problem(tool.offer.schema, _plain(item))
        if wrong:
            self._fail(item, f"the arguments of {tool.name} are wrong:\n{wrong}")
            return
        success = args.get("success", BUILT_IN[tool.name])
        asked = StopRequested(str(args.get("reason")), success is True, f"agent {self._agent.name}")
        self._end(item, None, "noted", notes=[asked])

    # ---- procedures

    def _start(self, item: _Asked, tool: Offered, args: dict[str, Value], children: dict[str, _Asked]) -> None:
        turn = self._context.fold.agents.open
        handle = turn.children.get(item.call.name) if turn is not None else None
        try:
            handle = handle or self._context.start_tool_child(item.call, tool.name, args)
        except PrimitiveError as error:
            self._fail(item, str(error))
        else:
            children[handle] = item

    async def _join(self, children: dict[str, _Asked]) -> None:
        while children:
            for outcome in await self._context.any_ended(list(children)):
                if outcome.status.ended:
                    self._end_child(children.pop(outcome.handle), outcome)

    def _end_child(self, item: _Asked, outcome: ChildOutcome) -> None:
        if outcome.error is None and outcome.status.value == "COMPLETED":
            self._end(item, outcome.result, _text(outcome.result), child=outcome.handle)
        else:
            why = "it was cancelled" if outcome.error is None else _text(outcome.error)
            self._fail(item, why, child=outcome.handle)

    # ---- tools of the workspace

    def _call(self, asked: dict[str, tuple[_Asked, Offered]]) -> None:
        context, tools = self._context, self._tools
        started = context.now()

        def work(item: _Asked, tool: Offered) -> Callable[[], Coroutine[Any, Any, ToolResult]]:
            args, key = _plain(item), call_key(context, item.call)
            return lambda: tools().call(tool.name, args, key=key)

        if not asked:
            return
        blocked: Blocked | None = None
        for name, found in context.outside({name: work(*pair) for name, pair in asked.items()}):
            item = asked[name][0]
            if isinstance(found, LeaseLost):
                raise found
            if isinstance(found, Blocked):
                blocked = found  # raised once the others are recorded, so that they are not made again
            elif isinstance(found, ProcError):
                self._fail(item, str(found), started=started)
            elif isinstance(found, Exception):
                raise found
            else:
                self._end(item, found.value, found.text, kept=found.kept, started=started)
        if blocked is not None:
            raise blocked

    # ---- outcomes

    def _end(
        self, item: _Asked, value: Value, text: str, *, kept: Value = None, child: str = "", started: float = 0.0,
        notes: Sequence[Event] = (),
    ) -> None:  # fmt: skip
        detail = self._detail(item, text, child)
        if kept is not None:
            detail["kept"] = kept
        ended = self._context.record_part(item.call, [value], detail=detail, started_at=started, notes=notes)
        self._record(item, ended)

    def _fail(self, item: _Asked, why: str, *, child: str = "", started: float = 0.0) -> None:
        detail = self._detail(item, f"error: {why}", child)
        if isinstance(item.args, str):
            detail["arguments"] = item.requested.arguments
        self._record(item, self._context.record_part(item.call, [], error=why, detail=detail, started_at=started))

    def _detail(self, item: _Asked, text: str, child: str) -> dict[str, Value]:
        detail: dict[str, Value] = {"agent": self._agent.name, "index": item.index, "id": item.requested.id}
        detail |= {"name": item.requested.name, "text": text}
        return {**detail, "child": child} if child else detail

    def _record(self, item: _Asked, ended: Ended) -> None:
        self._ended[item.index] = ended
        del self._left[item.call.name]


def call_key(context: ExecutionContext, call: Call) -> str:
    """The idempotency key of a call: the same at every try, another in another attempt of the run."""
    fold = context.fold
    cleared = f".{fold.checkpoints.clearings}" if fold.checkpoints.clearings else ""
    return f"{context.run_id}-{fold.attempt}{cleared}-{call.name}"


def _plain(item: _Asked) -> dict[str, object]:
    """The arguments as the tool gets them."""
    return msgspec.json.decode(item.requested.arguments or "{}", type=dict[str, object])


def _text(value: Value) -> str:
    return templates.to_text(value)
