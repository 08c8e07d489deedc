"""What was said in a run, whoever said it: messages, replies as they arrive, requests as cards, the failure card, and the
field in which people write to it.

A stretch of it is loaded (`talk/window.py`); the rest is read when somebody scrolls there. It opens at its end and follows
while that is on the screen. Belongs here: what is loaded and shown when, the cards, the composer. Never: how a message
looks (`talk/blocks.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from ...core.operator import INTERFACE, Given
from ..screen_safety import safe_line
from ..talk import window
from ..talk.blocks import GUTTER, Look
from ..talk.entries import AGENT, ALL, PEOPLE, counted, delivered, waits_for
from ..talk.tail import Sent, Tail
from ..widgets.card import Card
from ..widgets.composer import Composer, Target
from ..widgets.deciding import UNDO_SECONDS
from ..widgets.failure_card import FailureCard
from ..widgets.talk import Talk
from ..words import several
from .pane import Pane

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from ...core.operator import Operator
    from ..live.reader import RunView
    from ..talk.window import Stretch, Wanted

NOTHING = window.Stretch((), (), True, True, 0)
CHATS = '{"type":"mail"'
"""How `waiting` of a run begins that listens in `Human.chat`."""


class Cards(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The cards, below what was said last."""

    DEFAULT_CSS = """
    Cards { height: auto; max-height: 70%; width: 1fr; scrollbar-size-vertical: 1; display: none; }
    Cards.-some { display: block; }
    """


class ConversationPane(Pane):
    """The conversation of a run."""

    NAME: ClassVar[str] = "conversation"
    body: ClassVar[str] = "Card, FailureCard, Talk"
    DEFAULT_CSS = """
    ConversationPane { layout: vertical; }
    ConversationPane > Talk { height: 1fr; min-height: 2; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._talk: Talk = Talk(self)
        self._cards_box: Cards = Cards()
        self._composer: Composer = Composer()
        self._cards: dict[str, Card] = {}
        self._failure: FailureCard | None = None
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
        self._sent: dict[str, tuple[Sent, ...]] = {}
        """What was sent from here to each run and is not delivered."""

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._talk
        yield self._cards_box
        yield self._composer

    def on_mount(self) -> None:
        """What was left out before."""
        self._filter = self.proc.memory.now.filters.get("conversation", "")
        # Pane hides what is its body while it says something; the composer stays.
        self.call_after_refresh(self._composer.remove_class, "pane--body")

    @property
    def is_settled(self) -> bool:
        """Whether all that is to be shown is shown."""
        return self.view is None or not self.display or (self._loaded and not self._busy)

    # ---- views

    def reset(self) -> None:
        """As in the base class."""
        for card in (*self._cards.values(), *((self._failure,) if self._failure else ())):
            card.remove()
        self._cards, self._failure = {}, None
        self._stretch, self._unfolded, self._tail = NOTHING, {}, Tail()
        self._following, self._since, self._busy, self._again, self._loaded = True, 0, False, False, False
        self._talk.give((), ())
        self._talk.update()

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        self._show_cards(view)
        self._composer.show(view.run.id, self._target(view))
        if before is None:
            self._load(lambda operator, wanted: window.newest(operator, wanted))
        else:
            if view.last != before.last:
                self._load_more()
            if view.partial != before.partial or view.run != before.run:
                self._draw()

    def clock(self, now: float) -> None:
        """As in the base class."""
        for card in self._cards.values():
            card.clock(now)
        if self._loaded and self._tail.ages:
            self._draw()

    def _show_cards(self, view: RunView) -> None:
        wanted = {request.id: request for request in view.requests} if view.live else {}
        for name in [name for name in self._cards if name not in wanted]:
            had = self._cards[name].has_focus_within or self._cards[name].has_focus
            self._cards.pop(name).remove()
            if had:
                self.call_after_refresh(self.focus_body)
        for name, request in wanted.items():
            if name not in self._cards:
                self._cards[name] = Card(request)
                self._cards_box.mount(self._cards[name])
        self._show_failure(view)
        some = bool(self._cards) or self._failure is not None
        if some != self._cards_box.has_class("-some"):
            self._cards_box.set_class(some, "-some")
        self.call_after_refresh(self._fit)

    def _show_failure(self, view: RunView) -> None:
        card = self._failure
        if card is not None and not card.show(view):
            had = card.has_focus
            card.remove()
            self._failure = None
            if had:
                self.call_after_refresh(self.focus_body)
        if self._failure is None and FailureCard.kind(view):
            self._failure = FailureCard(view)
            self._cards_box.mount(self._failure)

    def _fit(self) -> None:
        """Cards stand right below what was said last, and have the lower end when that is long."""
        room = self.scrollable_content_region.height - self._composer.outer_size.height * self._composer.display
        cards = self._cards_box.outer_size.height if self._cards_box.has_class("-some") else 0
        rows = self._talk.total()
        wanted = max(1, rows) if cards and rows <= room - cards else "1fr"
        if str(self._talk.styles.height) != str(wanted):
            follows = self._following
            self._talk.styles.height = wanted
            if follows:
                self.call_after_refresh(self._stay)

    def _stay(self) -> None:
        if self._following:
            self._talk.update(follow=True)

    def _target(self, view: RunView) -> Target | None:
        """What can be written to the run."""
        if not view.live or view.run.status.ended:
            return None
        focused = next((card.request for card in self._cards.values() if card.has_focus), None)
        inputs = [request for request in view.requests if request.type == "input"]
        request = focused if focused is not None and focused.type == "input" else inputs[0] if inputs and focused is None else None
        if request is not None:
            return Target("answer", request.id, request.digest, request.attempt, "answers the request; it can be undone for two seconds")
        if view.run.status.value == "WAITING_FOR_HUMAN" and (view.run.waiting or "").startswith(CHATS):
            return Target("chat", about="the run listens, and goes on with it")
        return Target("guidance", about="delivered at its next operation")

    # ---- reading

    def _wanted(self) -> Wanted | None:
        view = self.view
        width = self._talk.scrollable_content_region.width
        if view is None or width <= GUTTER:
            return None
        look = Look(width, self.glyphs, view.run.procedure, view.live and not view.run.status.ended)
        same = look == self._look
        self._look = look
        kept = {block.key: block for block in self._stretch.blocks} if same else {}
        return window.Wanted(view, look, self._filter, dict(self._unfolded), kept)

    def _load(self, reading: Callable[[Operator, Wanted], Stretch], then: Callable[[Stretch], None] | None = None) -> None:
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
            self._stretch = msgspec.structs.replace(stretch, count=max(before.count, 0) + new if stretch.last else before.count)
        self._busy = False
        came = 0
        if self._loaded and stretch.last and before.last:
            newest = before.blocks[-1].key if before.blocks else (0, 0)
            came = sum(block.key > newest for block in stretch.blocks)
        self._following = self._following and stretch.last
        self._since = 0 if self._following else self._since + came
        view = self.view
        if view is not None and view.run.id in self._sent:
            self._arrived(view.run.id, stretch)
        first, self._loaded = not self._loaded, True
        self._draw(first=first)
        if self._again:
            self._again = False
            self._load_more()

    def _arrived(self, run: str, stretch: Stretch) -> None:
        heard = delivered(record for record in stretch.records)
        left = [sent for sent in self._sent[run] if heard.count(sent.text) <= sent.heard]
        self._sent[run] = tuple(left)
        if not left:
            del self._sent[run]

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
        self._load(lambda operator, wanted: window.earlier(operator, wanted, kept.records, last=kept.last, upto=kept.upto))

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
        sent = self._sent.get(view.run.id, ())
        tail = self._tail.blocks(view, look, sent, self.proc.now()) if self._stretch.last else []
        hidden = {request.id for request in view.requests} if view.live else set[str]()
        blocks = [block for block in self._stretch.blocks if block.entry is None or block.entry.kind != "request" or block.entry.request not in hidden]
        talk.give(blocks, tail)
        self.say(None if blocks or tail or self._cards or self._failure else self._nothing(view))
        talk.update(follow=self._following)
        if (first or at_end) and self._following and talk.total():
            talk.select(talk.total() - 1)
        self._fit()
        self._say_where()

    def _nothing(self, view: RunView) -> str:
        if self._stretch.records:
            return "everything that was said is left out: f shows more"
        return "nothing was said in this run" if view.run.status.ended or not view.live else "nothing was said in this run yet"

    def _say_where(self) -> None:
        words = {"": "all but internal", ALL: "all", PEOPLE: "people"}.get(self._filter) or self._filter.removeprefix(AGENT)
        parts: list[Content | tuple[str, str]] = []
        if self._since:
            parts += [(f"{several(self._since, 'new', 'new')} below", "b $wait"), ("  G follows  ", "$quiet")]
        elif not self._stretch.last:
            parts.append(("G to the end  ", "$quiet"))
        count = max(self._stretch.count, 0)
        if count:
            parts.append((f"{counted(count, count).replace('message', 'event')}  ", "$quiet"))
        parts += [safe_line(words, "$accent" if self._filter else "$quiet"), ("  f filter", "$quiet")]
        self.about(Content.assemble(*parts))

    def resized(self) -> None:
        """The lines have another width: what is near the view is laid out anew."""
        look = self._look
        if self.view is None:
            return
        if not self._loaded:
            if not self._busy:
                self._load(lambda operator, wanted: window.newest(operator, wanted))
            return
        if look is None or look.width != self._talk.scrollable_content_region.width:
            self._relay()
        else:
            self._talk.update(follow=self._following)
        self.call_after_refresh(self._fit)

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
            self._load(lambda operator, wanted: window.newest(operator, wanted))

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

        agents = sorted({block.entry.who for block in self._stretch.blocks if block.entry is not None and block.entry.kind == "reply"})
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
                self._load(lambda operator, wanted: window.newest(operator, wanted))

        self.proc.push_screen(PickDialog("Show", choices), chosen)

    # ---- writing

    def action_type(self) -> None:
        """To the composer."""
        if self.view is None or not self._composer.has_class("-open"):
            self.proc.say("this run has ended: nothing can be written to it" if self.view and self.view.live else "this is the past")
            return
        self._composer.show(self.view.run.id, self._target(self.view))
        self._composer.take_focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Another card may be what the composer answers."""
        if self.view is not None and isinstance(event.widget, Widget) and not isinstance(event.widget, Talk):
            self._composer.show(self.view.run.id, self._target(self.view))

    def on_composer_left(self, event: Composer.Left) -> None:
        """Back to what was said."""
        event.stop()
        self._talk.focus()

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        """Sends it; it is shown at once, as not delivered yet."""
        event.stop()
        view = self.view
        if view is None or view.run.id != event.run:
            return
        text, target, operator, run = event.text, event.target, self.proc.operator, view.run
        if target.kind == "answer":
            if target.request not in {request.id for request in view.requests}:
                self._composer.refused("this request is settled already; your text stays here")
                return
            given = Given(text=text, digest=target.digest, attempt=target.attempt)
            self.proc.act(
                lambda: operator.answer(target.request, given, via=INTERFACE, effective_in=UNDO_SECONDS),
                lambda _accepted: self._composer.done(text),
            )
            return
        heard = delivered(self._stretch.records).count(text)
        before = self._sent.get(run.id, ())
        heard += sum(sent.text == text for sent in before)
        self._sent[run.id] = (*before, Sent(text, self.proc.now(), heard))
        self._composer.done(text)
        self._following = True
        self._draw(first=True)

        def refused(why: str) -> None:
            self._sent[run.id] = tuple(sent for sent in self._sent.get(run.id, ()) if sent.text != text)
            self._draw()
            self._composer.field.load_text(text)
            self._composer.refused(why)

        self._send(lambda: operator.send(run, text), refused)

    def _send(self, work: Callable[[], None], refused: Callable[[str], None]) -> None:
        from ...core.errors import ProcError

        def trying() -> str:
            try:
                work()
            except ProcError as error:
                return str(error)
            return ""

        self.proc.act(trying, lambda why: refused(why) if why else None)


