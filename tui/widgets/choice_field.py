"""A field with a few options on one line: ‹ staging › 1 of 2. Left and right change it, enter lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from .. import keys
from ..screen_safety import safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from ..app import ProcTui


class ChoiceField(Widget, can_focus=True, inherit_bindings=False):
    """One of some options."""

    LAYER: ClassVar[str] = "field"
    BINDINGS = keys.bindings("field")
    DEFAULT_CSS = """
    ChoiceField { height: 1; width: 1fr; background: $surface; padding: 0 1; &:focus { background: $cursor; } }
    """

    place: reactive[int] = reactive(0)
    """Which option."""

    class Changed(Message):
        """Another option."""

        def __init__(self, field: ChoiceField) -> None:
            super().__init__()
            self.field: ChoiceField = field

    def __init__(
        self, options: Sequence[str], value: str, *, empty: str = "not given", id: str | None = None, classes: str = ""
    ) -> None:
        """`empty` is what the option without a label is called."""
        super().__init__(id=id, classes=classes)
        self.options: tuple[str, ...] = tuple(options) or ("",)
        self._empty: str = empty
        self.value = value

    @property
    def value(self) -> str:
        """The label of the option."""
        return self.options[self.place]

    @value.setter
    def value(self, label: str) -> None:
        self.place = self.options.index(label) if label in self.options else 0

    def watch_place(self) -> None:
        """Tells that it has changed."""
        if self.is_attached:
            self.post_message(self.Changed(self))

    def render(self) -> Content:
        """As in the base class."""
        proc = cast("ProcTui", self.app)
        shown = safe_line(self.value, "b") if self.value else Content.styled(self._empty, "$quiet")
        if len(self.options) == 1:
            return shown
        color = "$accent" if self.has_focus else "$quiet"
        back, forth = proc.glyphs.back, proc.glyphs.forth
        place = f"   {self.place + 1} of {len(self.options)}"
        return Content.assemble((f"{back} ", color), shown, (f" {forth}", color), (place, "$quiet"))

    def action_left(self) -> None:
        """The option before."""
        self.place = (self.place - 1) % len(self.options)

    def action_right(self) -> None:
        """The next option."""
        self.place = (self.place + 1) % len(self.options)

    def action_list(self) -> None:
        """Lists the options."""
        from ..screens.picking import Choice, PickDialog

        def chosen(key: str | None) -> None:
            if key is not None:
                self.place = int(key)

        choices = [Choice(str(place), label or self._empty) for place, label in enumerate(self.options)]
        cast("ProcTui", self.app).push_screen(PickDialog("Choose", choices), chosen)

    def on_click(self, event: events.Click) -> None:
        """The next option; at its left end the one before."""
        (self.action_left if event.x < 3 else self.action_right)()
