"""A list to pick from, in a dialog: its lines, what a text finds among them, and doing what is picked.

Belongs here: choosing. Never: what there is to choose.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input

from .. import keys
from ..clean import clip, oneline
from ..screen_safety import safe_line
from ..widgets.footer import Footer
from ..widgets.lines import Lines, beside
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult


class Choice(msgspec.Struct, frozen=True):
    """A line to pick."""

    key: str
    """What is given back."""
    text: str
    hint: str = ""
    """At the end of the line: a key, or what is kept."""
    group: str = ""
    """A heading above the first of its group."""
    more: str = ""
    """A line below it: what it does, keeps and costs."""
    letter: str = ""
    """What stands before it: the key that picks it as well."""
    style: str = ""
    also: str = ""
    """Other words by which it is found."""


class _More(msgspec.Struct, frozen=True):
    """The line below a choice."""

    text: str


class ChoiceList(Lines):
    """The lines of a dialog, fewer as one types."""

    LAYER: ClassVar[str] = "choice"
    BINDINGS = keys.bindings("choice")
    DEFAULT_CSS = "ChoiceList { height: auto; max-height: 70vh; min-height: 1; }"

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._all: list[Choice] = []
        self.rows: list[Choice | _More | str] = []
        self.offer(choices)

    def offer(self, choices: Sequence[Choice]) -> None:
        """Shows these choices, all of them."""
        self._all = list(choices)
        self.narrow("")

    def narrow(self, text: str) -> None:
        """Shows the choices that a text finds, the best group and the best of each first."""
        found = sought(self._all, text)
        self.rows = []
        group = ""
        for choice in found:
            if choice.group and choice.group != group:
                group = choice.group
                self.rows.append(group)
            self.rows.append(choice)
            if choice.more:
                self.rows.append(_More(choice.more))
        if text and not found:
            self.rows = ["nothing found"]
        self.set_reactive(
            Lines.cursor, next((index for index, row in enumerate(self.rows) if isinstance(row, Choice)), 0)
        )
        self.styles.height = max(1, min(24, len(self.rows)))
        if self.is_attached:
            self.update()
            self.scroll_to(y=0, animate=False)
            self.redraw()

    @property
    def picked(self) -> Choice | None:
        """The choice that the cursor is on."""
        row = self.rows[self.cursor] if self.cursor < len(self.rows) else None
        return row if isinstance(row, Choice) else None

    def total(self) -> int:
        """As in the base class."""
        return len(self.rows)

    def show_row(self, index: int) -> None:
        """As in the base class, with what it does, which stands below it, and with its heading at the top."""
        if index + 1 < len(self.rows) and isinstance(self.rows[index + 1], _More):
            super().show_row(index + 1)
        super().show_row(0 if index == 1 and isinstance(self.rows[0], str) else index)

    def selectable(self, index: int) -> bool:
        """As in the base class."""
        return isinstance(self.rows[index], Choice)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row = self.rows[index]
        if isinstance(row, str):
            return safe_line(row, "b $quiet")
        if isinstance(row, _More):
            return Content.assemble("    ", safe_line(clip(oneline(row.text), max(8, width - 5)), "$quiet"))
        here = self.glyphs.here if index == self.cursor else " "
        letter = Content.assemble((f"{row.letter} ", "b $accent")) if row.letter else Content("")
        hint = Content.assemble(safe_line(clip(oneline(row.hint), width // 2), "$quiet"), " ")
        style = f"b {row.style}".strip() if row.more else row.style
        return beside(Content.assemble((here, "$accent"), " ", letter, safe_line(row.text, style)), hint, width)


def sought(choices: Sequence[Choice], text: str) -> list[Choice]:
    """The choices that hold every word of a text, else those that hold its letters in order; groups stay together."""
    query = text.casefold().strip()
    if not query:
        return list(choices)
    scored = [(choice, score) for choice in choices if (score := _score(choice, query)) is not None]
    best: dict[str, float] = {}
    for choice, score in scored:
        best[choice.group] = min(best.get(choice.group, score), score)
    scored.sort(key=lambda item: (best[item[0].group], item[0].group, item[1]))
    return [choice for choice, _ in scored]


def _score(choice: Choice, query: str) -> float | None:
    """How far a choice is from a query, None when it has nothing of it."""
    name = choice.text.casefold()
    whole = f"{name} {choice.hint} {choice.group} {choice.more} {choice.also}".casefold()
    if name == query:
        return 0.0
    if name.startswith(query):
        return 1.0
    if f" {query}" in name:
        return 2.0
    if all(word in whole for word in query.split()):
        return 3.0 if query in name else 4.0
    gaps, place = 0, -1
    for letter in query.replace(" ", ""):
        found = name.find(letter, place + 1)
        if found < 0:
            return None
        gaps += found - place - 1 if place >= 0 else 0
        place = found
    return 5.0 + gaps / 100 if gaps <= 3 * len(query) else None


class PickDialog(ProcDialog[str]):
    """A list to pick from, with a field that makes it shorter."""

    LAYER: ClassVar[str] = "choice"
    BINDINGS = keys.bindings("choice")
    DEFAULT_CSS = """
    PickDialog > Container {
        width: 76; max-width: 94%; height: auto; max-height: 90%; background: $surface; border: round $accent;
        border-title-color: $accent; padding: 0 1;
    }
    PickDialog Input { border: none; height: 1; padding: 0; margin-bottom: 1; background: $surface; }
    PickDialog Input:focus { border: none; background-tint: $foreground 0%; }
    """

    def __init__(
        self, title: str, choices: Sequence[Choice], *, typing: bool = False, placeholder: str = "/ to search"
    ) -> None:
        super().__init__()
        self._title: Content = safe_line(title)
        self._typing: bool = typing
        self._field: Input = Input(placeholder=placeholder, compact=True)
        self._list: ChoiceList = ChoiceList(choices)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield self._field
            yield self._list
        yield Footer()

    def on_mount(self) -> None:
        """The field takes the focus where typing is the point."""
        self.query_one(Container).border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        (self._field if self._typing else self._list).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Fewer lines."""
        self._list.narrow(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """As enter on the list."""
        self.action_choose()

    def on_lines_opened(self, message: Lines.Opened) -> None:
        """Chosen by the mouse."""
        self.action_choose()

    def on_key(self, event: events.Key) -> None:
        """`/` goes to the field; from the list, q closes."""
        if self.focused is self._list and (event.key == "q" or (event.key == "slash" and self._field.display)):
            event.stop()
            (self._field.focus if event.key == "slash" else self.action_out)()

    def action_choose(self) -> None:
        """Gives back what the cursor is on."""
        if self._list.picked is not None:
            self.dismiss(self._list.picked.key)

    def action_down(self) -> None:
        """From the field, too."""
        self._list.action_down()

    def action_up(self) -> None:
        """From the field, too."""
        self._list.action_up()

    def action_page_down(self) -> None:
        """From the field, too."""
        self._list.action_page_down()

    def action_page_up(self) -> None:
        """From the field, too."""
        self._list.action_page_up()


class Deed(msgspec.Struct, frozen=True):
    """A line that does something when it is picked."""

    choice: Choice
    work: Callable[[], object]


class DeedDialog(PickDialog):
    """What can be done; what is picked is done, and so is what has a letter by its letter."""

    DEFAULT_CSS = "DeedDialog > Container { width: 96; }"

    def __init__(self, title: str, deeds: Sequence[Deed], *, wait: float = 0.0, search: bool = True) -> None:
        """`wait` is how many seconds nothing can be picked, so that what was typed ahead picks nothing."""
        super().__init__(title, [deed.choice for deed in deeds])
        self._works: dict[str, Callable[[], object]] = {deed.choice.key: deed.work for deed in deeds}
        self._letters: dict[str, str] = {deed.choice.letter: deed.choice.key for deed in deeds if deed.choice.letter}
        self._from: float = monotonic() + wait
        self._field.display = search

    def on_key(self, event: events.Key) -> None:
        """The letters, besides what every list takes."""
        if self.focused is self._list and event.key in self._letters:
            event.stop()
            event.prevent_default()
            self._do(self._letters[event.key])
        else:
            super().on_key(event)

    def action_choose(self) -> None:
        """Does what the cursor is on."""
        if self._list.picked is not None:
            self._do(self._list.picked.key)

    def _do(self, key: str) -> None:
        if monotonic() >= self._from:
            self.dismiss(None)
            # By the application: what is asked next answers to it, and this dialog is gone by then.
            self.proc.call_later(self._works[key])
