"""Which tools an agent is offered: those that every agent has, procedures, and the workspace's tools.

Belongs here: finding them and describing them to a model. Never: calling them (`calls.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from ..errors import ToolError
from ..model.messages import Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal

    from ..document import Procedure
    from ..document.procedure import Agent
    from ..primitives.execution import ExecutionContext
    from ..tools.tool import Tool
    from ..tools.toolbox import Toolbox

BUILT_IN: Mapping[str, bool] = {"done": True, "stop": False}
"""Tools that every agent has, and whether calling one means success when nothing is said of it."""
_ABOUT = {
    "done": "Call this when the work is finished, or cannot be.",
    "stop": "Call this to stop the work before it is finished.",
}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
NAME_LENGTH = 64


class Offered(msgspec.Struct, frozen=True):
    """A tool that an agent may call."""

    name: str
    """As the document says it, or as the server does."""
    offer: Offer
    kind: Literal["built-in", "procedure", "tool"]


def offered(
    context: ExecutionContext, tools: Callable[[], Toolbox], agent: Agent, lost: dict[str, ToolError] | None = None
) -> dict[str, Offered]:
    """An agent's tools by the name that a model writes. A procedure is found before a tool of the same name.

    Raises `ToolError` for one that there is not, unless it can be put into `lost`, by the name that a model writes;
    `Blocked` when this worker cannot have it.
    """
    found: dict[str, Offered] = {}
    wanted: list[str] = []
    for name in agent.tools:
        try:
            procedure = context.known_procedure(name)
        except ToolError as error:
            if lost is None:
                raise
            lost[offer_name(name)] = error
            continue
        if procedure is not None:
            _add(found, Offered(name, _procedure_offer(procedure), "procedure"))
        elif name not in BUILT_IN:
            wanted.append(name)
    if wanted:
        for name, tool in _select(context, tools, wanted):
            if not isinstance(tool, ToolError):
                _add(found, Offered(name, Offer(offer_name(name), tool.description, tool.schema), "tool"))
            elif lost is None:
                raise tool
            else:
                lost[offer_name(name)] = tool
    for name, success in BUILT_IN.items():
        _add(found, Offered(name, _built_in_offer(name, success), "built-in"))
    return found


def _add(found: dict[str, Offered], item: Offered) -> None:
    """Adds an offer, under another name when its own is taken."""
    name, number = item.offer.name, 1
    while name in found:
        number += 1
        name = f"{item.offer.name[: NAME_LENGTH - 4]}_{number}"
    found[name] = msgspec.structs.replace(item, offer=msgspec.structs.replace(item.offer, name=name))


def offer_name(name: str) -> str:
    """A name as models may write it: `docs.search` is `docs_search`."""
    return _NOT_IN_NAMES.sub("_", name)[:NAME_LENGTH] or "_"


def _select(
    context: ExecutionContext, tools: Callable[[], Toolbox], names: Sequence[str]
) -> Iterable[tuple[str, Tool | ToolError]]:
    return context.errand("tools", lambda: _find(tools(), names))


async def _find(toolbox: Toolbox, names: Sequence[str]) -> list[tuple[str, Tool | ToolError]]:
    found: list[tuple[str, Tool | ToolError]] = []
    for name in names:
        every = {tool.qualified: tool for tool in (await toolbox.names()).values()} if name.endswith(".*") else {}
        of_server = [tool for tool in every.values() if f"{tool.server}.*" == name]
        if of_server:
            found += [(tool.qualified, tool) for tool in of_server]
            continue
        try:
            found.append((name, await toolbox.find(name)))
        except ToolError as error:
            found.append((name, error))
    return found


def _procedure_offer(procedure: Procedure) -> Offer:
    params = procedure.params
    schema: dict[str, object] = {
        "type": "object",
        "properties": {name: field.schema() for name, field in params.items()},
        "required": [name for name, field in params.items() if field.required],
        "additionalProperties": False,
    }
    return Offer(offer_name(procedure.name), procedure.description, schema)


def _built_in_offer(name: str, success: bool) -> Offer:
    properties: dict[str, object] = {
        "reason": {"type": "string", "description": "Why, in a sentence."},
        "success": {"type": "boolean", "description": "Whether the work succeeded.", "default": success},
    }
    return Offer(name, _ABOUT[name], {"type": "object", "properties": properties, "required": ["reason"]})
