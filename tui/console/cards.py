"""A request to a person as text: what is asked, all that is shown with it, the time left, how to answer.

Every line that came from the run has a bar at its left, so that no text of a run can pass for ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..clean import oneline
from ..readable import brief, readable
from ..words import age, clock, moment
from .output import paint

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.operator import Operator
    from ...core.values import Value

BAR = "│"
ASKED_BELOW = 3
"""How many requests of the runs below one are named with it."""


def card(request: PendingRequest, procedure: str, now: float) -> list[str]:
    """The lines of a request, wholly."""
    data = request.event.data
    left = time_left(request, now)
    facts = [oneline(procedure), f"asked {age(now - request.created_at)} ago", *([left] if left else [])]
    severity = data.get("severity")
    head = f"{request.type} {request.id}"
    if isinstance(severity, str):
        head += f" [{oneline(severity)}]"
    lines = [f"{paint('?', 'waits')} {paint(head, 'strong')} · {' · '.join(facts)}"]
    lines += barred(readable(request.message))
    if data.get("context") is not None:
        lines += section("context", data["context"])
    if data.get("artifact") is not None:
        kind = data.get("artifact_type")
        lines += section(f"artifact ({oneline(kind)})" if isinstance(kind, str) else "artifact", data["artifact"])
    lines += [f"  {note}" for note in conditions(request)]
    return lines


def barred(text: str) -> list[str]:
    """Cleaned text from a run, each line with a bar."""
    return [f"  {paint(BAR, 'quiet')} {line}".rstrip() for line in text.split("\n")]


def section(title: str, value: Value) -> list[str]:
    """A value with its title."""
    return [f"  {paint(title + ':', 'quiet')}", *barred(readable(value))]


def conditions(request: PendingRequest) -> list[str]:
    """What an answer has to satisfy besides."""
    data = request.event.data
    notes: list[str] = []
    if request.needed > 1:
        notes.append(f"{request.needed} people have to answer")
    if data.get("not_starter"):
        notes.append("somebody other than the one who started the run has to answer")
    if isinstance(data.get("confirm"), str):
        notes.append(f"to agree, this has to be typed: {brief(data['confirm'])}")
    if data.get("placeholder") is not None:
        notes.append(f"for example: {brief(data['placeholder'])}")
    return notes


def decisions(request: PendingRequest) -> list[str]:
    """The labels that a review offers."""
    options = request.event.data.get("options")
    rows = cast("list[object]", options) if isinstance(options, list) else []
    return [str(cast("dict[str, object]", row).get("label")) for row in rows if isinstance(row, dict)]


def refuses(request: PendingRequest, decision: str) -> bool:
    """Whether a decision is one of those that cancel."""
    options = request.event.data.get("options")
    rows = cast("list[object]", options) if isinstance(options, list) else []
    return any(
        isinstance(row, dict)
        and cast("dict[str, object]", row).get("label") == decision
        and cast("dict[str, object]", row).get("type") == "cancel"
        for row in rows
    )


def time_left(request: PendingRequest, now: float) -> str:
    """What happens when nobody answers, and when: `reject in 59:12`; empty for a request without a deadline."""
    if request.deadline is None:
        return ""
    what = at_timeout(request)
    seconds = request.deadline - now
    if seconds <= 0:
        return f"{what} now"
    return f"{what} in {clock(seconds)}" if seconds < 86400 else f"{what} at {moment(request.deadline)}"


def at_timeout(request: PendingRequest) -> str:
    """What the deadline of a request does, in a word or two."""
    event = request.event
    default = event.data.get("default")
    if event.on_timeout == "error":
        return "fails"
    if event.on_timeout == "retry" and event.attempt == 1:
        return "asked again"
    if request.type == "approval":
        return "approve" if default is True else "reject"
    if request.type == "review":
        labels = decisions(request)
        cancels = [label for label in labels if refuses(request, label)]
        chosen = default if isinstance(default, str) else (cancels or labels[-1:] or ["ends"])[0]
        return oneline(chosen).lower()
    return "goes on without a text" if default is None else f'takes "{brief(default, 30)}"'


def asked_below(operator: Operator, run: Run) -> list[str]:
    """A line for each request of the runs below one that is nobody's child, the nearest deadline first."""
    found = [request for request in operator.inbox(root=run.id) if request.run != run.id]
    lines = [
        f"{paint('asks', 'waits')}: {oneline(item.procedure)}: {brief(item.message)}; proc-tui answer {item.id}"
        for item in found[:ASKED_BELOW]
    ]
    return [*lines, *([f"… {len(found) - ASKED_BELOW} more: proc-tui inbox"] if len(found) > ASKED_BELOW else [])]


def how_to_answer(request: PendingRequest) -> str:
    """The command that answers a request."""
    option = {
        "approval": "--approve | --reject",
        "input": "--text TEXT",
        "review": "--decision " + "|".join(_quoted(oneline(label)) for label in decisions(request)),
        "escalation": "--note TEXT",
    }.get(request.type, "")
    if isinstance(request.event.data.get("confirm"), str):
        approval = "--approve --confirm WORD | --reject"
        option = approval if request.type == "approval" else f"{option} --confirm WORD"
    return f"proc-tui answer {request.id} {option}"


def _quoted(label: str) -> str:
    return label if label.replace("-", "").replace("_", "").isalnum() else f"'{label}'"
