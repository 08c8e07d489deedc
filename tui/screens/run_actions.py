"""What can be done with a run: each way with what it does, what it keeps and what it costs, before it is done.

Belongs here: which ways there are for a run, and asking. Never: what they do (the operator), or editing
(`panes/source_edit.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.containers import Container
from textual.content import Content

from .. import keys
from ..clean import clip
from ..screen_safety import safe_line
from ..talk import failure
from ..widgets.footer import Footer
from ..widgets.lines import Lines
from ..words import money, several
from .screen import ProcDialog
from .value import ValueScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from ...core.model.messages import Reply
    from ..app import ProcTui
    from ..live.reader import RunView
    from ..talk.failure import Facts


class Way(msgspec.Struct, frozen=True):
    """Something that can be done."""

    key: str
    """The letter that does it."""
    text: str
    hint: str
    """What it does, keeps and costs."""
    work: Callable[[], object]
    style: str = ""


class WayList(Lines):
    """Two lines for each way."""

    LAYER: ClassVar[str] = "choice"
    BINDINGS = keys.bindings("choice")
    DEFAULT_CSS = "WayList { height: auto; min-height: 2; }"

    def __init__(self, ways: list[Way]) -> None:
        super().__init__()
        self.ways: list[Way] = ways
        self.styles.height = 2 * len(ways)

    def total(self) -> int:
        """As in the base class."""
        return 2 * len(self.ways)

    def selectable(self, index: int) -> bool:
        """As in the base class."""
        return index % 2 == 0

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        way = self.ways[index // 2]
        if index % 2:
            return Content.assemble("    ", safe_line(clip(way.hint, max(8, width - 5)), "$quiet"))
        sign = self.glyphs.here if index == self.cursor else " "
        return Content.assemble(
            (sign, "$accent"), " ", (way.key, "b $accent"), " ", (way.text, f"b {way.style}".strip())
        )


class RunActions(ProcDialog[None]):
    """The ways of one run."""

    LAYER: ClassVar[str] = "choice"
    BINDINGS = keys.bindings("choice")
    DEFAULT_CSS = """
    RunActions > Container {
        width: 92; max-width: 96%; height: auto; max-height: 90%; background: $surface; border: round $accent;
        border-title-color: $accent; padding: 0 1;
    }
    """

    def __init__(self, title: str, ways: list[Way]) -> None:
        super().__init__()
        self._title: Content = safe_line(title)
        self._list: WayList = WayList(ways)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        with Container():
            yield self._list
        yield Footer()

    def on_mount(self) -> None:
        """The list takes the focus."""
        self.query_one(Container).border_title = self._title  # pyright: ignore[reportAttributeAccessIssue] - takes content
        self._list.focus()

    def on_key(self, event: events.Key) -> None:
        """The letter of a way does it; q closes."""
        if event.key == "q":
            event.stop()
            self.action_out()
            return
        for way in self._list.ways:
            if event.key == way.key:
                event.stop()
                event.prevent_default()
                self._do(way)
                return

    def action_choose(self) -> None:
        """Does what is selected."""
        self._do(self._list.ways[self._list.cursor // 2])

    def on_lines_opened(self, message: Lines.Opened) -> None:
        """Chosen by the mouse."""
        self.action_choose()

    def action_down(self) -> None:
        """The next way."""
        self._list.action_down()

    def action_up(self) -> None:
        """The way before."""
        self._list.action_up()

    def _do(self, way: Way) -> None:
        self.dismiss(None)
        way.work()


def open_actions(proc: ProcTui, view: RunView) -> None:
    """Reads what the ways cost, and offers them."""

    def known(found: tuple[Facts, int]) -> None:
        facts, below = found
        proc.push_screen(
            RunActions(
                f"{view.run.procedure} {view.run.id[:4]}  {view.run.status.value.lower()}",
                ways_of(proc, view, facts, below),
            )
        )

    def read() -> tuple[Facts, int]:
        below = [row for row, _ in proc.operator.tree(view.run) if row.id != view.run.id and not row.status.ended]
        return failure.read(proc.operator, view), len(below)

    proc.act(read, known)


def ways_of(proc: ProcTui, view: RunView, facts: Facts, below: int) -> list[Way]:
    """What can be done with a run in its state; `below` are its living children."""
    run, operator, status = view.run, proc.operator, view.run.status.value
    ways: list[Way] = []

    def doing(said: str, work: Callable[[], object]) -> Callable[[], object]:
        return lambda: proc.act(work, lambda _result: proc.say(said))

    if status == "FAILED":
        from ..panes.source_edit import edit_source

        more = f", withdraws {several(facts.requests, 'request')}" if facts.requests else ""
        ways.append(
            Way(
                "r",
                "Resume",
                f"{facts.resuming}; {facts.keeping}{more}",
                doing("resumed", lambda: operator.resume(run)),
            )
        )
        ways.append(
            Way(
                "E",
                "Edit and resume",
                f"opens {run.file} in $EDITOR; what matches the record is not done again",
                lambda: edit_source(proc, run, facts.line),
            )
        )
    elif status == "BLOCKED":
        ways.append(
            Way(
                "r",
                "Try again now",
                "nothing is done again; it waits on if this worker lacks it still",
                doing("tried again", lambda: operator.resume(run)),
            )
        )
    if not run.status.ended:
        ask = (
            "asks its code to end by itself: Stop.requested() is true from now on; what it waits for is not interrupted"
        )
        children = f" and its {several(below, 'child', 'children')}" if below else ""
        now = f"ends it{children} now, waits included; its record stays, and it can only be forked then"
        ways.append(Way("s", "Stop", ask, doing("asked to stop", lambda: operator.stop(run))))
        ways.append(Way("c", "Cancel", now, doing("cancelled", lambda: operator.cancel(run)), "$bad"))
    if view.messages:
        report = "asks its agent how it is going, from a copy of the conversation; one reply, paid for by you"
        ways.append(Way("a", "Ask for a status report", report, lambda: ask_status(proc, view)))
    if status == "FAILED":
        from ..panes.checkpoint_actions import reset

        ways.append(
            Way(
                "b",
                "Reset to the beginning",
                "forgets everything that was done; asks before it does",
                lambda: reset(proc, run, None),
                "$bad",
            )
        )

    def forked(after: str | None) -> Callable[[], object]:
        return lambda: proc.act(lambda: operator.fork(run, after), lambda new: proc.go_to_run(new.id))

    if facts.cause:
        hint = (
            f"a new run that keeps {several(facts.kept, 'operation')} and goes on from there; this one stays as it is"
        )
        ways.append(Way("f", f"Fork before {facts.cause}", hint, forked(facts.cause)))
        ways.append(
            Way(
                "F",
                "Fork from the beginning",
                "a new run with the same parameters; this one stays as it is",
                forked(None),
            )
        )
    else:
        ways.append(
            Way(
                "f",
                "Fork from the beginning",
                "a new run with the same parameters; this one stays as it is",
                forked(None),
            )
        )
    return ways


def ask_status(proc: ProcTui, view: RunView) -> None:
    """Asks the agent of a run how it is going, and shows what it says with what that cost."""
    proc.say("asking for a status report…")

    def told(reply: Reply | None) -> None:
        if reply is None:
            proc.say("no agent has taken a turn in this run: there is nobody to ask", "warning")
            return
        usage = reply.usage
        total = usage.total or (usage.input or 0) + (usage.output or 0)
        parts = [f"{total} tokens" if total else "", money(usage.cost) if usage.cost is not None else "cost unknown"]
        about = ", ".join(part for part in parts if part)
        proc.push_screen(
            ValueScreen(f"status report of {view.run.procedure} {view.run.id[:4]}  {about}", reply.content)
        )

    proc.act(lambda: proc.operator.status_report(view.run), told)
