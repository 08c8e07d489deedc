"""Asking one request on the terminal, line by line: the answer that was given, or none.

Belongs here: the questions. Never: posting the answer, or noticing that somebody else was faster
(`answering.py` does, and cancels the question).
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.operator import Given
from ...core.values import as_bytes
from ..clean import oneline, visible
from ..readable import as_yaml, brief, of_yaml
from .cards import decisions, refuses, section
from .output import paint, tell

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest
    from ...core.values import Value
    from .terminal import Terminal

_YES, _NO = ("y", "yes", "approve"), ("n", "no", "reject")


class Question:
    """One request, put to the person at the terminal."""

    def __init__(self, request: PendingRequest, terminal: Terminal) -> None:
        self._request: PendingRequest = request
        self._terminal: Terminal = terminal
        self._artifact: Value = None
        """The edited artifact; None while it is as it was."""
        self.editing: bool = False
        """True while an editor has the terminal."""

    async def ask(self) -> Given | None:
        """The answer; None when the person leaves it for later (^D)."""
        self._terminal.forget()
        match self._request.type:
            case "approval":
                return await self._approval()
            case "input":
                return await self._input()
            case "review":
                return await self._review()
            case _:
                return await self._escalation()

    async def _approval(self) -> Given | None:
        while (line := await self._line("approve? y/n, a comment may follow (^D: later) ")) is not None:
            word, _, comment = line.strip().partition(" ")
            feedback = comment.strip() or None
            if word.casefold() in _NO:
                return Given(approved=False, feedback=feedback)
            if word.casefold() in _YES:
                confirmed, typed = await self._confirm()
                if confirmed:
                    return Given(approved=True, feedback=feedback, typed=typed)
            elif word:
                tell('  Type "y" or "n".')
        return None

    async def _input(self) -> Given | None:
        data = self._request.event.data
        default = data.get("default")
        several = bool(data.get("multiline"))
        if several:
            tell("  Several lines; end with a line that holds a single dot (^D: later).")
        elif isinstance(default, str):
            tell(f'  Enter alone takes "{brief(default)}" (^D: later).')
        while True:
            text = await (self._terminal.lines("> ") if several else self._line("> "))
            if text is None:
                return None
            if not text and isinstance(default, str):
                text = default
            confirmed, typed = await self._confirm()
            if confirmed:
                return Given(text=text, typed=typed)

    async def _review(self) -> Given | None:
        labels = decisions(self._request)
        numbered = "   ".join(f"{number} {oneline(label)}" for number, label in enumerate(labels, 1))
        can_edit = self._request.event.data.get("artifact") is not None
        others = " · e edit · v see again" if can_edit else ""
        while True:
            tell(f"  {numbered}{paint(others, 'quiet')}")
            line = await self._line("decision (^D: later) ")
            if line is None:
                return None
            word = line.strip()
            if can_edit and word == "e":
                await self._edit()
            elif can_edit and word == "v":
                self._show()
            elif (chosen := _decided(line.strip(), labels)) is not None:
                label, feedback = chosen
                if not feedback and (feedback := await self._line("feedback (enter: none) ")) is None:
                    return None
                confirmed, typed = (True, None) if refuses(self._request, label) else await self._confirm()
                if confirmed:
                    return Given(decision=label, feedback=feedback or None, artifact=self._artifact, typed=typed)
            elif word:
                tell(f"  Type a number from 1 to {len(labels)}, or the beginning of a decision.")

    async def _escalation(self) -> Given | None:
        while (note := await self._line("how was it resolved? (^D: later) ")) is not None:
            if note.strip():
                confirmed, typed = await self._confirm()
                if confirmed:
                    return Given(note=note.strip(), typed=typed)
        return None

    async def _line(self, prompt: str) -> str | None:
        return await self._terminal.line(prompt)

    async def _confirm(self) -> tuple[bool, str | None]:
        """Has the word typed that a dangerous request wants."""
        word = self._request.event.data.get("confirm")
        if not isinstance(word, str):
            return True, None
        typed = await self._line(f'this is dangerous: type "{oneline(word)}" to confirm ')
        if typed is not None and typed.strip() == word:
            return True, word
        tell("  That is not the word; nothing was decided.")
        return False, None

    # ---- the artifact

    def _show(self) -> None:
        original = self._request.event.data.get("artifact")
        for line in section("artifact", original if self._artifact is None else self._artifact):
            tell(line)

    async def _edit(self) -> None:
        """Opens the artifact in the person's editor: text as it is, a table as YAML."""
        original = self._request.event.data.get("artifact")
        current = original if self._artifact is None else self._artifact
        raw = as_bytes(current)
        before = raw.decode(errors="replace") if raw is not None else as_yaml(current)
        self.editing = True
        try:
            after = await asyncio.to_thread(edit, before, ".txt" if raw is not None else ".yaml")
        except OSError as error:
            tell(f"  {visible(error)}")
            return
        finally:
            self.editing = False
        if after == before:
            tell("  Not changed.")
            return
        if raw is not None:
            # Editors end a file with a line break; a text that had none does not get one.
            self._artifact = after.removesuffix("\n") if not before.endswith("\n") else after
        else:
            try:
                self._artifact = of_yaml(after)
            except ValueError as error:
                tell(f"  This is not YAML, so the artifact stays as it was: {visible(error)}")
                return
        tell("  Edited; it goes with your decision. v shows it.")


def _decided(line: str, labels: list[str]) -> tuple[str, str] | None:
    """The label and the comment of a line: a number, a label or the beginning of only one, then perhaps a comment."""
    for label in sorted(labels, key=len, reverse=True):
        if line.casefold() == label.casefold() or line.casefold().startswith(f"{label.casefold()} "):
            return label, line[len(label) :].strip()
    word, _, comment = line.partition(" ")
    if word.isdigit():
        return (labels[int(word) - 1], comment.strip()) if 1 <= int(word) <= len(labels) else None
    begun = [label for label in labels if word and label.casefold().startswith(word.casefold())]
    return (begun[0], comment.strip()) if len(begun) == 1 else None


def edit(text: str, suffix: str) -> str:
    """The text after the person edited it in $VISUAL or $EDITOR. Blocks; raises `OSError` when that failed."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="proc-tui-") as folder:
        file = Path(folder) / f"artifact{suffix}"
        file.write_text(text, encoding="utf-8")
        code = subprocess.run([*command, str(file)], check=False).returncode
        if code:
            raise OSError(f"{command[0]} ended with code {code}; the artifact stays as it was")
        return file.read_text(encoding="utf-8", errors="replace")
