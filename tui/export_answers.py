"""What people answered and said in a run and its children, as a file for `run --answers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.journal.events import MessageReceived, Requested, RequestTimedOut, Responded, Said
from ..core.values import to_plain
from .clean import oneline
from .readable import as_yaml

if TYPE_CHECKING:
    from ..core.journal.runs import Run
    from ..core.operator import Operator
    from ..core.values import Value


def answers_file(operator: Operator, run: Run) -> str:
    """The text of the file, answers in the order in which they took effect."""
    found: list[tuple[float, int, dict[str, Value]]] = []
    tree = [run, *_below(operator, run)]

    def about(member: Run) -> dict[str, Value]:
        return {"for": {"procedure": member.procedure}} if len(tree) > 1 else {}

    for member in tree:
        asked: dict[str, Requested] = {}
        records = operator.records(member)
        talks = any(isinstance(record.event, Said) for record in records)
        for record in records:
            event = record.event
            if isinstance(event, Requested):
                asked[event.request] = event
            elif isinstance(event, (Responded, RequestTimedOut)) and event.request in asked:
                request = asked[event.request]
                for item in _items(operator, request, timed_out=isinstance(event, RequestTimedOut)):
                    found.append((record.at, record.seq, {**item, **about(member)}))
            elif talks and isinstance(event, MessageReceived) and event.by != f"run {member.parent}":
                by: dict[str, Value] = {"by": event.by} if event.by and event.by != member.starter else {}
                found.append((record.at, record.seq, {"say": event.content, **by, **about(member)}))
    found.sort(key=lambda row: row[:2])
    head = f"# What people answered and said in {oneline(run.procedure)}, run {run.id}.\n"
    return head + (as_yaml([row[2] for row in found]) if found else "[]\n")


def _below(operator: Operator, run: Run) -> list[Run]:
    children = operator.runs(parent=run.id)
    return [member for child in children for member in (child, *_below(operator, child))]


def _items(operator: Operator, request: Requested, *, timed_out: bool) -> list[dict[str, Value]]:
    if timed_out:
        return [{"timeout": True}]
    several = isinstance(request.data.get("approvals"), int) or bool(request.data.get("not_starter"))
    items: list[dict[str, Value]] = []
    for given in operator.answers(request.request):
        item = _item(request, given.answer)
        if isinstance(request.data.get("confirm"), str):
            item["confirm"] = request.data["confirm"]
        if several:
            item["by"] = given.by
        items.append(item)
    return items


def _item(request: Requested, answer: dict[str, Value]) -> dict[str, Value]:
    match request.type:
        case "approval":
            feedback: dict[str, Value] = {"feedback": answer["feedback"]} if answer.get("feedback") else {}
            return {"approve": answer.get("approved"), **feedback}
        case "input":
            return {"input": answer.get("text")}
        case "review":
            names = ("decision", "feedback", "edited_artifact")
            return {"review": {name: answer[name] for name in names if answer.get(name) is not None}}
        case _:
            return {"escalate": {"note": to_plain(answer.get("note"))}}  # pyright: ignore[reportReturnType] - a text
