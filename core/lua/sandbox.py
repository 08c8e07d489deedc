"""One Lua state in which a procedure's code can do no harm, driven operation by operation.

Belongs here: making the state, loading chunks into it, running its main coroutine, ending it. What the
code sees and what limits it is in the Lua files beside this one, in the order of `_PARTS`. Never:
primitives, the journal, or what an operation means.

All calls on one `Sandbox` must come from one thread at a time. While its code runs, the only calls allowed
are those made inside its own Python callbacks: any other blocks until the code yields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn, TypeAlias, cast

from lupa import lua55

from ..errors import LimitError, ProcError

Event: TypeAlias = tuple[Any, ...]
"""`(OPERATION, *arguments)`, `(RETURNED, *values)`, `(RAISED, error, message, trace)` or `(HALTED, reason)`.

Arguments, values and errors are Lua's own: bytes for strings, lupa objects for tables (see `convert.py`).
`message`, `trace` and `reason` are `str`.
"""

OPERATION: Final = 1
RETURNED: Final = 2
RAISED: Final = 3
HALTED: Final = 4
_PACKED: Final = 5

CANCELLED: Final = "cancelled"

_HERE = Path(__file__).parent
_PARTS = ("limits", "scope", "coroutines", "strings", "tables", "clock", "chunks", "crossing", "json", "environment")
_HASH_SEED = 0x70726F63
_MARGIN = 2**18
_MEMORY = "the run needs more than its {} of Lua memory"
_INSTRUCTIONS = "the run computed more than {:,} Lua instructions without an operation"
_BOOT = b"""
local load, settings, poll, clock, libs = load, ...
local S = { env = {} }
local parts = { select(5, ...) }
for i = 1, #parts do load(parts[i], "=proc-tui", "b")(S, settings, poll, clock, libs) end
return S
"""


class LuaSyntax(ProcError):
    """A chunk of the procedure's Lua cannot be compiled."""

    code: ClassVar[str] = "DOC-050"

    def __init__(self, message: str, file: str, line: int) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.message: str = message
        """What is wrong, without the position."""
        self.file: str = file
        self.line: int = line


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use; past it the run is halted."""

    memory_bytes: int = 256 * 1024 * 1024
    """Lua memory."""
    instructions: int = 3_000_000_000
    """Lua instructions between two operations, a number so that it is the same on every machine."""


def never() -> bool:
    """A `poll` that never asks to halt."""
    return False


def _deny_get(obj: object, name: object) -> object:
    raise AttributeError("no attribute of this object can be read")


def _deny_set(obj: object, name: object, value: object) -> None:
    raise AttributeError("no attribute of this object can be set")


@lru_cache(maxsize=64)
def _bytecode(text: bytes, name: str) -> bytes:
    """Our own Lua text, compiled without debug information: a frame of ours has no current line."""
    runtime = lua55.LuaRuntime(encoding=None, register_eval=False, register_builtins=False)
    dump = cast(
        "Callable[[bytes, bytes], tuple[bytes | None, bytes | None]]",
        runtime.execute(
            b"return function(text, name) local f, why = load(text, name, 't')"
            b" if not f then return nil, why end return string.dump(f, true), nil end"
        ),
    )
    code, why = dump(text, b"=" + name.encode())
    if code is None:
        raise LuaSyntax((why or b"").decode(errors="replace"), name, 0)
    return code


@lru_cache(maxsize=1)
def _parts() -> tuple[bytes, ...]:
    codes = [_bytecode(_BOOT, "boot")]
    codes += [_bytecode((_HERE / f"{name}.lua").read_bytes(), name) for name in _PARTS]
    return tuple(codes)


def _text(raw: object) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


def _amount_of_memory(size: int) -> str:
    return f"{size // 2**20:,} MB" if size >= 2**20 else f"{size:,} bytes"


class Sandbox:
    """A Lua state with the sandbox's environment and one main coroutine."""

    def __init__(
        self,
        *,
        seed: int,
        file: str,
        limits: Limits | None = None,
        libs: Mapping[str, str] | None = None,
        poll: Callable[[], bool] = never,
        clock: Callable[[], float],
    ) -> None:
        """`file` names the main procedure in messages; `libs` are the texts that `require` finds by name.

        `poll` is called now and then while Lua computes; when it returns true the run is halted as cancelled.
        `clock` is the run's replay-safe time, in seconds since the epoch. Both must not raise, and neither may
        refer back to this sandbox other than through something that `close` is not needed to break.
        """
        limits = limits or Limits()
        texts = {name: text.encode() for name, text in (libs or {}).items()}
        self.file: str = file
        self._halted: str | None = None
        self._memory_reason: str = _MEMORY.format(_amount_of_memory(limits.memory_bytes))
        self._memory_most: int = limits.memory_bytes + max(limits.memory_bytes // 8, 16 * _MARGIN)
        self._thread: Any = None
        self._runtime: Any = lua55.LuaRuntime(
            max_memory=0,
            register_eval=False,
            register_builtins=False,
            attribute_handlers=(_deny_get, _deny_set),
            unpack_returned_tuples=True,
            encoding=None,
            string_hash_seed=_HASH_SEED,
        )
        boot, *parts = _parts()
        settings = self._runtime.table_from(
            {
                b"instructions": limits.instructions,
                b"instructions_reason": _INSTRUCTIONS.format(limits.instructions).encode(),
                b"memory": limits.memory_bytes,
                b"memory_reason": self._memory_reason.encode(),
                b"seed": _signed(seed),
                b"source": b"@" + file.encode(),
            }
        )

        def lib(name: object, size: bool) -> int | bytes | None:
            text = texts.get(_text(name))
            return text if text is None or not size else len(text)

        internals = self._runtime.execute(boot, settings, poll, clock, lib, *parts, mode="b")
        self.internals: Any = internals
        """The table that trusted Lua files get."""
        self._main: Any = internals[b"main"]
        self._halt: Any = internals[b"halt"]
        self._compile: Any = internals[b"compile"]
        self._trusted: Any = internals[b"trusted"]
        self._unpack: Any = internals[b"unpack"]
        self._state: Any = internals[b"run"]
        self.row_of: Any = internals[b"row_of"]
        """For `convert.py`, as are those that follow."""
        self.rest_of_row: Any = internals[b"rest_of_row"]
        self.value_of: Any = internals[b"value_of"]
        self.add_row: Any = internals[b"add_row"]
        self.add_piece: Any = internals[b"add_piece"]
        self.value_of_rows: Any = internals[b"value_of_rows"]
        self.drop_rows: Any = internals[b"drop_rows"]
        self._halt_for_memory: Any = internals[b"halt_for_memory"]
        self._runtime.set_max_memory(self._memory_most, total=True)

    def trusted(self, text: bytes, name: str, *args: Any) -> Any:
        """Run one of our own Lua files, with the internals as its first argument and then `args`.

        Its globals are copies of Lua's own libraries that the author's code cannot reach. It is compiled
        once per process.
        """
        self.reserve(2 * len(text))
        return self._trusted(_bytecode(text, name), name.encode(), *args)

    def compile(self, text: str, line: int, file: str | None = None) -> Any:
        """The author's chunk as a function; `line` is the line of `file` on which `text` begins.

        Raises `LuaSyntax`.
        """
        file = file or self.file
        raw = text.encode("utf-8", "surrogateescape")
        self.reserve(2 * len(raw) + line)
        found = self._compile(b"\n" * (line - 1), raw, b"@" + file.encode())
        if not isinstance(found, tuple):
            return found
        why = _text(cast("tuple[Any, ...]", found)[1])
        match = re.match(r"(?s)[^\n]*?:(\d+): (.*)", why)
        if match is None:
            raise LuaSyntax(why, file, line)
        message = match[2]
        if "assign to const variable" in message:
            message += " (a loop's variable is constant since Lua 5.5: copy it to a local first)"
        raise LuaSyntax(message, file, int(match[1]))

    def start(self, fn: Any, *args: Any) -> Event:
        """Run `fn` as the main coroutine until its first event."""
        if self._thread is not None:
            raise RuntimeError("this sandbox has been started before")
        if self._halted is not None:
            return (HALTED, self._halted)
        self.reserve(0)
        self.internals[b"start_clock"]()
        self._thread = self._main.coroutine(fn, *args)
        return self._event(None)

    def resume(self, *values: Any) -> Event:
        """Answer the operation under way with `values` and run until the next event."""
        if self._halted is not None:
            return (HALTED, self._halted)
        size = 0
        for value in values:
            if type(value) is bytes:
                size += len(value)
        if self.room < size:
            try:
                self.reserve(size)
            except LimitError as error:
                return (HALTED, str(error))
        return self._event(values)

    def _event(self, values: tuple[Any, ...] | None) -> Event:
        try:
            event = self._thread.send(values)
        except lua55.LuaError as error:
            reason = self.halted
            if reason is None and isinstance(error, lua55.LuaMemoryError):
                reason = self._memory_reason
            if reason is None:
                return (RAISED, None, str(error), "")
            self._halted = reason
            return (HALTED, reason)
        if not isinstance(event, tuple):
            event = (event,)
        event = cast("tuple[Any, ...]", event)
        if event[0] == _PACKED:
            event = (event[1], *self._unpack(event[2], 1, event[3]))
        if event[0] == HALTED:
            self._halted = _text(event[1])
            return (HALTED, self._halted)
        if event[0] == RAISED:
            message = _text(event[2])
            if isinstance(event[1], BaseException):
                message = f"internal error: {event[1]!r}"
            return (RAISED, event[1], message, _text(event[3]))
        return event

    def halt(self, reason: str) -> None:
        """End the run, whatever its code catches; only from the run's own thread."""
        if self._halted is None:
            self._halted = reason
            self._halt(reason.encode())

    @property
    def room(self) -> int:
        """How many bytes can be pushed into Lua now; past it the process would be aborted."""
        return self._memory_most - _MARGIN - self._runtime.get_memory_used(total=True)

    def reserve(self, size: int) -> None:
        """Make sure that `size` bytes can be pushed into Lua; halts the run and raises `LimitError` if they cannot.

        Lua catches a lack of memory only while it runs: a push from Python that fails ends the process. Whoever
        pushes more than a few short strings, `convert.py` above all, asks here first.
        """
        if self.room < size:
            self._runtime.gccollect()
            if self.room < size:
                self.halt_for_memory()

    def halt_for_memory(self) -> NoReturn:
        """Halt the run because its memory does not suffice for what the host would put there."""
        self.drop_rows()
        if self.halted is None:
            self._halted = self._memory_reason
            self._halt_for_memory()
        raise LimitError(self._halted)

    @property
    def halted(self) -> str | None:
        """Why the run was ended, or None; only from the run's own thread."""
        if self._halted is None and self._runtime is not None:
            reason: object = self._state[b"halted"]
            self._halted = None if reason is None else _text(reason)
        return self._halted

    @property
    def memory_used(self) -> int:
        """Bytes that the state holds."""
        return 0 if self._runtime is None else int(self._runtime.get_memory_used(total=True))

    def close(self) -> None:
        """Let go of the state here and now, so that no finalizer of it runs in another thread later."""
        if self._runtime is None:
            return
        runtime, shutdown = self._runtime, self.internals[b"shutdown"]
        self._thread = None
        shutdown()
        del shutdown
        self.internals = self._main = self._halt = self._halt_for_memory = self._compile = None
        self._trusted = self._unpack = self._state = None
        self.row_of = self.rest_of_row = self.value_of = self.add_row = None
        self.add_piece = self.value_of_rows = self.drop_rows = None
        self._runtime = None
        runtime.gccollect()


def _signed(number: int) -> int:
    number &= 2**64 - 1
    return number - 2**64 if number >= 2**63 else number
