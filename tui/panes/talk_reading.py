"""What was said in a run, as it is read: which stretch of it is loaded, and when more of it is.

It opens at its end and follows while that is on the screen; the rest is read when somebody scrolls there. Belongs here:
loading. Never: how it is drawn or filtered, and keys (`talk_pane.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..talk import window
from ..talk.blocks import GUTTER, Look
from ..talk.entries import waits_for
from ..talk.tail import Tail
from ..widgets.talk import Talk
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.operator import Operator
    from ..talk.window import Stretch, Wanted
    from .talk_pane import TalkPane

NOTHING = window.Stretch((), (), True, True, 0)


class LoadedTalk(Pane):
    """What was said, of which a stretch is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.talk: Talk = Talk(cast("TalkPane", self))
        self.stretch: Stretch = NOTHING
        self.look: Look | None = None
        self.tail: Tail = Tail()
        self.unfolded: dict[tuple[int, int], frozenset[int]] = {}
        self.left_out: str = ""
        self.following: bool = True
        self.since: int = 0
        """Messages that came since it follows no more."""
        self.reading_back: bool = False
        """Whether somebody reads what was said before, since they left the end."""
        self.busy: bool = False
        self._again: bool = False
        self.loaded: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether all that is to be shown is shown."""
        return self.view is None or not self.display or (self.loaded and not self.busy)

    def reset(self) -> None:
        """As in the base class."""
        self.stretch, self.unfolded, self.tail = NOTHING, {}, Tail()
        self.following, self.since, self.busy, self._again, self.loaded = True, 0, False, False, False
        self.reading_back = False
        self.talk.give((), ())
        self.talk.update()

    # ---- for subclasses

    def draw(self, *, first: bool = False) -> None:
        """Shows what is loaded; `first` when it is shown for the first time."""

    def say_where(self) -> None:
        """Says which part is shown."""

    def read_on(self) -> None:
        """More was read."""

    # ---- reading

    def wanted(self) -> Wanted | None:
        view = self.view
        # The rows have no width while the pane says that there are none.
        width = self.talk.scrollable_content_region.width or self.scrollable_content_region.width
        if view is None or width <= GUTTER:
            return None
        look = Look(width, self.glyphs, view.run.procedure, view.live and not view.run.status.ended)
        same = look == self.look
        self.look = look
        kept = {block.key: block for block in self.stretch.blocks} if same else {}
        return window.Wanted(view, look, self.left_out, dict(self.unfolded), kept)

    def load(
        self, reading: Callable[[Operator, Wanted], Stretch], then: Callable[[Stretch], None] | None = None
    ) -> None:
        wanted = self.wanted()
        if wanted is None:
            return
        self.busy = True
        operator, run = self.proc.operator, wanted.view.run
        cancelled = run.status.value == "CANCELLED" and wanted.view.live

        def work(_reader: object) -> tuple[Stretch, Tail]:
            stretch = reading(operator, wanted)
            asked = waits_for(stretch.records) if stretch.last else None
            cut_off = operator.partial(run) if cancelled and asked is not None else None
            return stretch, self.tail.after(asked, cut_off, wanted.view)

        def done(found: tuple[Stretch, Tail]) -> None:
            self.took(found[0], found[1])
            if then is not None:
                then(found[0])

        self.read(work, done)

    def took(self, stretch: Stretch, tail: Tail) -> None:
        before, self.stretch, self.tail = self.stretch, stretch, tail
        if stretch.count < 0:
            new = sum(record.seq > before.upto for record in stretch.records)
            self.stretch = msgspec.structs.replace(
                stretch, count=max(before.count, 0) + new if stretch.last else before.count
            )
        self.busy = False
        came = 0
        if self.loaded and stretch.last and before.last:
            newest = before.blocks[-1].key if before.blocks else (0, 0)
            came = sum(block.key > newest for block in stretch.blocks)
        self.following = self.following and stretch.last
        self.since = 0 if self.following else self.since + came
        view = self.view
        self.read_on()
        first, self.loaded = not self.loaded, True
        self.draw(first=first)
        behind = view is not None and self.stretch.last and view.seq > self.stretch.upto
        if self._again or behind:
            # What came meanwhile; also when a reading was given up for another width.
            self._again = False
            self.load_more()

    def load_more(self) -> None:
        if not self.loaded or not self.stretch.last:
            if self.loaded:
                self.since += 1
                self.say_where()
            else:
                self._again = True
            return
        if self.busy:
            self._again = True
            return
        kept, follow = self.stretch, self.following
        self.load(
            lambda operator, wanted: window.later(
                operator, wanted, kept.records, upto=kept.upto, first=kept.first, follow=follow
            )
        )

    def load_before(self) -> None:
        kept = self.stretch
        self.load(
            lambda operator, wanted: window.earlier(operator, wanted, kept.records, last=kept.last, upto=kept.upto)
        )

    def load_after(self) -> None:
        kept = self.stretch
        self.load(
            lambda operator, wanted: window.later(
                operator, wanted, kept.records, upto=kept.upto, first=kept.first, follow=False
            )
        )

    def relay(self) -> None:
        kept = self.stretch
        if self.loaded:
            self.load(lambda _operator, wanted: window.relaid(wanted, kept))
