"""What can be read of a workspace: the looking half of `Operator`.

Belongs here: reads, in the words of the product; each is one short read of the database and changes nothing. Never: SQL
(`journal/`), or what changes something (`operator.py`). All may be called from any thread.
"""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .engine import answers, identity
from .errors import ProcError
from .journal import journal, listing, naming, presence, requests, runs, windows
from .journal.events import Alerted, Logged, Notified, Record, ReplyFailed, RunEnded
from .journal.folds import RunFold
from .journal.folds.outline import Outline
from .journal.journal import News, Ranges
from .journal.listing import Overview, Since
from .journal.presence import Editing
from .journal.requests import Alert, Answer, PendingRequest
from .journal.runs import Lease, Run
from .journal.windows import Changed, NodeView, Operation, Step
from .model.states import RunStatus
from .values import Value, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .engine.environment import Environment
    from .engine.preview import Preview
    from .engine.sources import Sources
    from .journal.database import Database
    from .lua.sandbox import Limits
    from .model.clock import Clock
    from .model.settings import Settings

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


class Approved(msgspec.Struct, frozen=True):
    """What was approved last at a point of a procedure."""

    request: str
    run: str
    artifact: Value
    """As it was approved: with what whoever approved it had changed."""
    edited: bool
    at: float
    by: str
    identical: bool
    """Whether it is what is proposed now."""


class Deciding(msgspec.Struct, frozen=True):
    """An answer that is not in effect yet."""

    request: str
    answer: Answer
    until: float
    """When it takes effect; before, whoever gave it can undo it."""
    missing: int
    """How many people have to answer after it."""


class Driver(msgspec.Struct, frozen=True):
    """A process that drives runs, or stands by to."""

    owner: str
    name: str
    """`host:pid`."""
    kind: str
    """`interface`, `watch`, ...; empty for one that did not say: it drives what somebody started there."""
    runs: int
    """How many it drives now."""
    here: bool
    """Whether it is this process."""
    dead: bool
    """Whether it is a process of this machine that is gone."""
    seen_at: float
    """When it was heard of last."""
    until: float | None
    """When the first of its leases runs out."""

    def stale(self, now: float) -> bool:
        """Whether nothing can be expected of it: it is gone, or was not heard of for long."""
        return self.dead or (self.kind != "" and now - self.seen_at > STALE_SECONDS and not self.runs)


STALE_SECONDS = 300.0
"""After how long a worker that says nothing is not counted on. An idle one speaks up every two minutes."""


class Looking:
    """One open workspace, to look at."""

    def __init__(self, workspace: Path, environment: Environment, settings: Settings, *, user: str) -> None:
        self.workspace: Path = workspace
        self.settings: Settings = settings
        self.user: str = clean(user)
        """Who acts, as far as this machine knows."""
        self._environment: Environment = environment
        self._database: Database = environment.database
        self._clock: Clock = environment.clock
        self._sources: Sources = environment.sources
        self._owner: str = f"{identity.owner()}:{id(self):x}"
        """Who edits here, for others."""

    def _limits(self) -> Limits:
        # Lua and what drives it take longer to import than all the rest, and most commands drive nothing.
        from .lua.sandbox import Limits  # noqa: PLC0415

        return Limits(self.settings.limits.lua_memory_mb * 2**20, self.settings.limits.lua_instructions)

    def now(self) -> float:
        """The time by the workspace's clock."""
        return self._clock.now()

    # ---- runs

    def run(self, name: str) -> Run:
        """The run whose id begins so, else the only run of the procedure of this name. Raises `NotFound`."""
        with self._database.read() as connection:
            return naming.run(connection, name)

    def runs(
        self, *, statuses: Iterable[RunStatus] = (), procedure: str | None = None, root: str | None = None,
        parent: str | None = None, top: bool = False, limit: int = -1,
    ) -> list[Run]:  # fmt: skip
        """Runs, the last touched first; with `top` only those that are nobody's children."""
        with self._database.read() as connection:
            return runs.listing(
                connection, statuses=statuses, procedure=procedure, root=root, parent=parent, top=top, limit=limit
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
        return None if run.owner is None or identity.is_dead(run.owner) else identity.shown(run.owner)

    def health(self) -> Health:
        """What `doctor` looks at: the database's file and what is in it. Raises `StoreError`."""
        database = self._database
        with database.read() as connection:
            checked = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)").fetchall()]
            newest = journal.newest_at(connection)
        problems = () if checked == ["ok"] else tuple(checked)
        size = sum(file.stat().st_size for file in database.path.parent.glob(f"{database.path.name}*"))
        return Health(database.path, sqlite3.sqlite_version, database.wal, size, newest, self._clock.now(), problems)

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
        """What waits for a person, nearest deadline first, then oldest; what is being decided just now among it."""
        with self._database.read() as connection:
            now = self._clock.now()
            return [row for row in requests.listing(connection, run=run, root=root) if row.open(now)]

    def resolved(self, since: float) -> list[PendingRequest]:
        """The requests that were answered, timed out or withdrawn from a moment on."""
        with self._database.read() as connection:
            return requests.listing(connection, pending=False, resolved_since=since)

    def answers(self, request: str) -> list[Answer]:
        """What people answered to a request, oldest first, with what they undid."""
        with self._database.read() as connection:
            return requests.answers(connection, request)

    def request(self, name: str) -> PendingRequest:
        """A request by its id or the beginning of it, or the only one pending in a run or in the runs of a procedure.

        Raises `NotFound`, which names those that were meant when several were.
        """
        with self._database.read() as connection:
            return naming.request(connection, name)

    def deciding(self, request: str) -> Deciding | None:
        """The answer to a request that is not in effect yet."""
        with self._database.read() as connection:
            row = requests.get(connection, request)
            given = [answer for answer in requests.answers(connection, request) if answer.undone_at is None]
        if not row.undoable(self._clock.now()) or not given:
            return None
        missing = 0 if row.decides else row.needed - len(given)
        return Deciding(request, given[-1], row.effective_at or 0.0, missing)

    def decisions(self, row: PendingRequest) -> list[str]:
        """The decisions that a review offers, by their labels."""
        return answers.labels(row)

    def preview(self, request: str) -> list[Preview]:
        """What the run would do next for each possible answer, and for the passing of the deadline.

        The run is replayed in memory, for two seconds at most; nothing is performed or written. Never raises for a run
        that cannot be replayed. Empty for a request that is settled.
        """
        # As in `_limits`.
        from .engine import preview  # noqa: PLC0415

        with self._database.read() as connection:
            row = requests.get(connection, request)
            run = runs.get(connection, row.run)
            if not row.open(self._clock.now()) or run.status.ended:
                return []
            if windows.length(run.history, run.last_seq) > preview.MOST_EVENTS:
                why = f"the run has more than {preview.MOST_EVENTS:,} events, which take too long to replay"
                return preview.untold(row, why)
            try:
                program = self._sources.program(connection, run.source, run.path)
                records = journal.read(connection, run.id, run.history)
            except ProcError as error:
                return preview.untold(row, str(error))
        return preview.previews(row, run, program, self._environment, records, self._limits())

    def last_approved(self, request: str) -> Approved | None:
        """What was approved last, in any run, at this point of this procedure; None when nothing was."""
        with self._database.read() as connection:
            row = requests.get(connection, request)
            found = requests.last_approved(connection, row)
            given = [] if found is None else requests.answers(connection, found.id)
        counting = [answer for answer in given if answer.undone_at is None]
        if found is None or not counting:
            return None
        edited = counting[-1].answer.get("edited_artifact")
        artifact = found.event.data.get("artifact") if edited is None else edited
        same = found.digest if edited is None else digest(edited)
        by, at = found.resolved_by or "", found.resolved_at or 0.0
        return Approved(found.id, found.run, artifact, edited is not None, at, by, same == row.digest)

    def editors(self, request: str) -> list[Editing]:
        """Who is changing the artifact of a request elsewhere just now."""
        with self._database.read() as connection:
            found = presence.editors(connection, request, self._clock.now())
        return [item for item in found if item.owner != self._owner and not identity.is_dead(item.owner)]

    # ---- the workspace at a glance

    def overview(self, limit: int = 100) -> Overview:
        """What needs a person, what runs, what ended: at most so many of each, with the totals; all at one moment."""
        now = self._clock.now()
        with self._database.read() as connection:
            return listing.overview(connection, limit=limit, now=now, midnight=_midnight(now))

    def search(self, text: str, *, statuses: Sequence[RunStatus] = (), limit: int = 100, offset: int = 0) -> list[Run]:
        """The runs that have every word of a text in their procedure, id, status, stage, parameters, error or starter,
        the last touched first."""
        with self._database.read() as connection:
            return listing.search(connection, text, statuses=statuses, limit=limit, offset=offset)

    def since(self, moment: float, *, limit: int = 1000) -> Since:
        """What happened since a moment: what started and ended, what was asked and decided by whom, what it cost."""
        with self._database.read() as connection:
            return listing.since(connection, moment, now=self._clock.now(), limit=limit)

    def drivers(self) -> list[Driver]:
        """Who drives runs or stands by to, this process first; also those that are gone and left traces."""
        with self._database.read() as connection:
            leases = {lease.owner: lease for lease in runs.leases(connection)}
            seen = {row.owner: row for row in presence.seen(connection)}
        own, now = identity.owner(), self._clock.now()
        found: list[Driver] = []
        for owner in dict.fromkeys((*seen, *leases)):
            row, lease = seen.get(owner), leases.get(owner)
            found.append(
                Driver(
                    owner=owner, name=identity.shown(owner), kind=row.kind if row else "",
                    runs=lease.runs if lease else 0, here=owner.startswith(f"{own}:"), dead=identity.is_dead(owner),
                    seen_at=row.seen_at if row else now, until=lease.until if lease else None,
                )
            )  # fmt: skip
        return sorted(found, key=lambda driver: (not driver.here, driver.dead, -driver.runs))

    # ---- one run, by window

    def outline(self, run: Run, *, at: int | None = None) -> Outline:
        """What a run adds up to, now or at an event, without its lists: quick however long it is.

        Where snapshots are missing (a fork, a run of an older version) it makes them, which is only slow once.
        """
        missed: list[tuple[Outline, str]] = []

        def keep(connection: sqlite3.Connection) -> None:
            for outline, text in missed:
                journal.save_snapshot(connection, run.id, outline, text)

        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            found = windows.outline(connection, run.id, ranges, upto, missed=missed)
        if missed:
            self._database.write(keep, sync=False)
        return found

    def conversation(
        self, run: Run, *, at: int | None = None, after: int = 0, before: int | None = None, limit: int = -1,
        newest: bool = False,
    ) -> list[Record]:  # fmt: skip
        """The events of the conversation after one event and before another, oldest first; with `newest` the last."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            upto = upto if before is None else min(upto, before - 1)
            return windows.said(connection, run.id, ranges, after=after, upto=upto, limit=limit, newest=newest)

    def count_said(self, run: Run, *, at: int | None = None) -> int:
        """How many events the conversation has, or had at an event."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.count_said(connection, run.id, ranges, upto)

    def log_lines(
        self, run: Run, *, levels: Sequence[str] = (), at: int | None = None, after: int = 0,
        before: int | None = None, limit: int = -1, newest: bool = False,
    ) -> list[Record]:  # fmt: skip
        """Log lines, notifications, alerts and failed replies, all or those of some levels, as `conversation` does."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            upto = upto if before is None else min(upto, before - 1)
            return windows.log(
                connection, run.id, ranges, levels=levels, after=after, upto=upto, limit=limit, newest=newest
            )

    def operations(self, run: Run, *, start: int = 0, limit: int = 500, at: int | None = None) -> list[Operation]:
        """The operations from a place on, in the order in which they began; `Outline.operations` says how many."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.operations(connection, run.id, ranges, upto, start=start, limit=limit)

    def children(
        self, run: Run, parent: str | None = None, *, at: int | None = None, offset: int = 0, limit: int = 500,
        by_score: bool = False,
    ) -> list[NodeView]:  # fmt: skip
        """The nodes of the run's graph right under a node, or those without a parent: oldest first, or best first."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.children(
                connection, run.id, ranges, upto, parent, offset=offset, limit=limit, by_score=by_score
            )

    def count_children(self, run: Run, parent: str | None = None, *, at: int | None = None) -> int:
        """How many nodes of the run's graph are right under a node, or without a parent."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.count_children(connection, run.id, ranges, upto, parent)

    def node(self, run: Run, id: str, *, at: int | None = None) -> NodeView | None:
        """One node of the run's graph."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.node(connection, run.id, ranges, upto, id)

    def step(self, run: Run, seq: int, to: Step) -> int | None:
        """The event beside a place in the run's present history, or the outcome of an operation beside it."""
        with self._database.read() as connection:
            return windows.step(connection, run.id, run.history, seq, to)

    def line_counts(self, run: Run, *, at: int | None = None, after: int = 0) -> dict[int, int]:
        """How many operations ended and effects happened at each line of the source, after an event.

        This reads all of these events: half a second for a million of them.
        """
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.line_counts(connection, run.id, ranges, upto, after=after)

    def changed(self, run: Run, seq: int) -> Changed:
        """What the event at a place changed, for marking."""
        with self._database.read() as connection:
            return windows.changed(connection, run.id, seq)

    def key_history(self, run: Run, key: str, *, at: int | None = None, limit: int = 100) -> list[Record]:
        """The latest changes of a key of State, oldest first; those that cleared all of it among them."""
        with self._database.read() as connection:
            ranges, upto = self._history(connection, run, at)
            return windows.key_history(connection, run.id, ranges, key, upto=upto, limit=limit)

    @staticmethod
    def _history(connection: sqlite3.Connection, run: Run, at: int | None) -> tuple[Ranges, int]:
        """The ranges that are read, and their last event."""
        if at is None:
            return run.history, run.last_seq
        return journal.ranges_at(connection, run.id, at), min(at, run.last_seq)


def _midnight(now: float) -> float:
    """When the local day began."""
    day = datetime.datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.timestamp()


def clean(text: str) -> str:
    """A text as it can be kept: without the half characters by which Python stands for bytes that are not UTF-8."""
    return text.encode(errors="surrogatepass").decode(errors="replace")
