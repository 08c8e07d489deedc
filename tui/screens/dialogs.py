"""Dialogs: a question, a name, leaving. A list to pick from is in `picking.py`.

A dialog takes every key; esc and q close it and decide nothing. Belongs here: short dialogs. Never: what they lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from .. import keys
from ..screen_safety import safe, safe_line
from ..widgets.footer import Footer
from ..words import several
from .picking import Choice
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from ...core.model.trust import Startable


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
    """Leaving with runs under way; `background` where a worker may be left behind.

    A `passing` workspace is removed with all that is in it.
    """

    def __init__(self, going_on: int, *, background: bool = True, passing: bool = False) -> None:
        what = f"{several(going_on, 'run')} {'goes' if going_on == 1 else 'go'} on here."
        stay = Choice("background", "Leave them to a background worker", "it ends with them")
        stop = Choice("stop", "Stop here", "they go on when somebody drives them again")
        text = f"{what} Nothing is lost: runs stay as they were recorded."
        if passing:
            stop = Choice("stop", "Leave the demo", "it is removed")
            text = f"{what} The demo is removed with its runs and files; one that stays: proc-tui demo DIR"
        super().__init__(
            "Leave proc-tui?",
            text,
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

    def __init__(self, title: str, text: str, check: Callable[[str], str], *, value: str = "") -> None:
        """`check` says what is wrong with a name, or nothing."""
        super().__init__()
        self._title: Content = safe_line(title)
        self._text: str = text
        self._check: Callable[[str], str] = check
        self._field: Input = Input(value, placeholder="name", compact=True)
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
        """Gives the name back, if it is one and enter was pressed by hand."""
        if not self.proc.keyboard.by_hand:
            return
        name = self._field.value.strip()
        problem = self._check(name)
        if problem:
            self._said.update(safe_line(problem, "$bad"))
        else:
            self.dismiss(name)
