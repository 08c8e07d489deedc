"""A list of lines of which only those on the screen exist: what most panes are made of.

A subclass says how many rows there are (`total`), what a row shows (`row`) and, when rows may move, what a row is
(`key_of`): then the cursor stays with its row whatever is inserted above it. After a change it calls `update()`, which
draws only the rows that differ from what is on the screen. Belongs here: scrolling, the cursor, finding. Never: what
the rows mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import RenderOptions
from textual.widget import Widget

from .. import keys

if TYPE_CHECKING:
    from collections.abc import Hashable

    from textual import events
    from textual.css.styles import RulesMap
    from textual.style import Style

    from ..app import ProcTui
    from ..glyphs import Glyphs


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows with a cursor."""

    LAYER: ClassVar[str] = "lines"
    BINDINGS = keys.bindings("lines")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--cursor", "lines--cursor-blurred", "lines--found", "lines--added", "lines--changed", "lines--removed",
    }  # fmt: skip
    DEFAULT_CSS = """
    Lines {
        width: 1fr; height: 1fr; background: transparent; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .lines--cursor { background: $cursor; color: $strong; }
        & > .lines--cursor-blurred { background: $cursor-blurred; }
        & > .lines--found { background: $changed; }
        & > .lines--added { background: $added; }
        & > .lines--changed { background: $changed; }
        & > .lines--removed { background: $removed; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    """The row that keys act on."""

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, lines: Lines) -> None:
            super().__init__()
            self.lines: Lines = lines

    class Opened(Message):
        """A row was opened, by enter or a double click."""

        def __init__(self, lines: Lines) -> None:
            super().__init__()
            self.lines: Lines = lines

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: dict[int, Content] = {}
        self._fresh: dict[int, Content] = {}
        """Rows that were made to be compared, and are drawn next."""
        self._drawn_width: int = 0
        self._kept: Hashable = None
        self._sought: str = ""
        self.cursor_shown: bool = True
        """False for lists without a cursor, whose keys scroll."""

    # ---- what a subclass says

    def total(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, index: int, width: int) -> Content:
        """What a row shows in so many columns; untrusted text in it has passed `screen_safety`."""
        raise NotImplementedError

    def key_of(self, index: int) -> Hashable:
        """What the row is, when rows may move; None when it is just the n-th."""
        return None

    def index_of(self, key: Hashable) -> int | None:
        """Where the row with a key is now. Override it where `total` is large."""
        return next((index for index in range(self.total()) if self.key_of(index) == key), None)

    def selectable(self, index: int) -> bool:
        """Whether the cursor may stand there: not on headings."""
        return True

    def tint(self, index: int) -> str:
        """`added`, `changed` or `removed` for a row that is to stand out."""
        return ""

    def widest(self, width: int) -> int:
        """Columns of the widest row; more than `width` lets it scroll sideways."""
        return width

    def text_of(self, index: int) -> str:
        """What `find` looks at."""
        return self.row(index, 500).plain

    def copied(self, index: int) -> str:
        """What `y` copies."""
        return self.text_of(index).strip()

    def copied_path(self, index: int) -> str:
        """What `Y` copies."""
        return self.copied(index)

    # ---- for whoever owns it

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def glyphs(self) -> Glyphs:
        """The signs that the terminal can show."""
        return self.proc.glyphs

    @property
    def following(self) -> bool:
        """Whether the last row is on the screen."""
        return self.scroll_offset.y >= self.max_scroll_y

    def update(self, *, follow: bool = False) -> None:
        """The rows have changed: draws those that differ, and keeps the cursor on its row.

        With `follow` the last row is shown.
        """
        if not self.is_attached:
            return
        total = self.total()
        if self._kept is not None and self.key_of(min(self.cursor, total - 1) if total else 0) != self._kept:
            found = self.index_of(self._kept)
            if found is not None:
                moved = found - self.cursor
                self.set_reactive(Lines.cursor, found)
                # What was on the screen stays where it is, unless the top is shown.
                if self.scroll_offset.y > 0:
                    self.scroll_to(y=self.scroll_offset.y + moved, animate=False, immediate=True)
        if total and self.cursor >= total:
            self.set_reactive(Lines.cursor, total - 1)
        self._kept = self.key_of(self.cursor) if total else None
        size = Size(self.widest(self.scrollable_content_region.width), total)
        if size != self.virtual_size:
            self._take_size(size)
        if follow:
            self.scroll_to(y=total, animate=False, immediate=True, force=True)
        self._refresh_changed()

    def _take_size(self, size: Size) -> None:
        """Takes another size of what is scrolled. Only a bar that comes or goes needs a new layout of the screen."""
        height, before = self.scrollable_content_region.height, self.virtual_size
        if before.width == size.width and before.height > height and size.height > height:
            self.set_reactive(Widget.virtual_size, size)  # pyright: ignore[reportArgumentType] - it is declared so
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def _refresh_changed(self) -> None:
        width, top = self.scrollable_content_region.width, self.scroll_offset.y
        if width != self._drawn_width:
            self._drawn.clear()
            self.refresh()
            return
        total = self.total()
        self._fresh.clear()
        differing: list[int] = []
        for index in range(top, top + self.size.height):
            old = self._drawn.get(index)
            new = self.row(index, width) if index < total else None
            if (old is None) != (new is None) or (old is not None and new is not None and not old.is_same(new)):
                self._drawn.pop(index, None)
                differing.append(index)
                if new is not None:
                    self._fresh[index] = new
        if len(differing) > self.size.height // 2:
            self.refresh()
        else:
            for index in differing:
                self.refresh_line(index)

    def redraw(self) -> None:
        """Draws every row anew: the theme or the selection changed."""
        self._drawn.clear()
        self._fresh.clear()
        self.refresh()

    def select(self, index: int, *, scroll: bool = True) -> None:
        """Moves the cursor to a row."""
        total = self.total()
        if not total:
            return
        self.cursor = max(0, min(index, total - 1))
        self._kept = self.key_of(self.cursor)
        if scroll:
            self.show_row(self.cursor)

    def show_row(self, index: int) -> None:
        """Scrolls as little as is needed to see a row."""
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True)

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """As in the base class."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if width != self._drawn_width:
            self._drawn.clear()
            self._drawn_width = width
        style = self.visual_style
        if index >= self.total() or width <= 0:
            return Strip.blank(width, style.rich_style)
        content = self._fresh.pop(index, None) or self.row(index, width)
        self._drawn[index] = content
        if len(self._drawn) > 4 * max(1, self.size.height):
            top = self.scroll_offset.y
            self._drawn = {at: one for at, one in self._drawn.items() if top <= at < top + self.size.height}
        return self._strip(index, content, width, style)

    def _strip(self, index: int, content: Content, width: int, style: Style) -> Strip:
        if self.cursor_shown and index == self.cursor and self.selectable(index):
            name = "lines--cursor" if self.has_focus else "lines--cursor-blurred"
            style = self.get_visual_style(name)
            if style.background is not None and style.background.ansi is not None:
                content = Content(content.plain)  # sixteen colours do not say which of them can be read on another
        elif tint := self.tint(index):
            style = self.get_visual_style(f"lines--{tint}")
        elif self._sought and self._sought in content.plain.casefold():
            style = self.get_visual_style("lines--found")
        full = max(width, self.widest(width))
        shown = content.truncate(full, ellipsis=True, pad=True)
        options = RenderOptions(self._get_style, cast("RulesMap", self.styles))
        strip = shown.render_strips(full, 1, style, options)[0].adjust_cell_length(full, style.rich_style)
        left = self.scroll_offset.x
        return strip.crop(left, left + width) if full > width else strip

    def watch_cursor(self, before: int, after: int) -> None:
        """The two rows look different now."""
        self.refresh_line(before)
        self.refresh_line(after)
        if self.is_attached:
            self.post_message(self.Moved(self))

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """A bar that comes late says where one is, also if that was reached before."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def watch_has_focus(self, _has_focus: bool) -> None:
        """As in the base class; the cursor looks different."""
        super().watch_has_focus(_has_focus)
        self.refresh_line(self.cursor)

    def on_resize(self) -> None:
        """The rows have another width."""
        self.update()

    def notify_style_update(self) -> None:
        """As in the base class."""
        super().notify_style_update()
        self._drawn.clear()

    # ---- keys

    def _step(self, step: int) -> None:
        """Moves by so many rows, over those that cannot be selected."""
        if not self.cursor_shown:
            self.scroll_to(y=self.scroll_offset.y + step, animate=False, immediate=True)
            return
        total = self.total()
        direction = 1 if step > 0 else -1
        index = max(0, min(self.cursor + step, total - 1))
        while 0 <= index < total and not self.selectable(index):
            index += direction
        if not 0 <= index < total:
            # Nothing to select that way: at least what is there is shown.
            self.show_row(0 if direction < 0 else total - 1)
            return
        self.select(index)

    def action_down(self) -> None:
        """One row down."""
        self._step(1)

    def action_up(self) -> None:
        """One row up."""
        self._step(-1)

    def action_left(self) -> None:
        """Scrolls left."""
        self.scroll_to(x=self.scroll_offset.x - 8, animate=False, immediate=True)

    def action_right(self) -> None:
        """Scrolls right."""
        self.scroll_to(x=self.scroll_offset.x + 8, animate=False, immediate=True)

    def action_first(self) -> None:
        """The first row."""
        self.select(next((index for index in range(self.total()) if self.selectable(index)), 0))
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_last(self) -> None:
        """The last row."""
        total = self.total()
        self.select(next((index for index in range(total - 1, -1, -1) if self.selectable(index)), 0))
        self.scroll_to(y=total, animate=False, immediate=True)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._step(max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._step(-max(1, self.size.height // 2))

    def action_page_down(self) -> None:
        """A page down."""
        self._step(max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        """A page up."""
        self._step(-max(1, self.size.height - 1))

    def action_open(self) -> None:
        """Tells that the row was opened."""
        if self.total():
            self.post_message(self.Opened(self))

    def action_fold(self) -> None:
        """Nothing to fold here."""

    def action_copy(self) -> None:
        """Copies what the row holds."""
        if self.total():
            self.proc.copy(self.copied(self.cursor))

    def action_copy_path(self) -> None:
        """Copies the name of the row."""
        if self.total():
            self.proc.copy(self.copied_path(self.cursor))

    async def on_click(self, event: events.Click) -> None:
        """Selects, and opens at the second click."""
        index = event.get_content_offset_capture(self).y + self.scroll_offset.y
        if 0 <= index < self.total() and self.selectable(index):
            self.select(index, scroll=False)
            if event.chain > 1:
                self.action_open()

    # ---- finding

    def action_find(self) -> None:
        """Opens the field of the screen."""
        self.proc.find_in(self)

    def seek(self, text: str) -> None:
        """Marks the rows that hold a text, and goes to the next one."""
        self._sought = text.casefold()
        self.redraw()
        if text:
            self._again(1, first=self.cursor)

    def action_again(self) -> None:
        """The next row that holds the text."""
        self._again(1, first=self.cursor + 1)

    def action_again_up(self) -> None:
        """The previous row that holds the text."""
        self._again(-1, first=self.cursor - 1)

    def _again(self, step: int, *, first: int) -> None:
        total = self.total()
        for distance in range(total):
            index = (first + step * distance) % total
            if self.selectable(index) and self._sought in self.text_of(index).casefold():
                self.select(index)
                return
        if self._sought:
            self.proc.say("nothing found")


def beside(left: Content, right: Content, width: int) -> Content:
    """Two contents on one line, the second one at its end; the first gives way."""
    room = max(0, width - right.cell_length - (1 if right.cell_length else 0))
    cut = left.truncate(room, ellipsis=True)
    return Content.assemble(cut, " " * max(0, width - cut.cell_length - right.cell_length), right)
