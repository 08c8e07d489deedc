"""Plays: a procedure, a scripted person and a clock that is moved by hand, through the real engine.

    played = play('''
        local ok = Human.approve{message = "Ship it?", timeout = 3600}
        return {shipped = ok}
    ''', answers=[True])
    assert played.status == "COMPLETED" and played.result == {"shipped": True}
    played.replay()

Everything is real: the operator, SQLite, the worker, its threads and Lua. Only time and people are not: the
clock stands still while anything happens and jumps to the next due moment when nothing else can, so that
timers and deadlines take no time. Belongs here: what tests of procedures and of this program share, for users
too. Never: a stand-in for a part of the program.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import textwrap
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import msgspec
import yaml

from .agents.replies import Replies
from .document import pin
from .engine import rehearsal, rewind
from .engine.answers import Given
from .engine.outcome import Ended, Suspended
from .engine.worker import Worker
from .errors import Divergence
from .journal import requests, runs
from .journal.events import Alerted, Event, Logged, Notified, Record, Requested, RunEnded
from .journal.folds import RunFold
from .lua.sandbox import Limits
from .model import settings as configuration
from .model.settings import Settings
from .model.states import RequestStatus, RunStatus
from .model.workspace import FOLDER
from .operator import Operator
from .scripted import AnswersFile, in_chat
from .values import Value, encode, from_json

if TYPE_CHECKING:
    from .engine.driver import Driver
    from .engine.outcome import Outcome
    from .errors import ProcError
    from .journal.requests import PendingRequest
    from .journal.runs import Run

NOON = 1_800_000_000.0
"""Where a `FakeClock` begins: 2027-01-15 08:00:00 UTC."""
PATIENCE = 30.0
"""Seconds of real time after which a play that comes to no end is given up."""
PREFIXES = 60
"""How many beginnings of a journal `Played.replay` tries besides the whole."""
LEASE_SECONDS = 0.01
"""Leases in a play, which end as soon as the clock moves: so a play goes on at once where another one crashed."""

Answer: TypeAlias = "Given | Mapping[str, object] | bool | str | None"
"""What a person does: an answer, its fields (`by` says who), a short form of it, or, with None, nothing."""
Script: TypeAlias = "Iterable[Answer] | Callable[[PendingRequest], Answer]"

E = TypeVar("E", bound=Event)


class FakeClock:
    """A `Clock` that moves only when it is told to."""

    def __init__(self, at: float = NOON) -> None:
        self._now: float = at

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves on by so much; a negative number is somebody setting the clock back."""
        self._now += seconds

    def set(self, at: float) -> None:
        """Moves to a moment."""
        self._now = at


class Crash(BaseException):
    """The process dies here. Nothing catches it, and nothing of the operator that met it can be used again."""


class Death:
    """A `fault` for `Operator.open` and `play`; see `die_at`."""

    def __init__(self, point: str, nth: int) -> None:
        self.point: str = point
        self.nth: int = nth
        self.seen: int = 0
        """How often the point was reached."""
        self.dead: bool = False
        self._lock: threading.Lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            if point == self.point and not self.dead:
                self.seen += 1
                self.dead = self.seen == self.nth
            if self.dead:
                raise Crash(f"{self.point} {self.nth}")


def die_at(point: str, nth: int = 1) -> Death:
    """Dies at the nth time that a fault point is reached (`write:begin`, `write:worked`, `write:committed`, `claim`).

    Once dead every point raises, in whatever thread, as nothing of a dead process goes on. With `nth=0` it never
    dies and only counts.
    """
    return Death(point, nth)


class Person:
    """Answers requests from a script, in order; a request for which the script has nothing stays unanswered."""

    def __init__(self, script: Script = ()) -> None:
        self.asked: list[PendingRequest] = []
        """What was shown, in order; a request that wants several people is shown to each."""
        self._ignored: set[str] = set()
        self._one: Callable[[PendingRequest], Answer] | None = None
        self._script: list[Answer] = []
        if callable(script):
            self._one = script
        else:
            self._script = list(script)

    @property
    def unused(self) -> int:
        """How many answers nobody asked for."""
        return len(self._script)

    def act(self, operator: Operator) -> bool:
        """Answers the most urgent request that was not left alone before; False when there is none."""
        for request in operator.inbox():
            if request.id in self._ignored:
                continue
            self.asked.append(request)
            answer = self._one(request) if self._one else self._script.pop(0) if self._script else None
            if answer is None:
                self._ignored.add(request.id)
                continue
            given, by = given_of(request, answer)
            operator.answer(request.id, given, by=by, via="play")
            return True
        return False


def given_of(request: PendingRequest, answer: Given | Mapping[str, object] | bool | str) -> tuple[Given, str | None]:
    """An answer in full, and who gives it: a boolean approves or rejects, a text goes where the request wants one."""
    if isinstance(answer, Given):
        return answer, None
    if isinstance(answer, bool):
        return Given(approved=answer), None
    if isinstance(answer, str):
        fields: dict[str, Any] = {{"input": "text", "review": "decision"}.get(request.type, "note"): answer}
        return Given(**fields), None
    given: dict[str, Any] = dict(answer)
    by = given.pop("by", None)
    if "artifact" in given:
        given["artifact"] = from_json(given["artifact"])
    return Given(**given), by


class FilePerson(Person):
    """Answers from a file of answers; what was answered before, in an earlier play in the same folder, is skipped."""

    def __init__(self, answers: AnswersFile) -> None:
        super().__init__()
        self._answers: AnswersFile = answers
        self._caught_up: bool = False

    @property
    def unused(self) -> int:
        return len(self._answers.leftover)

    def act(self, operator: Operator) -> bool:
        if not self._caught_up:
            self._caught_up = True
            self._skip(operator)
        for request in operator.inbox():
            if request.id in self._ignored:
                continue
            self.asked.append(request)
            given = self._answers.next_for(request, operator.run(request.run))
            if given is None:
                self._ignored.add(request.id)
                continue
            operator.answer(request.id, given, by=given.by, via="play")
            return True
        for run in operator.runs():
            spoken = self._answers.next_said(run) if in_chat(run) else None
            if spoken is not None:
                operator.send(run, spoken.text, by=spoken.by)
                return True
        return False

    def _skip(self, operator: Operator) -> None:
        """Takes from the file what became of earlier requests, and what was said before."""
        with operator._environment.database.read() as connection:  # pyright: ignore[reportPrivateUsage] - as `_Stage` does
            rows = sorted(requests.listing(connection, pending=False), key=lambda row: (row.created_at, row.seq))
            earlier = [(row, runs.get(connection, row.run), len(requests.answers(connection, row.id))) for row in rows]
            letters = {run.id: requests.mail(connection, run.id) for run in operator.runs()}
        for row, run, answered in earlier:
            for _ in range(1 if row.status is RequestStatus.TIMED_OUT else answered):
                self._answers.next_for(row, run)
        for run in operator.runs():
            senders = [message.by for message in operator.fold(run).session.received]
            senders += [letter.by for letter in letters[run.id] if letter.kind == "message"]
            for _ in (by for by in senders if by != f"run {run.parent}"):
                self._answers.next_said(run)


# ---- playing


def play(
    procedure: str,
    *,
    params: Mapping[str, object] | None = None,
    answers: Script | Person = (),
    upto: str | None = None,
    workspace: Mapping[str, str | bytes] | None = None,
    folder: Path | None = None,
    clock: FakeClock | None = None,
    user: str = "starter",
    settings: Settings | None = None,
    fault: Callable[[str], None] | None = None,
    context: object = None,
    replies: Mapping[str, object] | Replies | None = None,
    **keys: object,
) -> Played:
    """Runs a procedure until it ended, or waits for something that nobody gives.

    `procedure` is a YAML document (`name` and `version` may be left out), or Lua alone, whose first line is then line
    2 of `play.yaml`; `keys` are further keys of the document, and `params` are declared by their types. `workspace`
    holds more files by path; a name without a suffix is a procedure of that name, written in the same ways. `upto` is
    a status of the run (`"WAITING_FOR_HUMAN"`, `"SLEEPING"`): the play stops there, and `Played.go_on` goes on.

    In a `folder` where this was played before, the run that is there goes on instead, as after a crash: `fault` is
    called at every point where a process may die, see `die_at`. `replies` scripts the models, by agent. Raises what
    starting and answering raise, `Crash`, and `AssertionError` when answers of a list are left over.
    """
    own = folder is None
    place = Path(tempfile.mkdtemp(prefix="play-")) if folder is None else folder
    try:
        document = complete(procedure, "play", {**_declared(procedure, params, keys), **keys})
        write_workspace(place, {"play.yaml": document, **(workspace or {})})
        settings = settings or Settings(durability="fast")
        if settings.worker.lease_seconds > LEASE_SECONDS:
            worker = msgspec.structs.replace(settings.worker, lease_seconds=LEASE_SECONDS)
            settings = msgspec.structs.replace(settings, worker=worker)
        clock = clock or FakeClock()
        operator = Operator.open(place, settings=settings, clock=clock, user=user, fault=fault)
    except BaseException:
        if own:
            shutil.rmtree(place, ignore_errors=True)
        raise
    stage = _Stage(operator, clock)
    weakref.finalize(stage, _clear, operator, place if own else None)
    earlier = [run for run in operator.runs() if run.parent is None and run.file == "play.yaml"]
    if earlier:
        clock.advance(2 * LEASE_SECONDS)
        run = earlier[-1]
    else:
        script = replies if replies is None or isinstance(replies, Replies) else scripted(replies)
        run = operator.start(place / "play.yaml", params, context=context, replies=script)
    return Played(stage, run.id).go_on(answers=answers, upto=upto)


def scripted(replies: Mapping[str, object]) -> Replies:
    """A script of models' replies by agent, as a replies file has it."""
    return Replies.parse(yaml.safe_dump(dict(replies), sort_keys=False, allow_unicode=True), "play.replies.yaml")


def play_file(path: Path, **options: Any) -> Played:
    """Plays a procedure file with its `lib/`, and with the parameters, answers and replies in files beside it.

    Its tools are those of the configuration in its folder, whose programs are copied to where it is played. `options`
    are those of `play`, over what the files say.
    """
    beside = {kind: path.with_name(f"{path.stem}.{kind}.yaml") for kind in ("params", "answers")}
    if "params" not in options and beside["params"].exists():
        options["params"] = yaml.safe_load(beside["params"].read_text(encoding="utf-8"))
    if "answers" not in options and beside["answers"].exists():
        options["answers"] = FilePerson(AnswersFile.load(beside["answers"]))
    if "replies" not in options and (script := path.with_name(f"{path.stem}.replies.yaml")).exists():
        options["replies"] = Replies.load(script)
    libs = {f"lib/{name}.lua": text for name, text in pin(path).items()}
    if "settings" not in options and (path.parent / FOLDER / "config.toml").exists():
        options["settings"] = msgspec.structs.replace(configuration.load(path.parent), durability="fast")
    programs = _programs(path.parent, options.get("settings"))
    options["workspace"] = {**libs, **programs, **options.get("workspace", {})}
    return play(path.read_text(encoding="utf-8"), **options)


def _programs(folder: Path, settings: Settings | None) -> dict[str, bytes]:
    """The files of a folder that its tools are started from, by path."""
    if settings is None:
        return {}
    named = [*settings.python_tools.modules, *(arg for server in settings.mcp_servers.values() for arg in server.args)]
    return {name: (folder / name).read_bytes() for name in named if (folder / name).is_file()}


class Played:
    """What came of a play; everything is read anew each time."""

    def __init__(self, stage: _Stage, run: str) -> None:
        self._stage: _Stage = stage
        self._run: str = run

    def go_on(self, *, answers: Script | Person = (), upto: str | None = None) -> Played:
        """Plays on from where the play stopped, in a new worker."""
        person = answers if isinstance(answers, Person) else Person(answers)
        self._stage.drive(person, self._run, upto)
        if person.unused and upto is None:
            raise AssertionError(f"{person.unused} answers were not asked for; {self!r}")
        return self

    @property
    def operator(self) -> Operator:
        """The open workspace."""
        return self._stage.operator

    @property
    def clock(self) -> FakeClock:
        """Its clock."""
        return self._stage.clock

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.operator.workspace

    @property
    def run(self) -> Run:
        """The run's row."""
        return self.operator.run(self._run)

    @property
    def status(self) -> RunStatus:
        """Where the run is."""
        return self.run.status

    @property
    def records(self) -> list[Record]:
        """The run's history."""
        return self.operator.records(self.run)

    def events(self, kind: type[E]) -> list[E]:
        """The events of one kind, oldest first."""
        return [record.event for record in self.records if isinstance(record.event, kind)]

    @property
    def kinds(self) -> list[str]:
        """The history as a list of kinds, with the names of operations: `["run.started", "ended approve#1", ...]`."""
        found: list[str] = []
        for record in self.records:
            label = record.event.label
            found.append(f"{record.event.kind} {label}" if label and "#" in label else record.event.kind)
        return found

    @property
    def fold(self) -> RunFold:
        """What the history adds up to."""
        return RunFold(self.records)

    @property
    def ended(self) -> RunEnded | None:
        """How the run ended."""
        ends = self.events(RunEnded)
        return ends[-1] if ends else None

    @property
    def result(self) -> Value:
        """What the run returned; raises `AssertionError` when it did not complete."""
        ended = self.ended
        if self.status is not RunStatus.COMPLETED or ended is None:
            raise AssertionError(f"the run did not complete: {self!r}")
        return ended.result

    @property
    def error(self) -> str:
        """Why the run failed, as a person reads it; raises `AssertionError` when it did not fail."""
        ended = self.ended
        if self.status is not RunStatus.FAILED or ended is None:
            raise AssertionError(f"the run did not fail: {self!r}")
        return ended.message

    @property
    def log(self) -> list[str]:
        """The messages of the log, notifications and alerts among them."""
        return [
            event.message for record in self.records if isinstance(event := record.event, (Logged, Notified, Alerted))
        ]

    @property
    def asked(self) -> list[Requested]:
        """What people were asked, by the run and its children, in order."""
        found = [
            (record.at, record.seq, record.event)
            for played in (self, *self.children)
            for record in played.records
            if isinstance(record.event, Requested)
        ]
        return [event for _, _, event in sorted(found, key=lambda item: item[:2])]

    @property
    def children(self) -> list[Played]:
        """The runs below this one: each followed by its own, and in the order in which they were started."""
        started = [child for record in self.records for child in rewind.children_of(record)]
        places = {child: place for place, child in enumerate(started)}
        own = self.operator.runs(parent=self._run)
        own.sort(key=lambda run: (places.get(run.id, -1), run.created_at, run.id))
        return [below for run in own for child in [Played(self._stage, run.id)] for below in (child, *child.children)]

    def child(self, procedure: str) -> Played:
        """The latest child that runs a procedure."""
        found = [played for played in self.children if played.run.procedure == procedure]
        if not found:
            raise AssertionError(f"no child runs {procedure}: {self!r}")
        return found[-1]

    def replay(self) -> Played:
        """Replays the journals of the run and its children in fresh Lua states, in memory, and every beginning of them.

        Asserts that no replay diverges, that none asks for anything that was not recorded, and that each adds up to
        what its records add up to.
        """
        for played in (self, *self.children):
            before = [(record.seq, record.event) for record in played.records]
            self._stage.rehearse(played.run, played.records)
            if [(record.seq, record.event) for record in played.records] != before:
                raise AssertionError("a rehearsal appended to the journal")
        return self

    def __repr__(self) -> str:
        run = self.run
        ends = f": {run.error}" if run.error else ""
        pending = "".join(f"; waits for {item.type} {item.message!r}" for item in self.operator.inbox(root=run.root))
        return f"<{run.procedure} {run.status.value}{ends}{pending}>"


class _Stage:
    """One open workspace in which things are played."""

    def __init__(self, operator: Operator, clock: FakeClock) -> None:
        self.operator: Operator = operator
        self.clock: FakeClock = clock

    def drive(self, person: Person, run: str, upto: str | None) -> None:
        player = _Player(self.operator, self.clock, person, run, upto)
        try:
            asyncio.run(player.play())
        except Crash:
            self.operator.close()
            raise
        finally:
            player.close()
        for driven, fold in player.folds.items():
            row = self.operator.run(driven)
            records = [record for record in self.operator.records(row) if record.seq <= fold.seq]
            if row.attempt == fold.attempt:
                _compare(fold, RunFold(records), f"the live run of {row.procedure}")

    def rehearse(self, run: Run, records: list[Record]) -> None:
        environment = self.operator._environment  # pyright: ignore[reportPrivateUsage] - it stands where the worker stands
        with environment.database.read() as connection:
            program = environment.sources.program(connection, run.source, run.path)
        first = max(1, len(records) - PREFIXES)
        for length in (len(records), *range(first, len(records))):
            kept = records[:length]
            fold, failure = rehearsal.rehearsed(run, program, environment, kept, _limits(self.operator.settings))
            if isinstance(failure, Divergence):
                raise AssertionError(f"the replay of the first {length} of {len(records)} records diverges: {failure}")
            about = records[length - 1 : length + 1]
            ends = [record.event for record in about if isinstance(record.event, RunEnded)]
            if failure is not None and str(failure) not in [event.message for event in ends]:
                raise AssertionError(f"the replay of the first {length} of {len(records)} records fails: {failure}")
            expected = RunFold(kept)
            _compare(fold, expected, f"the replay of the first {length} of {len(records)} records")


class _Player(Worker):
    """The worker of a play: when nothing is due it lets the person act, or time pass."""

    def __init__(self, operator: Operator, clock: FakeClock, person: Person, run: str, upto: str | None) -> None:
        environment = operator._environment  # pyright: ignore[reportPrivateUsage] - as `Operator.worker` does
        super().__init__(environment, operator.settings.worker, _limits(operator.settings), on_problem=self._problem)
        self._operator: Operator = operator
        self._clock: FakeClock = clock
        self._person: Person = person
        self._run: str = run
        self._upto: str | None = upto
        self._crash: str | None = None
        self._problems: list[ProcError] = []
        self.folds: dict[str, RunFold] = {}
        """What each run that was driven to a wait or an end added up to in memory."""

    async def play(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.run()
        except TimeoutError:
            raise AssertionError(f"the play came to no end within {PATIENCE:g} s of real time") from None
        if self._crash is not None:
            raise Crash(self._crash)
        if self._problems:
            raise self._problems[0]

    def close(self) -> None:
        self._operator = self._person = cast("Any", None)

    def _problem(self, run: str, error: ProcError) -> None:
        self._problems.append(error)

    async def _pause(self, due: float | None, now: float) -> None:
        idle = not self._active and not self._stopping and not (due is not None and due <= now)
        if not idle or (self._changed is not None and self._changed.is_set()):
            await super()._pause(due, now)
        elif not self._reached() and (self._person.act(self._operator) or self._jump()):
            self.attention()
        else:
            self.stop()

    def _reached(self) -> bool:
        return bool(self._problems) or (self._upto is not None and self._operator.run(self._run).status == self._upto)

    def _jump(self) -> bool:
        """Moves the clock to the next moment at which a run wants a worker."""
        rows = self._operator.runs()
        dues = [row.wake_at for row in rows if row.wake_at is not None and row.status is not RunStatus.BLOCKED]
        if not dues:
            return False
        self._clock.set(max(self._clock.now(), min(dues)))
        return True

    def _drive(self, run: Run, warm: Driver | None) -> None:
        try:
            super()._drive(run, warm)
        except Crash as crash:
            self._die(crash)

    def watch_active(self, *, renew: bool) -> None:
        try:
            super().watch_active(renew=renew)
        except Crash as crash:
            self._die(crash)

    def flush_old(self) -> None:
        try:
            super().flush_old()
        except Crash as crash:
            self._die(crash)

    def _die(self, crash: Crash) -> None:
        self._crash = str(crash)
        self._active.clear()
        self.stop()

    def _finished(self, run: str, driver: Driver | None, outcome: Outcome) -> None:
        if driver is not None and isinstance(outcome, (Suspended, Ended)):
            self.folds[run] = driver.context.fold
        super()._finished(run, driver, outcome)


def _limits(settings: Settings) -> Limits:
    return Limits(memory_bytes=settings.limits.lua_memory_mb * 2**20, instructions=settings.limits.lua_instructions)


def _clear(operator: Operator, place: Path | None) -> None:
    operator.close()
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)


# ---- documents

_DOCUMENT = re.compile(r"^(code|workflow):(\s|$)", re.MULTILINE)
_NAMED = re.compile(r"^name:", re.MULTILINE)
_VERSIONED = re.compile(r"^version:", re.MULTILINE)


def complete(text: str, name: str, keys: Mapping[str, object] | None = None) -> str:
    """The whole document of Lua alone, or of a document without name or version; lines stay where they are."""
    text = textwrap.dedent(text.lstrip("\n")).rstrip() + "\n"
    if not _DOCUMENT.search(text):
        text = "code: |\n" + textwrap.indent(text, "  ")
    for pattern, line in ((_NAMED, f"name: {name}\n"), (_VERSIONED, 'version: "1"\n')):
        if not pattern.search(text):
            text += line
    return text + (yaml.safe_dump(dict(keys), sort_keys=False) if keys else "")


def write_workspace(place: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files by path; a name without a suffix is a procedure of that name."""
    for path, content in files.items():
        target = place / path
        if not target.suffix and isinstance(content, str):
            target, content = place / f"{path}.yaml", complete(content, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"),
)  # fmt: skip


def _declared(text: str, params: Mapping[str, object] | None, keys: Mapping[str, object]) -> dict[str, object]:
    """Declarations of the parameters that are given to Lua alone."""
    if not params or _DOCUMENT.search(textwrap.dedent(text)) or "params" in keys:
        return {}
    kinds = {name: next(kind for cls, kind in _KINDS if isinstance(value, cls)) for name, value in params.items()}
    return {"params": {name: {"type": kind} for name, kind in kinds.items()}}


# ---- comparing


def fold_image(fold: RunFold) -> Value:
    """All that a fold holds, as one value: two folds are equal when their images are."""
    checkpoints = fold.checkpoints
    names = sorted({entry.name for entry in checkpoints.entries})
    bases = sorted({name.rpartition("#")[0] for name in names if "#" in name})
    image: dict[str, object] = {
        "attempt": fold.attempt,
        "params": fold.params,
        "seed": fold.seed,
        "clock": fold.clock,
        "began_at": fold.began_at,
        "state": [[key, value] for key, value in fold.state.values.items()],
        "messages": [message.as_value() for message in fold.session.messages],
        "received": [[message.content, message.by] for message in fold.session.received],
        "stage": fold.stages.current,
        "stages": msgspec.to_builtins(fold.stages.history),
        "graph": {
            "root": fold.graph.root,
            "current": fold.graph.current,
            "nodes": [
                [node.id, node.content, node.metadata, node.parent, node.children] for node in fold.graph.nodes.values()
            ],
        },
        "checkpoints": msgspec.to_builtins(checkpoints.entries),
        "completed": sorted([name, entry.seq] for name, entry in checkpoints.completed.items()),
        "open": [entry.name for entry in checkpoints.open],
        "cleared_from": checkpoints.cleared_from,
        "next": [[base, checkpoints.numbered(base)] for base in bases],
        "attempts": [[name, checkpoints.next_attempt(name)] for name in names],
        "requests": [
            [name, msgspec.to_builtins(item.event), item.status.value, item.answer, item.by, item.resolved_at]
            for name, item in fold.requests.requests.items()
        ],
        "calls": msgspec.to_builtins(fold.tools.calls),
        "stop": msgspec.to_builtins(fold.tools.stop),
        "turns": fold.agents.turns,
        "agents": [
            [
                name,
                item.system,
                item.model,
                msgspec.to_builtins(item.messages),
                item.replies,
                item.failures,
                item.turns,
                msgspec.to_builtins(item.usage),
                item.scale,
            ]
            for name, item in fold.agents.conversations.items()
        ],
        "open turn": None
        if fold.agents.open is None
        else [
            fold.agents.open.name,
            msgspec.to_builtins(fold.agents.open.prompted),
            msgspec.to_builtins(fold.agents.open.reply),
            sorted(fold.agents.open.results),
            fold.agents.open.children,
            fold.agents.open.failures,
            fold.agents.open.due,
        ],
        "used": [
            msgspec.to_builtins(fold.agents.usage),
            msgspec.to_builtins(fold.agents.used_by),
            fold.agents.unpriced,
        ],
        "taken": fold.agents.taken,
        "polls": fold.polls.unchanged,
    }
    return cast("Value", image)


def _compare(found: RunFold, expected: RunFold, what: str) -> None:
    """Raises `AssertionError`, showing the parts that differ."""
    left, right = (cast("dict[str, Value]", fold_image(fold)) for fold in (found, expected))
    differing = [part for part in left if encode(left[part]) != encode(right[part])]
    if differing:
        rows = [f"{part}: {encode(left[part])}\n  expected: {encode(right[part])}" for part in differing]
        raise AssertionError(f"{what} adds up to something else than its records:\n" + "\n".join(rows))
