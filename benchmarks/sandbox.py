"""The parts that every activation and every value pays for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import raw
from figures import Figure
from proc_tui.core.lua.convert import from_lua, to_lua
from proc_tui.core.lua.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proc_tui.core.values import Value

VALUE: Value = {"orders": [{"id": i, "name": f"order {i}", "paid": i % 2 == 0, "sum": i * 1.5} for i in range(200)]}
NODES = 1 + 200 * 5


def measure(quick: bool) -> Iterator[Figure]:
    count = 50 if quick else 300
    yield Figure("a Lua sandbox, made and closed", raw.each(_sandbox, count=count), "s")
    sandbox = Sandbox(seed=1, file="case.yaml", clock=lambda: 0.0)
    there = raw.each(lambda: to_lua(sandbox, VALUE), count=count) / NODES
    back = raw.each(_reader(sandbox), count=count) / NODES
    sandbox.close()
    yield Figure("a value from Python to Lua", there, "s", note="each of its parts")
    yield Figure("a value from Lua to Python", back, "s", note="each of its parts")


def _sandbox() -> None:
    Sandbox(seed=1, file="case.yaml", clock=lambda: 0.0).close()


def _reader(sandbox: Sandbox) -> Callable[[], Value]:
    table = to_lua(sandbox, VALUE)
    return lambda: from_lua(sandbox, table)
