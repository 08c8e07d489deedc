"""The inbox: every pending request of every run, nearest deadline first. (A stand-in: it lists and opens.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container
from textual.content import Content

from .. import keys
from ..screen_safety import safe_line
from ..widgets.footer import Footer
from ..widgets.header import Header
from ..widgets.lines import Lines, beside
from ..words import age
from .screen import ProcScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ...core.journal.requests import PendingRequest
    from ..live.feed import Tick


class RequestList(Lines):
    """The requests."""

    LAYER: ClassVar[str] = "inbox"
    BINDINGS = keys.bindings("inbox")

    def __init__(self) -> None:
        super().__init__()
        self.requests: tuple[PendingRequest, ...] = ()
        self.procedures: dict[str, str] = {}

    def total(self) -> int:
        """As in the base class."""
        return len(self.requests)

    def key_of(self, index: int) -> str | None:
        """As in the base class."""
        return self.requests[index].id if index < len(self.requests) else None

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        request, now = self.requests[index], self.proc.now()
        left = Content.assemble(
            (f"{self.glyphs.waits} ", "$wait"), safe_line(self.procedures.get(request.run, ""), "b $strong"),
            (f" {request.run[:4]} {request.type}  ", "$quiet"), safe_line(request.message),
        )  # fmt: skip
        due = f"  {age(request.deadline - now)} left" if request.deadline is not None else ""
        return beside(left, Content.assemble((age(now - request.created_at), "$quiet"), (due, "$wait")), width)

    def action_mark(self) -> None:
        """Not there yet."""
        self.proc.say("marking is not there yet")


class InboxScreen(ProcScreen[None]):
    """The queue."""

    LAYER: ClassVar[str] = ""
    DEFAULT_CSS = "InboxScreen #queue { border: round $accent; border-title-color: $accent; padding: 0 1; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._list: RequestList = RequestList()

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield Header("Inbox")
        with Container(id="queue"):
            yield self._list
        yield Footer()

    def on_mount(self) -> None:
        """The queue takes the focus."""
        self._list.focus()

    def show(self, tick: Tick) -> None:
        """As in the base class."""
        super().show(tick)
        self._list.requests = tick.view.requests
        found = {request.run: tick.view.find(request.run) for request in tick.view.requests}
        self._list.procedures = {run: entry.run.procedure for run, entry in found.items() if entry is not None}
        number = len(tick.view.requests)
        self.query_one("#queue").border_title = f"{number} waiting for you" if number else "nothing waits for you"
        self._list.update()

    def clock(self, now: float) -> None:
        """As in the base class."""
        self._list.update()

    def on_lines_opened(self, message: Lines.Opened) -> None:
        """Opens the request as a review."""
        from .review import ReviewScreen

        self.proc.push_screen(ReviewScreen(self._list.requests[self._list.cursor]))
