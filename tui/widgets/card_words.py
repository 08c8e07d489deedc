"""What a card says, line by line: what is asked, what was shown before, what an answer leads to, and the buttons.

Belongs here: words and their colours. Never: keys, or anything that changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ...core.values import as_bytes
from ..clean import cells, clip, oneline
from ..console.cards import time_left
from ..readable import brief, readable
from ..screen_safety import safe, safe_line
from ..words import several
from .artifact import lines_of
from .diff import Row, numbered, wrapped
from .facts import day, said
from .options import going

if TYPE_CHECKING:
    from ...core.values import Value
    from .card import Card
    from .options import Option

KINDS = {"approval": "Approval", "input": "Question", "review": "Review", "escalation": "Escalation"}
MOST_HEAD = 4
"""Rows of the question that are pinned in a Review; all of it can be scrolled through below."""


def title(card: Card) -> Content:
    """The title of the frame: the kind, and which of how many."""
    waiting = card.place()
    count = f" {card.proc.glyphs.dot} {waiting[0]} of {waiting[1]} waiting" if waiting[1] > 1 else ""
    severity = card.event.data.get("severity")
    shown = Content.assemble(f" {card.proc.glyphs.dot} ", safe_line(brief(severity, 30))) if severity else Content("")
    batch = f" {card.proc.glyphs.dot} {len(card.together)} marked" if len(card.together) > 1 else ""
    return Content.assemble(
        f"{card.proc.glyphs.waits} {KINDS.get(card.request.type, card.request.type)}", shown, count, batch
    )


def left(card: Card, now: float) -> Content:
    """The time left and what happens then: `reject in 59:12 if nobody answers`."""
    if card.outcome is not None:
        return Content("")
    words = time_left(card.request, now)
    return safe_line(f"{words} if nobody answers" if words else "no deadline")


def head(card: Card, width: int) -> list[Content]:
    """What is asked, and what there is to know before deciding."""
    glyphs, data = card.proc.glyphs, card.event.data
    rows = [row for line in safe(card.request.message, "b $strong").split("\n") for row in words_wrapped(line, width)]
    if card.whole and len(rows) > MOST_HEAD:
        rows = [*rows[: MOST_HEAD - 1], Content.styled(f"{glyphs.more} all of it is below", "$quiet")]
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
    context = data.get("context")
    flat = flat_context(context)
    line = Content.styled(f" {glyphs.dot} ".join(about), "$quiet") if about else Content("")
    if flat is not None:
        line = Content.assemble(line, "   " if about else "", ("context ", "$quiet"), flat)
    if card.whole and card.screen.has_class("-review") and card.outcome is None:
        line = Content.assemble(
            line, "   " if line.plain else "", safe_line(time_left(card.request, card.proc.now()), "$wait")
        )
    if line.plain:
        rows += words_wrapped(line, width)
    rows += [row for note in _notes(card) for row in words_wrapped(note, width)]
    return rows


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


def rest(card: Card, width: int) -> list[Row]:
    """What stands before the artifact: the question where it is long, and the context."""
    glyphs = card.proc.glyphs
    rows: list[Row] = []
    message = [row for line in safe(card.request.message).split("\n") for row in words_wrapped(line, width)]
    if card.whole and len(message) > MOST_HEAD:
        rows += [row for line in lines_of(card.request.message) for row in numbered(line, 0, width, glyphs, 0)]
    context = card.event.data.get("context")
    if context is not None and flat_context(context) is None:
        rows += (
            [Row(Content("")), Row(Content.styled("context", "$quiet"))]
            if rows
            else [Row(Content.styled("context", "$quiet"))]
        )
        rows += [row for line in lines_of(readable(context)) for row in numbered(line, 0, width, glyphs, 0)]
    if rows and card.text is not None:
        rows += [Row(Content("")), Row(Content.styled("artifact", "$quiet"))]
    return rows


def words_wrapped(line: Content, width: int) -> list[Content]:
    """A line broken at spaces; a word that is too long is broken anywhere."""
    if line.cell_length <= width:
        return [line]
    return [part for row in line.wrap(max(2, width)) for part in wrapped(row, max(2, width))]


# ---- what an answer leads to


def foot(card: Card, width: int) -> list[Content]:
    """What comes next, the comment, the buttons and the other keys."""
    glyphs = card.proc.glyphs
    if card.outcome is not None:
        return [Content.assemble((f"{glyphs.done} ", "$quiet"), safe_line(card.outcome.text, "b"))]
    rows: list[Content] = []
    if card.note and card.field is None:
        rows.append(clipped(Content.assemble(("comment ", "$quiet"), safe_line(card.note)), width))
    if card.edit_error:
        rows.append(clipped(safe_line(f"the edited artifact is not YAML: {card.edit_error}", "$bad"), width))
    if card.field is not None:
        rows.insert(0, clipped(_asking(card), width))
    decision = card.decider.now
    if decision is not None:
        return [*rows, _going(card)]
    if card.field is not None:
        return rows
    if card.request.undoable(card.proc.now()):
        rows.append(safe_line(f"{card.request.decided_by} is deciding this", "b $wait"))
    previews = preview_rows(card, width)
    if previews:
        rows += [*previews, Content("")] if card.screen.size.height > 28 else previews
    rows += button_rows(card, width)[0]
    rows.append(_hints(card, width))
    return rows


def _asking(card: Card) -> Content:
    assert card.field is not None
    match card.field.purpose:
        case "artifact":
            words = "editing: esc leaves with what was typed, then a key decides"
        case "confirm":
            word = brief(card.event.data.get("confirm"), 60)
            return Content.assemble(
                ("dangerous: type ", "b $bad"), safe_line(word, "b $strong"), (" and enter, or esc", "b $bad")
            )
        case "answer":
            words = "the answer: enter sends it, esc keeps it for later"
        case "resolution":
            words = "how it was resolved: enter sends it, esc keeps it for later"
        case _:
            words = "comment to the procedure: enter keeps it, a key decides then"
    return Content.styled(words, "$quiet")


def _going(card: Card) -> Content:
    decision = card.decider.now
    assert decision is not None
    if decision.undone:
        return Content.styled("undoing", "$wait")
    seconds = decision.until - card.proc.now()
    several_ = f" {len(decision.requests)} requests" if len(decision.requests) > 1 else ""
    words = f"{going(decision.label)}{several_}"
    if seconds <= 0:
        return Content.assemble(safe_line(words, "b $strong"), (" now", "$quiet"))
    return Content.assemble(
        safe_line(words, "b $strong"),
        f" in {max(1, round(seconds))} s {card.proc.glyphs.dot} ",
        ("u", "b $accent"),
        " undo",
    )


def preview_rows(card: Card, width: int) -> list[Content]:
    """What the run would do next after each answer."""
    shown = [item for item in card.previews if item.label != "timeout"]
    if not shown or all(item.kind == "unknown" for item in shown):
        return []
    arrow = card.proc.glyphs.arrow
    parts = [
        Content.assemble(
            safe_line(item.label),
            (f" {arrow} ", "$accent"),
            safe_line(item.text, "$bad" if item.kind == "fails" else "$quiet"),
        )
        for item in shown
    ]
    joined = Content.styled(f" {card.proc.glyphs.dot} ", "$quiet").join(parts)
    if joined.cell_length <= width:
        return [joined]
    most = 3 if not card.whole else 4
    return [clipped(part, width) for part in parts[:most]]


def button_rows(card: Card, width: int) -> tuple[list[Content], list[tuple[int, int, int, str]]]:
    """The buttons on as many rows as they take, and where each is: row, first column, end, key."""
    options = [option for option in card.options if option.key]
    rest_ = len(card.options) - len(options)
    rows: list[list[Content]] = [[]]
    spans: list[tuple[int, int, int, str]] = []
    used = 0
    for index, option in enumerate(options):
        button = _button(card, option, named=index == 0 or option.key == "a", width=width)
        size = button.cell_length
        if used and used + 2 + size > width:
            rows.append([])
            used = 0
        start = used + 2 if used else 0
        spans.append((len(rows) - 1, start, start + size, option.key))
        rows[-1].append(button)
        used = start + size
    more: list[Content] = []
    if rest_:
        more.append(Content.assemble(("x", "b $accent"), (f" {several(rest_, 'more answer')}", "$quiet")))
    if not card.options:
        word = "answer" if card.request.type == "input" else "say how it was resolved"
        style = "b $on-wait on $accent" if card.trigger.armed else "$accent" if card.is_idle else "$quiet on $line"
        button = Content.styled(f" c {word} ", style)
        spans.append((0, 0, button.cell_length, "c"))
        more.insert(0, button)
    if card.trigger.arming:
        more.append(Content.styled("arming…", "$quiet"))
    for part in more:
        if rows[-1] and sum(one.cell_length + 2 for one in rows[-1]) + part.cell_length > width:
            rows.append([])
        rows[-1].append(part)
    return [Content("  ").join(row) for row in rows], spans


def _button(card: Card, option: Option, *, named: bool, width: int) -> Content:
    colour = {"a": "$good", "r": "$bad"}.get(option.key, "$bad" if not option.agrees else "$agent")
    idle = colour if card.is_idle else "$quiet on $line"
    style = f"b $on-wait on {colour}" if card.trigger.armed else idle
    label = option.label
    if card.edited is not None and option.agrees:
        label = f"{label} the edited version"
    words = f" {option.key} {oneline(label)}"
    if named:
        words += f" {_named(card, max(8, width - cells(words) - 16))}"
    return Content.styled(clip(words, max(10, width - 2)) + " ", style)


def _named(card: Card, room: int) -> str:
    """The run, and its parameters that differ from the last one: so that the wrong run is noticed."""
    if len(card.together) > 1:
        return f"{len(card.together)} runs"
    name = card.request.run[:4]
    params = card.facts.params if card.facts is not None else ()
    differing = " ".join(f"{oneline(key)}={oneline(value)}" for key, value, _ in params)
    return clip(f"{name} {differing}".strip(), min(room, 48))


def _hints(card: Card, width: int) -> Content:
    hints = [("c", "comment")] if card.options else []
    if card.text is not None and card.request.type == "review":
        hints += [("e", "edit"), ("E", "in $EDITOR")]
    if not card.screen.has_class("-review"):
        hints.append(("v", "review"))
    elif len(card.body.modes()) > 1:
        hints.append(("v", "other views"))
    hints += [("w", "later"), ("x", "more")]
    if card.place()[1] > 1:
        hints.append(("J K", "next, previous"))
    parts: list[Content] = []
    for key, word in hints:
        part = Content.assemble((key, "b $accent"), (f" {word}", "$quiet"))
        if sum(one.cell_length + 3 for one in parts) + part.cell_length > width:
            break
        parts.append(part)
    return Content("   ").join(parts)


def clipped(line: Content, width: int) -> Content:
    """A line that is never wider."""
    return line.truncate(width, ellipsis=True)


def differing(params: tuple[tuple[str, str, str], ...]) -> str:
    """The parameters that differ from the last run, for the list of actions."""
    return ", ".join(f"{name}={value} (last time {before})" for name, value, before in params)
