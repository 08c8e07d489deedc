"""The two lines above a run's panes: what it is and where it is, and its stages as a strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from ...core.model.states import RunStatus
from ..clean import cells
from ..glyphs import sign
from ..screen_safety import safe_line
from ..words import age, time_of_day
from .lines import beside

if TYPE_CHECKING:
    from ..app import ProcTui
    from ..live.reader import RunView, StageView

LEAST = 24
"""Columns that are left to what the run is, where more could be said of where it is."""


class RunHead(Widget):
    """The header of a run."""

    DEFAULT_CSS = "RunHead { height: 2; width: 1fr; padding: 0 1; background: transparent; }"

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._shown: Content | None = None

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def show(self, view: RunView | None) -> None:
        """Shows a run."""
        self._view = view
        self.clock(self.proc.now())

    def clock(self, now: float) -> None:
        """Draws anew if a time changed."""
        shown = self._content(self.size.width - 2)
        if self._shown is None or not shown.is_same(self._shown):
            self.refresh()

    def render(self) -> Content:
        """As in the base class."""
        self._shown = self._content(self.size.width - 2)
        return self._shown

    def _content(self, width: int) -> Content:
        view = self._view
        if view is None or width <= 0:
            return Content("")
        return Content("\n").join([self._first(view, width), self._stages(view, width)])

    def _first(self, view: RunView, width: int) -> Content:
        run, dot = view.run, self.proc.glyphs.dot
        facts = [run.id[:8], f"v{run.version}", f"started {time_of_day(run.created_at)} by {run.starter}"]
        if run.forked_from:
            facts.insert(1, f"fork of {run.forked_from[:4]}")
        if run.attempt > 1:
            facts.append(f"attempt {run.attempt}")
        left = Content.assemble(
            safe_line(run.procedure, "b $strong"), "  ", safe_line(f" {dot} ".join(facts), "$quiet")
        )
        return beside(left, self._badge(view, width - min(LEAST, left.cell_length) - 1), width)

    def _badge(self, view: RunView, room: int) -> Content:
        glyphs, now = self.proc.glyphs, self.proc.now()
        if view.at is not None:
            when = f" {time_of_day(view.moment)}" if view.moment else ""
            words = f" {glyphs.back} event {view.at} of {view.last}{when} {glyphs.dot} past "
            way = f"{glyphs.dot} F live "
            return Content.styled(words + way if cells(words + way) <= room else words, "b $on-wait on $agent")
        run = view.run
        if view.requests:
            waited = age(now - min(request.created_at for request in view.requests))
            return Content.assemble((f" {glyphs.waits} waiting for you {waited} ", "b $on-wait on $wait"))
        mark = sign(glyphs, run.status)
        text = mark.word
        if run.status is RunStatus.WAITING_FOR_HUMAN:
            text = "answered"
        elif run.status is RunStatus.SLEEPING and run.wake_at:
            text = f"sleeping, wakes in {age(run.wake_at - now)}"
        elif run.status is RunStatus.BLOCKED and run.error:
            return Content.assemble(
                (f"{mark.glyph} ", mark.style), safe_line(run.error, mark.style).truncate(60, ellipsis=True)
            )
        elif run.status.ended and run.ended_at is not None:
            text = f"{mark.word} after {age(run.ended_at - run.created_at)}"
        elif not run.status.ended:
            text = f"{mark.word} {age(now - run.created_at)}"
        return Content.assemble((f"{mark.glyph} {text}", f"b {mark.style}"))

    def _stages(self, view: RunView, width: int) -> Content:
        if not view.stages:
            return Content("")
        parts = [self._stage(view, stage) for stage in view.stages]
        whole = Content("").join(self._linked(view, parts))
        if whole.cell_length <= width:
            return whole
        # Too long: the current stage stands in the middle of what is left.
        current = next((place for place, stage in enumerate(view.stages) if stage.state in ("current", "failed")), -1)
        before = Content("").join(self._linked(view, parts[: max(0, current)])).cell_length if current > 0 else 0
        start = max(0, min(before - width // 3, whole.cell_length - width))
        more = Content.styled(self.proc.glyphs.more, "$quiet")
        cut = whole.divide([start])[-1] if start else whole
        return Content.assemble(more if start else "", cut.truncate(width - (1 if start else 0), ellipsis=True))

    def _stage(self, view: RunView, stage: StageView) -> Content:
        glyphs = self.proc.glyphs
        name = safe_line(stage.name)
        waits = bool(view.requests)
        match stage.state:
            case "done":
                spent = f" {age(stage.seconds)}" if stage.seconds >= 1 else ""
                return Content.assemble((f"{glyphs.done} ", "$good"), name.stylize("$good"), (spent, "$quiet"))
            case "current":
                then = view.moment if view.at is not None and view.moment else self.proc.now()
                spent = age(max(0.0, then - stage.since)) if stage.since else ""
                style = "b $wait" if waits else "b $accent"
                glyph = glyphs.waits if waits else glyphs.running
                return Content.assemble(
                    (f"{glyph} ", style), name.stylize(style), (f" {spent}", style.removeprefix("b "))
                )
            case "failed":
                return Content.assemble((f"{glyphs.failed} ", "b $bad"), name.stylize("b $bad"))
            case _:
                return Content.assemble((f"{glyphs.pending} ", "$quiet"), name.stylize("$quiet"))

    def _linked(self, view: RunView, parts: list[Content]) -> list[Content]:
        glyphs = self.proc.glyphs
        found: list[Content] = []
        for place, part in enumerate(parts):
            if place:
                over = view.stages[place].state != "ahead"
                found.append(
                    Content.assemble(" ", (glyphs.line * 3, "$good") if over else (glyphs.dotted * 3, "$quiet"), " ")
                )
            found.append(part)
        return found
