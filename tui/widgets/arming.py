"""Whether the keys of a card act: only after it was seen, and never for what was pasted or torn.

A card is armed some time after the terminal has answered a question that was sent behind the painted card (the report
of the cursor, CSI 6n): whatever was typed before came before that answer, however slow the line is. Belongs here:
counting, bursts, and what is left of torn escape sequences. Never: what a key does.
"""

from __future__ import annotations

import weakref
from collections import deque
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from ..app import ProcTui

REPORT = "\x1b[6n"
_REPEATED = frozenset(("j", "k", "h", "l", "n", "N", "J", "K", "comma", "full_stop"))
"""Keys that people hold down."""
_TORN = frozenset("0123456789;:<?>")
"""What stands between `[` and the last character of an escape sequence."""


class Timing(msgspec.Struct, frozen=True):
    """How long things take, in seconds."""

    arm: float = 0.35
    """From the terminal's answer until keys act."""
    silent: float = 1.5
    """How long an answer is waited for from a terminal that has never given one."""
    lost: float = 10.0
    """The same for one that has: the line is slow, or the answer was lost."""
    burst: float = 0.05
    """A second character within this was not typed by hand."""
    torn: float = 0.5
    """How long the rest of a torn escape sequence is waited for."""


REMOTE = Timing(silent=4.0)
"""Over SSH."""
HEADLESS = Timing(arm=0.0, silent=0.0, burst=0.0)
"""Without a terminal there is nothing to wait for."""


class Watcher(Protocol):
    """What is told of bursts."""

    def burst(self) -> None:
        """Characters came that nobody typed by hand."""
        ...


class Keyboard:
    """What comes from the terminal, before anything acts on it; one for the application."""

    def __init__(self, write: Callable[[str], bool], timing: Timing, *, asks: bool) -> None:
        """`write` writes to the terminal, or gives False; without `asks` it is never asked anything."""
        self.timing: Timing = timing
        self.asks: bool = asks
        self._write: Callable[[str], bool] = write
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        """What was asked and when, the oldest first."""
        self._answered: bool = False
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self.by_hand: bool = True
        """Whether the latest key came so long after the one before that a hand can have pressed it."""
        self._last: float = float("-inf")
        self._last_key: str = ""
        self._torn_until: float = float("-inf")

    @property
    def latest(self) -> float:
        """When the latest letter came."""
        return self._last

    def watch(self, watcher: Watcher) -> None:
        """Tells something of bursts from now on, as long as it lives."""
        self._watchers.add(watcher)

    def ask(self, then: Callable[[], None]) -> float:
        """Asks the terminal where the cursor is; `then` is called when it answers. Returns how long to wait."""
        if self._write(REPORT):
            self._waiting.append((monotonic(), then))
        return self.timing.lost if self._answered else self.timing.silent

    def answered(self) -> None:
        """The terminal has answered: to the oldest question, for it answers in order.

        Some answers are lost, to a program that had the terminal meanwhile, for example; the questions are given up, or
        each later answer would be taken for that to the question before.
        """
        self._answered = True
        while self._waiting and monotonic() - self._waiting[0][0] > self.timing.lost:
            self._waiting.popleft()
        if self._waiting:
            self._waiting.popleft()[1]()

    def sees(self, event: events.Key, *, in_text: bool) -> bool:
        """Looks at a key before it acts; True for one that must not act at all."""
        self.by_hand = event.time - self._last >= self.timing.burst
        if in_text:
            self._last, self._last_key = event.time, ""
            return False
        if self._is_torn(event):
            self._tell()
            return True
        if event.is_printable:
            held = event.key == self._last_key and event.key in _REPEATED
            if not self.by_hand and not held:
                self._tell()
            self._last, self._last_key = event.time, event.key
        return False

    def pasted(self) -> None:
        """A text was pasted where none is taken."""
        self._tell()

    def _tell(self) -> None:
        for watcher in list(self._watchers):
            watcher.burst()

    def _is_torn(self, event: events.Key) -> bool:
        """Whether this is a part of an escape sequence that a slow line has torn: nothing but those is on `[`."""
        if event.key == "left_square_bracket":
            self._torn_until = event.time + self.timing.torn
            return True
        if event.time > self._torn_until or not event.is_printable or event.character is None:
            self._torn_until = float("-inf")
            return False
        self._torn_until = event.time + self.timing.torn if event.character in _TORN else float("-inf")
        return True


class Typed(Protocol):
    """A widget that keys act on."""

    @property
    def proc(self) -> ProcTui:
        """The application."""
        ...

    def call_after_refresh(self, callback: Callable[..., object], *args: object) -> bool:
        """As of a widget."""
        ...

    def set_timer(self, delay: float, callback: Callable[[], object]) -> object:
        """As of a widget."""
        ...


class Trigger:
    """Whether the keys of one card act."""

    def __init__(self, widget: Typed, changed: Callable[[], None], undo: Callable[[], None]) -> None:
        """`changed` is called when it is armed or is no more; `undo` when a burst came."""
        self._widget: Typed = widget
        self._changed: Callable[[], None] = changed
        self._undo: Callable[[], None] = undo
        self._round: int = 0
        self.armed: bool = False
        self.arming: bool = False
        """Whether it is going to be."""

    @property
    def _keyboard(self) -> Keyboard:
        return self._widget.proc.keyboard

    def arm(self) -> None:
        """Counts anew, once what is to be seen was painted."""
        self._round += 1
        self.armed, self.arming = False, True
        self._keyboard.watch(self)
        self._changed()
        self._widget.call_after_refresh(self._painted, self._round)

    def disarm(self) -> None:
        """No key acts any more."""
        self._round += 1
        if self.armed or self.arming:
            self.armed = self.arming = False
            self._changed()

    def burst(self) -> None:
        """As `Watcher` says."""
        self._undo()
        if self.armed or self.arming:
            self.arm()

    def _painted(self, number: int) -> None:
        if number != self._round:
            return
        if self._keyboard.asks:
            patience = self._keyboard.ask(partial(self._seen, number))
            self._widget.set_timer(patience, partial(self._seen, number))
        else:
            self._seen(number)

    def _seen(self, number: int) -> None:
        if number == self._round and self.arming:
            self._round += 1
            if self._keyboard.timing.arm:
                self._widget.set_timer(self._keyboard.timing.arm, partial(self._ready, self._round))
            else:
                self._ready(self._round)

    def _ready(self, number: int) -> None:
        if number == self._round and self.arming:
            self.armed, self.arming = True, False
            self._changed()
