"""Dialogs: a list to pick from, a question, a name, leaving.

A dialog takes every key; esc and q close it and decide nothing. Belongs here: short dialogs. Never: what they lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from .. import keys
from ..clean import clip
from ..screen_safety import safe, safe_line
from ..widgets.footer import Footer
from ..widgets.lines import Lines, beside
from ..words import several
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from ...core.model.trust import Startable


class Choice(msgspec.Struct, frozen=True):
    """A line to pick."""

    key: str
    """What is given back."""
    text: str
    hint: str = ""
    """At the end of the line: a key, or what is kept."""
    group: str = ""
    """A heading above the first of its group."""


class ChoiceList(Lines):
    """The lines of a dialog, fewer as one types."""

    LAYER: ClassVar[str] = "choice"
    BINDINGS = keys.bindings("choice")
    DEFAULT_CSS = "ChoiceList { height: auto; max-height: 24; min-height: 1; }"

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._all: list[Choice] = []
        self.rows: list[Choice | str] = []
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

    def selectable(self, index: int) -> bool:
        """As in the base class."""
        return isinstance(self.rows[index], Choice)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        row = self.rows[index]
        if isinstance(row, str):
            return safe_line(row, "b $quiet")
        here = self.glyphs.here if index == self.cursor else " "
        hint = Content.assemble(safe_line(clip(row.hint, width // 2), "$quiet"), " ")
        return beside(Content.assemble((here, "$accent"), " ", safe_line(row.text)), hint, width)


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
    whole = f"{name} {choice.hint} {choice.group}".casefold()
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
        if self.focused is self._list and event.key in ("slash", "q"):
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


class QuestionDialog(ProcDialog[str]):
    """A question with a few answers, of which the first is the mildest and has the focus."""

    LAYER: ClassVar[str] = "dialog"
    BINDINGS = keys.bindings("dialog")
    DEFAULT_CSS = """
    QuestionDialog > Container {
        width: 64; max-width: 94%; height: auto; background: $surface; border: round $wait; border-title-color: $wait;
        padding: 1 2;
    }
    QuestionDialog Static { width: 1fr; height: auto; }
    QuestionDialog VerticalScroll { height: auto; max-height: 60vh; scrollbar-size-vertical: 1; }
    """

    def __init__(self, title: str, text: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title: Content = safe_line(title)
        self._text: str = text
        self._choices: list[Choice] = list(choices)
        self._place: int = 0
        self._buttons: Static = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            with VerticalScroll(can_focus=False):
                yield Static(Content.assemble(safe(self._text), "\n"), markup=False)
            yield self._buttons
        yield Footer()

    def on_mount(self) -> None:
        """Draws the answers."""
        self.query_one(Container).border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self._draw()

    def _draw(self) -> None:
        glyphs = self.proc.glyphs
        lines = [
            Content.assemble(
                (f"{glyphs.here if place == self._place else ' '} ", "$accent"),
                safe_line(choice.text, "b $strong" if place == self._place else ""),
                "  ",
                safe_line(choice.hint, "$quiet"),
            )
            for place, choice in enumerate(self._choices)
        ]
        self._buttons.update(Content("\n").join(lines))

    def on_key(self, event: events.Key) -> None:
        """j and k as well as the arrows."""
        if event.key in ("j", "down", "k", "up"):
            event.stop()
            (self.action_next if event.key in ("j", "down") else self.action_previous)()

    def action_next(self) -> None:
        """The next answer."""
        self._place = (self._place + 1) % len(self._choices)
        self._draw()

    def action_previous(self) -> None:
        """The answer before."""
        self._place = (self._place - 1) % len(self._choices)
        self._draw()

    def action_interrupt(self) -> None:
        """^C closes it as well."""
        self.action_out()

    def action_choose(self) -> None:
        """Gives the answer back."""
        self.dismiss(self._choices[self._place].key)


class LeaveDialog(QuestionDialog):
    """Leaving with runs under way; `background` where a worker may be left behind."""

    def __init__(self, going_on: int, *, background: bool = True) -> None:
        what = several(going_on, "run")
        stay = Choice("background", "Leave them to a background worker", "it ends when nothing is left to drive")
        stop = Choice("stop", "Stop here", "they go on when somebody drives them again")
        super().__init__(
            "Leave proc-tui?",
            f"{what} {'goes' if going_on == 1 else 'go'} on here. Nothing is lost: runs stay as they were recorded.",
            [stay, stop] if background else [stop],
        )

    def action_interrupt(self) -> None:
        """^C means it."""
        self.dismiss("stop")


class TrustDialog(QuestionDialog):
    """What a workspace would do on this machine, before a run of it may want that."""

    DEFAULT_CSS = "TrustDialog > Container { width: 96; }"

    def __init__(self, workspace: str, found: Sequence[Startable]) -> None:
        lines = [f"{workspace} is configured to do this on this machine, as you:", ""]
        for item in found:
            given = f"  with {', '.join(item.environment)}" if item.environment else ""
            place = f"  in {item.folder}" if item.folder else ""
            lines.append(f"• {item.section}.{item.name}: {item.command}{place}{given}")
        lines += ["", "You are asked again when any of it changes."]
        super().__init__(
            "Do you trust this workspace?",
            "\n".join(lines),
            [
                Choice("back", "Back", "nothing is started"),
                Choice("without", "Start without", "a run that needs it waits"),
                Choice("agree", "Agree, and start", "kept for you alone, as by `proc-tui trust`"),
            ],
        )


class NameDialog(ProcDialog[str]):
    """A name, checked as it is typed."""

    LAYER: ClassVar[str] = "naming"
    BINDINGS = keys.bindings("naming")
    DEFAULT_CSS = """
    NameDialog > Container {
        width: 64; max-width: 94%; height: auto; background: $surface; border: round $accent; padding: 1 2;
        border-title-color: $accent;
    }
    NameDialog Static { width: 1fr; height: auto; }
    NameDialog Input { border: none; height: 1; padding: 0 1; background: $panel; margin: 1 0; }
    NameDialog Input:focus { border: none; background-tint: $foreground 0%; }
    """

    def __init__(self, title: str, text: str, check: Callable[[str], str]) -> None:
        """`check` says what is wrong with a name, or nothing."""
        super().__init__()
        self._title: Content = safe_line(title)
        self._text: str = text
        self._check: Callable[[str], str] = check
        self._field: Input = Input(placeholder="name", compact=True)
        self._said: Static = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield Static(safe(self._text), markup=False)
            yield self._field
            yield self._said
        yield Footer()

    def on_mount(self) -> None:
        """The field takes the focus: a name is to be typed."""
        self.query_one(Container).border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self._field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Says what is wrong with the name."""
        self._said.update(safe_line(self._check(event.value) if event.value else "", "$bad"))

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Enter."""
        self.action_choose()

    def action_choose(self) -> None:
        """Gives the name back, if it is one."""
        name = self._field.value.strip()
        problem = self._check(name)
        if problem:
            self._said.update(safe_line(problem, "$bad"))
        else:
            self.dismiss(name)
