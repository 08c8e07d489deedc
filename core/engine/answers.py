"""Answers of people: whether one fits its request, and the transactions that accept it, undo it, bring it to effect.

Belongs here: checking, accepting, undoing, settling. Never: asking (`primitives/human.py`), or what the run does next.

An answer may take effect later than it is given. Until then its request is still pending, but nobody else may answer it
and its deadline does not count: the moment of the key does. Whoever drives the run settles it at the moment of effect;
undoing it before is an update of the same row, so that exactly one of the two happens.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec

from ..errors import AlreadyAnswered, Refused, did_you_mean
from ..journal import requests, runs
from ..journal.events import Responded
from ..model.states import RequestStatus
from ..values import Value, as_bytes, describe, digest, from_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ..journal.requests import Answer, PendingRequest


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
    shown_at: float | None = None
    """When it was shown."""


MOST_SECONDS = 60.0
"""How long after it was given an answer may take effect at most."""


class Accepted(msgspec.Struct, frozen=True):
    """An answer was accepted."""

    request: str
    run: str
    resolved: bool
    """False when more people have to answer before the run goes on."""
    missing: int = 0
    """How many more."""
    answer: int = 0
    """The answer's id, for `undo`."""
    effective_at: float = 0.0
    """When it takes effect; until then it can be undone."""


def accept(
    connection: sqlite3.Connection, request: str, given: Given, *, by: str, now: float, audit: dict[str, Value],
    effective_in: float = 0.0,
) -> Accepted:  # fmt: skip
    """Takes an answer, once: of two at the same time exactly one wins and the other raises `AlreadyAnswered`.

    It takes effect after `effective_in` seconds. Raises `Refused` when the answer does not fit the request.
    """
    row = requests.get(connection, request)
    _check_open(connection, row, now)
    _check_seen(row, given)
    if not 0.0 <= effective_in <= MOST_SECONDS:
        raise Refused(f"an answer takes effect at once, or within {MOST_SECONDS:g} seconds (effective_in)")
    answer = check(row, given)
    data = row.event.data
    run = runs.get(connection, row.run)
    if data.get("not_starter") and by == run.starter:
        raise Refused(f"request {request} wants somebody other than who started the run ({run.starter})")
    before = _counting(connection, request)
    if row.needed > 1 and any(earlier.by == by for earlier in before):
        raise Refused(f"{by} has answered request {request} already; it wants {row.needed} people")
    until = now + effective_in
    trail = {"name": by, **audit, **_moments(row, given, answer, now, until)}
    added = requests.add_answer(connection, request, requests.Answer(by, now, answer, trail, until))
    missing = row.needed - len(before) - 1
    last = missing <= 0 or _refuses(answer, row)
    if effective_in > 0:
        requests.hold(connection, row, by=by, at=now, until=until, last=last)
    elif last:
        _take_effect(connection, row, now)
        runs.wake(connection, row.run)
    return Accepted(request, row.run, last, 0 if last else missing, added, until)


def _check_seen(row: PendingRequest, given: Given) -> None:
    """Raises `Refused` for an answer to something else than what the request shows."""
    if given.digest is not None and given.digest != row.digest:
        raise Refused(
            f"request {row.id} shows something else by now ({row.digest or 'no digest'}, and the answer was given to "
            f"{given.digest}); look at it again"
        )
    if given.attempt is not None and given.attempt != row.attempt:
        raise Refused(
            f"request {row.id} was asked again since (attempt {row.attempt}, and the answer was given to attempt "
            f"{given.attempt}); look at it again"
        )


def _moments(row: PendingRequest, given: Given, answer: dict[str, Value], now: float, until: float) -> dict[str, Value]:
    """What the record of an answer says of what was shown and when."""
    edited = answer.get("edited_artifact")
    returned = row.digest if edited is None else digest(edited)
    found: dict[str, Value] = {"digest_returned": returned, "pressed_at": now, "effective_at": until}
    if given.digest is not None:
        found["digest_shown"] = given.digest
    if given.shown_at is not None:
        found["shown_at"] = given.shown_at
    return found


def undo(connection: sqlite3.Connection, request: str, *, by: str, now: float, answer: int | None = None) -> bool:
    """Withdraws the answer that is not in effect yet, or that very one; False when it is too late for that.

    Raises `Refused` when it is somebody else's.
    """
    row = requests.get(connection, request)
    given = _counting(connection, request)
    if not row.undoable(now) or not given or answer not in (None, given[-1].id):
        return False
    if given[-1].by != by:
        raise Refused(f"request {request} is being decided by {given[-1].by}, who alone can undo that")
    requests.undo_answer(connection, given[-1].id, by=by, at=now)
    requests.release(connection, row)
    return True


def settle(connection: sqlite3.Connection, request: str, now: float) -> RequestStatus:
    """Settles a pending request whose answer is in effect or whose time is up; returns what it is then."""
    row = requests.get(connection, request)
    if row.status is not RequestStatus.PENDING:
        return row.status
    if row.decides:
        if not row.open(now):
            _take_effect(connection, row, min(now, row.effective_at or now))
    elif row.deadline is not None and now >= row.deadline:
        requests.resolve(connection, request, RequestStatus.TIMED_OUT, at=now, by="timeout")
    return requests.get(connection, request).status


def _take_effect(connection: sqlite3.Connection, row: PendingRequest, at: float) -> None:
    given = _counting(connection, row.id)
    names = ", ".join(dict.fromkeys(answer.by for answer in given))
    approved = row.type == "review" and given[-1].answer.get("decision") == _approval(row)
    requests.resolve(connection, row.id, RequestStatus.ANSWERED, at=at, by=names, approved=approved)


def _counting(connection: sqlite3.Connection, request: str) -> list[Answer]:
    return [answer for answer in requests.answers(connection, request) if answer.undone_at is None]


def response(request: str, given: Sequence[Answer]) -> Responded:
    """The event of an answered request, from all that was answered: the last answer that was not undone counts."""
    counting = [answer for answer in given if answer.undone_at is None]
    last = counting[-1]
    names = ", ".join(dict.fromkeys(answer.by for answer in counting if answer.by))
    audit = dict(last.audit)
    if len(counting) > 1:
        audit["earlier"] = [_kept(answer) for answer in counting[:-1]]
    if len(counting) < len(given):
        audit["undone"] = [_kept(answer) for answer in given if answer.undone_at is not None]
    return Responded(request, last.answer, names, audit or None, last.at)


def _kept(answer: Answer) -> Value:
    found: dict[str, Value] = {"by": answer.by, "at": answer.at, "answer": answer.answer, "audit": answer.audit}
    if answer.undone_at is not None:
        found |= {"undone_at": answer.undone_at, "undone_by": answer.undone_by}
    return found


def _check_open(connection: sqlite3.Connection, row: PendingRequest, now: float) -> None:
    when = "" if row.resolved_at is None else f" at {moment(row.resolved_at)}"
    match row.status:
        case RequestStatus.ANSWERED:
            raise AlreadyAnswered(f"request {row.id} was answered by {row.resolved_by}{when}")
        case RequestStatus.TIMED_OUT:
            raise AlreadyAnswered(f"request {row.id} timed out at {moment(row.deadline or 0.0)}")
        case RequestStatus.CANCELLED:
            raise AlreadyAnswered(f"request {row.id} was withdrawn by {row.resolved_by or 'the run'}{when}")
        case RequestStatus.PENDING:
            until = moment(row.effective_at or 0.0)
            if row.undoable(now):
                raise AlreadyAnswered(
                    f"request {row.id} is being decided by {row.decided_by}, whose answer takes effect at {until}"
                )
            if not row.open(now):
                names = ", ".join(dict.fromkeys(answer.by for answer in _counting(connection, row.id)))
                raise AlreadyAnswered(f"request {row.id} was answered by {names} at {until}")
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


def _approval(row: PendingRequest) -> str | None:
    """The decision of a review that approves: the one that says so, or the first that goes on."""
    known = _labels(row, type="action")
    return next((label for label in known if label.casefold() == "approve"), known[0] if known else None)


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
