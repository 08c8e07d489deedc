"""What people write on a card: a comment, an answer, the edited artifact, the word that confirms.

Nothing of it is lost: what is typed is kept on the disk a moment later, by the request and the digest of what it is
about, so that it survives the end of the program, however it comes. Belongs here: fields, drafts, and telling others
that somebody edits. Never: what is decided with the text (`card_answering.py`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from ..memory import Draft
from ..readable import of_yaml
from .artifact import of_source
from .field import MOST_LINE, Field, too_long
from .seen import seen

if TYPE_CHECKING:
    from textual.widgets import TextArea

    from ...core.values import Value
    from .artifact import Text
    from .card import Card

DRAFT_SECONDS = 0.2
"""How long after a key what was typed is kept on the disk."""
QUICK_YAML = 5_000
"""Characters of edited data that are read at once."""
MOST_LINES = 20_000
"""Lines of a text that a field takes without being slow."""
EDITING_SECONDS = 20.0
"""How often it is said again that somebody edits."""
MOST_FIELD = 16
"""Rows of the field for an artifact in the conversation."""


class Writing:
    """The fields of one card."""

    def __init__(self, card: Card) -> None:
        self._card: Card = card
        self.field: Field | None = None
        """The field that is open."""
        self._keeping: bool = False
        self._edits_at: float = 0.0
        self._edited: str = ""
        """The request whose artifact is in a field."""
        self.checking: bool = False
        """Whether it is being looked, off the loop, if the edited artifact is one."""
        self._value: tuple[Text, Value] | None = None
        """The edited artifact as data, where that was looked at."""
        self._unsaid: deque[tuple[str, bool]] = deque()
        """Requests of which others are to hear that they are being edited, or are no more."""
        self._saying: Lock = Lock()

    def clock(self, now: float) -> None:
        """A second has passed: others are told again that somebody edits."""
        if self.field is not None and self.field.purpose == "artifact" and now - self._edits_at >= EDITING_SECONDS:
            self._say_editing(self._edited, True)

    # ---- fields

    def may_open(self) -> bool:
        """Whether a field may be opened now; says why not. A field decides nothing, so that it may while arming."""
        card = self._card
        if card.decider.now is not None or not (card.trigger.armed or card.trigger.arming):
            return False
        if card.outcome is not None or (not card.whole and card.proc.at is not None):
            card.proc.say(card.why_not(), "warning")
            return False
        return True

    def open(self, field: Field) -> None:
        """Opens a field below the body, or in its place."""
        self.leave()
        card = self._card
        self.field = field
        card.body.set_class(field.purpose == "artifact", "-away")
        if field.purpose == "artifact" and not card.whole:
            field.styles.height = max(4, min(MOST_FIELD, (card.room or 99) - 8))
        card.put(field)
        card.trigger.disarm()
        field.focus()
        field.move_cursor(field.document.end if field.purpose != "artifact" else (0, 0))
        card.look()

    def leave(self, *, focus: bool = False) -> None:
        """Closes the field; what was typed in it is kept."""
        field, self.field = self.field, None
        if field is None:
            return
        if self._keeping:
            self.keep()
        if field.purpose == "artifact":
            self._say_editing(self._edited, False)
        card = self._card
        card.body.set_class(False, "-away")
        field.remove()
        if focus:
            card.take_focus()
        card.rebuild()

    def comment(self) -> None:
        """Opens the field for a comment, or for the answer that is asked for."""
        card, data = self._card, self._card.event.data
        if card.request.type == "input":
            default = data.get("default")
            start = card.note or (default if isinstance(default, str) else "")
            if why := too_long(start):
                card.proc.say(f"the answer that was proposed is not put here, {why}", "warning")
                start = ""
            self.open(Field("answer", start, lines=bool(data.get("multiline"))))
        elif card.request.type == "escalation":
            self.open(Field("resolution", card.note, lines=True))
        else:
            self.open(Field("comment", card.note, lines=True))

    def changed(self, area: TextArea) -> None:
        """Takes what is being typed."""
        field, card = self.field, self._card
        if field is None or area is not field or field.purpose == "confirm":
            return
        if field.purpose == "artifact":
            self.take(field.text)
        else:
            card.note = field.text
        if not self._keeping:
            self._keeping = True
            card.set_timer(DRAFT_SECONDS, self.keep)

    # ---- the artifact

    def edit_here(self) -> None:
        """Opens the artifact in a field."""
        card = self._card
        if card.text is not None:
            source = (card.edited or card.text).source
            if why := _unfit(source):
                card.proc.say(f"{why}: E opens it in $EDITOR", "warning")
                return
            self.open(Field("artifact", source))
            self._edited = card.request.id
            self._say_editing(self._edited, True)

    def edit_outside(self) -> None:
        """Opens the artifact in the person's editor."""
        from ..editor import edit_text

        card = self._card
        if card.text is None:
            return
        text, before, request = card.text, card.about, card.request.id

        def done(source: str) -> bool:
            self._say_editing(request, False)
            taken = card.outcome is None and card.shows(before)
            if taken:
                self.take(source.removesuffix("\n") if not text.source.endswith("\n") else source)
                self.keep()
                card.rebuild()
            card.arm()
            return taken

        self._say_editing(request, True)
        edit_text(card.proc, (card.edited or text).source, ".txt" if text.is_text else ".yaml", done)

    def take(self, source: str) -> None:
        """Takes an edited artifact, if it is one."""
        card = self._card
        assert card.text is not None
        card.edit_error = ""
        if source == card.text.source:
            card.edited = None
            return
        card.edited = of_source(source, card.text.is_text, card.text.kind)
        if not card.text.is_text:
            self._check(card.edited)
        card.body.mode_after_edit()

    def _check(self, edited: Text) -> None:
        """Looks whether edited data is right; a large one off the loop, where only the latest counts."""
        card = self._card
        if len(edited.source) <= QUICK_YAML:
            self._checked(edited, _read(edited.source))
        elif not self.checking:
            self.checking = True

            async def checking() -> None:
                latest = edited
                try:
                    while True:
                        found = await asyncio.to_thread(_read, latest.source)
                        if card.edited is None or card.edited is latest or len(card.edited.source) <= QUICK_YAML:
                            break
                        latest = card.edited
                finally:
                    self.checking = False
                self._checked(latest, found)
                card.rebuild()

            card.proc.run_worker(checking(), exit_on_error=False, group="read", name="edited")

    def _checked(self, edited: Text, found: tuple[Value, str]) -> None:
        if self._card.edited is edited:
            self._value = (edited, found[0])
            self._card.edit_error = found[1]

    def value(self) -> Value:
        """What the edited artifact is now, as it is given back; None when it was not edited. Raises `ValueError`."""
        edited = self._card.edited
        if edited is None or edited.is_text:
            return None if edited is None else edited.source
        if self._value is not None and self._value[0] is edited:
            return self._value[1]
        return of_yaml(edited.source)

    def drop_edit(self) -> None:
        """Back to the artifact as it was proposed."""
        card = self._card
        card.edited, card.edit_error = None, ""
        self.keep()
        card.rebuild()
        card.arm()

    # ---- drafts, and others

    @property
    def _key(self) -> str:
        return seen(self._card.request).key

    def restore(self) -> None:
        """What was written and not sent is there again."""
        card = self._card
        draft = card.proc.memory.draft(self._key)
        if draft is not None:
            card.note = draft.note
            if draft.text and card.text is not None and not card.text.unread:
                self.take(draft.text)

    def keep(self) -> None:
        """Keeps what was written, and has a thread write it to the disk."""
        self._keeping = False
        card = self._card
        if card.outcome is None and card.decider.now is None:
            draft = Draft(text=card.edited.source if card.edited is not None else "", note=card.note)
            self._take(draft)

    def drop(self) -> None:
        """The request is settled: nothing can be sent any more."""
        self._take(Draft())

    def _take(self, draft: Draft) -> None:
        proc = self._card.proc
        proc.memory.take_drafts({self._key: draft})
        # The application's: a card that goes takes its own workers with it.
        proc.run_worker(proc.memory.write_drafts, thread=True, exit_on_error=False, group="draft")

    def _say_editing(self, request: str, on: bool) -> None:
        """Tells others that the artifact is being changed here, or is no more; in the order of the calls."""
        operator = self._card.proc.operator
        self._edits_at = self._card.proc.now()
        self._unsaid.append((request, on))

        def say() -> None:
            with self._saying:
                while self._unsaid:
                    about, begins = self._unsaid.popleft()
                    (operator.edit if begins else operator.stop_editing)(about)

        self._card.proc.act(say)


def _read(source: str) -> tuple[Value, str]:
    """Edited data, and what is wrong with it."""
    try:
        return of_yaml(source), ""
    except ValueError as error:
        return None, str(error)


def _unfit(source: str) -> str:
    """Why an artifact cannot be edited in a field, in words; empty when it can."""
    text = source.removesuffix("\n")
    if text.count("\n") > MOST_LINES or max(map(len, text.split("\n"))) > MOST_LINE:
        return "it is too long to be edited here"
    # A field makes one kind of line end of all those that there are.
    return "" if text.split("\n") == (text.splitlines() or [""]) else "editing it here would change its line ends"
