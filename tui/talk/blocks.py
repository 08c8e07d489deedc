"""How what was said looks: an entry as lines of so many columns, with a sign or a bar at their left.

Belongs here: the looks of each kind of message, and what is folded. Never: what is loaded (`window.py`), or which line
is selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from textual.content import Content

from ..clean import cells, clip, oneline
from ..screen_safety import safe_line
from ..words import duration, money, several, time_of_day
from .edit import counted
from .markdown import lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..glyphs import Glyphs
    from .entries import CallEntry, Entry

MOST_REPLY = 400
"""Lines of a reply that are shown without asking."""
MOST_OTHER = 12
MOST_UNFOLDED = 2000
MOST_TEXT = 60_000
"""Characters that are laid out; `enter` shows all."""
MOST_CALL = 40
"""Lines of a call's arguments and result, when it is unfolded."""
GUTTER: Final = 2
_FOLDED = ("system", "prompt")
_LEVELS = {"warn": "$wait", "warning": "$wait", "error": "$bad", "critical": "$bad"}
_ROLES = {"user": "you", "assistant": "assistant", "system": "system", "tool": "tool"}


class Line(msgspec.Struct, frozen=True, eq=False):
    """One line of a block."""

    content: Content
    item: int = 0
    """0 for the message itself, n for its nth call."""
    sign: str = ""
    """At the left; empty for the block's bar."""


class Block(msgspec.Struct, frozen=True, eq=False):
    """An entry, laid out."""

    key: tuple[int, int]
    lines: tuple[Line, ...]
    bar: str
    """The style of what stands at the left."""
    entry: Entry | None = None
    folds: bool = False
    """Whether there is something to fold or to unfold besides calls."""


class Look(msgspec.Struct, frozen=True):
    """What the looks of all entries depend on."""

    width: int
    glyphs: Glyphs
    name: str
    """Of the procedure."""
    live: bool
    """Whether what is not there yet may come."""


def block(entry: Entry, look: Look, unfolded: frozenset[int]) -> Block:
    """An entry as lines; `unfolded` holds 0 when the message is, and the number of each call that is."""
    width = max(8, look.width - GUTTER)
    match entry.kind:
        case "reply":
            return _reply(entry, look, width, unfolded)
        case "notice" | "alert":
            return _notice(entry, look, width, unfolded)
        case "request" | "response":
            return _request(entry, look, width)
        case "cleared":
            return Block(
                entry.key, (Line(Content.styled(entry.title, "$quiet"), 0, look.glyphs.dotted),), "$quiet", entry
            )
        case "chat" | "said":
            return _talk(entry, look, width, unfolded)
        case _:
            return _internal(entry, look, width, unfolded)


def head(left: Content, at: float, width: int) -> Content:
    """A line with the time at its end."""
    right = Content.styled(time_of_day(at), "$quiet")
    room = max(0, width - right.cell_length - 1)
    if room < 12:
        return left.truncate(width, ellipsis=True)
    cut = left.truncate(room, ellipsis=True)
    return Content.assemble(cut, " " * (width - cut.cell_length - right.cell_length), right)


def tokens(count: int) -> str:
    """`930 tok`, `2.1k tok`."""
    return f"{count} tok" if count < 1000 else f"{count / 1000:.1f}k tok"


def body(
    text: str, look: Look, width: int, most: int, *, plain: bool = False, unfolded: bool = False
) -> tuple[list[Content], bool]:
    """The lines of a text, the last one saying what is left out; and whether it folds."""
    text = text.strip("\n").rstrip()
    if not text:
        return [], False
    limit = MOST_UNFOLDED if unfolded else most
    lines = lay_out(text[:MOST_TEXT], width, look.glyphs, plain=plain, most=limit + 1)
    over = len(lines) > limit or len(text) > MOST_TEXT
    if over:
        lines = lines[:limit]
        left = several(max(1, text.count("\n") + 1 - limit), "more line")
        keys = "enter shows all" if unfolded or len(text) > MOST_TEXT else "space unfolds, enter shows all"
        lines.append(Content.styled(f"{look.glyphs.more} {left}  {keys}", "$quiet"))
    return lines, over or (unfolded and len(lines) > most)


def _reply(entry: Entry, look: Look, width: int, unfolded: frozenset[int]) -> Block:
    about = [f"turn {entry.turn}"] if entry.turn else []
    about += [oneline(entry.model)] if entry.model else []
    about += [tokens(entry.tokens)] if entry.tokens else []
    about += [money(entry.cost)] if entry.cost is not None else []
    first = Content.assemble(safe_line(entry.who, "b $agent"), " ", (f" {look.glyphs.dot} ".join(about), "$quiet"))
    text, folds = body(entry.text, look, width, MOST_REPLY, unfolded=0 in unfolded)
    lines = [Line(head(first, entry.at, width)), *(Line(line) for line in text)]
    for number, call in enumerate(entry.calls, 1):
        lines += _call(call, look, width, number, unfolded=number in unfolded)
    return Block(entry.key, tuple(lines), "$agent", entry, folds)


def _call(call: CallEntry, look: Look, width: int, number: int, *, unfolded: bool) -> list[Line]:
    glyphs = look.glyphs
    sign = glyphs.open if unfolded else glyphs.closed
    took = f"  {duration(call.seconds)}" if call.seconds is not None else ""
    if call.told is None:
        state, style = ("running" if look.live else "no result"), "$accent" if look.live else "$quiet"
    else:
        state, style = oneline(call.told[:500]) or "done", "$bad" if call.failed else "$quiet"
    name = oneline(call.name)
    arguments = oneline(call.arguments[:500]) if call.arguments not in ("", "{}") else ""
    room = max(4, width - len(sign) - 1 - len(took) - len(glyphs.arrow) - 2)
    name = clip(name, room // 2)
    left = clip(f" {arguments}", (room - cells(name)) // 2) if arguments else ""
    right = clip(state, max(4, room - cells(name) - cells(left)))
    line = Content.assemble(
        (f"{sign} ", "$quiet"), (name, "$foreground"), (left, "$quiet"), (f" {glyphs.arrow} ", "$quiet"),
        (right, style), (took, "$quiet"),
    )  # fmt: skip
    lines = [Line(line, number)]
    if unfolded:
        for title, text in (("arguments", call.arguments), ("result", call.told or "")):
            if text.strip():
                shown, _ = body(text, look, width - 4, MOST_CALL, plain=True, unfolded=False)
                lines.append(Line(Content.styled(f"  {title}", "$quiet"), number))
                lines += [Line(Content.assemble("    ", part), number) for part in shown]
    return lines


def _notice(entry: Entry, look: Look, width: int, unfolded: frozenset[int]) -> Block:
    alert = entry.kind == "alert"
    style = _LEVELS.get(entry.level, "$accent")
    sign = look.glyphs.blocked if alert else look.glyphs.running
    word = (
        Content.styled(f"{oneline(entry.level).upper()} ", f"b {style}")
        if alert or entry.level not in ("info", "")
        else Content("")
    )
    source = Content.assemble("  ", safe_line(entry.who, "$quiet")) if entry.who else Content("")
    first = Content.assemble(word, safe_line(entry.title.partition("\n")[0], "b $strong"), source)
    rest = entry.title.partition("\n")[2]
    text, folds = body(
        "\n".join(part for part in (rest, entry.text) if part), look, width, MOST_OTHER, unfolded=0 in unfolded
    )
    room = width - 10
    if first.cell_length > room:
        full, _ = body(entry.title.partition("\n")[0], look, width, MOST_OTHER, plain=True)
        text = [*(part.stylize_before("$strong") for part in full), *text]
        first = word if alert else Content.styled("notification", "$quiet")
    lines = [Line(head(first, entry.at, width), 0, sign), *(Line(part, 0, " ") for part in text)]
    return Block(entry.key, tuple(lines), style, entry, folds)


def _request(entry: Entry, look: Look, width: int) -> Block:
    glyphs = look.glyphs
    lines: list[Line] = []
    if entry.kind == "request":
        kind = Content.styled(f"{oneline(entry.type)}  ", "$wait")
        lines.append(Line(head(kind, entry.at, width), 0, glyphs.waits))
        text, _ = body(entry.title, look, width, MOST_OTHER, plain=True)
        lines += [Line(part.stylize_before("b $strong")) for part in text]
    if entry.outcome:
        style = "$good" if entry.good else "$quiet" if entry.outcome == "withdrawn" else "$bad"
        by = (
            Content.assemble((" by ", "$quiet"), safe_line(entry.by, "$quiet"))
            if entry.by and entry.outcome == "answered"
            else Content("")
        )
        took = f"  after {duration(entry.settled_at - entry.at)}" if entry.kind == "request" else ""
        line = Content.assemble(
            (f"{glyphs.arrow} ", "$quiet"), safe_line(entry.answer[:2000], style), by, (took, "$quiet")
        )
        lines.append(Line(head(line, entry.settled_at, width), 0, "" if lines else glyphs.waits))
        if entry.edited is not None:
            lines.append(Line(_edited(entry).truncate(width, ellipsis=True)))
    elif look.live:
        lines.append(Line(Content.styled("waits for an answer", "$wait")))
    else:
        lines.append(Line(Content.styled("was not answered yet", "$quiet")))
    return Block(entry.key, tuple(lines), "$quiet" if entry.outcome else "$wait", entry)


def _edited(entry: Entry) -> Content:
    """What was done to the artifact before it was answered."""
    much = counted(entry.proposed, entry.edited)
    return Content.assemble(
        ("edited", "b $wait"), (" by ", "$quiet"), safe_line(entry.by or "nobody", "$quiet"),
        (f": {much}" if much else "", "$foreground"), ("  enter shows what was changed", "$quiet"),
    )  # fmt: skip


def _talk(entry: Entry, look: Look, width: int, unfolded: frozenset[int]) -> Block:
    ours = entry.kind == "chat"
    who = safe_line(entry.who or "you", "b $accent") if ours else safe_line(look.name, "b $foreground")
    text, folds = body(entry.text, look, width, MOST_REPLY, plain=ours, unfolded=0 in unfolded)
    lines = [Line(head(who, entry.at, width), 0, look.glyphs.prompt if ours else ""), *(Line(part) for part in text)]
    return Block(entry.key, tuple(lines), "$accent" if ours else "$foreground", entry, folds)


def _internal(entry: Entry, look: Look, width: int, unfolded: frozenset[int]) -> Block:
    """Prompts, and what code appended to the session."""
    folded = entry.kind in _FOLDED and 0 not in unfolded
    what = {"system": "system prompt", "prompt": "prompt"}.get(entry.kind, "")
    who = safe_line(entry.who, "$agent") if what else safe_line(_ROLES.get(entry.who, entry.who), "b $foreground")
    count = entry.text.count("\n") + 1
    if folded and (entry.kind == "system" or count > 3):
        sign = look.glyphs.closed
        first = Content.assemble(
            who, (f"  {what}  {several(count, 'line')}  ", "$quiet"), safe_line(entry.text[:300], "$quiet")
        )
        return Block(entry.key, (Line(head(first, entry.at, width), 0, sign),), "$quiet", entry, True)
    first = Content.assemble(who, (f"  {what}", "$quiet"))
    text, folds = body(entry.text, look, width, MOST_OTHER, plain=bool(what), unfolded=0 in unfolded)
    quiet = [part.stylize_before("$quiet") for part in text] if what else text
    return Block(
        entry.key,
        (Line(head(first, entry.at, width)), *(Line(part) for part in quiet)),
        "$quiet",
        entry,
        folds or bool(what),
    )


def tail_block(key: tuple[int, int], first: Content, text: Sequence[Content], bar: str, sign: str = "") -> Block:
    """Something at the end that is not recorded: what streams, what was sent, how the run ended."""
    return Block(key, (Line(first, 0, sign), *(Line(part) for part in text)), bar)
