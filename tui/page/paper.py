"""Text for the page: made visible, taken secrets out of, shortened and escaped; and the few forms that hold it.

Belongs here: every way by which something that is not ours gets into the page. The functions that take ready markup say
so. Never: what is shown of a run.
"""

from __future__ import annotations

import datetime
import re
from html import escape
from typing import TYPE_CHECKING

from ..clean import oneline, visible
from ..readable import brief
from ..words import moment, several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...core.model.settings import Settings
    from ...core.values import Value

MOST_TEXT = 20_000
"""Characters that are shown of one text."""
MOST_LINE = 400
"""Characters of a text that stands on one line."""
MOST_PAGE = 6_000_000
"""Characters of texts from runs in a page; what comes after is cut to `LITTLE`."""
LITTLE = 300
_HIDDEN = re.compile(r"‹U\+[0-9A-F]{4,6}›")


class Paper:
    """What texts pass on their way into one page; it counts how much there was."""

    def __init__(self, redact: Callable[[str], str] = str, most: int = MOST_PAGE) -> None:
        self.redact: Callable[[str], str] = redact
        """Takes secrets out of a text; the other methods have done so."""
        self._left: int = most

    @property
    def full(self) -> bool:
        """Whether the page holds as much as it may."""
        return self._left <= 0

    def line(self, text: object, most: int = MOST_LINE) -> str:
        """A text on one line, escaped."""
        whole = str(text)
        cut = oneline(self.redact(whole[: 4 * most + 4096]))
        shown = cut if len(cut) <= most else f"{cut[:most]}…"
        self._left -= len(shown)
        return _marked(shown)

    def brief(self, value: Value, most: int = MOST_LINE) -> str:
        """A value on one line, escaped."""
        return self.line(brief(value, MOST_TEXT), most)

    def words(self, text: str, most: int = MOST_TEXT) -> str:
        """A text with its lines, escaped; what is left out of it is said at its end."""
        shown, rest = self.cut(text, most)
        return _marked(shown) + (f'\n<span class="left-out">{rest}</span>' if rest else "")

    def cut(self, text: str, most: int = MOST_TEXT) -> tuple[str, str]:
        """As much of a text as is shown, not escaped yet, and words about the rest, which need no escaping."""
        most = LITTLE if self.full else most
        shown = visible(self.redact(text)) if len(text) <= 4 * most else visible(self.redact(text[: 4 * most]))
        self._left -= min(len(shown), most)
        if len(shown) <= most and len(text) <= 4 * most:
            return shown, ""
        left = max(1, len(text) - most)
        return shown[:most], f"… {several(left, 'more character')}, not in this page"

    def block(self, text: str, kind: str = "", most: int = MOST_TEXT) -> str:
        """A text as a block with its lines."""
        named = f' class="{kind}"' if kind else ""
        return f"<pre{named}>{self.words(text, most)}</pre>\n"


def _marked(text: str) -> str:
    """Escaped, with the signs that stand for hidden characters standing out."""
    return _HIDDEN.sub(lambda found: f'<b class="hidden">{found[0]}</b>', escape(text))


def redaction(settings: Settings) -> Callable[[str], str]:
    """What takes out of a text the keys that this workspace's configuration names, as far as they are set here."""
    from ...core.model.secrets import Secrets, variables_in

    secrets = Secrets()
    secrets.expected(settings.key_variables())
    for server in settings.mcp_servers.values():
        for text in (*server.env.values(), *server.headers.values(), server.url, *server.args):
            secrets.expected(variables_in(text))
    return secrets.redact


# ---- forms, of ready markup


def section(id: str, title: str, body: str, *, level: int = 2) -> str:
    """A part of the page with its heading."""
    heading = f'<h{level} id="{id}-title">{title}</h{level}>'
    return f'<section id="{id}" aria-labelledby="{id}-title">\n{heading}\n{body}</section>\n'


def folded(summary: str, body: str, kind: str = "", *, opened: bool = False) -> str:
    """Something that is opened by a click."""
    named = f' class="{kind}"' if kind else ""
    return f"<details{named}{' open' if opened else ''}><summary>{summary}</summary>\n{body}</details>\n"


def choice(name: str, prefix: str, offered: Sequence[tuple[str, str]], body: str) -> str:
    """Choosing what is shown of a list, by the style sheet alone; `offered` are kinds, the first chosen, with words."""
    parts: list[str] = []
    for number, (kind, words) in enumerate(offered):
        checked = "" if number else " checked"
        parts.append(
            f'<input type="radio" name="{name}" id="{name}-{kind}" class="{prefix}-{kind}"{checked}>'
            f'<label for="{name}-{kind}">{words}</label>'
        )
    return (
        f'<fieldset class="filter"><legend>Show</legend>{"".join(parts)}<div class="shown">\n{body}</div></fieldset>\n'
    )


def table(heads: Sequence[tuple[str, str]], rows: Iterable[str], kind: str = "", caption: str = "") -> str:
    """A table; `heads` are titles with a class each, `rows` ready rows."""
    head = "".join(f'<th scope="col"{_class(kind)}>{title}</th>' for title, kind in heads)
    said = f'<caption class="skip">{caption}</caption>' if caption else ""
    return (
        f'<div class="scroll"><table{_class(kind)}>{said}<thead><tr>{head}</tr></thead>\n<tbody>\n'
        f"{''.join(rows)}</tbody></table></div>\n"
    )


def row(*cells: tuple[str, str], kind: str = "") -> str:
    """A row of cells: markup with a class each."""
    inner = "".join(f"<td{_class(name)}>{text}</td>" for text, name in cells)
    return f"<tr{_class(kind)}>{inner}</tr>\n"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def time(at: float, *, day: bool = False) -> str:
    """A moment in local time, and exactly for programs."""
    exact = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = moment(at)
    return f'<time datetime="{exact}">{shown if day else shown.partition(" ")[2]}</time>'


def zone(at: float) -> str:
    """Which time the page is in: `CET (UTC+01:00)`."""
    here = datetime.datetime.fromtimestamp(at).astimezone()
    offset = here.strftime("%z")
    name = here.tzname() or ""
    shift = f"UTC{offset[:3]}:{offset[3:5]}" if here.utcoffset() else "UTC"
    return shift if name in ("", shift, "UTC") else f"{name} ({shift})"


def left_out(text: str) -> str:
    """Words of ours about what is not in the page."""
    return f'<p class="left-out">{escape(text)}</p>\n'
