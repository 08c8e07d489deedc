"""The checks of `doctor` that go out into the world: every model is asked for its list, every tool is started.

All begin at once in a thread of their own, which loads what is heavy, and each gives its finding when it has one. No
model is paid, and no program is started that the user did not agree to. Belongs here: asking, and what the answers
mean. Never: what can be seen on this machine alone (`diagnosis.py`).
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import TYPE_CHECKING

from ..core.errors import Blocked, ProcError, ToolError
from ..core.model.trust import TrustRecord, without_secrets
from .clean import oneline
from .findings import Finding
from .words import listed, several

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..core.agents.models import Models
    from ..core.model.secrets import Secrets
    from ..core.model.settings import Settings
    from ..core.tools.tool import Source

DEADLINE_SECONDS = 30.0
"""After which the checks that have found nothing yet are given up."""
PYTHON_SECONDS = 20.0
"""How long the Python of the workspace may take to import its tools."""
SHOWN = 50
"""How many tools of a server are named."""


class Reach:
    """The checks, under way from the moment it is made."""

    def __init__(self, workspace: Path, settings: Settings) -> None:
        self._found: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        self._workspace = workspace
        self._settings = settings
        self._until = time.monotonic() + DEADLINE_SECONDS
        threading.Thread(target=self._work, name="proc-tui doctor", daemon=True).start()

    def findings(self) -> Iterator[Finding]:
        """What they find, as they do."""
        while True:
            try:
                finding = self._found.get(timeout=max(0.0, self._until - time.monotonic()))
            except queue.Empty:
                yield Finding("tools", "wrong", f"some checks did not end within {DEADLINE_SECONDS:g} s")
                return
            if finding is None:
                return
            yield finding

    def _work(self) -> None:
        try:
            asyncio.run(self._ask())
        except ProcError as error:
            self._found.put(Finding("tools", "wrong", str(error)))
        finally:
            self._found.put(None)

    async def _ask(self) -> None:
        from ..core.agents.models import Models
        from ..core.model.secrets import Secrets

        secrets = Secrets()
        models = Models(self._settings, secrets, workspace=self._workspace)
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._settings.models:
                    group.create_task(self._model(models, name))
                for source in self._sources(secrets):
                    group.create_task(self._tools(source, secrets))
        finally:
            await models.aclose()
        if not self._settings.models:
            advice = 'Put for example [models.main] with model = "gpt-5-mini" into .proc-tui/config.toml.'
            self._found.put(Finding("models", "note", "none is configured, and agents need one", advice))
        elif len(self._settings.models) > 1 and not self._settings.default_model:
            advice = f'Put for example default_model = "{next(iter(self._settings.models))}" into config.toml.'
            self._found.put(Finding("models", "note", "none is the default, which agents need that name none", advice))

    async def _model(self, models: Models, name: str) -> None:
        problem = await models.check(name)
        settings = self._settings.models[name]
        if problem is not None:
            self._found.put(Finding("models", "wrong", _about(name, problem)))
            return
        where = without_secrets(settings.base_url) if settings.base_url else "OpenAI"
        self._found.put(Finding("models", "ok", f"{name}: {settings.model} at {where}"))

    def _sources(self, secrets: Secrets) -> Iterator[Source]:
        """What gives tools, unless somebody has to agree first; each with its own deadline and names, as the toolbox
        does not tell them."""
        from ..core.tools.mcp_servers import McpServer
        from ..core.tools.python_tools import PythonTools

        if not TrustRecord().trusts(self._workspace):
            return
        for name, server in self._settings.mcp_servers.items():
            if not server.disabled:
                yield McpServer(name, server, self._workspace, secrets)
        python = self._settings.python_tools
        if python.modules:
            yield PythonTools(python, self._workspace, secrets, start_seconds=PYTHON_SECONDS)

    async def _tools(self, source: Source, secrets: Secrets) -> None:
        try:
            await source.start()
            names = [oneline(tool.name) for tool in source.tools]
            text = f"{source.name}: {several(len(names), 'tool')}{': ' if names else ''}{listed(names, SHOWN)}"
            self._found.put(Finding("tools", "ok" if names else "note", text))
        except (ToolError, Blocked) as error:
            self._found.put(Finding("tools", "wrong", secrets.redact(_about(source.name, str(error)))))
        else:
            for problem in source.problems:
                self._found.put(Finding("tools", "note", secrets.redact(problem)))
        finally:
            await source.close()


def _about(name: str, problem: str) -> str:
    """What is wrong, with the name of what it is about where it does not say that itself."""
    return problem if f'"{name}"' in problem else f"{name}: {problem}"
