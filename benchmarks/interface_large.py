"""The interface on what is large: a run of a million events, a graph, a conversation, ten thousand runs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import scenes
from figures import Figure
from person import goes_to, moves, shows, spread, walks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from person import Person, Plain

SMALL_RUN = "small"
LAST_NODES = 8
"""How many nodes of `windows.tree` are shown below those of the broad one."""


def measure(person: Person, plain: Plain, quick: bool) -> Iterator[Figure]:
    events, nodes, messages, count = (100_000, 10_000, 10_000, 1_000) if quick else (10**6, 10**5, 10**5, 10**4)
    rounds, keys = (1, 40) if quick else (5, 200)
    scenes.large(person.folder / "large", events=events, nodes=nodes, messages=messages)
    scenes.many(person.folder / "many", count)
    small = _small(person, rounds)
    yield from _long(person, plain, small, f"a run of {events:,} events", rounds)
    yield from _graph(person, small, f"a graph of {nodes:,} nodes", rounds)
    yield from _talk(person, small, f"a conversation of {messages:,} messages", rounds)
    yield from _many(person, plain, f"{count:,} runs", rounds, keys)


def _small(person: Person, rounds: int) -> float:
    """Seconds from a key to all that there is of a small run."""
    with person.opens("small") as terminal:
        goes_to(terminal, scenes.TALK)
        taken: list[float] = []
        for _ in range(rounds):
            taken.append(moves(terminal, "k", shows(terminal, scenes.SMALL)))
            moves(terminal, "j", shows(terminal, scenes.TALK))
    return median(taken)


def _long(person: Person, plain: Plain, small: float, name: str, rounds: int) -> Iterator[Figure]:
    opened: list[float] = []
    again: list[float] = []
    held: list[int] = []
    for _ in range(rounds):
        with person.opens("large") as terminal:
            opened.append(goes_to(terminal, scenes.LONG))
            held.append(terminal.memory())
            moves(terminal, "k", shows(terminal, scenes.GRAPH))
            again.append(moves(terminal, "j", shows(terminal, scenes.LONG)))
    name = f"the interface, {name}"
    yield Figure(f"{name}: opened", median(opened), "s", small, SMALL_RUN, 0.5, note="first time")
    yield Figure(f"{name}: opened again", median(again), "s", small, SMALL_RUN)
    more = median(held) - plain.held
    yield Figure(f"{name}: memory, more than minimal", more, "B", plain.held, "minimal", 120 * 2**20)


def _graph(person: Person, small: float, name: str, rounds: int) -> Iterator[Figure]:
    opened: list[float] = []
    unfolded: list[float] = []
    more: list[float] = []
    best: list[float] = []
    oldest: list[float] = []
    for _ in range(rounds):
        with person.opens("large") as terminal:
            goes_to(terminal, scenes.GRAPH)
            opened.append(moves(terminal, "5", "a thought, number 7"))
            moves(terminal, "g", "node-1 ")
            for _ in range(2):
                terminal.press("j")
                terminal.look(0.1)
            terminal.until("node-3 ")
            unfolded.append(moves(terminal, " ", "a thought, number 20"))
            best.append(moves(terminal, "s", "best first"))
            oldest.append(moves(terminal, "s", "oldest first"))
            moves(terminal, "G", " more")
            for _ in range(LAST_NODES):
                terminal.press("k")
                terminal.look(0.05)
            terminal.quiet()
            before = terminal.screen.text()
            more.append(moves(terminal, " ", lambda: terminal.screen.text() != before))  # noqa: B023
    name = f"the interface, {name}"
    yield Figure(f"{name}: opened", median(opened), "s", small, SMALL_RUN, 0.5, note="first time")
    yield Figure(f"{name}: unfolded", median(unfolded), "s", small, SMALL_RUN, 0.1)
    yield Figure(f"{name}: 500 nodes more", median(more), "s", small, SMALL_RUN, 0.1)
    yield Figure(f"{name}: sorted by score", median(best), "s", small, SMALL_RUN, 0.1)
    yield Figure(f"{name}: sorted by age", median(oldest), "s", small, SMALL_RUN, 0.1)


def _talk(person: Person, small: float, name: str, rounds: int) -> Iterator[Figure]:
    opened: list[float] = []
    first: list[float] = []
    for _ in range(rounds):
        with person.opens("large") as terminal:
            opened.append(goes_to(terminal, scenes.TALK))
            terminal.press("1")
            terminal.quiet()
            first.append(moves(terminal, "g", "message 0:"))
    name = f"the interface, {name}"
    yield Figure(f"{name}: opened", median(opened), "s", small, SMALL_RUN, note="first time")
    yield Figure(f"{name}: to the first one", median(first), "s", small, SMALL_RUN)


def _many(person: Person, plain: Plain, name: str, rounds: int, keys: int) -> Iterator[Figure]:
    frames: list[float] = []
    lists: list[float] = []
    held: list[int] = []
    taken: list[float] = []
    for number in range(rounds):
        with person.opens("many") as terminal:
            frames.append(terminal.until(terminal.screen.shows_something) - terminal.began)
            lists.append(terminal.until("Ship ") - terminal.began)
            terminal.quiet()
            held.append(terminal.memory())
            if number == 0:
                taken = walks(terminal, keys)
    name = f"the interface, {name}"
    key, late = spread(taken)
    yield Figure(f"{name}: first frame", median(frames), "s", plain.frame, "minimal")
    yield Figure(f"{name}: list and selected run", median(lists), "s", plain.frame, "minimal")
    yield Figure(f"{name}: from a key to the selection moved: p50", key, "s", plain.key, "minimal")
    yield Figure(f"{name}: from a key to the selection moved: p95", late, "s", plain.late, "minimal", 0.05)
    yield Figure(f"{name}: memory, more than minimal", median(held) - plain.held, "B", plain.held, "minimal")
