from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.errors import Blocked, ToolError
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import ServerSettings
from proc_tui.core.tools.mcp_servers import McpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.kill]

KEY = "sesame-sesame"


@pytest.fixture
def programs(project: Path) -> Path:
    return project / "tests" / "servers"


@asynccontextmanager
async def opened(source: McpServer) -> AsyncIterator[McpServer]:
    try:
        yield source
    finally:
        await source.close()
        gc.collect()


@pytest.fixture
def stdio(programs: Path, tmp_path: Path) -> Callable[..., McpServer]:
    """Makes a source of a program of `tests/servers`."""

    def make(
        program: str = "mcp_server.py", *, environment: dict[str, str] | None = None, **settings: Any
    ) -> McpServer:
        given = {"command": sys.executable, "args": [str(programs / program), str(tmp_path)], **settings}
        secrets = Secrets(environment or {})
        return McpServer("library", ServerSettings(**given), tmp_path, secrets, first_delay=0.01)

    return make


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop run until something holds."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def failure(awaited: Awaitable[object], kind: type[Exception] = ToolError) -> str:
    with pytest.raises(kind) as caught:
        await awaited
    return str(caught.value)


# ---- listing and calling


async def test_lists_the_tools_of_all_pages(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        await source.start()
        assert len(source.tools) == 14
        echo = source.tools[0]
        assert (echo.name, echo.server, echo.qualified, echo.description) == (
            "echo", "library", "library.echo", "does echo",
        )  # fmt: skip
        assert echo.schema["required"] == ["text"]


async def test_calls_give_text_tables_and_parts(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        text = await source.call("echo", {"text": "hé", "times": 2}, key="k")
        assert (text.value, text.text, text.kept) == ("héhé", "héhé", None)
        table = await source.call("table", {}, key="k")
        assert (table.value, table.text) == ({"rows": [1, 2.5]}, "two rows")
        mixed = await source.call("mixed", {}, key="k")
        assert (
            mixed.text == "look:\n[image image/png, 8 bytes]\n[resource file:///notes.txt, text/plain, 4 bytes]\nnote"
        )
        assert isinstance(mixed.kept, list)
        assert isinstance(mixed.kept[0], dict)
        assert mixed.kept[0]["data"] == "iVBORw0KGgo="


async def test_calls_run_in_parallel(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        results = await asyncio.gather(*[source.call("meet", {}, key=str(n)) for n in range(2)])
        assert [result.value for result in results] == ["met", "met"]


async def test_the_idempotency_key_and_the_environment_arrive(stdio: Callable[..., McpServer]) -> None:
    source = stdio(environment={"TOKEN": "s3cr3t-token"}, env={"LIBRARY": "${TOKEN}!"})
    async with opened(source):
        assert (await source.call("key", {}, key="run/1#2")).value == "run/1#2"
        assert (await source.call("variable", {"name": "LIBRARY"}, key="k")).value == "s3cr3t-token!"
        assert (await source.call("variable", {"name": "PROC_TUI_TOOL"}, key="k")).value == "library"
        assert (await source.call("variable", {"name": "XDG_DATA_HOME"}, key="k")).value == "(unset)"


async def test_the_workspace_can_be_named_in_the_settings(stdio: Callable[..., McpServer], tmp_path: Path) -> None:
    source = stdio(cwd="${PROC_TUI_WORKSPACE}/there", env={"ROOT": "${PROC_TUI_WORKSPACE}"})
    (tmp_path / "there").mkdir()
    async with opened(source):
        assert (await source.call("variable", {"name": "ROOT"}, key="k")).value == str(tmp_path)


async def test_a_changed_list_of_tools_is_read_again(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        await source.call("grow", {}, key="k")
        await until(lambda: any(tool.name == "grown" for tool in source.tools))
        await source.call("shrink", {}, key="k")
        await until(lambda: not source.tools)


async def test_a_server_without_the_handshake_of_before_2026_is_understood(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio("only_modern.py")) as source:
        await source.start()
        assert [tool.name for tool in source.tools] == ["greet"]
        assert (await source.call("greet", {}, key="k")).value == "hello"


async def test_errors_of_tools_are_told(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        assert await failure(source.call("fail", {}, key="k")) == "no such book"
        assert "refused the call of nothing: unknown tool nothing" in await failure(source.call("nothing", {}, key="k"))
        assert 'the MCP server "library" ran untrue' in await failure(source.call("untrue", {}, key="k"))
        assert (await source.call("echo", {"text": "still here"}, key="k")).value == "still here"


# ---- time and cancelling


async def test_a_call_that_takes_too_long_is_cancelled_and_the_server_stays(
    stdio: Callable[..., McpServer], tmp_path: Path
) -> None:
    async with opened(stdio(timeout=0.3)) as source:
        await source.start()
        told = await failure(source.call("hang", {}, key="k"))
        assert "hang did not answer within 0.3 s" in told
        assert "raise timeout in [mcpServers.library]" in told
        await until((tmp_path / "cancelled").exists)
        assert (await source.call("echo", {"text": "x"}, key="k")).value == "x"


async def test_a_cancelled_call_is_cancelled_in_the_server(stdio: Callable[..., McpServer], tmp_path: Path) -> None:
    async with opened(stdio()) as source:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(source.call("hang", {}, key="k"))
            await until((tmp_path / "hanging").exists)
            call.cancel()
        await until((tmp_path / "cancelled").exists)
        assert (await source.call("echo", {"text": "x"}, key="k")).value == "x"


async def test_cancelling_who_waits_for_the_start_does_not_stop_it(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(source.start())
            await asyncio.sleep(0)
            waiting.cancel()
        await source.start()
        assert source.tools


# ---- crashes


async def test_a_crash_fails_the_call_and_the_next_one_finds_the_server_again(
    stdio: Callable[..., McpServer], tmp_path: Path
) -> None:
    async with opened(stdio()) as source:
        first = (await source.call("pid", {}, key="k")).value
        told = await failure(source.call("crash", {}, key="k"))
        assert 'the MCP server "library" was lost during the call of crash: it ended with exit code 3' in told
        assert "the disk is on fire" in told
        assert "may have been carried out; it was not repeated" in told
        second = (await source.call("pid", {}, key="k")).value
        assert second != first
        assert (tmp_path / "crashes").read_text() == "x"
        assert ".proc-tui/logs/mcp-library.log" in told
        assert (tmp_path / ".proc-tui/logs/mcp-library.log").read_text() == "the disk is on fire\n"


async def test_a_crash_fails_all_calls_that_are_under_way(stdio: Callable[..., McpServer], tmp_path: Path) -> None:
    async with opened(stdio()) as source:
        async with asyncio.TaskGroup() as group:
            hanging = group.create_task(failure(source.call("hang", {}, key="k")))
            await until((tmp_path / "hanging").exists)
            await failure(source.call("crash", {}, key="k"))
        assert "was lost during the call of hang" in hanging.result()


async def test_calls_while_a_server_is_away_wait_for_it(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        pid = int(str((await source.call("pid", {}, key="k")).value))
        os.kill(pid, signal.SIGKILL)
        await until(lambda: bool(source.problem))
        assert "killed by signal 9" in source.problem
        results = await asyncio.gather(*[source.call("echo", {"text": str(n)}, key="k") for n in range(5)])
        assert [result.value for result in results] == list("01234")


async def test_a_server_that_does_not_come_back_fails_the_call_in_time(
    stdio: Callable[..., McpServer], tmp_path: Path, programs: Path
) -> None:
    program = tmp_path / "program.py"
    program.symlink_to(programs / "mcp_server.py")
    async with opened(stdio(args=[str(program), str(tmp_path)], timeout=4.0)) as source:
        await source.start()
        program.unlink()
        await failure(source.call("crash", {}, key="k"))
        told = await failure(source.call("echo", {"text": "x"}, key="k"))
        assert 'the MCP server "library" is down and did not come back within 4 s' in told
        program.symlink_to(programs / "mcp_server.py")
        assert (await source.call("echo", {"text": "back"}, key="k")).value == "back"


async def test_a_flood_on_standard_error_keeps_the_log_small(stdio: Callable[..., McpServer], tmp_path: Path) -> None:
    async with opened(stdio()) as source:
        for _ in range(5):
            await source.call("shout", {}, key="k")
    assert (tmp_path / ".proc-tui/logs/mcp-library.log").stat().st_size <= 1_000_000
    assert (tmp_path / ".proc-tui/logs/mcp-library.log").stat().st_mode & 0o077 == 0


async def test_secrets_are_neither_in_the_log_nor_in_last_words(
    stdio: Callable[..., McpServer], tmp_path: Path
) -> None:
    # In two pieces, and cut by the length of what is kept of last words.
    says = "import os, sys, time; k = os.environ['KEY']; e = sys.stderr; e.write('a' * 50 + k[:5]); e.flush();"
    says += "time.sleep(0.1); e.write(k[5:] + 'b' * 1990); e.flush(); sys.exit(3)"
    source = stdio(args=["-c", says], env={"KEY": "${LIBRARY}"}, environment={"LIBRARY": "s3cr3t-token!"})
    async with opened(source):
        told = await failure(source.start())
    log = (tmp_path / ".proc-tui/logs/mcp-library.log").read_text()
    assert "a***b" in log
    for text in (log, told):
        assert "bbbb" in text
        assert "token!" not in text
        assert "s3cr3t" not in text


async def test_a_folder_of_logs_that_leads_outside_is_told_and_left_alone(
    stdio: Callable[..., McpServer], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (tmp_path / ".proc-tui").mkdir()
    (tmp_path / ".proc-tui" / "logs").symlink_to(outside)
    async with opened(stdio("exits_at_once.py")) as source:
        told = await failure(source.start())
    assert "no licence key found" in told
    assert "(.proc-tui/logs is a link that leads outside of the workspace, so nothing is written there)" in told
    assert list(outside.iterdir()) == []


# ---- servers that are careless


async def test_half_a_character_does_not_cost_the_answer(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio("careless.py")) as source:
        assert (await source.call("ask", {"how": "half a character"}, key="k")).value == "cut ? here"


@pytest.mark.parametrize("how", ["nothing", "deep"])
async def test_an_answer_that_cannot_be_read_fails_its_call_at_once(stdio: Callable[..., McpServer], how: str) -> None:
    async with opened(stdio("careless.py")) as source:
        assert "its answer cannot be read" in await failure(source.call("ask", {"how": how}, key="k"))
        assert (await source.call("ask", {}, key="k")).value == "fine"


async def test_an_error_with_the_number_of_a_closed_connection_is_the_tools_own(
    stdio: Callable[..., McpServer],
) -> None:
    async with opened(stdio("careless.py")) as source:
        told = await failure(source.call("ask", {"how": "its own error"}, key="k"))
        assert told == 'the MCP server "library" refused the call of ask: the archive is closed'


async def test_a_flood_on_standard_output_waits_and_can_be_left(stdio: Callable[..., McpServer], capfd: Any) -> None:
    async with opened(stdio("careless.py", timeout=1.0)) as source:
        assert "did not answer within 1 s" in await failure(source.call("ask", {"how": "flood"}, key="k"))
    assert capfd.readouterr() == ("", "")


WRONG: list[object] = [
    {"name": "no schema"},
    {"name": "a word", "inputSchema": "object"},
    {"name": "empty", "inputSchema": {}},
    {"name": "bad type", "inputSchema": {"type": 5}},
    {"inputSchema": {"type": "object"}},
    "not even an object",
]


async def test_a_tool_whose_description_is_broken_costs_no_other_tool(
    stdio: Callable[..., McpServer], tmp_path: Path
) -> None:
    async with opened(stdio("careless.py", env={"WRONG": json.dumps(WRONG)})) as source:
        await source.start()
        assert [tool.name for tool in source.tools] == ["ask"]
        assert (await source.call("ask", {}, key="k")).value == "fine"
        names = ['"no schema"', '"a word"', '"empty"', '"bad type"', "number 5", "number 6"]
        why = "was left out, since its description is not MCP"
        told = [f'the MCP server "library": the tool {name} {why}' for name in names]
        assert [problem.partition(" (")[0] for problem in source.problems] == told
        assert "(inputSchema: Field required)" in source.problems[0]
    log = (tmp_path / ".proc-tui/logs/mcp-library.log").read_text()
    assert log.splitlines() == [f"proc-tui: {problem}" for problem in source.problems]


# ---- servers that do not start


async def test_a_server_that_never_answers_is_given_up(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio("never_answers.py", connect_timeout=0.5)) as source:
        told = await failure(source.start())
        assert 'the MCP server "library" did not start within 0.5 s: it runs, but did not answer' in told
        assert "waiting for better times" in told
        assert "raise connectTimeout in [mcpServers.library]" in told


async def test_rubbish_on_standard_output_is_named(stdio: Callable[..., McpServer], capfd: Any) -> None:
    async with opened(stdio("prints_rubbish.py", connect_timeout=0.5)) as source:
        assert 'what is not MCP to its standard output: "Welcome to the server!"' in await failure(source.start())
    assert capfd.readouterr() == ("", "")


async def test_a_server_that_ends_at_once_is_told_with_its_last_words(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio("exits_at_once.py")) as source:
        for _ in range(2):
            told = await failure(source.start())
            assert 'the MCP server "library" did not start: it ended with exit code 7' in told
            assert "no licence key found" in told
            assert ".proc-tui/logs/mcp-library.log" in told


async def test_a_server_that_lists_its_tools_and_ends_did_not_start(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio("only_modern.py", env={"THEN": "end"})) as source:
        with pytest.raises(ToolError, match=r"ended with exit code 0|was lost during the call of greet"):
            await source.call("greet", {}, key="k")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"command": "no-such-program"}, 'there is no program "no-such-program"; install it, or correct command'),
        ({"cwd": "nowhere"}, "there is no folder"),
        ({"command": "/"}, "cannot be started: Permission denied"),
        ({"command": ""}, "must have either a command or a url"),
        ({"url": "http://127.0.0.1:1"}, "must have either a command or a url"),
        ({"command": "", "url": "http://127.0.0.1:1/mcp"}, "nothing can be reached at http://127.0.0.1:1/mcp"),
        ({"command": "", "url": "gopher://x"}, "is not an address of http or https"),
        ({"command": "", "url": "http://x", "type": "sse"}, "the older transport sse"),
    ],
)
async def test_what_cannot_be_started_is_explained(
    stdio: Callable[..., McpServer], settings: dict[str, Any], expected: str
) -> None:
    async with opened(stdio(**settings)) as source:
        told = await failure(source.start())
        assert told.startswith('the MCP server "library" did not start: ')
        assert expected in told


async def test_a_missing_variable_blocks(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio(env={"KEY": "${LIBRARY_KEY}"})) as source:
        assert 'MCP server "library" cannot be used here: needs LIBRARY_KEY' in await failure(source.start(), Blocked)


# ---- closing


async def test_closing_leaves_no_process(stdio: Callable[..., McpServer]) -> None:
    async with opened(stdio()) as source:
        pid = int(str((await source.call("pid", {}, key="k")).value))
        child = int(str((await source.call("orphan", {}, key="k")).value))
        assert lives(pid)
        assert lives(child)
    assert not lives(pid)
    await until(lambda: not lives(child))
    assert "is closed" in await failure(source.call("pid", {}, key="k"))


async def test_closing_ends_a_program_that_ignores_it(stdio: Callable[..., McpServer]) -> None:
    before = _children()
    source = stdio("never_answers.py")
    async with asyncio.TaskGroup() as group:
        starting = group.create_task(failure(source.start()))
        await until(lambda: bool(_children() - before))
        await source.close()
    assert "is closed" in starting.result()
    await until(lambda: not _children() - before)  # killed before it was quite started, it takes a moment to be gone


async def test_closing_fails_the_calls_under_way(stdio: Callable[..., McpServer], tmp_path: Path) -> None:
    source = stdio()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(failure(source.call("hang", {}, key="k")))
        await until((tmp_path / "hanging").exists)
        await source.close()
    assert "was lost during the call of hang" in call.result()


async def test_a_source_can_be_closed_twice_or_unstarted(stdio: Callable[..., McpServer]) -> None:
    source = stdio()
    await source.close()
    await source.close()
    assert "is closed" in await failure(source.start())


def test_the_server_ends_when_this_process_is_killed(programs: Path, tmp_path: Path) -> None:
    code = f"""
import asyncio
from pathlib import Path
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import ServerSettings
from proc_tui.core.tools.mcp_servers import McpServer

async def main():
    settings = ServerSettings(command={sys.executable!r}, args=[{str(programs / "mcp_server.py")!r}])
    source = McpServer("library", settings, Path({str(tmp_path)!r}), Secrets())
    print((await source.call("pid", {{}}, key="k")).value, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    asyncio.run(until(lambda: not lives(pid)))


def _children() -> set[int]:
    return {
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == os.getpid()
    }


def _parent(entry: Path) -> int:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[1])


# ---- streamable HTTP


class Http:
    """The HTTP server as a process."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._command: list[str] = [sys.executable, str(program), str(folder)]
        self._process: subprocess.Popen[str] | None = None
        self.port: int = 0

    def start(self) -> None:
        command = [*self._command, str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def web(programs: Path, tmp_path: Path) -> Iterator[Http]:
    http = Http(programs / "mcp_http_server.py", tmp_path)
    http.start()
    yield http
    http.stop()


def source_of(web: Http, tmp_path: Path, path: str = "/mcp", key: str = "Bearer ${KEY}", **settings: Any) -> McpServer:
    given = ServerSettings(url=f"http://127.0.0.1:{web.port}{path}", headers={"Authorization": key}, **settings)
    return McpServer("web", given, tmp_path, Secrets({"KEY": KEY}), first_delay=0.01)


async def test_http_lists_and_calls(web: Http, tmp_path: Path) -> None:
    async with opened(source_of(web, tmp_path)) as source:
        await source.start()
        assert len(source.tools) == 14
        assert (await source.call("echo", {"text": "x"}, key="k")).value == "x"
        assert (await source.call("key", {}, key="run/1#2")).value == "run/1#2"
        met = await asyncio.gather(*[source.call("meet", {}, key=str(n)) for n in range(2)])
        assert [result.value for result in met] == ["met", "met"]
        assert await failure(source.call("fail", {}, key="k")) == "no such book"


async def test_http_calls_can_be_cancelled(web: Http, tmp_path: Path) -> None:
    async with opened(source_of(web, tmp_path, timeout=0.5)) as source:
        await source.start()
        assert "hang did not answer within 0.5 s" in await failure(source.call("hang", {}, key="k"))
        await until((tmp_path / "cancelled").exists)
        assert (await source.call("echo", {"text": "x"}, key="k")).value == "x"


async def test_http_errors_are_explained_without_the_key(web: Http, tmp_path: Path) -> None:
    wrong_path = await failure(source_of(web, tmp_path, "/elsewhere").start())
    assert f"http://127.0.0.1:{web.port}/elsewhere answered with HTTP status 404 (Not Found)" in wrong_path
    assert "check the path of its url" in wrong_path
    wrong_key = await failure(source_of(web, tmp_path, key="Bearer wrong-wrong").start())
    assert "HTTP status 401 (Unauthorized); check the key in its headers" in wrong_key
    in_url = await failure(source_of(web, tmp_path, "/x?key=${KEY}&other=plain-plain", key="plain-plain").start())
    assert KEY not in in_url
    assert "plain-plain" not in in_url
    assert "x?key=***&other=***" in in_url


async def test_http_that_is_not_mcp_is_explained(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p/>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = McpServer("web", ServerSettings(url=f"http://127.0.0.1:{port}/"), tmp_path, Secrets({}))
        assert "Unexpected content type: text/html" in await failure(source.start())


async def test_http_that_restarts_is_found_again_and_the_call_repeated(web: Http, tmp_path: Path) -> None:
    async with opened(source_of(web, tmp_path)) as source:
        await source.call("echo", {"text": "x"}, key="k")
        web.stop()
        web.start()
        assert (await source.call("echo", {"text": "y"}, key="k")).value == "y"


async def test_http_that_goes_away_fails_the_call(web: Http, tmp_path: Path) -> None:
    async with opened(source_of(web, tmp_path, timeout=1.0)) as source:
        await source.start()
        async with asyncio.TaskGroup() as group:
            hanging = group.create_task(failure(source.call("hang", {}, key="k")))
            await until((tmp_path / "hanging").exists)
            web.stop()
        assert "was lost during the call of hang" in hanging.result()
        told = await failure(source.call("echo", {"text": "x"}, key="k"))
        assert "nothing can be reached at" in told
        assert KEY not in told


async def test_http_that_hangs_does_not_hold_up_closing(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = ServerSettings(url=f"http://127.0.0.1:{port}/", connect_timeout=0.3)
        async with opened(McpServer("web", settings, tmp_path, Secrets({}))) as source:
            assert "did not start within 0.3 s: it did not answer" in await failure(source.start())
