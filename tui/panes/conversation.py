"""What was said in a run, with what can be done about it: requests as cards, the failure card, and the field in which
people write to it.

Belongs here: the cards, the composer, what is sent. Never: what was said and how it is loaded (`talk_pane.py`), or
answering, which every card does by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll

from ...core.errors import ProcError
from ..talk.entries import delivered
from ..talk.tail import Sent
from ..widgets.card import Card
from ..widgets.composer import Composer, Target
from ..widgets.failure_card import FailureCard
from ..widgets.seen import seen
from ..widgets.talk import Talk
from .talk_pane import TalkPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from ..live.reader import RunView

LEAST_CARD = 6
"""Rows that cards get at least."""
KEPT_SECONDS = 10.0
"""How long a card says what became of its request when nobody was at it."""
CHATS = '{"type":"mail"'
"""How `waiting` of a run begins that listens in `Human.chat`."""


class Cards(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The cards, below what was said last."""

    DEFAULT_CSS = """
    Cards { height: auto; width: 1fr; scrollbar-size-vertical: 1; display: none; }
    Cards.-some { display: block; }
    """


class ConversationPane(TalkPane):
    """The conversation of a run."""

    NAME: ClassVar[str] = "conversation"
    body: ClassVar[str] = "Card, FailureCard, Talk"
    DEFAULT_CSS = """
    ConversationPane { layout: vertical; }
    ConversationPane > Talk { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._cards_box: Cards = Cards()
        self._composer: Composer = Composer()
        self._cards: dict[str, Card] = {}
        self._failure: FailureCard | None = None
        self._fitted: tuple[int | None, int] = (None, 0)
        """How many rows what was said has, if not all that are left, and how many the cards have at most."""
        self._sent: dict[str, tuple[Sent, ...]] = {}
        """What was sent from here to each run and is not delivered."""
        self._at_card: bool = False
        """Whether the focus was on a request of the run before: then it goes to that of the next one."""

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self.talk
        yield self._cards_box
        yield self._composer

    def on_mount(self) -> None:
        """The frame hides what is its body while it says something; the composer stays."""
        self.call_after_refresh(self._composer.remove_class, "pane--body")

    def reset(self) -> None:
        """As in the base class."""
        self._at_card = self._at_card or any(card.has_focus_within for card in self._cards.values())
        for card in (*self._cards.values(), *((self._failure,) if self._failure else ())):
            card.remove()
        self._cards, self._failure = {}, None
        super().reset()

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        self._show_cards(view)
        self._composer.show(view.run.id, self._target(view))
        super().show(view, before)
        if self._at_card:
            self._at_card = False
            self.call_after_refresh(self._to_card)

    def clock(self, now: float) -> None:
        """As in the base class."""
        for card in self._cards.values():
            card.clock(now)
        if self.view is not None and any(card.outcome is not None for card in self._cards.values()):
            self._show_cards(self.view)
            self.draw()
        super().clock(now)

    def has_more(self) -> bool:
        """As in the base class."""
        return bool(self._cards) or self._failure is not None

    def carded(self) -> set[str]:
        """As in the base class."""
        return set(self._cards)

    # ---- cards

    def _to_card(self) -> None:
        """The focus was on a card that is gone: it goes to the first one of this run, unless it went elsewhere."""
        focused = self.screen.focused
        gone = isinstance(focused, Card) and focused not in self._cards.values()
        if gone or focused in (None, self.talk):
            next(iter(self._cards.values()), self.talk).focus()

    def _show_cards(self, view: RunView) -> None:
        wanted = {request.id: request for request in view.requests} if view.live else {}
        now = self.proc.now()
        for name, card in list(self._cards.items()):
            if name not in wanted and not (view.live and self._says_more(card, now)):
                self._drop(name)
        for name, request in wanted.items():
            if name not in self._cards:
                self._cards[name] = Card(request, composed=True)
                self._cards_box.mount(self._cards[name])
        self._show_failure(view)
        some = bool(self._cards) or self._failure is not None
        if some != self._cards_box.has_class("-some"):
            self._cards_box.set_class(some, "-some")
        self.call_after_refresh(self.fit)

    def _says_more(self, card: Card, now: float) -> bool:
        """Whether a card whose request waits no more has to say why: not when it was decided on it."""
        if card.decider.accepted or card.decider.decided:
            return False
        return card.outcome is None or card.has_focus_within or now - card.settled_at < KEPT_SECONDS

    def _drop(self, name: str) -> None:
        card = self._cards.pop(name)
        had = card.has_focus_within
        card.remove()
        if had:
            self.call_after_refresh(self.focus_body)

    def on_card_done(self, event: Card.Done) -> None:
        """Somebody has seen what became of a request."""
        event.stop()
        self._drop(event.card.request.id)
        if self.view is not None:
            self._show_cards(self.view)
            self.draw()

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

    def fit(self) -> None:
        """Cards stand right below what was said last, and have the lower end when that is long.

        Each fits into its place with its buttons; while somebody reads what was said before, they are folded.
        """
        room = self.scrollable_content_region.height - self._composer.outer_size.height * self._composer.display
        rows = self.talk.total()
        most = max(LEAST_CARD, room - min(rows, max(2, room // 4)))
        aside = self.reading_back and not self._cards_box.has_focus_within
        for card in self._cards.values():
            card.fit(most, aside=aside)
        self.call_after_refresh(self._share, room, most)

    def _share(self, room: int, most: int) -> None:
        """Divides the rows between what was said and the cards, once these know how tall they are."""
        rows, some = self.talk.total(), self._cards_box.has_class("-some")
        cards = sum(card.outer_size.height + card.styles.margin.height for card in self._cards_box.children) * some
        wanted = rows if some and rows + min(cards, most) <= room else None
        if (wanted, most) != self._fitted:
            self._fitted = (wanted, most)
            self._cards_box.styles.max_height = most
            self.talk.styles.height = "1fr" if wanted is None else wanted
            if self.following:
                self.call_after_refresh(self._stay)

    def _stay(self) -> None:
        if self.following:
            self.talk.update(follow=True)

    def _target(self, view: RunView) -> Target | None:
        """What can be written to the run."""
        if not view.live or view.run.status.ended:
            return None
        cards = [card for card in self._cards.values() if card.request.type == "input" and not card.why_not()]
        focused = next((card for card in self._cards.values() if card.has_focus_within), None)
        card = focused if focused in cards else cards[0] if cards and focused is None else None
        if card is not None and card.decider.now is None:
            request, default = card.request, card.event.data.get("default")
            about = "answers the request, and can be undone for two seconds"
            return Target("answer", seen(request), about, default if isinstance(default, str) else "")
        if view.run.status.value == "WAITING_FOR_HUMAN" and (view.run.waiting or "").startswith(CHATS):
            return Target("chat", about="the run listens, and goes on with it")
        return Target("guidance", about="delivered at its next operation")

    # ---- writing

    def sent(self) -> tuple[Sent, ...]:
        """As in the base class."""
        return self._sent.get(self.view.run.id, ()) if self.view is not None else ()

    def read_on(self) -> None:
        """What was delivered is shown as such."""
        if self.view is None or not (waiting := self.sent()):
            return
        heard = delivered(self.stretch.records)
        left = tuple(one for one in waiting if heard.count(one.text) <= one.heard)
        self._sent[self.view.run.id] = left

    def action_type(self) -> None:
        """To the composer."""
        if self.view is None or not self._composer.has_class("-open"):
            self.proc.say(
                "this run has ended: nothing can be written to it"
                if self.view and self.view.live
                else "this is the past"
            )
            return
        self._composer.show(self.view.run.id, self._target(self.view))
        self._composer.take_focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Another card may be what the composer answers."""
        if self.view is not None and not isinstance(event.widget, Talk):
            self._composer.show(self.view.run.id, self._target(self.view))

    def on_card_composes(self, event: Card.Composes) -> None:
        """The answer to a question is written where people write to the run."""
        event.stop()
        self.action_type()

    def on_card_changed(self, event: Card.Changed) -> None:
        """What can be written is another thing while an answer is on its way."""
        event.stop()
        if self.view is not None:
            self._composer.show(self.view.run.id, self._target(self.view))

    def on_card_sized(self, event: Card.Sized) -> None:
        """What it says came after it was drawn first: all of it is to be seen."""
        event.stop()
        self.fit()

    def on_composer_left(self, event: Composer.Left) -> None:
        """Back to the request, or to what was said."""
        event.stop()
        target = self._composer.target.seen
        card = self._cards.get(target.request) if target is not None else None
        (card if card is not None else self.talk).focus()

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        """Sends it; it is shown at once, as not delivered yet. An answer is its card's to give, which counts down."""
        event.stop()
        view = self.view
        if view is None or view.run.id != event.run:
            return
        text, target, operator, run = event.text, event.target, self.proc.operator, view.run
        if target.kind == "answer":
            self._answer(text, target)
            return
        heard = delivered(self.stretch.records).count(text)
        before = self._sent.get(run.id, ())
        heard += sum(sent.text == text for sent in before)
        self._sent[run.id] = (*before, Sent(text, self.proc.now(), heard))
        self._composer.sending(text)
        self.following = True
        self.draw(first=True)

        def refused(why: str) -> None:
            self._sent[run.id] = tuple(sent for sent in self._sent.get(run.id, ()) if sent.text != text)
            self.draw()
            self._composer.returned(run.id, text, why)

        self._send(lambda: operator.send(run, text), lambda: self._composer.sent(run.id, text), refused)

    def _answer(self, text: str, target: Target) -> None:
        card = self._cards.get(target.seen.request) if target.seen is not None else None
        if card is None or card.outcome is not None:
            self._composer.outdated("this request is settled already; your text stays here")
        elif card.about[0] != target.seen:
            self._composer.outdated("this request shows something else by now; your text stays here")
        elif reason := card.why_not():
            self._composer.refused(reason)
        elif not self.proc.keyboard.by_hand:
            self._composer.refused("pasted: enter, pressed by hand, sends it")
        else:
            card.focus()
            card.answering.send(text, by="composer", then=lambda: self._composer.done(text))

    def _send(self, work: Callable[[], None], sent: Callable[[], None], refused: Callable[[str], None]) -> None:
        def trying() -> str:
            try:
                work()
            except ProcError as error:
                return str(error)
            return ""

        self.proc.act(trying, lambda why: refused(why) if why else sent())
