"""The lists of tools of servers that describe some of them wrongly: only those are left out.

The SDK refuses the whole list for one tool that is not as the protocol has it. Belongs here: the streams of a
connection, with such tools taken out of the answers to `tools/list`. Never: what else a server says, which passes as
it is.
Imports the SDK: only `mcp_link.py` imports this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse, methods
from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType
    from typing import Self

    from mcp.client._transport import (  # pyright: ignore[reportPrivateImportUsage]
        ReadStream,
        TransportStreams,
        WriteStream,
    )

S = TypeVar("S", bound="WriteStream[SessionMessage] | ReadStream[SessionMessage | Exception]")

LIST: Final = "tools/list"
OLDER: Final = "2025-11-25"
"""The version whose rules for tools all versions before it share."""
NEWER: Final = "2026-07-28"


class Sifted:
    """A transport of the SDK, from whose lists of tools those are left out that break the whole list."""

    def __init__(
        self, transport: AbstractAsyncContextManager[TransportStreams], left_out: Callable[[str], object]
    ) -> None:
        """`left_out` hears of each, in words."""
        self._transport: AbstractAsyncContextManager[TransportStreams] = transport
        self._left_out: Callable[[str], object] = left_out

    async def __aenter__(self) -> TransportStreams:
        read, write = await self._transport.__aenter__()
        asked: set[str] = set()
        return _Sieve(read, asked, self._left_out), _Asking(write, asked)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._transport.__aexit__(exc_type, exc_val, exc_tb)


class _Passing(Generic[S]):
    """A stream of a transport that is opened and closed through what stands before it."""

    def __init__(self, stream: S, asked: set[str]) -> None:
        """`asked` holds the ids of the requests for a list of tools that are not answered yet."""
        self._stream: S = stream
        self._asked: set[str] = asked

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._stream.__aexit__(exc_type, exc_val, exc_tb)


class _Asking(_Passing["WriteStream[SessionMessage]"]):
    """What the SDK writes to."""

    async def send(self, item: SessionMessage, /) -> None:
        if isinstance(item.message, JSONRPCRequest) and item.message.method == LIST:
            self._asked.add(str(item.message.id))
        await self._stream.send(item)


class _Sieve(_Passing["ReadStream[SessionMessage | Exception]"]):
    """What the SDK reads from."""

    def __init__(
        self, stream: ReadStream[SessionMessage | Exception], asked: set[str], left_out: Callable[[str], object]
    ) -> None:
        super().__init__(stream, asked)
        self._left_out: Callable[[str], object] = left_out

    @property
    def last_context(self) -> Any:
        """Of the message that was read last, where the stream knows."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return self._sifted(await self._stream.receive())

    def __aiter__(self) -> _Sieve:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._sifted(await self._stream.__anext__())

    def _sifted(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if (
            isinstance(item, SessionMessage)
            and isinstance(item.message, JSONRPCResponse)
            and str(item.message.id) in self._asked
        ):
            self._asked.discard(str(item.message.id))
            result = item.message.result
            if isinstance(result.get("tools"), list):
                result["tools"] = self._sound(result)
        return item

    def _sound(self, result: dict[str, Any]) -> list[object]:
        """The tools that the SDK takes; all of them when no tool is to blame."""
        tools = cast("list[object]", result["tools"])
        version = OLDER if _problem(OLDER, {**result, "tools": []}) is None and "resultType" not in result else NEWER
        if _problem(version, result) is None or _problem(version, {**result, "tools": []}) is not None:
            return tools
        kept: list[object] = []
        for number, tool in enumerate(tools, 1):
            why = _problem(version, {**result, "tools": [tool]})
            if why is None:
                kept.append(tool)
            else:
                name = cast("dict[str, object]", tool).get("name") if isinstance(tool, dict) else None
                told = f'"{name}"' if isinstance(name, str) and name else f"number {number}"
                self._left_out(f"the tool {told} was left out, since its description is not MCP ({why})")
        return kept


def _problem(version: str, result: dict[str, Any]) -> str | None:
    """What is wrong with a list of tools; None when nothing is."""
    try:
        methods.validate_server_result(LIST, version, result)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(step) for step in first['loc'][2:]) or 'it'}: {first['msg']}"
    return None
