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
from ..talk.blocks import GUTTER
from ..talk.entries import AGENT, ALL, PEOPLE
from ..talk.tail import Sent
from ..words import several
from .talk_reading import LoadedTalk

if TYPE_CHECKING:
    from ..live.reader import RunView
    from ..talk.window import Stretch


class TalkPane(LoadedTalk):
    """What was said, without what can be done about it."""

    def on_mount(self) -> None:
        """What was left out before."""
        self.left_out = self.proc.memory.now.filters.get("conversation", "")

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        if before is None:
            self.load(window.newest)
            return
        if view.last != before.last:
            self.load_more()
        if view.partial != before.partial or view.run != before.run or view.requests != before.requests:
            self.draw()

    def clock(self, now: float) -> None:
        """As in the base class."""
        if self.loaded and self.tail.ages:
            self.draw()

    # ---- for subclasses

    def sent(self) -> tuple[Sent, ...]:
        """What was sent to the run from here and is not delivered."""
        return ()

    def fit(self) -> None:
        """Other lines are shown."""

    def has_more(self) -> bool:
        """Whether there is something to show besides what was said."""
        return False

    def carded(self) -> set[str]:
        """The requests that are shown as cards, and not where they were asked."""
        return set()

    # ---- drawing

    def draw(self, *, first: bool = False) -> None:
        view, look = self.view, self.look
        if view is None or look is None or not self.loaded:
            return
        talk = self.talk
        at_end = not talk.total() or talk.cursor >= talk.total() - 1
        sent = self.sent()
        behind = view.live and view.last > self.stretch.upto
        tail = self.tail.blocks(view, look, sent, self.proc.now(), behind=behind) if self.stretch.last else []
        hidden = self.carded()
        blocks = [
            block
            for block in self.stretch.blocks
            if block.entry is None or block.entry.kind != "request" or block.entry.request not in hidden
        ]
        talk.give(blocks, tail)
        self.say(None if blocks or tail or self.has_more() else self._nothing(view))
        talk.update(follow=self.following)
        if (first or at_end) and self.following and talk.total():
            talk.select(talk.total() - 1)
        self.fit()
        self.say_where()

    def _nothing(self, view: RunView) -> str:
        if self.stretch.records:
            return "everything that was said is left out: f shows more"
        return (
            "nothing was said in this run"
            if view.run.status.ended or not view.live
            else "nothing was said in this run yet"
        )

    def say_where(self) -> None:
        words = {"": "all but internal", ALL: "all", PEOPLE: "people"}.get(self.left_out) or self.left_out.removeprefix(
            AGENT
        )
        parts: list[Content | tuple[str, str]] = []
        if self.since:
            parts += [(f"{several(self.since, 'new', 'new')} below", "b $wait"), ("  G follows  ", "$quiet")]
        elif not self.stretch.last:
            parts.append(("G to the end  ", "$quiet"))
        count = max(self.stretch.count, 0)
        if count:
            parts.append((f"{several(count, 'event')}  ", "$quiet"))
        parts += [safe_line(words, "$accent" if self.left_out else "$quiet"), ("  f filter", "$quiet")]
        self.about(Content.assemble(*parts))

    def resized(self) -> None:
        """The lines have another width: what is near the view is laid out anew."""
        look = self.look
        if self.view is None:
            return
        if not self.loaded:
            if not self.busy:
                self.load(window.newest)
            return
        width = self.talk.scrollable_content_region.width
        if width > GUTTER and (look is None or look.width != width):
            self.relay()
        else:
            self.talk.update(follow=self.following)
        self.call_after_refresh(self.fit)

    # ---- keys

    def scrolled(self) -> None:
        """The lines were scrolled, by keys or by the wheel."""
        talk = self.talk
        if not self.loaded or not talk.is_attached:
            return
        following = talk.following and self.stretch.last
        if following != self.following:
            self.following = following
            if following:
                self.since = 0
            # Where all is seen at once, nobody scrolled to the end: the cards made room.
            self._read_back(not following or (self.reading_back and not talk.max_scroll_y))
            self.say_where()
        if self.busy:
            return
        if not self.stretch.first and talk.scroll_offset.y <= talk.size.height // 2:
            self.load_before()
        elif not self.stretch.last and talk.following:
            self.load_after()

    def moved(self) -> None:
        """The cursor was moved to another row."""
        if self.reading_back and self.stretch.last and self.talk.cursor >= self.talk.total() - 1:
            self._read_back(False)

    def _read_back(self, back: bool) -> None:
        if back != self.reading_back:
            self.reading_back = back
            self.fit()

    def go_first(self) -> None:
        """To the first message of all."""

        def top(_stretch: object = None) -> None:
            self.following = False
            self.talk.scroll_to(y=0, animate=False, immediate=True)
            self.talk.select(0)
            self.say_where()

        if self.stretch.first:
            top()
        else:
            self.following = False
            self.load(lambda operator, wanted: window.around(operator, wanted, 0), top)

    def follow(self) -> None:
        """To the end, and on with what comes."""
        self.following, self.since = True, 0
        self._read_back(False)
        if self.stretch.last:
            self.draw(first=True)
        else:
            self.loaded = False
            self.load(window.newest)

    def fold(self, key: tuple[int, int], item: int) -> None:
        """Folds or unfolds a message or one of its calls."""
        open_ = self.unfolded.get(key, frozenset())
        self.unfolded[key] = open_ ^ {item}
        self.following = False
        kept = self.stretch
        if (wanted := self.wanted()) is not None:
            blocks = {name: block for name, block in wanted.kept.items() if name != key}
            # One message is laid out at once, so that nothing is seen in between.
            self.took(window.relaid(msgspec.structs.replace(wanted, kept=blocks), kept), self.tail)
        self.following = self.talk.following and self.stretch.last

    def seek(self, text: str, step: int) -> None:
        """Looks for a text beyond what is loaded."""
        kept, view, wanted = self.stretch, self.view, self.wanted()
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
            self.busy = False
            if result is None:
                self.proc.say("nothing more is found")
                return
            self.following = False
            self.took(result[1], self.tail)
            row = self.talk.row_of(result[0])
            if row is not None:
                rows = range(row, min(row + 500, self.talk.total()))
                hit = next((one for one in rows if text in self.talk.text_of(one).casefold()), row)
                self.talk.select(hit, scroll=False)
                self.talk.scroll_to(y=hit - self.talk.size.height // 2, animate=False, immediate=True)

        self.busy = True
        self.read(look, found)

    def choose_filter(self) -> None:
        """Asks what is left out."""
        from ..screens.picking import Choice, PickDialog

        agents = sorted(
            {
                block.entry.who
                for block in self.stretch.blocks
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
            if choice is not None and choice != self.left_out:
                self.left_out = choice
                self.proc.keep_filter("conversation", choice)
                self.loaded, self.following = False, True
                self.load(window.newest)

        self.proc.push_screen(PickDialog("Show", choices), chosen)
