from __future__ import annotations

import asyncio
import base64
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("textual_serve")
import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.kill
PROGRAM = [sys.executable, "-c", "from proc_tui.tui.cli import main; main()"]
PATIENCE = 20.0


@pytest.fixture
def address(place: Path) -> Iterator[str]:
    """What `proc-tui serve` prints."""
    process = subprocess.Popen(
        [*PROGRAM, "-C", str(place), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=PATIENCE)


@pytest.fixture
async def visitor() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody on this machine, with a jar for cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def status(session: aiohttp.ClientSession, address: str, **headers: str) -> int:
    async with session.get(address, headers=headers) as response:
        await response.read()
        return response.status


async def test_nobody_gets_in_without_the_address(address: str, visitor: aiohttp.ClientSession) -> None:
    root = str(URL(address).with_query(None))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
    for path in ("", "ws", "static/js/textual.js", "download/x", "?token=wrong", "?token="):
        assert await status(visitor, root + path) == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await visitor.ws_connect(root.replace("http", "ws") + "ws?width=80&height=24")


async def test_the_address_works_once_and_the_cookie_goes_on(address: str, visitor: aiohttp.ClientSession) -> None:
    root = str(URL(address).with_query(None))
    assert await status(visitor, address) == 200
    cookie = next(iter(visitor.cookie_jar))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert await status(visitor, root) == 200
    assert await status(visitor, root + "static/js/textual.js") == 200
    async with aiohttp.ClientSession() as other:
        assert await status(other, address) == 403


async def test_pages_and_names_of_others_are_refused_even_with_the_cookie(
    address: str, visitor: aiohttp.ClientSession
) -> None:
    root = str(URL(address).with_query(None))
    assert await status(visitor, address) == 200
    assert await status(visitor, root, Origin="http://evil.example") == 403
    assert await status(visitor, root, Host="evil.example") == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await visitor.ws_connect(root.replace("http", "ws") + "ws", origin="http://127.0.0.1:1")


async def test_the_page_names_nothing_that_is_elsewhere(address: str, visitor: aiohttp.ClientSession) -> None:
    async with visitor.get(address) as response:
        page = await response.text()
    loaded = re.findall(r"""(?:src|href)=["']?([^"' >]+)|url\(["']?([^"')]+)""", page)
    addresses = [one or other for one, other in loaded]
    assert [one for one in addresses if "static/" in one]
    assert not [one for one in addresses if "//" in one and not one.startswith("http://127.0.0.1:")]
    root = str(URL(address).with_query(None))
    assert await status(visitor, root + "static/fonts/RobotoMono-VariableFont_wght.ttf") == 200


class Browser:
    """A page of a headless Chromium, by its own protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.shown = b""
        """What the program has drawn."""
        self.outside: list[str] = []
        """Requests to anywhere else."""

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": params})
        wanted = self._count
        while True:
            message = await self._next()
            if message.get("id") == wanted:
                return message

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = await self._socket.receive_json()
        params = message.get("params", {})
        match message.get("method"):
            case "Network.webSocketFrameReceived" if params["response"]["opcode"] == 2:
                self.shown += base64.b64decode(params["response"]["payloadData"])
            case "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
                    self.outside.append(url)
            case _:
                pass
        return message

    async def until(self, text: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while text.encode() not in self.shown:
                    await self._next()
        except TimeoutError:
            raise AssertionError(f"{text} was not drawn: {self.shown[-3000:]!r}") from None

    async def click(self, x: int, y: int) -> None:
        """Gives the page the focus, as a person does."""
        await self.do("Emulation.setFocusEmulationEnabled", enabled=True)
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str) -> None:
        await self.do("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.do("Input.dispatchKeyEvent", type="keyUp", key=key)


@pytest.fixture
async def browser(tmp_path: Path, visitor: aiohttp.ClientSession) -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium")
    profile = tmp_path / "profile"
    process = subprocess.Popen(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--window-size=1100,700",
         f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = profile / "DevToolsActivePort"
        deadline = time.monotonic() + PATIENCE
        while not port.exists() or not port.read_text().strip():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        number = port.read_text().split()[0]
        async with visitor.get(f"http://127.0.0.1:{number}/json") as response:
            pages = await response.json()
        page = next(item for item in pages if item["type"] == "page")
        async with visitor.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            found = Browser(socket)
            await found.do("Network.enable")
            await found.do("Page.enable")
            yield found
    finally:
        process.terminate()
        process.wait(PATIENCE)


async def test_a_browser_shows_the_interface_and_takes_keys(browser: Browser, address: str, tmp_path: Path) -> None:
    await browser.do("Page.navigate", url=address)
    await browser.until("Nothing was run here yet.")
    await browser.click(400, 500)
    await browser.press("?")
    await browser.until("enter does it")
    assert browser.outside == []
    picture = await browser.do("Page.captureScreenshot", format="png")
    (tmp_path / "page.png").write_bytes(base64.b64decode(picture["result"]["data"]))
