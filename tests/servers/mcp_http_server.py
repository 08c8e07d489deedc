"""The server of `mcp_server.py` over streamable HTTP: `python mcp_http_server.py FOLDER [PORT]`.

Prints its port. Every request needs the header `Authorization: Bearer sesame-sesame`. Ends with its standard input.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from mcp_server import server

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

KEY = b"Bearer sesame-sesame"


def guarded(app: ASGIApp) -> ASGIApp:
    """The application, for those who have the key."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != KEY:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"who are you?"})
            return
        await app(scope, receive, send)

    return ask


async def main(folder: Path, port: int) -> None:
    listening = socket.create_server(("127.0.0.1", port))
    app = guarded(server(folder).streamable_http_app())
    serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    print(listening.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()

    def ended() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(setattr, serving, "should_exit", True)

    loop.run_in_executor(None, ended)
    await serving.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
