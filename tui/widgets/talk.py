"""The lines of a conversation: blocks of them, of which only what is on the screen is drawn.

Belongs here: lines, the cursor among them, finding, what keys do with the message under the cursor. Never: what is
loaded (`panes/talk_pane.py`), or how a message looks (`talk/blocks.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content

from .. import keys
from ..talk.entries import whole
from .lines import Lines

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ..panes.talk_pane import TalkPane
    from ..talk.blocks import Block, Line


class Talk(Lines):
    """The blocks that are loaded, and those at the end that are not recorded."""

    LAYER: ClassVar[str] = "conversation"
    BINDINGS = keys.bindings("conversation")
    DEFAULT_CSS = """
    Talk { scrollbar-gutter: stable; }
    Talk > .lines--cursor-blurred { background: transparent; }
    """

    def __init__(self, pane: TalkPane) -> None:
        super().__init__(id="talk")
        self._pane: TalkPane = pane
        self._blocks: list[Block] = []
        self._starts: list[int] = []
        self._places: dict[tuple[int, int], int] = {}
        self._total: int = 0

    # ---- what it shows

    def give(self, blocks: Sequence[Block], tail: Sequence[Block]) -> None:
        """Other blocks are shown; a blank line stands between two."""
        self._blocks = [*blocks, *tail]
        self._starts, self._places, at = [], {}, 0
        for place, block in enumerate(self._blocks):
            self._starts.append(at)
            self._places[block.key] = place
            at += len(block.lines) + 1
        self._total = max(0, at - 1)

    @property
    def shown(self) -> int:
        """How many blocks there are."""
        return len(self._blocks)

    def block_at(self, index: int) -> tuple[Block, int]:
        """The block that a row belongs to, and which of its lines it is."""
        place = max(0, bisect_right(self._starts, index) - 1)
        return self._blocks[place], index - self._starts[place]

    @property
    def here(self) -> tuple[Block, Line] | None:
        """What the cursor is on."""
        if not self._total:
            return None
        block, line = self.block_at(self.cursor)
        return block, block.lines[min(line, len(block.lines) - 1)]

    def row_of(self, seq: int) -> int | None:
        """The first row of the entry of an event."""
        place = next((place for place, block in enumerate(self._blocks) if block.key[0] == seq), None)
        return None if place is None else self._starts[place]

    def total(self) -> int:
        """As in the base class."""
        return self._total

    def key_of(self, index: int) -> Hashable:
        """As in the base class."""
        if not 0 <= index < self._total:
            return None
        block, line = self.block_at(index)
        return *block.key, line

    def index_of(self, key: Hashable) -> int | None:
        """As in the base class."""
        seq, part, line = cast("tuple[int, int, int]", key)
        place = self._places.get((seq, part))
        if place is None:
            return None
        return self._starts[place] + min(line, len(self._blocks[place].lines) - 1)

    def selectable(self, index: int) -> bool:
        """As in the base class: not between two messages."""
        block, line = self.block_at(index)
        return line < len(block.lines)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        block, line = self.block_at(index)
        if line >= len(block.lines):
            return Content("")
        shown = block.lines[line]
        here = self.has_focus and self.block_at(self.cursor)[0] is block
        if here:
            sign, style = self.glyphs.here, "b $accent"
        else:
            sign, style = shown.sign or self.glyphs.bar, block.bar
        return Content.assemble((sign[:1], style), " ", shown.content)

    def text_of(self, index: int) -> str:
        """As in the base class."""
        block, line = self.block_at(index)
        return block.lines[line].content.plain if line < len(block.lines) else ""

    # ---- moving

    def watch_cursor(self, before: int, after: int) -> None:
        """As in the base class; the message under the cursor is marked."""
        super().watch_cursor(before, after)
        self._refresh_changed()
        self._pane.moved()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """As in the base class; the message under the cursor is marked."""
        super().watch_has_focus(_has_focus)
        self._refresh_changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """More is read when the first or the last line comes into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._pane.scrolled()

    def on_resize(self) -> None:
        """The lines have another width."""
        self._pane.resized()

    def action_up(self) -> None:
        """As in the base class; above the first line there may be more to read."""
        super().action_up()
        self._pane.scrolled()

    def action_first(self) -> None:
        """The first message of all, which may have to be read."""
        self._pane.go_first()

    def action_last(self) -> None:
        """Follows."""
        self._pane.follow()

    # ---- what can be done with a message

    def action_open(self) -> None:
        """The message, or the call, in full."""
        from ..screens.value import ValueScreen

        found = self.here
        if found is None:
            return
        block, line = found
        entry = block.entry
        if entry is None:
            self.proc.push_screen(ValueScreen("not recorded yet", "\n".join(one.content.plain for one in block.lines)))
        elif line.item and line.item <= len(entry.calls):
            call = entry.calls[line.item - 1]
            told = "under way" if call.told is None else call.told
            self.proc.push_screen(
                ValueScreen(f"{entry.who} {self.glyphs.arrow} {call.name}", f"{call.arguments}\n\n{told}")
            )
        else:
            self.proc.push_screen(ValueScreen(f"event {entry.seq}  {entry.kind} {entry.who}", whole(entry)))

    def action_fold(self) -> None:
        """Folds or unfolds the call, or the message."""
        found = self.here
        if found is None or found[0].entry is None:
            return
        block, line = found
        if line.item or block.folds:
            self._pane.fold(block.key, line.item)
        elif block.entry is not None and block.entry.calls:
            self._pane.fold(block.key, 1)

    def action_left(self) -> None:
        """To the message before."""
        self._to_block(-1)

    def action_right(self) -> None:
        """To the next message."""
        self._to_block(1)

    def _to_block(self, step: int) -> None:
        if not self._total:
            return
        place = max(0, bisect_right(self._starts, self.cursor) - 1)
        if step < 0 and self.cursor > self._starts[place]:
            step = 0
        self.select(self._starts[max(0, min(place + step, len(self._starts) - 1))])

    def copied(self, index: int) -> str:
        """The whole message, or what came of the call."""
        found = self.here
        if found is None:
            return ""
        block, line = found
        entry = block.entry
        if entry is None:
            return "\n".join(one.content.plain for one in block.lines[1:])
        if line.item and line.item <= len(entry.calls):
            return entry.calls[line.item - 1].told or entry.calls[line.item - 1].arguments
        return entry.text or whole(entry)

    def copied_path(self, index: int) -> str:
        """The run and the event."""
        found = self.here
        view = self._pane.view
        return "" if found is None or view is None else f"{view.run.id}.{found[0].key[0]}"

    def action_filter(self) -> None:
        """What is left out."""
        self._pane.choose_filter()

    # ---- finding

    def action_again(self) -> None:
        """The next line that holds the text, also of what is not loaded."""
        self._again(1, first=self.cursor + 1)

    def _again(self, step: int, *, first: int) -> None:
        """As in the base class, and on from there in what is not loaded."""
        total = self.total()
        index = first
        while 0 <= index < total:
            if self._sought and self._sought in self.text_of(index).casefold():
                self.select(index)
                return
            index += step
        if self._sought:
            self._pane.seek(self._sought, step)

    def seek(self, text: str) -> None:
        """As in the base class: the newest line that holds the text, upwards from the cursor."""
        self._sought = text.casefold()
        self.redraw()
        if text:
            self._again(-1, first=min(self.cursor, max(0, self.total() - 1)))
