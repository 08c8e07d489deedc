"""A request as a card, where it is answered: in the conversation, in the Inbox, and in a Review with all the room.

Belongs here: which key does what, and when none does. Never: words (`card_words.py`), which key a label has
(`options.py`), when keys act (`arming.py`), giving and undoing (`deciding.py`), or whether an answer fits, which the
operator says. A card keeps itself up to date; whoever shows it calls `clock` each second, and may `take` another one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from ...core.errors import ProcError
from ...core.operator import Given
from .. import keys
from ..memory import Draft
from ..readable import of_yaml
from .arming import Trigger
from .artifact import Text, coloured, of_source, text_of
from .block import Block
from .card_body import CardBody
from .card_words import foot, head, left, title
from .deciding import Decider
from .facts import read_facts, read_outcome, read_preview
from .field import Field
from .options import Option, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import TextArea

    from ...core.engine.preview import Preview
    from ...core.errors import Refused
    from ...core.journal.requests import PendingRequest
    from ...core.values import Value
    from ..app import ProcTui
    from ..live.feed import Tick
    from .arming import Typed
    from .facts import Facts, Outcome

DRAFT_SECONDS = 0.2
"""How long after a key what was typed is kept on the disk."""
EDITING_SECONDS = 20.0
"""How often it is said again that somebody edits."""
LOOK_SECONDS = 2.0
"""How often it is looked who else edits."""


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
        &.-over { border: round $line; border-title-color: $quiet; }
        &.-later CardBody { display: none; }
        & > .card--foot { margin-top: 1; }
    }
    .-ascii Card { border: ascii $wait; &:focus-within { border: ascii $accent; } }
    """

    def __init__(self, request: PendingRequest, *, whole: bool = False, batch: Sequence[PendingRequest] = ()) -> None:
        """`whole` gives it a body that scrolls and pinned buttons; `batch` is all that is answered at once."""
        super().__init__()
        self.whole: bool = whole
        self.add_class("-card")
        self.set_class(whole, "-whole")
        self.facts: Facts | None = None
        self.previews: tuple[Preview, ...] = ()
        self.outcome: Outcome | None = None
        """What became of the request; None while it waits."""
        self.field: Field | None = None
        self._after: Option | None = None
        """What a typed word decides."""
        self._shown_at: float = 0.0
        self._edits_at: float = 0.0
        self._looked_at: float = 0.0
        self._previewed: bool = False
        self._reading: bool = False
        """Whether it is being read what each answer leads to."""
        self._keeping: bool = False
        self._width: int = 0
        self.trigger: Trigger = Trigger(cast("Typed", self), self.look, self._burst)
        self.decider: Decider = Decider(lambda: self.proc, self._decided, self._refused)
        self._bind(request, batch)
        self._head: Block = Block(lambda width: head(self, width))
        self.body: CardBody = CardBody(self)
        self._foot: Block = Block(lambda width: foot(self, width))
        self._foot.add_class("card--foot")

    def _bind(self, request: PendingRequest, batch: Sequence[PendingRequest] = ()) -> None:
        """Is about a request from now on."""
        self.request: PendingRequest = request
        self.together: tuple[PendingRequest, ...] = tuple(batch) or (request,)
        self.event = request.event
        self.options: tuple[Option, ...] = options_of(request)
        artifact = self.event.data.get("artifact")
        kind = self.event.data.get("artifact_type")
        self.text: Text | None = None if artifact is None else text_of(artifact, kind if isinstance(kind, str) else "")
        """What is to be decided about; None where there is no artifact."""
        self.edited: Text | None = None
        self.edit_error: str = ""
        self.note: str = ""

    # ---- for those who show it

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being counted or read: for tests."""
        return not self.trigger.arming and not self._reading

    @property
    def is_idle(self) -> bool:
        """Whether the focus is elsewhere."""
        return not self.has_focus_within

    def place(self) -> tuple[int, int]:
        """Which of how many waiting requests it is."""
        asked = [request.id for request in self.proc.workspace.requests]
        return (asked.index(self.request.id) + 1 if self.request.id in asked else 0, len(asked))

    def clock(self, now: float) -> None:
        """A second has passed."""
        if self.field is not None and self.field.purpose == "artifact" and now - self._edits_at >= EDITING_SECONDS:
            self._say_editing(True)
        elif now - self._looked_at >= LOOK_SECONDS and self.display and self.outcome is None:
            self._read()
        self.look()

    def take(self, request: PendingRequest, batch: Sequence[PendingRequest] = ()) -> None:
        """Shows another request, or what became of this one: counts anew when anything to be seen changed."""
        batch = tuple(batch) or (request,)
        if request == self.request and batch == self.together:
            return
        before = self.request
        same = (before.id, before.attempt, before.digest, before.data) == (
            request.id, request.attempt, request.digest, request.data,
        ) and [item.id for item in batch] == [item.id for item in self.together]  # fmt: skip
        if same:
            self.request, self.together = request, batch
            self._read()
            self.look()
            return
        self._leave_field()
        self._bind(request, batch)
        self.decider.over()
        self.facts, self.previews, self.outcome, self._previewed = None, (), None, False
        self.set_class(False, "-over")
        self._begin()
        self.body.rebuild()
        self.arm()

    def arm(self) -> None:
        """Counts anew before keys act."""
        if self.outcome is None and self.has_focus_within and self.decider.now is None:
            self._shown_at = self.proc.now()
            self.trigger.arm()
        else:
            self.trigger.disarm()

    # ---- being shown

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._head
        yield self.body
        yield self._foot

    def on_mount(self) -> None:
        """It is about to be painted."""
        self.proc.ticks.subscribe(self, self._ticked)
        self._begin()
        self.body.rebuild()
        self.look()
        self.set_interval(0.25, self._count)

    def _begin(self) -> None:
        draft = self.proc.memory.draft(self._draft_key)
        if draft is not None:
            self.note = draft.note
            if draft.text and self.text is not None:
                self._edit(draft.text)
        self._read(colours=True)

    def look(self) -> None:
        """Draws what changed."""
        if not self.is_attached:
            return
        self.border_title = title(self)  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.border_subtitle = left(self, self.proc.now())  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.set_class(self.outcome is not None, "-over")
        self.set_class(
            self.proc.memory.is_later(self.request.id, self.request.attempt, self.proc.now()) and not self.whole,
            "-later",
        )
        self._head.look()
        self._foot.look()

    def _read(self, *, colours: bool = False) -> None:
        """Reads what is known besides, in a thread."""
        request, operator, text = self.request, self.proc.operator, self.text
        self._looked_at = self.proc.now()

        async def reading() -> None:
            try:
                facts = await asyncio.to_thread(read_facts, operator, request)
            except ProcError:
                return
            if request.id == self.request.id and self.is_attached:
                changed, self.facts = facts != self.facts, facts
                if colours and text is not None and text is self.text and text.kind:
                    self.text = await asyncio.to_thread(coloured, text)
                    changed = True
                if changed:
                    self.body.rebuild()
                    self.look()

        self.run_worker(reading(), exit_on_error=False, group="read", name="card")

    def _preview(self) -> None:
        """Reads what each answer leads to, once, when somebody is about to decide."""
        if self._previewed or self.outcome is not None:
            return
        self._previewed = self._reading = True
        request, operator = self.request, self.proc.operator

        async def reading() -> None:
            try:
                found = await asyncio.to_thread(read_preview, operator, request)
            finally:
                self._reading = False
            if request.id == self.request.id and self.is_attached:
                self.previews = found
                self.look()

        self.run_worker(reading(), exit_on_error=False, group="read", name="preview")

    def _ticked(self, tick: Tick) -> None:
        asked = {request.id: request for request in tick.view.requests}
        found = asked.get(self.request.id)
        if found is not None:
            self.take(found, [asked[item.id] for item in self.together if item.id in asked])
        elif self.outcome is None:
            self._settle()

    def _settle(self) -> None:
        """The request waits no more: says why."""
        request, operator, mine = self.request, self.proc.operator, self.decider.now
        self.trigger.disarm()

        def found(outcome: Outcome | None) -> None:
            if outcome is None or request.id != self.request.id:
                return
            if mine is None and outcome.by != operator.user and self.outcome is None:
                self.proc.say(f"{request.message[:60]}: {outcome.text}")
            self.outcome = outcome
            self.decider.over()
            self.proc.memory.drop_draft(self._draft_key)
            if self.is_attached:
                self._leave_field()
                self.look()

        self.proc.act(lambda: read_outcome(operator, request.id), found)

    def _count(self) -> None:
        if self.decider.now is not None:
            self._foot.look()

    # ---- when keys act

    def on_focus(self) -> None:
        """The focus came in."""
        self.arm()
        self._preview()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The focus came to the body, or to a field, where no key decides."""
        if event.widget is self.field:
            self.trigger.disarm()
        else:
            self.arm()
            self._preview()

    def on_blur(self) -> None:
        """The focus went."""
        self.call_next(self._check_focus)

    def on_descendant_blur(self) -> None:
        """The focus went, or to another part."""
        self.call_next(self._check_focus)

    def _check_focus(self) -> None:
        if not self.has_focus_within:
            self.trigger.disarm()

    def on_resize(self, event: events.Resize) -> None:
        """Lines break elsewhere. What was added below them by the card itself counts for nothing."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.arm()

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
        if self.request.undoable(self.proc.now()) and self.decider.now is None:
            return f"{self.request.decided_by} is deciding this"
        if self.edit_error:
            return f"the edited artifact is not YAML: {self.edit_error}"
        return ""

    # ---- deciding

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As in the base class: only keys that this request has are shown and act."""
        if action == "answer":
            return any(option.key == parameters[0] for option in self.options)
        if action in ("edit_artifact", "editor"):
            return self.request.type == "review" and self.text is not None
        if action == "undo":
            return self.decider.now is not None
        return True

    def action_answer(self, key: str) -> None:
        """Gives the answer of a key, if the card was seen."""
        option = next((option for option in self.options if option.key == key), None)
        if option is not None and self.trigger.armed and self.field is None:
            self.choose(option)

    def choose(self, option: Option) -> None:
        """Gives an answer, or asks for the word that confirms it."""
        if self.decider.now is not None:
            return
        if reason := self.why_not():
            self.proc.say(reason, "warning")
            self.arm()
        elif option.agrees and isinstance(self.event.data.get("confirm"), str):
            self._after = option
            self._open(Field("confirm", typed=True))
        else:
            self._decide(option.label, self._given(option))

    def _given(self, option: Option | None, *, text: str | None = None, typed: str | None = None) -> Given:
        note = self.note.strip() or None
        match self.request.type:
            case "approval":
                return Given(approved=option is not None and option.agrees, feedback=note, typed=typed)
            case "review":
                label = option.label if option is not None else None
                return Given(decision=label, feedback=note, artifact=self._returned(), typed=typed)
            case "input":
                return Given(text=text, typed=typed)
            case _:
                return Given(note=text, typed=typed)

    def _returned(self) -> Value:
        if self.edited is None:
            return None
        return self.edited.source if self.edited.is_text else of_yaml(self.edited.source)

    def _decide(self, label: str, given: Given) -> None:
        self.trigger.disarm()
        answers = [
            (
                request,
                Given(
                    approved=given.approved, text=given.text, decision=given.decision, feedback=given.feedback,
                    artifact=given.artifact, note=given.note, typed=given.typed, digest=request.digest,
                    attempt=request.attempt, shown_at=self._shown_at,
                ),
            )
            for request in self.together
        ]  # fmt: skip
        self.decider.decide(label, answers, {"screen": "review" if self.whole else "card", "shown": self.body.shown()})

    def _decided(self) -> None:
        """An answer was given, taken or withdrawn."""
        if not self.is_attached:
            return
        if self.decider.now is None:
            self.arm()
        self.refresh_bindings()
        self.look()

    def _refused(self, error: Refused) -> None:
        """It shows something else by now, or wants somebody else."""
        self.proc.say(str(error), "error")
        request, operator = self.request, self.proc.operator
        self.proc.act(lambda: operator.request(request.id), self.take)
        if self.is_attached:
            self.body.rebuild()

    def action_undo(self) -> None:
        """Takes the answer back while it is not in effect."""
        if not self.decider.undo():
            self.proc.say("there is nothing to undo")

    # ---- writing

    def _open(self, field: Field) -> None:
        """Opens a field below the body, or in its place."""
        self._leave_field()
        self.field = field
        self.body.set_class(field.purpose == "artifact", "-away")
        if field.purpose == "artifact" and not self.whole:
            field.styles.height = 16
        self.mount(field, before=self._foot)
        self.trigger.disarm()
        field.focus()
        field.move_cursor(field.document.end if field.purpose != "artifact" else (0, 0))
        self.look()

    def _leave_field(self, *, focus: bool = False) -> None:
        field, self.field = self.field, None
        if field is None:
            return
        if field.purpose == "artifact":
            self._say_editing(False)
        self.body.set_class(False, "-away")
        field.remove()
        if focus:
            self.take_focus()
        self.body.rebuild()
        self.look()

    def take_focus(self) -> None:
        """To what takes it: the body where it scrolls."""
        (self.body.lines if self.whole and not self.body.is_empty else self).focus()

    def can_write(self) -> bool:
        """Whether a field may be opened now; says why not."""
        if self.decider.now is not None or not self.trigger.armed:
            return False
        if self.outcome is not None or (not self.whole and self.proc.at is not None):
            self.proc.say(self.why_not(), "warning")
            return False
        return True

    def action_comment(self) -> None:
        """Opens the field for a comment, or for the answer that is asked for."""
        if not self.can_write():
            return
        if self.request.type == "input":
            default = self.event.data.get("default")
            start = self.note or (default if isinstance(default, str) else "")
            self._open(Field("answer", start, lines=bool(self.event.data.get("multiline"))))
        elif self.request.type == "escalation":
            self._open(Field("resolution", self.note, lines=True))
        else:
            self._open(Field("comment", self.note, lines=True))

    def action_edit_artifact(self) -> None:
        """Opens the artifact for editing here."""
        if self.text is not None and self.can_write():
            self._open(Field("artifact", (self.edited or self.text).source))
            self._say_editing(True)

    def action_editor(self) -> None:
        """Opens the artifact in the person's editor."""
        if self.text is not None and self.can_write():
            from .outside import edit_outside

            text, request = self.text, self.request.id

            def done(source: str) -> None:
                self._say_editing(False)
                if self.request.id == request:
                    self._edit(source.removesuffix("\n") if not text.source.endswith("\n") else source)
                    self._keep_draft()
                    self.body.rebuild()
                    self.look()
                self.arm()

            self._say_editing(True)
            edit_outside(self.proc, (self.edited or text).source, ".txt" if text.is_text else ".yaml", done)

    def drop_edit(self) -> None:
        """Back to the artifact as it was proposed."""
        self.edited, self.edit_error = None, ""
        self._keep_draft()
        self.body.rebuild()
        self.arm()

    def _edit(self, source: str) -> None:
        """Takes an edited artifact, if it is one."""
        assert self.text is not None
        self.edit_error = ""
        if source == self.text.source:
            self.edited = None
            return
        self.edited = of_source(source, self.text.is_text, self.text.kind)
        if not self.text.is_text:
            try:
                of_yaml(source)
            except ValueError as error:
                self.edit_error = str(error)
        self.body.mode_after_edit()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keeps what is being typed, over everything but the loss of the disk."""
        event.stop()
        field = self.field
        if field is None or event.text_area is not field or field.purpose == "confirm":
            return
        if field.purpose == "artifact":
            self._edit(field.text)
        else:
            self.note = field.text
        if not self._keeping:
            self._keeping = True
            self.set_timer(DRAFT_SECONDS, self._keep_draft)

    def on_field_left(self, event: Field.Left) -> None:
        """Back to the card; what was typed is kept, and nothing is decided."""
        event.stop()
        self._keep_draft()
        self._leave_field(focus=True)

    def on_field_sent(self, event: Field.Sent) -> None:
        """What was typed is an answer, a comment, or the word that confirms."""
        event.stop()
        field, text = event.field, event.field.text
        if field is not self.field:
            return
        if not self.proc.keyboard.by_hand:
            self.proc.say("pasted: enter, pressed by hand, sends it")
            return
        match field.purpose:
            case "confirm":
                self._confirmed(text.strip())
            case "answer" | "resolution":
                if field.purpose == "resolution" and not text.strip():
                    self.proc.say("an escalation wants a note on how it was resolved", "warning")
                    return
                self._leave_field(focus=True)
                if reason := self.why_not():
                    self.proc.say(reason, "warning")
                elif isinstance(self.event.data.get("confirm"), str):
                    self._after = None
                    self._open(Field("confirm", typed=True))
                else:
                    self._decide("answer", self._given(None, text=text))
            case _:
                self._keep_draft()
                self._leave_field(focus=True)

    def _confirmed(self, word: str) -> None:
        if word != self.event.data.get("confirm"):
            self.proc.say("that is not the word; nothing was decided", "warning")
            return
        option = self._after
        self._leave_field(focus=True)
        if reason := self.why_not():
            self.proc.say(reason, "warning")
            return
        text = self.note if option is None else None
        self._decide(option.label if option is not None else "answer", self._given(option, text=text, typed=word))

    @property
    def _draft_key(self) -> str:
        return f"{self.request.id}:{self.request.digest}"

    def _keep_draft(self) -> None:
        self._keeping = False
        if self.outcome is not None or self.decider.now is not None:
            return
        draft = Draft(text=self.edited.source if self.edited is not None else "", note=self.note)
        self.proc.memory.keep_draft(self._draft_key, draft)

    def _say_editing(self, on: bool) -> None:
        """Tells others that the artifact is being changed here, or is no more."""
        operator, request = self.proc.operator, self.request.id
        self._edits_at = self.proc.now()
        work: Callable[[], None] = (lambda: operator.edit(request)) if on else (lambda: operator.stop_editing(request))
        self.proc.act(work)

    # ---- looking

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
        self.look()

    def action_actions(self) -> None:
        """Every answer with what it leads to, and what else can be done."""
        from ..screens.card_actions import card_actions

        self._preview()
        self.proc.push_screen(card_actions(self))

    async def on_click(self, event: events.Click) -> None:
        """A click on a button of an armed card is its key; any other gives the focus."""
        if event.widget is self._foot and self.trigger.armed:
            from .card_words import button_rows

            offset = event.get_content_offset_capture(self._foot)
            rows, spans = button_rows(self, self._foot.size.width)
            top = len(foot(self, self._foot.size.width)) - len(rows) - 1
            for row, first, last, key in spans:
                if offset.y - top == row and first <= offset.x < last:
                    event.stop()
                    self.action_comment() if key == "c" else self.action_answer(key)
                    return
        if not self.has_focus_within:
            self.take_focus()
