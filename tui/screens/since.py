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
from ..usage import spent_since
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
"""Lines of a kind."""


def is_news(found: Since) -> bool:
    """Whether anything happened that is worth a panel."""
    return bool(found.completed or found.failed or found.cancelled or found.decided or found.alerts or found.asked)


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

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield Static(self._content(), markup=False)

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

    def _content(self) -> Content:
        found, signs = self._found, self._signs
        waiting = [
            Content.assemble(
                safe_line(item.run.procedure, "b"), f" {item.run.id[:4]}  ", safe_line(item.request.message)
            )
            for item in found.waiting
        ]
        parts = [
            *_part(signs.failed, "$bad", several(len(found.failed), "run failed", "runs failed"), self._failures()),
            *_part(signs.waits, "$wait", f"{several(len(waiting), 'request')} waiting for you now", waiting),
            *_part(signs.pending, "$accent", f"{len(found.decided)} decided", list(map(_decision, found.decided))),
            *_part(signs.done, "$good", f"{len(found.completed)} completed", _runs(found.completed)),
            *_part(signs.cancelled, "$quiet", f"{len(found.cancelled)} cancelled", _runs(found.cancelled)),
            *_part(
                signs.blocked, "$bad", several(len(found.alerts), "alert"),
                [Content.assemble((f"{item.level} ", "$quiet"), safe_line(item.message)) for item in found.alerts],
            ),
        ]  # fmt: skip
        said = [f"{several(len(found.started), 'run')} started", f"{several(len(found.asked), 'request')} asked"]
        tokens = found.spent.tokens_in + found.spent.tokens_out
        if tokens or found.spent.unpriced:
            said.append(f"{tokens:,} tokens, {price(spent_since(found.spent).cost, found.spent.unpriced)}")
        last = Content.styled(f"{' · '.join(said)} since {moment(found.since)}", "$quiet")
        return Content("\n").join([*parts, last])

    def _failures(self) -> list[Content]:
        return [
            Content.assemble(
                safe_line(run.procedure, "b"), f" {run.id[:4]}  ", safe_line((run.error or "").split("\n")[0], "$quiet")
            )
            for run in self._found.failed
        ]


def _part(sign: str, style: str, title: str, lines: Sequence[Content]) -> list[Content]:
    if not lines:
        return []
    more = [Content.styled(f"    … {len(lines) - MOST:,} more", "$quiet")] if len(lines) > MOST else []
    shown = [Content.assemble("    ", line).truncate(78, ellipsis=True) for line in lines[:MOST]]
    return [Content.assemble((f"{sign} ", style), (title, "b")), *shown, *more, Content("")]


def _runs(found: Sequence[Run]) -> list[Content]:
    return [Content.assemble(safe_line(run.procedure, "b"), f" {run.id[:4]}") for run in found]


def _decision(item: Decision) -> Content:
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
        safe_line(item.procedure, "b"),
        f" {request.run[:4]}  ",
        safe_line(request.message),
        ": ",
        safe_line(what, "$quiet"),
    )
