"""One connection to an MCP server, through the SDK.

Belongs here: connecting, listing, calling, and saying in words what went wrong with it. Never: when to connect, or
again (see `mcp_servers.py`, which imports this in a thread at its first need, since the SDK takes half a second).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import httpx2
import msgspec
from mcp import Client, MCPError
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    Implementation,
    RequestParamsMeta,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from .. import __version__
from ..errors import ToolError
from .log import LogFile
from .mcp_lists import Sifted
from .mcp_process import Program
from .results import error_text, result_of
from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp.client.session import IncomingMessage
    from mcp_types import CallToolResult

    from ..model.messages import ToolResult

KEY: Final = "proc-tui/idempotency-key"
"""Where a call's idempotency key is in its request's `_meta`."""
MAX_PAGES: Final = 1000
"""Pages of a list of tools that are read."""

_SILENT: Final = ("Not Found", "Server returned an error response")
"""What the SDK says when the server said nothing."""
_CLOSED: Final = ("Connection closed", "SSE stream ended")
"""What the SDK says when the connection is."""


class Address(msgspec.Struct, frozen=True):
    """Where a server is, with nothing left to fill in."""

    name: str
    connect_timeout: float
    log: LogFile
    command: Sequence[str] = ()
    """The program, when it is one."""
    env: Mapping[str, str] = {}
    """Besides the few variables that every server gets."""
    cwd: Path = Path()
    redact: Callable[[str], str] = str
    """Takes secrets out of what the program writes."""
    url: str = ""
    headers: Mapping[str, str] = {}


class Gone(Exception):
    """The connection is lost; what was asked over it may have been done, or not."""


class Refused(Gone):
    """The server forgot this connection, and did nothing of what was asked over it."""


class Link:
    """A connection; made by `linked`, used by any task of its loop."""

    def __init__(self, address: Address, on_gone: Callable[[], None], on_change: Callable[[], None]) -> None:
        self._address: Address = address
        self._on_gone: Callable[[], None] = on_gone
        self._on_change: Callable[[], None] = on_change
        self._client: Client | None = None
        self._program: Program | None = None
        self._status: int = 0
        self._left_out: list[str] = []

    async def tools(self) -> list[Tool]:
        """What it offers, all pages."""
        client = self._connected()
        self._left_out.clear()
        if client.server_capabilities.tools is None:
            return []
        found: dict[str, Tool] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            for item in page.tools:
                schema = cast("dict[str, object]", item.input_schema)
                found[item.name] = Tool(item.name, self._address.name, item.description or "", schema)
            if not page.next_cursor or page.next_cursor == cursor:
                break
            cursor = page.next_cursor
        return list(found.values())

    @property
    def problems(self) -> list[str]:
        """Of the tools that it described wrongly and that were left out: what is wrong."""
        return list(self._left_out)

    async def refreshed(self) -> list[Tool] | None:
        """What it offers now; None when it does not say."""
        try:
            return await self.tools()
        except (MCPError, ValidationError, Gone):
            return None

    async def call(self, name: str, args: dict[str, object], key: str) -> ToolResult:
        """Call a tool. Raises `ToolError` when it fails, `Gone` when the connection is lost meanwhile."""
        try:
            result = await self._connected().call_tool(name, args, meta=cast("RequestParamsMeta", {KEY: key}))
        except MCPError as error:
            if _closed(error):
                raise Gone from None
            if error.code == INVALID_REQUEST and (self._status == 404 or error.message == "Session terminated"):
                raise Refused from None
            raise ToolError(f"{self._who} refused the call of {name}: {self.why(error)}") from None
        except ValidationError as error:
            raise ToolError(f"{self._who} answered the call of {name} with what is not MCP ({_brief(error)})") from None
        except RuntimeError as error:  # of the SDK: the result does not fit the schema that the server gave for it
            raise ToolError(f"{self._who} ran {name}, but broke its own word: {_first_line(error)}") from None
        content = _blocks(result)
        if result.is_error:
            raise ToolError(error_text(content, f"{name} of {self._who} failed and did not say why"))
        return result_of(content, cast("object", result.structured_content))

    def why(self, error: BaseException | None = None) -> str:
        """What ended the connection, or kept it from being made."""
        leaf = _leaf(error) if error is not None else None
        program = self._program
        if isinstance(leaf, (FileNotFoundError, NotADirectoryError)) and self._address.command:
            if not self._address.cwd.is_dir():
                return f"there is no folder {self._address.cwd} to start it in; correct cwd"
            return f'there is no program "{self._address.command[0]}"; install it, or correct command'
        if isinstance(leaf, OSError) and program is not None and program.exit_code is None:
            return f'"{self._address.command[0]}" cannot be started: {leaf.strerror or leaf}'
        if program is not None and (leaf is None or _closed(leaf)):
            return _ending(program)
        if isinstance(leaf, MCPError) and self._status >= 400:
            said = "" if leaf.message in _SILENT else f": {_first_line(leaf)}"
            return f"{self._address.url} answered with {_status(self._status)}{said}{_advice(self._status)}"
        if isinstance(leaf, httpx2.TimeoutException):
            return f"{self._address.url} does not answer"
        if isinstance(leaf, httpx2.ConnectError):
            return f"nothing can be reached at {self._address.url} ({leaf}); is it running?"
        if isinstance(leaf, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
            return f'"{self._address.url}" is not an address of http or https'
        if isinstance(leaf, ValidationError):
            return f"it answered with what is not MCP ({_brief(leaf)})"
        if leaf is None or _closed(leaf):
            return "the connection was closed"
        return _first_line(leaf) if isinstance(leaf, MCPError) else f"{type(leaf).__name__}: {_first_line(leaf)}"

    def silence(self) -> str:
        """What there is to say of a server that did not answer in time."""
        program = self._program
        if program is None:
            return "it did not answer"
        said = f'; it writes what is not MCP to its standard output: "{program.rubbish}"' if program.rubbish else ""
        return f"it runs, but did not answer{said}{_words(program)}"

    @property
    def _who(self) -> str:
        return f'the MCP server "{self._address.name}"'

    def _connected(self) -> Client:
        if self._client is None:
            raise Gone
        return self._client

    @asynccontextmanager
    async def open(self, mode: str) -> AsyncGenerator[None]:
        """Connect, in the manner of this age of MCP; the task that enters leaves it too."""
        info = Implementation(name="proc-tui", version=__version__)
        options: dict[str, Any] = {"mode": mode, "client_info": info, "message_handler": self._hear, "cache": None}
        self._status = 0
        if self._address.command:
            self._program = Program(
                self._address.command,
                env=get_default_environment() | dict(self._address.env),
                cwd=self._address.cwd,
                log=self._address.log,
                redact=self._address.redact,
                on_gone=self._end,
            )
            async with Client(Sifted(self._program, self._left_out.append), **options) as self._client:
                yield
            return
        # How long a call may take is for its caller to say: here a timeout would end all calls of the connection.
        async with (
            httpx2.AsyncClient(
                headers=dict(self._address.headers),
                timeout=httpx2.Timeout(None, connect=self._address.connect_timeout),
                limits=httpx2.Limits(max_connections=None),
                event_hooks={"response": [self._note]},
            ) as http,
            Client(
                Sifted(streamable_http_client(self._address.url, http_client=http), self._left_out.append), **options
            ) as self._client,
        ):
            yield

    def _end(self) -> None:
        if self._client is not None:  # before that, it is the handshake that fails
            self._on_gone()

    async def _note(self, response: httpx2.Response) -> None:
        if response.request.method == "POST":
            self._status = response.status_code

    async def _hear(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._on_change()


@asynccontextmanager
async def linked(link: Link) -> AsyncGenerator[None]:
    """The link, connected. Nearly every server knows the handshake of before 2026; others are asked what they know."""
    connected = False
    try:
        async with link.open("legacy"):
            connected = True
            yield
            return
    except (MCPError, BaseExceptionGroup) as error:
        leaf = _leaf(error)
        refused = isinstance(leaf, MCPError) and leaf.code in (UNSUPPORTED_PROTOCOL_VERSION, METHOD_NOT_FOUND)
        if connected or not refused:
            raise
    async with link.open("auto"):
        yield


def quiet() -> None:
    """Keep what the SDK logs off the screen: Python prints warnings of loggers that have no handler."""
    for name in ("mcp", "client", "httpx2"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _blocks(result: CallToolResult) -> list[dict[str, object]]:
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]


def _leaf(error: BaseException) -> BaseException:
    """The first error inside of groups that is not about cancelling."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        error = next((item for item in inner if isinstance(item, Exception)), inner[0])
    return error


def _closed(error: BaseException) -> bool:
    """Whether the SDK says that the connection is closed; servers use the same number for errors of their own."""
    told = isinstance(error, MCPError) and error.code == CONNECTION_CLOSED and error.message.startswith(_CLOSED)
    return told or isinstance(error, Gone)


def _ending(program: Program) -> str:
    code = program.exit_code
    if code is None:
        how = "it closed its standard output"
    elif code < 0:
        how = f"it was killed by signal {-code}"
    else:
        how = f"it ended with exit code {code}"
    said = f'; what it wrote to its standard output is not MCP: "{program.rubbish}"' if program.rubbish else ""
    return f"{how}{said}{_words(program)}"


def _words(program: Program) -> str:
    """The last lines that it wrote to standard error."""
    lines = program.last_words.splitlines()[-5:]
    return "; its last words:\n  " + "\n  ".join(line.rstrip() for line in lines) if lines else ""


def _status(status: int) -> str:
    phrase = httpx2.codes.get_reason_phrase(status)
    return f"HTTP status {status}{f' ({phrase})' if phrase else ''}"


def _advice(status: int) -> str:
    if status in (401, 403):
        return "; check the key in its headers"
    if status in (404, 405):
        return "; check the path of its url"
    return ""


def _brief(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:500]
