"""Filling in the templates of a document from a run as it is now.

Belongs here: what the namespaces hold. Never: what a template looks like (`document/templates.py`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..document import templates
from ..values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..document import Procedure
    from ..journal.folds import RunFold


def render(
    text: str,
    *,
    run_id: str,
    procedure: Procedure,
    fold: RunFold,
    env_allow: Collection[str],
    more: Mapping[str, Value] | None = None,
) -> str:
    """The text with its references replaced; `more` holds further namespaces, such as `prepared`.

    Raises `PrimitiveError` for an environment variable that is not allowed.
    """
    started = fold.started
    about: dict[str, Value] = {
        "run_id": run_id,
        "procedure": procedure.name,
        "depth": started.depth if started else 0,
        "parent_id": (started.parent or None) if started else None,
    }
    if started is not None and isinstance(started.context, dict):
        about = {**started.context, **about}
    namespaces: dict[str, Value] = {
        "params": fold.params,
        "state": fold.state.values,
        "context": about,
        "env": {name: os.environ[name] for name in env_allow if name in os.environ},
        **(more or {}),
    }
    return templates.render(text, namespaces, env_allow=env_allow)
