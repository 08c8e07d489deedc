"""What was said in a run: which stretch of it is loaded, and what of it is shown.

It opens at its end and follows while that is on the screen; the rest is read when somebody scrolls there. Belongs here:
loading, drawing, filtering, finding. Never: cards and the composer (`conversation.py`), how a message looks
(`talk/blocks.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from ..screen_safety import safe_line
from ..talk import window
from ..talk.blocks import GUTTER, Look
from ..talk.entries import AGENT, ALL, PEOPLE, waits_for
from ..talk.tail import Sent, Tail
from ..widgets.talk import Talk
from ..words import several
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...core.operator import Operator
    from ..live.reader import RunView
    from ..talk.window import Stretch, Wanted

NOTHING = window.Stretch((), (), True, True, 0)


class TalkPane(Pane):
    """What was said, without what can be done about it."""

    def __init__(self) -> None:
        super().__init__()
        self._talk: Talk = Talk(self)
        self._stretch: Stretch = NOTHING
        self._look: Look | None = None
        self._tail: Tail = Tail()
        self._unfolded: dict[tuple[int, int], frozenset[int]] = {}
        self._filter: str = ""
        self._following: bool = True
        self._since: int = 0
        """Messages that came since it follows no more."""
        self._busy: bool = False
        self._again: bool = False
        self._loaded: bool = False

    def on_mount(self) -> None:
        """What was left out before."""
        self._filter = self.proc.memory.now.filters.get("conversation", "")

    @property
    def is_settled(self) -> bool:
        """Whether all that is to be shown is shown."""
        return self.view is None or not self.display or (self._loaded and not self._busy)

    def reset(self) -> None:
        """As in the base class."""
        self._stretch, self._unfolded, self._tail = NOTHING, {}, Tail()
        self._following, self._since, self._busy, self._again, self._loaded = True, 0, False, False, False
        self._talk.give((), ())
        self._talk.update()

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None:
            self._load(window.newest)
            return
        if view.last != before.last:
            self._load_more()
        if view.partial != before.partial or view.run != before.run or view.requests != before.requests:
            self._draw()

    def clock(self, now: float) -> None:
        """As in the base class."""
        if self._loaded and self._tail.ages:
            self._draw()

    # ---- for subclasses

    def sent(self) -> tuple[Sent, ...]:
        """What was sent to the run from here and is not delivered."""
        return ()

    def fit(self) -> None:
        """Other lines are shown."""

    def read_on(self) -> None:
        """More was read."""

    def has_more(self) -> bool:
        """Whether there is something to show besides what was said."""
        return False

    # ---- reading

    def _wanted(self) -> Wanted | None:
        view = self.view
        # The rows have no width while the pane says that there are none.
        width = self._talk.scrollable_content_region.width or self.scrollable_content_region.width
        if view is None or width <= GUTTER:
            return None
        look = Look(width, self.glyphs, view.run.procedure, view.live and not view.run.status.ended)
        same = look == self._look
        self._look = look
        kept = {block.key: block for block in self._stretch.blocks} if same else {}
        return window.Wanted(view, look, self._filter, dict(self._unfolded), kept)

    def _load(
        self, reading: Callable[[Operator, Wanted], Stretch], then: Callable[[Stretch], None] | None = None
    ) -> None:
        wanted = self._wanted()
        if wanted is None:
            return
        self._busy = True
        operator, run = self.proc.operator, wanted.view.run
        cancelled = run.status.value == "CANCELLED" and wanted.view.live

        def work(_reader: object) -> tuple[Stretch, Tail]:
            stretch = reading(operator, wanted)
            asked = waits_for(stretch.records) if stretch.last else None
            cut_off = operator.partial(run) if cancelled and asked is not None else None
            return stretch, self._tail.after(asked, cut_off, wanted.view)

        def done(found: tuple[Stretch, Tail]) -> None:
            self._took(found[0], found[1])
            if then is not None:
                then(found[0])

        self.read(work, done)

    def _took(self, stretch: Stretch, tail: Tail) -> None:
        before, self._stretch, self._tail = self._stretch, stretch, tail
        if stretch.count < 0:
            new = sum(record.seq > before.upto for record in stretch.records)
            self._stretch = msgspec.structs.replace(
                stretch, count=max(before.count, 0) + new if stretch.last else before.count
            )
        self._busy = False
        came = 0
        if self._loaded and stretch.last and before.last:
            newest = before.blocks[-1].key if before.blocks else (0, 0)
            came = sum(block.key > newest for block in stretch.blocks)
        self._following = self._following and stretch.last
        self._since = 0 if self._following else self._since + came
        view = self.view
        self.read_on()
        first, self._loaded = not self._loaded, True
        self._draw(first=first)
        behind = view is not None and self._stretch.last and view.seq > self._stretch.upto
        if self._again or behind:
            # What came meanwhile; also when a reading was given up for another width.
            self._again = False
            self._load_more()

    def _load_more(self) -> None:
        if not self._loaded or not self._stretch.last:
            if self._loaded:
                self._since += 1
                self._say_where()
            else:
                self._again = True
            return
        if self._busy:
            self._again = True
            return
        kept, follow = self._stretch, self._following
        self._load(
            lambda operator, wanted: window.later(
                operator, wanted, kept.records, upto=kept.upto, first=kept.first, follow=follow
            )
        )

    def _load_before(self) -> None:
        kept = self._stretch
        self._load(
            lambda operator, wanted: window.earlier(operator, wanted, kept.records, last=kept.last, upto=kept.upto)
        )

    def _load_after(self) -> None:
        kept = self._stretch
        self._load(
            lambda operator, wanted: window.later(
                operator, wanted, kept.records, upto=kept.upto, first=kept.first, follow=False
            )
        )

    def _relay(self) -> None:
        kept = self._stretch
        if self._loaded:
            self._load(lambda _operator, wanted: window.relaid(wanted, kept))

    # ---- drawing

    def _draw(self, *, first: bool = False) -> None:
        view, look = self.view, self._look
        if view is None or look is None or not self._loaded:
            return
        talk = self._talk
        at_end = not talk.total() or talk.cursor >= talk.total() - 1
        sent = self.sent()
        behind = view.live and view.last > self._stretch.upto
        tail = self._tail.blocks(view, look, sent, self.proc.now(), behind=behind) if self._stretch.last else []
        hidden = {request.id for request in view.requests} if view.live else set[str]()
        blocks = [
            block
            for block in self._stretch.blocks
            if block.entry is None or block.entry.kind != "request" or block.entry.request not in hidden
        ]
        talk.give(blocks, tail)
        self.say(None if blocks or tail or self.has_more() else self._nothing(view))
        talk.update(follow=self._following)
        if (first or at_end) and self._following and talk.total():
            talk.select(talk.total() - 1)
        self.fit()
        self._say_where()

    def _nothing(self, view: RunView) -> str:
        if self._stretch.records:
            return "everything that was said is left out: f shows more"
        return (
            "nothing was said in this run"
            if view.run.status.ended or not view.live
            else "nothing was said in this run yet"
        )

    def _say_where(self) -> None:
        words = {"": "all but internal", ALL: "all", PEOPLE: "people"}.get(self._filter) or self._filter.removeprefix(
            AGENT
        )
        parts: list[Content | tuple[str, str]] = []
        if self._since:
            parts += [(f"{several(self._since, 'new', 'new')} below", "b $wait"), ("  G follows  ", "$quiet")]
        elif not self._stretch.last:
            parts.append(("G to the end  ", "$quiet"))
        count = max(self._stretch.count, 0)
        if count:
            parts.append((f"{several(count, 'event')}  ", "$quiet"))
        parts += [safe_line(words, "$accent" if self._filter else "$quiet"), ("  f filter", "$quiet")]
        self.about(Content.assemble(*parts))

    def resized(self) -> None:
        """The lines have another width: what is near the view is laid out anew."""
        look = self._look
        if self.view is None:
            return
        if not self._loaded:
            if not self._busy:
                self._load(window.newest)
            return
        width = self._talk.scrollable_content_region.width
        if width > GUTTER and (look is None or look.width != width):
            self._relay()
        else:
            self._talk.update(follow=self._following)
        self.call_after_refresh(self.fit)

    # ---- keys

    def scrolled(self) -> None:
        """The lines were scrolled, by keys or by the wheel."""
        talk = self._talk
        if not self._loaded or not talk.is_attached:
            return
        following = talk.following and self._stretch.last
        if following != self._following:
            self._following = following
            if following:
                self._since = 0
            self._say_where()
        if self._busy:
            return
        if not self._stretch.first and talk.scroll_offset.y <= talk.size.height // 2:
            self._load_before()
        elif not self._stretch.last and talk.following:
            self._load_after()

    def go_first(self) -> None:
        """To the first message of all."""

        def top(_stretch: object = None) -> None:
            self._following = False
            self._talk.scroll_to(y=0, animate=False, immediate=True)
            self._talk.select(0)
            self._say_where()

        if self._stretch.first:
            top()
        else:
            self._following = False
            self._load(lambda operator, wanted: window.around(operator, wanted, 0), top)

    def follow(self) -> None:
        """To the end, and on with what comes."""
        self._following, self._since = True, 0
        if self._stretch.last:
            self._draw(first=True)
        else:
            self._loaded = False
            self._load(window.newest)

    def fold(self, key: tuple[int, int], item: int) -> None:
        """Folds or unfolds a message or one of its calls."""
        open_ = self._unfolded.get(key, frozenset())
        self._unfolded[key] = open_ ^ {item}
        self._following = False
        kept = self._stretch
        if (wanted := self._wanted()) is not None:
            blocks = {name: block for name, block in wanted.kept.items() if name != key}
            # One message is laid out at once, so that nothing is seen in between.
            self._took(window.relaid(msgspec.structs.replace(wanted, kept=blocks), kept), self._tail)
        self._following = self._talk.following and self._stretch.last

    def seek(self, text: str, step: int) -> None:
        """Looks for a text beyond what is loaded."""
        kept, view, wanted = self._stretch, self.view, self._wanted()
        if view is None or wanted is None:
            return
        before = kept.records[0].seq if step < 0 and kept.records and not kept.first else None
        after = kept.upto if step > 0 and not kept.last else None
        if before is None and after is None:
            self.proc.say("nothing more is found")
            return
        operator = self.proc.operator

        def look(_reader: object) -> tuple[int, Stretch] | None:
            found = window.seek(operator, wanted, text, before=before, after=after)
            return None if found is None else (found, window.around(operator, wanted, found))

        def found(result: tuple[int, Stretch] | None) -> None:
            self._busy = False
            if result is None:
                self.proc.say("nothing more is found")
                return
            self._following = False
            self._took(result[1], self._tail)
            row = self._talk.row_of(result[0])
            if row is not None:
                rows = range(row, min(row + 500, self._talk.total()))
                hit = next((one for one in rows if text in self._talk.text_of(one).casefold()), row)
                self._talk.select(hit, scroll=False)
                self._talk.scroll_to(y=hit - self._talk.size.height // 2, animate=False, immediate=True)

        self._busy = True
        self.read(look, found)

    def choose_filter(self) -> None:
        """Asks what is left out."""
        from ..screens.dialogs import Choice, PickDialog

        agents = sorted(
            {
                block.entry.who
                for block in self._stretch.blocks
                if block.entry is not None and block.entry.kind == "reply"
            }
        )
        choices = [
            Choice("", "All but internal", "prompts to agents are left out"),
            Choice(ALL, "All", "with system prompts and what agents are told"),
            Choice(PEOPLE, "People", "requests, notifications, alerts, chat"),
            *(Choice(f"{AGENT}{name}", f"Only {name}", "replies, prompts and tools of this agent") for name in agents),
        ]

        def chosen(choice: str | None) -> None:
            if choice is not None and choice != self._filter:
                self._filter = choice
                self.proc.keep_filter("conversation", choice)
                self._loaded, self._following = False, True
                self._load(window.newest)

        self.proc.push_screen(PickDialog("Show", choices), chosen)
