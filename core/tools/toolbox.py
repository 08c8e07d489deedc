"""The tools of a workspace: found by name, called, and their sources started when the first is needed.

Belongs here: which sources there are, trust, names, and what to say when a name is not found. Never: what a source
does, or what a turn does with a result.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import Blocked, ConfigError, ProcError, ToolError, did_you_mean
from ..model import trust as trusting
from ..model.messages import ToolResult
from .arguments import fitted, problem
from .mcp_servers import McpServer
from .python_tools import PythonTools

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..model.secrets import Secrets
    from ..model.settings import Settings
    from .tool import Source, Tool

AT_ONCE: Final = 64 * 1024
"""Characters of a result in which secrets are looked for at once; more would hold up the loop, and goes to a thread."""
RETRY_AFTER: Final = 30.0
"""Seconds after which a source that did not start is tried again, when a tool is not found."""


class SourceStatus(msgspec.Struct, frozen=True):
    """How one source is."""

    name: str
    kind: str
    """`MCP server` or `Python tools`."""
    ok: bool
    tools: int = 0
    problem: str = ""
    """Why it is not; or, of a source that is, what is wrong with parts of it."""


class Toolbox:
    """All sources together. Used on one event loop."""

    def __init__(
        self,
        settings: Settings,
        workspace: Path,
        secrets: Secrets,
        trust: trusting.TrustRecord | None = None,
        *,
        sources: Iterable[Source] | None = None,
    ) -> None:
        self._workspace: Path = workspace
        self._secrets: Secrets = secrets
        secrets.expected(settings.key_variables())
        self._trust: trusting.TrustRecord = trust or trusting.TrustRecord()
        self._sources: list[Source] = list(_configured(settings, workspace, secrets) if sources is None else sources)
        self._starts: dict[int, asyncio.Task[None]] = {}
        """The start of each source, by its place; apart from those who wait for it, who may be cancelled."""
        self._failed: dict[int, tuple[ProcError, float]] = {}
        """Why a source did not start, and when."""
        self._agreed: bool = False
        self._closed: bool = False

    async def find(self, name: str) -> Tool:
        """The tool of this name, plain or `SERVER.TOOL`.

        Raises `ToolError` when there is none or more than one, and `Blocked` when nobody agreed to the programs of
        this workspace, or the name's own server lacks something on this worker.
        """
        return (await self._find(name))[1]

    async def names(self) -> dict[str, Tool]:
        """Every tool by each name that finds it: its qualified one, and its plain one where no other tool has it.

        Raises `Blocked` as `find` does.
        """
        await self._start()
        found: dict[str, Tool] = {}
        for name, tools in self._known().items():
            if len(tools) == 1:
                found[name] = tools[0][1]
        return found

    async def call(self, name: str, args: Mapping[str, object], *, key: str) -> ToolResult:
        """Call a tool, once its arguments fit its schema; `key` is the same at every try of one call.

        `args` is plain JSON data; an empty table is a list or an object, whichever the schema wants.
        Raises `ToolError` that says what is wrong, `Blocked` as `find` does. Neither text nor result has a secret.
        """
        source, tool = await self._find(name)
        given = fitted(tool.schema, dict(args))
        wrong = await asyncio.to_thread(problem, tool.schema, given)
        if wrong:
            raise ToolError(f"the arguments of {name} are wrong:\n{wrong}")
        twice = sum(other.name == tool.name for other in source.tools) > 1
        try:
            result = await source.call(tool.qualified if twice else tool.name, given, key=key)
        except (Blocked, ToolError) as error:
            raise type(error)(self._secrets.redact(str(error))) from None
        if not self._secrets.hides_data:
            return result
        if len(result.text) < AT_ONCE and result.kept is None:
            return self._redacted(result)
        return await asyncio.to_thread(self._redacted, result)

    async def status(self) -> list[SourceStatus]:
        """How each source is, all of them started; those that nobody agreed to are not. Raises nothing."""
        try:
            await self._start(again=True)
        except (Blocked, ToolError) as error:
            return [SourceStatus(source.name, _kind(source), False, 0, str(error)) for source in self._sources]
        return [self._status(place, source) for place, source in enumerate(self._sources)]

    async def close(self) -> None:
        """End all that was started; calls under way fail."""
        self._closed = True
        if self._sources:
            await asyncio.gather(*[source.close() for source in self._sources])
        pending = [task for task in self._starts.values() if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=1)

    def _redacted(self, result: ToolResult) -> ToolResult:
        redact = self._secrets.redact_data
        return ToolResult(redact(result.value), str(redact(result.text)), redact(result.kept))

    def _status(self, place: int, source: Source) -> SourceStatus:
        failed = self._failed.get(place)
        if failed is not None:
            return SourceStatus(source.name, _kind(source), False, 0, str(failed[0]))
        problems = "\n".join(source.problems)
        return SourceStatus(source.name, _kind(source), True, len(source.tools), self._secrets.redact(problems))

    async def _find(self, name: str) -> tuple[Source, Tool]:
        await self._start()
        found = self._known().get(name, [])
        if not found and self._failed:
            await self._start(again=True)
            found = self._known().get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            exact = ", ".join(sorted({tool.qualified for _, tool in found}))
            raise ToolError(f'{len(found)} servers have a tool "{name}"; say which: {exact}')
        server = name.partition(".")[0]
        for place, (error, _) in self._failed.items():
            if isinstance(error, Blocked) and ("." not in name or self._sources[place].name == server):
                raise Blocked(f'the tool "{name}" may be one that this worker cannot have: {error}')
        raise ToolError(self._unknown(name))

    def _unknown(self, name: str) -> str:
        """Why there is no tool of this name, the likeliest reason first: sources that did not start may have it."""
        known = self._known()
        if not self._sources:
            return (
                f'there is no tool "{name}": none are configured; add [mcpServers.NAME] or [pythonTools] to config.toml'
            )
        plain = [one for one in known if "." not in one]
        near = did_you_mean(name, known if "." in name else plain)
        failures = {self._sources[place].name: str(error) for place, (error, _) in self._failed.items()}
        own = failures.get(name.partition(".")[0]) if "." in name else None
        if own:
            return f'there is no tool "{name}": {own}'
        count = sum(len(source.tools) for source in self._sources)
        if failures and not near:
            return f'there is no tool "{name}" ({count} known), and ' + "\n".join(failures.values())
        text = f'there is no tool "{name}"{near}'
        text += f" ({count} tool{' is' if count == 1 else 's are'} known; list them with: proc-tui doctor)"
        return "\n".join([text, *failures.values()])

    def _known(self) -> dict[str, list[tuple[Source, Tool]]]:
        """What each name may mean; a plain name gives way to a qualified one."""
        plain: dict[str, list[tuple[Source, Tool]]] = {}
        known: dict[str, list[tuple[Source, Tool]]] = {}
        for place, source in enumerate(self._sources):
            if place not in self._failed:
                for tool in source.tools:
                    known.setdefault(tool.qualified, []).append((source, tool))
                    plain.setdefault(tool.name, []).append((source, tool))
        return {**plain, **known}

    async def _start(self, *, again: bool = False) -> None:
        """Start every source, all at once; one that does not start stops no other."""
        self._check_open()
        if self._sources and not self._agreed:
            await self._check_trust()
            self._agreed = True
        loop = asyncio.get_running_loop()
        for place, source in enumerate(self._sources):
            before = self._starts.get(place)
            if before is not None and not before.done():
                continue
            failed = self._failed.get(place)
            if failed is None or (again and loop.time() - failed[1] > RETRY_AFTER):
                self._starts[place] = loop.create_task(self._started(place, source), name=f"start {source.name}")
        starts = list(self._starts.values())  # others begin more of them meanwhile
        if starts:
            await asyncio.wait(starts)
        self._check_open()
        for task in starts:
            task.result()  # a defect of a source is not hidden

    async def _check_trust(self) -> None:
        """Raises `Blocked` while nobody agreed to the programs of this workspace."""
        try:
            agreed = await asyncio.to_thread(self._trust.trusts, self._workspace)
            listed = [] if agreed else trusting.programs(self._workspace)
            commands = [one.command for one in listed if one.section in ("mcpServers", "pythonTools")]
        except ConfigError as error:
            raise Blocked(f"cannot tell whether the programs of this workspace may be started: {error}") from None
        if commands:
            shown = "".join(f"\n  {command}" for command in commands)
            raise Blocked(
                self._secrets.redact(
                    f"this workspace wants to start programs for its tools:{shown}\n"
                    "look at them, and agree with: proc-tui trust"
                )
            )

    async def _started(self, place: int, source: Source) -> None:
        try:
            await source.start()
        except (Blocked, ToolError) as error:
            said = type(error)(self._secrets.redact(str(error)))
            self._failed[place] = (said, asyncio.get_running_loop().time())
        else:
            self._failed.pop(place, None)

    def _check_open(self) -> None:
        if self._closed:
            raise ToolError("the tools are closed: the program is ending")


def _configured(settings: Settings, workspace: Path, secrets: Secrets) -> Iterable[Source]:
    for name, server in settings.mcp_servers.items():
        if not server.disabled:
            yield McpServer(name, server, workspace, secrets)
    if settings.python_tools.modules:
        yield PythonTools(settings.python_tools, workspace, secrets)


def _kind(source: Source) -> str:
    return "Python tools" if isinstance(source, PythonTools) else "MCP server"
