"""Making runs: the rows and the first event, inside the caller's transaction.

Belongs here: what a new run consists of. Never: who asked for it (`operator.py`) or driving it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import msgspec

from ..agents.offers import BUILT_IN
from ..document import params as parameters
from ..errors import DependencyError, DocumentError, NotFound, ParameterError
from ..journal import journal, runs
from ..journal.events import Record, RunStarted
from ..journal.journal import WHOLE
from ..journal.runs import SOON, Run
from ..model.states import RunStatus
from ..values import Value, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .environment import Environment
    from .sources import Program, Sources

ID_LENGTH = 10


class Start(msgspec.Struct, frozen=True):
    """All that a new run needs to know."""

    run: str
    program: Program
    params: dict[str, Value]
    """Checked, with defaults."""
    seed: int
    at: float
    starter: str = ""
    parent: Run | None = None
    depth_left: int | None = None
    """How many levels of children are still allowed below the parent; None for a run without one."""
    context: Value = None
    replies: str = ""
    """Hash of the pinned file of scripted replies; empty when models are called."""


def derived_id(*parts: object) -> str:
    """An id that is the same at every try: of a child, from its parent and the place in its journal."""
    text = "\x1f".join(map(str, parts)).encode()
    return base64.b32encode(hashlib.blake2b(text, digest_size=10).digest()).decode().lower()[:ID_LENGTH]


def derived_seed(*parts: object) -> int:
    """A seed of 63 bits from the parts."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def check(
    program: Program, given: Mapping[str, Value], environment: Environment,
    missing_tools: Callable[[Sequence[str]], list[str]] | None = None,
) -> dict[str, Value]:  # fmt: skip
    """The parameters with their defaults. Raises `ParameterError` and `DependencyError`, each naming all that is wrong.

    Looking for procedures in the workspace, and for tools at their servers, takes longer than all else; so it is done
    only for what is named, and for the tools with `missing_tools` where the caller can be interrupted meanwhile. Raises
    `Blocked` when the tools cannot be looked for.
    """
    procedure = program.procedure
    outside = [name for name in procedure.uses if program.inline(name) is None]
    listed = [name for agent in procedure.agents.values() for name in agent.tools if program.inline(name) is None]
    known = environment.sources.by_name() if outside or listed else {}
    wanted = dict.fromkeys((*procedure.tools, *(name for name in listed if name not in known)))
    tools = [name for name in wanted if name not in BUILT_IN]
    missing = (missing_tools or environment.services.missing_tools)(tools) if tools else []
    missing += [f'procedure "{name}"' for name in outside if name not in known]
    missing += _broken({name: known[name] for name in (*outside, *listed) if name in known}, environment.sources)
    if missing:
        raise DependencyError(f"{procedure.name} needs what is not here: {'; '.join(missing)}")
    try:
        return parameters.check(procedure.params, given)
    except ParameterError as error:
        raise ParameterError(f"{procedure.name}: {error}") from None


def _broken(named: Mapping[str, Sequence[Path]], sources: Sources) -> list[str]:
    """Which of these procedures of the workspace cannot be run, and why."""
    found: list[str] = []
    for name, files in named.items():
        try:
            sources.the_one(name, files)
        except NotFound as error:
            found.append(f'procedure "{name}" ({error})')
        except DocumentError as error:
            more = f"; and {len(error.errors) - 1} more" if len(error.errors) > 1 else ""
            found.append(f'procedure "{name}", which is broken ({error.errors[0]}{more})')
    return found


def create(connection: sqlite3.Connection, start: Start) -> None:
    """Adds the run, ready to be picked up, with its first event."""
    program, procedure, parent = start.program, start.program.procedure, start.parent
    source = program.source or journal.pin(connection, program.bundle.encode())
    left = procedure.max_depth if start.depth_left is None else min(start.depth_left - 1, procedure.max_depth)
    event = RunStarted(
        procedure=procedure.name, version=procedure.version, source=source, params=start.params, seed=start.seed,
        started_at=start.at, path=program.path, starter=start.starter, parent=parent.id if parent else "",
        depth=parent.depth + 1 if parent else 0, context=start.context, depth_left=left,
        replies=start.replies,
    )  # fmt: skip
    runs.insert(
        connection,
        Run(
            id=start.run, root=parent.root if parent else start.run, parent=parent.id if parent else None,
            depth=event.depth, procedure=procedure.name, version=procedure.version, file=program.bundle.file,
            path=program.path, source=source, status=RunStatus.PENDING, epoch=0, owner=None, lease_until=None,
            wake_at=SOON, mail=0, last_seq=1, attempt=1, history=WHOLE, stage=None, waiting=None, error=None,
            summary=None, starter=start.starter, params=encode(start.params), forked_from=None, created_at=start.at,
            updated_at=start.at, ended_at=None,
        ),
    )  # fmt: skip
    journal.append(connection, start.run, [Record(1, start.at, 0, event)])
