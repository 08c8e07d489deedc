"""Plays: a procedure, a scripted person and a clock that is moved by hand, through the real engine.

    played = play('''
        local ok = Human.approve{message = "Ship it?", timeout = 3600}
        return {shipped = ok}
    ''', answers=[True])
    assert played.status == "COMPLETED" and played.result == {"shipped": True}
    played.replay()

Everything is real: the operator, SQLite, the worker, its threads and Lua. Only time and people are not: the
clock stands still while anything happens and jumps to the next due moment when nothing else can, so that
timers and deadlines take no time. Belongs here: what tests of procedures and of this program share, for users
too. Never: a stand-in for a part of the program.
"""

from __future__ import annotations

from .clock import NOON, FakeClock
from .documents import complete, write_workspace
from .faults import Crash, Death, die_at
from .images import fold_image
from .people import Answer, FilePerson, Person, Script, given_of
from .plays import Played, play, play_file, scripted

__all__ = [
    "NOON",
    "Answer",
    "Crash",
    "Death",
    "FakeClock",
    "FilePerson",
    "Person",
    "Played",
    "Script",
    "complete",
    "die_at",
    "fold_image",
    "given_of",
    "play",
    "play_file",
    "scripted",
    "write_workspace",
]
