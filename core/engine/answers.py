"""Answers of people: whether one fits its request, and the transaction that accepts it.

Belongs here: checking and accepting. Never: asking (`primitives/human.py`), or what the run does next.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec

from ..errors import AlreadyAnswered, Refused, did_you_mean
from ..journal import requests, runs
from ..model.states import RequestStatus
from ..values import Value, as_bytes, describe, from_json

if TYPE_CHECKING:
    import sqlite3

    from ..journal.requests import PendingRequest


class Given(msgspec.Struct, frozen=True):
    """What a person gave; only the fields that fit the type of the request may be set."""

    approved: bool | None = None
    text: str | None = None
    decision: str | None = None
    feedback: str | None = None
    artifact: Value = None
    """The edited artifact; None when it was left as it is."""
    note: str | None = None
    typed: str | None = None
    """The word that was typed for a request that wants one typed."""
    digest: str | None = None
    """Of what was shown; when given it must be that of the request."""
    attempt: int | None = None


class Accepted(msgspec.Struct, frozen=True):
    """An answer was accepted."""

    request: str
    run: str
    resolved: bool
    """False when more people have to answer before the run goes on."""
    missing: int = 0
    """How many more."""


def accept(
    connection: sqlite3.Connection, request: str, given: Given, *, by: str, now: float, audit: dict[str, Value]
) -> Accepted:
    """Takes an answer, once: of two at the same time exactly one wins and the other raises `AlreadyAnswered`.

    Raises `Refused` when the answer does not fit the request.
    """
    row = requests.get(connection, request)
    _check_open(row, now)
    if given.digest is not None and given.digest != row.digest:
        raise Refused(f"request {request} shows something else by now; look at it again")
    if given.attempt is not None and given.attempt != row.attempt:
        raise Refused(f"request {request} was asked again since; look at it again")
    answer = check(row, given)
    data = row.event.data
    run = runs.get(connection, row.run)
    if data.get("not_starter") and by == run.starter:
        raise Refused(f"request {request} wants somebody other than who started the run ({run.starter})")
    before = requests.answers(connection, request)
    if row.needed > 1 and any(earlier.by == by for earlier in before):
        raise Refused(f"{by} has answered request {request} already; it wants {row.needed} people")
    requests.add_answer(connection, request, requests.Answer(by, now, answer, audit))
    missing = row.needed - len(before) - 1
    if missing > 0 and not _refuses(answer, row):
        return Accepted(request, row.run, resolved=False, missing=missing)
    names = ", ".join(dict.fromkeys([*(earlier.by for earlier in before), by]))
    requests.resolve(connection, request, RequestStatus.ANSWERED, at=now, by=names)
    runs.wake(connection, row.run)
    return Accepted(request, row.run, resolved=True)


def _check_open(row: PendingRequest, now: float) -> None:
    when = "" if row.resolved_at is None else f" at {moment(row.resolved_at)}"
    match row.status:
        case RequestStatus.ANSWERED:
            raise AlreadyAnswered(f"request {row.id} was answered by {row.resolved_by}{when}")
        case RequestStatus.TIMED_OUT:
            raise AlreadyAnswered(f"request {row.id} timed out at {moment(row.deadline or 0.0)}")
        case RequestStatus.CANCELLED:
            raise AlreadyAnswered(f"request {row.id} was withdrawn by {row.resolved_by or 'the run'}{when}")
        case RequestStatus.PENDING:
            if row.deadline is not None and now >= row.deadline:
                raise AlreadyAnswered(f"request {row.id} timed out at {moment(row.deadline)}; the answer came too late")


def _refuses(answer: dict[str, Value], row: PendingRequest) -> bool:
    """One refusal is enough where several people are asked."""
    if row.type == "approval":
        return answer.get("approved") is False
    return row.type == "review" and answer.get("decision") in _labels(row, type="cancel")


def check(row: PendingRequest, given: Given) -> dict[str, Value]:
    """The answer as it is recorded; raises `Refused` with what the request wants."""
    data = row.event.data
    confirm = data.get("confirm")
    fields: dict[str, Value] = {}
    match row.type:
        case "approval":
            if given.approved is None:
                raise Refused(f"request {row.id} wants approval: approve it or reject it")
            fields = {"approved": given.approved}
            agreeing = given.approved
        case "input":
            if given.text is None:
                raise Refused(f"request {row.id} wants a text")
            if not data.get("multiline") and "\n" in given.text:
                raise Refused(f"request {row.id} wants one line")
            fields = {"text": from_json(given.text)}
            agreeing = True
        case "review":
            decision = _decision(row, given)
            fields = {"decision": decision}
            agreeing = decision not in _labels(row, type="cancel")
            if given.artifact is not None:
                edited = from_json(given.artifact) if isinstance(given.artifact, str) else given.artifact
                fields["edited_artifact"] = _same_type(row, edited, data.get("artifact"))
        case _:
            if given.note is None and given.text is None and given.feedback is None:
                raise Refused(f"request {row.id} wants a note on how it was resolved")
            fields = {"note": from_json(given.note or given.text or given.feedback)}
            agreeing = True
    if isinstance(confirm, str) and agreeing and given.typed != confirm:
        raise Refused(f'request {row.id} is dangerous: type "{confirm}" to confirm')
    if given.feedback is not None and row.type in ("approval", "review"):
        fields["feedback"] = from_json(given.feedback)
    return fields


def labels(row: PendingRequest) -> list[str]:
    """The decisions that a review offers."""
    return _labels(row, type=None)


def _labels(row: PendingRequest, *, type: str | None) -> list[str]:
    options = row.event.data.get("options")
    found: list[str] = []
    for option in options if isinstance(options, list) else []:
        if isinstance(option, dict) and (type is None or option.get("type") == type):
            found.append(str(option.get("label")))
    return found


def _decision(row: PendingRequest, given: Given) -> str:
    known = labels(row)
    if given.decision is None:
        if given.approved is None:
            raise Refused(f"request {row.id} wants a decision: {', '.join(known)}")
        wanted = "Approve" if given.approved else "Reject"
    else:
        wanted = given.decision
    for label in known:
        if label.casefold() == wanted.casefold():
            return label
    raise Refused(
        f'"{wanted}" is not among the decisions of request {row.id}{did_you_mean(wanted, known)} ({", ".join(known)})'
    )


def _same_type(row: PendingRequest, edited: Value, original: Value) -> Value:
    """An edited artifact comes back in the type it was given in."""
    was_text, is_text = as_bytes(original) is not None, as_bytes(edited) is not None
    if original is not None and was_text != is_text:
        wanted = "a text" if was_text else "a table (JSON)"
        raise Refused(f"the artifact of request {row.id} is {wanted}, the edited one is {describe(edited)}")
    return edited


def moment(at: float) -> str:
    """A moment as messages show it, in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
