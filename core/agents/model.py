"""What a model is to the engine.

Belongs here: the protocol. Never: a particular model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.messages import ModelRequest, Reply


class Model(Protocol):
    """Something that replies to a conversation."""

    @property
    def name(self) -> str:
        """As the configuration or the file of replies calls it."""
        ...

    async def reply(self, request: ModelRequest, on_text: Callable[[str], None]) -> Reply:
        """One reply. `on_text` gets its text piece by piece as it arrives, in the event loop, and must not wait.

        It is asked once: trying again is the caller's business. To cancel the task ends it at once; what `on_text`
        got is then all there is. Raises `ModelError`.
        """
        ...
