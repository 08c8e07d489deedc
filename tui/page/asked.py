"""A request to a person with all that was shown, and who answered what: names, times, notes, digests, what was edited.

Belongs here: requests in the page. Never: answering.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.values import digest
from ..conversation import answer_text
from ..readable import as_source, readable
from ..words import duration, several
from .diff import difference
from .paper import folded, time

if TYPE_CHECKING:
    from ...core.journal.events import Requested, Responded
    from ...core.journal.requests import Answer
    from ...core.values import Value
    from ..talk.entries import Entry
    from .paper import Paper
    from .reading import Sight

_TRAIL = ("via", "user", "host", "ssh", "terminal", "version")
"""What the record of an answer says besides who claims to have given it."""
SHORT = 30
"""Lines of an artifact that are shown unfolded."""


def request(one: Entry, sight: Sight, paper: Paper) -> str:
    """A request as an article."""
    posted = sight.requests.get(one.request)
    parts: list[str] = []
    if posted is not None:
        outcome = one.outcome or "waits for an answer"
        colour = "wait" if not one.outcome else "good" if one.good else "quiet" if one.outcome == "withdrawn" else "bad"
        parts.append(
            f'<header><span class="small quiet">{paper.line(posted.type, 40)} · <span class="code">'
            f'{paper.line(one.request, 60)}</span></span> <span class="small {colour}">{outcome}</span>'
            f'<span class="t">{time(one.at)}</span></header>\n'
            f"<h4>{paper.line(posted.message)}</h4>\n"
        )
        if "\n" in posted.message.strip() or len(posted.message) > 400:
            parts.append(paper.block(posted.message, "words"))
        parts.append(_shown(posted, paper))
    else:
        parts.append(
            '<header><span class="small quiet">answer to a request from before</span>'
            f'<span class="t">{time(one.at)}</span></header>\n'
        )
    parts.append(_answers(one, sight, posted, paper))
    return f'<article class="said request people" id="{paper.line(one.request, 60)}">{"".join(parts)}</article>\n'


def _shown(posted: Requested, paper: Paper) -> str:
    """What stood on the card."""
    data, parts = posted.data, list[str]()
    if data.get("context") is not None:
        parts.append(f'<div class="box small">{paper.block(readable(data["context"]))}</div>\n')
    if data.get("artifact") is not None:
        text = as_source(data["artifact"])
        kind = data.get("artifact_type")
        named = f" · {paper.line(kind, 40)}" if isinstance(kind, str) else ""
        lines = text.count("\n") + 1
        box = f'<div class="box">{paper.block(text)}</div>\n'
        parts.append(
            folded(
                f'<span class="small quiet">artifact{named} · {several(lines, "line")}</span>',
                box,
                opened=lines <= SHORT,
            )
        )
    notes: list[str] = []
    options = data.get("options")
    if isinstance(options, list):
        labels = [str(option.get("label")) if isinstance(option, dict) else str(option) for option in options]
        notes.append("offered: " + ", ".join(paper.line(label, 60) for label in labels))
    needed = data.get("approvals")
    if isinstance(needed, int) and needed > 1:
        notes.append(f"{needed} people have to answer")
    if data.get("not_starter"):
        notes.append("somebody other than the one who started the run has to answer")
    if isinstance(data.get("confirm"), str):
        notes.append(f"to agree, this had to be typed: {paper.line(data['confirm'], 60)}")
    if posted.deadline is not None:
        notes.append(f"deadline {time(posted.deadline, day=True)}")
    if posted.digest:
        notes.append(f'digest <span class="code">{paper.line(posted.digest, 80)}</span>')
    return "".join(parts) + (f'<p class="small quiet">{" · ".join(notes)}</p>\n' if notes else "")


def _answers(one: Entry, sight: Sight, posted: Requested | None, paper: Paper) -> str:
    given = sight.answers.get(one.request, ())
    recorded = sight.responses.get(one.request)
    parts = [_given(answer, posted, paper) for answer in given]
    if not given and recorded is not None:
        parts.append(_responded(recorded, posted, paper))
    if not parts and one.outcome:
        by = f" by {paper.line(one.by)}" if one.by else ""
        after = f' <span class="quiet small">after {duration(one.settled_at - one.at)}</span>' if posted else ""
        parts.append(f'<div class="answer">→ {paper.line(one.answer)}{by}{after}</div>\n')
    elif one.outcome == "timed out":
        parts.append('<div class="answer bad">→ nobody else answered in time</div>\n')
    return "".join(parts)


def _given(answer: Answer, posted: Requested | None, paper: Paper) -> str:
    undone = ""
    if answer.undone_at is not None:
        by = f" by {paper.line(answer.undone_by)}" if answer.undone_by else ""
        undone = f' <span class="wait">taken back{by} at {time(answer.undone_at)}</span>'
    return _answer(answer.answer, answer.by, answer.at, answer.audit, posted, paper, undone)


def _responded(event: Responded, posted: Requested | None, paper: Paper) -> str:
    audit = event.audit if isinstance(event.audit, dict) else {}
    return _answer(event.answer, event.by, event.answered_at, audit, posted, paper, "")


def _answer(
    answer: dict[str, Value], by: str, at: float, audit: dict[str, Value], posted: Requested | None, paper: Paper,
    undone: str,
) -> str:  # fmt: skip
    said = {name: value for name, value in answer.items() if name != "feedback"}
    word = answer_text(said)
    kind = "undone" if undone else "bad" if answer.get("approved") is False else "strong"
    long = len(word) > 300 or "\n" in word
    who = paper.line(by) or "nobody"
    parts = [
        f'<p>→ <strong class="from {kind}">{"answered" if long else paper.line(word)}</strong> by '
        f'<span class="who from">{who}</span> <span class="quiet">{time(at, day=True)}</span>{undone}</p>\n'
    ]
    note = answer.get("feedback")
    if isinstance(note, str) and note:
        parts.append(f'<div class="box">{paper.block(note, "words")}</div>\n')
    if long:
        parts.append(f'<div class="box">{paper.block(word, "words")}</div>\n')
    edited = answer.get("edited_artifact")
    if edited is not None:
        before = "" if posted is None else as_source(posted.data.get("artifact"))
        parts.append(
            f'<p class="small quiet">edited; what was changed:</p>\n{difference(before, as_source(edited), paper)}'
        )
        named = f'<span class="code">{digest(edited)}</span>'
        parts.append(f'<p class="small quiet">digest of the edited artifact {named}</p>\n')
    trail = [f"{name} {paper.brief(audit[name], 80)}" for name in _TRAIL if audit.get(name) not in (None, "")]
    rest = {name: value for name, value in audit.items() if name not in _TRAIL}
    if trail or rest:
        more = paper.block(readable(rest)) if rest else ""
        words = f'<span class="quiet small">{" · ".join(trail) or "the record of the answer"}</span>'
        parts.append(folded(words, more, "small") if more else f"<p>{words}</p>\n")
    return f'<div class="answer">{"".join(parts)}</div>\n'
