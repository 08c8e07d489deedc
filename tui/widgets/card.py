"""A request as a card, where it is answered: in the conversation, in the Inbox, and in a Review with all the room.

Belongs here: what the card is about, how it is shown, and which key does what. Never: words (`card_head.py`,
`card_foot.py`), which key a label has (`options.py`), when keys act (`arming.py`), what is read (`card_reading.py`),
written (`card_writing.py`) and answered (`card_answering.py`, `deciding.py`). A card keeps itself up to date; whoever
shows it calls `clock` each second, may `take` another request, and says how much `room` there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.message import Message

from ...core.errors import StoreError
from .. import keys
from .arming import Trigger
from .artifact import Text, is_quick, text_of, unread
from .block import Block
from .card_answering import Answering
from .card_body import CardBody
from .card_foot import foot, key_at
from .card_head import head, left, title
from .card_reading import Reading
from .card_writing import Writing
from .deciding import Decider
from .options import Option, options_of
from .seen import about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import TextArea

    from ...core.engine.preview import Preview
    from ...core.errors import ProcError
    from ...core.journal.requests import PendingRequest
    from ..app import ProcTui
    from ..live.feed import Tick
    from .arming import Typed
    from .facts import Facts, Outcome
    from .field import Field
    from .seen import About
    from .source_text import SourceText

TIGHT = 18
"""Rows below which a card leaves out what can be left out."""


class Card(Vertical, can_focus=True, inherit_bindings=False):
    """One request, or several that are answered alike."""

    LAYER: ClassVar[str] = "card"
    BINDINGS = keys.bindings("card")
    DEFAULT_CSS = """
    Card {
        height: auto; width: 1fr; border: round $wait; border-title-color: $wait; border-subtitle-color: $wait;
        border-subtitle-align: right; padding: 0 1; background: $card; margin-top: 1;
        &:focus-within { border: heavy $wait; }
        &.-whole { height: 1fr; margin-top: 0; }
        &.-whole.-short { height: auto; }
        &.-over { border: round $line; border-title-color: $quiet; &:focus-within { border: heavy $line; } }
        &.-folded CardBody { display: none; }
        & > .card--foot { margin-top: 1; }
        &.-folded > .card--foot { margin-top: 0; }
    }
    """

    class Composes(Message):
        """The answer is to be written where people write to the run."""

        def __init__(self, card: Card) -> None:
            super().__init__()
            self.card: Card = card

    class Changed(Message):
        """An answer was given, taken, or taken back, here or elsewhere."""

    class Sized(Message):
        """It takes more rows than before, or fewer."""

    class Done(Message):
        """Somebody has seen what became of the request: the card is of no use any more."""

        def __init__(self, card: Card) -> None:
            super().__init__()
            self.card: Card = card

    def __init__(
        self,
        request: PendingRequest,
        *,
        whole: bool = False,
        batch: Sequence[PendingRequest] = (),
        composed: bool = False,
    ) -> None:
        """`whole` gives it a body that scrolls and pinned buttons; `batch` is all that is answered at once.

        Where it is `composed`, answers to questions are written elsewhere: it posts `Composes`.
        """
        super().__init__()
        self.whole: bool = whole
        self.composed: bool = composed
        self.add_class("-card")
        self.set_class(whole, "-whole")
        self.room: int = 0
        """How many rows it may take, with its frame; 0 for as many as it likes."""
        self.facts: Facts | None = None
        self.previews: tuple[Preview, ...] = ()
        self.outcome: Outcome | None = None
        """What became of the request; None while it waits."""
        self.settled_at: float = 0.0
        self.refusal: str = ""
        """Why the latest answer was not taken."""
        self.shown_at: float = 0.0
        """When it was shown as it is."""
        self._aside: bool = False
        """Whether somebody reads what was said before, and needs the room."""
        self._width: int = 0
        self.trigger: Trigger = Trigger(cast("Typed", self), self.look, self._burst)
        self.decider: Decider = Decider(lambda: self.proc, self._decided, self._refused)
        self.answering: Answering = Answering(self)
        self.writing: Writing = Writing(self)
        self.reading: Reading = Reading(self)
        self._bind(request, batch)
        self._head: Block = Block(lambda width: head(self, width))
        self.body: CardBody = CardBody(self)
        self._foot: Block = Block(lambda width: foot(self, width))
        self._foot.add_class("card--foot")

    def _bind(self, request: PendingRequest, batch: Sequence[PendingRequest] = ()) -> None:
        """Is about a request from now on."""
        self.request: PendingRequest = request
        self.together: tuple[PendingRequest, ...] = tuple(batch) or (request,)
        self.about: About = about(request, self.together)
        """What is decided here; what was prepared for anything else counts for nothing (`shows`)."""
        self.event = request.event
        self.options: tuple[Option, ...] = options_of(request)
        artifact = self.event.data.get("artifact")
        kind = self.event.data.get("artifact_type")
        kind = kind if isinstance(kind, str) else ""
        context = self.event.data.get("context")
        quick = is_quick(artifact), is_quick(context)
        self.text: Text | None = None if artifact is None else text_of(artifact, kind) if quick[0] else unread(kind)
        """What is to be decided about; None where there is no artifact."""
        self.unread: bool = not all(quick)
        """Whether some of it is so large that it is read off the loop, and not shown yet: nothing can be decided."""
        self.edited: Text | None = None
        self.edit_error: str = ""
        self.note: str = ""
        self._context_shown: SourceText | None = unread().lines if not quick[1] else None

    # ---- for those who show it

    @property
    def context_lines(self) -> SourceText:
        """The context of the request, made into lines when it is shown first."""
        if self._context_shown is None:
            self._context_shown = text_of(self.event.data.get("context")).lines
        return self._context_shown

    def take_read(self, text: Text | None, context: SourceText) -> None:
        """What was large was read: shows it, and counts anew before keys act."""
        self.text, self._context_shown, self.unread = text, context, False
        self.writing.restore()
        self.rebuild()
        self.arm()

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being counted or read: for tests."""
        return not self.trigger.arming and not self.reading.busy and not self.unread

    @property
    def is_idle(self) -> bool:
        """Whether the focus is elsewhere."""
        return not self.has_focus_within

    @property
    def is_tight(self) -> bool:
        """Whether there is little room."""
        return self.screen.size.height <= 28 if self.whole or not self.room else self.room < TIGHT

    @property
    def is_later(self) -> bool:
        """Whether this person has put the request off."""
        return self.proc.memory.is_later(self.request.id, self.request.attempt, self.proc.now())

    @property
    def folded(self) -> bool:
        """Whether only the question is shown, for it was put off or somebody reads what was said before."""
        if self.whole or self.outcome is not None or self.field is not None or self.decider.now is not None:
            return False
        return self.is_later or (self._aside and self.is_idle)

    @property
    def field(self) -> Field | None:
        """The field that is open."""
        return self.writing.field

    def shows(self, before: About) -> bool:
        """Whether it is about the same as when something was read, typed or picked for it."""
        return self.about == before

    def place(self) -> tuple[int, int]:
        """Which of how many waiting requests it is."""
        asked = [request.id for request in self.proc.workspace.requests]
        return (asked.index(self.request.id) + 1 if self.request.id in asked else 0, len(asked))

    def fit(self, room: int, *, aside: bool) -> None:
        """Has so many rows from now on; `aside` is to leave them to what was said."""
        if (room, aside) != (self.room, self._aside):
            self.room, self._aside = room, aside
            self.rebuild()

    def clock(self, now: float) -> None:
        """A second has passed."""
        self.writing.clock(now)
        self.reading.clock(now)
        self.look()

    def take(self, request: PendingRequest, batch: Sequence[PendingRequest] = ()) -> None:
        """Shows another request, or what became of this one: counts anew when anything to be seen changed."""
        batch = tuple(batch) or (request,)
        if request == self.request and batch == self.together:
            return
        if about(request, batch) == self.about:
            self.request, self.together = request, batch
            self.reading.look()
            self.look()
            self.post_message(self.Changed())
            return
        self.writing.leave()
        if request.id != self.request.id:
            self.refusal = ""
        self._bind(request, batch)
        self.decider.over()
        self.facts, self.previews, self.outcome = None, (), None
        self.set_class(False, "-over")
        self.writing.restore()
        self.reading.begin()
        self.rebuild()
        self.arm()

    def arm(self) -> None:
        """Counts anew before keys act."""
        if self.outcome is None and self.has_focus_within and self.decider.now is None and not self.unread:
            self.shown_at = self.proc.now()
            self.trigger.arm()
        else:
            self.trigger.disarm()

    def put(self, field: Field) -> None:
        """Mounts a field above the buttons."""
        self.mount(field, before=self._foot)

    # ---- being shown

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._head
        yield self.body
        yield self._foot

    def on_mount(self) -> None:
        """It is about to be painted."""
        self.proc.ticks.subscribe(self, self._ticked)
        self.writing.restore()
        self.reading.begin()
        self.rebuild()
        self.set_interval(0.25, self._count)

    def rebuild(self) -> None:
        """Draws everything anew."""
        if self.is_attached:
            self.look()
            self.body.rebuild()

    def look(self) -> None:
        """Draws what changed."""
        if not self.is_attached:
            return
        self.border_title = title(self)  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.border_subtitle = left(self, self.proc.now())  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.set_class(self.outcome is not None, "-over")
        self.set_class(self.folded, "-folded")
        self._head.look()
        self._foot.look()

    def _ticked(self, tick: Tick) -> None:
        asked = {request.id: request for request in tick.view.requests}
        found = asked.get(self.request.id)
        if found is not None:
            self.take(found, [asked[item.id] for item in self.together if item.id in asked])
        elif self.outcome is None:
            mine = self.decider.accepted
            self.trigger.disarm()
            self.reading.outcome(lambda outcome: self._settle(outcome, mine=mine))

    def _settle(self, outcome: Outcome, *, mine: bool) -> None:
        """The request waits no more: says why."""
        unseen = not self.is_attached or not self.screen.is_current or not self.is_on_screen
        if not mine and self.outcome is None and unseen and outcome.by != self.proc.operator.user:
            self.proc.say(f"{self.request.message[:60]}: {outcome.text}")
        self.outcome, self.settled_at = outcome, self.proc.now()
        self.decider.over(settled=True)
        self.writing.drop()
        if self.is_attached:
            self.writing.leave(focus=self.has_focus_within)
            self.refresh_bindings()
            self.rebuild()

    def _count(self) -> None:
        decision = self.decider.now
        if decision is None:
            return
        if self.decider.missing and self.proc.now() >= decision.until:
            # It counts, and the request waits on for somebody else.
            self.decider.over()
            self.reading.look()
            self._decided()
        self._foot.look()

    # ---- when keys act

    def on_focus(self) -> None:
        """The focus came in."""
        self._entered()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The focus came to the body, or to a field, where no key decides."""
        if event.widget is self.field:
            self.trigger.disarm()
        else:
            self._entered()

    def _entered(self) -> None:
        self.rebuild()
        self.arm()
        self.reading.preview()

    def on_blur(self) -> None:
        """The focus went."""
        self.call_next(self._check_focus)

    def on_descendant_blur(self) -> None:
        """The focus went, or to another part."""
        self.call_next(self._check_focus)

    def _check_focus(self) -> None:
        if not self.has_focus_within:
            self.trigger.disarm()
            self.rebuild()

    def on_resize(self, event: events.Resize) -> None:
        """Lines break elsewhere. What was added below them by the card itself counts for nothing."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.arm()
        self.post_message(self.Sized())

    def _burst(self) -> None:
        """Characters came that nobody typed by hand: what they decided is withdrawn."""
        if self.decider.now is not None and self.decider.undo():
            self.proc.say("that came too fast for a hand: undone", "warning")

    def why_not(self) -> str:
        """Why no answer can be given now; empty when one can."""
        if self.outcome is not None:
            return self.outcome.text
        if not self.whole and self.proc.at is not None:
            return "this is the past: F goes to the present, where it can be answered"
        if not self.whole and self.is_later:
            return "this is put off: w takes that back"
        if self.request.undoable(self.proc.now()) and self.decider.now is None:
            return f"{self.request.decided_by} is deciding this"
        if self.unread:
            return "it is being read, and not shown yet"
        if self.writing.checking:
            return "the edited artifact is being checked"
        if self.edit_error:
            return f"the edited artifact is not YAML: {self.edit_error}"
        return ""

    # ---- deciding

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As in the base class: only keys that this request has are shown and act."""
        if action == "open":
            return not self.whole
        if action == "undo":
            return self.decider.now is not None
        if self.outcome is not None:
            return False
        if action == "answer":
            return any(option.key == parameters[0] for option in self.options)
        if action in ("edit_artifact", "editor"):
            return self.request.type == "review" and self.text is not None
        return True

    def action_answer(self, key: str) -> None:
        """Gives the answer of a key, if the card was seen."""
        option = next((option for option in self.options if option.key == key), None)
        if option is not None and self.trigger.armed and self.field is None:
            self.answering.choose(option)

    def _decided(self) -> None:
        """An answer was given, taken or withdrawn."""
        if not self.is_attached:
            return
        if self.decider.now is None:
            self.reading.look()
            self.arm()
        self.refresh_bindings()
        self.rebuild()
        self.post_message(self.Changed())

    def _refused(self, error: ProcError) -> None:
        """It shows something else by now, or wants somebody else: it is drawn anew. Or it was not stored."""
        if isinstance(error, StoreError):
            self.refusal = f"not stored, nothing is decided; the same key tries again\n{error}"
            self.rebuild()
            return
        self.refusal = self.answering.barred() or str(error)
        before, request, operator = self.about, self.request, self.proc.operator

        def found(now: PendingRequest) -> None:
            if self.shows(before):
                self.take(now)

        self.proc.act(lambda: operator.request(request.id), found)
        self.rebuild()

    def action_undo(self) -> None:
        """Takes the answer back while it is not in effect."""
        if not self.decider.undo():
            self.proc.say("there is nothing to undo")

    # ---- writing

    def take_focus(self) -> None:
        """To what takes it: the body where it scrolls."""
        (self.body.lines if self.whole and not self.body.is_empty else self).focus()

    def action_comment(self) -> None:
        """Opens the field for a comment, or for the answer that is asked for."""
        if self.writing.may_open():
            if self.composed and self.request.type == "input":
                self.post_message(self.Composes(self))
            else:
                self.writing.comment()

    def action_edit_artifact(self) -> None:
        """Opens the artifact for editing here."""
        if self.writing.may_open():
            self.writing.edit_here()

    def action_editor(self) -> None:
        """Opens the artifact in the person's editor: another program is started by what is armed only."""
        if self.trigger.armed and self.writing.may_open():
            self.writing.edit_outside()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keeps what is being typed, over everything but the loss of the disk."""
        event.stop()
        self.writing.changed(event.text_area)

    def on_field_left(self, event: Field.Left) -> None:
        """Back to the card; what was typed is kept, and nothing is decided."""
        event.stop()
        self.writing.keep()
        self.writing.leave(focus=True)

    def on_field_sent(self, event: Field.Sent) -> None:
        """What was typed is an answer, a comment, or the word that confirms."""
        event.stop()
        field, text = event.field, event.field.text
        if field is not self.field:
            return
        if not self.proc.keyboard.by_hand:
            self.proc.say("pasted: enter, pressed by hand, sends it")
        elif field.purpose == "confirm":
            self.answering.confirm(text.strip())
        elif field.purpose in ("answer", "resolution"):
            if text.strip() or field.purpose == "answer":
                self.writing.leave(focus=True)
            self.answering.send(text)
        else:
            self.writing.keep()
            self.writing.leave(focus=True)

    # ---- looking

    def action_open(self) -> None:
        """All of it, with all the room there is; or on, when it is settled."""
        if self.outcome is not None:
            self.post_message(self.Done(self))
        else:
            self.action_review()

    def action_review(self) -> None:
        """The request with all the room there is; there, another way of showing the artifact."""
        if self.whole and self.screen.has_class("-review"):
            self.body.next_mode()
            self.look()
            self.arm()
        else:
            from ..screens.review import ReviewScreen

            self.proc.push_screen(ReviewScreen(self.request, batch=self.together))

    def action_later(self) -> None:
        """Puts it off for this person, or takes that back."""
        memory = self.proc.memory
        later = memory.put_off(self.request.id, self.request.attempt, self.request.deadline, self.proc.now())
        self.proc.say(
            "put off: it is shown again when it is asked again, or shortly before its deadline"
            if later
            else "back in the queue"
        )
        self.proc.feed.look()
        self.rebuild()
        self.arm()

    def action_actions(self) -> None:
        """Every answer with what it leads to, and what else can be done."""
        from ..screens.card_actions import open_card_actions

        self.reading.preview()
        open_card_actions(self)

    async def on_click(self, event: events.Click) -> None:
        """A click on a button of an armed card is its key; any other gives the focus."""
        if event.widget is self._foot and self.trigger.armed and not self.folded:
            offset = event.get_content_offset_capture(self._foot)
            key = key_at(self, self._foot.size.width, offset.x, offset.y)
            if key:
                event.stop()
                self.action_comment() if key == "c" else self.action_answer(key)
                return
        if not self.has_focus_within:
            self.take_focus()
