"""Asking about a run, from a copy of the conversation of the agent that took its latest turn.

Belongs here: what is asked of which model, for people and for parents alike. Never: asking, or who pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agents import status
from ..journal import journal, runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..agents.model import Model
    from ..journal.folds import RunFold
    from ..journal.runs import Run
    from ..model.messages import ModelRequest
    from .environment import Environment


def model_of(environment: Environment, name: str | None, fold: RunFold) -> Model:
    """The model by its configured name, or the one that plays the script of the run."""
    services = environment.services
    if fold.started is None or not fold.started.replies:
        return services.models.get(name)
    with environment.database.read() as connection:
        return services.scripted(journal.pinned(connection, fold.started.replies))


def question(
    environment: Environment, run: Run, fold: RunFold, model: Callable[[str | None, RunFold], Model],
    prompt: str | None = None,
) -> tuple[Model, ModelRequest] | None:  # fmt: skip
    """What to ask about a run's progress, or with another `prompt`; None when no agent has taken a turn."""
    with environment.database.read() as connection:
        program = environment.sources.program(connection, run.source, run.path)
        place = runs.place_in_tree(connection, run.id)
    asked = status.request(program.procedure, fold, run.id, place, environment.env_allow, prompt)
    return None if asked is None else (model(asked.model, fold), asked.request)
