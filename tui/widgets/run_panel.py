"""One run: its header, its stages, and its panes in the places that the room allows.

Panes are made when they come to the front first, and only those in front are given views. Belongs here: which pane is
in front, zoomed or focused. Never: what a pane shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Container
from textual.content import Content
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region
from textual.layout import Layout, WidgetPlacement
from textual.message import Message
from textual.widget import Widget

from ..panes import BY_NAME, load
from .pane_plan import ORDER, Place, plan, titles
from .run_head import RunHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.geometry import Size
    from textual.layout import ArrangeResult

    from ..app import ProcTui
    from ..live.reader import RunView
    from ..panes.pane import Pane


class _PlanLayout(Layout):
    """Places children by the plan of their deck."""

    name = "plan"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """As in the base class."""
        deck = cast("Deck", parent)
        placements: list[WidgetPlacement] = []
        for child in children:
            place = deck.places.get(getattr(child, "NAME", ""))
            if place is not None:
                region = Region(place.x, place.y, place.width, place.height)
                placements.append(WidgetPlacement(region, NULL_OFFSET, NULL_SPACING, child, 0, False, False, False))
        return placements


class Deck(Container):
    """The panes in their places."""

    DEFAULT_CSS = "Deck { width: 1fr; height: 1fr; }"

    def __init__(self, resized: Callable[[], None]) -> None:
        """`resized` is called when there is other room."""
        super().__init__()
        self._resized: Callable[[], None] = resized
        self.places: dict[str, Place] = {}
        self._layout: _PlanLayout = _PlanLayout()

    def on_resize(self) -> None:
        """The room is another one; while it is being laid out nothing else can be."""
        self.call_after_refresh(self._resized)

    def lay_out(self) -> None:
        """The places are others: Textual keeps those of a size for as long as the children are the same."""
        self._clear_arrangement_cache()
        self.refresh(layout=True)

    @property
    def layout(self) -> Layout:
        """As in the base class: there is no name for it in CSS."""
        return self._layout


class RunPanel(Container):
    """A run with its panes."""

    LAYER: ClassVar[str] = ""
    DEFAULT_CSS = """
    RunPanel { width: 1fr; height: 1fr; layout: vertical; }
    """

    class Shown(Message):
        """Other panes are in front."""

    def __init__(self) -> None:
        super().__init__()
        self._head: RunHead = RunHead()
        self._deck: Deck = Deck(self._arrange)
        self._panes: dict[str, Pane] = {}
        self._view: RunView | None = None
        self._front: str = "conversation"
        """The pane in front where several share a place."""
        self._last: str = "conversation"
        """The pane that had the focus last."""
        self._zoomed: bool = False
        self._ready: bool = False
        """False until the first frame is drawn: panes are made after it."""

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._head
        yield self._deck

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def on_mount(self) -> None:
        """Panes are made once the first frame is on the screen."""
        remembered = self.proc.memory.now
        self._front = remembered.front if remembered.front in BY_NAME else "state"
        self._zoomed = remembered.zoomed
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._ready = True
        self._arrange()

    # ---- views

    def show(self, view: RunView | None) -> None:
        """Shows a run, or nothing."""
        self._view = view
        self._head.show(view)
        if view is not None and not self._deck.places:
            self._arrange()
        elif view is not None:
            for name in self._deck.places:
                if name in self._panes:
                    self._panes[name].take(view)

    def clock(self, now: float) -> None:
        """A second has passed."""
        self._head.clock(now)
        for name in self._deck.places:
            if name in self._panes:
                self._panes[name].clock(now)

    # ---- panes

    @property
    def front(self) -> str:
        """The pane that has the focus, or had it last."""
        return self._last

    def pane(self, name: str) -> Pane | None:
        """A pane, if it was made already."""
        return self._panes.get(name)

    def bring(self, name: str, *, focus: bool = True) -> None:
        """Brings a pane to the front, and gives it the focus."""
        if name != "conversation" or name not in self._deck.places:
            self._front = name
        self._last = name
        self._arrange()
        self.proc.memory.keep(front=self._front)
        pane = self._panes.get(name)
        if focus and pane is not None:
            pane.call_after_refresh(pane.focus_body)

    def next(self, step: int) -> bool:
        """Gives the focus to the next pane; False when there is none that way."""
        place = ORDER.index(self._last) + step
        if not 0 <= place < len(ORDER):
            return False
        self.bring(ORDER[place])
        return True

    def zoom(self) -> None:
        """Gives the pane all room, or takes it away again."""
        self._zoomed = not self._zoomed
        self.proc.memory.keep(zoomed=self._zoomed)
        self._arrange()
        self.post_message(self.Shown())

    @property
    def zoomed(self) -> bool:
        """Whether one pane has all room."""
        return self._zoomed

    def _arrange(self) -> None:
        size = self._deck.size
        if not self._ready or not size or self._view is None:
            return
        front = self._last if self._zoomed else self._front
        focused = self.screen.focused
        zoomed = self._last if self._zoomed else None
        places = plan(size.width, size.height, front, zoomed=zoomed)
        if self._last not in places and focused is not None and self in focused.ancestors:
            # There is less room than before: what somebody is at stays in front.
            places = plan(size.width, size.height, self._last, zoomed=zoomed)
        if places == self._deck.places:
            return
        self._deck.places = places
        for name, place in places.items():
            pane = self._panes.get(name)
            if pane is None:
                pane = self._panes[name] = load(name)()
                self._deck.mount(pane)
            self._title(pane, place)
        for name, pane in self._panes.items():
            pane.display = name in places
            if focused is not None and name not in places and pane in focused.ancestors_with_self:
                instead = self._panes[next(iter(places))]
                instead.call_after_refresh(instead.focus_body)
        self._deck.lay_out()
        self.call_after_refresh(self.show, self._view)

    def _title(self, pane: Pane, place: Place) -> None:
        tabs = place.tabs or (pane.NAME,)
        words, between = titles(tabs, pane.NAME, place.width)
        parts: list[Content | str | tuple[str, str]] = []
        for name, title in zip(tabs, words, strict=True):
            if parts:
                parts.append((self.proc.glyphs.bar.center(between), "$line"))
            here = name == pane.NAME and len(tabs) > 1
            parts += [
                (str(BY_NAME[name].number), "$quiet"),
                " ",
                (title, "b $accent" if here else "$foreground" if len(tabs) == 1 else "$quiet"),
            ]
        pane.border_title = Content.assemble(*parts)  # pyright: ignore[reportAttributeAccessIssue] - takes content

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remembers which pane it is in."""
        for node in event.widget.ancestors_with_self:
            name = getattr(node, "NAME", "")
            if name in BY_NAME:
                self._last = name

    async def on_click(self, event: events.Click) -> None:
        """A click on a tab in a frame."""
        for node in event.widget.ancestors_with_self if event.widget is not None else ():
            name = getattr(node, "NAME", "")
            place = self._deck.places.get(name)
            if place is None or not place.tabs or event.screen_y != cast("Widget", node).region.y:
                continue
            column = event.screen_x - cast("Widget", node).region.x - 2
            for tab, first, last in self._tabs(cast("Pane", node), place):
                if first <= column < last:
                    self.bring(tab)

    def _tabs(self, pane: Pane, place: Place) -> list[tuple[str, int, int]]:
        """Where the titles of the panes stand in the upper border."""
        words, between = titles(place.tabs, pane.NAME, place.width)
        found: list[tuple[str, int, int]] = []
        column = 0
        for name, title in zip(place.tabs, words, strict=True):
            found.append((name, column, column + len(title) + 2))
            column += len(title) + 2 + between
        return found
