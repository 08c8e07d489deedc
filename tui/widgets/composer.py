"""The field in which people write to a run: guidance, the answer to an input request, or their side of a chat.

What it is for is decided when the first character is typed and stays so until it is empty again. What was written is
kept over everything but the loss of the disk. It takes the focus by `i` or a click only. Belongs here: the field and
its label. Never: who may send what (the operator says so; an answer goes by its card), or how what was sent is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from ..memory import Draft
from ..screen_safety import safe_line
from .composer_field import ComposerField
from .field import too_long
from .seen import Seen
from .steady import Steady

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.timer import Timer
    from textual.widgets import TextArea

    from ..app import ProcTui

DRAFT_SECONDS = 0.4
"""How long after a key the draft is written."""
MOST_HISTORY = 100


class Target(msgspec.Struct, frozen=True):
    """What a text is for."""

    kind: str
    """`guidance`, `answer` or `chat`."""
    seen: Seen | None = None
    """What it is an answer to."""
    about: str = ""
    """What happens with it, in words."""
    default: str = ""
    """What stands in the field first, when nothing was written yet."""

    @property
    def name(self) -> str:
        """What drafts remember."""
        return f"{self.kind} {self.draft}".strip()

    @property
    def draft(self) -> str:
        """The key of the draft that the card of the request has, too; empty for what is no answer."""
        return self.seen.key if self.seen is not None else ""


class Composer(Vertical):
    """The label, the field, and what will happen."""

    DEFAULT_CSS = """
    Composer { height: auto; width: 1fr; dock: bottom; padding: 0; display: none; }
    Composer.-open { display: block; }
    Composer > #composer-row { height: auto; layout: horizontal; }
    Composer #composer-label { width: auto; height: 1; color: $quiet; }
    Composer:focus-within #composer-label { color: $accent; text-style: bold; }
    Composer #composer-hint { height: 1; width: 1fr; color: $quiet; display: none; }
    Composer:focus-within #composer-hint { display: block; }
    """

    class Submitted(Message):
        """Something shall be sent. The composer keeps the text until `done`."""

        def __init__(self, text: str, target: Target, run: str) -> None:
            super().__init__()
            self.text: str = text
            self.target: Target = target
            self.run: str = run

    class Left(Message):
        """The focus goes back to the pane."""

    def __init__(self) -> None:
        super().__init__()
        self.field: ComposerField = ComposerField()
        self._label: Steady = Steady("", id="composer-label", markup=False)
        self._hint: Steady = Steady("", id="composer-hint", markup=False)
        self._run: str = ""
        self._offered: Target = Target("guidance")
        self._target: Target | None = None
        """What the text is for, while there is any."""
        self._kept: str = ""
        self._answers: str = ""
        """The draft that the card of a request has of this text, too; empty when there is none."""
        self._under_way: dict[str, list[str]] = {}
        """What is being sent to each run, and has not arrived."""
        self._timer: Timer | None = None
        self._history: list[str] = []
        self._recalled: int = 0
        self._said: str = ""
        """Why the text could not be sent."""
        self._said_of: str = ""
        self._outdated: bool = False
        """Whether it was said that what the text was for is another thing by now."""

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Vertical(id="composer-row"):
            yield self._label
            yield self.field
        yield self._hint

    @property
    def proc(self) -> ProcTui:
        """The application."""
        return cast("ProcTui", self.app)

    def on_mount(self) -> None:
        """It takes no focus by itself."""
        self.field.can_focus = False
        self._draw()

    # ---- for the pane

    @property
    def target(self) -> Target:
        """What the text is for."""
        return self._target or self._offered

    def show(self, run: str, offered: Target | None) -> None:
        """Another run, or something else can be written to it; None when nothing can."""
        other = run != self._run or (offered is not None and offered.name != self._offered.name)
        if run != self._run:
            self._keep_now()
            self._run, self._target, self._recalled, self._said, self._outdated = run, None, 0, "", False
            self._history = []
            self._offered = offered or Target("guidance")
            self._restore(self._written() if offered is not None else None)
        if offered is not None:
            self._offered = offered
            if self._target is not None and self._target.name == offered.name:
                self._target = offered
            if other and offered.draft and not self.field.text:
                self._restore(self.proc.memory.draft(offered.draft))
        self.set_class(offered is not None, "-open")
        self._draw()

    def _written(self) -> Draft | None:
        """What was written to the run, after what was being sent when the program ended."""
        memory, run = self.proc.memory, self._run
        draft, unsent = memory.draft(self._draft_key), memory.draft(f"sending {run}")
        if unsent is None or self._under_way.get(run):
            return draft
        draft = draft or Draft(decision="guidance")
        draft = msgspec.structs.replace(draft, text=_joined(unsent.text, draft.text))
        self._keep({self._draft_key: draft, **self._unsent(run)})
        return draft

    def _restore(self, draft: Draft | None) -> None:
        """What was written before is there again, for what it was written for."""
        text = (draft.text or draft.note) if draft is not None else ""
        if draft is not None and draft.text:
            # What it was for may be gone by now: then sending says so, and nothing goes elsewhere.
            kind, _, key = draft.decision.partition(" ")
            same = self._offered.name == draft.decision
            self._target = self._offered if same else Target(kind or "guidance", Seen.of_key(key))
        elif text:
            self._target = self._offered
        self._kept, self._answers = text, self.target.draft if text else ""
        self.field.load_text(text)

    def take_focus(self) -> None:
        """By `i` or a click only."""
        if self.has_class("-open"):
            if self._outdated and self._offered.kind == self.target.kind:
                self._retarget()
            self.field.can_focus = True
            self.field.focus()
            if not self.field.text and self.target.default:
                if why := too_long(self.target.default):
                    self.proc.say(f"the answer that was proposed is not put here, {why}", "warning")
                else:
                    self.field.insert(self.target.default)

    def sending(self, text: str) -> None:
        """It is being sent: the field is free, and the text is kept on the disk until it has arrived."""
        self._under_way.setdefault(self._run, []).append(text)
        self._keep(self._unsent(self._run))
        self.done(text)

    def sent(self, run: str, text: str) -> None:
        """It has arrived."""
        self._under_way[run].remove(text)
        self._keep(self._unsent(run))

    def returned(self, run: str, text: str, why: str) -> None:
        """It could not be sent, and is there again before what was written since."""
        self.sent(run, text)
        if run == self._run:
            self.field.load_text(_joined(text, self.field.text))
            self._changed()
            self.refused(why)
            if not self.field.has_focus:
                self.proc.say(f"not sent: {why}", "warning")
            return
        key = f"composer {run}"
        draft = self.proc.memory.draft(key) or Draft(decision="guidance")
        self._keep({key: msgspec.structs.replace(draft, text=_joined(text, draft.text))})
        self.proc.say(f"not sent to run {run[:4]}, which has your text: {why}", "warning")

    def _unsent(self, run: str) -> dict[str, Draft]:
        return {f"sending {run}": Draft("\n".join(self._under_way.get(run, [])))}

    def done(self, text: str) -> None:
        """It was sent."""
        self._history = [*(one for one in self._history if one != text), text][-MOST_HISTORY:]
        self._recalled, self._said, self._answers = 0, "", ""
        self.field.load_text("")
        self._changed()
        self._keep_now()

    def refused(self, why: str) -> None:
        """It could not be sent, and stays."""
        self._said, self._said_of = why, self.field.text
        self._draw()

    def outdated(self, why: str) -> None:
        """The same, for what the text was for is settled or asked anew: it never goes elsewhere by itself.

        Where something of its kind is asked now, the text is for that once the field was left and entered again.
        """
        self._outdated = True
        again = self._offered.kind == self.target.kind
        self.refused(f"{why}; esc, then i, makes it one to what is asked now" if again else why)

    # ---- inside

    def _retarget(self) -> None:
        self._target, self._outdated, self._said, self._kept = self._offered, False, "", ""
        self._keep_now()
        self._draw()

    @property
    def _draft_key(self) -> str:
        return f"composer {self._run}"

    def _draw(self) -> None:
        glyphs = self.proc.glyphs
        sign = "▸" if glyphs.name == "unicode" else ">"
        self._label.update(Content(f"{self.target.kind} {sign} "))
        if self._said:
            self._hint.update(safe_line(self._said, "$bad"))
        else:
            self._hint.update(safe_line(self.target.about))
        placeholder = (
            ""
            if self.field.has_focus
            else f"press i to write {'an answer' if self.target.kind == 'answer' else 'to the run'}"
        )
        if self.field.placeholder != placeholder:
            self.field.placeholder = placeholder

    def _changed(self) -> None:
        if not self.field.text:
            self._target, self._outdated = None, False
        elif self._target is None:
            self._target = self._offered
        self.field.recalls = not self.field.text or (
            bool(self._recalled) and self.field.text == self._history[-self._recalled]
        )
        self._draw()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The draft is kept a moment later."""
        event.stop()
        if self.field.text != self._said_of:
            self._said = ""
        self._changed()
        if self._timer is None and self.field.text != self._kept:
            self._timer = self.set_timer(DRAFT_SECONDS, self._keep_now)

    def _keep_now(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text = self.field.text
        if self._run and text != self._kept:
            self._kept = text
            self._keep(self._drafts(text))

    def _keep(self, drafts: dict[str, Draft]) -> None:
        memory = self.proc.memory
        memory.take_drafts(drafts)
        self.run_worker(memory.write_drafts, thread=True, exit_on_error=False, group="draft")

    def _drafts(self, text: str) -> dict[str, Draft]:
        """What is kept of a text: for the run, and for an answer where its card finds it, too."""
        drafts = {self._draft_key: Draft(text, decision=self.target.name) if text else Draft()}
        if self._answers:
            drafts[self._answers] = Draft()
        self._answers = self.target.draft if text else ""
        if self._answers:
            drafts[self._answers] = Draft(note=text)
        return drafts

    def on_composer_field_recalled(self, event: ComposerField.Recalled) -> None:
        """Through what was sent before."""
        event.stop()
        wanted = max(0, min(self._recalled - event.step, len(self._history)))
        if wanted != self._recalled:
            self._recalled = wanted
            self.field.load_text(self._history[-wanted] if wanted else "")
            self.field.move_cursor(self.field.document.end)
            self._changed()

    def on_composer_field_left(self, event: ComposerField.Left) -> None:
        """Esc leaves the field, with what was written in it."""
        event.stop()
        self._keep_now()
        self.post_message(self.Left())

    def on_composer_field_sent(self, event: ComposerField.Sent) -> None:
        """Enter sends."""
        event.stop()
        text = self.field.text.strip()
        if text:
            self.post_message(self.Submitted(text, self.target, self._run))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The field takes no focus by itself."""
        self.field.can_focus = False
        self._keep_now()
        self._draw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Says what will happen."""
        self._draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click into it."""
        self.take_focus()

    def on_unmount(self) -> None:
        """What was written stays."""
        if self._run and self.field.text != self._kept:
            self.proc.memory.take_drafts(self._drafts(self.field.text))
        self.proc.memory.write_drafts()


def _joined(before: str, after: str) -> str:
    return f"{before}\n{after}" if before and after else before or after
