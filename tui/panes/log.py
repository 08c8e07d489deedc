"""The log of a run: level, time, line, message, context; windows of the journal, never the whole.

What is loaded is a stretch of lines around what is looked at; the rest is read when somebody scrolls there. While the
last line is on the screen the log follows; scrolling up ends that, and the border says how many lines have come since.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content

from .. import keys
from ..live.reader import LEVELS
from ..readable import brief, readable
from ..screen_safety import safe_line
from ..widgets.heading import Heading
from ..widgets.lines import Lines
from ..words import time_of_day
from .pane import Pane

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from ..live.reader import LogLine, LogWindow, RunView

PORTION = 1000
"""Lines that are read at once."""
MOST = 20_000
"""Lines that are kept."""

HEADING = "time     level line message"
"""Above the columns of `LogLines.row`."""
_STYLES = {"debug": "$quiet", "info": "$accent", "warn": "b $wait", "error": "b $bad"}


class LogLines(Lines):
    """The lines that are loaded."""

    LAYER: ClassVar[str] = "log"
    BINDINGS = keys.bindings("log")

    def __init__(self, pane: LogPane) -> None:
        super().__init__(id="log-lines")
        self.lines: list[LogLine] = []
        self._pane: LogPane = pane

    def total(self) -> int:
        """As in the base class."""
        return len(self.lines)

    def key_of(self, index: int) -> int | None:
        """As in the base class."""
        return self.lines[index].seq if index < len(self.lines) else None

    def index_of(self, key: object) -> int | None:
        """As in the base class: the lines are in order."""
        if not isinstance(key, int):
            return None
        place = bisect_left(self.lines, key, key=lambda line: line.seq)
        return place if place < len(self.lines) and self.lines[place].seq == key else None

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        line = self.lines[index]
        style = _STYLES.get(line.level, "b $bad" if line.kind == "alert" else "$accent")
        level = {"log": line.level[:5], "notice": "note"}.get(line.kind, line.kind[:5])
        quiet = line.level == "debug"
        parts: list[Content | str | tuple[str, str]] = [
            (f"{time_of_day(line.at)} ", "$quiet"),
            safe_line(level, style),
            (f"{' ' * (5 - len(level))}{line.line or '':>5} ", "$quiet"),
            safe_line(line.message, "$quiet" if quiet else ""),
        ]
        found = Content.assemble(*parts)
        if line.context is not None and found.cell_length < width:
            found = Content.assemble(found, "  ", safe_line(brief(line.context, 200), "$quiet"))
        return found

    def text_of(self, index: int) -> str:
        """As in the base class."""
        line = self.lines[index]
        return f"{line.level} {line.message} {brief(line.context, 2000) if line.context is not None else ''}"

    def copied(self, index: int) -> str:
        """The message."""
        return self.lines[index].message

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Lines before the first one are read when it comes into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._pane.scrolled()

    def action_first(self) -> None:
        """The first line of all, which may have to be read."""
        self._pane.go_first()

    def action_last(self) -> None:
        """Follows."""
        self._pane.follow()

    def action_open(self) -> None:
        """The line opens the source."""
        if self.lines and self.lines[self.cursor].line:
            self.proc.show_source(self.lines[self.cursor].line)

    def action_fold(self) -> None:
        """The line in full."""
        from ..screens.value import ValueScreen

        if self.lines:
            line = self.lines[self.cursor]

            def text() -> str:
                return line.message + (f"\n\n{readable(line.context)}" if line.context is not None else "")

            self.proc.push_screen(ValueScreen(f"event {line.seq} {line.level}", text))

    def action_filter(self) -> None:
        """The next level."""
        self._pane.next_level()


class LogPane(Pane):
    """The log."""

    NAME: ClassVar[str] = "log"
    body: ClassVar[str] = "LogLines"

    def __init__(self) -> None:
        super().__init__()
        self._lines: LogLines = LogLines(self)
        self._heading: Heading = Heading(self._lines, lambda _width: Content.styled(HEADING, "$quiet"))
        self._level: str = "debug"
        self._first: bool = True
        """Whether the first line of all is loaded."""
        self._last: bool = True
        """Whether the last one is."""
        self._upto: int = 0
        """The newest event that was looked at."""
        self._following: bool = True
        self._since: int = 0
        """Lines that came since it follows no more."""
        self._busy: bool = False
        self._again: bool = False

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._heading
        yield self._lines

    def on_resize(self, event: events.Resize) -> None:
        """Headings stand where there is room."""
        self._heading.fit(event.size.height)

    def on_mount(self) -> None:
        """The level that was chosen before."""
        kept = self.proc.memory.now.filters.get("log", "debug")
        self._level = kept if kept in LEVELS else "debug"

    def reset(self) -> None:
        """As in the base class."""
        self._lines.lines = []
        self._first = self._last = self._following = True
        self._upto, self._since, self._busy, self._again = 0, 0, False, False

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None:
            self._load_newest()
        elif view.last != before.last:
            self._load_more()

    # ---- reading

    def _load_newest(self) -> None:
        view = self.view
        if view is None:
            return
        self._busy = True
        self.read(lambda reader: reader.log(view, level=self._level, limit=PORTION), self._newest)

    def _newest(self, window: LogWindow) -> None:
        self._lines.lines = list(window.lines)
        self._first, self._last, self._upto, self._since = window.first, True, window.upto, 0
        self._following = True
        self._loaded()

    def _load_more(self) -> None:
        view = self.view
        if view is None or not self._last:
            return
        if self._busy:
            self._again = True
            return
        self._busy = True
        after = self._upto
        self.read(lambda reader: reader.log(view, after=after, level=self._level, limit=2 * PORTION), self._more)

    def _more(self, window: LogWindow) -> None:
        self._following = self._following and self._lines.following
        self._lines.lines.extend(window.lines)
        self._upto = window.upto
        if self._following and len(self._lines.lines) > MOST:
            del self._lines.lines[: len(self._lines.lines) - MOST // 2]
            self._first = False
        elif not self._following:
            self._since += len(window.lines)
            if len(self._lines.lines) > 2 * MOST:
                # Somebody reads further up: the end is read again when they come there.
                del self._lines.lines[2 * MOST :]
                self._last = False
        self._again = self._again or not window.last
        self._loaded()

    def _load_before(self) -> None:
        view = self.view
        if view is None or self._busy or self._first or not self._lines.lines:
            return
        self._busy = True
        before = self._lines.lines[0].seq
        self.read(lambda reader: reader.log(view, before=before, level=self._level, limit=PORTION), self._earlier)

    def _earlier(self, window: LogWindow) -> None:
        top = self._lines.scroll_offset.y
        self._lines.lines[:0] = window.lines
        self._first = window.first
        self._loaded()
        if top == 0:
            self._lines.scroll_to(y=len(window.lines), animate=False, immediate=True)

    def _load_first(self) -> None:
        view = self.view
        if view is None:
            return
        self._busy = True
        self.read(lambda reader: reader.log(view, after=0, level=self._level, limit=PORTION), self._from_first)

    def _from_first(self, window: LogWindow) -> None:
        self._lines.lines = list(window.lines)
        self._first, self._last, self._upto, self._following = True, window.last, window.upto, False
        self._loaded()
        self._lines.select(0)
        self._lines.scroll_to(y=0, animate=False, immediate=True)

    def _loaded(self) -> None:
        self._busy = False
        none = "nothing was logged" if self._level == "debug" else f"nothing was logged at {self._level} or above"
        if not self._first:
            none += " lately"
        elif self.view is not None and not self.view.run.status.ended:
            none += " yet"
        self.say(None if self._lines.lines else none)
        self._lines.update(follow=self._following)
        if self._following and self._lines.lines:
            self._lines.select(len(self._lines.lines) - 1)
        self._say_where()
        if self._again:
            self._again = False
            self._load_more()

    def _say_where(self) -> None:
        level = f"{self._level}+"
        if self._following:
            live = self.view is not None and self.view.live and not self.view.run.status.ended
            where = "following" if live else "the end"
            self.about(Content.assemble((f"{level}  ", "$quiet"), (where, "$accent" if live else "$quiet")))
        else:
            new = f"{self._since:,} new, G follows" if self._since else "G follows"
            self.about(Content.assemble((f"{level}  ", "$quiet"), (new, "$wait" if self._since else "$quiet")))

    # ---- keys

    def scrolled(self) -> None:
        """The lines were scrolled."""
        lines = self._lines
        if self._busy or not lines.is_attached:
            return
        if lines.scroll_offset.y == 0 and lines.max_scroll_y > 0:
            self._load_before()
        if self._following != (lines.following and self._last):
            self._following = lines.following and self._last
            if self._following:
                self._since = 0
            self._say_where()

    def follow(self) -> None:
        """To the newest line, and on with those that come."""
        if self._last:
            self._following, self._since = True, 0
            self._loaded()
        else:
            self._load_newest()

    def go_first(self) -> None:
        """To the first line of all."""
        if self._first:
            self._following = False
            self._lines.select(0)
            self._say_where()
        else:
            self._load_first()

    def next_level(self) -> None:
        """Leaves out one more level, or none."""
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
        self.proc.keep_filter("log", self._level)
        self._load_newest()
