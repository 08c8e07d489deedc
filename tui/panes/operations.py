"""The operations of a run in rows that are read by pages as they come on the screen: for Timeline and Checkpoints.

An earlier moment shows the same rows, those after it dimmed, so that one can go on to any of them; only the moment of
an attempt that was given up has rows of its own. Belongs here: which pages are read when. Never: reading itself
(`operation_pages.py`), or how a row looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ...core.errors import ProcError
from ..widgets.lines import Lines
from .operation_pages import PAGE, Pages, Row, is_present, read_pages
from .pane import Pane

if TYPE_CHECKING:
    from ..live.reader import RunView

AHEAD = 4
"""Pages of a run that is short enough to be read at once."""
KEPT = 24
"""Pages that are kept."""


class OperationLines(Lines):
    """Rows that may not be read yet."""

    def __init__(self, pane: OperationsPane, *, id: str) -> None:
        super().__init__(id=id)
        self._pane: OperationsPane = pane
        self.count: int = 0
        self.pages: dict[int, tuple[Row, ...]] = {}
        self.moment: int | None = None
        """The event looked at; rows after it are dimmed."""
        self.recalled: int = 0
        self.missing: bool = False
        """Whether a row was drawn that is not read yet."""

    def total(self) -> int:
        """As in the base class."""
        return self.count

    def at(self, index: int) -> Row | None:
        """A row, if it was read."""
        page = self.pages.get(index // PAGE)
        place = index % PAGE
        return page[place] if page is not None and place < len(page) else None

    @property
    def here(self) -> Row | None:
        """The row of the cursor."""
        return self.at(self.cursor)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row = self.at(index)
        if row is None:
            if not self.missing:
                self.missing = True
                self.call_later(self._pane.load)
            return Content.styled(f"  {self.glyphs.more}", "$quiet")
        return self.draw(row, index, width)

    def draw(self, row: Row, index: int, width: int) -> Content:
        """What a row that was read shows."""
        raise NotImplementedError

    def is_open(self, row: Row) -> bool:
        """Whether the operation has no outcome at the moment looked at."""
        return not row.seq or (self.moment is not None and row.first <= self.moment < row.seq)

    def is_ahead(self, row: Row) -> bool:
        """Whether it had not begun at the moment looked at."""
        return self.moment is not None and row.first > self.moment

    def is_recalled(self, row: Row) -> bool:
        """Whether an earlier attempt did it, and this one only recalled its outcome."""
        return 0 < row.seq < self.recalled

    def text_of(self, index: int) -> str:
        """As in the base class: names and outcomes of what was read."""
        row = self.at(index)
        return f"{row.name} {row.outcome.plain}" if row is not None else ""

    def copied(self, index: int) -> str:
        """The name."""
        row = self.at(index)
        return row.name if row is not None else ""

    def _again(self, step: int, *, first: int) -> None:
        if self.count <= PAGE * AHEAD:
            super()._again(step, first=first)
        elif self._sought:
            self._pane.find(self._sought, first, step)

    def action_moment(self) -> None:
        """Shows the moment of the row everywhere."""
        if self.here is not None:
            self.proc.look_at(self.here.seq or self.here.first)

    def visible_pages(self) -> list[int]:
        """The pages that the screen needs."""
        if self.count <= PAGE * AHEAD:
            return list(range(AHEAD))
        top, height = self.scroll_offset.y, max(1, self.size.height)
        last = max(0, self.count - 1)
        return sorted({min(last, top) // PAGE, min(last, top + height) // PAGE, self.cursor // PAGE})


class OperationsPane(Pane):
    """A pane of operations."""

    outcomes: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.lines: OperationLines = self.make()
        self._run: str = ""
        self._history: object = None
        self._known: object = None
        """What the rows that are shown were read of."""
        self._busy: bool = False
        self._later: bool = False

    def make(self) -> OperationLines:
        """The rows of this pane."""
        raise NotImplementedError

    def shown(self, view: RunView) -> None:
        """Rows were read."""

    def reset(self) -> None:
        """As in the base class. The rows of another moment are mostly the same."""
        if self._busy:
            # What is read now is of no use any more.
            self._busy, self._known = False, None
        self._later = False

    def basis(self, view: RunView) -> int | None:
        """The moment whose history is read: None for the present one."""
        return None if is_present(view.run, view.at) else view.at

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        lines = self.lines
        was_given_up = before is None and not is_present(view.run, lines.moment)
        if self._run != view.run.id or was_given_up:
            self._run = view.run.id
            lines.pages, lines.count, lines.moment, self._known = {}, 0, None, None
            lines.select(0)
        if self._history != view.run.history:
            self._history, lines.pages = view.run.history, {}
        moved = lines.moment != view.at
        lines.moment = view.at
        if not is_present(view.run, view.at):
            lines.pages, self._known = {}, None
        if moved and view.at is not None:
            lines.select(max(0, view.operations - 1))
        # Another moment of the same history has the same rows.
        known = (view.run.id, view.run.history, view.last, view.run.status)
        if known != self._known or not lines.pages:
            self._known = known
            self.load()
        lines.update()
        self.shown(view)

    def load(self) -> None:
        """Reads the pages that the screen needs."""
        view = self.view
        if view is None:
            return
        if self._busy:
            self._later = True
            return
        self._busy, self._later = True, False
        run, at, pages, operator = view.run, self.basis(view), self.lines.visible_pages(), self.proc.operator

        def reading(_reader: object) -> Pages:
            try:
                return read_pages(operator, run, at, pages, outcomes=self.outcomes)
            except ProcError:
                self._known = None
                raise
            finally:
                self._busy = False

        self.read(reading, self._read)

    def _read(self, found: Pages) -> None:
        view, lines = self.view, self.lines
        if view is None:
            return
        following = lines.following and view.live and lines.cursor >= lines.count - 1
        shrunk = found.total < lines.count
        first = not lines.count
        # What is open in a page that is not on the screen may have ended: such a page is read again.
        kept = {} if shrunk else {page: rows for page, rows in lines.pages.items() if all(row.seq for row in rows)}
        lines.pages = {**kept, **found.rows}
        while len(lines.pages) > KEPT:
            del lines.pages[next(iter(lines.pages))]
        lines.count, lines.recalled, lines.missing = found.total, found.recalled, False
        self.say(None if found.total else "the run had no operations" if view.run.status.ended else "no operation yet")
        lines.update(follow=following)
        if following:
            lines.select(found.total - 1)
        elif first and view.at is not None:
            lines.select(max(0, view.operations - 1))
        self.shown(view)
        lines.redraw()
        if self._later:
            self.load()

    def find(self, text: str, first: int, step: int) -> None:
        """Looks through a long run, page by page, in a thread; the pages on the way are not kept."""
        view = self.view
        if view is None:
            return
        run, at, operator, total = view.run, self.basis(view), self.proc.operator, self.lines.count

        def looking() -> int | None:
            start, seen = first % total, 0
            while seen < total:
                page = start // PAGE
                rows = operator.operations(run, start=page * PAGE, limit=PAGE, at=at)
                for one in rows if step > 0 else reversed(rows):
                    ahead = one.index >= start if step > 0 else one.index <= start
                    if ahead and text in one.name.casefold():
                        return one.index
                seen += PAGE
                start = (page + 1) * PAGE if step > 0 else page * PAGE - 1
                start = 0 if start >= total else total - 1 if start < 0 else start
            return None

        def found(index: int | None) -> None:
            if index is None:
                self.proc.say("nothing found")
            else:
                self.lines.select(index)

        self.proc.act(looking, found)
