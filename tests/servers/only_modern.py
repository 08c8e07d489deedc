"""An MCP server that knows nothing of the handshake of before 2026: it answers `server/discover` instead.

With `THEN=end` in its environment it ends once it has listed its tools.
"""

import json
import os
import sys

VERSION = "2026-07-28"
KNOWN = {
    "server/discover": {"supportedVersions": [VERSION], "capabilities": {"tools": {}}},
    "tools/list": {"tools": [{"name": "greet", "inputSchema": {"type": "object"}}]},
    "tools/call": {"content": [{"type": "text", "text": "hello"}]},
}

for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    if request["method"] in KNOWN:
        answer["result"] = {"resultType": "complete", "ttlMs": 0, "cacheScope": "public", **KNOWN[request["method"]]}
    else:
        unsupported = {"supported": [VERSION], "requested": "2025-11-25"}
        answer["error"] = {"code": -32022, "message": "Unsupported protocol version", "data": unsupported}
    print(json.dumps(answer), flush=True)
    if request["method"] == "tools/list" and os.environ.get("THEN") == "end":
        break
