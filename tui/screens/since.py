"""What happened since somebody last had the workspace before their eyes; any key closes it.

Belongs here: the panel. Never: finding out (`Operator.since`), or when that was (`memory.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from ...core.model.states import RequestStatus
from ..conversation import answer_text
from ..readable import brief
from ..screen_safety import safe_line
from ..words import age, moment, price, several
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from ...core.journal.listing import Decision, Since
    from ...core.journal.runs import Run
    from ..glyphs import Glyphs

MOST = 4
"""Lines of a kind, where there is room for so many."""


def is_news(found: Since) -> bool:
    """Whether anything happened that is worth a panel."""
    return bool(found.completed or found.failed or found.cancelled or found.decided or found.alerts or found.asked)


def is_overdue(found: Since) -> bool:
    """Whether a request waits whose deadline has passed: nobody drove its run meanwhile, and somebody is about to."""
    return any(item.request.deadline is not None and item.request.deadline < found.until for item in found.waiting)


class SinceScreen(ProcDialog[None]):
    """The panel."""

    LAYER: ClassVar[str] = "since"
    DEFAULT_CSS = """
    SinceScreen > Container {
        width: 84; max-width: 96%; height: auto; max-height: 94%; background: $surface; border: round $accent;
        border-title-color: $accent; border-subtitle-color: $quiet; padding: 1 2;
    }
    SinceScreen Static { width: 1fr; height: auto; }
    """

    def __init__(self, found: Since, glyphs: Glyphs) -> None:
        super().__init__()
        self._found: Since = found
        self._signs: Glyphs = glyphs
        self._body: Static = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield self._body

    def on_resize(self) -> None:
        """Says as much as there is room for, the counts in any case."""
        width, height = min(84, self.size.width * 96 // 100) - 6, self.size.height * 94 // 100 - 4
        tries = (self._lines(width, most, gaps=most > 1) for most in range(MOST, 0, -1))
        lines = next((lines for lines in tries if len(lines) <= height), self._lines(width, 0, gaps=False))
        self._body.update(Content("\n").join(lines[: max(1, height)]))

    def on_mount(self) -> None:
        """Says since when."""
        box, found = self.query_one(Container), self._found
        box.border_title = f"Since you left, {age(found.until - found.since)} ago"
        box.border_subtitle = "any key"

    def on_key(self, event: events.Key) -> None:
        """Closes it, and does nothing else: what was typed ahead decides nothing."""
        event.stop()
        event.prevent_default()
        self.dismiss(None)

    def on_click(self) -> None:
        """Closes it."""
        self.dismiss(None)

    def _lines(self, width: int, most: int, *, gaps: bool) -> list[Content]:
        found, signs = self._found, self._signs
        waiting = [
            Content.assemble(
                safe_line(item.run.procedure, "b"), f" {item.run.id[:4]}  ", safe_line(item.request.message)
            )
            for item in found.waiting
        ]
        alerts = [Content.assemble((f"{item.level} ", "$quiet"), safe_line(item.message)) for item in found.alerts]
        pending = several(max(found.pending, len(waiting)), "request")
        parts = (
            (signs.failed, "$bad", several(len(found.failed), "run failed", "runs failed"), self._failures()),
            (signs.waits, "$wait", f"{pending} waiting for you now", waiting),
            (signs.pending, "$accent", f"{len(found.decided)} decided", list(map(self._decision, found.decided))),
            (signs.done, "$good", f"{len(found.completed)} completed", _runs(found.completed)),
            (signs.cancelled, "$quiet", f"{len(found.cancelled)} cancelled", _runs(found.cancelled)),
            (signs.blocked, "$bad", several(len(found.alerts), "alert"), alerts),
        )
        lines: list[Content] = []
        for sign, style, title, rows in parts:
            if not rows:
                continue
            lines.append(Content.assemble((f"{sign} ", style), (title, "b")))
            lines += [Content.assemble("    ", row).truncate(width, ellipsis=True) for row in rows[:most]]
            if most and len(rows) > most:
                lines.append(Content.styled(f"    {signs.more} {len(rows) - most:,} more", "$quiet"))
            if gaps:
                lines.append(Content(""))
        said = [f"{several(len(found.started), 'run')} started", f"{several(len(found.asked), 'request')} asked"]
        tokens = found.spent.tokens_in + found.spent.tokens_out
        if tokens or found.spent.unpriced:
            said.append(f"{tokens:,} tokens, {price(found.spent.cost, found.spent.unpriced)}")
        last = f"{f' {signs.dot} '.join(said)} since {moment(found.since)}"
        return [*lines, Content.styled(last, "$quiet").truncate(width, ellipsis=True)]

    def _failures(self) -> list[Content]:
        return [
            Content.assemble(
                safe_line(run.procedure, "b"), f" {run.id[:4]}  ", safe_line((run.error or "").split("\n")[0], "$quiet")
            )
            for run in self._found.failed
        ]

    def _decision(self, item: Decision) -> Content:
        request = item.request
        match request.status:
            case RequestStatus.ANSWERED:
                answer = brief(answer_text(item.answer.answer) or "", 40) if item.answer is not None else ""
                what = f"{answer}, by {request.resolved_by or 'somebody'}"
            case RequestStatus.TIMED_OUT:
                what = "nobody answered in time"
            case _:
                what = f"withdrawn by {request.resolved_by or 'the run'}"
        return Content.assemble(
            safe_line(item.procedure, "b"), f" {request.run[:4]}  ", safe_line(request.message),
            (f" {self._signs.arrow} ", "$quiet"), safe_line(what, "$quiet"),
        )  # fmt: skip


def _runs(found: Sequence[Run]) -> list[Content]:
    return [Content.assemble(safe_line(run.procedure, "b"), f" {run.id[:4]}") for run in found]
