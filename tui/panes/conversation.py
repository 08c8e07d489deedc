"""What was said in a run, whoever said it, and its requests as cards. (A stand-in: messages are not virtual yet, replies
do not stream, and the composer sends plain messages.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from .. import keys
from ..conversation import messages
from ..screen_safety import safe, safe_line
from ..widgets.card import Card
from ..widgets.failure_card import FailureCard
from ..words import several
from .pane import Pane

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from ..live.reader import RunReader, RunView
    from ..shapes import MessageShape

SHOWN = 60
"""Messages that are mounted: the newest."""


class Flow(VerticalScroll, can_focus=True, inherit_bindings=False):
    """The messages and cards."""

    LAYER: ClassVar[str] = "conversation"
    BINDINGS = [*keys.bindings("conversation"), *keys.bindings("lines")]
    DEFAULT_CSS = """
    Flow { width: 1fr; height: 1fr; scrollbar-size-vertical: 1; }
    Flow Static { width: 1fr; height: auto; }
    """

    def _move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_down(self) -> None:
        """A line down."""
        self._move(1)

    def action_up(self) -> None:
        """A line up."""
        self._move(-1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._move(self.size.height // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._move(-self.size.height // 2)

    action_page_down, action_page_up = action_half_down, action_half_up

    def action_first(self) -> None:
        """The beginning."""
        self._move(-(10**9))

    def action_last(self) -> None:
        """The end."""
        self._move(10**9)


class Composer(Input):
    """One line to the run."""

    LAYER: ClassVar[str] = "text"
    DEFAULT_CSS = """
    Composer { border: none; height: 1; padding: 0; background: transparent; &:focus { border: none; background-tint: $foreground 0%; } }
    """

    async def on_key(self, event: events.Key) -> None:
        """Esc leaves the field, with what was written in it."""
        if event.key == "escape":
            event.stop()
            pane = self.screen.query_one(ConversationPane)
            pane.focus_body()


class ConversationPane(Pane):
    """The conversation of a run."""

    NAME: ClassVar[str] = "conversation"
    body: ClassVar[str] = "Card, FailureCard, Flow"
    DEFAULT_CSS = "ConversationPane { layout: vertical; }"

    def __init__(self) -> None:
        super().__init__()
        self._text: Static = Static("", markup=False)
        self._flow: Flow = Flow()
        self._composer: Composer = Composer(placeholder="i types to the run", compact=True, select_on_focus=False)
        self._composer.can_focus = False
        self._cards: dict[str, Card] = {}
        self._failure: FailureCard | None = None

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with self._flow:
            yield self._text
        yield self._composer

    def reset(self) -> None:
        """As in the base class."""
        for card in self._cards.values():
            card.remove()
        self._cards = {}
        if self._failure is not None:
            self._failure.remove()
            self._failure = None

    def show(self, view: RunView, before: RunView | None) -> None:
        """As in the base class."""
        wanted = {request.id: request for request in view.requests}
        for name in [name for name in self._cards if name not in wanted]:
            had = self._cards[name].has_focus
            self._cards.pop(name).remove()
            if had:
                self.call_after_refresh(self.focus_body)
        for name, request in wanted.items():
            if name not in self._cards:
                self._cards[name] = Card(request)
                self._flow.mount(self._cards[name])
        failed = view.ending is not None and view.ending.status == "FAILED"
        if failed and self._failure is None and view.ending is not None:
            self._failure = FailureCard(view.ending)
            self._flow.mount(self._failure)
        elif not failed and self._failure is not None:
            self._failure.remove()
            self._failure = None
        self._composer.display = view.live and not view.run.status.ended
        if before is None or before.seq != view.seq:

            def reading(reader: RunReader) -> list[MessageShape]:
                return messages(reader.records(view))

            self.read(reading, self._read)

    def _read(self, found: list[MessageShape]) -> None:
        shown = [one for one in found if not one.class_.startswith("PENDING") or one is found[-1]]
        shown = [one for one in shown if (one.content.strip() or one.calls) and (one.class_, one.role) != ("INTERNAL", "SYSTEM")]
        shown = shown[-SHOWN:]
        blocks = [self._block(one) for one in shown]
        at_end = self._flow.scroll_offset.y >= self._flow.max_scroll_y
        self._text.update(Content("\n\n").join(blocks))
        empty = not blocks and not self._cards and self._failure is None
        if empty:
            self._text.update(Content.styled("nothing was said in this run", "$quiet"))
        self.about(several(len(found), "message") if found else "")
        if at_end:
            self.call_after_refresh(self._flow.scroll_end, animate=False)

    def _block(self, one: MessageShape) -> Content:
        who = one.agent or {"USER": "you", "ASSISTANT": "run", "SYSTEM": "run"}.get(one.role, one.role.lower())
        style = "b $agent" if one.agent else "b $accent"
        kind = one.class_.lower().replace("_", " ")
        when = (one.at or "")[11:19]
        head = Content.assemble(safe_line(who, style), (f"  {kind}  {when}", "$quiet"))
        bar = Content.styled(f"{self.glyphs.bar} ", "$agent" if one.agent else "$quiet")
        lines = [Content.assemble(bar, line) for line in safe(one.content.rstrip()).split("\n")] if one.content.strip() else []
        calls = [
            Content.assemble(bar, (f"{self.glyphs.closed} ", "$quiet"), safe_line(f"{call.name} {call.arguments}"[:200], "$quiet"))
            for call in one.calls or []
        ]
        return Content("\n").join([head, *lines, *calls])

    def clock(self, now: float) -> None:
        """As in the base class."""
        for card in self._cards.values():
            card.clock(now)

    # ---- keys

    def action_type(self) -> None:
        """To the composer."""
        if self._composer.display:
            self._composer.can_focus = True
            self._composer.focus()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The field takes no focus by itself."""
        if event.widget is self._composer:
            self._composer.can_focus = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Sends the message."""
        view, text = self.view, event.value.strip()
        if view is not None and text:
            self._composer.value = ""
            self.proc.act(lambda: self.proc.operator.send(view.run, text), lambda _none: self.proc.say("sent"))
        self.focus_body()
