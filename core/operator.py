"""The use cases: start, answer, stop, resume, reset, fork, look. Both user interfaces call only this.

Belongs here: who may do what to which run, in the words of the product. Never: SQL (`journal/`), Lua, or
anything of a screen. Every method that changes something is one transaction; all are short, synchronous and
may be called from any thread.
"""

from __future__ import annotations

import getpass
import os
import pwd
import secrets
import socket
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from . import __version__
from .engine import answers, launch, rewind
from .engine.answers import Accepted, Given
from .engine.cancel import cancel
from .engine.environment import Attention, Environment
from .engine.rewind import Plan
from .engine.services import Pinned, Services
from .engine.sources import Program, Sources
from .errors import NotFound, Refused
from .journal import journal, presence, requests, runs
from .journal.database import Database
from .journal.presence import Editing
from .journal.runs import Run
from .looking import Looking, clean
from .model import settings as configuration
from .model import trust
from .model.clock import SystemClock
from .model.settings import Settings
from .model.states import ENDED, RunStatus
from .model.workspace import FOLDER
from .values import Value, from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from .agents.models import Models
    from .agents.replies import Replies
    from .engine.worker import Worker
    from .errors import ProcError
    from .journal.runs import Partial
    from .model.clock import Clock
    from .model.messages import Reply
    from .tools.toolbox import Toolbox

T = TypeVar("T")

MOST_NAME = 100
"""Characters that are kept of a name that somebody claims."""
INTERFACE = "interface"
"""`via` of an answer that was given on a screen."""


class Operator(Looking):
    """One open workspace."""

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
            files_refused=_files_refused(workspace, settings),
            services=Services(settings, workspace),
            attention=Attention(),
            env_allow=_variables(workspace, settings),
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
        self, *, roots: Sequence[str] = (), kind: str = "",
        on_problem: Callable[[str, ProcError], None] = lambda _run, _error: None,
    ) -> Worker:  # fmt: skip
        """A worker for this workspace, or for some trees of runs in it.

        With a `kind` (`interface`, `watch`) it is among `drivers` while it runs, also when it has nothing to drive.
        """
        # As in `_limits`.
        from .engine.worker import Worker  # noqa: PLC0415

        return Worker(
            self._environment, self.settings.worker, self._limits(), roots=roots, kind=kind, on_problem=on_problem
        )

    # ---- starting

    def procedures(self) -> dict[str, Path]:
        """The procedures of the workspace by name."""
        return self._sources.names()

    def namesakes(self) -> dict[str, list[Path]]:
        """The names that more than one procedure file of the workspace declares: none can be run by such a name."""
        return self._sources.namesakes()

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
            starter=self._by(None), context=from_json(context),
        )  # fmt: skip

        def work(connection: sqlite3.Connection) -> None:
            pinned = (
                "" if replies is None else msgspec.json.encode(Pinned(Path(replies.file).name, replies.text)).decode()
            )
            hashed = journal.pin(connection, pinned) if pinned else ""
            launch.create(connection, msgspec.structs.replace(start, replies=hashed))

        self._write(work)
        return self.run(start.run)

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

    def end_waits(self) -> None:
        """Ends the waiting, in whatever threads, for models and tools that no run does: to start one, for a report.

        It raises `LeaseLost` there. For a program that is about to end.
        """
        self._environment.services.outside.end_calls()

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
        from .engine import reports  # noqa: PLC0415 - few commands ask a model

        environment, fold = self._environment, self.fold(run)
        asked = reports.question(environment, run, fold, partial(reports.model_of, environment), prompt)
        if asked is None:
            return None
        model, request = asked
        return environment.services.outside.call(model.reply(request, lambda _piece: None))

    # ---- people

    def answer(
        self,
        request: str,
        given: Given,
        *,
        by: str | None = None,
        via: str = "api",
        audit: Mapping[str, object] | None = None,
        effective_in: float = 0.0,
    ) -> Accepted:
        """Answers a request; it counts now, and takes effect after some seconds, until which `undo` withdraws it.

        The moment of effect is kept with the answer: whoever drives the run then honours it, also when this process is
        gone. Until then the request is pending still, and shows who decides it. An answer `via` the interface says what
        it was given to: digest and attempt. Raises `Refused` when the answer does not fit, `AlreadyAnswered` when
        somebody was first.
        """
        if via == INTERFACE and (given.digest is None or given.attempt is None):
            raise Refused(f"an answer to request {request} must say what was shown: its digest and attempt")
        trail = from_json({**_audit(), "via": via, **(audit or {})})
        fields = trail if isinstance(trail, dict) else {}
        return self._write(
            lambda connection: answers.accept(
                connection, request, given, by=self._by(by), now=self._clock.now(), audit=fields,
                effective_in=effective_in,
            )
        )  # fmt: skip

    def undo(self, request: str, *, by: str | None = None, answer: int | None = None) -> bool:
        """Withdraws the answer to a request that is not in effect yet, or that very one; False when it is too late.

        It stays in the record of the request. Raises `Refused` when it is somebody else's.
        """
        return self._write(
            lambda connection: answers.undo(connection, request, by=self._by(by), now=self._clock.now(), answer=answer)
        )

    def edit(self, request: str, *, by: str | None = None) -> None:
        """Says that somebody is changing the artifact of a request here, for a minute; to be said again meanwhile."""
        editing = Editing(request, self._by(by), self._owner, self._clock.now())
        self._database.write(lambda connection: presence.edit(connection, editing), sync=False)

    def stop_editing(self, request: str, *, by: str | None = None) -> None:
        """Takes back what `edit` said."""
        self._database.write(
            lambda connection: presence.stop_editing(connection, request, self._by(by), self._owner), sync=False
        )

    def send(self, run: Run, text: str, *, by: str | None = None) -> None:
        """Sends a run a message, delivered at its next operation or effect. Raises `Refused`."""

        def work(connection: sqlite3.Connection) -> bool:
            _check_living(runs.get(connection, run.id), "sent a message")
            return requests.send(
                connection, run.id, "message", {"content": clean(text)}, by=self._by(by), at=self._clock.now()
            )

        if not self._write(work):
            raise Refused(f"{requests.MAX_MAIL} messages wait undelivered for run {run.id} already")

    def stop(self, run: Run, reason: str = "", *, by: str | None = None) -> None:
        """Asks a run to stop: its code sees `Stop.requested()`. Waits are not interrupted. Raises `Refused`."""

        def work(connection: sqlite3.Connection) -> None:
            _check_living(runs.get(connection, run.id), "stopped")
            data: dict[str, Value] = {"reason": clean(reason) or "asked by a person", "success": False}
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
                connection, level, clean(message), source and clean(source), self._by(by), self._clock.now()
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
        top = self._sources.load(self._sources.place_of(run.file))
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
        return _name(name or "") or _name(self.user) or _user()

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


def _variables(workspace: Path, settings: Settings) -> frozenset[str]:
    """The environment variables that templates may read: those of the workspace once its user agreed."""
    allowed = frozenset(settings.env_allow)
    if allowed and not trust.TrustRecord().trusts(workspace):
        allowed -= trust.variables(workspace)
    return allowed


def _files_refused(workspace: Path, settings: Settings) -> str:
    """Why files may not be used: the workspace gives procedures a folder outside of it, and nobody agreed."""
    if (workspace / settings.file_root).resolve().is_relative_to(workspace):
        return ""
    if not trust.opens_files(workspace) or trust.TrustRecord().trusts(workspace):
        return ""
    return (
        f"the configuration of this workspace lets procedures use files in {settings.file_root}; look at it, and agree "
        "with: proc-tui trust"
    )


def _check_living(run: Run, verb: str) -> None:
    if run.status in ENDED:
        raise Refused(f"run {run.id} has ended ({run.status.value}) and cannot be {verb}")


def _new_id() -> str:
    return launch.derived_id(secrets.token_bytes(16))


def _name(text: str) -> str:
    """Who somebody says they are, as it is kept: one line, without hidden characters, cut to `MOST_NAME`."""
    shown = "".join(letter if letter.isprintable() else " " for letter in clean(text))
    return " ".join(shown.split())[:MOST_NAME]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _audit() -> dict[str, object]:
    """What is known about who answers, besides the name that is claimed."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    trail: dict[str, object] = {"user": user, "host": socket.gethostname(), "version": __version__}
    for name, variable in (("ssh", "SSH_CONNECTION"), ("terminal", "SSH_TTY"), ("term", "TERM")):
        if os.environ.get(variable):
            trail[name] = os.environ[variable]
    trail.setdefault("terminal", _terminal())
    return {name: value for name, value in trail.items() if value is not None}


def _terminal() -> str | None:
    for number in range(3):
        with suppress(OSError):
            return os.ttyname(number)
    return None
