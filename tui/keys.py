"""Every key of the interface, once: what it is called, where it acts, what it does.

A layer is a part of the screen that may have the focus: a text field, a card, a pane, a screen, everything (UX 4). A
widget names its layer (`LAYER = "log"`) and takes its bindings from here (`BINDINGS = bindings("log")`); the footer,
the help and `docs/keys.md` read the same table. Belongs here: the table, rebinding by `[keys]` of the configuration,
and what clashes. Never: what an action does.

To add a key: a row in `KEYS`, and a method `action_NAME` on the widget of its layer. Rows of one layer never share a
key; a layer may take a key of the layers around it. Nothing is on `[` and `]`, and F10 and F11 have letters, since
terminals tear and desktops take them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Key(msgspec.Struct, frozen=True):
    """A binding."""

    id: str
    """`LAYER.NAME`: what `[keys]` calls it."""
    keys: str
    """Textual's names of keys, separated by commas; the first one is shown."""
    action: str
    """The method `action_...` that it calls."""
    what: str
    """In words, after the key: `help`, `next request`."""
    shown: bool = False
    """Whether the footer has room for it."""
    priority: bool = False

    @property
    def layer(self) -> str:
        """Where it acts."""
        return self.id.partition(".")[0]


LAYERS: dict[str, str] = {
    "app": "everywhere",
    "lines": "lists and panes",
    "operate": "Operate and Run",
    "runs": "the list of runs",
    "welcome": "an empty workspace",
    "conversation": "the Conversation",
    "timeline": "the Timeline",
    "state": "the State",
    "checkpoints": "the Checkpoints",
    "graph": "the Graph",
    "source": "the Source",
    "log": "the Log",
    "card": "a request",
    "failure": "a failed run",
    "inbox": "the list of the Inbox",
    "queue": "the Inbox",
    "review": "a Review",
    "start": "starting a run",
    "field": "a field with options",
    "button": "a button",
    "choice": "a list of choices",
    "naming": "a name",
    "dialog": "a dialog",
    "value": "a value in full",
    "compare": "two checkpoints",
    "find": "finding",
    "text": "a text field",
}
"""Every layer, as the help calls it."""

KEYS: tuple[Key, ...] = (
    Key("app.help", "question_mark,f1", "help", "help", True),
    Key("app.commands", "colon,ctrl+p", "commands", "commands", True),
    Key("app.back", "q", "back", "back", True),
    Key("app.inbox", "I", "inbox", "inbox"),
    Key("app.redraw", "ctrl+l", "redraw", "draw the screen again"),
    Key("app.interrupt", "ctrl+c", "interrupt", "copy what is selected; twice, leave"),
    #
    Key("lines.down", "j,down", "down", "down"),
    Key("lines.up", "k,up", "up", "up"),
    Key("lines.left", "h,left", "left", "left, or fold"),
    Key("lines.right", "l,right", "right", "right, or unfold"),
    Key("lines.first", "g,home", "first", "first"),
    Key("lines.last", "G,end", "last", "last"),
    Key("lines.half_down", "ctrl+d", "half_down", "half a page down"),
    Key("lines.half_up", "ctrl+u", "half_up", "half a page up"),
    Key("lines.page_down", "pagedown", "page_down", "a page down"),
    Key("lines.page_up", "pageup", "page_up", "a page up"),
    Key("lines.open", "enter", "open", "open"),
    Key("lines.fold", "space", "fold", "fold"),
    Key("lines.find", "slash", "find", "find"),
    Key("lines.again", "n", "again", "find again"),
    Key("lines.again_up", "N", "again_up", "find again upwards"),
    Key("lines.copy", "y", "copy", "copy the value"),
    Key("lines.copy_path", "Y", "copy_path", "copy the path or name"),
    #
    Key("operate.pane_1", "1", "pane('conversation')", "Conversation"),
    Key("operate.pane_2", "2", "pane('timeline')", "Timeline"),
    Key("operate.pane_3", "3", "pane('state')", "State"),
    Key("operate.pane_4", "4", "pane('checkpoints')", "Checkpoints"),
    Key("operate.pane_5", "5", "pane('graph')", "Graph"),
    Key("operate.pane_6", "6", "pane('source')", "Source"),
    Key("operate.pane_7", "7", "pane('log')", "Log"),
    Key("operate.next_pane", "tab", "next_pane", "next pane", True),
    Key("operate.previous_pane", "shift+tab", "previous_pane", "previous pane"),
    Key("operate.zoom", "z", "zoom", "zoom", True),
    Key("operate.actions", "x", "actions", "actions", True),
    Key("operate.new", "plus", "new", "new run", True),
    Key("operate.type", "i", "type", "type to the run", True),
    Key("operate.filter", "f", "filter", "filter"),
    Key("operate.event_back", "comma", "event_back", "event back", True),
    Key("operate.event_forward", "full_stop", "event_forward", "event forward"),
    Key("operate.checkpoint_back", "less_than_sign", "checkpoint_back", "checkpoint back"),
    Key("operate.checkpoint_forward", "greater_than_sign", "checkpoint_forward", "checkpoint forward"),
    Key("operate.live", "F", "live", "live"),
    Key("operate.next_request", "J", "next_request", "next request", True),
    Key("operate.previous_request", "K", "previous_request", "previous request"),
    Key("operate.source", "o", "source", "source"),
    Key("operate.edit", "E", "edit", "source in $EDITOR"),
    Key("operate.out", "escape", "out", "to the list"),
    #
    Key("runs.open", "enter", "open", "open", True),
    Key("runs.fold", "space", "fold", "fold children", True),
    Key("runs.find", "slash", "find", "find", True),
    #
    Key("welcome.open", "enter", "open", "start", True),
    Key("welcome.new", "plus", "new", "new", True),
    #
    Key("conversation.filter", "f", "filter", "filter", True),
    Key("conversation.open", "enter", "open", "in full", True),
    Key("conversation.fold", "space", "fold", "fold", True),
    Key("conversation.follow", "G,end", "last", "follow", True),
    Key("conversation.find", "slash", "find", "find", True),
    Key("state.open", "enter", "open", "open in full", True),
    Key("state.history", "H", "history", "history of the key", True),
    Key("checkpoints.open", "enter", "open", "values", True),
    Key("checkpoints.actions", "x", "actions", "reset, fork", True),
    Key("checkpoints.mark", "space,m", "mark", "mark", True),
    Key("checkpoints.moment", "t", "moment", "to this moment", True),
    Key("checkpoints.compare", "C", "compare", "compare the two marked"),
    Key("checkpoints.attempts", "A", "attempts", "attempts"),
    Key("checkpoints.source", "o", "source", "its line of the source"),
    Key("graph.open", "enter", "open", "open in full", True),
    Key("graph.sort", "s", "sort", "sort by score, or by age", True),
    Key("graph.current", "c", "current", "to the current node", True),
    Key("graph.moment", "t", "moment", "to the moment it was made"),
    Key("graph.source", "o", "source", "its line of the source"),
    Key("source.find", "slash", "find", "find", True),
    Key("source.here", "t", "here", "to the current line", True),
    Key("source.versions", "v", "versions", "against the file", True),
    Key("source.edit", "E", "edit", "in $EDITOR", True),
    Key("log.open", "enter", "open", "its line of the source", True),
    Key("log.fold", "space", "fold", "in full"),
    Key("log.filter", "f", "filter", "level", True),
    Key("log.follow", "G,end", "last", "follow", True),
    Key("log.find", "slash", "find", "find", True),
    Key("timeline.open", "enter", "moment", "this moment", True),
    Key("timeline.actions", "x", "actions", "reset, fork", True),
    Key("timeline.zoom_in", "equals_sign", "zoom_in", "closer", True),
    Key("timeline.zoom_out", "minus", "zoom_out", "farther"),
    Key("timeline.source", "o", "source", "its line of the source"),
    #
    Key("card.approve", "a", "answer('a')", "approve", True),
    Key("card.reject", "r", "answer('r')", "reject", True),
    Key("card.option_s", "s", "answer('s')", "option s"),
    Key("card.option_p", "p", "answer('p')", "option p"),
    Key("card.option_t", "t", "answer('t')", "option t"),
    Key("card.option_m", "m", "answer('m')", "option m"),
    Key("card.option_b", "b", "answer('b')", "option b"),
    Key("card.comment", "c", "comment", "comment", True),
    Key("card.edit", "e", "edit_artifact", "edit here", True),
    Key("card.editor", "E", "editor", "edit in $EDITOR"),
    Key("card.review", "v", "review", "review", True),
    Key("card.open", "enter", "open", "in full"),
    Key("card.later", "w", "later", "later", True),
    Key("card.undo", "u", "undo", "undo", True),
    Key("card.actions", "x", "actions", "answers", True),
    #
    Key("failure.resume", "x,enter", "open", "ways on", True),
    Key("failure.edit", "E", "edit", "edit and resume", True),
    Key("failure.copy", "y", "copy", "copy the error", True),
    Key("failure.source", "o", "source", "its line of the source", True),
    Key("failure.down", "j,down", "down", "down"),
    Key("failure.up", "k,up", "up", "up"),
    #
    Key("inbox.open", "enter", "open", "to the card", True),
    Key("inbox.mark", "space", "mark", "mark", True),
    Key("inbox.review", "v", "review", "review", True),
    Key("inbox.later", "w", "later", "later", True),
    Key("inbox.go", "o", "go", "go to the run"),
    #
    Key("queue.next_request", "J", "next_request", "next request", True),
    Key("queue.previous_request", "K", "previous_request", "previous request"),
    Key("queue.card", "tab", "card", "card, or list"),
    Key("queue.list", "escape", "list", "to the list"),
    #
    Key("review.next_request", "J", "next_request", "next request", True),
    Key("review.previous_request", "K", "previous_request", "previous request"),
    Key("review.next_hunk", "full_stop", "next_hunk", "next change"),
    Key("review.previous_hunk", "comma", "previous_hunk", "previous change"),
    Key("review.out", "escape", "app.back", "back"),
    #
    Key("start.run", "ctrl+s", "start", "start the run", True, True),
    Key("start.next", "tab,down", "next", "next field", True),
    Key("start.previous", "shift+tab,up", "previous", "field before"),
    Key("start.defaults", "ctrl+r", "defaults", "as declared"),
    Key("start.edit", "E", "edit", "source in $EDITOR"),
    Key("start.out", "escape", "out", "back", True),
    Key("field.left", "left,h", "left", "option before", True),
    Key("field.right", "right,l,space", "right", "next option", True),
    Key("field.list", "enter", "list", "list them", True),
    Key("button.press", "enter,space", "press", "start", True),
    #
    Key("choice.down", "down,ctrl+n", "down", "down"),
    Key("choice.up", "up,ctrl+p", "up", "up"),
    Key("choice.page_down", "pagedown", "page_down", "a page down"),
    Key("choice.page_up", "pageup", "page_up", "a page up"),
    Key("choice.choose", "enter", "choose", "choose", True),
    Key("choice.out", "escape", "out", "close", True),
    #
    Key("naming.choose", "enter", "choose", "go on", True),
    Key("naming.out", "escape", "out", "back", True),
    #
    Key("dialog.next", "tab,right,l", "next", "next"),
    Key("dialog.previous", "shift+tab,left,h", "previous", "previous"),
    Key("dialog.choose", "enter", "choose", "choose", True),
    Key("dialog.out", "escape,q", "out", "close", True),
    Key("dialog.interrupt", "ctrl+c", "interrupt", "close; when leaving, stop here"),
    #
    Key("compare.open", "enter", "open", "both values", True),
    Key("compare.out", "escape,q", "out", "close", True),
    #
    Key("value.down", "j,down", "down", "down"),
    Key("value.up", "k,up", "up", "up"),
    Key("value.page_down", "ctrl+d,pagedown,space", "page_down", "half a page down"),
    Key("value.page_up", "ctrl+u,pageup", "page_up", "half a page up"),
    Key("value.first", "g,home", "first", "beginning"),
    Key("value.last", "G,end", "last", "end"),
    Key("value.copy", "y", "copy", "copy", True),
    Key("value.out", "escape,q,enter", "out", "close", True),
    #
    Key("find.go", "enter", "go", "go there, n for the next", True),
    Key("find.out", "escape", "out", "leave it", True, True),
    #
    Key("text.send", "enter", "send", "send", True),
    Key("text.line", "ctrl+j", "line", "new line", True),
    Key("text.out", "escape", "out", "leave the field", True, True),
)


def of_layer(layer: str) -> list[Key]:
    """The keys of a layer, as they are when nothing is rebound."""
    return [key for key in KEYS if key.layer == layer]


def bindings(layer: str) -> list[BindingType]:
    """The same for the `BINDINGS` of a widget, a screen or the application."""
    return [
        Binding(key.keys, key.action, key.what, show=key.shown, priority=key.priority, id=key.id)
        for key in of_layer(layer)
    ]


def keymap(said: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """What `[keys]` of the configuration rebinds, and what is wrong with it.

    Once anything is rebound the keymap names every binding: Textual takes a key from a binding that a keymap leaves
    out, without a word.
    """
    known = {key.id: key for key in KEYS}
    said = dict(_flat(said))
    problems = [f'[keys] has no binding "{name}"' for name in said if name not in known]
    given = {name: _named(value) for name, value in said.items() if name in known}
    problems += [
        f"[keys] {name} must be the name of a key, or a list of them" for name, keys in given.items() if not keys
    ]
    rebound = {name: keys for name, keys in given.items() if keys}
    if not rebound:
        return {}, problems
    whole = {name: rebound.get(name, key.keys) for name, key in known.items()}
    return whole, [*problems, *clashes(whole)]


def _flat(said: Mapping[str, object], before: str = "") -> Iterable[tuple[str, object]]:
    """Ids with their keys: TOML reads `app.inbox = "i"` as a table in a table."""
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, object]", value), f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _named(value: object) -> str:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return ",".join(_NAMES.get(item, item) for item in items if isinstance(item, str) and item.strip())


def clashes(whole: Mapping[str, str]) -> list[str]:
    """Keys that mean two things in one layer."""
    found: list[str] = []
    for layer in LAYERS:
        taken: dict[str, str] = {}
        for key in of_layer(layer):
            for name in whole[key.id].split(","):
                if name in taken:
                    found.append(f"{display(name)} means both {taken[name]} and {key.id}")
                taken.setdefault(name, key.id)
    return found


_SIGNS = {
    "question_mark": "?", "colon": ":", "slash": "/", "comma": ",", "full_stop": ".", "plus": "+", "minus": "-",
    "equals_sign": "=", "less_than_sign": "<", "greater_than_sign": ">", "escape": "esc", "pagedown": "pgdn",
    "pageup": "pgup", "up": "↑", "down": "↓", "left": "←", "right": "→",
}  # fmt: skip
_NAMES = {sign: name for name, sign in _SIGNS.items() if len(sign) == 1}


def display(key: str, *, plain: bool = False) -> str:
    """A key as people read it: `^p`, `?`, `esc`, `F5`; `plain` for terminals that have no arrows."""
    if key in _SIGNS and not (plain and key in ("up", "down", "left", "right")):
        return _SIGNS[key]
    if key.startswith("ctrl+"):
        return "^" + display(key.removeprefix("ctrl+"), plain=plain)
    return key.upper() if key[:1] == "f" and key[1:].isdigit() else key


def names(key: Key, whole: Mapping[str, str]) -> list[str]:
    """Textual's names of the keys of a binding, as they are bound now."""
    return whole.get(key.id, key.keys).split(",")


def shortcut(key: Key, whole: Mapping[str, str], *, plain: bool = False) -> str:
    """The keys of a binding as people read them, as they are bound now."""
    return "  ".join(display(name, plain=plain) for name in names(key, whole))


def title(layer: str) -> str:
    """A layer as a heading."""
    said = LAYERS[layer]
    return f"{said[:1].upper()}{said[1:]}"


def reference() -> str:
    """Every key, as `docs/keys.md` has it."""
    lines = [
        "# Keys", "",
        "Which keys act depends on what has the focus: a text field before a card or a dialog, then the pane, the",
        "screen, and what works everywhere. The footer shows those that act, `?` lists them all and does what it",
        "lists, and `:` finds every command by its name.", "",
        "Every key can be changed by its id in your own `config.toml`; a binding takes one key or a list of them:",
        "", "```toml", "[keys]", 'app.inbox = "ctrl+g"', 'lines.down = ["j", "down", "ctrl+n"]', "```", "",
        "Ids that do not exist, and keys that mean two things in one place, are told when the interface opens.",
    ]  # fmt: skip
    for layer in LAYERS:
        found = of_layer(layer)
        if found:
            lines += ["", f"## {title(layer)}", "", "| keys | what it does | id |", "|---|---|---|"]
            lines += [f"| {_cell(key)} | {key.what} | `{key.id}` |" for key in found]
    return "\n".join([*lines, ""])


def _cell(key: Key) -> str:
    return " ".join(f"`{display(name)}`" for name in key.keys.split(","))


def shown(keys: Iterable[Key]) -> list[Key]:
    """Those that the footer has."""
    return [key for key in keys if key.shown]
