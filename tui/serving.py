"""The interface in a browser: textual-serve on the loopback address, behind a token that only its user is shown.

Any user of a machine can connect to its loopback address, so the address alone must let nobody in. The token in the
address is good for one visit; it is exchanged for a cookie, and the page, its files and the websocket all want that.
Requests that come from pages of others, or by another name of this machine, are refused, and the page loads nothing
from elsewhere. Belongs here: the server. Never: what it shows, which is `proc-tui` in a process of its own.
"""

from __future__ import annotations

import re
import secrets
import shlex
import socket
import sys
from typing import TYPE_CHECKING, cast

from aiohttp import web
from textual_serve.server import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from aiohttp.typedefs import Middleware

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
COOKIE = "proc-tui"
PARAMETER = "token"
_PROGRAM = "from proc_tui.tui.cli import main; main()"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; connect-src 'self' ws://{host}"
)
_ELSEWHERE = re.compile(r"<link\b[^>]*\bhref=[\"']?https?://(?!127\.0\.0\.1)[^>]*>", re.IGNORECASE)
_FONT = """<style>
      @font-face {
        font-family: "Roboto Mono"; font-weight: 100 700;
        src: url("static/fonts/RobotoMono-VariableFont_wght.ttf") format("truetype");
      }
    </style>"""
"""The font of the page, from the files of textual-serve instead of from Google's."""


class Door:
    """Who may come in."""

    def __init__(self, port: int) -> None:
        self._host: str = f"{HOST}:{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._cookies: set[str] = set()
        self.address: str = f"http://{self._host}/?{PARAMETER}={self._token}"
        """Where the browser goes, once."""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets a request in, exchanges the token, or refuses."""
        origin = request.headers.get("Origin")
        if request.host != self._host or (origin is not None and origin != f"http://{self._host}"):
            raise web.HTTPForbidden(text="This page is for its own address only.\n")
        given = request.query.get(PARAMETER)
        if given is not None and request.path == "/":
            return self._exchange(given)
        if not self._knows(request.cookies.get(COOKIE, "")):
            raise web.HTTPForbidden(text="proc-tui serve prints an address with a token in it; open that one.\n")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _POLICY.format(host=self._host)
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Cache-Control"] = "no-store"
        return response

    def _exchange(self, given: str) -> web.StreamResponse:
        """The cookie for the token, once; the address that stays in the browser's history is worth nothing then."""
        if self._token is None or not secrets.compare_digest(given.encode(), self._token.encode()):
            raise web.HTTPForbidden(text="This address was used already, or is not the one that proc-tui printed.\n")
        self._token = None
        cookie = secrets.token_urlsafe(32)
        self._cookies.add(cookie)
        response = web.HTTPSeeOther("/")
        # A name of its own for each port: cookies of one host are shared by its ports.
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", path="/")
        raise response

    def _knows(self, cookie: str) -> bool:
        return any(secrets.compare_digest(cookie.encode(), known.encode()) for known in self._cookies)


class ProcServer(Server):
    """The server of one workspace."""

    def __init__(self, workspace: Path, port: int, said: Callable[[str], None]) -> None:
        """Listens from now on; port 0 is one that is free. Raises `OSError`."""
        self._socket: socket.socket = socket.create_server((HOST, port))
        port = self._socket.getsockname()[1]
        command = [sys.executable, "-P", "-c", _PROGRAM, "-C", str(workspace)]
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - of textual-serve
            shlex.join(command), host=HOST, port=port, title="proc-tui", public_url=f"http://{HOST}:{port}"
        )
        self.door: Door = Door(port)
        self._said: Callable[[str], None] = said

    def serve(self, debug: bool = False) -> None:
        """Serves until ^C or SIGTERM."""
        web.run_app(self._make_app(), sock=self._socket, access_log=None, print=lambda *_: None, shutdown_timeout=5)

    def initialize_logging(self) -> None:
        """As in the base class; nothing is logged, since addresses hold the token."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(cast("Middleware", self.door.middleware))
        return app

    async def handle_index(self, request: web.Request) -> web.Response:  # pyright: ignore[reportIncompatibleMethodOverride] - the base class is decorated
        """As in the base class; the page loads nothing from elsewhere."""
        response = cast("web.Response", await super().handle_index(request))
        response.text = _ELSEWHERE.sub(_FONT, response.text or "")
        return response

    async def on_startup(self, app: web.Application) -> None:
        """As in the base class: says the address."""
        self._said(self.door.address)
