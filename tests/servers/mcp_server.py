"""An MCP server over standard input and output, for tests: `python mcp_server.py [FOLDER]`.

What a test must see from outside it writes to files of FOLDER. `server()` is also what `mcp_http_server.py` serves.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.stdio import stdio_server

PAGE = 5
PICTURE = "iVBORw0KGgo="

OBJECT: dict[str, Any] = {"type": "object"}
ECHO = {
    "type": "object",
    "properties": {"text": {"type": "string", "description": "what to say"}, "times": {"type": "integer"}},
    "required": ["text"],
    "additionalProperties": False,
}
TOOLS = {
    "echo": ECHO,
    "meet": OBJECT,
    "hang": OBJECT,
    "fail": OBJECT,
    "crash": OBJECT,
    "mixed": OBJECT,
    "table": OBJECT,
    "untrue": OBJECT,
    "variable": OBJECT,
    "key": OBJECT,
    "pid": OBJECT,
    "grow": OBJECT,
    "orphan": OBJECT,
    "shout": OBJECT,
}
OUTPUT = {"untrue": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}


def server(folder: Path) -> Server[Any]:
    """The server; its state is of one process."""
    tools = dict(TOOLS)
    both = asyncio.Barrier(2)

    async def list_tools(
        _: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        start = int(params.cursor) if params is not None and params.cursor else 0
        names = list(tools)
        page = [
            types.Tool(name=name, description=f"does {name}", input_schema=tools[name], output_schema=OUTPUT.get(name))
            for name in names[start : start + PAGE]
        ]
        following = str(start + PAGE) if start + PAGE < len(names) else None
        return types.ListToolsResult(tools=page, next_cursor=following)

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        args = params.arguments or {}
        match params.name:
            case "echo":
                return _text(args["text"] * args.get("times", 1))
            case "meet":
                await both.wait()
                return _text("met")
            case "hang":
                (folder / "hanging").touch()
                try:
                    return await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    (folder / "cancelled").touch()
                    raise
            case "fail":
                return types.CallToolResult(content=[types.TextContent(text="no such book")], is_error=True)
            case "crash":
                print("the disk is on fire", file=sys.stderr, flush=True)
                with (folder / "crashes").open("a") as file:
                    file.write("x")
                os._exit(3)
            case "mixed":
                resource = types.TextResourceContents(uri="file:///notes.txt", mime_type="text/plain", text="note")
                return types.CallToolResult(
                    content=[
                        types.TextContent(text="look:"),
                        types.ImageContent(data=PICTURE, mime_type="image/png"),
                        types.EmbeddedResource(resource=resource),
                    ]
                )
            case "table":
                rows = {"rows": [1, 2.5]}
                return types.CallToolResult(content=[types.TextContent(text="two rows")], structured_content=rows)
            case "untrue":
                return types.CallToolResult(content=[], structured_content={"n": "many"})
            case "variable":
                return _text(os.environ.get(args["name"], "(unset)"))
            case "key":
                return _text(str((dict(context.meta or {})).get("proc-tui/idempotency-key")))
            case "pid":
                return _text(str(os.getpid()))
            case "grow":
                tools["grown"] = OBJECT
                await context.session.send_tool_list_changed()
                return _text("grown")
            case "shrink":
                tools.clear()
                await context.session.send_tool_list_changed()
                return _text("shrunk")
            case "orphan":
                command = [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"]
                child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                assert child.stdout is not None
                child.stdout.readline()
                return _text(str(child.pid))
            case "shout":
                sys.stderr.write("x" * 400_000 + "\n")
                sys.stderr.flush()
                return _text("shouted")
            case name:
                raise ValueError(f"unknown tool {name}")

    return Server("library", on_list_tools=list_tools, on_call_tool=call_tool)


def _text(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)])


async def main(folder: Path) -> None:
    served = server(folder)
    async with stdio_server() as (reading, writing):
        options = served.create_initialization_options(NotificationOptions(tools_changed=True))
        await served.run(reading, writing, options)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
