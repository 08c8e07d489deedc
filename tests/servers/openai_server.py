"""An OpenAI-compatible server that replies as a script says, and fails in every way in which servers do.

    python tests/servers/openai_server.py SCRIPT.json [--folder FOLDER]

prints its address (`http://127.0.0.1:PORT/v1`) and serves until its standard input ends. With a folder, request N is
written to `NNNN.request.json`, and an empty `NNNN.paid` follows when its reply was sent whole: what was paid for can be
counted by any process. Standard library only, but for scripts in YAML.

A script is a list of replies, or an object:

    replies   the replies
    by        `order` (default): each request gets the next reply. `turn`: the reply is chosen by how many assistant
              messages the request has, so that a request that comes again is given the same reply
    models    what GET /v1/models lists; null: it answers 404; an object: as a reply with `status` or `hang` below

A reply is an object. Where a script has none left, the server answers with 400.

    when      only for requests whose messages contain this text
    text      what it says: a string, sent by words, or a list of pieces
    calls     tool calls: {name, arguments (an object, or text as it is), id (null: left out), index (null: left out)}
    finish    the finish_reason; null: there is none. Default `stop` or `tool_calls`
    usage     an object; null: none. Default 10 in, 5 out
    model     the name of the model; default: as asked
    plain     true: the reply in one piece of JSON, although a stream was asked for
    stamped   true: each piece of text is preceded by the moment at which it is sent (time.monotonic) and a space
    status    an HTTP error instead of a reply, with `error` and `headers`
    error     the error's message, code and type; `KEY` in the message is replaced by the key that was sent
    body      the body of such an answer as text
    headers   more headers
    hang      `headers`: nothing is answered. N: the stream stops after N chunks and stays open
    cut       N: the connection is broken after N chunks
    inject    {"N": data}: after N chunks this is sent as an event: an object as JSON, a string as it is; a list: each
    drip      seconds between chunks; a list: before each chunk, the last one before all that follow

POST /v1/responses, which OpenAI has besides, gives the same replies in its own protocol: text, calls, finish and model.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class Asked:
    """A request that came, and what became of it."""

    def __init__(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        self.body: dict[str, Any] = body
        self.headers: dict[str, str] = headers
        self.paid: bool = False
        self.sent: int = 0
        """How many chunks of the reply were sent."""
        self.left: threading.Event = threading.Event()
        """Set when the client closes the connection before the reply was over."""


class OpenAIServer:
    """The server, in threads of this process. Use it as a context, or `close` it."""

    def __init__(self, script: Any = (), folder: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.came: threading.Event = threading.Event()
        """Set when the first request is there."""
        self.closing: threading.Event = threading.Event()
        self._folder = folder
        self._lock = threading.Lock()
        self.play(script)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.scene = self
        self.url: str = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def play(self, script: Any) -> None:
        """A new script, from its beginning."""
        table: dict[str, Any] = script if isinstance(script, dict) else {"replies": list(script)}
        self.replies: list[dict[str, Any]] = table.get("replies", [])
        self.by: str = table.get("by", "order")
        self.models: list[str] | dict[str, Any] | None = table.get("models", ["gpt-test"])
        self._used: set[int] = set()

    @property
    def paid(self) -> int:
        """How many replies were sent whole."""
        return sum(item.paid for item in self.asked)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> OpenAIServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[Asked, dict[str, Any]]:
        """Counts a request, and chooses its reply."""
        asked = Asked(body, headers)
        with self._lock:
            self.asked.append(asked)
            self.came.set()
            if self._folder is not None:
                self._write(len(self.asked), "request.json", json.dumps(body))
            return asked, self._chosen(body.get("messages", []))

    def finish(self, asked: Asked) -> None:
        with self._lock:
            asked.paid = True
            if self._folder is not None:
                self._write(self.asked.index(asked) + 1, "paid", "")

    def _write(self, number: int, kind: str, text: str) -> None:
        assert self._folder is not None
        draft = self._folder / f".{number:04}.{kind}"
        draft.write_text(text, encoding="utf-8")
        draft.rename(self._folder / f"{number:04}.{kind}")

    def _chosen(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        said = json.dumps(messages, ensure_ascii=False)
        fitting = [number for number, reply in enumerate(self.replies) if reply.get("when", "") in said]
        if self.by == "turn":
            fitting = fitting[sum(message.get("role") == "assistant" for message in messages) :]
        else:
            fitting = [number for number in fitting if number not in self._used]
        if not fitting:
            return {"status": 400, "error": {"message": "the script has no reply left"}}
        self._used.add(fitting[0])
        return self.replies[fitting[0]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    scene: OpenAIServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def scene(self) -> OpenAIServer:
        return cast("_Server", self.server).scene

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        models = self.scene.models
        if isinstance(models, dict):
            return self._hang(Asked({}, {})) if models.get("hang") else self._refuse(models)
        if self.path != "/v1/models" or models is None:
            return self._json(404, {"error": {"message": "there is no such page"}})
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in models]
        return self._json(200, {"object": "list", "data": data})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        asked, reply = self.scene.note(body, {key.lower(): value for key, value in self.headers.items()})
        if self.path not in {"/v1/chat/completions", "/v1/responses"}:
            return self._json(404, {"error": {"message": "there is no such page"}})
        if reply.get("hang") == "headers":
            return self._hang(asked)
        if "status" in reply:
            return self._refuse(reply)
        if reply.get("plain"):
            self._json(200, _whole(reply, body), reply.get("headers"))
            return self.scene.finish(asked)
        try:
            return self._stream(asked, reply, body)
        except OSError:
            asked.left.set()
            self.close_connection = True

    def _refuse(self, reply: dict[str, Any]) -> None:
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        text = reply.get("body", json.dumps({"error": reply.get("error", {})})).replace("KEY", key)
        self._send(reply["status"], text.encode(), reply.get("headers"))

    def _stream(self, asked: Asked, reply: dict[str, Any], body: dict[str, Any]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", **reply.get("headers", {})}.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        injected = {int(number): data for number, data in reply.get("inject", {}).items()}
        chunks = _events(reply, body) if self.path == "/v1/responses" else _chunks(reply, body)
        drips = reply.get("drip", 0)
        for number, chunk in enumerate([*chunks, None]):
            drip = drips[min(number, len(drips) - 1)] if isinstance(drips, list) else drips
            if number in injected:
                several = injected[number] if isinstance(injected[number], list) else [injected[number]]
                for data in several:
                    self._chunk(data if isinstance(data, str) else "data: " + json.dumps(data) + "\n\n")
                    if drip and self._gone(asked, drip):
                        return None
            if reply.get("hang") == number:
                return self._hang(asked)
            if reply.get("cut") == number:
                self.close_connection = True
                return None
            if drip and self._gone(asked, drip):
                return None
            if chunk is not None:
                if reply.get("stamped") and chunk.get("choices") and chunk["choices"][0]["delta"].get("content"):
                    chunk["choices"][0]["delta"]["content"] = f"{time.monotonic()} "
                self._chunk("data: " + json.dumps(chunk) + "\n\n")
                asked.sent += 1
        self.scene.finish(asked)
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _hang(self, asked: Asked) -> None:
        while not self.scene.closing.is_set() and not self._gone(asked, 0.05):
            pass
        self.close_connection = True

    def _gone(self, asked: Asked, seconds: float) -> bool:
        """Waits so long, but not for a client that has left."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable:
            asked.left.set()
            self.close_connection = True
        return bool(readable)

    def _json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(data).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None) -> None:
        given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        self.send_response_only(status)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _pieces(reply: dict[str, Any]) -> list[Any]:
    text = reply.get("text", "")
    return re.findall(r"\S+\s*|\s+", text) if isinstance(text, str) else text


def _call(number: int, call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    shape: dict[str, Any] = {"type": "function", "function": {"name": call["name"], "arguments": text}}
    for key, default in (("id", f"call_{call['name']}_{number}"), ("index", number)):
        value = call.get(key, default)
        if value is not None:
            shape[key] = value
    return shape


def _finish(reply: dict[str, Any]) -> str | None:
    return reply.get("finish", "tool_calls" if reply.get("calls") else "stop")


def _chunks(reply: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a stream: the role, the text, the calls (interleaved, as they may be), the end, the usage."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _pieces(reply)]
    calls = [_call(number, call) for number, call in enumerate(reply.get("calls", []))]
    if all("index" in call for call in calls):
        for call in calls:
            first = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
            deltas.append({"tool_calls": [first]})
        texts = [call["function"]["arguments"] for call in calls]
        for start in range(0, max(map(len, texts), default=0), 12):
            for call, text in zip(calls, texts, strict=True):
                if part := text[start : start + 12]:
                    deltas.append({"tool_calls": [{"index": call["index"], "function": {"arguments": part}}]})
    else:
        deltas += [{"tool_calls": [call]} for call in calls]
    shape = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": _model(reply, body)}
    chunks = [{**shape, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if _finish(reply) is not None:
        chunks.append({**shape, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]})
    usage = reply.get("usage", USAGE)
    if usage is not None and body.get("stream_options", {}).get("include_usage"):
        chunks.append({**shape, "choices": [], "usage": usage})
    if reply.get("choices") == []:
        chunks = [{**chunk, "choices": []} for chunk in chunks]
    return chunks


def _events(reply: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    """The same reply in OpenAI's newer protocol, as a server of responses streams it."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "input_tokens_details": {"cached_tokens": 4}}
    output: list[dict[str, Any]] = []
    response: dict[str, Any] = {
        "id": "resp_1", "object": "response", "created_at": 0, "model": _model(reply, body), "status": "in_progress",
        "error": None, "incomplete_details": None, "output": [], "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True,
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "response.created", "response": response}]
    if reply.get("text"):
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
        events.append({"type": "response.output_item.added", "output_index": 0, "item": item})
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        events += [{"type": "response.output_text.delta", "delta": piece, **place} for piece in _pieces(reply)]
        content = [{"type": "output_text", "text": "".join(_pieces(reply)), "annotations": []}]
        output.append({**item, "status": "completed", "content": content})
    for number, call in enumerate(reply.get("calls", [])):
        shape = _call(number, call)
        item = {"type": "function_call", "id": f"fc_{number}", "call_id": shape["id"], **shape["function"]}
        output.append(item)
        place = {"item_id": item["id"], "output_index": len(output) - 1}
        added = {**item, "arguments": ""}
        events.append({"type": "response.output_item.added", "item": added, "output_index": place["output_index"]})
        events.append({"type": "response.function_call_arguments.delta", "delta": item["arguments"], **place})
    cut_short = reply.get("finish") == "length"
    end = {
        **response, "output": output, "usage": usage, "status": "incomplete" if cut_short else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut_short else None,
    }  # fmt: skip
    events.append({"type": "response.incomplete" if cut_short else "response.completed", "response": end})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _whole(reply: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(_pieces(reply))}
    if reply.get("calls"):
        message["tool_calls"] = [_call(number, call) for number, call in enumerate(reply["calls"])]
    choices = [{"index": 0, "message": message, "finish_reason": _finish(reply)}]
    shape = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": _model(reply, body)}
    return {**shape, "choices": choices, "usage": reply.get("usage", USAGE)}


def _model(reply: dict[str, Any], body: dict[str, Any]) -> str:
    return reply.get("model", body.get("model", ""))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=Path)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    text = options.script.read_text(encoding="utf-8")
    if options.script.suffix == ".json":
        script = json.loads(text)
    else:
        import yaml

        script = yaml.safe_load(text)
    with OpenAIServer(script, options.folder) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
