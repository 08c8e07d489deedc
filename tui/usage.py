"""What models used, as JSON has it: of a run, of several, of an agent, of a turn.

Belongs here: adding it up; what is not known stays unknown. Never: how it is written for people (`words.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.journal import runs
    from ..core.journal.folds import RunFold
    from ..core.journal.runs import Run
    from ..core.model import messages


class Spent(msgspec.Struct, frozen=True):
    """What models read and wrote for a run, over all its attempts: what was paid stays paid."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost: float | None
    """US dollars, of the replies whose price is known; null when there are replies and none has a known price."""
    unpriced: int
    """How many replies have no known price."""


class Usage(Spent, frozen=True):
    """What models used, of which a run or an agent knows more."""

    turns: int
    cached_tokens: int
    """Of the input, what the servers had kept."""
    reasoning_tokens: int
    """Of the output, what was not shown."""


class AgentShape(msgspec.Struct, frozen=True):
    """An agent of a run, as far as it took turns."""

    agent: str
    model: str
    messages: int
    """In its conversation."""
    usage: Usage


def spent(total: Run | runs.Spent) -> Spent:
    """What the models of a run used, or those of a workspace in some time."""
    return Spent(
        total.tokens_in, total.tokens_out, total.tokens_in + total.tokens_out,
        None if total.unpriced and not total.cost else total.cost, total.unpriced,
    )  # fmt: skip


def spent_together(runs: Sequence[Run]) -> Spent:
    """What the models of several runs used."""
    rows = [spent(run) for run in runs]
    costs = [row.cost for row in rows if row.cost is not None]
    unpriced = sum(row.unpriced for row in rows)
    return Spent(
        sum(row.input_tokens for row in rows),
        sum(row.output_tokens for row in rows),
        sum(row.total_tokens for row in rows),
        None if unpriced and not any(costs) else sum(costs),
        unpriced,
    )


def usage(runs: Sequence[Run], folds: Sequence[RunFold]) -> Usage:
    """The same with what their histories know besides."""
    row, agents = spent_together(runs), [fold.agents for fold in folds]
    return Usage(
        row.input_tokens,
        row.output_tokens,
        row.total_tokens,
        row.cost,
        row.unpriced,
        sum(item.turns for item in agents),
        sum(item.usage.cached or 0 for item in agents),
        sum(item.usage.reasoning or 0 for item in agents),
    )


def usage_of(used: messages.Usage, *, turns: int, unpriced: int) -> Usage:
    """What one agent used."""
    given, written = used.input or 0, used.output or 0
    cost = used.cost if used.cost is not None or unpriced else 0.0
    return Usage(
        given, written, used.total or given + written, cost, unpriced, turns, used.cached or 0, used.reasoning or 0
    )


def agent_shapes(fold: RunFold) -> list[AgentShape]:
    """The agents of a run that took turns."""
    return [
        AgentShape(
            name, item.model, len(item.messages),
            usage_of(item.usage, turns=item.turns, unpriced=item.unpriced),
        )
        for name, item in fold.agents.conversations.items()
    ]  # fmt: skip


def turn_usage(fold: RunFold, name: str) -> tuple[int | None, float | None]:
    """Tokens and cost of the turn of this name; None for what is not known, and for other operations."""
    used = fold.agents.used_by.get(name)
    if used is None:
        return None, None
    parts = [part for part in (used.input, used.output) if part is not None]
    return used.total if used.total is not None else sum(parts) if parts else None, used.cost
