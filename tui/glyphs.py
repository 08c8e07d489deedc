"""The signs of the interface in two sets: Unicode, and ASCII for terminals that cannot show or measure the others.

A sign never stands alone: a word or a place says the same. Belongs here: signs, and what a status is called. Never:
colours (`themes/`), layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..core.model.states import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs; every sign takes one column, but `arrow`, `fold` and the parts of the stage strip."""

    name: str = "unicode"
    running: str = "●"
    waits: str = "◆"
    done: str = "✓"
    failed: str = "✖"
    cancelled: str = "■"
    sleeping: str = "☾"
    pending: str = "○"
    blocked: str = "▲"
    open: str = "▾"
    closed: str = "▸"
    here: str = "▌"
    """At the left of the row that is selected."""
    bar: str = "│"
    """At the left of untrusted lines, and between tabs."""
    child: str = "└"
    line: str = "━"
    dotted: str = "┄"
    dot: str = "·"
    times: str = "×"
    arrow: str = "→"
    back: str = "◂"
    forth: str = "▸"
    prompt: str = "›"
    more: str = "…"
    added: str = "+"
    changed: str = "~"
    removed: str = "-"
    levels: str = "▁▂▃▄▅▆▇█"
    """For small charts, lowest first."""
    block: str = "█"


UNICODE = Glyphs()
ASCII = Glyphs(
    name="ascii", running="*", waits="!", done="v", failed="x", cancelled="#", sleeping="z", pending="o", blocked="^",
    open="-", closed="+", here=">", bar="|", child="`", line="=", dotted=".", dot="-", times="x",
    arrow="->", back="<", forth=">", prompt=">", more="~", added="+", changed="~", removed="-",
    levels="_.:-=+*#", block="#",
)  # fmt: skip

_WIDE_LANGUAGES = ("zh", "ja", "ko")
"""In whose locales many terminals draw ambiguous signs two columns wide."""


def choose(environment: Mapping[str, str]) -> Glyphs:
    """The set that fits the terminal; `PROC_TUI_GLYPHS=ascii` or `unicode` decides it."""
    said = environment.get("PROC_TUI_GLYPHS", "")
    if said in ("ascii", "unicode"):
        return ASCII if said == "ascii" else UNICODE
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    foreign = "." in locale and locale.rpartition(".")[2].replace("-", "").casefold() != "utf8"
    old = environment.get("TERM", "") in ("linux", "vt100", "vt220", "dumb")
    return ASCII if old or foreign or locale.startswith(_WIDE_LANGUAGES) else UNICODE


class Sign(msgspec.Struct, frozen=True):
    """How a status is shown: a sign, a word and a colour."""

    glyph: str
    word: str
    style: str


_SIGNS: dict[RunStatus, tuple[str, str, str]] = {
    RunStatus.PENDING: ("pending", "ready", "$quiet"),
    RunStatus.RUNNING: ("running", "running", "$accent"),
    RunStatus.WAITING_FOR_HUMAN: ("waits", "waiting for you", "$wait"),
    RunStatus.SLEEPING: ("sleeping", "sleeping", "$quiet"),
    RunStatus.WAITING_FOR_CHILD: ("running", "waiting for its children", "$accent"),
    RunStatus.BLOCKED: ("blocked", "blocked", "$wait"),
    RunStatus.COMPLETED: ("done", "completed", "$good"),
    RunStatus.FAILED: ("failed", "failed", "$bad"),
    RunStatus.CANCELLED: ("cancelled", "cancelled", "$quiet"),
}


def sign(glyphs: Glyphs, status: RunStatus) -> Sign:
    """The sign of a status."""
    glyph, word, style = _SIGNS[status]
    found: str = getattr(glyphs, glyph)
    return Sign(found, word, style)
