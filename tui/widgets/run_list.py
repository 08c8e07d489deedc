"""The list of runs: what needs you, what runs, what ended; children below their parents.

The cursor stays on its run whatever arrives above it. Belongs here: rows and columns. Never: which run is in which
group (`live/workspace.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.content import Content
from textual.message import Message

from ...core.errors import ProcError
from ...core.model.states import RunStatus
from .. import keys
from ..clean import cells, oneline
from ..glyphs import sign
from ..live.workspace import Entry
from ..screen_safety import safe_line
from ..words import age, several, time_of_day
from .lines import Lines, beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.journal.runs import Run
    from ..live.workspace import WorkspaceView

FOLDED_FROM = 4
"""Children from this number on are folded to one line."""
ROOMY = 56
"""Columns from which a row also says what the run is at."""
NAMED = 30
"""Columns of a name in such a row, at most."""
ID_FROM = 38
"""Columns from which a row has the beginning of the run's id."""
FOUND = 50
"""How many runs that are not listed `find` brings."""
PAUSE = 0.15
"""Seconds without a key after which all runs are searched."""


class Row(msgspec.Struct, frozen=True):
    """A row of the list."""

    kind: str
    """`head`, `run`, `fold`, `note`, `more` or `gap`."""
    key: str
    text: str = ""
    count: str = ""
    """Of a heading: how many there are."""
    style: str = ""
    entry: Entry | None = None
    depth: int = 0


class RunList(Lines):
    """The runs of the workspace."""

    LAYER: ClassVar[str] = "runs"
    BINDINGS = keys.bindings("runs")
    DEFAULT_CSS = "RunList { scrollbar-size-vertical: 1; }"

    class Selected(Message):
        """The cursor is on another run."""

        def __init__(self, run: str) -> None:
            super().__init__()
            self.run: str = run

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._view: WorkspaceView | None = None
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._deadlines: bool = False
        self._named: int = 0
        """Columns that the names of all rows take."""
        self._found: tuple[Entry, ...] = ()
        """What was looked for and is not in a group."""
        self._wanted: str | None = None
        """The run that the cursor goes to once it is there."""

    # ---- views

    def show(self, view: WorkspaceView) -> None:
        """Shows the workspace."""
        self._view = view
        self._rebuild()
        if self._kept is None and self._rows:
            remembered = self.proc.memory.now.run
            self.choose(remembered if f"run {remembered}" in self._places else None)
        self.update()
        if self._wanted is not None and f"run {self._wanted}" in self._places:
            self.choose(self._wanted)

    def clock(self, now: float) -> None:
        """A second has passed: draws the rows whose times differ."""
        self.update()

    def on_resize(self) -> None:
        """Where there is room a failed run says why on its own row."""
        self._rebuild()

    def choose(self, run: str | None) -> None:
        """Puts the cursor on a run, as soon as it can be shown, or on the first one there is."""
        self._wanted = None
        place = self._places.get(f"run {run}") if run else None
        if place is None and run:
            self._wanted = run
            self.run_worker(self._bring(run), exit_on_error=False, group="read", name="one run")
            return
        if place is None:
            place = next((index for index in range(len(self._rows)) if self._rows[index].kind == "run"), None)
        if place is not None:
            self.select(place)

    async def _bring(self, run: str) -> None:
        """Shows a run that is in no group; one that is new is in one at once."""
        await asyncio.sleep(PAUSE)
        if self._wanted != run:
            return
        with suppress(ProcError):
            self._add([await asyncio.to_thread(self.proc.operator.run, run)])
            if self._wanted == run and f"run {run}" in self._places:
                self.choose(run)

    def _add(self, found: Sequence[Run]) -> None:
        """Shows runs that were looked for, besides the groups."""
        self._found = tuple(Entry(run) for run in found)
        self._rebuild()
        self.update()

    @property
    def selected(self) -> str | None:
        """The run that the cursor is on."""
        row = self._rows[self.cursor] if self.cursor < len(self._rows) else None
        return row.entry.run.id if row is not None and row.entry is not None else None

    def _rebuild(self) -> None:
        view = self._view
        if view is None:
            return
        self._deadlines = any(request.deadline is not None for request in view.requests)
        rows: list[Row] = []
        groups = (
            ("Needs you", "$wait", view.needs),
            ("Running", "$accent", view.running),
            ("Recent", "$quiet", view.recent),
        )
        for title, style, entries in groups:
            if not entries:
                continue
            if rows:
                rows.append(Row("gap", f"gap {title}"))
            rows.append(Row("head", f"head {title}", title, _counted(view, entries), style))
            for entry in entries:
                rows += self._tree(entry, 0)
        if view.more:
            rows.append(Row("more", "more", f"{view.more:,} more, / finds them", style="$quiet"))
        listed = {row.key for row in rows}
        found = [entry for entry in self._found if f"run {entry.run.id}" not in listed]
        if found:
            rows += [Row("gap", "gap Found"), Row("head", "head Found", "Found", str(len(found)), "$quiet")]
            rows += [Row("run", f"run {entry.run.id}", entry=entry) for entry in found]
        self._rows = rows
        # With the bar and the sign before a name, and the indentation of a child.
        self._named = max(
            (
                3 + (2 * row.depth + 1 if row.depth else 0) + cells(oneline(row.entry.run.procedure))
                for row in rows
                if row.kind == "run" and row.entry is not None
            ),
            default=0,
        )
        self._places = {row.key: index for index, row in enumerate(rows)}

    def _tree(self, entry: Entry, depth: int) -> Iterator[Row]:
        run = entry.run
        yield Row("run", f"run {run.id}", entry=entry, depth=depth)
        roomy = self.scrollable_content_region.width >= ROOMY
        if run.status is RunStatus.FAILED and run.error and depth == 0 and not roomy:
            yield Row("note", f"note {run.id}", _reason(run.error), style="$bad", entry=entry, depth=depth)
        children = entry.children if not run.status.ended or run.id in self.proc.memory.now.unfolded else ()
        if len(children) >= FOLDED_FROM and run.id not in self.proc.memory.now.unfolded:
            yield Row("fold", f"fold {run.id}", entry=entry, depth=depth + 1)
            # What asks somebody is never hidden.
            children = tuple(child for child in children if child.asked)
        for child in children:
            yield from self._tree(child, depth + 1)

    # ---- rows

    def total(self) -> int:
        """As in the base class."""
        return len(self._rows)

    def key_of(self, index: int) -> str | None:
        """As in the base class."""
        return self._rows[index].key if index < len(self._rows) else None

    def index_of(self, key: object) -> int | None:
        """As in the base class."""
        return self._places.get(str(key))

    def selectable(self, index: int) -> bool:
        """As in the base class."""
        return index < len(self._rows) and self._rows[index].kind in ("run", "fold")

    def copied(self, index: int) -> str:
        """The whole id."""
        return self.selected or ""

    def copied_path(self, index: int) -> str:
        """The procedure's file."""
        entry = self._rows[index].entry
        return entry.run.file if entry is not None else ""

    def text_of(self, index: int) -> str:
        """As in the base class."""
        entry = self._rows[index].entry
        if entry is None:
            return ""
        run = entry.run
        return " ".join((run.procedure, run.id, run.stage or "", run.error or "", run.params, run.starter))

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row = self._rows[index]
        match row.kind:
            case "head":
                return beside(
                    Content.styled(f" {row.text}", f"b {row.style}"),
                    Content.styled(f"{row.count} ", f"b {row.style}"),
                    width,
                )
            case "run":
                return self._run(row, index, width)
            case "fold":
                return self._fold(row, width)
            case "note":
                return Content.assemble("   ", safe_line(row.text, row.style)).truncate(width, ellipsis=True)
            case "more":
                return Content.styled(f"   {self.glyphs.more} {row.text}", row.style)
            case _:
                return Content("")

    def _run(self, row: Row, index: int, width: int) -> Content:
        entry = row.entry
        assert entry is not None
        run, glyphs, now = entry.run, self.glyphs, self.proc.now()
        mark = sign(glyphs, run.status)
        style = mark.style
        glyph = mark.glyph
        if entry.requests or (entry.asked and row.depth == 0):
            glyph, style = glyphs.waits, "$wait"
        elif run.status is RunStatus.WAITING_FOR_HUMAN:
            glyph, style = glyphs.running, "$accent"
        bar = (glyphs.here, "$accent") if index == self.cursor else (" ", "")
        indent = "  " * (row.depth - 1) + f" {glyphs.child} " if row.depth else ""
        name_style = "$quiet" if run.status is RunStatus.CANCELLED else "b $strong" if index == self.cursor else ""
        left = Content.assemble(bar, (indent, "$line"), (f"{glyph} ", style), safe_line(run.procedure, name_style))
        ends: list[Content | str | tuple[str, str]] = []
        if width >= ID_FROM:
            ends += [(run.id[:4], "$quiet"), " "]
        ends.append((f"{self._age(entry, now):>5}", "$wait" if entry.asked else "$quiet"))
        if self._deadlines:
            ends.append(self._left(entry, now))
        right = Content.assemble(*ends)
        if width >= ROOMY:
            room = width - right.cell_length - 2
            name = left.truncate(min(self._named, NAMED, room // 2), ellipsis=True, pad=True)
            left = Content.assemble(
                name, "  ", self._what(entry).truncate(max(0, room - name.cell_length - 2), ellipsis=True)
            )
        return beside(left, right, width)

    def _age(self, entry: Entry, now: float) -> str:
        run = entry.run
        if entry.asked:
            return age(now - min(request.created_at for request in entry.asked))
        if run.ended_at is not None:
            return time_of_day(run.ended_at)[:5] if now - run.ended_at < 86400 else age(now - run.ended_at)
        return age(now - run.created_at)

    def _left(self, entry: Entry, now: float) -> Content:
        deadline = next((request.deadline for request in entry.asked if request.deadline is not None), None)
        if deadline is None:
            return Content(" " * 9)
        seconds = deadline - now
        text = f"{age(seconds)} left" if seconds > 0 else "now"
        return Content.styled(f"{text:>9}", "$bad" if seconds < 900 else "$wait")

    def _what(self, entry: Entry) -> Content:
        """What the run is at, where there is room for it."""
        run = entry.run
        if entry.asked:
            return safe_line(entry.asked[0].message, "$wait")
        if run.error:
            return safe_line(_reason(run.error), "$bad" if run.status is RunStatus.FAILED else "$wait")
        return safe_line(run.summary or run.stage or sign(self.glyphs, run.status).word, "$quiet")

    def _fold(self, row: Row, width: int) -> Content:
        entry = row.entry
        assert entry is not None
        glyphs = self.glyphs
        folded = entry.run.id not in self.proc.memory.now.unfolded
        names = {child.run.procedure for child in entry.children}
        name = oneline(next(iter(names))) if len(names) == 1 else "children"
        left = Content.assemble(
            ("  " * row.depth + f" {glyphs.closed if folded else glyphs.open} ", "$quiet"),
            (f"{name} {glyphs.times} {entry.total}", "$quiet"),
        )
        return beside(left, Content.styled(f"{entry.over} of {entry.total} done", "$quiet"), width)

    # ---- finding

    def seek(self, text: str) -> None:
        """As in the base class, in all runs that there are."""
        if not text:
            self._add(())
        super().seek(text)
        if text and self._view is not None and self._view.more:
            work = self._search(text)
            self.run_worker(work, exit_on_error=False, group="read", name="find", exclusive=True)

    async def _search(self, text: str) -> None:
        await asyncio.sleep(PAUSE)
        self._add(await asyncio.to_thread(self.proc.operator.search, text, limit=FOUND))
        if not self._holds(self.cursor):
            super()._again(1, first=self.cursor)

    def _again(self, step: int, *, first: int) -> None:
        """As in the base class; nothing is missing as long as not all runs were looked at."""
        more = self._view is not None and self._view.more
        if not more or any(self._holds(index) for index in range(self.total())):
            super()._again(step, first=first)

    def _holds(self, index: int) -> bool:
        return self.selectable(index) and self._sought in self.text_of(index).casefold()

    # ---- keys

    def watch_cursor(self, before: int, after: int) -> None:
        """As in the base class; tells which run it is on."""
        super().watch_cursor(before, after)
        if self.selected is not None and self.is_attached:
            self.post_message(self.Selected(self.selected))

    def action_fold(self) -> None:
        """Shows the children one by one, or folds them."""
        run = self.selected
        if run is None:
            return
        unfolded = self.proc.memory.now.unfolded
        left = [one for one in unfolded if one != run] if run in unfolded else [*unfolded[-50:], run]
        self.proc.memory.keep(unfolded=left)
        self._rebuild()
        self.update()

    def action_open(self) -> None:
        """Opens the run, or the fold."""
        if self.cursor < len(self._rows) and self._rows[self.cursor].kind == "fold":
            self.action_fold()
        else:
            super().action_open()

    def action_right(self) -> None:
        """Goes to the run."""
        self.action_open()


def _counted(view: WorkspaceView, entries: Sequence[Entry]) -> str:
    """How many runs a group has; of those that need somebody also how many requests, if these are not as many."""
    if entries is not view.needs or view.pending in (0, len(entries)):
        return str(len(entries))
    first = "first " if view.pending > len(view.requests) else ""
    return f"{first}{several(len(entries), 'run')}, {several(view.pending, 'request')}"


def _reason(error: str) -> str:
    """The beginning of an error: where, and what."""
    return oneline(error.splitlines()[0] if error else "")
