"""The line at the top: which workspace, where in it, the counts, who drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from ..screen_safety import safe_line
from ..words import money, several, time_of_day
from .lines import beside

if TYPE_CHECKING:
    from ..app import ProcTui
    from ..live.workspace import WorkspaceView


_NAME = 26
"""Columns that the program and the workspace keep when there is little room."""


class Header(Widget):
    """The header of every screen."""

    DEFAULT_CSS = "Header { dock: top; height: 1; width: 1fr; background: $panel; padding: 0 1; }"

    def __init__(self, trail: str = "") -> None:
        """`trail` is where in the program the screen is: `Inbox`."""
        super().__init__()
        self._trail: Content = safe_line(trail)
        self._shown: Content | None = None

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def show(self, view: WorkspaceView) -> None:
        """Shows the workspace."""
        if self._shown is None or not self._content().is_same(self._shown):
            self.refresh()

    def trail(self, content: Content) -> None:
        """Says where in the program the screen is."""
        self._trail = content
        self.refresh()

    def render(self) -> Content:
        """As in the base class."""
        self._shown = self._content()
        return self._shown

    def _content(self) -> Content:
        view, width, glyphs = self.proc.workspace, self.size.width - 2, self.proc.glyphs
        left: list[Content | tuple[str, str] | str] = [("proc-tui", "b $accent"), "  ", safe_line(view.name)]
        if self._trail.plain:
            left += [(f" {glyphs.prompt} ", "$quiet"), self._trail]
        waiting = _waiting(view)
        counts = [
            Content.assemble((f"{glyphs.running} ", "$accent"), f"{len(view.running)} running"),
            Content.styled(f"{glyphs.waits} {waiting}", "b $wait")
            if waiting
            else Content.styled(f"{glyphs.waits} nothing needs you", "$quiet"),
        ]
        if view.failed:
            counts.append(Content.assemble((f"{glyphs.failed} ", "$bad"), f"{view.failed} failed"))
        used = Content.styled("  ".join([f"{_short(view.tokens)} tokens", f"{money(view.cost)} today"]), "$quiet")
        drives, in_short = self._driver(view), self._driver(view, short=True)
        whole = [*counts, used, drives]
        name = Content.assemble(*left)
        for right, gap in ((whole, 3), (whole, 2), ([*counts, drives], 3), ([*counts, in_short], 2)):
            joined = Content(" " * gap).join(right)
            if joined.cell_length <= width - name.cell_length - 3:
                return beside(name, joined, width)
        for right in ([*counts, in_short], [counts[1], in_short], counts[1:2]):
            joined = Content("  ").join(right)
            if joined.cell_length <= width - min(_NAME, name.cell_length) - 2:
                break
        return beside(name, joined, width)

    def _driver(self, view: WorkspaceView, *, short: bool = False) -> Content:
        driver = view.driver
        match driver.kind:
            case "here":
                return Content.styled("this process" if short else "driven by this process", "$quiet")
            case "other":
                return Content.assemble(("" if short else "driven by ", "$quiet"), safe_line(driver.name, "$quiet"))
            case "stale":
                return Content.styled(f"stale since {time_of_day(driver.since)[:5]}", "b $bad")
            case _:
                return Content.styled("no worker", "b $wait" if view.running else "$quiet")


def _waiting(view: WorkspaceView) -> str:
    """How many runs need somebody, and that their requests are counted where those are more or fewer."""
    runs, requests = len(view.needs), view.pending
    if requests and requests != runs:
        return f"{several(requests, 'request')} {'needs' if requests == 1 else 'need'} you"
    return f"{runs} {'needs' if runs == 1 else 'need'} you" if runs else ""


def _short(number: int) -> str:
    return str(number) if number < 1000 else f"{number / 1000:.0f}k" if number < 10**6 else f"{number / 10**6:.1f}M"
