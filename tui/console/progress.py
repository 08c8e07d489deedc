"""News of runs on standard error: lines that stay, and on a terminal one line in place that says what goes on now.

Belongs here: drawing. Never: what is worth saying (`foreground.py`, `commands/watch.py`).
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..clean import clip
from .output import coloured, tell

if TYPE_CHECKING:
    from collections.abc import Generator

_PATIENCE = 0.15
"""Nothing is drawn in place before so many seconds, so that a quick run leaves the screen alone."""
_LONG = 0.7
"""Seconds after which somebody wonders what goes on."""


class Progress:
    """One status line, redrawn in place on a terminal that can; without one only the lines that stay."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._shown = ""
        self._since = time.monotonic()
        self.paused: bool = False
        """True while somebody types: the line below the cursor is theirs."""

    @property
    def live(self) -> bool:
        """Whether there is a line in place."""
        return self._live

    @property
    def width(self) -> int:
        """How many columns the line in place may take."""
        return shutil.get_terminal_size().columns - 1

    def line(self, text: str) -> None:
        """Prints a line that stays, above the one in place."""
        if self._quiet:
            return
        if self.paused:
            self._write("\r\x1b[K" if self._live else "\n")
        self.clear()
        tell(text)

    def draw(self, text: str) -> None:
        """Replaces the line in place; the text is cleaned and without styles."""
        if not self._live or self.paused or time.monotonic() - self._since < _PATIENCE:
            return
        text = clip(text, self.width)
        if text != self._shown:
            shown = click.style(text, dim=True) if coloured(sys.stderr) else text
            self._write(f"\r{shown}\x1b[K")
            self._shown = text

    @contextmanager
    def patient(self, text: str) -> Generator[None]:
        """Shows the text in place while something takes longer than a moment."""
        shown = threading.Timer(_LONG, self.draw, [text])
        shown.daemon = True
        shown.start()
        try:
            yield
        finally:
            shown.cancel()
            shown.join()
            self.clear()

    def clear(self) -> None:
        """Removes the line in place."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = ""

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
