"""The end of a conversation that is not recorded: a reply as it arrives, what was sent and not delivered, the ending.

Belongs here: what stands there, as blocks. Never: reading, widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from ..readable import readable
from ..screen_safety import safe, safe_line
from ..words import duration
from .blocks import GUTTER, MOST_OTHER, body, head, tail_block
from .markdown import Growing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.journal.runs import Partial
    from ..live.reader import RunView
    from .blocks import Block, Look
    from .entries import Asked

LAST = 2**62
"""Before what blocks at the end are known by."""
WRITING, SENT, ENDED = (LAST, 1), LAST + 1, (LAST + 2, 0)
_WORDS = {"COMPLETED": ("done", "completed", "$good"), "CANCELLED": ("cancelled", "cancelled", "$quiet")}


class Sent(msgspec.Struct, frozen=True):
    """A message that was sent from here."""

    text: str
    at: float
    heard: int
    """How often the run had heard this very text before."""


class Tail:
    """What stands at the end; made anew by each reading, but for what grows."""

    def __init__(
        self, asked: Asked | None = None, cut_off: Partial | None = None, growing: Growing | None = None
    ) -> None:
        self._asked: Asked | None = asked
        self._cut_off: Partial | None = cut_off
        self._growing: Growing = growing or Growing()
        self._partial: Partial | None = None
        """What was shown last: it stays until the reply is read that was recorded instead."""

    def after(self, asked: Asked | None, cut_off: Partial | None, _view: RunView) -> Tail:
        """The one that goes with what was read."""
        same = asked is not None and asked == self._asked
        found = Tail(asked, cut_off, self._growing if same else None)
        found._partial = self._partial if same else None
        return found

    @property
    def ages(self) -> bool:
        """Whether it changes as time goes on."""
        return self._asked is not None

    def blocks(
        self, view: RunView, look: Look, sent: Sequence[Sent], now: float, *, behind: bool = False
    ) -> list[Block]:
        """The blocks at the end; `behind` when something was recorded that is not read yet."""
        found: list[Block] = []
        width = max(8, look.width - GUTTER)
        glyphs = look.glyphs
        if self._asked is not None:
            block = self._writing(view, look, width, now, behind=behind)
            if block is not None:
                found.append(block)
        for place, one in enumerate(sent):
            first = Content.assemble(("you", "b $accent"), ("  sent, not delivered yet", "$wait"))
            lines = [line for part in safe(one.text).split("\n", allow_blank=True) for line in part.wrap(width)]
            found.append(tail_block((SENT, place), head(first, one.at, width), lines, "$wait", glyphs.prompt))
        more = view.run.mail - len(sent) if view.live else 0
        if more > 0 and not view.run.status.ended:
            words = "a message waits" if more == 1 else f"{more} messages wait"
            found.append(
                tail_block((SENT, -1), Content.styled(f"{words} to be delivered", "$wait"), (), "$wait", glyphs.prompt)
            )
        ending = self._ending(view, look, width)
        return [*found, ending] if ending is not None else found

    def _writing(self, view: RunView, look: Look, width: int, now: float, *, behind: bool) -> Block | None:
        asked = self._asked
        if asked is None or not view.live:
            return None
        partial = self._cut_off or view.partial
        if partial is not None and (partial.agent != asked.agent or partial.at < asked.at):
            partial = None
        if partial is None and behind:
            partial = self._partial
        self._partial = partial
        who = safe_line(asked.agent, "b $agent")
        turn = (f" turn {asked.turn} ", "$quiet")
        if view.run.status.ended and not behind:
            if partial is None:
                return None
            first = Content.assemble(who, turn, (f"{look.glyphs.cancelled} interrupted, not recorded", "$bad"))
        elif partial is None:
            waits = duration(max(0.0, now - asked.at)) if now - asked.at >= 1 else ""
            if view.run.status.value != "RUNNING" and not behind:
                return None
            first = Content.assemble(
                who, turn, (f"{look.glyphs.more} asked, nothing yet", "$accent"), (f"  {waits}", "$quiet")
            )
        else:
            first = Content.assemble(who, turn, (f"{look.glyphs.more} writing", "$accent"))
        text = self._growing.lines(partial.text.lstrip("\n"), width, look.glyphs) if partial is not None else []
        while text and not text[-1].plain.strip():
            text.pop()
        at = partial.at if partial is not None else asked.at
        return tail_block(WRITING, head(first, at, width), text, "$agent")

    def _ending(self, view: RunView, look: Look, width: int) -> Block | None:
        ending = view.ending
        if ending is None or ending.status not in _WORDS or not view.live:
            return None
        sign, word, style = _WORDS[ending.status]
        by = Content.assemble((" by ", "$quiet"), safe_line(ending.by, "$quiet")) if ending.by else Content("")
        ended = view.run.ended_at or view.run.updated_at
        took = (f"  after {duration(ended - view.run.created_at)}", "$quiet")
        first = head(Content.assemble((word, f"b {style}"), by, took), ended, width)
        text = Growing().lines(view.run.summary, width, look.glyphs) if view.run.summary else []
        if ending.result is not None and not text:
            text, _ = body(readable(ending.result), look, width, MOST_OTHER, plain=True)
        return tail_block(ENDED, first, text, style, str(getattr(look.glyphs, sign)))
