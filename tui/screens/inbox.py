"""The Inbox: every pending request of every run, nearest deadline first, and the selected one as a card.

Belongs here: the order, marks, and which request the card is about. Never: how a request is answered (the card).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import Static

from .. import keys
from ..screen_safety import safe_line
from ..widgets.card import Card
from ..widgets.footer import Footer
from ..widgets.header import Header
from ..widgets.lines import Lines, beside
from ..words import age, several
from .screen import ProcScreen

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from ...core.journal.requests import PendingRequest
    from ..live.feed import Tick

SOON = 600.0
"""Seconds before its deadline from which on a request is shown in red."""


class RequestList(Lines):
    """The requests, those that were put off last."""

    LAYER: ClassVar[str] = "inbox"
    BINDINGS = keys.bindings("inbox")

    def __init__(self) -> None:
        super().__init__()
        self._all: tuple[PendingRequest, ...] = ()
        self.requests: tuple[PendingRequest, ...] = ()
        """In the order in which they are shown."""
        self.marked: frozenset[str] = frozenset()
        self._first_later: int = 0

    def show(self, requests: tuple[PendingRequest, ...] | None = None) -> None:
        """Shows what waits; without requests the same, of which some may be due again."""
        requests = self._all if requests is None else requests
        self._all = requests
        memory, now = self.proc.memory, self.proc.now()
        off = [request for request in requests if memory.is_later(request.id, request.attempt, now)]
        self.requests = (*(request for request in requests if request not in off), *off)
        self._first_later = len(requests) - len(off)
        self.marked &= {request.id for request in requests}
        self.update()

    @property
    def selected(self) -> PendingRequest | None:
        """The request under the cursor."""
        return self.requests[self.cursor] if self.cursor < len(self.requests) else None

    def together(self) -> tuple[PendingRequest, ...]:
        """The marked requests, when the cursor is on one of them; else the one under the cursor."""
        selected = self.selected
        if selected is None:
            return ()
        marked = tuple(request for request in self.requests if request.id in self.marked)
        return marked if selected.id in self.marked else (selected,)

    def total(self) -> int:
        """As in the base class."""
        return len(self.requests)

    def key_of(self, index: int) -> str | None:
        """As in the base class."""
        return self.requests[index].id if index < len(self.requests) else None

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        request, now = self.requests[index], self.proc.now()
        here = self.glyphs.here if index == self.cursor else " "
        mark = self.glyphs.done if request.id in self.marked else self.glyphs.waits
        left = Content.assemble(
            (here, "$wait"), (f"{mark} ", "$good" if request.id in self.marked else "$wait"),
            safe_line(request.procedure, "b $strong"), (f" {request.run[:4]} ", "$quiet"),
            safe_line(request.message, "$quiet" if index >= self._first_later else ""),
        )  # fmt: skip
        if index >= self._first_later:
            due = ("  later", "$quiet")
        elif request.undoable(now):
            due = ("  deciding", "$quiet")
        elif request.deadline is None:
            due = ("", "")
        else:
            left_ = request.deadline - now
            due = (f"  {age(left_)} left", "$bad" if left_ < SOON else "$wait")
        return beside(left, Content.assemble((age(now - request.created_at), "$quiet"), due, " "), width)

    def action_mark(self) -> None:
        """Marks the request, so that all that are marked are answered at once."""
        selected = self.selected
        if selected is None:
            return
        if selected.id in self.marked:
            self.marked -= {selected.id}
        elif reason := self._why_not(selected):
            self.proc.say(reason, "warning")
            return
        else:
            self.marked |= {selected.id}
        self.redraw()
        self.post_message(self.Moved(self))

    def _why_not(self, request: PendingRequest) -> str:
        if isinstance(request.event.data.get("confirm"), str):
            return "what is dangerous is answered one by one"
        if request.type not in ("approval", "review"):
            return "questions are answered one by one"
        others = [other for other in self.requests if other.id in self.marked]
        if others and _alike(others[0]) != _alike(request):
            return "only requests of the same point that show the same can be answered at once"
        return ""

    def action_review(self) -> None:
        """With all the room there is."""
        from .review import ReviewScreen

        batch = self.together()
        if self.selected is not None:
            self.proc.push_screen(ReviewScreen(self.selected, batch=batch, queue=True))

    def action_later(self) -> None:
        """Puts it off, or takes that back."""
        request = self.selected
        if request is not None:
            self.proc.memory.put_off(request.id, request.attempt, request.deadline, self.proc.now())
            self.show()

    def action_go(self) -> None:
        """To the run."""
        if self.selected is not None and self.screen.is_current:
            run = self.selected.run
            self.proc.pop_screen()
            self.proc.go_to_run(run)


def _alike(request: PendingRequest) -> tuple[object, ...]:
    return (request.procedure, request.type, request.point, request.point or request.message, request.digest)


class InboxScreen(ProcScreen[None]):
    """The queue and a card."""

    LAYER: ClassVar[str] = "queue"
    BINDINGS = keys.bindings("queue")
    CSS_PATH = "inbox.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._list: RequestList = RequestList()
        self._card: Card | None = None

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header("Inbox")
        with Horizontal(id="inbox"):
            with Container(id="queue"):
                yield self._list
            yield Container(id="preview")
        yield Static("", id="empty", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """The queue takes the focus."""
        self.query_one("#empty", Static).update(
            Content.assemble(
                ("Nothing waits for you.", "b $strong"), "\n\n",
                ("Requests of all runs come here, the nearest deadline first.   ", "$quiet"), ("q", "b $accent"),
                (" back", "$quiet"),
            )
        )  # fmt: skip
        self._list.focus()

    def show(self, tick: Tick) -> None:
        """As in the base class."""
        super().show(tick)
        self._list.show(tick.view.requests)
        number = len(tick.view.requests)
        self.set_class(number == 0, "-none")
        self._titles()
        if self._card is None or self._card.outcome is None or not self._card.has_focus_within:
            self._choose()
        if not number and self.focused is not self._list:
            self._list.focus()

    def _titles(self) -> None:
        queue = self.query_one("#queue")
        queue.border_title = f"{several(self._list.total(), 'request')}"
        marked = len(self._list.marked)
        queue.border_subtitle = f"{marked} marked: answered at once" if marked > 1 else ""

    def clock(self, now: float) -> None:
        """As in the base class."""
        self._list.show()
        if self._card is not None:
            self._card.clock(now)

    def _choose(self) -> None:
        """The card is about the selected request."""
        selected, batch = self._list.selected, self._list.together()
        if selected is None:
            if self._card is not None:
                self._card.remove()
                self._card = None
            return
        if self._card is None:
            self._card = Card(selected, whole=True, batch=batch)
            self.query_one("#preview").mount(self._card)
        elif self._card.is_mounted and self._card.decider.now is None:
            self._card.take(selected, batch)

    def on_lines_moved(self, message: Lines.Moved) -> None:
        """Another request."""
        if message.lines is self._list:
            self._titles()
            self._choose()

    def on_lines_opened(self, message: Lines.Opened) -> None:
        """To the card, or where there is no room for it, to the review."""
        if message.lines is self._list:
            self.action_card()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Other keys act."""
        self.notice_keys()

    # ---- keys

    def action_card(self) -> None:
        """From the list to the card, and back."""
        if self.has_class("-narrow"):
            self._list.action_review()
        elif self._card is not None and not self._card.has_focus_within:
            self._card.take_focus()
        else:
            self._list.focus()

    def action_list(self) -> None:
        """Back to the list."""
        self._list.focus()

    def action_next_request(self) -> None:
        """The next one."""
        self._list.action_down()

    def action_previous_request(self) -> None:
        """The one before."""
        self._list.action_up()
