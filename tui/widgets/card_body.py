"""The middle of a card: the context and the artifact, whole or compared; a few lines of it where there is little room.

Belongs here: which way it is shown. Never: rows themselves (`artifact.py`, `diff.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.content import Content

from ..differences import hunks
from ..words import several
from .artifact import QUICK, RowLines, compare, compared, text_of
from .block import Block
from .card_foot import foot
from .card_head import head, rest
from .diff import whole
from .laid import Rows, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from ..differences import Change
    from .artifact import Text
    from .card import Card
    from .laid import Section

MOST_ROWS = 14
"""Rows of it in the conversation; Review shows all."""
LEAST_ROWS = 2
MOST_KEPT = 8
"""Ways of laying it out that are kept: a scroll bar comes and goes."""
WIDE = 110
"""From how many columns on two versions stand side by side by themselves."""
MODES = {
    "whole": "as proposed",
    "edited": "edited by you",
    "unified": "what you changed",
    "split": "as proposed, and edited by you",
    "approved": "against the last approved",
    "approved split": "the last approved, and this one",
}


class CardBody(Container):
    """Context and artifact."""

    DEFAULT_CSS = """
    CardBody {
        width: 1fr; height: auto;
        &.-whole { height: 1fr; border: round $line; border-title-color: $quiet; border-subtitle-color: $quiet;
            border-subtitle-align: right; padding: 0; min-height: 3; }
        &.-whole:focus-within { border: round $accent; border-title-color: $accent; }
        &.-none, &.-away { display: none; }
    }
    """

    def __init__(self, card: Card) -> None:
        super().__init__()
        self._card: Card = card
        self.mode: str = "whole"
        self.lines: RowLines = RowLines(self._rows, self._source)
        self._block: Block = Block(self._few)
        self._cut: int = 0
        self._kept: dict[tuple[str, int], tuple[tuple[object, ...], Rows]] = {}
        self._compared: tuple[Text, Text, list[Change] | None] | None = None
        """What was compared last, and how it differs, where that is known yet."""
        self._approved: tuple[object, Text] | None = None
        """What was approved last, as a text."""
        self.set_class(card.whole, "-whole")

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self.lines if self._card.whole else self._block

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but the question."""
        return self._card.text is None and not self._rest(max(20, self._card.size.width - 6))

    # ---- ways of showing

    def modes(self) -> list[str]:
        """The ways in which the artifact can be shown now."""
        card = self._card
        if card.text is None:
            return ["whole"]
        found = ["whole"]
        if card.edited is not None:
            found += ["edited", "unified", "split"]
        if card.facts is not None and card.facts.approved is not None:
            found += ["approved", "approved split"]
        return found

    def next_mode(self) -> None:
        """Another way, in turn."""
        modes = self.modes()
        if len(modes) == 1:
            self._card.proc.say("there is no other version to compare with")
            return
        here = modes.index(self.mode) if self.mode in modes else -1
        self.mode = modes[(here + 1) % len(modes)]
        self.lines.scroll_to(y=0, animate=False)
        self.rebuild()

    def mode_after_edit(self) -> None:
        """What was changed is shown, two columns where there is room."""
        self.mode = "split" if self._card.whole and self._card.size.width >= WIDE else "unified"

    def rebuild(self) -> None:
        """What is shown has changed."""
        if not self.is_attached:
            return
        if self.mode not in self.modes():
            self.mode = "whole"
        card = self._card
        self.set_class(self.is_empty, "-none")
        card.set_class(self.is_empty, "-short")
        if card.whole:
            self.lines.rebuild()
            modes = self.modes()
            self.border_title = f"{MODES[self.mode]}{self._hunks()}" if card.text is not None else "context"
            place = f"v {modes.index(self.mode) + 1} of {len(modes)}" if len(modes) > 1 else ""
            lines = several(len(card.text.lines), "line") if card.text is not None else ""
            self.border_subtitle = "  ".join(part for part in (place, lines) if part)
        else:
            self._block.look()
            self._block.refresh(layout=True)

    def _hunks(self) -> str:
        card = self._card
        if card.text is None or self.mode in ("whole", "edited"):
            return ""
        found = self._differences()
        if found is None:
            return ""
        number = hunks(found)
        return f" · {number:,} change{'' if number == 1 else 's'}"

    def shown(self) -> str:
        """How much of it was shown, for the record of the answer."""
        return self.mode if not self._cut else f"{self.mode}, without {self._cut} lines"

    # ---- rows

    def _versions(self) -> tuple[Text, Text]:
        card = self._card
        assert card.text is not None
        mine = card.edited or card.text
        if self.mode.startswith("approved") and card.facts is not None and card.facts.approved is not None:
            approved = card.facts.approved
            if self._approved is None or self._approved[0] is not approved:
                self._approved = (approved, text_of(approved.artifact, card.text.kind))
            return self._approved[1], mine
        return card.text, mine

    def _differences(self) -> list[Change] | None:
        """How the two versions differ; None while large ones are being compared."""
        before, after = self._versions()
        kept = self._compared
        if kept is not None and kept[0] is before and kept[1] is after:
            return kept[2]
        if len(before.source) + len(after.source) <= QUICK:
            self._compared = (before, after, compare(before, after))
            return self._compared[2]
        self._compared = (before, after, None)

        async def comparing() -> None:
            found = await asyncio.to_thread(compare, before, after)
            if self.is_attached and self._compared == (before, after, None):
                self._compared = (before, after, found)
                self.rebuild()

        self.run_worker(comparing(), exit_on_error=False, group="read", name="differences")
        return None

    def _source(self) -> str | None:
        """What `y` copies: the artifact as it is, or nothing of its own where two are compared."""
        card = self._card
        if card.text is None or self.mode not in ("whole", "edited"):
            return None
        return (card.edited or card.text).source if self.mode == "edited" else card.text.source

    def _rest(self, width: int) -> Rows:
        card = self._card
        about = (card.request, card.text is None, card.unread)
        return self._once(("rest", width), about, lambda: Rows(*rest(card, width)))

    def _rows(self, width: int) -> Rows:
        card = self._card
        found = None if self.mode in ("whole", "edited") or card.text is None else self._differences()
        shown = (card.request, card.text, card.edited, card.facts, self.mode, card.unread, found is None)
        return self._once(("rows", width), shown, lambda: self._built(width))

    def _once(self, name: tuple[str, int], about: tuple[object, ...], build: Callable[[], Rows]) -> Rows:
        """Rows that are built when what they are about has changed: they are asked for each second."""
        kept = self._kept.pop(name, None)
        if kept is None or kept[0] != about:
            kept = (about, build())
        self._kept[name] = kept
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    def _built(self, width: int) -> Rows:
        above = rest(self._card, width)
        return Rows(*above, self._artifact(width)) if self._card.text is not None else Rows(*above)

    def _artifact(self, width: int) -> Section:
        glyphs = self._card.proc.glyphs
        before, after = self._versions()
        if self.mode in ("whole", "edited"):
            return whole((before if self.mode == "whole" else after).lines, width, glyphs)
        found = self._differences()
        if found is None:
            return words("comparing…")
        return compared(before, after, found, width, glyphs, columns=self.mode.endswith("split"))

    def _few(self, width: int) -> list[Content]:
        """As many rows as leave room for the buttons."""
        card = self._card
        rows = self._rows(width)
        most = MOST_ROWS
        if card.room:
            frame = card.gutter.height + card.styles.margin.height + 1
            most = max(LEAST_ROWS, min(most, card.room - frame - len(head(card, width)) - len(foot(card, width))))
        shown = rows.head(most if len(rows) <= most else most - 1)
        self._cut = len(rows) - len(shown)
        colours = {"added": "on $added", "removed": "on $removed"}
        lines = [row.content.stylize_before(colours[row.tint]) if row.tint else row.content for row in shown]
        if self._cut:
            more = "1 more line" if self._cut == 1 else f"{self._cut:,} more lines"
            more = more if rows.complete else f"more than {more}"
            words = f"{card.proc.glyphs.more} {more}   "
            lines.append(Content.assemble((words, "$quiet"), ("v", "b $accent"), (" shows all", "$quiet")))
        return lines
