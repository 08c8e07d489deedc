"""The upper part of a card: its frame, what is asked, and what there is to know before deciding.

Belongs here: words and their colours. Never: keys, or anything that changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ...core.values import as_bytes
from ..clean import oneline
from ..console.cards import time_left
from ..readable import brief
from ..screen_safety import safe, safe_line
from ..words import several
from .diff import whole
from .facts import day, said
from .laid import words
from .source_text import SourceText, wrapped

if TYPE_CHECKING:
    from ...core.values import Value
    from .card import Card
    from .laid import Section

KINDS = {"approval": "Approval", "input": "Question", "review": "Review", "escalation": "Escalation"}
MOST_HEAD = 4
"""Rows of the question that are pinned; all of it can be scrolled through in a Review."""
MOST_ASKED = 8000
"""Characters of the question that are laid out to be pinned: more than there is room for."""
MOST_WORDS = 4000
"""Characters of a line that is broken at spaces; a longer one is broken anywhere."""


def title(card: Card) -> Content:
    """The title of the frame: the kind, and which of how many."""
    glyphs, (place, waiting) = card.proc.glyphs, card.place()
    sign = glyphs.waits if card.outcome is None else glyphs.done if card.outcome.by else glyphs.cancelled
    count = f" {card.proc.glyphs.dot} {place} of {waiting} waiting" if place and waiting > 1 else ""
    severity = card.event.data.get("severity")
    shown = Content.assemble(f" {card.proc.glyphs.dot} ", safe_line(brief(severity, 30))) if severity else Content("")
    batch = f" {card.proc.glyphs.dot} {len(card.together)} marked" if len(card.together) > 1 else ""
    return Content.assemble(f"{sign} {KINDS.get(card.request.type, card.request.type)}", shown, count, batch)


def left(card: Card, now: float) -> Content:
    """The time left and what happens then: `reject in 59:12 if nobody answers`."""
    if card.outcome is not None:
        return Content("")
    words = time_left(card.request, now)
    return safe_line(f"{words} if nobody answers" if words else "no deadline")


def head(card: Card, width: int) -> list[Content]:
    """What is asked, and what there is to know before deciding."""
    asked, glyphs = card.request.message, card.proc.glyphs
    shown = safe(asked[:MOST_ASKED], "b $strong").split("\n")
    rows = [row for line in shown for row in words_wrapped(line, width)]
    if card.folded:
        return [clipped(row, width) for row in rows[:1]]
    most = MOST_HEAD if card.whole else max(MOST_HEAD, (card.room or 3 * MOST_HEAD) // 3)
    if len(rows) > most:
        count = "more" if len(asked) > MOST_ASKED else f"{len(rows) - most + 1} more rows"
        cut = f"{glyphs.more} all of it is below" if card.whole else f"{glyphs.more} {count}"
        rows = [*rows[: most - 1], Content.styled(cut, "$quiet")]
    if line := _about(card):
        rows += words_wrapped(line, width)
    return rows + [row for note in _notes(card) for row in words_wrapped(note, width)]


def _about(card: Card) -> Content:
    """What it is about, on one line; empty when there is nothing to say."""
    glyphs, data = card.proc.glyphs, card.event.data
    about: list[str] = []
    if card.text is not None:
        kind = data.get("artifact_type")
        about.append(brief(kind, 30) if isinstance(kind, str) else "text" if card.text.is_text else "table")
        about.append(several(len(card.text.lines), "line"))
    if card.request.attempt > 1:
        about.append(f"asked again, attempt {card.request.attempt}")
    facts = card.facts
    if facts is not None and facts.run.forked_from:
        about.append(f"a fork of {facts.run.forked_from[:4]}")
    if facts is not None and facts.run.attempt > 1:
        about.append(f"attempt {facts.run.attempt} of the run")
    flat = flat_context(data.get("context"))
    line = Content.styled(f" {glyphs.dot} ".join(about), "$quiet") if about else Content("")
    if flat is not None:
        line = Content.assemble(line, "   " if about else "", ("context ", "$quiet"), flat)
    if card.whole and card.screen.has_class("-review") and card.outcome is None:
        line = Content.assemble(
            line, "   " if line.plain else "", safe_line(time_left(card.request, card.proc.now()), "$wait")
        )
    return line


def _notes(card: Card) -> list[Content]:
    data, facts, request = card.event.data, card.facts, card.request
    notes: list[Content] = []
    if request.needed > 1:
        given = facts.answers if facts is not None else ()
        so_far = "; ".join(f"{oneline(answer.by)}: {oneline(said(answer))}" for answer in given)
        notes.append(
            Content.styled(f"{request.needed} people have to answer" + (f" ({so_far})" if so_far else ""), "$wait")
        )
    if data.get("not_starter"):
        starter = (
            f" than {oneline(facts.run.starter)}, who started the run" if facts is not None else " than who started it"
        )
        notes.append(Content.styled(f"somebody else{starter}, has to answer", "$wait"))
    if isinstance(data.get("confirm"), str):
        notes.append(Content.styled("dangerous: a word has to be typed", "b $bad"))
    if facts is None:
        return notes
    if facts.approved is not None and facts.approved.identical:
        notes.append(
            Content.styled(
                f"identical to what {oneline(facts.approved.by)} approved on {day(facts.approved.at)}", "$good"
            )
        )
    elif facts.approved is not None:
        notes.append(
            Content.styled(
                f"differs from what {oneline(facts.approved.by)} approved on {day(facts.approved.at)}", "$quiet"
            )
        )
    for name in facts.editors:
        notes.append(Content.styled(f"being edited by {oneline(name)}", "b $wait"))
    return notes


def flat_context(context: Value) -> Content | None:
    """A small table of plain values on one line; None for anything else."""
    if not isinstance(context, dict) or not context or len(context) > 6:
        return None
    parts: list[Content | str | tuple[str, str]] = []
    for name, value in context.items():
        if isinstance(value, (dict, list)):
            return None
        shown = brief(value, 60)
        if len(shown) > 40 or "\n" in str(value):
            return None
        raw = as_bytes(value)
        colour = "$string" if raw is not None else "$number"
        parts += [
            " " if parts else "",
            safe_line(f"{name}="),
            safe_line(f'"{shown}"' if raw is not None else shown, colour),
        ]
    return Content.assemble(*parts)


def rest(card: Card, width: int) -> list[Section]:
    """What stands before the artifact: the question where it is long, and the context."""
    glyphs = card.proc.glyphs
    found: list[Section] = []
    asked = card.request.message
    pinned = [row for line in safe(asked[:MOST_ASKED]).split("\n") for row in words_wrapped(line, width)]
    if card.whole and len(pinned) > MOST_HEAD:
        found.append(whole(SourceText(asked), width, glyphs, numbers=False))
    context = card.event.data.get("context")
    if context is not None and flat_context(context) is None:
        found.append(words("", "context") if found else words("context"))
        found.append(whole(card.context_lines, width, glyphs, numbers=False))
    if found and card.text is not None:
        found.append(words("", "artifact"))
    return found


def words_wrapped(line: Content, width: int) -> list[Content]:
    """A line broken at spaces; a word that is too long is broken anywhere."""
    if line.cell_length <= width:
        return [line]
    if len(line.plain) > MOST_WORDS:
        return wrapped(line, max(2, width))
    return [part for row in line.wrap(max(2, width)) for part in wrapped(row, max(2, width))]


def clipped(line: Content, width: int) -> Content:
    """A line that is never wider."""
    return line.truncate(width, ellipsis=True)
