"""A request as a card, where it is answered. (A stand-in: approvals and reviews by their keys, without drafts or undo.)

Belongs here: how a request looks and which key gives which answer. Never: whether an answer fits (the operator says so).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.widget import Widget

from ...core.operator import Given
from .. import keys
from ..readable import readable
from ..screen_safety import safe, safe_line
from ..words import age, clock

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest
    from ..app import ProcTui

ARM_SECONDS = 0.35
LETTERS = "sptmb"


class Card(Widget, can_focus=True, inherit_bindings=False):
    """One pending request."""

    LAYER: ClassVar[str] = "card"
    BINDINGS = keys.bindings("card")
    DEFAULT_CSS = """
    Card {
        height: auto; width: 1fr; border: round $wait; border-title-color: $wait; border-subtitle-color: $wait;
        border-subtitle-align: right; padding: 0 1; background: $card; margin-top: 1;
        &:focus { border: heavy $wait; }
    }
    .-ascii Card { border: ascii $wait; }
    """

    def __init__(self, request: PendingRequest, *, whole: bool = False) -> None:
        super().__init__()
        self.request: PendingRequest = request
        self._whole: bool = whole
        self._armed: bool = False

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def is_settled(self) -> bool:
        """Whether keys act."""
        return self._armed

    def on_mount(self) -> None:
        """Keys act a moment after the card was painted."""
        self.border_title = Content.assemble(f"{self.proc.glyphs.waits} ", safe_line(self.request.type.capitalize()))  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.clock(self.proc.now())
        self.arm()

    def arm(self) -> None:
        """Counts anew before keys act."""
        self._armed = False
        self.refresh()
        self.call_after_refresh(self.set_timer, ARM_SECONDS, self._arm)

    def _arm(self) -> None:
        self._armed = True
        self.refresh()

    def clock(self, now: float) -> None:
        """The time left, in words."""
        deadline = self.request.deadline
        left = f"times out in {clock(deadline - now) if deadline - now < 600 else age(deadline - now)}" if deadline is not None else ""
        if left != getattr(self, "_left", None):
            self._left = left
            self.border_subtitle = Content(left)  # pyright: ignore[reportAttributeAccessIssue] - takes content

    def options(self) -> dict[str, str]:
        """The labels by their keys."""
        if self.request.type == "approval":
            return {"a": "Approve", "r": "Reject"}
        options = self.request.event.data.get("options")
        labels = [str(row.get("label")) for row in options if isinstance(row, dict)] if isinstance(options, list) else []
        found: dict[str, str] = {}
        free = [letter for letter in LETTERS if all(letter != label[:1].casefold() for label in labels)] + list(LETTERS)
        for label in labels:
            first = label.casefold()
            key = "a" if first.startswith("approve") else "r" if first.startswith("reject") else label[:1].casefold()
            if key not in (*LETTERS, "a", "r") or key in found or (key in "ar" and not first.startswith(("approve", "reject"))):
                key = next((letter for letter in free if letter not in found), "")
            if key:
                found[key] = label
        return found

    def render(self) -> Content:
        """As in the base class."""
        request = self.request
        bar = Content.styled(f"{self.proc.glyphs.bar} ", "$quiet")
        parts: list[Content] = [safe_line(request.message, "b $strong")]
        data = request.event.data
        for name in ("context", "artifact"):
            if data.get(name) is not None:
                lines = safe(readable(data[name])).split("\n")
                shown = lines if self._whole else lines[:12]
                parts += [Content(""), Content.styled(name, "$quiet"), *(Content.assemble(bar, line) for line in shown)]
                if len(lines) > len(shown):
                    parts.append(Content.styled(f"{self.proc.glyphs.more} {len(lines) - len(shown)} more lines, v shows all", "$quiet"))
        buttons: list[Content] = []
        for key, label in self.options().items():
            colour = "$good" if key == "a" else "$bad" if key == "r" else "$agent"
            style = f"b $on-wait on {colour}" if self._armed else "$quiet on $line"
            buttons.append(Content.assemble((f" {key} ", style), safe_line(label, style), (" ", style)))
        if not buttons:
            buttons.append(Content.styled("answering this kind is not there yet: proc-tui answer", "$quiet"))
        state = "" if self._armed else "   arming…"
        parts += [Content(""), Content("  ").join(buttons) + Content.styled(state, "$quiet")]
        return Content("\n").join(parts)

    def action_answer(self, key: str) -> None:
        """Gives the answer of a key."""
        label = self.options().get(key)
        if label is None or not self._armed:
            return
        view = self.proc.tick.run if self.proc.tick is not None else None
        if view is not None and not view.live:
            self.proc.say("this is the past: F goes to the present, where it can be answered", "warning")
            return
        request, operator = self.request, self.proc.operator
        approved = key == "a" if request.type == "approval" else None
        given = Given(approved=approved, decision=None if approved is not None else label, digest=request.digest, attempt=request.attempt)
        self._armed = False
        self.proc.act(lambda: operator.answer(request.id, given, via="interface"))

    def action_review(self) -> None:
        """The request with all the room there is."""
        from ..screens.review import ReviewScreen

        if not self._whole:
            self.proc.push_screen(ReviewScreen(self.request))

    def _not_yet(self) -> None:
        self.proc.say("not there yet")

    action_comment = action_edit_artifact = action_editor = action_later = action_undo = _not_yet
