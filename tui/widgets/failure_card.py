"""Why a run failed, or what it waits for on this worker, and the ways on with what each costs.

It stands where the card of a request would. What costs something is behind `x`. Belongs here: how it looks. Never:
reading (`talk/failure.py`), or what the ways do (`screens/run_actions.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.widget import Widget

from ...core.errors import ProcError
from .. import keys
from ..clean import clip, visible
from ..screen_safety import safe, safe_line
from ..talk import failure
from ..talk.failure import Facts

if TYPE_CHECKING:
    from textual import events
    from textual.geometry import Size

    from ..app import ProcTui
    from ..live.reader import RunView

MOST_TRACE = 4
"""Lines of the trace that are shown; `y` copies all."""
MOST_MESSAGE = 12
MOST_LOOKED_AT = 5000
"""Characters that are laid out: more than there is room for."""


class FailureCard(Widget, can_focus=True, inherit_bindings=False):
    """A failed or a blocked run."""

    LAYER: ClassVar[str] = "failure"
    BINDINGS = keys.bindings("failure")
    DEFAULT_CSS = """
    FailureCard {
        height: auto; width: 1fr; border: round $bad; border-title-color: $bad; border-subtitle-color: $quiet;
        border-subtitle-align: right; padding: 0 1; margin-top: 1; background: $card;
        &:focus { border: heavy $bad; }
        &.-blocked { border: round $wait; border-title-color: $wait; &:focus { border: heavy $wait; } }
    }
    """

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self._view: RunView = view
        self._facts: Facts | None = None

    @staticmethod
    def kind(view: RunView) -> str:
        """`failed`, `blocked`, or nothing for a run that needs no such card."""
        if view.ending is not None and view.ending.status == "FAILED":
            return "failed"
        return "blocked" if view.live and view.run.status.value == "BLOCKED" else ""

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    @property
    def is_settled(self) -> bool:
        """Whether all that it says is known."""
        return self._facts is not None or self.kind(self._view) != "failed"

    def on_mount(self) -> None:
        """Reads what is known of it."""
        self._retitle()
        if self.kind(self._view) == "failed":
            self.run_worker(self._read(), exit_on_error=False, group="read")

    async def _read(self) -> None:
        try:
            self._facts = await asyncio.to_thread(failure.read, self.proc.operator, self._view.run, self._view.ending)
        except ProcError:
            self._facts = Facts()
        self.refresh(layout=True)

    def show(self, view: RunView) -> bool:
        """Another view of the same run; False when another card is needed."""
        same = (self.kind(view), view.attempt, view.at) == (self.kind(self._view), self._view.attempt, self._view.at)
        if same and view.run.error != self._view.run.error:
            self._view = view
            self.refresh(layout=True)
        return same

    def _retitle(self) -> None:
        glyphs, ending = self.proc.glyphs, self._view.ending
        if self.kind(self._view) == "blocked":
            self.add_class("-blocked")
            title = Content(f"{glyphs.blocked} Blocked")
        else:
            title = Content.assemble(f"{glyphs.failed} Failed  ", safe_line(ending.code if ending else ""))
        self.border_title = title  # pyright: ignore[reportAttributeAccessIssue] - takes content

    # ---- looks

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As in the base class."""
        return len(self._lines(max(10, width)))

    def render(self) -> Content:
        """As in the base class."""
        return Content("\n").join(self._lines(max(10, self.content_size.width)))

    def _lines(self, width: int) -> list[Content]:
        if self.kind(self._view) == "blocked":
            return self._blocked(width)
        ending = self._view.ending
        if ending is None:
            return []
        message = failure.stripped(ending).strip() or ending.code
        lines = _wrapped(safe(message[:MOST_LOOKED_AT], "b $strong"), width)
        if len(lines) > MOST_MESSAGE or len(message) > MOST_LOOKED_AT:
            lines = [*lines[:MOST_MESSAGE], Content.styled(f"{self.proc.glyphs.more} y copies all of it", "$quiet")]
        facts = self._facts
        if facts is not None and facts.source:
            lines += [Content(""), *self._source(facts, width)]
        if facts is not None and facts.cause:
            lines += [Content(""), Content.assemble(("caused by ", "$quiet"), safe_line(facts.cause))]
        if self._view.run.summary:
            lines += [Content(""), *_wrapped(safe(self._view.run.summary[:MOST_LOOKED_AT], ""), width)]
        lines += [Content(""), *self._ways(facts, width)]
        if ending.trace.strip():
            trace = safe(ending.trace[:MOST_LOOKED_AT].strip("\n"), "$quiet").split("\n")
            lines += [Content(""), *(line.truncate(width, ellipsis=True) for line in trace[:MOST_TRACE])]
            if len(trace) > MOST_TRACE:
                lines.append(Content.styled(f"{self.proc.glyphs.more} {len(trace) - MOST_TRACE} more lines", "$quiet"))
        return lines

    def _source(self, facts: Facts, width: int) -> list[Content]:
        digits = len(str(facts.source[-1][0]))
        found: list[Content] = []
        for number, text in facts.source:
            here = number == facts.line
            sign = self.proc.glyphs.here if here else self.proc.glyphs.bar
            style = "b $bad" if here else "$quiet"
            room = max(4, width - digits - 3)
            found.append(
                Content.assemble(
                    (f"{number:>{digits}} ", style),
                    (sign, style),
                    " ",
                    safe(clip(visible(text).expandtabs(4), room), "$strong" if here else "$quiet"),
                )
            )
        return found

    def _ways(self, facts: Facts | None, width: int) -> list[Content]:
        if not self._view.live:
            return [Content.styled("this is the past: F goes to the present, where it can be resumed", "$quiet")]
        rows: list[tuple[str, str, str]] = [("x r", "resume", facts.resuming if facts is not None else "")]
        rows.append(("E", "edit and resume", "what matches the record is not done again"))
        rows.append(("x f", "fork", "a new run; this one stays as it is"))
        rows.append(("q", "leave", "nothing is lost; it can be resumed any time"))
        size, most = max(len(word) for _, word, _ in rows), max(len(key) for key, _, _ in rows)
        found: list[Content] = []
        for key, word, hint in rows:
            first = Content.assemble((f"{key:<{most}}", "b $accent"), f" {word:<{size}}  ")
            lines = _wrapped(safe_line(hint, "$quiet"), max(10, width - first.cell_length))
            found += [
                Content.assemble(Content(" " * first.cell_length) if place else first, line)
                for place, line in enumerate(lines)
            ]
        return found

    def _blocked(self, width: int) -> list[Content]:
        run = self._view.run
        lines = _wrapped(
            safe((run.error or "this worker lacks something that the run needs")[:MOST_LOOKED_AT], "b $strong"), width
        )
        how = (
            "The run has not failed: it waits, and goes on by itself where a worker has what it needs. Set it here and "
            "start proc-tui again, or drive it elsewhere: proc-tui watch"
        )
        lines += [Content(""), *_wrapped(Content.styled(how, "$quiet"), width), Content("")]
        return [*lines, Content.assemble(("x", "b $accent"), " try again, stop or cancel")]

    # ---- keys

    def action_open(self) -> None:
        """What can be done with the run."""
        self.proc.actions()

    def action_copy(self) -> None:
        """The whole error."""
        ending = self._view.ending
        text = self._view.run.error or "" if ending is None else f"{ending.message}\n{ending.trace}".strip()
        self.proc.copy(text)

    def action_source(self) -> None:
        """The line in the source."""
        if self._facts is not None and self._facts.line:
            self.proc.show_source(self._facts.line)

    def action_edit(self) -> None:
        """Opens the procedure in the editor, and resumes with what was changed."""
        from ..panes.source_edit import edit_source

        edit_source(self.proc, self._view.run, self._facts.line if self._facts is not None else 0)

    def _scroll(self, rows: int) -> None:
        if isinstance(self.parent, Widget):
            self.parent.scroll_to(y=self.parent.scroll_offset.y + rows, animate=False)

    def action_down(self) -> None:
        """Down, where it is longer than its place."""
        self._scroll(1)

    def action_up(self) -> None:
        """Up, and to what was said where there is nothing above."""
        if isinstance(self.parent, Widget) and self.parent.scroll_offset.y <= 0:
            for talk in self.screen.query("Talk"):
                talk.focus()
        else:
            self._scroll(-1)

    async def on_click(self, event: events.Click) -> None:
        """Takes the focus."""
        self.focus()


def _wrapped(content: Content, width: int) -> list[Content]:
    return content.wrap(max(4, width)) if content.plain else [content]
