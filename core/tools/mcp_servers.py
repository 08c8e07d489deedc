"""An MCP server of the configuration as a source of tools.

Belongs here: one task per server that owns the connection, makes it again when it is lost, and says in words what is
wrong. Never: the SDK (`mcp_link.py`), or which servers there are (`toolbox.py`). The owner enters and leaves the
connection, as its cancel scopes demand; calls go over it from the tasks of their callers, so they run in parallel,
and a cancelled one tells the server so.
"""

from __future__ import annotations

import asyncio
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..errors import Blocked, ProcError, ToolError
from ..model.workspace import OWN_FOLDER, TOOL_MARK
from .log import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ..model.messages import ToolResult
    from ..model.secrets import Secrets
    from ..model.settings import ServerSettings
    from .mcp_link import Address, Link
    from .tool import Tool

LONGEST_DELAY: Final = 30.0
"""Seconds between two attempts to reach a lost server, at most."""
EAGER: Final = 3
"""Attempts to reach a lost server that are made without a call that wants it."""
STEADY: Final = 30.0
"""Seconds after which a connection counts as good: the next loss of it is the first again."""
LEAVE_WITHIN: Final = 2.0
"""Seconds that the polite end of a connection may take; a program has its own (`mcp_process.GRACE`)."""
CLOSE_WITHIN: Final = 6.0
"""Seconds until a closing server is abandoned."""
REASON_WITHIN: Final = 1.0
"""Seconds that a failed call waits to learn how its server ended."""


class McpServer:
    """One server; see `Source` for what its methods promise."""

    def __init__(
        self, name: str, settings: ServerSettings, workspace: Path, secrets: Secrets, *, first_delay: float = 0.2
    ) -> None:
        self.name: str = name
        self.tools: list[Tool] = []
        self._settings: ServerSettings = settings
        self._workspace: Path = workspace
        self._secrets: Secrets = secrets
        self._log: LogFile = LogFile(workspace, f"mcp-{re.sub(r'[^A-Za-z0-9_-]', '_', name)[:100]}.log")
        self._first_delay: float = first_delay
        """Seconds before the first attempt to reach it again; each next one waits twice as long."""
        self._owner: asyncio.Task[None] | None = None
        self._link: Link | None = None
        """The connection, while there is one."""
        self._scope: Any = None
        """The cancel scope around it."""
        self._news: asyncio.Event = asyncio.Event()
        """For callers: the connection is there, or never will be."""
        self._tried: asyncio.Event = asyncio.Event()
        """For `start`: the first attempt is over."""
        self._down: asyncio.Event = asyncio.Event()
        """For calls that failed: why the connection was lost is known."""
        self._wake: asyncio.Event = asyncio.Event()
        """For the owner: something below changed."""
        self._lost: bool = False
        self._stale: bool = False
        self._wanted: bool = False
        self._closed: bool = False
        self._over: bool = False
        """Whether the owner has ended."""
        self._failure: ProcError | None = None
        """Why the first attempt failed."""
        self._problem: str = ""
        self.problems: list[str] = []
        """What is wrong with tools that it offers and that were left out."""

    @property
    def problem(self) -> str:
        """What is wrong with it now; empty when it runs."""
        return "" if self._link is not None else self._problem

    async def start(self) -> None:
        """Start or reach it, and list its tools."""
        self._check_open()
        if self._owner is None or self._over:
            self._tried, self._news = asyncio.Event(), asyncio.Event()
            self._over, self._failure = False, None
            self._owner = asyncio.get_running_loop().create_task(self._own(), name=f"mcp {self.name}")
        await self._tried.wait()
        self._check_open()
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))

    async def call(self, name: str, args: dict[str, object], *, key: str) -> ToolResult:
        """Call a tool; waits for a server that is being started again, as long as a call may take."""
        await self.start()
        limit = self._settings.timeout
        try:
            async with asyncio.timeout(limit):
                return await self._call(name, args, key)
        except TimeoutError:
            if self._link is None:
                raise ToolError(
                    f"{self._who} is down and did not come back within {limit:g} s: {self._problem}"
                ) from None
            raise ToolError(
                f"{name} did not answer within {limit:g} s; {self._who} was told to stop it. "
                f"If it needs longer, raise timeout in {self._section}"
            ) from None

    async def close(self) -> None:
        """End the connection and the program."""
        self._closed = True
        self._wake.set()
        owner = self._owner
        if owner is None or owner.done():
            return
        if self._scope is not None and self._link is None:
            self._scope.cancel()
        await asyncio.wait({owner}, timeout=CLOSE_WITHIN)
        if not owner.done():
            owner.cancel()
            await asyncio.wait({owner}, timeout=REASON_WITHIN)

    async def _call(self, name: str, args: dict[str, object], key: str) -> ToolResult:
        from .mcp_link import Gone, Refused  # noqa: PLC0415 (loaded by the owner)

        for last in (False, True):
            link = await self._connected()
            down = self._down
            try:
                return await link.call(name, args, key)
            except Refused:
                self._lose(link)
                if last:
                    raise ToolError(f"{self._who} does not keep its connections; call again later") from None
            except Gone:
                self._lose(link)
                with suppress(TimeoutError):
                    await asyncio.wait_for(down.wait(), REASON_WITHIN)
                raise ToolError(
                    f"{self._who} was lost during the call of {name}: {self._problem or 'it is being closed'}. "
                    "The call may have been carried out; it was not repeated"
                ) from None
            except ToolError as error:
                raise ToolError(self._redacted(str(error))) from None
        raise AssertionError

    async def _connected(self) -> Link:
        while self._link is None:
            self._check_open()
            if self._over:
                raise ToolError(f"{self._who} has ended: {self._problem}")
            self._wanted = True
            self._wake.set()
            await self._news.wait()
        return self._link

    def _lose(self, link: Link) -> None:
        """This connection is of no use any more; there may be another one already."""
        if self._link is link:
            self._leave()

    def _leave(self) -> None:
        """The connection of now is of no use any more."""
        if self._link is not None:
            self._link = None
            self._news = asyncio.Event()
        self._lost = True
        self._wake.set()

    def _change(self) -> None:
        """The server says that it offers other tools now."""
        self._stale = True
        self._wake.set()

    async def _own(self) -> None:
        """The owner's life: connect, serve, and again."""
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while not self._closed:
                since = loop.time()
                if not await self._connection() and not self._tried.is_set():
                    return
                failures = 1 if loop.time() - since > STEADY else failures + 1
                await self._pause(min(self._first_delay * 2 ** (failures - 1), LONGEST_DELAY), failures > EAGER)
        finally:
            self._over, self._link = True, None
            for event in (self._tried, self._news, self._down):
                event.set()

    async def _pause(self, delay: float, only_if_wanted: bool) -> None:
        """Wait before the next attempt; a server that keeps failing is left alone until a call wants it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + delay
        self._wanted = False
        while not self._closed and (until > loop.time() or (only_if_wanted and not self._wanted)):
            self._wake.clear()
            wait = max(until - loop.time(), 0) or None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def _serve(self, link: Link) -> None:
        """Keep the connection, and its list of tools, until it is lost or not wanted."""
        import anyio  # noqa: PLC0415 (comes with the SDK)

        while True:
            self._wake.clear()
            if self._closed or self._lost:
                return
            if self._stale:
                self._stale = False
                with anyio.move_on_after(self._settings.connect_timeout):
                    found = await link.refreshed()
                    await self._list(link, self.tools if found is None else found)
            else:
                await self._wake.wait()

    async def _list(self, link: Link, tools: list[Tool]) -> None:
        """Take what it offers, and say in its log what of it is no use."""
        told, self.tools = self.problems, tools
        self.problems = [f"{self._who}: {self._redacted(text)}" for text in link.problems]
        for text in self.problems:
            if text not in told:
                self._log.write_soon(f"proc-tui: {text}\n")
        await self._log.written()

    async def _connection(self) -> bool:
        """One connection, from its first moment to its last; whether it was made at all."""
        import anyio  # noqa: PLC0415 (comes with the SDK)

        self._lost, self._stale, self._down = False, False, asyncio.Event()
        made = listed = timed_out = False
        error: BaseException | None = None
        link: Link | None = None
        try:
            new_link, linked = await asyncio.to_thread(_load)
            if self._closed:
                return False
            link = held = new_link(self._address(), self._leave, self._change)
            with anyio.CancelScope(deadline=anyio.current_time() + self._settings.connect_timeout) as self._scope:
                async with linked(held):
                    await self._list(held, await held.tools())
                    self._scope.deadline = math.inf
                    listed = True
                    if not (self._lost or self._closed):
                        made = True
                        self._link, self._problem = held, ""
                        self._news.set()
                        self._tried.set()
                        await self._serve(held)
                    self._scope.deadline = anyio.current_time() + LEAVE_WITHIN
            timed_out = self._scope.cancelled_caught and not listed
        except Blocked as blocked:
            self._fail(Blocked, f"cannot be used here: {blocked}")
        except Exception as caught:  # noqa: BLE001 - whatever the SDK raises, it ends one connection and is told
            error = caught
        finally:
            self._scope = None
            self._leave()
        if link is not None and timed_out:
            self._fail(
                ToolError,
                f"did not start within {self._settings.connect_timeout:g} s: {link.silence()}{self._see()}. "
                f"If it needs longer, raise connectTimeout in {self._section}",
            )
        elif link is not None:
            self._problem = f"{self._redacted(link.why(error))}{self._see()}"
            if not made:
                self._fail(ToolError, f"did not start: {self._problem}")
        elif error is not None:
            self._fail(ToolError, f"did not start: {error}")
        self._down.set()
        return made

    def _address(self) -> Address:
        """Where the server is. Raises `ToolError` when the settings are wrong, `Blocked` when a variable is missing."""
        from .mcp_link import Address  # noqa: PLC0415 (loaded by the owner)

        settings, expand = self._settings, self._expand
        if bool(settings.command) == bool(settings.url):
            raise ToolError(f"{self._section} must have either a command or a url")
        if settings.url and settings.type == "sse":
            raise ToolError(f"{self._section} has the older transport sse; give the url of its streamable HTTP")
        if settings.url:
            headers = {key: expand(value) for key, value in settings.headers.items()}
            return Address(self.name, settings.connect_timeout, self._log, url=expand(settings.url), headers=headers)
        return Address(
            self.name,
            settings.connect_timeout,
            self._log,
            command=[expand(word) for word in (settings.command, *settings.args)],
            env={key: expand(value) for key, value in settings.env.items()} | {TOOL_MARK: self.name},
            cwd=self._workspace / expand(settings.cwd),
            redact=self._redacted,
        )

    def _expand(self, text: str) -> str:
        return self._secrets.expand(text.replace(f"${{{OWN_FOLDER}}}", str(self._workspace)))

    def _fail(self, kind: type[ProcError], what: str) -> None:
        self._problem = self._redacted(what)
        if not self._tried.is_set():
            self._failure = kind(f"{self._who} {self._problem}")

    def _check_open(self) -> None:
        if self._closed:
            raise ToolError(f"{self._who} is closed: the program is ending")

    @property
    def _who(self) -> str:
        return f'the MCP server "{self.name}"'

    @property
    def _section(self) -> str:
        return f"[mcpServers.{self.name}]"

    def _see(self) -> str:
        if not self._settings.command:
            return ""
        if refused := self._log.refused:
            return f"\n  ({refused})"
        return f"\n  (see {self._log.shown})" if self._log.is_there else ""

    def _redacted(self, text: str) -> str:
        """Without secrets, those included that the configuration has in plain words."""
        text = self._secrets.redact(text)
        for value in (*self._settings.headers.values(), *self._settings.env.values()):
            for plain in (value, value.rpartition(" ")[2]):
                if len(plain) >= 8 and "${" not in plain:
                    text = text.replace(plain, "***")
        return text


def _load() -> tuple[type[Link], Callable[[Link], AbstractAsyncContextManager[None]]]:
    from .mcp_link import Link, linked, quiet  # noqa: PLC0415 (the SDK takes half a second)

    quiet()
    return Link, linked
