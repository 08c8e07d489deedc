"""`proc-tui watch`: the worker without a screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from ...core.errors import StoreError
from ...core.journal.events import RunEnded
from ..announcing import Announcer
from ..clean import clip, oneline
from ..console.agreement import ask_for_trust
from ..console.news import MILESTONES, milestone
from ..console.output import paint, say, say_json, tell
from ..console.table import width
from ..console.workspace import DURATION, Workspace, json_option, pass_workspace
from ..leaving import idle
from ..words import several, stamp, time_of_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.errors import ProcError
    from ...core.journal.journal import News
    from ...core.journal.runs import Run
    from ...core.operator import Operator

IDLE_LOOK_SECONDS = 1.0


@click.command("watch")
@click.option(
    "--interval", type=DURATION, default="0.5s", show_default=True, metavar="TIME",
    help="How often to look for news to print; runs are driven without delay.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Drive what is due now, then exit.")
@click.option(
    "--until-idle", is_flag=True, help="Exit when no run goes on, and none that waits was touched for eight hours."
)
@json_option
@pass_workspace
def watch_command(workspace: Workspace, interval: float, once: bool, until_idle: bool, as_json: bool) -> int:
    """Drive all runs of the workspace, and print a line for each that starts, asks, is answered or ends.

    ^C or SIGTERM lets go of the runs, which stay as they were recorded; a second one ends at once. Any number of
    workers may watch one workspace: each run is driven by one of them.
    """
    with workspace.open(create=True) as operator:
        if not as_json:
            ask_for_trust(operator.workspace)
        if not as_json and not once:
            living = [run for run in operator.runs() if not run.status.ended]
            pending = operator.inbox()
            tell(
                f"watching {operator.workspace}: {several(len(living), 'run')} going on, "
                f"{several(len(pending), 'request')} waiting for a person (^C ends)"
            )
        for note in operator.notes:
            tell(f"{paint('note:', 'waits')} {note}")
        watch(operator, interval=max(0.05, interval), once=once, until_idle=until_idle, as_json=as_json)
    return 0


def watch(
    operator: Operator, *, interval: float, once: bool, as_json: bool, roots: Sequence[str] = (),
    until_idle: bool = False,
) -> list[Run]:  # fmt: skip
    """Drives runs until a signal, or with `once` until nothing is due; returns those that ended meanwhile."""
    return asyncio.run(_Watch(operator, interval, as_json=as_json).run(once=once, roots=roots, until_idle=until_idle))


class _Watch:
    """One worker, and what is told of it."""

    def __init__(self, operator: Operator, interval: float, *, as_json: bool) -> None:
        self._operator = operator
        self._interval = interval
        self._as_json = as_json
        self._seen = operator.newest_event()
        self._alert = max((alert.id for alert in operator.alerts()), default=0)
        self._ended: dict[str, None] = {}
        self._procedures: dict[str, str] = {}
        self._problems: dict[str, float] = {}
        self._signals = 0
        self._looked = time.monotonic()
        self._announcer = Announcer.of(
            operator, problem=lambda text: tell(f"{paint('problem:', 'bad')} {oneline(text)}")
        )

    async def run(self, *, once: bool, roots: Sequence[str], until_idle: bool) -> list[Run]:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        kind = "" if once or roots else "watch"
        worker = self._operator.worker(roots=roots, kind=kind, on_problem=self._problem)

        def interrupt() -> None:
            self._signals += 1
            if self._signals > 1:
                os._exit(130)
            worker.stop()
            if worker.busy and not self._as_json:
                tell("waiting a moment for what models and tools have under way (^C again ends at once)")

        async def work() -> None:
            try:
                await worker.run(once=once)
            finally:
                over.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, interrupt)
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            while not over.is_set():
                try:
                    self._tell_news()
                    self._announcer.look(self._operator.inbox(), self._operator.now())
                    if until_idle and self._may_end():
                        worker.stop()
                except StoreError as error:
                    self._problem("", error)
                try:
                    async with asyncio.timeout(self._interval):
                        await over.wait()
                except TimeoutError:
                    continue
        self._tell_news()
        if self._signals and not self._as_json:
            tell("let go; the runs stay as they were recorded")
        return [self._operator.run(name) for name in self._ended]

    def _may_end(self) -> bool:
        """Looks now and then whether nothing is left to drive."""
        now = time.monotonic()
        if now - self._looked < IDLE_LOOK_SECONDS:
            return False
        self._looked = now
        return idle(self._operator)

    def _tell_news(self) -> None:
        for item in self._operator.news(self._seen, MILESTONES):
            self._seen = item.id
            if isinstance(item.record.event, RunEnded):
                self._ended[item.run] = None
            self._tell(item)
        for alert in self._operator.alerts(after=self._alert):
            self._alert = alert.id
            source = f" [{oneline(alert.source)}]" if alert.source else ""
            self._line(alert.at, "", f"{paint('ALERT', 'bad')} {oneline(alert.level)}{source} {oneline(alert.message)}")

    def _tell(self, item: News) -> None:
        event = item.record.event
        if self._as_json:
            say_json({
                "at": stamp(item.record.at), "run": item.run, "procedure": self._procedure(item.run),
                "event": event.kind, "text": click.unstyle(milestone(event) or getattr(event, "message", "")),
            })  # fmt: skip
            return
        text = milestone(event) or f"{paint('ALERT', 'bad')} {oneline(getattr(event, 'message', ''))}"
        self._line(item.record.at, f"{item.run} {oneline(self._procedure(item.run))} ", text)

    def _line(self, at: float, about: str, text: str) -> None:
        if not self._as_json:
            most = width(terminal=sys.stdout.isatty()) - 9
            shown = clip(click.unstyle(f"{about}{text}"), most)
            say(f"{paint(time_of_day(at), 'quiet')} {shown if shown.endswith('…') else about + text}")

    def _procedure(self, run: str) -> str:
        if run not in self._procedures:
            self._procedures[run] = self._operator.run(run).procedure
        return self._procedures[run]

    def _problem(self, run: str, error: ProcError) -> None:
        """Says a problem, and does not repeat itself for a minute."""
        text, now = f"{f'run {run}: ' if run else ''}{oneline(error)}", time.monotonic()
        if now - self._problems.get(text, -60.0) >= 60:
            self._problems[text] = now
            tell(f"{paint('problem:', 'bad')} {text}")
