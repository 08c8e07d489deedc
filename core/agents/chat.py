"""A connection to an OpenAI-compatible server, through langchain-openai.

Belongs here: what knows the libraries. Importing this file imports them, which takes 1.1 s; `openai.py` alone does
that, in a thread. Replies leave as `Piece`, failures as `Failure` (`causes.py`). Never: judging either.
"""

from __future__ import annotations

import ipaddress
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx2
import msgspec
import openai
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import AsyncStream

from ..model.messages import ChatMessage, Usage
from .causes import PAGE, TROUBLE, failure_of
from .failures import Failure
from .offers import offer_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from langchain_core.outputs import ChatGenerationChunk

    from ..model.clock import Clock

CONNECT_SECONDS = 20.0
"""To reach a server, at most; `idle_timeout` when that is shorter."""
MAX_BODY = 256 * 1024 * 1024
"""Bytes of one answer that are read: a stream takes hundreds of them for each word."""
MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line of it."""


class CallPiece(msgspec.Struct, frozen=True):
    """A part of a call of a tool."""

    index: int | None
    """Which call of the reply; None when the server does not say."""
    id: str
    name: str
    arguments: str


class Piece(msgspec.Struct, frozen=True):
    """A part of a reply, as it arrived."""

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    stop_reason: str = ""
    model: str = ""
    usage: Usage | None = None
    """Of the whole reply up to here."""


class _Completions:
    """Where the library asks for a reply. Its chunks are what the server wrote, not the SDK's objects, which print
    warnings of what they did not expect."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client: openai.AsyncOpenAI = client

    async def create(self, *, extra_body: dict[str, object] | None = None, **payload: object) -> AsyncStream[object]:
        body = {**payload, **(extra_body or {})}
        return await self._client.post(
            "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object]
        )


class _Chat(ChatOpenAI):
    """ChatOpenAI without callbacks, so that no environment variable traces a conversation to somewhere else, and
    patient with what servers leave out."""

    async def pieces(self, messages: list[BaseMessage], options: dict[str, Any]) -> AsyncGenerator[Piece]:
        async for chunk in self._astream(messages, **options):
            yield _piece(chunk)

    def _convert_chunk_to_generation_chunk(
        self, chunk: Any, default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        if not isinstance(chunk, dict):
            raise Failure("rubbish", f"a {type(chunk).__name__} instead of an object")
        completed = _completed(cast("dict[str, Any]", chunk))
        return super()._convert_chunk_to_generation_chunk(  # pyright: ignore[reportUnknownMemberType]
            completed, default_chunk_class, base_generation_info
        )


def _completed(chunk: dict[str, Any]) -> dict[str, Any]:
    """What a server left out, put in: the library drops calls without an index, and fails at a choice without delta."""
    choices: list[dict[str, Any]] = chunk.get("choices") or []
    for choice in choices[:1]:
        delta: dict[str, Any] = choice.get("delta") or {}
        calls: list[dict[str, Any]] = delta.get("tool_calls") or []
        for call in calls:
            call.setdefault("index", None)
            function: dict[str, Any] = call.get("function") or {}
            arguments = function.get("arguments")
            if arguments is not None and not isinstance(arguments, str):
                function["arguments"] = json.dumps(arguments)
            call["function"] = function
        choice["delta"] = {**delta, "role": "assistant", "content": delta.get("content") or delta.get("refusal")}
    return {**chunk, "choices": choices[:1], "usage": _numbers(chunk.get("usage"))}


def _numbers(usage: object) -> dict[str, Any] | None:
    """What is a count in a usage: it must not cost a reply that a server counts in another way."""
    if not isinstance(usage, dict):
        return None
    table = cast("dict[str, object]", usage)
    return {
        key: _numbers(cast("object", value)) if isinstance(value, dict) else value
        for key, value in table.items()
        if isinstance(value, dict) or _count(value) is not None
    }


def _piece(chunk: ChatGenerationChunk) -> Piece:
    message = chunk.message
    about: dict[str, Any] = {**message.response_metadata, **(chunk.generation_info or {})}
    calls: list[CallPiece] = []
    usage: Usage | None = None
    if isinstance(message, AIMessageChunk):
        for call in message.tool_call_chunks:
            index = call["index"]
            place = index if isinstance(index, int) else None
            calls.append(CallPiece(place, call.get("id") or "", call.get("name") or "", call.get("args") or ""))
        if message.usage_metadata is not None:
            usage = _usage(cast("Mapping[str, Any]", message.usage_metadata))
    return Piece(
        text=_text(message.content),
        calls=tuple(calls),
        stop_reason=_stop_reason(about),
        model=str(about.get("model_name") or ""),
        usage=usage,
    )


def _stop_reason(about: Mapping[str, Any]) -> str:
    """Why a reply ended, in the words of chat completions also where OpenAI's newer protocol has others."""
    if about.get("status") == "completed":
        return "stop"
    if about.get("status") == "incomplete":
        details: Mapping[str, object] = about.get("incomplete_details") or {}
        reason = str(details.get("reason") or "incomplete")
        return "length" if reason == "max_output_tokens" else reason
    return str(about.get("finish_reason") or "")


def _text(content: object) -> str:
    """The text of a content that may be a list of blocks; blocks of reasoning are not text."""
    if isinstance(content, str):
        return content
    blocks = cast("list[object]", content) if isinstance(content, list) else []
    found: list[str] = []
    for block in blocks:
        if isinstance(block, dict):
            table = cast("dict[str, object]", block)
            kind = table.get("type", "text")
            block = table.get({"text": "text", "output_text": "text", "refusal": "refusal"}.get(str(kind), ""))
        if isinstance(block, str):
            found.append(block)
    return "".join(found)


def _usage(told: Mapping[str, Any]) -> Usage:
    inside: Mapping[str, Any] = told.get("input_token_details") or {}
    outside: Mapping[str, Any] = told.get("output_token_details") or {}
    return Usage(
        # The library makes 0 of what a server leaves out, and there is no reply to nothing.
        input=_count(told.get("input_tokens")) or None,
        output=_count(told.get("output_tokens")),
        total=_count(told.get("total_tokens")),
        cached=_detail(inside, "cache_read"),
        reasoning=_detail(outside, "reasoning"),
    )


def _detail(details: Mapping[str, Any], name: str) -> int | None:
    """A detail, which the library calls `flex_<name>` or `priority_<name>` for a reply of such a service tier."""
    found = [_count(value) for key, value in details.items() if key == name or key.endswith(f"_{name}")]
    return sum(value or 0 for value in found) if found else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


class Connection:
    """The clients of one model in one event loop."""

    def __init__(self, *, model: str, base_url: str, key: str, idle: float, hosted: bool, clock: Clock) -> None:
        self._clock: Clock = clock
        self._hosted: bool = hosted
        self._idle: float = idle
        connect = min(CONNECT_SECONDS, idle)
        self._http: _Http = _Http(
            timeout=httpx2.Timeout(idle, connect=connect), follow_redirects=True, **_direct(base_url)
        )

        # What the libraries would take from the environment is given: the address, the key, and nobody's organization.
        self._client: openai.AsyncOpenAI = openai.AsyncOpenAI(
            api_key=key, base_url=base_url, max_retries=0, timeout=self._http.timeout, http_client=self._http
        )
        if hosted:
            _ = self._client.responses  # imports what takes 0.3 s, here in the thread and not in the event loop
        else:
            self._client.organization = self._client.project = None

        async def no_key() -> str:
            return ""

        # OpenAI has models that reply in its own, newer protocol only; the library knows which. Others are not asked
        # in it. A coroutine function as the key saves a second, blocking client. Temperature is given as None because
        # the library makes one up for some models.
        self._chat: _Chat = _Chat(
            model=model,
            base_url=base_url,
            api_key=no_key,
            temperature=None,
            stream_usage=True,
            stream_chunk_timeout=None,
            use_responses_api=None if hosted else False,
            async_client=_Completions(self._client),
            root_async_client=self._client,
            cache=False,
        )

    async def pieces(
        self,
        messages: Sequence[ChatMessage],
        *,
        tools: list[dict[str, object]],
        temperature: float | None,
        max_tokens: int | None,
        reasoning_effort: str | None,
    ) -> AsyncGenerator[Piece]:
        """A reply in parts. Raises `Failure`; to end early is to close the generator, or to cancel."""
        options: dict[str, Any] = {}
        if tools:
            options["tools"] = tools
        if temperature is not None:
            options["temperature"] = temperature
        if reasoning_effort is not None:
            options["reasoning_effort"] = reasoning_effort
        if max_tokens is not None and self._hosted:
            options["max_tokens"] = max_tokens
        elif max_tokens is not None:
            # The library sends max_completion_tokens, which only OpenAI asks for and other servers ignore.
            options["extra_body"] = {"max_tokens": max_tokens}
        failure: Failure | None = None
        try:
            async for piece in self._chat.pieces([_message(message) for message in messages], options):
                yield piece
        except TROUBLE as error:
            failure = failure_of(error, idle=self._idle, now=self._clock.now())
        if failure is not None:
            raise failure

    async def models(self) -> list[str] | None:
        """The names of the models that the server lists; None when it lists none. Raises `Failure`."""
        failure: Failure | None = None
        try:
            page = await self._client.models.list()
            return [item.id for item in page.data] or None
        except TROUBLE as error:
            failure = failure_of(error, idle=self._idle, now=self._clock.now())
        if failure.status in {404, 405, 501}:
            return None
        raise failure

    async def close(self) -> None:
        """Closes every connection."""
        await self._http.aclose()


class _Http(httpx2.AsyncClient):
    """An HTTP client that makes a stream of a reply that came in one piece, from servers that do not stream."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        response = _bounded(await super().send(request, **options))
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code != 200 or not options.get("stream") or kind not in {"application/json", "text/html"}:
            return response
        body = await response.aread()
        event = _PAGE_EVENT if kind == "text/html" else _as_chunk(body)
        await response.aclose()
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(
            200, headers=headers, content=b"data: " + event + b"\n\ndata: [DONE]\n\n", request=request
        )


def _bounded(response: httpx2.Response) -> httpx2.Response:
    """The response, which raises `Failure` where it goes on without end, also when it is unpacked only then."""
    read = response.aiter_bytes

    async def pieces(chunk_size: int | None = None) -> AsyncGenerator[bytes]:
        total = line = 0
        async with aclosing(read(chunk_size)) as arriving:
            async for data in arriving:
                end = data.rfind(b"\n")
                total, line = total + len(data), len(data) - end - 1 if end >= 0 else line + len(data)
                if total > MAX_BODY or line > MAX_LINE:
                    raise Failure("endless", f"{total // 1024 // 1024} MB")
                yield data

    response.aiter_bytes = pieces
    return response


_PAGE_EVENT = json.dumps({"error": {"code": PAGE, "message": "text/html"}}).encode()


def _as_chunk(body: bytes) -> bytes:
    """A whole chat completion as the one chunk of a stream; what is none is left as it is."""
    try:
        data = json.loads(body)
        for choice in data["choices"]:
            choice["delta"] = choice.pop("message")
            for index, call in enumerate(choice["delta"].get("tool_calls") or []):
                call.setdefault("index", index)
    except (ValueError, LookupError, TypeError, AttributeError):
        return b" ".join(body.splitlines())
    return json.dumps(data).encode()


def _direct(base_url: str) -> dict[str, Any]:
    """The client's options for a server on this machine: no proxy, whatever the environment says."""
    address = urlsplit(base_url)
    host = address.hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    if not local:
        return {}
    if address.scheme == "http":
        return {"trust_env": False}
    return {"mounts": {f"all://[{host}]" if ":" in host else f"all://{host}": None}}


def _message(message: ChatMessage) -> BaseMessage:
    match message.role:
        case "system":
            return SystemMessage(message.content)
        case "user":
            return HumanMessage(message.content)
        case "tool":
            return ToolMessage(message.content, tool_call_id=message.call)
        case "assistant":
            calls: list[Any] = []
            for call in message.calls:
                # A server refuses a conversation with arguments that are not JSON; the tool's result tells the model.
                arguments = call.parsed()
                args: dict[str, Any] = json.loads(call.arguments or "{}") if isinstance(arguments, dict) else {}
                # It refuses names that cannot be a tool's as well, which models make up.
                calls.append({"type": "tool_call", "id": call.id, "name": offer_name(call.name), "args": args})
            return AIMessage(message.content, tool_calls=calls)
