"""An MCP server over a handful of texts: a library that research.yaml asks.

It speaks over stdin and stdout and is started by proc-tui, as `.proc-tui/config.toml` says. Any MCP server can stand in
its place.
"""

from dataclasses import dataclass

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

TEXTS = {
    "swifts-2019": (
        "How swifts sleep",
        "Common swifts spend up to ten months in the air without landing. They climb at dusk and dawn to two or "
        "three kilometres and are thought to sleep while they glide down. Loggers of one gram confirmed that some "
        "birds never landed between two breeding seasons.",
    ),
    "frigatebirds-2016": (
        "Electroencephalograms of frigatebirds in flight",
        "Frigatebirds sleep in flight, for 42 minutes a day on average, mostly at night, in bouts of seconds. They "
        "sleep with one half of the brain at a time and sometimes with both, while they rise in warm air. On land "
        "they sleep more than twelve hours a day.",
    ),
    "dolphins-2011": (
        "One half at a time: sleep in dolphins",
        "Bottlenose dolphins sleep with one half of the brain while the other half controls breathing at the surface.",
    ),
    "ducks-1999": (
        "The guard at the edge of the group",
        "Mallards at the edge of a group sleep with one eye open, the one that looks outward, and with one half of the "
        "brain awake. Those in the middle of the group close both eyes.",
    ),
    "storks-2013": (
        "Telemetry of white storks",
        "White storks cross deserts by day, riding warm air, and rest in trees at night. Nothing in the data suggests "
        "that they sleep while flying.",
    ),
}

server = MCPServer("library", instructions="Search for texts, then read those that matter.")


@dataclass
class Match:
    """A text that was found."""

    id: str
    title: str


@dataclass
class Matches:
    """The texts that were found, best first."""

    matches: list[Match]


@dataclass
class Text:
    """A whole text."""

    id: str
    title: str
    text: str


@server.tool()
def search_texts(query: str) -> Matches:
    """Find texts that contain any of the words of a query; those with the most of them come first."""
    words = set(query.lower().split())
    counts = {name: sum(word in f"{title} {text}".lower() for word in words) for name, (title, text) in TEXTS.items()}
    found = sorted((name for name in TEXTS if counts[name]), key=lambda name: (-counts[name], name))
    return Matches([Match(name, TEXTS[name][0]) for name in found])


@server.tool()
def read_text(id: str) -> Text:
    """Read a text that a search has found."""
    if id not in TEXTS:
        raise ToolError(f'there is no text "{id}"; search_texts gives the ids')
    title, text = TEXTS[id]
    return Text(id, title, text)


if __name__ == "__main__":
    server.run()
