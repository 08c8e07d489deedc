"""What the interface remembers, for one workspace and one terminal, and the drafts of what people write.

Nothing of it is shared between people: it lies in the user's own state folder. Files are written beside their name and
renamed, so that a crash leaves the old one. Belongs here: files. Never: what runs do (that is the journal), secrets.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import platformdirs

if TYPE_CHECKING:
    from collections.abc import Mapping


T = TypeVar("T")


class Later(msgspec.Struct, frozen=True):
    """A request that somebody put off for themselves."""

    attempt: int
    until: float
    """When it is shown again; 0 for when it is asked again."""


REMIND_PART = 0.1
"""A request that was put off is shown again when so much of its time is left."""
MOST_LATER = 200


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """How somebody left the interface."""

    run: str | None = None
    """The selected run."""
    front: str = "state"
    """The pane that is in front where several share a place."""
    zoomed: bool = False
    theme: str = ""
    filters: dict[str, str] = {}
    """What each pane leaves out, by the pane's name."""
    unfolded: list[str] = []
    """Runs whose children are shown one by one."""
    seen: int = 0
    """The newest event of the workspace when the interface was left."""
    left_at: float = 0.0
    later: dict[str, Later] = {}
    """Requests that were put off, by their ids."""


class Left(msgspec.Struct, frozen=True):
    """When this person last saw the workspace, at any terminal."""

    at: float = 0.0


class Person(msgspec.Struct, frozen=True):
    """Who somebody says they are, in every workspace and at any terminal."""

    name: str = ""


PERSON = "person.json"


def claimed_name(folder: Path | None = None) -> str:
    """In whose name this person answers, in the interface and by commands; empty until they said so."""
    return (_read((folder or _place()) / PERSON, Person) or Person()).name


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody has written and not sent."""

    text: str = ""
    note: str = ""
    decision: str = ""


class Memory:
    """The files of one workspace, seen from one terminal."""

    def __init__(self, workspace: Path, *, folder: Path | None = None, terminal: str | None = None) -> None:
        place = folder or _place()
        self._person: Path = place / PERSON
        self.name: str = claimed_name(place)
        """In whose name this person answers; empty until they said so."""
        self._folder: Path = place / _name(str(workspace))
        self._file: Path = (
            self._folder / f"{_name(terminal if terminal is not None else terminal_name(os.environ))}.json"
        )
        self.now: Remembered = _read(self._file, Remembered) or Remembered()
        """What is remembered."""
        self._unwritten: dict[str, Draft] = {}
        """The newest drafts that are not on the disk yet."""
        self._taking: threading.Lock = threading.Lock()
        self._writing: threading.Lock = threading.Lock()

    def keep(self, **fields: object) -> None:
        """Remembers some fields of `Remembered` anew. What cannot be written is forgotten, never an error."""
        remembered = msgspec.structs.replace(self.now, **fields)
        if remembered != self.now:
            self.now = remembered
            _write(self._file, remembered)

    def is_later(self, request: str, attempt: int, now: float = 0.0) -> bool:
        """Whether a request was put off, and has not been asked again since; `now` also asks for its reminder."""
        later = self.now.later.get(request)
        return later is not None and later.attempt == attempt and not (later.until and now >= later.until)

    def put_off(self, request: str, attempt: int, deadline: float | None, now: float) -> bool:
        """Puts a request off for this person, until shortly before its deadline, or takes that back; which it was."""
        later = dict(self.now.later)
        put = not self.is_later(request, attempt, now)
        if put:
            later[request] = Later(attempt, 0.0 if deadline is None else deadline - (deadline - now) * REMIND_PART)
        else:
            del later[request]
        self.keep(later=dict(list(later.items())[-MOST_LATER:]))
        return put

    def keep_name(self, name: str) -> None:
        """Remembers in whose name this person answers, for all workspaces."""
        self.name = name
        _write(self._person, Person(name), sync=True)

    @property
    def left_at(self) -> float:
        """When this person last had the workspace before their eyes, at any terminal; 0 when never."""
        return (_read(self._folder / "left.json", Left) or Left()).at

    def keep_left(self, at: float) -> None:
        """Notes that this person sees the workspace now."""
        if at > self.left_at:
            _write(self._folder / "left.json", Left(at))

    def draft(self, key: str) -> Draft | None:
        """The draft for a request with a digest, a composer or a form; `key` names it."""
        draft = self._unwritten.get(key)
        if draft is not None:
            return None if draft == Draft() else draft
        return _read(self._draft(key), Draft)

    def keep_draft(self, key: str, draft: Draft) -> None:
        """Keeps a draft over everything but the loss of the disk; an empty one is dropped."""
        self.take_drafts({key: draft})
        self.write_drafts()

    def take_drafts(self, drafts: Mapping[str, Draft]) -> None:
        """Takes drafts that `write_drafts` writes; whoever asks is given them from now on."""
        with self._taking:
            self._unwritten.update(drafts)

    def write_drafts(self) -> None:
        """Writes what was taken. Threads may do it at the same time: what was taken last is what stays.

        What cannot be written, on a full disk, is kept as long as the program runs, and tried again the next time.
        """
        with self._writing:
            with self._taking:
                taken = dict(self._unwritten)
            for key, draft in taken.items():
                written = _remove(self._draft(key)) if draft == Draft() else _write(self._draft(key), draft, sync=True)
                with self._taking:
                    if written and self._unwritten.get(key) is draft:
                        del self._unwritten[key]

    def drop_draft(self, key: str) -> None:
        """The draft was sent, or given up."""
        self.keep_draft(key, Draft())

    def _draft(self, key: str) -> Path:
        return self._folder / "drafts" / f"{_name(key)}.json"


def _place() -> Path:
    return Path(platformdirs.user_state_dir("proc-tui")) / "interface"


def terminal_name(environment: Mapping[str, str]) -> str:
    """What tells this terminal from others, also after a restart of the program in it."""
    for name in ("TMUX_PANE", "TERM_SESSION_ID", "WEZTERM_PANE", "KITTY_WINDOW_ID", "WINDOWID", "SSH_TTY"):
        if environment.get(name):
            return f"{name}={environment[name]}"
    for number in (0, 1, 2):
        with suppress(OSError):
            return os.ttyname(number)
    return "none"


def _name(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=10).hexdigest()


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def _remove(file: Path) -> bool:
    """Whether there is no such file now."""
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _write(file: Path, content: object, *, sync: bool = False) -> bool:
    """Whether a file was written."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(msgspec.json.encode(content))
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        return False
    return True
