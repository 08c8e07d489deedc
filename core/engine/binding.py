"""Puts the primitives of the registry into a sandbox.

Belongs here: callbacks between Lua and the primitives that answer at once. Never: operations, which the
driver performs. A callback never raises: an error goes back as a value, and what must end the activation
is kept for the driver, which stops the sandbox.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from ..errors import InvalidValue, PrimitiveError
from ..lua.convert import from_lua, to_lua
from ..primitives import REGISTRY
from ..primitives.registry import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..lua.sandbox import Sandbox
    from ..primitives.registry import Family, Method
    from ..values import Value
    from .local import LocalContext

STEP_BEGIN, STEP_END, GUARD_BEGIN, REFUSED, TURN_BEGIN, TURN, TOOL = -1, -2, -3, -4, -5, -6, -7
"""What the prelude yields besides the index of an operation in `OPERATIONS`."""

OPERATIONS: tuple[Method, ...] = tuple(
    method for method in REGISTRY.methods if method.kind is Kind.OPERATION and not method.in_lua
)
_OPERATIONS: tuple[bytes | int, ...] = tuple(
    item
    for index, method in enumerate(OPERATIONS)
    for item in (method.family.encode(), method.name.encode(), method.title.encode(), index)
)
_DIRECTS: tuple[tuple[Method, bytes, bytes, bytes, bytes], ...] = tuple(
    (method, method.family.encode(), method.name.encode(), method.title.encode(), method.wraps.encode())
    for method in REGISTRY.methods
    if method.kind is not Kind.OPERATION and not method.in_lua
)
_PRELUDE = files("proc_tui.core.lua").joinpath("prelude.lua").read_bytes()


def bind(
    sandbox: Sandbox,
    families: dict[str, Family],
    context: LocalContext,
    stop: Callable[[BaseException], None],
    body_seed: Callable[[], int],
) -> Any:
    """Binds every primitive and returns the Lua function that runs guards and code.

    `body_seed` gives the seed of the innermost body; it must not raise.
    """
    constants = (STEP_BEGIN, STEP_END, GUARD_BEGIN, REFUSED, TURN_BEGIN, TURN, TOOL)
    bind_directs, bind_operations, bind_agents, complete, main = sandbox.trusted(
        _PRELUDE, "prelude.lua", body_seed, *constants
    )
    directs: list[object] = []
    for method, *names, wraps in _DIRECTS:
        directs += (*names, _callback(method, families[method.family], context, sandbox, stop), wraps)
    bind_directs(*directs)
    bind_operations(*_OPERATIONS)
    for agent in context.procedure.agents.values():
        prepare = agent.prepare
        compiled = sandbox.compile(prepare.text, prepare.line) if prepare is not None else False
        names = [to_lua(sandbox, name) for name in agent.lua_names]
        bind_agents(to_lua(sandbox, agent.name), len(names), *names, compiled)
    complete(to_lua(sandbox, cast("Value", context.fold.params)))
    return main


def _callback(
    method: Method, family: Family, context: LocalContext, sandbox: Sandbox, stop: Callable[[BaseException], None]
) -> Callable[..., tuple[object, ...]]:
    function, named, bind_options = method.function, method.named, method.bind

    def callback(line: int, *raw: object) -> tuple[object, ...]:
        try:
            context.line = line
            given = named(tuple([from_lua(sandbox, item) for item in raw]))
            result = function(family, **bind_options(given))
            if result.__class__ is tuple:
                return (True, *[to_lua(sandbox, item) for item in result])
            return (True, to_lua(sandbox, result))
        except (PrimitiveError, InvalidValue) as error:
            return False, position(context, line, str(error)).encode()
        except BaseException as error:  # noqa: BLE001 - nothing of Python may reach Lua; the driver raises it again
            stop(error)
            return False, b"stopped"

    return callback


def position(context: LocalContext, line: int, message: str) -> str:
    """A message with the place in the procedure before it, as Lua's own errors have it."""
    return f"{context.program.bundle.file}:{line}: {message}" if line else message
