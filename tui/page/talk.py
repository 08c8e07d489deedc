"""What was said in a run: replies of agents with their calls, messages, notices, requests with their answers.

What goes to agents (system prompts, prompts, what the code put into the session for them) is in the page, folded: the
terminal hides it until somebody asks, and a page cannot be asked. Belongs here: how each kind of message looks.
Never: which event is what (`tui/talk/entries.py`), requests (`asked.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..talk.entries import entries
from ..words import duration, money, several
from .asked import request
from .paper import choice, folded, left_out, time

if TYPE_CHECKING:
    from ..talk.entries import CallEntry, Entry
    from .paper import Paper
    from .reading import Sight

_AGENTS = ("reply", "prompt", "system", "message")
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_BRIEF = 160
"""Characters of a call's arguments, and of its result, that are shown while it is folded."""


def conversation(sight: Sight, paper: Paper, prefix: str) -> str:
    """The messages, oldest first; empty when nothing was said."""
    found = entries(sight.said)
    partial = _partial(sight, paper)
    if not found and not partial:
        return ""
    parts = [_unsaid(sight)] if sight.unsaid else []
    parts += [_entry(one, sight, paper) for one in found]
    parts.append(partial)
    body = "".join(parts)
    if {one.kind in _AGENTS for one in found} == {True, False}:
        body = choice(
            f"{prefix}said", "only", (("all", "everything"), ("people", "people"), ("agents", "agents")), body
        )
    return body


def _unsaid(sight: Sight) -> str:
    words = several(sight.unsaid, "earlier event of the conversation", "earlier events of the conversation")
    return left_out(f"{words} are left out of this page; proc-tui export RUN has them all.")


def _entry(one: Entry, sight: Sight, paper: Paper) -> str:
    match one.kind:
        case "reply":
            return _reply(one, paper)
        case "notice" | "alert":
            return _notice(one, paper)
        case "request" | "response":
            return request(one, sight, paper)
        case "cleared":
            return '<p class="quiet people agents">The session was cleared.</p>\n'
        case "chat" | "said":
            back = one.kind == "said"
            who = sight.run.procedure if back else one.who or "somebody"
            return _article(
                "said-back" if back else "chat", _head(paper.line(who), "", one.at), _words(one.text, paper)
            )
        case _:
            return _internal(one, paper)


def _article(kind: str, head: str, body: str, of: str = "people") -> str:
    return f'<article class="said {kind} {of}">{head}{body}</article>\n'


def _head(who: str, about: str, at: float) -> str:
    more = f' <span class="quiet small">{about}</span>' if about else ""
    return f'<header><span class="who from">{who}</span>{more}<span class="t">{time(at)}</span></header>\n'


def _words(text: str, paper: Paper) -> str:
    text = text.strip("\n").rstrip()
    return paper.block(text, "words") if text else ""


def _reply(one: Entry, paper: Paper) -> str:
    about = [f"turn {one.turn}"] if one.turn else []
    about += [paper.line(one.model, 80)] if one.model else []
    about += [f"{one.tokens:,} tokens"] if one.tokens else []
    about += [money(one.cost)] if one.cost is not None else []
    who = f'<span class="agent">{paper.line(one.who)}</span>'
    calls = "".join(_call(call, paper) for call in one.calls)
    return _article("reply", _head(who, " · ".join(about), one.at), _words(one.text, paper) + calls, "agents")


def _call(call: CallEntry, paper: Paper) -> str:
    arguments = (
        "" if call.arguments in ("", "{}") else f' <span class="quiet">{paper.line(call.arguments, _BRIEF)}</span>'
    )
    told = "no result" if call.told is None else call.told or "done"
    told = told.removeprefix("error: ") if call.failed else told
    colour, word = ("bad", "failed: ") if call.failed else ("quiet", "")
    outcome = f'<span class="{colour}">{word}{paper.line(told, _BRIEF)}</span>'
    took = f' <span class="quiet small">{duration(call.seconds)}</span>' if call.seconds is not None else ""
    parts = [
        f"<h5>{title}</h5>{paper.block(text)}"
        for title, text in (("arguments", call.arguments), ("result", call.told or ""))
        if text.strip()
    ]
    summary = f'<span class="code">{paper.line(call.name, 120)}</span>{arguments} → {outcome}{took}'
    return folded(summary, "".join(parts), "call small")


def _notice(one: Entry, paper: Paper) -> str:
    alert = one.kind == "alert"
    level = one.level if one.level in ("info", "warn", "warning", "error", "critical") else "info"
    what = f"alert, {level}" if alert else "notification" if level == "info" else f"notification, {level}"
    source = f" · {paper.line(one.who, 80)}" if one.who else ""
    first, _, rest = one.title.partition("\n")
    head = f'<header><span class="quiet small">{what}{source}</span><span class="t">{time(one.at)}</span></header>\n'
    text = "\n".join(part for part in (rest, one.text) if part)
    return _article(level, head, f"<h4>{paper.line(first)}</h4>\n{_words(text, paper)}")


def _internal(one: Entry, paper: Paper) -> str:
    """What the terminal hides until somebody asks, and what code said in the session."""
    if one.kind == "message" and not one.internal:
        return _article(
            "message",
            _head(_ROLES.get(one.who, "session"), "in the session", one.at),
            _words(one.text, paper),
            "agents",
        )
    what = {"system": "system prompt", "prompt": "prompt"}.get(one.kind, "system message in the session")
    who = f'<span class="agent">{paper.line(one.who)}</span> ' if one.kind != "message" else ""
    lines = several(one.text.strip().count("\n") + 1, "line")
    summary = f'{who}{what} · {lines} <span class="small">{paper.line(one.text, 90)}</span>'
    return folded(summary, _words(one.text, paper), "internal agents small")


def _partial(sight: Sight, paper: Paper) -> str:
    found = sight.partial
    if found is None:
        return ""
    how = "cut off" if sight.run.status.ended else "had arrived when this page was made"
    head = _head(f'<span class="agent">{paper.line(found.agent)}</span>', how, found.at)
    return _article("reply", head, _words(found.text, paper), "agents")
