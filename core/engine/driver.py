"""Drives one activation of a run: Lua asks, the record answers if it knows, the world answers if it does not.

Belongs here: the loop between the sandbox and the execution context, and how a run ends. Never: SQLite,
waiting for anything by blocking, or what a primitive means.

One driver serves one run under one lease, from one thread at a time. An activation ends suspended (the
driver may be activated again, warm, or dropped), or for good.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, TypeVar, cast

from ..agents.prompts import table_in
from ..document import params as parameters
from ..document import templates
from ..errors import (
    Blocked,
    Divergence,
    GuardError,
    InvalidValue,
    LeaseLost,
    LimitError,
    LuaFailure,
    OutputError,
    PrimitiveError,
    ProcError,
    StoreError,
)
from ..journal.events import RunEnded
from ..journal.folds import agents
from ..journal.folds.tools import TOOL_PREFIX
from ..lua.convert import from_lua, to_lua
from ..lua.sandbox import HALTED, OPERATION, RAISED, RETURNED, Sandbox
from ..model.states import RunStatus
from ..primitives import REGISTRY
from ..primitives.execution import Call, Result
from ..primitives.procedure import ChildError
from ..values import Value, describe, digest, encode, from_json, table_of
from .binding import (
    GUARD_BEGIN,
    OPERATIONS,
    REFUSED,
    STEP_BEGIN,
    STEP_END,
    TOOL,
    TURN,
    TURN_BEGIN,
    bind,
    position,
)
from .local import LocalContext, Restarted
from .outcome import Broken, Ended, Lacking, Lost, Outcome, Suspended
from .steps import Bodies
from .waits import Now, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from ..agents.turns import Turns
    from ..document.procedure import Agent
    from ..journal import events
    from ..lua.sandbox import Event, Limits
    from ..primitives.registry import Method

_TURN, _TOOL = REGISTRY.by_title["Worker.turn"], REGISTRY.by_title["Tools.NAME"]
ARGS_BYTES = 2048
"""Arguments whose text is longer are recorded by their digest only."""

_logger = logging.getLogger(__name__)

E = TypeVar("E", bound=BaseException)

Reply = tuple[object, ...]
"""What Lua is resumed with: true and the values, or false and the error."""


class _Suspend(Exception):
    """The run was suspended in the transaction just made."""


class _Refused(Exception):
    """A guard refused the run."""


class Driver:
    """One activation of a run, and its warm continuations."""

    def __init__(self, context: LocalContext, limits: Limits, *, on_live: Callable[[], None] = lambda: None) -> None:
        self.context: LocalContext = context
        self._limits: Limits = limits
        self._on_live: Callable[[], None] | None = on_live
        self._sandbox: Sandbox | None = None
        self._bodies: Bodies = Bodies(context)
        self._control: BaseException | None = None
        self._pending: tuple[Coroutine[Any, None, object], Call, bool] | None = None
        self._turns: Turns = context.turns()
        self._turning: tuple[Agent, str | None] | None = None
        """The agent whose turn is open, and what the code injects."""
        self._ending: bool = False
        """True once the code is over, while an agent sums it up."""
        self._stop: bool = False
        self._failure: tuple[str, int] | None = None
        self.failure: ProcError | None = None
        """Why the run failed, once it did."""

    def stop(self) -> None:
        """Asks the activation to end soon, from any thread; what it did not record is not lost but done again."""
        self._stop = True
        self.context.interrupt()

    def wind_up(self) -> None:
        """Asks it to end, from any thread, once what it waits for outside has ended; nothing else is begun."""
        self._stop = True
        self.context.wind_up()

    @property
    def busy(self) -> bool:
        """Whether it waits for something outside that would be paid for, or done, twice."""
        return self.context.busy

    def activate(self) -> Outcome:
        """Runs until the run waits or ends. Called in the run's own thread; never raises."""
        try:
            outcome = self._run()
        except _Suspend:
            if not self._ending:
                return Suspended()
            outcome = Suspended(warm=False)
        except Blocked as error:
            outcome = Lacking(_bare(error))
        except (LeaseLost, Restarted):
            outcome = Lost()
        except StoreError as error:
            outcome = Broken(_bare(error))
        except Exception as error:
            _logger.exception("run %s: the engine failed", self.context.run_id)
            outcome = self._broken(error)
        self.close()
        return outcome

    def rehearse(self) -> None:
        """Runs a replay whose context ends it by raising where something new would happen."""
        self._run()

    def close(self) -> None:
        """Throws the Lua state away."""
        if self._pending is not None:
            self._pending[0].close()
            self._pending = None
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
        self._control = None

    @property
    def _lua(self) -> Sandbox:
        if self._sandbox is None:
            raise AssertionError("the activation has not begun")
        return self._sandbox

    def _run(self) -> Outcome:
        try:
            event = self._begin() if self._sandbox is None else self._sandbox.resume(*self._continue())
            return self._loop(event)
        except _Refused as refusal:
            return self._fail(GuardError(str(refusal)))
        except ProcError as error:
            if isinstance(error, (LeaseLost, StoreError, Blocked)):
                raise
            return self._fail(error)

    def _begin(self) -> Event:
        context = self.context
        context.open()
        procedure = context.procedure
        sandbox = self._sandbox = Sandbox(
            seed=context.fold.seed,
            file=context.program.bundle.file,
            limits=self._limits,
            libs=context.program.bundle.libs,
            poll=lambda: self._stop,
            clock=lambda: context.fold.clock,
        )
        families = {family.lua_name: family(context) for family in REGISTRY.families}
        main = bind(sandbox, families, context, self._halt, self._bodies.seed)
        self._families = families
        chunks = [sandbox.compile(source.text, source.line) for source in (procedure.code, *procedure.guards)]
        if not context.replaying:
            self._live()
        return sandbox.start(main, *chunks)

    def _halt(self, error: BaseException) -> None:
        """Ends the activation from inside a callback."""
        if self._control is None:
            if isinstance(error, Exception) and not isinstance(error, (ProcError, Restarted)):
                _logger.error("run %s: a callback failed", self.context.run_id, exc_info=error)
            self._control = _bare(error)
        if self._sandbox is not None:
            self._sandbox.halt("stopped")

    def _loop(self, event: Event) -> Outcome:
        sandbox = self._lua
        while True:
            tag = event[0]
            if tag == OPERATION:
                event = sandbox.resume(*self._operate(event[1:]))
            elif tag == RETURNED:
                return self._returned(event[1:])
            elif tag == RAISED:
                return self._raised(event[1], str(event[2]), str(event[3]))
            elif tag == HALTED:
                return self._halted(str(event[1]))
            else:
                raise AssertionError(f"unknown event {event!r}")

    # ---- operations

    def _operate(self, args: tuple[Any, ...]) -> Reply:
        index: int = args[0]
        line: int = args[1]
        if self._stop:
            raise LeaseLost(f"run {self.context.run_id} was stopped")
        try:
            if index >= 0:
                return self._call(OPERATIONS[index], line, args[2:])
            if index == STEP_BEGIN:
                return self._entered(
                    *self._bodies.enter_step(from_lua(self._lua, args[2]) if len(args) > 2 else None, line)
                )
            if index == STEP_END:
                return self._body_ended(bool(args[2]), args[3] if len(args) > 3 else None, args[4:])
            if index == TURN_BEGIN:
                return self._turn_begins(line, *args[2:])
            if index == TURN:
                return self._turn(args[2] if len(args) > 2 else None)
            if index == TOOL:
                return self._tool(line, *args[2:])
            if index == GUARD_BEGIN:
                return self._entered(*self._bodies.enter_guard(int(args[2])))
        except (PrimitiveError, InvalidValue) as error:
            return False, position(self.context, line, str(error)).encode()
        if index == REFUSED:
            number, reason = args[2:4]
            why = from_lua(self._lua, reason)
            raise _Refused(why if isinstance(why, str) and why else f"guard {number} refused the run")
        raise AssertionError(f"unknown operation {index}")

    def _call(self, method: Method, line: int, raw: tuple[object, ...]) -> Reply:
        context = self.context
        if context.guarding and method.family != "File":
            raise PrimitiveError(f"{method.title}: a guard may use queries and File only")
        context.line = line
        args = self._values(raw)
        family = self._families[method.family]
        options = method.bind(family.prepare(method, method.named(tuple(args))))
        call = self._new_call(method.checkpoint, method.checkpoint, line, args)
        recorded = context.recall(call)
        if recorded is not None:
            return self._reply(recorded)
        self._live()
        return self._perform(method.function(family, call, **options), call, returns=bool(method.returns))

    # ---- agents and tools

    def _turn_begins(self, line: int, name: bytes, title: bytes, *raw: object) -> Reply:
        context = self._context_at(line)
        agent = context.procedure.agents[name.decode()]
        method = dataclasses.replace(_TURN, serves=f"{title.decode()}.turn")
        args = self._values(raw)
        inject = method.bind(method.named(tuple(args))).get("inject")
        self._turns.check_limits(agent)
        base = f"{agent.name}.{agents.TURN}"
        entered = self._bodies.enter_turn(self._new_call(agents.TURN, base, line, args))
        self._turning = (agent, inject if isinstance(inject, str) else None)
        return self._entered(*entered)

    def _turn(self, raw: object) -> Reply:
        call, turning, self._turning = self._bodies.leave(), self._turning, None
        if turning is None:
            raise AssertionError("no turn is open")
        self.context.line = call.line
        self.context.enter_parts()
        try:
            prepared = from_lua(self._lua, raw, "prepare returned")
            if prepared is not None and not isinstance(prepared, dict):
                raise PrimitiveError(f"`prepare` of {turning[0].name} must return a table, got {describe(prepared)}")
        except (PrimitiveError, InvalidValue) as error:
            return self._outcome(self.context.fail(call, position(self.context, call.line, str(error))))
        return self._perform(self._turns.turn(call, *turning, prepared), call, returns=True)

    def _tool(self, line: int, *raw: object) -> Reply:
        context = self._context_at(line)
        name, *args = self._values(raw)
        tool = self._turns.check_tool_name(name)
        if context.guarding:
            raise PrimitiveError(f"Tools.{tool}: a guard may use queries and File only")
        method = dataclasses.replace(_TOOL, serves=f"Tools.{tool}")
        arguments = method.named(tuple(args))
        op = TOOL_PREFIX + tool
        call = Call(op, context.fold.checkpoints.numbered(op), 1, line, digest(args), table_of(arguments))
        recorded = context.recall(call)
        if recorded is not None:
            return self._reply(recorded)
        self._live()
        return self._perform(self._turns.tool(call, tool, arguments), call, returns=True)

    def _context_at(self, line: int) -> LocalContext:
        self.context.line = line
        return self.context

    def _values(self, raw: tuple[object, ...]) -> list[Value]:
        args = [from_lua(self._lua, item) for item in raw]
        while args and args[-1] is None:
            args.pop()
        return args

    def _new_call(self, op: str, base: str, line: int, args: list[Value]) -> Call:
        shown = args if len(encode(args)) <= ARGS_BYTES else None
        return Call(op, self.context.fold.checkpoints.numbered(base), 1, line, digest(args), shown)

    def _continue(self) -> Reply:
        """Goes on with the operation that the run was suspended in."""
        if self._pending is None:
            raise AssertionError("nothing to continue")
        coroutine, call, returns = self._pending
        self._pending = None
        return self._perform(coroutine, call, returns=returns)

    def _perform(self, coroutine: Coroutine[Any, None, object], call: Call, *, returns: bool) -> Reply:
        return self._outcome(self._performed(coroutine, call, returns=returns))

    def _performed(self, coroutine: Coroutine[Any, None, object], call: Call, *, returns: bool) -> events.Ended:
        try:
            while True:
                wait = cast("Wait", coroutine.send(None))
                if not self.context.wait(wait):
                    self._pending = (coroutine, call, returns)
                    raise _Suspend
        except StopIteration as stop:
            result = cast("object", stop.value)
        except ChildError as error:
            return self.context.fail(call, error.value)
        except (PrimitiveError, InvalidValue) as error:
            return self.context.fail(call, position(self.context, call.line, str(error)))
        if isinstance(result, Result):
            return self.context.complete(call, result.values, result.detail)
        if isinstance(result, tuple):
            values = list(cast("tuple[Value, ...]", result))
        else:
            values = [cast("Value", result)] if result is not None or returns else []
        return self.context.complete(call, values)

    def _entered(self, recorded: events.Ended | None, fresh: bool) -> Reply:
        if recorded is None:
            self._live()
            if fresh and self.context.suspends_always:
                self.context.wait(Now())
                raise _Suspend
            return True, True
        reply = self._reply(recorded)
        return reply if recorded.failed else (True, False, *reply[1:])

    def _body_ended(self, ok: bool, text: object, raw: tuple[object, ...]) -> Reply:
        call = self._bodies.leave()
        if not ok:
            error, trace = raw
            where = trace.decode(errors="replace") if isinstance(trace, bytes) else ""
            return self._outcome(self.context.fail(call, self._error_value(error, text), trace=where))
        try:
            values = [
                from_lua(self._lua, item, f"{call.op} {call.name} returned: value {i}") for i, item in enumerate(raw, 1)
            ]
        except InvalidValue as error:
            return self._outcome(self.context.fail(call, position(self.context, call.line, str(error))))
        return self._outcome(self.context.complete(call, values))

    def _error_value(self, error: object, text: object) -> Value:
        try:
            return from_lua(self._lua, error)
        except InvalidValue:
            return from_lua(self._lua, text)

    def _outcome(self, ended: events.Ended) -> Reply:
        """The reply for an operation that was just performed."""
        if self.context.suspends_always:
            self.context.wait(Now())
            raise _Suspend
        return self._reply(ended)

    def _reply(self, ended: events.Ended) -> Reply:
        sandbox = self._lua
        if ended.failed or ended.opened:
            self._note_failures(ended)
        if ended.failed:
            trace = to_lua(sandbox, ended.trace) if ended.trace else None
            return False, to_lua(sandbox, ended.error), trace
        return True, *[to_lua(sandbox, value) for value in ended.values]

    def _note_failures(self, ended: events.Ended) -> None:
        """Remembers which operation failed last; those in a step that is recalled as a whole count too."""
        entries = self.context.fold.checkpoints.entries
        index = next((i for i in range(len(entries) - 1, -1, -1) if entries[i].name == ended.name), len(entries))
        for entry in sorted((entry for entry in entries[index:] if entry.failed), key=lambda entry: entry.seq):
            error = encode(entry.error)
            # A step that fails with the error of an operation in it is not what has to be done again.
            if self._failure is None or self._failure[0] != error or entry.first > self._failure[1]:
                self._failure = (error, entry.first)

    def _live(self) -> None:
        """The record ends here: from now on things happen for real."""
        if self._on_live is not None:
            self._on_live()
            self._on_live = None

    # ---- the end

    def _returned(self, values: tuple[object, ...]) -> Outcome:
        context = self.context
        result = from_lua(self._lua, values[0], "the returned value") if values else None
        declared = context.procedure.outputs
        summary = self._summary(context.procedure.return_prompt, {"outputs": result if result is not None else {}})
        context.finish()
        if result is None and summary is not None:
            result = from_json(table_in(summary)) if declared else summary
        if declared:
            try:
                result = parameters.outputs(declared, result)
            except OutputError as error:
                return self._fail(error, returned=result)
        context.end(RunEnded(status=RunStatus.COMPLETED.value, result=result, summary=summary))
        return Ended(RunStatus.COMPLETED)

    def _summary(self, prompt: str | None, more: dict[str, Value], error: str = "") -> str | None:
        """What the agent that took the latest turn says at the end of the run, when the document asks it to."""
        context = self.context
        agent = context.procedure.agents.get(context.fold.agents.last or "")
        if prompt is None or agent is None or not (context.expects(agents.SUMMARY) or not context.replaying):
            return None
        self._ending = True
        text = self._turns.render(prompt, more)
        call = Call(agents.SUMMARY, context.fold.checkpoints.numbered(agents.SUMMARY))
        ended = context.recall(call)
        if ended is None:
            self._live()
            context.begin(call)
            asks = f"{text}\n\n{error}" if error else text
            ended = self._performed(self._turns.summary(call, agent, asks), call, returns=True)
        if ended.failed:
            return None
        return str(ended.values[0])

    def _raised(self, error: object, message: str, trace: str) -> Outcome:
        unsaid = ""
        try:
            summary = self._summary(self.context.procedure.error_prompt, {}, message)
        except ProcError as problem:
            if isinstance(problem, (LeaseLost, StoreError, Blocked, Divergence)):
                raise
            summary, unsaid = None, f"\n(error_prompt could not be asked: {problem})"
        self.context.finish(message)
        value = self._error_value(error, message.encode())
        if isinstance(value, str):
            message = value
        elif isinstance(value, (dict, list)) and message.startswith("(error object"):
            message = templates.to_text(value)
        failure = LuaFailure(message + unsaid)
        cause = self._failure[1] if self._failure is not None and self._failure[0] == encode(value) else 0
        return self._fail(failure, value=value, trace=trace, cause=cause, summary=summary)

    def _halted(self, reason: str) -> Outcome:
        if self._control is not None:
            raise self._control
        if self._stop:
            return Lost()
        return self._fail(LimitError(reason))

    def _fail(
        self, error: ProcError, *, value: Value = None, trace: str = "", cause: int = 0, returned: Value = None,
        summary: str | None = None,
    ) -> Outcome:  # fmt: skip
        self.failure = _bare(error)
        if isinstance(error, GuardError):
            cause = self.context.fold.checkpoints.entries[-1].first if self.context.fold.checkpoints.entries else 0
        self.context.end(
            RunEnded(
                status=RunStatus.FAILED.value, error=value if value is not None else str(error), message=str(error),
                code=type(error).code, trace=trace, cause=cause, returned=returned, summary=summary,
            )
        )  # fmt: skip
        return Ended(RunStatus.FAILED)

    def _broken(self, error: Exception) -> Outcome:
        try:
            return self._fail(ProcError(f"proc-tui itself failed here: {type(error).__name__}: {error}"))
        except (LeaseLost, Restarted):
            return Lost()
        except ProcError as second:
            return Broken(_bare(second))
        except Exception as second:
            _logger.exception("run %s: its failure cannot be recorded", self.context.run_id)
            return Broken(StoreError(f"proc-tui itself failed here: {type(second).__name__}: {second}"))


def _bare(error: E) -> E:
    """The error without its tracebacks, whose frames hold the driver and objects of Lua: it is going to be kept.

    A cycle of these would be collected in whatever thread, which Lua's objects do not survive.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
