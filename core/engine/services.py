"""What runs use of the world outside: models, tools, and who watches replies arrive. Made when they are needed.

Belongs here: making them once, and closing them. Never: anything that is slow to import at the top, since every
command opens a workspace.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import msgspec

from ..errors import LeaseLost, ToolError
from ..model.secrets import Secrets
from .outside import Outside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..agents.model import Model
    from ..agents.models import Models
    from ..agents.replies import Replies
    from ..journal.runs import Partial
    from ..model.settings import Settings
    from ..tools.toolbox import Toolbox


_logger = logging.getLogger(__name__)


class Pinned(msgspec.Struct, frozen=True):
    """A file of scripted replies as a run pins it."""

    file: str
    text: str


class Services:
    """What the runs of one process share of the world outside."""

    def __init__(self, settings: Settings, workspace: Path) -> None:
        self.settings: Settings = settings
        self.workspace: Path = workspace
        self.secrets: Secrets = Secrets()
        self.outside: Outside = Outside()
        self._models: Models | None = None
        self._tools: Toolbox | None = None
        self._replies: dict[str, Replies] = {}
        self._listeners: tuple[Callable[[Partial, str], None], ...] = ()
        self._lock: threading.Lock = threading.Lock()
        self._closed: bool = False

    @property
    def models(self) -> Models:
        """The configured models."""
        from ..agents.models import Models  # noqa: PLC0415 - most commands ask no model

        with self._lock:
            self._check_open()
            if self._models is None:
                self._models = Models(self.settings, self.secrets, workspace=self.workspace)
            return self._models

    @property
    def tools(self) -> Toolbox:
        """The configured tools; used on the loop of `outside` only."""
        from ..tools.toolbox import Toolbox  # noqa: PLC0415 - most commands call no tool

        with self._lock:
            self._check_open()
            if self._tools is None:
                self._tools = Toolbox(self.settings, self.workspace, self.secrets)
            return self._tools

    def scripted(self, pinned: str) -> Model:
        """The model that gives the replies of a pinned file. Raises `RepliesError`."""
        from ..agents.replies import Replies  # noqa: PLC0415 - as above

        with self._lock:
            if pinned not in self._replies:
                file = msgspec.json.decode(pinned, type=Pinned)
                self._replies[pinned] = Replies.parse(file.text, file.file)
            return self._replies[pinned].model()

    def missing_tools(self, names: Sequence[str]) -> list[str]:
        """Which of these tools there are not, and why, in words. Raises `Blocked` when nobody can tell."""
        return self.outside.call(self.missing(names)) if names else []

    async def missing(self, names: Sequence[str]) -> list[str]:
        """The same, in the loop of `outside`."""
        missing: dict[str, list[str]] = {}
        toolbox = self.tools
        for name in names:
            try:
                every = (await toolbox.names()).values() if name.endswith(".*") else ()
                if not any(f"{tool.server}.*" == name for tool in every):
                    await toolbox.find(name)
            except ToolError as error:
                why = str(error).removeprefix(f'there is no tool "{name}"').lstrip(":; ")
                missing.setdefault(why, []).append(f'tool "{name}"')
        with self._lock:
            self._check_open()  # then it is not the tools' fault
        return [f"{', '.join(tools)} {why if why.startswith('(') else f'({why})'}" for why, tools in missing.items()]

    def listen(self, callback: Callable[[Partial, str], None]) -> Callable[[], None]:
        """Calls back, in whatever thread, with what has arrived of a reply and its newest piece; returns what ends
        that."""
        with self._lock:
            self._listeners = (*self._listeners, callback)

        def unlisten() -> None:
            with self._lock:
                self._listeners = tuple(item for item in self._listeners if item is not callback)

        return unlisten

    def publish(self, partial: Partial, piece: str) -> None:
        """Tells the listeners; one that fails costs nobody a reply."""
        for listener in self._listeners:
            try:
                listener(partial, piece)
            except Exception:
                _logger.exception("a listener of replies failed")

    def close(self) -> None:
        """Ends every server and process that was started, and what is under way."""
        with self._lock:
            self._closed = True
            tools, self._tools = self._tools, None
            models, self._models = self._models, None
        try:
            if tools is not None:
                self.outside.call(tools.close(), timeout=CLOSE_SECONDS)
            if models is not None:
                self.outside.call(models.aclose(), timeout=CLOSE_SECONDS)
        finally:
            self.outside.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LeaseLost("the workspace was closed")


CLOSE_SECONDS = 15.0
"""How long servers and processes get to end."""
