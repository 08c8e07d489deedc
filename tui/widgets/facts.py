"""What a card says besides the request: what was approved before, who else is at it, what comes next.

Everything here is read in a thread and is immutable. Belongs here: reading, and the words for what became of a request.
Never: widgets.
"""

from __future__ import annotations

import datetime
import json
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import msgspec

from ...core.errors import ProcError
from ...core.model.states import RequestStatus
from ..console.cards import at_timeout
from ..readable import brief
from ..words import time_of_day

if TYPE_CHECKING:
    from ...core.engine.preview import Preview
    from ...core.journal.requests import Answer, PendingRequest
    from ...core.journal.runs import Run
    from ...core.looking import Approved
    from ...core.operator import Operator

MOST_RUNS = 20
"""Among how many runs of the procedure the last one is looked for."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of a pending request."""

    run: Run
    params: tuple[tuple[str, str, str], ...] = ()
    """The parameters that differ from the last run of this procedure: name, value, the value then."""
    approved: Approved | None = None
    """What was approved last at this point."""
    answers: tuple[Answer, ...] = ()
    """What people answered that counts."""
    editors: tuple[str, ...] = ()
    """Who is changing the artifact elsewhere."""


def read_facts(operator: Operator, request: PendingRequest) -> Facts:
    """Everything that is quick to read."""
    run = operator.run(request.run)
    return Facts(
        run=run,
        params=_differing(operator, run),
        approved=operator.last_approved(request.id) if request.type == "review" else None,
        answers=tuple(answer for answer in operator.answers(request.id) if answer.undone_at is None),
        editors=tuple(dict.fromkeys(item.by for item in operator.editors(request.id))),
    )


def read_preview(operator: Operator, request: PendingRequest) -> tuple[Preview, ...]:
    """What would come of each answer; takes up to two seconds."""
    with suppress(ProcError):
        return tuple(operator.preview(request.id))
    return ()


def _differing(operator: Operator, run: Run) -> tuple[tuple[str, str, str], ...]:
    others = [
        other
        for other in operator.runs(procedure=run.procedure, limit=MOST_RUNS)
        if other.id != run.id and other.created_at <= run.created_at
    ]
    if not others:
        return ()
    mine, before = _params(run), _params(max(others, key=lambda other: other.created_at))
    names = dict.fromkeys((*mine, *before))
    return tuple(
        (name, _shown(mine.get(name)), _shown(before.get(name))) for name in names if mine.get(name) != before.get(name)
    )


def _params(run: Run) -> dict[str, object]:
    try:
        found: object = json.loads(run.params)
    except ValueError:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _shown(value: object) -> str:
    return brief(json.dumps(value, ensure_ascii=False), 40) if value is not None else "none"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a request."""

    text: str
    """In words: `answered by bob at 12:04: Approve`."""
    by: str
    status: RequestStatus


def read_outcome(operator: Operator, request: str) -> Outcome | None:
    """What became of a request that waits no more; None when it still does, or is not known."""
    try:
        row = operator.request(request)
        given = [answer for answer in operator.answers(request) if answer.undone_at is None]
    except ProcError:
        return None
    when = f" at {time_of_day(row.resolved_at)}" if row.resolved_at is not None else ""
    match row.status:
        case RequestStatus.ANSWERED:
            return Outcome(f"answered by {_names(given)}{when}{_said(given)}", row.resolved_by or "", row.status)
        case RequestStatus.TIMED_OUT:
            return Outcome(f"nobody answered in time{when}: {at_timeout(row)}", "", row.status)
        case RequestStatus.CANCELLED:
            return Outcome(f"withdrawn by {row.resolved_by or 'the run'}{when}", row.resolved_by or "", row.status)
        case RequestStatus.PENDING:
            if row.decides and given:
                return Outcome(f"answered by {_names(given)}{_said(given)}", given[-1].by, RequestStatus.ANSWERED)
            return None


def _names(given: list[Answer]) -> str:
    """Who answered: names as they are claimed, each with the user of the machine where that is another."""
    return ", ".join(dict.fromkeys(claimed(answer) for answer in given)) or "somebody"


def claimed(answer: Answer) -> str:
    """Who answered, as claimed: `anna (as claimed; user deploy)`, or `deploy` alone where it is the user."""
    user = brief(answer.audit.get("user") or "", 40)
    return answer.by if not user or user == answer.by else f"{answer.by} (as claimed; user {user})"


def _said(given: list[Answer]) -> str:
    return f": {said(given[-1])}" if given else ""


def said(answer: Answer) -> str:
    """An answer in a few words."""
    fields = answer.answer
    if "approved" in fields:
        word = "Approve" if fields["approved"] else "Reject"
    else:
        word = brief(fields.get("decision") or fields.get("text") or fields.get("note") or "", 60)
    edited = ", edited" if fields.get("edited_artifact") is not None else ""
    comment = fields.get("feedback")
    return f"{word}{edited}" + (f' "{brief(comment, 60)}"' if comment else "")


def day(at: float) -> str:
    """A day as people say it: `12 Nov`, with the time when it is not long ago."""
    moment = datetime.datetime.fromtimestamp(at)
    return f"{moment.day} {moment.strftime('%b %H:%M')}"
