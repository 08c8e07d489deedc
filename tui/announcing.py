"""Telling people that something waits for them: which requests are new or nearly due, and the ways to say it.

The bell, the title and OSC 9 or 777 reach whoever looks at the terminal; the command of `[notify]` reaches the others,
also from a worker without a screen. That command is taken from the user's own configuration only: a workspace that came
from elsewhere must not start programs. One request is told once by all processes of a user together. Belongs here:
what to tell, and telling it. Never: looking for requests.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import platformdirs

from ..core.errors import ProcError
from .clean import clip, oneline
from .configured import Configured
from .words import clock, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..core.journal.requests import PendingRequest
    from ..core.operator import Operator

LONGEST = 200
"""Characters of a message."""
KEPT_DAYS = 30
"""After which it is forgotten what was told."""


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section `[notify]`."""

    bell: bool = True
    """Whether a request rings the terminal's bell."""
    osc: Literal["", "9", "777"] = ""
    """The terminal's own notifications: `9` or `777`, whichever it has."""
    command: str | list[str] = ""
    """A program and its arguments; `{title}` and `{message}` in them are replaced, no shell reads them."""
    remind: str = "10m"
    """How long before a deadline it is told again; at most a quarter of the time there was."""

    @property
    def words(self) -> list[str]:
        """The command."""
        return shlex.split(self.command) if isinstance(self.command, str) else self.command


class Announcement(msgspec.Struct, frozen=True):
    """Something to tell."""

    kind: Literal["asked", "due"]
    request: PendingRequest
    workspace: str
    left: float | None = None
    """Seconds to the deadline."""

    @property
    def key(self) -> str:
        """What makes it the same announcement in every process."""
        return f"{self.kind} {self.workspace} {self.request.id} {self.request.attempt}"

    @property
    def title(self) -> str:
        """What it is about, on one line."""
        due = f", {clock(self.left)} left" if self.kind == "due" and self.left is not None else ""
        return oneline(f"{self.request.procedure} waits for you{due}")

    @property
    def message(self) -> str:
        """What is asked, on one line."""
        return clip(oneline(self.request.message), LONGEST)


class Announcer:
    """What one process has told."""

    def __init__(
        self, workspace: Path, notify: Notify, *, folder: Path | None = None,
        problem: Callable[[str], None] = lambda _text: None,
    ) -> None:  # fmt: skip
        self.notify: Notify = notify
        self._workspace: Path = workspace
        self._folder: Path = folder or Path(platformdirs.user_state_dir("proc-tui")) / "told"
        self._problem: Callable[[str], None] = problem
        self._told: set[str] = set()
        self._running: list[subprocess.Popen[bytes]] = []
        self._before: float = _seconds(notify.remind)

    @classmethod
    def of(
        cls, operator: Operator, *, problem: Callable[[str], None] = lambda _text: None,
        configured: Configured | None = None,
    ) -> Announcer:  # fmt: skip
        """As the user has configured it."""
        notify, problems = load(configured or Configured(operator.workspace))
        for text in problems:
            problem(text)
        return cls(operator.workspace, notify, problem=problem)

    def know(self, requests: Iterable[PendingRequest]) -> None:
        """Somebody sees these requests: they are not told as new any more, here or elsewhere."""
        for request in requests:
            item = Announcement("asked", request, str(self._workspace))
            self._told.add(item.key)
            if self.notify.command:
                self._first(item.key)

    def news(self, requests: Iterable[PendingRequest], now: float) -> list[Announcement]:
        """What was not told here yet."""
        found: list[Announcement] = []
        for request in requests:
            left = None if request.deadline is None else request.deadline - now
            items = [Announcement("asked", request, str(self._workspace), left)]
            if request.deadline is not None and left is not None:
                before = min(self._before, (request.deadline - request.created_at) / 4)
                if 0 < left <= before:
                    items.append(Announcement("due", request, str(self._workspace), left))
            found += [item for item in items if item.key not in self._told]
            self._told.update(item.key for item in items)
        return found

    def look(self, requests: Iterable[PendingRequest], now: float) -> None:
        """For a worker without a screen: runs the command for what is new. Waits for nothing."""
        if self.notify.command:
            for item in self.news(requests, now):
                self.run(item)

    def sequence(self, item: Announcement, environment: Mapping[str, str]) -> str:
        """The terminal's notification; empty when none is configured."""
        if self.notify.osc == "9":
            said = f"\x1b]9;{item.title}: {item.message}\x1b\\"
        elif self.notify.osc == "777":
            said = f"\x1b]777;notify;{item.title.replace(';', ',')};{item.message}\x1b\\"
        else:
            return ""
        # tmux hands on what is wrapped, if `allow-passthrough` is on.
        return f"\x1bPtmux;{said.replace(chr(27), chr(27) * 2)}\x1b\\" if environment.get("TMUX") else said

    def run(self, item: Announcement) -> bool:
        """Runs the command, unless another process has for the same; False then. Waits for nothing."""
        self._running = [process for process in self._running if process.poll() is None]
        words = self.notify.words
        if not words or not self._first(item.key):
            return False
        request = item.request
        told = {
            "PROC_TUI_EVENT": item.kind, "PROC_TUI_WORKSPACE": item.workspace, "PROC_TUI_RUN": request.run,
            "PROC_TUI_REQUEST": request.id, "PROC_TUI_PROCEDURE": oneline(request.procedure),
            "PROC_TUI_TITLE": item.title, "PROC_TUI_MESSAGE": item.message,
            "PROC_TUI_DEADLINE": "" if request.deadline is None else str(int(request.deadline)),
        }  # fmt: skip
        try:
            self._running.append(
                subprocess.Popen(
                    [_filled(word, item) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **told},
                )
            )  # fmt: skip
        except (OSError, ValueError) as error:
            self._problem(f"[notify] command {words[0]}: {error}")
        return True

    def wait(self) -> None:
        """Waits until the commands that were run have ended."""
        for process in self._running:
            process.wait()
        self._running = []

    def _first(self, key: str) -> bool:
        """Whether no process of this user has told it before; notes that it is told now."""
        name = hashlib.blake2b(key.encode(errors="surrogateescape"), digest_size=16).hexdigest()
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        except OSError:
            return True
        if name.startswith("00"):
            self._forget()
        return True

    def _forget(self) -> None:
        """Drops what was told long ago; now and then."""
        oldest = time.time() - KEPT_DAYS * 86400
        for file in self._folder.iterdir():
            try:
                if file.stat().st_mtime < oldest:
                    file.unlink()
            except OSError:
                continue


def load(configured: Configured) -> tuple[Notify, list[str]]:
    """The section of the user's own file, and what is wrong with it, or with one in the workspace."""
    own = configured.own
    problems: list[str] = []
    for file in configured.others:
        with suppress(ProcError):
            if "notify" in configured.file(file):
                problems.append(f"{file}: [notify] has no effect there; it belongs in your own {own}")
    try:
        notify = msgspec.convert(configured.file(own).get("notify", {}), Notify)
        parse_duration(notify.remind)
        return notify, problems
    except (ProcError, msgspec.ValidationError, ValueError) as error:
        return Notify(), [*problems, f"{own}: [notify]: {error}"]


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        return 600.0


def _filled(word: str, item: Announcement) -> str:
    """An argument with its placeholders replaced; what was asked never becomes an option of the program."""
    filled = word.replace("{title}", item.title).replace("{message}", item.message)
    return f" {filled}" if filled.startswith("-") and not word.startswith("-") else filled
