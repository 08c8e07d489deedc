"""How an activation of a run ended."""

from __future__ import annotations

import msgspec

from ..errors import Blocked, ProcError
from ..model.states import RunStatus


class Suspended(msgspec.Struct, frozen=True):
    """The run waits; its Lua state may be kept warm or thrown away."""

    warm: bool = True
    """False when only a new activation can go on."""


class Ended(msgspec.Struct, frozen=True):
    """The run completed or failed."""

    status: RunStatus


class Lost(msgspec.Struct, frozen=True):
    """The run belongs to somebody else now: taken over, cancelled or restarted."""


class Broken(msgspec.Struct, frozen=True):
    """The store refused; what was committed is intact and the run can go on once the cause is gone."""

    error: ProcError


class Lacking(msgspec.Struct, frozen=True):
    """This worker lacks something that the run needs; another one may have it, or this one later."""

    error: Blocked


Outcome = Suspended | Ended | Lost | Broken | Lacking
