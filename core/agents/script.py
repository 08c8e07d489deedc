"""Finished runs -> a file of replies that plays what their models said.

Belongs here: which replies were given to whom, and writing them so that a person reads them easily. Never: what such a
file may say (`replies_file.py`).

The file has what was said: texts, calls and unusual stop reasons. It does not have what it cost, which models said it,
or failures that another try mended. A turn that failed for good is an error in it, as the code may have caught that.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec

from ..document.scalars import resolve
from ..journal.events import Began, Ended, Prompted
from ..journal.folds.agents import REPLY, TURNS, reply_of
from ..values import INT_MAX, INT_MIN
from .replies_file import SHORTHANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..journal.events import Record
    from ..model.messages import Reply, RequestedCall

Tree: TypeAlias = "Sequence[tuple[str, int, list[Record]]]"
"""Runs of one tree: each one's procedure, which run of that procedure it is there, and its history."""

_MAX_LEVELS, _MAX_KEY = 40, 200
"""Arguments that nest deeper or have a longer key are written as the model wrote them."""
_PLAIN = re.compile(r"[^\W_][^\t\n\r]*")
_ESCAPED = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that stand in a file only as an escape in a quoted text."""


def script_of(runs: Tree) -> str:
    """The text of a file that gives every agent of these runs the replies that it got in them.

    A key names an agent alone where its replies are the same everywhere, else with its procedure, else with the run's
    place too.
    """
    said: dict[str, dict[str, dict[int, list[object]]]] = {}
    for procedure, nth, records in runs:
        for agent, items in _replies(records).items():
            said.setdefault(agent, {}).setdefault(procedure, {})[nth] = items
    scripts: dict[str, list[object]] = {}
    for agent, procedures in said.items():
        for key, items in _keyed(agent, procedures):
            scripts[key] = items
    if not scripts:
        return "# No agent took a turn.\n"
    return "\n".join("\n".join((*_block({key: items}), "")) for key, items in scripts.items())


def _keyed(agent: str, procedures: dict[str, dict[int, list[object]]]) -> Iterable[tuple[str, list[object]]]:
    if (same := _same(items for places in procedures.values() for items in places.values())) is not None:
        yield agent, same
        return
    for procedure, places in procedures.items():
        if (same := _same(places.values())) is not None:
            yield f"{procedure}.{agent}", same
        else:
            yield from ((f"{procedure}#{nth}.{agent}", items) for nth, items in places.items())


def _same(lists: Iterable[list[object]]) -> list[object] | None:
    first, *others = lists
    # As text: to Python 1 and 1.0 and True are the same.
    return first if all(json.dumps(other) == json.dumps(first) for other in others) else None


def _replies(records: Sequence[Record]) -> dict[str, list[object]]:
    """What each agent of a run was told, in the forms of the file."""
    found: dict[str, list[object]] = {}
    agent, replied = "", False
    for record in records:
        event = record.event
        if isinstance(event, Began) and event.op in TURNS:
            agent, replied = "", False
        elif isinstance(event, Prompted):
            agent = event.agent
        elif not isinstance(event, Ended) or not agent:
            continue
        elif event.op == REPLY and not event.failed and event.values:
            replied = True
            found.setdefault(agent, []).append(_reply(reply_of(event.values[0])))
        elif event.op in TURNS:
            if event.failed and not replied:
                message = str(event.error).removeprefix(f"{agent}: ")
                found.setdefault(agent, []).append({"error": message})
            agent = ""
    return found


def _reply(reply: Reply) -> object:
    item: dict[str, object] = {"text": reply.content} if reply.content or not reply.calls else {}
    calls = list(reply.calls)
    reason = _reason(calls[-1]) if calls else None
    if reason is not None:
        item[calls.pop().name] = reason
    if calls:
        item["calls"] = [_call(call) for call in calls]
    if reply.stop_reason not in ("", "tool_calls" if reply.calls else "stop"):
        item["stop_reason"] = reply.stop_reason
    return reply.content if list(item) == ["text"] else item


def _reason(call: RequestedCall) -> str | None:
    """The reason, if a shorthand says all that the call does."""
    arguments = _plain(call.arguments)
    if call.name not in SHORTHANDS or not isinstance(arguments, dict) or list(arguments) != ["reason"]:
        return None
    reason = arguments["reason"]
    return reason if isinstance(reason, str) else None


def _call(call: RequestedCall) -> object:
    arguments = _plain(call.arguments)
    return call.name if arguments == {} and isinstance(resolve(call.name), str) else {call.name: arguments}


def _plain(arguments: str) -> dict[str, object] | str:
    """The arguments as data, or their text where the file could not give back the same from data."""
    try:
        data: object = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return arguments
    if not isinstance(data, dict):
        return arguments
    table = cast("dict[str, object]", data)
    return table if _can_stand(table, 0) else arguments


def _can_stand(data: object, level: int) -> bool:
    if isinstance(data, dict):
        fields = cast("dict[str, object]", data)
        return level < _MAX_LEVELS and all(
            len(key) <= _MAX_KEY and _can_stand(item, level + 1) for key, item in fields.items()
        )
    if isinstance(data, list):
        return level < _MAX_LEVELS and all(_can_stand(item, level + 1) for item in cast("list[object]", data))
    return not isinstance(data, int) or isinstance(data, bool) or INT_MIN <= data <= INT_MAX


# ---- YAML, written for people: PyYAML would fold long lines and quote a text for one tab in it


def _block(data: object) -> list[str]:
    """The lines of a value in block style; every line but the first is indented by whoever puts it somewhere."""
    if isinstance(data, dict) and data:
        return [line for key, item in cast("dict[str, object]", data).items() for line in _entry(key, item)]
    if isinstance(data, list) and data:
        return [line for item in cast("list[object]", data) for line in _inside("- ", _block(item))]
    return _text(data) if isinstance(data, str) else [json.dumps(data)]


def _entry(key: str, item: object) -> list[str]:
    lines, name = _block(item), _line(key)
    if isinstance(item, (dict, list)) and item:
        return [f"{name}:", *_inside("  ", lines)]
    return _inside(f"{name}: ", lines)


def _inside(first: str, lines: list[str]) -> list[str]:
    return [first + lines[0], *(f"  {line}" if line else line for line in lines[1:])]


def _text(text: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[0].strip() or not lines[-1].strip():
        return [_line(text)]
    if _ESCAPED.search(text.replace("\t", " ")):
        return [_line(text)]
    indent = "2" if lines[0][0] in " \t" else ""
    return [f"|{indent}" if text.endswith("\n") else f"|{indent}-", *lines]


def _line(text: str) -> str:
    """A text on one line: plain where it cannot be taken for anything else."""
    plain = _PLAIN.fullmatch(text) and ": " not in text and " #" not in text and text[-1] not in ": "
    if plain and isinstance(resolve(text), str) and not _ESCAPED.search(text):
        return text
    return _ESCAPED.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
