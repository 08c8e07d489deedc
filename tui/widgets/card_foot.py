"""The lower part of a card: what each answer leads to, the buttons, what is on its way, and what became of it.

Belongs here: words and their colours, and where each button is. Never: keys, or anything that changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from ..clean import cells, clip, oneline
from ..readable import brief
from ..screen_safety import safe_line
from ..words import several
from .card_head import clipped, words_wrapped
from .options import going

if TYPE_CHECKING:
    from .card import Card
    from .options import Option


MOST_NAME = 24
"""Columns of the name of a procedure on a button."""


def foot(card: Card, width: int) -> list[Content]:
    """What comes next, the comment, the buttons and the other keys."""
    if card.outcome is not None:
        return _became(card, width)
    if card.folded:
        return [_folded(card)]
    rows: list[Content] = []
    if card.note and card.field is None:
        word = "comment " if card.options else "answer "
        rows.append(clipped(Content.assemble((word, "$quiet"), safe_line(card.note)), width))
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
    if card.refusal:
        for part in card.refusal.split("\n"):
            rows += words_wrapped(safe_line(part, "b $bad"), width)
    previews = preview_rows(card, width)
    if previews:
        rows += previews if card.is_tight else [*previews, Content("")]
    rows += button_rows(card, width)[0]
    rows.append(_hints(card, width))
    return rows


def _became(card: Card, width: int) -> list[Content]:
    """What became of the request, and what is to be done about the card."""
    assert card.outcome is not None
    rows = words_wrapped(safe_line(card.outcome.text, "b"), width)
    if not card.whole:
        rows.append(Content.assemble(("enter", "b $accent"), (" goes on", "$quiet")))
    return rows


def _folded(card: Card) -> Content:
    """What stands in the place of the buttons of a card that is folded."""
    if card.is_later:
        return Content.assemble(("put off   ", "$quiet"), ("w", "b $accent"), (" takes that back", "$quiet"))
    return Content.assemble(("G", "b $accent"), (" goes to it", "$quiet"))


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
    if card.decider.unstored(card.proc.now()):
        return Content.assemble(
            safe_line(words, "b $strong"),
            (": not stored yet, does not count before ", "b $wait"),
            f"{card.proc.glyphs.dot} ",
            ("u", "b $accent"),
            " undo",
        )
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
    leads: dict[tuple[str, str], list[str]] = {}
    for item in shown:
        leads.setdefault((item.text, item.kind), []).append(oneline(item.label))
    arrow = card.proc.glyphs.arrow
    parts = [
        Content.assemble(
            "every answer" if len(leads) == 1 and len(labels) > 2 else ", ".join(labels),
            (f" {arrow} ", "$accent"),
            safe_line(text, "$bad" if kind == "fails" else "$quiet"),
        )
        for (text, kind), labels in leads.items()
    ]
    joined = Content.styled(f" {card.proc.glyphs.dot} ", "$quiet").join(parts)
    if joined.cell_length <= width:
        return [joined]
    most = 2 if card.is_tight else 3 if not card.whole else 4
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
        answers = several(rest_, "more answer" if options else "answer")
        more.append(Content.assemble(("x", "b $accent"), (f" {answers}", "$quiet")))
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


def key_at(card: Card, width: int, column: int, row: int) -> str:
    """The key of the button at a place of the lower part; empty where there is none."""
    rows, spans = button_rows(card, width)
    top = len(foot(card, width)) - len(rows) - 1
    return next((key for place, first, end, key in spans if row - top == place and first <= column < end), "")


def _button(card: Card, option: Option, *, named: bool, width: int) -> Content:
    colour = {"a": "$good", "r": "$bad"}.get(option.key, "$bad" if not option.agrees else "$agent")
    idle = colour if card.is_idle else "$quiet on $line"
    style = f"b $on-wait on {colour}" if card.trigger.armed else idle
    label = option.label
    if card.edited is not None and option.agrees:
        label = f"{label} the edited version"
    words = f" {option.key} {oneline(label)}"
    if named:
        # "Approve release" goes on in one breath, "Revise the edited version" does not.
        between = " " if option.key in ("a", "r") and label == option.label else f" {card.proc.glyphs.dot} "
        words += f"{between}{_named(card, max(8, width - cells(words) - 16))}"
    return Content.styled(clip(words, max(10, width - 2)) + " ", style)


def _named(card: Card, room: int) -> str:
    """The run, and its parameters that differ from the last one: so that the wrong run is noticed."""
    if len(card.together) > 1:
        return f"{len(card.together)} runs"
    run = card.request.run[:4]
    name = clip(oneline(card.request.procedure), max(0, min(MOST_NAME, room - len(run) - 1)))
    params = card.facts.params if card.facts is not None else ()
    differing = " ".join(f"{oneline(key)}={oneline(value)}" for key, value, _ in params)
    return clip(f"{name} {run} {differing}".strip(), min(room, 48))


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


def differing(params: tuple[tuple[str, str, str], ...]) -> str:
    """The parameters that differ from the last run, for the list of actions."""
    return ", ".join(f"{name}={value} (last time {before})" for name, value, before in params)
