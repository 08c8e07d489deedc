from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse
from proc_tui.core.tools.mcp_lists import Sifted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WRONG: dict[str, Any] = {"tools": [{"name": "no schema"}], "content": []}


async def test_only_answers_to_a_request_for_tools_are_sifted() -> None:
    to_us, ours = anyio.create_memory_object_stream[Any](9)
    theirs, from_us = anyio.create_memory_object_stream[Any](9)

    @asynccontextmanager
    async def transport() -> AsyncIterator[Any]:
        with to_us, ours, theirs, from_us:
            yield ours, theirs

    left_out: list[str] = []
    async with Sifted(transport(), left_out.append) as (read, write):
        found: list[Any] = []
        for id, method in ((1, "tools/call"), (2, "tools/list")):
            await write.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=id, method=method)))
            await to_us.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=id, result=dict(WRONG))))
            answer: Any = await read.receive()
            found.append(answer.message.result["tools"])
    assert found == [WRONG["tools"], []]
    assert len(left_out) == 1
