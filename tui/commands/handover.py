"""`proc-tui handover`: what happened since somebody left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ...core.errors import NotFound
from ...core.model.states import RequestStatus, RunStatus
from ..clean import oneline
from ..console.cards import time_left
from ..console.output import paint, say, say_json, tell
from ..console.workspace import DURATION, Workspace, json_option, pass_workspace
from ..conversation import answer_text
from ..readable import brief
from ..shapes import request_shape, run_row
from ..usage import spent_together
from ..words import age, moment, price, several, stamp

if TYPE_CHECKING:
    from ...core.journal.requests import PendingRequest
    from ...core.journal.runs import Run
    from ...core.operator import Operator

MOST = 15
"""How many lines of a kind are printed; the rest are counted."""


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
        self._operator = operator
        self._since = since
        self._now = time.time()
        self._runs = {run.id: run for run in operator.runs()}
        self._ended = [run for run in self._runs.values() if run.ended_at is not None and run.ended_at >= since]
        self._started = [run for run in self._runs.values() if run.created_at >= since and run.parent is None]
        self._active = [run for run in self._runs.values() if run.updated_at >= since]
        self._resolved = sorted(operator.resolved(since), key=lambda item: item.resolved_at or 0.0)
        self._waiting = operator.inbox()
        self._alerts = operator.alerts(since=since)

    def _of(self, status: RunStatus) -> list[Run]:
        """Those that ended so: runs that people started, and children only where they failed."""
        return [
            run for run in self._ended if run.status is status and (run.parent is None or status is RunStatus.FAILED)
        ]

    def shape(self) -> dict[str, object]:
        """The JSON object."""
        return {
            "since": stamp(self._since),
            "until": stamp(self._now),
            "started": [run_row(run) for run in self._started],
            **{
                status.value.lower(): [run_row(run) for run in self._of(status)]
                for status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
            },
            "decided": [self._decision(request) for request in self._resolved],
            "waiting": [request_shape(item, self._procedure(item)) for item in self._waiting],
            "usage": spent_together(self._active),
            "alerts": [
                {
                    "at": stamp(item.at),
                    "level": item.level,
                    "message": item.message,
                    "source": item.source or None,
                    "by": item.by,
                }
                for item in self._alerts
            ],
        }

    def _decision(self, request: PendingRequest) -> dict[str, object]:
        return {
            "request": request.id, "run": request.run, "procedure": self._procedure(request),
            "message": request.message, "status": request.status.value, "by": request.resolved_by,
            "at": stamp(request.resolved_at), "answer": self._answer(request),
        }  # fmt: skip

    def _answer(self, request: PendingRequest) -> str | None:
        given = self._operator.answers(request.id) if request.status is RequestStatus.ANSWERED else []
        return answer_text(given[-1].answer) if given else None

    def _procedure(self, request: PendingRequest) -> str:
        run = self._runs.get(request.run)
        return run.procedure if run is not None else "?"

    def show(self, seconds: float) -> None:
        """The text."""
        ends = ", ".join(
            several(len(self._of(status)), status.value.lower(), status.value.lower())
            for status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
        )
        say(f"Since {moment(self._since)} ({age(seconds)}): {several(len(self._started), 'run')} started, {ends}.")
        used = spent_together(self._active)
        if used.total_tokens or used.unpriced:
            cost = price(used.cost, used.unpriced)
            say(f"Models read and wrote {used.total_tokens:,} tokens in all runs that were active: {cost}.")
        failed = self._of(RunStatus.FAILED)
        self._part(
            "Failed",
            [f"{run.id} {oneline(run.procedure)}: {oneline((run.error or '').split(chr(10))[0])}" for run in failed],
        )
        self._part("Waits for a person now", [self._wait(request) for request in self._waiting])
        self._part("Decided", [self._decided(request) for request in self._resolved])
        self._part("Alerts", [f"{moment(item.at)} {item.level} {oneline(item.message)}" for item in self._alerts])
        done = self._of(RunStatus.COMPLETED)
        self._part(
            "Completed",
            [f"{run.id} {oneline(run.procedure)}, {age(self._now - (run.ended_at or 0))} ago" for run in done],
        )

    def _part(self, title: str, lines: list[str]) -> None:
        if not lines:
            return
        say(paint(title, "strong"))
        for line in lines[:MOST]:
            say(f"  {line}")
        if len(lines) > MOST:
            say(paint(f"  … {len(lines) - MOST:,} more", "quiet"))

    def _wait(self, request: PendingRequest) -> str:
        left = time_left(request, self._now)
        facts = f"asked {age(self._now - request.created_at)} ago{f', {left}' if left else ''}"
        return f"{request.id} {oneline(self._procedure(request))}: {oneline(request.message)} ({facts})"

    def _decided(self, request: PendingRequest) -> str:
        about = f"{request.id} {oneline(self._procedure(request))}: {oneline(request.message)}"
        match request.status:
            case RequestStatus.ANSWERED:
                what = f"{oneline(request.resolved_by or 'somebody')}: {brief(self._answer(request) or '', 60)}"
            case RequestStatus.TIMED_OUT:
                what = "nobody answered in time"
            case _:
                what = f"withdrawn by {oneline(request.resolved_by or 'the run')}"
        return f"{about} → {what}"
