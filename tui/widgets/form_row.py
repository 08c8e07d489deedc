"""One row of the form that starts a run, and the button below them.

Belongs here: the field of a parameter with its name, what it is for and what is wrong with it. Never: what its text
means (`forms.py`), or what is done with all of them (`screens/start.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from .. import forms, keys
from ..screen_safety import safe, safe_line
from .choice_field import ChoiceField

if TYPE_CHECKING:
    from textual.app import ComposeResult


class FormRow(Container):
    """A parameter: its name and what it is for, its field, what is wrong with it."""

    def __init__(self, field: forms.FormField, text: str) -> None:
        super().__init__()
        self.field: forms.FormField = field
        self.control: ChoiceField | Input | TextArea = _control(field, text)
        self._said: Static = Static("", classes="problem", markup=False)
        self._problem: str = ""

    def compose(self) -> ComposeResult:
        """As in the base class."""
        spec = self.field.spec
        need = Content.styled(f"  {self.field.about}", "$wait" if spec.required and spec.default is None else "$quiet")
        about = Content.assemble("  ", safe_line(spec.description, "$quiet")) if spec.description else Content("")
        yield Static(Content.assemble(safe_line(self.field.name, "b"), need, about), markup=False)
        yield self.control
        yield self._said

    @property
    def text(self) -> str:
        """What stands in it."""
        control = self.control
        return control.text if isinstance(control, TextArea) else control.value

    def put(self, text: str) -> None:
        """Puts a text into it."""
        control = self.control
        if isinstance(control, TextArea):
            control.text = text
        else:
            control.value = text

    @property
    def problem(self) -> str:
        """What is wrong with it."""
        return self._problem

    @problem.setter
    def problem(self, what: str) -> None:
        self._problem = what
        self.set_class(bool(what), "-wrong")
        self._said.update(safe(what))

    def check(self) -> None:
        """Looks at it alone."""
        _, problems = forms.values([self.field], {self.field.name: self.text})
        self.problem = problems.get(self.field.name, "")


def _control(field: forms.FormField, text: str) -> ChoiceField | Input | TextArea:
    if field.kind == "choice":
        return ChoiceField(field.options, text, classes="control")
    if field.kind == "line":
        return Input(text, select_on_focus=False, classes="control")
    area = TextArea(text, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", classes="control")
    area.highlight_cursor_line = False
    return area


class StartButton(Static, can_focus=True):
    """Starts the run."""

    LAYER: ClassVar[str] = "button"
    BINDINGS = keys.bindings("button")

    class Pressed(Message):
        """The run is to be started."""

    def __init__(self) -> None:
        super().__init__("Start", markup=False)

    def busy(self, busy: bool) -> None:
        """Whether the run is being started."""
        self.update("starting…" if busy else "Start")

    def action_press(self) -> None:
        """Says so."""
        self.post_message(self.Pressed())

    def on_click(self) -> None:
        """As its key."""
        self.action_press()
