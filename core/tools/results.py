"""What a tool's result means for Lua, for a model and for the journal.

Belongs here: MCP content, as plain data, to `ToolResult`. Never: a connection, or the SDK's classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..errors import InvalidValue, ToolError
from ..model.messages import ToolResult
from ..values import from_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def result_of(content: Sequence[Mapping[str, object]], structured: object = None) -> ToolResult:
    """The result that these content blocks and this structured content stand for, as MCP's JSON has them.

    Text is for everybody. A text resource is shown to the model after a line that names it; images, sound and other
    resources are kept whole and only named. Raises `ToolError` when it is too large to be a value.
    """
    parts = [_Part(block) for block in content]
    text = "\n".join(part.shown for part in parts)
    rich = [part for part in parts if part.kept is not None]
    if not parts and structured is not None:
        text = msgspec.json.encode(structured).decode()
    if structured is not None and not _wraps(structured, text):
        value: object = structured
    elif rich:
        value = {"text": "\n".join(part.text for part in parts if part.kept is None), "parts": [p.told for p in rich]}
    else:
        value = text
    try:
        kept = from_json([part.kept for part in rich], path="result") if rich else None
        return ToolResult(from_json(value, path="result"), _plain(text), kept)
    except InvalidValue as error:
        raise ToolError(f"the tool ran, but its result cannot be kept: {error}; ask it for less") from None


def _wraps(structured: object, text: str) -> bool:
    """Whether the structured content is only the text in the table that SDKs put results into which are no tables."""
    if not isinstance(structured, dict):
        return False
    fields = cast("dict[str, object]", structured)
    return fields.keys() == {"result"} and isinstance(fields["result"], str) and fields["result"] == text


def error_text(content: Sequence[Mapping[str, object]], otherwise: str) -> str:
    """What the content of a failed call says, or `otherwise` when it says nothing."""
    return _plain("\n".join(_Part(block).shown for block in content)).strip() or otherwise


class _Part:
    """One block of content."""

    def __init__(self, block: Mapping[str, object]) -> None:
        kind = _text(block.get("type"))
        self.text: str = ""
        """What it says in words."""
        self.kept: dict[str, object] | None = None
        """All of it, when it is more than text."""
        self.told: dict[str, object] = {}
        """What Lua learns of it, when it is more than text."""
        if kind == "text":
            self.text = self.shown = _text(block.get("text"))
            return
        inner = block.get("resource")
        fields = cast("Mapping[str, object]", inner) if isinstance(inner, dict) else block
        self.text = _text(fields.get("text"))
        data = fields.get("data", fields.get("blob"))
        uri, mime_type = _text(fields.get("uri")), _text(fields.get("mimeType"))
        size = _decoded(data) if isinstance(data, str) else len(self.text.encode(errors="replace"))
        if kind == "resource_link":
            told = fields.get("size")
            size = told if isinstance(told, int) else None
        facts: dict[str, object] = {"type": kind, "mime_type": mime_type or None, "size": size, "uri": uri or None}
        if kind == "resource_link":
            facts |= {name: fields.get(name) for name in ("name", "title", "description")}
        if self.text:
            facts["text"] = self.text
        self.told = {key: item for key, item in facts.items() if item is not None}
        self.kept = {**self.told, "data": data} if isinstance(data, str) else self.told
        named = " ".join(word for word in (kind.replace("_", " "), uri) if word)
        between = ", " if uri else " "
        words = between.join(word for word in (named, mime_type) if word)
        summary = f"[{words}, {_size(size)}]" if size is not None else f"[{words}]"
        self.shown: str = f"{summary}\n{self.text}" if self.text else summary


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _plain(text: str) -> str:
    """The text without what UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def _decoded(data: str) -> int:
    """How many bytes base64 stands for."""
    kept = data.rstrip("=")
    return len(kept) * 3 // 4


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    for unit in ("KB", "MB"):
        size = round(size / 1000)
        if size < 1000:
            return f"{size} {unit}"
    return f"{round(size / 1000)} GB"
