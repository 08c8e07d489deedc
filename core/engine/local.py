"""The local execution context: a run made durable by the journal of its workspace.

Belongs here: what operations ask for: waiting, people, time, children, files, the end. Never: how it is recorded
(`recording.py`), Lua, or the order in which a procedure does things (`driver.py`).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ..agents.turns import Turns
from ..errors import (
    Blocked,
    DepthError,
    DocumentError,
    LeaseLost,
    NotFound,
    PrimitiveError,
    ProcError,
    StoreError,
    ToolError,
)
from ..journal import journal, requests, runs
from ..journal.events import (
    AttemptBegan,
    MessageReceived,
    MessagesTaken,
    RequestTimedOut,
    RunEnded,
    Said,
    ToolChild,
)
from ..journal.folds import RunFold
from ..model.messages import Usage
from ..model.states import RequestStatus, RunStatus
from ..model.workspace import FOLDER
from ..primitives.execution import Call, ChildOutcome, Draft, Pause, Reply
from ..values import Value, encode, table_of
from . import answers, launch, reports
from .cancel import cancel
from .parts import Parts
from .waits import ChildWait, MailWait, Now, RequestWait, TimeWait, Wait, ready, status_of, wake_at

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..agents.model import Model
    from ..document import Procedure
    from ..journal.events import Record
    from ..journal.runs import Run
    from .environment import Environment
    from .sources import Program

MAX_ORIGINS = 1000
"""How many forks of forks are followed back."""


@contextmanager
def _told_to_the_code() -> Generator[None]:
    """What is wrong with a procedure or its parameters is the code's error; what this worker lacks is not."""
    try:
        yield
    except (PrimitiveError, Blocked, LeaseLost, StoreError):
        raise
    except ProcError as error:
        raise PrimitiveError(str(error)) from None


class Restarted(Exception):
    """The code asked for a restart, which was recorded: this activation is over."""


class LocalContext(Parts):
    """`ExecutionContext` on the local journal, for one run under one lease."""

    def __init__(self, run: Run, program: Program, environment: Environment, records: Sequence[Record]) -> None:
        super().__init__(run, program, environment, records)
        self._known: dict[str, Procedure | None] = {}
        """Procedures by what they are called here, as first found."""

    # ---- waiting

    def wait(self, wait: Wait) -> bool:
        """Writes the buffer and suspends the run unless the wait is over already; True when it is over."""

        def settle(connection: sqlite3.Connection) -> bool:
            if ready(connection, wait, self.now()):
                return True
            runs.stop_waiting(connection, self.run_id)
            if isinstance(wait, ChildWait):
                runs.wait_for(connection, self.run_id, wait.children)
            text = msgspec.json.encode(wait).decode()
            due = wake_at(connection, wait)
            runs.release(connection, self.run_id, status=status_of(wait), wake_at=due, waiting=text)
            runs.wake_watchers(connection, self.run_id)
            return False

        return self._write(settle, sync=bool(self._rows), notable=isinstance(wait, Now))

    # ---- people

    async def ask(self, call: Call, draft: Draft, *, attempt: int, timeout: float | None) -> Reply | None:
        name = self._posted(call, attempt)
        if name is None:
            self.begin(call)
            name = self._post(call, draft, attempt, timeout)
            await Pause(self._request_wait(name))
        while True:
            item = self.fold.requests.requests[name]
            if item.status is RequestStatus.PENDING:
                self._resolve(name)
            if item.status is RequestStatus.ANSWERED:
                return Reply(item.answer or {}, item.by, item.resolved_at or 0.0)
            if item.status is not RequestStatus.PENDING:
                return None
            await Pause(self._request_wait(name))

    def _posted(self, call: Call, attempt: int) -> str | None:
        entry = self.fold.checkpoints.open[-1] if self.fold.checkpoints.open else None
        if entry is None or entry.name != call.name:
            return None
        for name, item in reversed(self.fold.requests.requests.items()):
            if item.seq < entry.first:
                return None
            if item.event.attempt == attempt:
                return name
        return None

    def _post(self, call: Call, draft: Draft, attempt: int, timeout: float | None) -> str:
        with self._lock:
            self._record_began()
            seq = self._seq + 1
            name = f"{self.run_id}.{seq}"
            deadline = None if timeout is None else self.now() + timeout
            event = draft(request=name, deadline=deadline, attempt=attempt)
            record = self._append(event, call.line)
            self._actions.append(lambda connection: requests.post(connection, self.run_id, seq, event, record.at))
        return name

    def _request_wait(self, name: str) -> RequestWait:
        return RequestWait(name, self.fold.requests.requests[name].event.deadline)

    def _resolve(self, name: str) -> None:
        """Takes what became of a pending request into the journal."""
        with self._database.read() as connection:
            row = requests.get(connection, name)
            over = requests.over(connection, name, self.now())
        status = row.status
        if status is RequestStatus.PENDING and over:
            status = self._write(lambda connection: answers.settle(connection, name, self.now()), sync=True)
        if status is RequestStatus.ANSWERED:
            with self._database.read() as connection:
                self._append(answers.response(name, requests.answers(connection, name)), 0)
        elif status is RequestStatus.TIMED_OUT:
            self._append(RequestTimedOut(name), 0)

    async def hear(self, call: Call, said: str | None, timeout: float | None) -> MessageReceived | None:
        again = self.reentered
        about: dict[str, Value] = {"next": self.fold.agents.taken}
        with self._lock:
            begun = self.begin(call, about if timeout is None else {**about, "deadline": self.now() + timeout})
            if said is not None and not again:
                self.note(Said(said))
        detail = begun if isinstance(begun, dict) else {}
        found, first = detail.get("deadline"), detail.get("next")
        deadline = float(found) if isinstance(found, (int, float)) else None
        # Entered again, it may have taken its message already, and died before that was its outcome.
        wanted = first if isinstance(first, int) else self.fold.agents.taken
        while True:
            received = self.fold.session.received
            if wanted < len(received):
                if self.fold.agents.taken <= wanted:
                    self.note(MessagesTaken(wanted + 1))
                return received[wanted]
            if self.fold.tools.stop is not None or (deadline is not None and self.now() >= deadline):
                return None
            if not self.mail:
                await Pause(MailWait(self.run_id, deadline))
            self.mail = True
            self._deliver()

    # ---- time

    async def sleep(self, call: Call, seconds: float) -> None:
        detail = self.begin(call, {"due": self.now() + seconds})
        due = detail.get("due") if isinstance(detail, dict) else None
        if not isinstance(due, (int, float)):
            return
        while self.now() < due:
            await Pause(TimeWait(float(due)))

    # ---- children

    def start_child(self, call: Call, name: str, params: dict[str, Value], *, detached: bool) -> str:
        begun = self._child_of(call)
        if begun is not None:
            return begun
        program, checked, left = self._child_program(name, params, detached=detached)
        handle = launch.derived_id(self.run_id, self.fold.attempt, self._seq + 1)
        seed = launch.derived_seed(self.fold.started.seed if self.fold.started else 0, handle)
        starter = self.fold.started.starter if self.fold.started else ""
        replies = self.fold.started.replies if self.fold.started else ""
        start = launch.Start(handle, program, checked, seed, self.now(), starter, self.run, left, replies=replies)
        if detached:

            def work(connection: sqlite3.Connection) -> list[Value]:
                launch.create(connection, start)
                return [handle]

            self._transact(call, work)
        else:
            with self._lock:
                self.begin(call, {"child": handle})
                self._actions.append(lambda connection: launch.create(connection, start))
        return handle

    def _child_program(
        self, name: str, params: dict[str, Value], *, detached: bool
    ) -> tuple[Program, dict[str, Value], int]:
        started = self.fold.started
        left = started.depth_left if started else 0
        if left < 1:
            raise DepthError(
                f'cannot start "{name}": procedures may nest at most {self.procedure.max_depth} deep here (max_depth)'
            )
        with _told_to_the_code():
            program = self.program.inline(name) or self._environment.sources.find(name)
            if detached and not program.procedure.async_:
                raise PrimitiveError(f'"{name}" declares async: false, so it cannot be spawned; use Procedure.run')
            return program, self._checked(program, params), left

    def _checked(self, program: Program, params: dict[str, Value]) -> dict[str, Value]:
        """The parameters of a child; the run can be told to let go while its tools are looked for."""
        services = self._environment.services
        return launch.check(
            program, params, self._environment,
            missing_tools=lambda names: self.errand("tools", lambda: services.missing(names)),
        )  # fmt: skip

    def start_tool_child(self, call: Call, name: str, params: dict[str, Value]) -> str:
        program, checked, left = self._child_program(name, params, detached=False)
        with self._lock:
            # The turn's beginning may be held back, and takes a number too.
            self._record_began()
            handle = launch.derived_id(self.run_id, self.fold.attempt, self._seq + 1)
            seed = launch.derived_seed(self.fold.started.seed if self.fold.started else 0, handle)
            started = self.fold.started
            start = launch.Start(
                handle, program, checked, seed, self.now(), started.starter if started else "", self.run, left,
                replies=started.replies if started else "",
            )  # fmt: skip
            self.note(ToolChild(call.name, handle))
            self._actions.append(lambda connection: launch.create(connection, start))
        return handle

    async def any_ended(self, handles: Sequence[str]) -> list[ChildOutcome]:
        self.flush(sync=True)
        while True:
            outcomes = self.children(handles)
            if any(outcome.status.ended for outcome in outcomes):
                return outcomes
            await Pause(ChildWait(tuple(handles), "any"))

    def known_procedure(self, name: str) -> Procedure | None:
        if name not in self._known:
            inline, sources = self.program.inline(name), self._environment.sources
            try:
                found = inline or sources.find(name)
            except NotFound as error:
                if name in sources.namesakes():
                    raise ToolError(str(error)) from None
                found = None
            except DocumentError as error:
                raise ToolError(f'the procedure "{name}" is broken: {error.errors[0]}') from None
            self._known[name] = None if found is None else found.procedure
        return self._known[name]

    def list_procedures(self) -> list[Value]:
        found: list[Value] = []
        for name in sorted(self._environment.sources.names()):
            try:
                procedure = self._environment.sources.find(name).procedure
            except ProcError:
                continue
            params = {key: field.as_value() for key, field in procedure.params.items()}
            found.append({"name": name, "description": procedure.description, "params": table_of(params)})
        return found

    def ask_status(self, call: Call, handle: str) -> str | None:
        with self._database.read() as connection:
            row = self._child_row(connection, handle)
            fold = RunFold(journal.read(connection, row.id, row.history))
        asked = reports.question(self._environment, row, fold, self.model)
        if asked is None:
            return None
        model, request = asked
        self.turns().check_budget()
        self.begin(call)
        reply = self.errand("status", lambda: model.reply(request, lambda _piece: None), worth=True)
        self.use(reply.usage)
        return reply.content

    def turns(self) -> Turns:
        """What takes the turns of the run's agents."""
        services = self._environment.services
        return Turns(
            self, model=self.model, tools=lambda: services.tools, limits=services.settings.limits,
            spent=self._spent,
        )  # fmt: skip

    def _spent(self) -> tuple[Usage, Usage]:
        """What the run used, and what all runs of its tree did."""
        with self._database.read() as connection:
            others = runs.spent_by_others(connection, self.run)
        return self.used, self.used.plus(Usage(others.tokens_in, others.tokens_out, cost=others.cost))

    def model(self, name: str | None, fold: RunFold | None = None) -> Model:
        """The model by its configured name, or the one that plays the run's script."""
        return reports.model_of(self._environment, name, fold or self.fold)

    async def join(
        self, call: Call, handles: Sequence[str], *, until: Literal["any", "all", "change"], timeout: float | None
    ) -> list[ChildOutcome] | None:
        deadline: float | None = None
        if timeout is not None:
            detail = self.begin(call, {"deadline": self.now() + timeout})
            found = detail.get("deadline") if isinstance(detail, dict) else None
            deadline = float(found) if isinstance(found, (int, float)) else None
        seen: tuple[tuple[str, str | None], ...] = ()
        while True:
            # The child of `Procedure.run` is nobody's to look at while its creation is still in the buffer.
            unborn = bool(self._actions) and self._child_of(call) in handles
            if not unborn:
                outcomes = self.children(handles)
                ended = [outcome.status.ended for outcome in outcomes]
                now = tuple((outcome.status.value, outcome.stage) for outcome in outcomes)
                over = any(ended) if until == "any" else all(ended)
                if over or (until == "change" and seen and now != seen):
                    return outcomes
                if deadline is not None and self.now() >= deadline:
                    return None
                seen = seen or now
            self.begin(call)
            await Pause(ChildWait(tuple(handles), until, deadline, seen))

    def _child_of(self, call: Call) -> str | None:
        """The child that this call has begun with already."""
        reopened = self._replay.reopened
        if reopened is not None and reopened.name == call.name and isinstance(reopened.detail, dict):
            return str(reopened.detail.get("child"))
        return None

    def children(self, handles: Sequence[str]) -> list[ChildOutcome]:
        with self._database.read() as connection:
            return [self._child(connection, handle) for handle in handles]

    def _child(self, connection: sqlite3.Connection, handle: str) -> ChildOutcome:
        row = self._child_row(connection, handle)
        stage = row.stage
        if row.status in (RunStatus.COMPLETED, RunStatus.FAILED):
            ends = journal.window(connection, handle, [RunEnded.kind], row.history, limit=1, newest=True)
            event = ends[0].event if ends else None
            if isinstance(event, RunEnded):
                return ChildOutcome(handle, row.status, event.result, event.error, stage, None, event.summary)
        request: Value = None
        if row.status is RunStatus.WAITING_FOR_HUMAN:
            pending = requests.listing(connection, run=handle)
            request = {"id": pending[0].id, "type": pending[0].type, "message": pending[0].message} if pending else None
        return ChildOutcome(handle, row.status, None, row.error, stage, request)

    def _child_row(self, connection: sqlite3.Connection, handle: str) -> Run:
        try:
            row = runs.get(connection, handle)
        except NotFound:
            raise PrimitiveError(f'unknown handle "{handle}"') from None
        if row.root not in (self.run.root, *self._origins(connection)):
            raise PrimitiveError(f'unknown handle "{handle}": it is not a child of this run')
        return row

    def _origins(self, connection: sqlite3.Connection) -> list[str]:
        """The trees of the runs that this one was forked from: it may wait for their children."""
        found: list[str] = []
        origin = self.run.forked_from
        while origin is not None and len(found) < MAX_ORIGINS:
            row = runs.find(connection, origin)
            if row is None:
                break
            found.append(row.root)
            origin = row.forked_from
        return found

    def send_child(self, call: Call, handle: str, message: str) -> bool:
        def work(connection: sqlite3.Connection) -> list[Value]:
            row = self._child_row(connection, handle)
            sent = not row.status.ended and requests.send(
                connection, handle, "message", {"content": message}, by=f"run {self.run_id}", at=self.now()
            )
            return [sent]

        return bool(self._transact(call, work)[0])

    def cancel_child(self, call: Call, handle: str) -> bool:
        def work(connection: sqlite3.Connection) -> list[Value]:
            self._child_row(connection, handle)
            return [cancel(connection, handle, by=f"run {self.run_id}", now=self.now())]

        return bool(self._transact(call, work)[0])

    # ---- the end

    def restart(self, call: Call, params: dict[str, Value]) -> None:
        with _told_to_the_code():
            checked = self._checked(self.program, params)
        with self._lock:
            attempt = self.fold.attempt + 1
            seed = launch.derived_seed(self.fold.seed, attempt)
            self._append(AttemptBegan(attempt, keep=2, why="restart", params=checked, seed=seed), call.line)
            history = journal.encode_ranges([(1, 1), (self._seq, None)])
            if self.fold.tools.stop is not None:
                # Whoever asked the run to stop meant the run, and would wait for ever for a loop that restarts.
                self._append(self.fold.tools.stop, 0)

            def last(connection: sqlite3.Connection) -> None:
                runs.revive(
                    connection, self.run_id, attempt=attempt, history=history,
                    source=self.program.source, stage=None, now=self._at,
                )  # fmt: skip
                runs.stop_waiting(connection, self.run_id)
                runs.set_params(connection, self.run_id, encode(checked))

            self._write(last, sync=True, notable=True)
        raise Restarted

    def end(self, event: RunEnded) -> None:
        """Records how the run ended and lets go of it."""
        error = event.message or None

        def last(connection: sqlite3.Connection) -> None:
            runs.end(
                connection, self.run_id, status=RunStatus(event.status), now=self._at, error=error,
                summary=event.summary,
            )  # fmt: skip
            runs.forget_partial(connection, self.run_id)
            runs.stop_waiting(connection, self.run_id)

        with self._lock:
            self._append(event, 0)
            self._write(last, sync=True, notable=True)

    def file_path(self, path: str) -> str:
        if self._environment.files_refused:
            raise Blocked(self._environment.files_refused)
        root = Path(self._environment.file_root).resolve()
        if not path or "\0" in path:
            raise PrimitiveError(f'"{path}" is not a path')
        given = Path(path)
        if given.is_absolute() or ".." in given.parts:
            raise PrimitiveError(f'"{path}" leads outside the file root; give a path below it, without ".."')
        target = (root / given).resolve()
        if not target.is_relative_to(root):
            raise PrimitiveError(f'"{path}" is a link that leads outside the file root')
        journal_file = str(self._database.path)
        if FOLDER in map(str.lower, target.relative_to(root).parts) or str(target) in (
            journal_file, *(journal_file + end for end in ("-wal", "-shm", "-journal"))
        ):  # fmt: skip
            # Opening and closing the database besides SQLite would also drop the locks this process holds on it.
            raise PrimitiveError(f'"{path}" belongs to proc-tui itself: what is in {FOLDER} is out of reach for File')
        return str(target)
