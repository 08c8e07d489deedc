"""An MCP server without the SDK, whose one tool is answered in the careless way that its argument names.

`WRONG` in its environment holds further tools, as JSON, which it lists before that one.
"""

import json
import os
import sys


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def answer(id: int, result: str) -> str:
    return f'{{"jsonrpc": "2.0", "id": {id}, "result": {result}}}'


for text in sys.stdin:
    message = json.loads(text)
    match message["method"]:
        case "initialize":
            result = {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "careless", "version": "1"},
            }
            say(answer(message["id"], json.dumps(result)))
        case "tools/list":
            wrong = json.loads(os.environ.get("WRONG", "[]"))
            tools = [*wrong, {"name": "ask", "inputSchema": {"type": "object"}}]
            say(answer(message["id"], json.dumps({"tools": tools})))
        case "tools/call":
            match message["params"]["arguments"].get("how"):
                case "half a character":
                    say(answer(message["id"], r'{"content": [{"type": "text", "text": "cut \ud83d here"}]}'))
                case "nothing":
                    say(answer(message["id"], "null"))
                case "deep":
                    say(
                        answer(message["id"], '{"content": [], "structuredContent": ' + '{"a":' * 900 + "1" + "}" * 901)
                    )
                case "its own error":
                    error = {"code": -32000, "message": "the archive is closed"}
                    say(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}))
                case "flood":
                    while True:
                        say('{"jsonrpc": "2.0", "method": "notifications/progress"}')
                case _:
                    say(answer(message["id"], '{"content": [{"type": "text", "text": "fine"}]}'))
