"""Whether Lua text compiles, with the place in the file when it does not.

Belongs here: the compiler's verdict. Never: running the text (see `lua/`), or opinions about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from .procedure import LuaSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from .diagnostics import Report
    from .source import Place, Source
    from .tree import Node

_MEMORY = 256 * 1024 * 1024
_MESSAGE = re.compile(r"[^:]*:(\d+): (.*)", re.DOTALL)
_NEAR = re.compile(r"near '(.+)'$", re.DOTALL)
_CONSTANT = re.compile(r"attempt to assign to const variable '(.+)'")


def source_of(node: Node, file: str) -> LuaSource:
    """The Lua text of a scalar, with the line on which it begins."""
    first = node.at[0] + (1 if node.style in ("|", ">") else 0)
    return LuaSource(cast(str, node.data), file, first)


def keeps_lines(node: Node, last_line: int) -> bool:
    """Whether each line of a scalar's text is a line of the file."""
    return node.style == "|" or ("\n" not in cast(str, node.data).rstrip("\n") and last_line == node.at[0])


class Compiler:
    """Compiles texts without running them; makes its Lua state at the first one."""

    def __init__(self) -> None:
        self._load: Callable[..., object] | None = None

    def check(self, lua: LuaSource, report: Report, source: Source, column: int = 1, *, exact: bool = True) -> None:
        """Report what keeps a text from compiling.

        `source` is the file it stands in, `column` where it begins in its first line; when its lines are
        not `exact`, the place is where it begins.
        """
        message = self._compile(lua)
        if message is None:
            return
        match = _MESSAGE.fullmatch(message)
        line, text = (int(match[1]), match[2]) if match else (lua.line, message.partition("\n")[0])
        constant, near = _CONSTANT.match(text), _NEAR.search(text)
        token = constant[1] if constant else near[1] if near else ""
        if text.endswith("<eof>"):
            line = lua.line + lua.text.rstrip().count("\n")
        at = _place(line, token, source, column if line == lua.line else 1) if exact else (lua.line, column)
        if constant:
            hint = f"a loop's variable cannot be assigned; use a local copy: `local {token} = {token}`"
            report.add("DOC-051", f"Lua: {text}; {hint}", at, file=lua.file)
        else:
            report.add("DOC-050", f"Lua: {text}", at, file=lua.file)

    def _compile(self, lua: LuaSource) -> str | None:
        # Imported here because lupa costs start-up time that only reading a procedure needs to pay.
        from lupa import lua55  # noqa: PLC0415 # pyright: ignore[reportMissingModuleSource]

        lupa = cast("Any", lua55)
        try:
            if self._load is None:
                runtime = lupa.LuaRuntime(
                    encoding=None,
                    max_memory=_MEMORY,
                    register_builtins=False,
                    register_eval=False,
                    unpack_returned_tuples=True,
                )
                self._load = cast("Callable[..., object]", runtime.globals()[b"load"])
            outcome = self._load(lua.padded.encode(errors="surrogatepass"), b"=lua", b"t")
        except (lupa.LuaError, MemoryError):
            self._load = None
            return "the text is too large to compile"
        if isinstance(outcome, tuple):
            return cast("tuple[None, bytes]", outcome)[1].decode(errors="replace")
        return None


def _place(line: int, token: str, source: Source, column: int) -> Place:
    """Where `token` stands in its line of the file, from `column` on; without one, where the line's text begins."""
    content = source.line(line)
    pattern = rf"(?<!\w){re.escape(token)}(?!\w)" if token.isidentifier() else re.escape(token)
    found = re.compile(pattern).search(content, column - 1) if token else None
    indent = len(content) - len(content.lstrip())
    return line, found.start() + 1 if found else max(column, indent + 1)
