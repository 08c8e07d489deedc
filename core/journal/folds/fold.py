"""How a fold finds the method for an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..events import EVENTS, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events import Record

    Applier = Callable[[Any, Record], None]


def appliers(fold: object) -> dict[type[Event], Applier]:
    """The `_apply_<kind>` methods of a fold by the type of event; each takes the event and its record."""
    cls = type(fold)
    names = _names.get(cls)
    if names is None:
        names = _names[cls] = _find(cls)
    return {event: getattr(fold, name) for event, name in names}


_names: dict[type, list[tuple[type[Event], str]]] = {}


def _find(cls: type) -> list[tuple[type[Event], str]]:
    known = {f"_apply_{kind.replace('.', '_')}": event for kind, event in EVENTS.items()}
    found = [name for name in dir(cls) if name.startswith("_apply_")]
    unknown = [name for name in found if name not in known]
    if unknown:
        raise TypeError(f"{cls.__name__} applies events that do not exist: {', '.join(unknown)}")
    return [(known[name], name) for name in found]
