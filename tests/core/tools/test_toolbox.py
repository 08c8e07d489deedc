from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from proc_tui.core.errors import Blocked, ToolError
from proc_tui.core.model.messages import ToolResult
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import ModelSettings, PythonToolSettings, ServerSettings, Settings, load
from proc_tui.core.model.trust import TrustRecord
from proc_tui.core.tools.tool import Source, Tool
from proc_tui.core.tools.toolbox import SourceStatus, Toolbox
from proc_tui.core.values import Value


class Shelf:
    """A source in memory."""

    def __init__(self, name: str, *tools: str, failure: Exception | None = None) -> None:
        self.name: str = name
        self.tools: list[Tool] = []
        self.problems: list[str] = []
        self.failure: Exception | None = failure
        self.starts: int = 0
        self.result: ToolResult = ToolResult("done", "done")
        self.calls: list[tuple[str, dict[str, object], str]] = []
        self.gate: asyncio.Event | None = None
        self.closed: bool = False
        self._offers: list[Tool] = [
            Tool(tool, name, schema={"properties": {"of": {"type": "array"}}, "additionalProperties": False})
            for tool in tools
        ]

    async def start(self) -> None:
        self.starts += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.tools = self._offers

    async def call(self, name: str, args: dict[str, object], *, key: str) -> ToolResult:
        self.calls.append((name, args, key))
        if args.get("of") == ["fail"]:
            raise ToolError("the key sesame-sesame does not fit")
        return self.result

    async def close(self) -> None:
        self.closed = True


def box(tmp_path: Path, *sources: Source, secrets: Secrets | None = None) -> Toolbox:
    return Toolbox(Settings(), tmp_path, secrets or Secrets({}), sources=sources)


async def failure(toolbox: Toolbox, name: str, kind: type[Exception] = ToolError) -> str:
    with pytest.raises(kind) as caught:
        await toolbox.find(name)
    return str(caught.value)


async def test_a_tool_is_found_by_its_plain_and_its_qualified_name(tmp_path: Path) -> None:
    toolbox = box(tmp_path, Shelf("web", "search", "fetch"), Shelf("shop", "order"))
    assert (await toolbox.find("order")).qualified == "shop.order"
    assert (await toolbox.find("web.search")).name == "search"
    assert list(await toolbox.names()) == ["search", "fetch", "order", "web.search", "web.fetch", "shop.order"]


async def test_a_name_of_two_servers_must_be_qualified(tmp_path: Path) -> None:
    toolbox = box(tmp_path, Shelf("web", "search"), Shelf("docs", "search", "read"))
    assert await failure(toolbox, "search") == ('2 servers have a tool "search"; say which: docs.search, web.search')
    assert (await toolbox.find("docs.search")).server == "docs"
    assert list(await toolbox.names()) == ["read", "web.search", "docs.search", "docs.read"]


async def test_an_unknown_name_is_told_with_the_nearest_and_how_many_there_are(tmp_path: Path) -> None:
    toolbox = box(tmp_path, Shelf("web", "search", "fetch"))
    assert await failure(toolbox, "serch") == (
        'there is no tool "serch"; did you mean "search"? (2 tools are known; list them with: proc-tui doctor)'
    )
    assert 'did you mean "web.search"?' in await failure(toolbox, "wep.search")
    assert "none are configured" in await failure(box(tmp_path), "search")


async def test_a_source_that_does_not_start_stops_no_other(tmp_path: Path) -> None:
    broken = Shelf("shop", "order", failure=ToolError('the MCP server "shop" did not start: it is closed on Sundays'))
    toolbox = box(tmp_path, Shelf("web", "search"), broken)
    assert (await toolbox.find("search")).server == "web"
    why = 'the MCP server "shop" did not start: it is closed on Sundays'
    assert await failure(toolbox, "order") == f'there is no tool "order" (1 known), and {why}'
    assert await failure(toolbox, "shop.order") == f'there is no tool "shop.order": {why}'
    assert (await failure(toolbox, "serch")).startswith('there is no tool "serch"; did you mean "search"? (1 tool is')
    assert why in await failure(toolbox, "serch")


async def test_a_source_that_cannot_be_used_here_blocks_what_may_be_its_tools(tmp_path: Path) -> None:
    toolbox = box(tmp_path, Shelf("web", "search"), Shelf("shop", failure=Blocked("needs SHOP_KEY on this worker")))
    assert (await toolbox.find("search")).server == "web"
    assert "needs SHOP_KEY" in await failure(toolbox, "shop.order", Blocked)
    assert "needs SHOP_KEY" in await failure(toolbox, "order", Blocked)
    assert "there is no tool" in await failure(toolbox, "web.order")


async def test_all_sources_start_at_once_and_a_cancelled_waiter_stops_none(tmp_path: Path) -> None:
    shelves = [Shelf("a", "x"), Shelf("b", "y")]
    gate = asyncio.Event()
    for shelf in shelves:
        shelf.gate = gate
    toolbox = box(tmp_path, *shelves)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(toolbox.find("x"))
        second = group.create_task(toolbox.find("y"))
        while not all(shelf.starts for shelf in shelves):
            await asyncio.sleep(0)
        first.cancel()
        gate.set()
    assert second.result().name == "y"
    assert all(shelf.tools for shelf in shelves)


async def test_arguments_are_checked_and_fitted_before_the_call(tmp_path: Path) -> None:
    shelf = Shelf("web", "search")
    toolbox = box(tmp_path, shelf)
    assert (await toolbox.call("search", {"of": {}}, key="run/1#2")).value == "done"
    assert shelf.calls == [("search", {"of": []}, "run/1#2")]
    with pytest.raises(ToolError) as caught:
        await toolbox.call("search", {"off": 1}, key="k")
    assert str(caught.value) == 'the arguments of search are wrong:\noff is not known; did you mean "of"?'
    assert len(shelf.calls) == 1


async def test_secrets_are_taken_out_of_errors(tmp_path: Path) -> None:
    secrets = Secrets({"KEY": "sesame-sesame"})
    secrets.environment("KEY")
    broken = Shelf("shop", failure=ToolError("refused sesame-sesame"))
    toolbox = box(tmp_path, Shelf("web", "search"), broken, secrets=secrets)
    with pytest.raises(ToolError, match=r"the key \*\*\* does not fit"):
        await toolbox.call("search", {"of": ["fail"]}, key="k")
    assert "refused ***" in await failure(toolbox, "order")


async def test_the_status_names_every_source(tmp_path: Path) -> None:
    toolbox = box(tmp_path, Shelf("web", "search"), Shelf("shop", failure=ToolError("closed on Sundays")))
    assert await toolbox.status() == [
        SourceStatus("web", "MCP server", True, 1),
        SourceStatus("shop", "MCP server", False, 0, "closed on Sundays"),
    ]


async def test_a_closed_toolbox_says_so(tmp_path: Path) -> None:
    shelf = Shelf("web", "search")
    shelf.gate = asyncio.Event()
    toolbox = box(tmp_path, shelf)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(failure(toolbox, "search"))
        while not shelf.starts:
            await asyncio.sleep(0)
        await toolbox.close()
    assert waiting.result() == "the tools are closed: the program is ending"
    assert shelf.closed
    assert await failure(toolbox, "search") == "the tools are closed: the program is ending"


# ---- trust


def configure(tmp_path: Path, text: str) -> Settings:
    folder = tmp_path / ".proc-tui"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(text)
    return load(tmp_path)


@pytest.mark.kill
@pytest.mark.slow
async def test_programs_of_a_workspace_are_not_started_before_somebody_agreed(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    code = f"open({str(mark)!r}, 'w')"
    settings = configure(tmp_path, f'[mcpServers.web]\ncommand = {sys.executable!r}\nargs = ["-c", "{code}"]\n')
    record = TrustRecord(tmp_path / "trust.json")
    toolbox = Toolbox(settings, tmp_path, Secrets({}), record)
    told = await failure(toolbox, "search", Blocked)
    assert "this workspace wants to start programs for its tools" in told
    assert sys.executable in told
    assert "agree with: proc-tui trust" in told
    assert [status.ok for status in await toolbox.status()] == [False]
    assert not mark.exists()
    record.agree(tmp_path, 1.0)
    assert 'the MCP server "web" did not start: it ended with exit code 0' in await failure(toolbox, "search")
    assert mark.exists()
    await toolbox.close()


async def test_disabled_servers_are_left_out(tmp_path: Path) -> None:
    settings = Settings(mcp_servers={"web": ServerSettings(command="no-such-program", disabled=True)})
    toolbox = Toolbox(settings, tmp_path, Secrets({}))
    assert await toolbox.status() == []
    assert "none are configured" in await failure(toolbox, "search")


@pytest.mark.slow
@pytest.mark.kill
async def test_servers_and_python_tools_are_one_toolbox(tmp_path: Path, project: Path) -> None:
    for name in ("books", "films"):
        text = f"def describe(of: list[str]) -> str:\n    'Describe.'\n    return '{name} ' + str(len(of))\n"
        (tmp_path / f"{name}.py").write_text(text)
    server = str(project / "tests" / "servers" / "mcp_server.py")
    record = TrustRecord(tmp_path / "trust.json")
    settings = Settings(
        mcp_servers={"library": ServerSettings(command=sys.executable, args=[server])},
        python_tools=PythonToolSettings(interpreter=sys.executable, modules=["books.py", "films.py"]),
    )
    toolbox = Toolbox(settings, tmp_path, Secrets({}), record)
    try:
        assert (await toolbox.call("echo", {"text": "hi"}, key="k")).value == "hi"
        assert "say which: books.describe, films.describe" in await failure(toolbox, "describe")
        assert (await toolbox.call("films.describe", {"of": {}}, key="k")).value == "films 0"
        assert [(one.kind, one.ok, one.tools) for one in await toolbox.status()] == [
            ("MCP server", True, 14),
            ("Python tools", True, 2),
        ]
    finally:
        await toolbox.close()


@pytest.mark.parametrize("size", [1, 100_000])
async def test_a_configured_key_is_in_no_result(tmp_path: Path, size: int) -> None:
    shelf, secrets = Shelf("web", "search"), Secrets({"WEB_KEY": "sesame-sesame", "OPENAI_API_KEY": "sk-0123456789"})
    settings = Settings(models={"main": ModelSettings(model="m", api_key_env="WEB_KEY")})
    toolbox = Toolbox(settings, tmp_path, secrets, sources=[shelf])
    said = "the keys are sesame-sesame and sk-0123456789 " * size
    kept: list[Value] = [{"type": "resource", "text": said}]
    shelf.result = ToolResult({"said": [said]}, said, kept)
    result = await toolbox.call("search", {}, key="k")
    clean = "the keys are *** and *** " * size
    assert result == ToolResult({"said": [clean]}, clean, [{"type": "resource", "text": clean}])
