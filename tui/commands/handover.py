"""`proc-tui handover`: what happened since somebody left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ...core.errors import NotFound
from ...core.model.states import RequestStatus
from ..clean import oneline
from ..console.cards import time_left
from ..console.output import paint, say, say_json, tell
from ..console.workspace import DURATION, Workspace, json_option, pass_workspace
from ..conversation import answer_text
from ..readable import brief
from ..shapes import request_shape, run_row
from ..usage import spent
from ..words import age, moment, price, several, stamp

if TYPE_CHECKING:
    from ...core.journal.listing import Decision, Since, Waiting
    from ...core.operator import Operator

MOST = 15
"""How many lines of a kind are printed; the rest are counted."""

ALL = 1_000_000
"""More than happens to a workspace between two looks at it: the figures are to be right."""


@click.command("handover")
@click.option(
    "--since", type=DURATION, default="8h", show_default=True, metavar="TIME", help="How far to look back: 30m, 8h, 2d."
)
@json_option
@pass_workspace
def handover_command(workspace: Workspace, since: float, as_json: bool) -> int:
    """Say what happened in the workspace in the last TIME: what ended, who decided what, and what waits now."""
    try:
        operator = workspace.open()
    except NotFound:
        if not as_json:
            tell(f"No runs in {oneline(workspace.folder)} yet.")
        return 0
    with operator:
        report = _Report(operator, time.time() - since)
        if as_json:
            say_json(report.shape())
        else:
            report.show(since)
    return 0


class _Report:
    """Everything between a moment and now."""

    def __init__(self, operator: Operator, since: float) -> None:
        self._found: Since = operator.since(since, limit=ALL)

    def shape(self) -> dict[str, object]:
        """The JSON object."""
        found = self._found
        return {
            "since": stamp(found.since),
            "until": stamp(found.until),
            "started": [run_row(run) for run in found.started],
            "completed": [run_row(run) for run in found.completed],
            "failed": [run_row(run) for run in found.failed],
            "cancelled": [run_row(run) for run in found.cancelled],
            "decided": [_decision_shape(item) for item in found.decided],
            "waiting": [request_shape(item.request, item.run.procedure) for item in found.waiting],
            "usage": spent(found.spent),
            "alerts": [
                {
                    "at": stamp(item.at),
                    "level": item.level,
                    "message": item.message,
                    "source": item.source or None,
                    "by": item.by,
                }
                for item in found.alerts
            ],
        }

    def show(self, seconds: float) -> None:
        """The text."""
        found = self._found
        ends = f"{len(found.completed)} completed, {len(found.failed)} failed, {len(found.cancelled)} cancelled"
        say(f"Since {moment(found.since)} ({age(seconds)}): {several(len(found.started), 'run')} started, {ends}.")
        used = found.spent
        if used.tokens_in or used.tokens_out or used.unpriced:
            say(
                f"Models read {used.tokens_in:,} and wrote {used.tokens_out:,} tokens (by whole quarters of an hour): "
                f"{price(spent(used).cost, used.unpriced)}."
            )
        self._part(
            "Failed",
            [
                f"{run.id} {oneline(run.procedure)}: {oneline((run.error or '').split(chr(10))[0])}"
                for run in found.failed
            ],
        )
        self._part("Waits for a person now", [self._wait(item) for item in found.waiting])
        self._part("Decided", [_decided(item) for item in found.decided])
        self._part("Alerts", [f"{moment(item.at)} {item.level} {oneline(item.message)}" for item in found.alerts])
        self._part(
            "Completed",
            [
                f"{run.id} {oneline(run.procedure)}, {age(found.until - (run.ended_at or 0))} ago"
                for run in found.completed
            ],
        )

    def _part(self, title: str, lines: list[str]) -> None:
        if not lines:
            return
        say(paint(title, "strong"))
        for line in lines[:MOST]:
            say(f"  {line}")
        if len(lines) > MOST:
            say(paint(f"  … {len(lines) - MOST:,} more", "quiet"))

    def _wait(self, item: Waiting) -> str:
        request, now = item.request, self._found.until
        left = time_left(request, now)
        facts = f"asked {age(now - request.created_at)} ago{f', {left}' if left else ''}"
        return f"{request.id} {oneline(item.run.procedure)}: {oneline(request.message)} ({facts})"


def _answer(item: Decision) -> str | None:
    return answer_text(item.answer.answer) if item.answer is not None else None


def _decision_shape(item: Decision) -> dict[str, object]:
    request = item.request
    return {
        "request": request.id, "run": request.run, "procedure": item.procedure, "message": request.message,
        "status": request.status.value, "by": request.resolved_by, "at": stamp(request.resolved_at),
        "answer": _answer(item), "undone": len(item.undone),
    }  # fmt: skip


def _decided(item: Decision) -> str:
    request = item.request
    match request.status:
        case RequestStatus.ANSWERED:
            what = f"{oneline(request.resolved_by or 'somebody')}: {brief(_answer(item) or '', 60)}"
        case RequestStatus.TIMED_OUT:
            what = "nobody answered in time"
        case _:
            what = f"withdrawn by {oneline(request.resolved_by or 'the run')}"
    undone = f" (after {several(len(item.undone), 'answer')} undone)" if item.undone else ""
    return f"{request.id} {oneline(item.procedure)}: {oneline(request.message)} → {what}{undone}"
