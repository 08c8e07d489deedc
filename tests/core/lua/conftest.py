"""Runs one chunk in a sandbox of its own, with the smallest prelude that has operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from proc_tui.core.lua.convert import from_lua
from proc_tui.core.lua.sandbox import OPERATION, RAISED, RETURNED, Limits, Sandbox, never

NOW = 1_700_000_000.25

PRELUDE = b"""
local S, effect, halt = ...
local operation, where, fail = S.operation, S.where, S.fail
function S.env.op(...) return operation(...) end
function S.env.where() return (where()) end
function S.env.fail(...) return fail(...) end
function S.env.effect(...) return effect(...) end
S.env.halt = function() halt() S.check_halted() end
S.env.Json = S.json
function S.env.step(seed, f)
  S.step_enter() S.scope_push(seed)
  local function ended(ok, ...)
    S.scope_pop() S.step_leave()
    if not ok then return S.raise((...)) end
    return ...
  end
  return ended(S.pcall(f))
end
"""

SMALL = Limits(memory_bytes=8 * 2**20, instructions=2_000_000)


@dataclass
class Outcome:
    """How a chunk ended, and what it asked before."""

    event: tuple[Any, ...]
    asked: list[tuple[Any, ...]]

    @property
    def kind(self) -> int:
        return self.event[0]

    @property
    def values(self) -> list[Any]:
        assert self.kind == RETURNED, self.event
        return list(self.event[1:])

    @property
    def message(self) -> str:
        assert self.kind == RAISED, self.event
        return self.event[2]


def make(
    *,
    limits: Limits = SMALL,
    libs: Mapping[str, str] | None = None,
    poll: Callable[[], bool] = never,
    seed: int = 5,
    clock: Callable[[], float] = lambda: NOW,
) -> Sandbox:
    sandbox = Sandbox(seed=seed, file="t.yaml", limits=limits, libs=libs or {}, poll=poll, clock=clock)
    sandbox.trusted(PRELUDE, "prelude", lambda *args: None, lambda: sandbox.halt("stop here"))
    return sandbox


def drive(sandbox: Sandbox, code: str, answers: Sequence[tuple[Any, ...]] = (), line: int = 1) -> Outcome:
    """Run `code` to its end, answering its operations in turn; values come back converted."""
    event = sandbox.start(sandbox.compile(code, line))
    asked: list[tuple[Any, ...]] = []
    waiting = iter(answers)
    while event[0] == OPERATION:
        asked.append(event[1:])
        event = sandbox.resume(*next(waiting, ()))
    if event[0] == RETURNED:
        event = (RETURNED, *(from_lua(sandbox, value) for value in event[1:]))
    return Outcome(event, asked)


def run(code: str, answers: Sequence[tuple[Any, ...]] = (), line: int = 1, **options: Any) -> Outcome:
    sandbox = make(**options)
    try:
        return drive(sandbox, code, answers, line)
    finally:
        sandbox.close()


@pytest.fixture(scope="session")
def lua() -> SimpleNamespace:
    """The functions above; test modules cannot import each other."""
    return SimpleNamespace(run=run, make=make, drive=drive, small=SMALL, now=NOW)
