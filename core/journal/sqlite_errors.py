"""What SQLite's errors mean for a person: the one place where they become `Store...` errors.

Belongs here: the texts, which say what happened, that what was committed is intact, and what to do.
Never: catching, retrying, or opening anything. An error that is the caller's own (a broken constraint, a
mistake in SQL) passes through as it is.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ..errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly

if TYPE_CHECKING:
    from pathlib import Path

INTACT = "Nothing that was committed is lost."
ELSEWHERE = "Another place for the database can be configured."

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DOUBTFUL = _DAMAGED | _READ_ONLY | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_SHORT = {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA}


def translate(error: BaseException, path: Path) -> BaseException:
    """A new `Store...` error for a failure of the file or the disk; any other error as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    code: int = getattr(error, "sqlite_errorcode", 0)
    kind, text = _meaning(code, error)
    if kind is None:
        return error
    translated = kind(f"{path}: {text}")
    translated.__cause__ = error
    return translated


def is_doubtful(error: BaseException) -> bool:
    """Whether the connection that raised the error had better be opened again."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DOUBTFUL or code == sqlite3.SQLITE_BUSY_SNAPSHOT


def is_busy(error: BaseException) -> bool:
    """Whether trying again in a moment makes sense."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def _meaning(code: int, error: sqlite3.Error) -> tuple[type[StoreError] | None, str]:
    base = code & 0xFF
    if base in _BUSY:
        return StoreBusy, (
            "another program holds the database locked (perhaps a backup, or a sqlite3 shell inside a transaction). "
            f"Nothing was written now. {INTACT} Try again once it has finished."
        )
    if base == sqlite3.SQLITE_FULL:
        return (
            StoreFull,
            f"there is no room left on the disk. Nothing was written now. {INTACT} Free some space and try again.",
        )
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return StoreError, moved()
    if base in _READ_ONLY:
        return StoreReadOnly, (
            f"the database or its folder cannot be written by this user ({error}). {INTACT} "
            f"Give yourself write permission, or see who owns the folder. {ELSEWHERE}"
        )
    if base == sqlite3.SQLITE_CANTOPEN:
        return StoreReadOnly, (
            f"the database cannot be opened ({error}). {INTACT} See whether its folder exists, who may write to it, "
            f"and whether too many files are open. {ELSEWHERE}"
        )
    if base in _DAMAGED or code in _SHORT:
        return StoreDamaged, (
            f"the database is damaged ({error}). What is readable can be saved: stop proc-tui, copy the file together "
            "with the -wal file beside it, and run `sqlite3 COPY .recover` on the copy."
        )
    if base == sqlite3.SQLITE_IOERR:
        name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
        return StoreError, (
            f"the disk refused to read or write ({name}): a quota or a limit on file sizes, a network file system "
            f"without locks, or a failing disk. Nothing was written now. {INTACT} See the system's log and try again. "
            f"{ELSEWHERE}"
        )
    return None, ""


def moved() -> str:
    """What to say when the file that is open is not the one at its path any more."""
    return (
        "the database file was removed, moved or replaced while it was open. Nothing more is written to it. "
        "Put the file back together with the -wal file beside it, or start proc-tui again to begin a new one."
    )
