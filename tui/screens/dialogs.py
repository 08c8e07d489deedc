"""Dialogs: a list to pick from, a question, leaving, and what can be done with a run.

A dialog takes every key; esc and q close it and decide nothing. Belongs here: short dialogs. Never: what they lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input, Static

from .. import keys
from ..clean import clip
from ..screen_safety import safe_line
from ..widgets.lines import Lines, beside
from ..words import several
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from ..app import ProcTui
    from ..live.reader import RunView


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
        self._all: list[Choice] = list(choices)
        self.rows: list[Choice | str] = []
        self.narrow("")

    def narrow(self, text: str) -> None:
        """Shows the choices that hold every word."""
        words = text.casefold().split()
        found = [choice for choice in self._all if all(word in f"{choice.text} {choice.hint} {choice.group}".casefold() for word in words)]
        self.rows = []
        group = ""
        for choice in found:
            if choice.group and choice.group != group:
                group = choice.group
                self.rows.append(group)
            self.rows.append(choice)
        self.set_reactive(Lines.cursor, next((index for index, row in enumerate(self.rows) if isinstance(row, Choice)), 0))
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

    def __init__(self, title: str, choices: Sequence[Choice], *, typing: bool = False, placeholder: str = "/ to search") -> None:
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
            yield Static(Content.assemble(safe_line(self._text), "\n"), markup=False)
            yield self._buttons

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
                (f"  {choice.hint}", "$quiet"),
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

    def action_choose(self) -> None:
        """Gives the answer back."""
        self.dismiss(self._choices[self._place].key)


class LeaveDialog(QuestionDialog):
    """Leaving with runs under way."""

    def __init__(self, going_on: int) -> None:
        what = several(going_on, "run")
        super().__init__(
            "Leave proc-tui?",
            f"{what} {'goes' if going_on == 1 else 'go'} on here. Nothing is lost by leaving: runs stay as they were recorded.",
            [Choice("stop", "Stop here", "they go on when somebody drives them")],
        )


def actions_of(proc: ProcTui, view: RunView) -> PickDialog:
    """What can be done with a run, and what each keeps."""
    run, ended = view.run, view.run.status.ended
    operator = proc.operator
    rows: list[tuple[Choice, Callable[[], object]]] = []
    if not ended:
        rows += [
            (Choice("stop", "Stop", "asks the procedure to end"), lambda: operator.stop(run)),
            (Choice("cancel", "Cancel", "ends it now, with its children"), lambda: operator.cancel(run)),
        ]
    if run.status.value in ("FAILED", "BLOCKED"):
        rows.append((Choice("resume", "Resume", "from where its record ends"), lambda: operator.resume(run)))
    rows.append((Choice("fork", "Fork", "a new run with the same parameters"), lambda: operator.fork(run)))
    if run.status.value in ("FAILED", "CANCELLED"):
        rows.append((Choice("reset", "Reset", "forgets everything, and begins again"), lambda: operator.reset(run)))
    return ActionDialog(f"{run.procedure} {run.id[:4]}", rows)


class ActionDialog(PickDialog):
    """Actions that are done when they are picked."""

    def __init__(self, title: str, rows: list[tuple[Choice, Callable[[], object]]]) -> None:
        super().__init__(title, [choice for choice, _ in rows])
        self._works: dict[str, Callable[[], object]] = {choice.key: work for choice, work in rows}

    def action_choose(self) -> None:
        """Does it."""
        picked, proc = self._list.picked, self.proc
        if picked is not None:
            self.dismiss(None)
            proc.act(self._works[picked.key], lambda _result: proc.say(f"{picked.text.lower()}: done"))
