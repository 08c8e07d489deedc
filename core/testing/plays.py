"""Plays: a procedure through the real engine, and what came of it.

Belongs here: setting the stage, and reading what was recorded. Never: driving (`stage.py`), or answering.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import yaml

from ..agents.replies import Replies
from ..document import pin
from ..engine import rewind
from ..journal.events import Alerted, Event, Logged, Notified, Record, Requested, RunEnded
from ..journal.folds import RunFold
from ..model import settings as configuration
from ..model.settings import Settings
from ..model.states import RunStatus
from ..model.workspace import FOLDER
from ..operator import Operator
from ..scripted import AnswersFile
from .clock import FakeClock
from .documents import complete, declared, write_workspace
from .people import FilePerson, Person
from .stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..journal.runs import Run
    from ..values import Value
    from .people import Script

LEASE_SECONDS = 0.01
"""Leases in a play, which end as soon as the clock moves: so a play goes on at once where another one crashed."""

E = TypeVar("E", bound=Event)


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
        document = complete(procedure, "play", {**declared(procedure, params, keys), **keys})
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
    stage = Stage(operator, clock)
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

    def __init__(self, stage: Stage, run: str) -> None:
        self._stage: Stage = stage
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


def _clear(operator: Operator, place: Path | None) -> None:
    operator.close()
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
