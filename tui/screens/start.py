"""The form that starts a run: with which parameters, with whose replies; and what that will do, in words.

What was typed is kept when the form is left. Belongs here: the form on the screen, and starting. Never: what its texts
mean (`forms.py`), one field (`widgets/form_row.py`), or which procedure (`start_picker.py`).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from ...core.errors import ParameterError, ProcError
from .. import forms, keys
from ..screen_safety import safe, safe_line
from ..widgets.choice_field import ChoiceField
from ..widgets.footer import Footer
from ..widgets.form_row import FormRow, StartButton
from .dialogs import TrustDialog
from .screen import ProcDialog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from ...core.engine.sources import Program
    from ...core.model.trust import Startable
    from ...core.values import Value
    from ..app import ProcTui

CALLED = "called, as configured"
"""The option of a form by which models are not scripted."""
LISTED_SECONDS = 3.0
"""How long a new run may take to be listed."""


class StartScreen(ProcDialog[None]):
    """The form of one procedure."""

    LAYER: ClassVar[str] = "start"
    BINDINGS = keys.bindings("start")
    CSS_PATH = "start.tcss"

    def __init__(self, procedure: str, params: Mapping[str, Value] | None = None) -> None:
        """`params` is what the form begins with, instead of what is remembered."""
        super().__init__()
        self._procedure: str = procedure
        self._given: Mapping[str, Value] | None = params
        self._program: Program | None = None
        self._form: list[forms.FormField] = []
        self._rows: dict[str, FormRow] = {}
        self._models: ChoiceField | None = None
        self._busy: bool = False

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield Static("reading…", id="about", markup=False)
            yield VerticalScroll(id="fields", can_focus=False)
            yield Static("", id="said", markup=False)
            yield StartButton()
        yield Footer()

    def on_mount(self) -> None:
        """Reads the procedure."""
        box = self.query_one(Container)
        box.border_title = safe_line(f"Start {self._procedure}")  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self.query_one(StartButton).focus()
        self.proc.run_worker(self._load(), exit_on_error=False, group="read", name="form")

    async def _load(self) -> None:
        operator, memory = self.proc.operator, self.proc.memory
        try:
            program = await asyncio.to_thread(operator.program, self._procedure)
        except ProcError as error:
            self.query_one("#about", Static).update(safe(str(error), "$bad"))
            self.query_one("#said", Static).update(Content.styled("E opens it in $EDITOR", "$quiet"))
            self.query_one(StartButton).display = False
            self.set_focus(None)
            return
        self._program, self._form = program, forms.fields(program.procedure.params)
        file = operator.workspace / program.bundle.file
        scripted = file.with_name(f"{file.stem}.replies.yaml")
        if not self._form and not scripted.exists():
            self.action_start()
            return
        texts, source = await asyncio.to_thread(forms.remembered, memory, self._procedure, file, self._form)
        if self._given is not None:
            texts |= {field.name: forms.text_of(field, self._given.get(field.name)) for field in self._form}
            source = "as in that run"
        await self._show(program, texts, scripted if scripted.exists() else None)
        self.query_one(Container).border_subtitle = f" {source}; ^r resets " if source else ""

    async def _show(self, program: Program, texts: dict[str, str], scripted: Path | None) -> None:
        about = program.procedure.description
        self.query_one("#about", Static).update(safe(about) if about else Content.styled("no description", "$quiet"))
        rows = [FormRow(field, texts[field.name]) for field in self._form]
        self._rows = {row.field.name: row for row in rows}
        fields = self.query_one("#fields", VerticalScroll)
        await fields.mount_all(rows)
        if scripted is not None:
            options = (f"scripted by {scripted.name}", CALLED)
            offline = (
                self.proc.operator.workspace / ".proc-tui-demo"
            ).exists() or not self.proc.operator.settings.models
            self._models = ChoiceField(options, options[0] if offline else CALLED)
            await fields.mount(Static(Content.styled("replies of models", "b"), markup=False), self._models)
        self._say()
        (
            next((row.control for row in rows if row.field.spec.required and not texts[row.field.name]), None)
            or self._all()[0]
        ).focus()

    def _all(self) -> list[Widget]:
        controls: list[Widget] = [row.control for row in self._rows.values()]
        return [*controls, *([self._models] if self._models is not None else []), self.query_one(StartButton)]

    @property
    def _scripted(self) -> bool:
        return self._models is not None and self._models.value != CALLED

    def _say(self, problem: str = "") -> None:
        """What starting will do, or why it did not."""
        models = "tools called, models scripted (none is called)" if self._scripted else "models and tools called"
        text = f"People are asked, {models}, files written; the journal keeps all of it."
        self.query_one("#said", Static).update(safe(problem, "$bad") if problem else Content.styled(text, "$quiet"))
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Gives the fields the rows that are left: what starting will do, and the button, are always seen."""
        if self.is_attached:
            fields, box = self.query_one("#fields"), self.query_one(Container)
            others = sum(
                child.outer_size.height + child.styles.margin.height for child in box.children if child is not fields
            )
            fields.styles.max_height = max(3, self.size.height * 96 // 100 - box.gutter.height - others)

    def on_resize(self) -> None:
        """Another room."""
        self.call_after_refresh(self._fit)

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields."""
        return {name: row.text for name, row in self._rows.items()}

    def on_choice_field_changed(self, message: ChoiceField.Changed) -> None:
        """Other words about models; a field is right until it is looked at again."""
        self._recheck(message.field)
        self._say()

    def on_input_changed(self, event: Input.Changed) -> None:
        """As above."""
        self._recheck(event.input)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """As above."""
        self._recheck(event.text_area)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A field that was left says what is wrong with it; what was never given is not wrong yet."""
        row = next((row for row in self._rows.values() if row.control is event.widget), None)
        if row is not None and row.text.strip():
            row.check()

    def _recheck(self, control: Widget) -> None:
        row = next((row for row in self._rows.values() if row.control is control), None)
        if row is not None and row.has_class("-wrong"):
            row.check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field."""
        event.stop()
        self.focus_next()

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to fill in until the procedure was read, or when it cannot be."""
        return self._program is not None or action not in ("start", "next", "previous", "defaults")

    def action_next(self) -> None:
        """To the next field."""
        self.focus_next()

    def action_previous(self) -> None:
        """To the field before."""
        self.focus_previous()

    def action_defaults(self) -> None:
        """Every field as it is declared."""
        for name, text in forms.defaults(self._form).items():
            self._rows[name].put(text)
        self.query_one(Container).border_subtitle = ""

    def action_edit(self) -> None:
        """The procedure in the editor."""
        path = self.proc.operator.procedures().get(self._procedure)
        self.action_out()
        if path is not None:
            self.proc.call_later(self.proc.edit_file, path)

    def action_out(self) -> None:
        """Closes the form; what was typed is kept."""
        if not self._busy:
            if self._rows:
                forms.keep_draft(self.proc.memory, self._procedure, self._form, self.texts)
            self.dismiss(None)

    def on_start_button_pressed(self, event: StartButton.Pressed) -> None:
        """Starts the run."""
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Starts the run, if all is well."""
        if self._program is not None and not self._busy:
            self.proc.run_worker(self._start(), exit_on_error=False, group="start")

    # ---- starting

    async def _start(self) -> None:
        values, problems = forms.values(self._form, self.texts)
        self._mark(problems)
        if problems:
            return
        self._set_busy(True)
        try:
            if await self._agreed():
                await self._begin(values)
        finally:
            if self.is_attached:
                self._set_busy(False)

    async def _agreed(self) -> bool:
        """Asks for trust where the run may want what the workspace would do on this machine."""
        found = await asyncio.to_thread(self._untrusted)
        if not found:
            return True
        workspace = self.proc.operator.workspace
        answer = await self.proc.push_screen_wait(TrustDialog(str(workspace), found))
        if answer == "agree":
            await asyncio.to_thread(_agree, workspace, self.proc.now())
        return answer in ("agree", "without")

    def _untrusted(self) -> list[Startable]:
        from ...core.model.trust import TrustRecord, programs
        from ..console.agreement import may_want_tools

        assert self._program is not None
        workspace = self.proc.operator.workspace
        if not may_want_tools(self._program.bundle.text) or TrustRecord().trusts(workspace):
            return []
        return programs(workspace)

    async def _begin(self, values: dict[str, Value]) -> None:
        assert self._program is not None
        proc: ProcTui = self.proc
        program, operator = self._program, proc.operator
        file = operator.workspace / program.bundle.file
        scripted = file.with_name(f"{file.stem}.replies.yaml") if self._scripted else None

        def work() -> str:
            from ...core.agents.replies import Replies

            return operator.start(
                program, values=values, replies=None if scripted is None else Replies.load(scripted)
            ).id

        try:
            run = await asyncio.to_thread(work)
        except ParameterError as error:
            self._mark(forms.problems_of(str(error)))
            return
        except ProcError as error:
            self._say(str(error))
            return
        if self._rows:
            forms.keep_started(proc.memory, self._procedure, self.texts)
        proc.feed.look()
        proc.say(f"started {program.procedure.name}")
        if self.is_current:
            self.dismiss(None)
        # The cursor can go to a run only when the list has it.
        until = time.monotonic() + LISTED_SECONDS
        while proc.workspace.find(run) is None and time.monotonic() < until:
            await asyncio.sleep(0.02)
        proc.go_to_run(run)

    def _mark(self, problems: dict[str, str]) -> None:
        """Errors at their fields; the first of them gets the focus."""
        for name, row in self._rows.items():
            row.problem = problems.get(name, "")
        first = next((row for name, row in self._rows.items() if name in problems), None)
        if first is not None:
            first.control.focus()
        rest = [what for name, what in problems.items() if name not in self._rows]
        self._say("\n".join(rest))

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        for control in self._all():
            control.disabled = busy
        button = self.query_one(StartButton)
        button.busy(busy)
        if not busy and self.focused is None and not any(row.problem for row in self._rows.values()):
            button.focus()


def _agree(workspace: Path, at: float) -> None:
    from ...core.model.trust import TrustRecord

    TrustRecord().agree(workspace, at)
