"""The use cases: start, answer, stop, resume, reset, fork, look. Both user interfaces call only this.

Belongs here: who may do what to which run, in the words of the product. Never: SQL (`journal/`), Lua, or
anything of a screen. Every method that changes something is one transaction; all are short, synchronous and
may be called from any thread.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from . import __version__
from .engine import answers, identity, launch, rewind
from .engine.answers import Accepted, Given
from .engine.cancel import cancel
from .engine.environment import Attention, Environment
from .engine.rewind import Plan
from .engine.services import Pinned, Services
from .engine.sources import Program, Sources
from .errors import NotFound, Refused
from .journal import journal, requests, runs
from .journal.database import Database
from .journal.events import Alerted, Logged, Notified, Record, ReplyFailed, RunEnded
from .journal.folds import RunFold
from .journal.journal import News
from .journal.requests import Alert, Answer, PendingRequest
from .journal.runs import Lease, Run
from .model import settings as configuration
from .model.clock import Clock, SystemClock
from .model.settings import Settings
from .model.states import ENDED, RunStatus
from .model.workspace import FOLDER
from .values import Value, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import Any

    from .agents.models import Models
    from .agents.replies import Replies
    from .engine.worker import Worker
    from .errors import ProcError
    from .journal.runs import Partial
    from .lua.sandbox import Limits
    from .model.messages import Reply
    from .tools.toolbox import Toolbox

T = TypeVar("T")

LOG_KINDS = (Logged.kind, Notified.kind, Alerted.kind, ReplyFailed.kind)
"""The events that a log shows."""


class Health(msgspec.Struct, frozen=True):
    """The state of a workspace's database."""

    file: Path
    sqlite: str
    wal: bool
    size: int
    """In bytes, the log included."""
    newest_at: float | None
    """When the newest event was recorded."""
    now: float
    problems: tuple[str, ...]
    """What SQLite's own check found."""


class Operator:
    """One open workspace."""

    def __init__(self, workspace: Path, environment: Environment, settings: Settings, *, user: str) -> None:
        self.workspace: Path = workspace
        self.settings: Settings = settings
        self.user: str = _clean(user)
        """Who acts, as far as this machine knows."""
        self._environment: Environment = environment
        self._database: Database = environment.database
        self._clock: Clock = environment.clock
        self._sources: Sources = environment.sources

    @classmethod
    def open(
        cls,
        workspace: Path,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        user: str | None = None,
        create: bool = True,
        fault: Callable[[str], None] | None = None,
    ) -> Operator:
        """Opens the workspace in a folder, making its database when there is none.

        Raises `ConfigError`, a `StoreError`, or, without `create`, `NotFound` when there is no database. `fault` is
        for tests: it is called with the name of each point at which the process may die.
        """
        workspace = workspace.resolve()
        settings = settings or configuration.load(workspace)
        path = workspace / settings.database if settings.database else workspace / FOLDER / "runs.db"
        if not create and not path.exists():
            raise NotFound(f"{workspace} has no runs yet ({path} does not exist)")
        database = Database.open(path, durability=settings.durability, fault=fault)
        environment = Environment(
            database=database,
            sources=Sources(workspace),
            clock=clock or SystemClock(),
            file_root=str(workspace / settings.file_root),
            services=Services(settings, workspace),
            attention=Attention(),
            env_allow=frozenset(settings.env_allow),
            suspend_always=os.environ.get("PROC_TUI_SUSPEND") == "always",
            fault=fault or (lambda _name: None),
        )
        return cls(workspace, environment, settings, user=user or _user())

    def close(self) -> None:
        """Ends what was started for tools and models, and closes the database."""
        self._environment.services.close()
        self._database.close()

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def notes(self) -> list[str]:
        """What a person should know about this workspace's database."""
        return self._database.notes

    # ---- driving

    def worker(
        self, *, roots: Sequence[str] = (), on_problem: Callable[[str, ProcError], None] = lambda _run, _error: None
    ) -> Worker:
        """A worker for this workspace, or for some trees of runs in it."""
        # Lua and what drives it take longer to import than all the rest, and most commands drive nothing.
        from .engine.worker import Worker  # noqa: PLC0415

        return Worker(self._environment, self.settings.worker, self._limits(), roots=roots, on_problem=on_problem)

    def _limits(self) -> Limits:
        from .lua.sandbox import Limits  # noqa: PLC0415 - as in `worker`

        return Limits(self.settings.limits.lua_memory_mb * 2**20, self.settings.limits.lua_instructions)

    # ---- starting

    def procedures(self) -> dict[str, Path]:
        """The procedures of the workspace by name."""
        return self._sources.names()

    def program(self, target: str | Path) -> Program:
        """A procedure by its file or its name. Raises `NotFound` and `DocumentError`."""
        path = Path(target)
        looks_like_a_file = path.suffix in (".yaml", ".yml") or isinstance(target, Path)
        if looks_like_a_file:
            return self._sources.load(path if path.is_absolute() else Path.cwd() / path)
        return self._sources.find(str(target))

    def start(
        self, target: str | Path | Program, params: Mapping[str, object] | None = None, *,
        values: Mapping[str, Value] | None = None, context: object = None, replies: Replies | None = None,
    ) -> Run:  # fmt: skip
        """Starts a run; a worker has to drive it.

        `params` are plain data; `values` are parameters that are values already, and win. With `replies` the models of
        the run and of its children are scripted, for good. Raises `DocumentError`, `ParameterError`,
        `DependencyError`, `NotFound`, and `Blocked` when it cannot be told whether its tools are there.
        """
        program = target if isinstance(target, Program) else self.program(target)
        given = {name: from_json(value, path=name) for name, value in (params or {}).items()} | dict(values or {})
        checked = launch.check(program, given, self._environment)
        start = launch.Start(
            run=_new_id(), program=program, params=checked, seed=secrets.randbits(63), at=self._clock.now(),
            starter=self.user, context=from_json(context),
        )  # fmt: skip

        def work(connection: sqlite3.Connection) -> None:
            pinned = "" if replies is None else msgspec.json.encode(Pinned(replies.file, replies.text)).decode()
            hashed = journal.pin(connection, pinned) if pinned else ""
            launch.create(connection, msgspec.structs.replace(start, replies=hashed))

        self._write(work)
        return self.run(start.run)

    # ---- looking

    def run(self, prefix: str) -> Run:
        """The run whose id begins so. Raises `NotFound` when none or several do."""
        with self._database.read() as connection:
            return runs.resolve(connection, prefix)

    def runs(
        self, *, statuses: Iterable[RunStatus] = (), procedure: str | None = None, root: str | None = None,
        parent: str | None = None, limit: int = -1,
    ) -> list[Run]:  # fmt: skip
        """Runs, the last touched first."""
        with self._database.read() as connection:
            return runs.listing(
                connection, statuses=statuses, procedure=procedure, root=root, parent=parent, limit=limit
            )

    def records(self, run: Run, *, at: int | None = None) -> list[Record]:
        """The run's present history, or, with `at`, the history as it was when that event was recorded."""
        with self._database.read() as connection:
            if at is None:
                return journal.read(connection, run.id, run.history)
            return journal.read(connection, run.id, journal.ranges_at(connection, run.id, at), upto=at)

    def fold(self, run: Run, *, at: int | None = None) -> RunFold:
        """Everything that the history adds up to, now or as it was at an event."""
        return RunFold(self.records(run, at=at))

    def log(
        self, run: Run, *, after: int = 0, limit: int = -1, newest: bool = False, kinds: Sequence[str] = LOG_KINDS
    ) -> list[Record]:
        """Log lines, notifications and alerts after an event, or other kinds of events."""
        with self._database.read() as connection:
            return journal.window(connection, run.id, kinds, run.history, after=after, limit=limit, newest=newest)

    def data_version(self) -> int:
        """Changes when anybody commits to the workspace; cheap to poll."""
        return self._database.data_version()

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls back after every commit of this process, from the committing thread; returns what ends that."""
        return self._database.listen(callback)

    def newest_event(self) -> int:
        """The place of the newest event of the workspace, for `news`."""
        with self._database.read() as connection:
            return journal.newest_id(connection)

    def news(self, after: int, kinds: Sequence[str], *, root: str | None = None, limit: int = -1) -> list[News]:
        """What was recorded since in any run, or in one tree of runs, oldest first."""
        with self._database.read() as connection:
            return journal.news(connection, after, kinds, root=root, limit=limit)

    def ending(self, run: Run) -> RunEnded | None:
        """How the run ended; None while it goes on."""
        if not run.status.ended:
            return None
        found = self.log(run, kinds=(RunEnded.kind,), limit=1, newest=True)
        event = found[0].event if found else None
        return event if isinstance(event, RunEnded) else None

    def counts(self, procedure: str | None = None) -> dict[RunStatus, int]:
        """How many runs there are of each status that occurs."""
        with self._database.read() as connection:
            return runs.counts(connection, procedure=procedure)

    def alerts(self, *, since: float = 0.0, after: int = 0) -> list[Alert]:
        """The alerts that belong to no run, oldest first."""
        with self._database.read() as connection:
            return requests.alerts(connection, since=since, after=after)

    def leases(self) -> list[tuple[Lease, bool]]:
        """Who holds runs, and whether that is a process of this machine that is gone."""
        with self._database.read() as connection:
            return [(lease, identity.is_dead(lease.owner)) for lease in runs.leases(connection)]

    def source(self, run: Run) -> str:
        """The text of the procedure as the run has pinned it."""
        with self._database.read() as connection:
            return self._sources.program(connection, run.source, run.path).bundle.text

    def driven_by(self, run: Run) -> str | None:
        """Who drives the run, as `host:pid`; None when nobody does."""
        return None if run.owner is None else identity.shown(run.owner)

    def health(self) -> Health:
        """What `doctor` looks at: the database's file and what is in it. Raises `StoreError`."""
        database = self._database
        with database.read() as connection:
            checked = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)").fetchall()]
            newest = journal.newest_at(connection)
        problems = () if checked == ["ok"] else tuple(checked)
        size = sum(file.stat().st_size for file in database.path.parent.glob(f"{database.path.name}*"))
        return Health(database.path, sqlite3.sqlite_version, database.wal, size, newest, self._clock.now(), problems)

    # ---- models and tools

    @property
    def models(self) -> Models:
        """The configured models; their methods are called through `outside`."""
        return self._environment.services.models

    @property
    def tools(self) -> Toolbox:
        """The configured tools; their methods are called through `outside`."""
        return self._environment.services.tools

    def outside(self, work: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
        """Does work with models or tools and waits for it. Raises what it raises, and `TimeoutError`."""
        return self._environment.services.outside.call(work, timeout=timeout)

    def listen_replies(self, callback: Callable[[Partial, str], None]) -> Callable[[], None]:
        """Calls back, in whatever thread, with what has arrived of a reply to a run that this process drives, and the
        newest piece of it; returns what ends that."""
        return self._environment.services.listen(callback)

    def partial(self, run: Run) -> Partial | None:
        """What had arrived, a moment ago, of the reply that the run waits for, whoever drives it; or was waiting for
        when it was cancelled."""
        with self._database.read() as connection:
            return runs.partial(connection, run.id)

    def status_report(self, run: Run, prompt: str | None = None) -> Reply | None:
        """What the agent that took the run's latest turn says about its progress, from a copy of its conversation.

        It is no part of the run, and is paid for by whoever asks. None when no agent has taken a turn. Raises
        `ModelError`, and `Blocked` when a key is missing here.
        """
        from .agents import status  # noqa: PLC0415 - few commands ask a model

        with self._database.read() as connection:
            program = self._sources.program(connection, run.source, run.path)
            place = runs.place_in_tree(connection, run.id)
        fold = self.fold(run)
        asked = status.request(program.procedure, fold, run.id, place, self._environment.env_allow, prompt)
        if asked is None:
            return None
        services = self._environment.services
        if fold.started is not None and fold.started.replies:
            with self._database.read() as connection:
                model = services.scripted(journal.pinned(connection, fold.started.replies))
        else:
            model = services.models.get(asked.model)
        return services.outside.call(model.reply(asked.request, lambda _piece: None))

    def tree(self, run: Run) -> list[tuple[Run, int]]:
        """The run and all below it, in the order in which they were made, each with its place among the runs of its
        procedure."""
        with self._database.read() as connection:
            found = runs.listing(connection, root=run.root)
            placed = [(row, runs.place_in_tree(connection, row.id)) for row in found]
        below = {run.id}
        for row, _ in sorted(placed, key=lambda item: item[0].depth):
            if row.parent in below:
                below.add(row.id)
        return sorted((item for item in placed if item[0].id in below), key=lambda item: item[0].created_at)

    # ---- people

    def inbox(self, *, run: str | None = None, root: str | None = None) -> list[PendingRequest]:
        """What waits for a person, nearest deadline first, then oldest."""
        with self._database.read() as connection:
            pending = requests.listing(connection, run=run)
            if root is None:
                return pending
            tree = {row.id for row in runs.listing(connection, root=root)}
            return [row for row in pending if row.run in tree]

    def resolved(self, since: float) -> list[PendingRequest]:
        """The requests that were answered, timed out or withdrawn from a moment on."""
        with self._database.read() as connection:
            return requests.listing(connection, pending=False, resolved_since=since)

    def answers(self, request: str) -> list[Answer]:
        """What people answered to a request, oldest first."""
        with self._database.read() as connection:
            return requests.answers(connection, request)

    def request(self, name: str) -> PendingRequest:
        """A request by its id, a prefix of it, or the prefix of a run that has exactly one pending.

        Raises `NotFound`.
        """
        with self._database.read() as connection:
            exact = [row for row in requests.listing(connection, pending=False, prefix=name) if row.id == name]
            if exact:
                return exact[0]
            found = requests.listing(connection, prefix=name)
            if "." not in name and not found:
                run = runs.resolve(connection, name)
                settled = "its request is settled, and it goes on when a worker drives it"
                why = settled if run.status is RunStatus.WAITING_FOR_HUMAN else run.status.value
                raise NotFound(f"run {run.id} waits for nobody ({why})")
        if not found:
            raise NotFound(f'there is no pending request "{name}"')
        if len(found) > 1:
            raise NotFound(f'"{name}" means several requests: {", ".join(row.id for row in found)}')
        return found[0]

    def answer(
        self,
        request: str,
        given: Given,
        *,
        by: str | None = None,
        via: str = "api",
        audit: Mapping[str, object] | None = None,
    ) -> Accepted:
        """Answers a request.

        Raises `Refused` when the answer does not fit, `AlreadyAnswered` when somebody was first.
        """
        trail = from_json({**_audit(self.user), "via": via, **(audit or {})})
        fields = trail if isinstance(trail, dict) else {}
        return self._write(
            lambda connection: answers.accept(
                connection, request, given, by=self._by(by), now=self._clock.now(), audit=fields
            )
        )

    def send(self, run: Run, text: str, *, by: str | None = None) -> None:
        """Sends a run a message, delivered at its next operation or effect. Raises `Refused`."""

        def work(connection: sqlite3.Connection) -> bool:
            _check_living(runs.get(connection, run.id), "sent a message")
            return requests.send(
                connection, run.id, "message", {"content": _clean(text)}, by=self._by(by), at=self._clock.now()
            )

        if not self._write(work):
            raise Refused(f"{requests.MAX_MAIL} messages wait undelivered for run {run.id} already")

    def stop(self, run: Run, reason: str = "", *, by: str | None = None) -> None:
        """Asks a run to stop: its code sees `Stop.requested()`. Waits are not interrupted. Raises `Refused`."""

        def work(connection: sqlite3.Connection) -> None:
            _check_living(runs.get(connection, run.id), "stopped")
            data: dict[str, Value] = {"reason": _clean(reason) or "asked by a person", "success": False}
            requests.send(connection, run.id, "stop", data, by=self._by(by), at=self._clock.now())

        self._write(work)

    def cancel(self, run: Run, *, by: str | None = None) -> None:
        """Ends a run and its children now, waits included. Raises `Refused` when it has ended."""

        def work(connection: sqlite3.Connection) -> None:
            if not cancel(connection, run.id, by=self._by(by), now=self._clock.now()):
                row = runs.get(connection, run.id)
                raise Refused(f"run {run.id} has ended already ({row.status.value})")

        self._write(work)

    def alert(self, level: str, message: str, *, source: str | None = None, by: str | None = None) -> None:
        """Raises an alert in the workspace, outside any run."""
        self._write(
            lambda connection: requests.alert(
                connection, level, _clean(message), source and _clean(source), self._by(by), self._clock.now()
            )
        )

    # ---- going on and going back

    def resume(self, run: Run, *, by: str | None = None) -> Run:
        """Makes a failed run go on from where its record ends, doing the operation that failed it again.

        Raises `Refused`.
        """

        def work(connection: sqlite3.Connection) -> None:
            row = runs.get(connection, run.id)
            match row.status:
                case RunStatus.FAILED:
                    rewind.resume(connection, row, by=self._by(by), now=self._clock.now())
                case RunStatus.BLOCKED | RunStatus.PENDING | RunStatus.RUNNING | RunStatus.SLEEPING:
                    runs.wake(connection, row.id)
                case RunStatus.COMPLETED | RunStatus.CANCELLED:
                    rewind.check_rewindable(row, "resumed")
                case _:
                    pass

        self._write(work)
        return self.run(run.id)

    def resume_edited(self, run: Run, *, cut: bool = False, by: str | None = None) -> Plan:
        """Goes on with the text that is in the procedure's file now.

        What matches the record is not done again. At the first difference it raises `Divergence`, which shows both
        sides and changes nothing, or, with `cut`, forgets the record from there on.
        """
        run = self.run(run.id)
        rewind.check_rewindable(run, "resumed")
        top = self._sources.load(self.workspace / run.file)
        program = _at(top, run.path)
        with self._database.read() as connection:
            records = journal.read(connection, run.id, run.history)
        retry = rewind.retry_point(records) if run.status is RunStatus.FAILED else None
        kept = [record for record in records if retry is None or record.seq < retry]
        from .engine.rehearsal import rehearse  # noqa: PLC0415 - as in `worker`

        difference = rehearse(run, program, self._environment, kept, self._limits())
        if difference is not None and not cut:
            raise difference
        keep = difference.seq if difference is not None else retry

        def work(connection: sqlite3.Connection) -> Plan:
            row = runs.get(connection, run.id)
            if (row.last_seq, row.epoch) != (run.last_seq, run.epoch):
                raise Refused(f"run {run.id} went on in the meantime; look at it again")
            return rewind.edited(connection, row, program, keep=keep, by=self._by(by), now=self._clock.now())

        return self._write(work)

    def plan_reset(self, run: Run, after: str | None = None) -> Plan:
        """What `reset` would forget, withdraw and cancel."""
        with self._database.read() as connection:
            keep = rewind.find_checkpoint(journal.read(connection, run.id, run.history), after)
            return rewind.plan(connection, run, keep)

    def reset(self, run: Run, after: str | None = None, *, by: str | None = None) -> Plan:
        """Forgets a checkpoint and all after it, or everything, and begins a new attempt there.

        Raises `Refused` and `NotFound`.
        """

        def work(connection: sqlite3.Connection) -> Plan:
            row = runs.get(connection, run.id)
            rewind.check_rewindable(row, "reset")
            keep = rewind.find_checkpoint(journal.read(connection, run.id, row.history), after)
            return rewind.rewind(connection, row, keep, why="reset", by=self._by(by), now=self._clock.now())

        return self._write(work)

    def fork(self, run: Run, after: str | None = None, *, by: str | None = None) -> Run:
        """Makes a new run that keeps what was recorded before a checkpoint, or nothing but the parameters."""
        name = _new_id()

        def work(connection: sqlite3.Connection) -> None:
            row = runs.get(connection, run.id)
            keep = rewind.find_checkpoint(journal.read(connection, run.id, row.history), after)
            rewind.fork(connection, row, keep, into=name, by=self._by(by), now=self._clock.now())

        self._write(work)
        return self.run(name)

    def _by(self, name: str | None) -> str:
        return _clean(name) if name else self.user

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = self._database.write(work)
        self._environment.attention()
        return result


def _at(top: Program, path: str) -> Program:
    program = top
    for name in path.split("/") if path else ():
        inner = program.inline(name)
        if inner is None:
            raise NotFound(f'the edited {top.bundle.file} has no inline procedure "{path}"')
        program = inner
    return program


def _check_living(run: Run, verb: str) -> None:
    if run.status in ENDED:
        raise Refused(f"run {run.id} has ended ({run.status.value}) and cannot be {verb}")


def _clean(text: str) -> str:
    """A text as it can be kept: without the half characters by which Python stands for bytes that are not UTF-8."""
    return text.encode(errors="surrogatepass").decode(errors="replace")


def _new_id() -> str:
    return launch.derived_id(secrets.token_bytes(16))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _audit(user: str) -> dict[str, object]:
    """What is known about who answers, besides the name."""
    trail: dict[str, object] = {"user": user, "host": socket.gethostname(), "version": __version__}
    for name, variable in (("ssh", "SSH_CONNECTION"), ("terminal", "SSH_TTY"), ("term", "TERM")):
        if os.environ.get(variable):
            trail[name] = os.environ[variable]
    return trail
