"""What folds hold, to be compared.

Belongs here: showing all of a fold as one value. Never: computing one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from ..values import encode

if TYPE_CHECKING:
    from ..journal.folds import RunFold
    from ..values import Value


def fold_image(fold: RunFold) -> Value:
    """All that a fold holds, as one value: two folds are equal when their images are."""
    checkpoints = fold.checkpoints
    names = sorted({entry.name for entry in checkpoints.entries})
    bases = sorted({name.rpartition("#")[0] for name in names if "#" in name})
    image: dict[str, object] = {
        "attempt": fold.attempt,
        "params": fold.params,
        "seed": fold.seed,
        "clock": fold.clock,
        "began_at": fold.began_at,
        "state": [[key, value] for key, value in fold.state.values.items()],
        "messages": [message.as_value() for message in fold.session.messages],
        "received": [[message.content, message.by] for message in fold.session.received],
        "stage": fold.stages.current,
        "stages": msgspec.to_builtins(fold.stages.history),
        "graph": {
            "root": fold.graph.root,
            "current": fold.graph.current,
            "nodes": [
                [node.id, node.content, node.metadata, node.parent, node.children] for node in fold.graph.nodes.values()
            ],
        },
        "checkpoints": msgspec.to_builtins(checkpoints.entries),
        "completed": sorted([name, entry.seq] for name, entry in checkpoints.completed.items()),
        "open": [entry.name for entry in checkpoints.open],
        "cleared_from": checkpoints.cleared_from,
        "next": [[base, checkpoints.numbered(base)] for base in bases],
        "attempts": [[name, checkpoints.next_attempt(name)] for name in names],
        "requests": [
            [name, msgspec.to_builtins(item.event), item.status.value, item.answer, item.by, item.resolved_at]
            for name, item in fold.requests.requests.items()
        ],
        "calls": msgspec.to_builtins(fold.tools.calls),
        "stop": msgspec.to_builtins(fold.tools.stop),
        "turns": fold.agents.turns,
        "agents": [
            [
                name,
                item.system,
                item.model,
                msgspec.to_builtins(item.messages),
                item.replies,
                item.failures,
                item.turns,
                msgspec.to_builtins(item.usage),
                item.scale,
            ]
            for name, item in fold.agents.conversations.items()
        ],
        "open turn": None
        if fold.agents.open is None
        else [
            fold.agents.open.name,
            msgspec.to_builtins(fold.agents.open.prompted),
            msgspec.to_builtins(fold.agents.open.reply),
            sorted(fold.agents.open.results),
            fold.agents.open.children,
            fold.agents.open.failures,
            fold.agents.open.due,
        ],
        "used": [
            msgspec.to_builtins(fold.agents.usage),
            msgspec.to_builtins(fold.agents.used_by),
            fold.agents.unpriced,
        ],
        "taken": fold.agents.taken,
        "polls": fold.polls.unchanged,
    }
    return cast("Value", image)


def compare(found: RunFold, expected: RunFold, what: str) -> None:
    """Raises `AssertionError`, showing the parts that differ."""
    left, right = (cast("dict[str, Value]", fold_image(fold)) for fold in (found, expected))
    differing = [part for part in left if encode(left[part]) != encode(right[part])]
    if differing:
        rows = [f"{part}: {encode(left[part])}\n  expected: {encode(right[part])}" for part in differing]
        raise AssertionError(f"{what} adds up to something else than its records:\n" + "\n".join(rows))
