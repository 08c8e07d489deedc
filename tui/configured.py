"""What the configuration says besides the core's settings: theme, keys and notifications, with each file read once.

Belongs here: which file says what. Never: what it means (`themes/`, `keys.py`, `announcing.py`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from ..core.model import settings

if TYPE_CHECKING:
    from pathlib import Path


class Configured:
    """The configuration files of a workspace, as they were when each was first asked for."""

    def __init__(self, workspace: Path) -> None:
        self.own: Path
        """The user's own file; it may be missing."""
        self.own, *self.others = settings.config_files(workspace)
        self._said: dict[Path, dict[str, object] | ConfigError] = {}

    def file(self, file: Path) -> dict[str, object]:
        """What one file says. Raises `ConfigError` when it is wrong."""
        if file not in self._said:
            try:
                self._said[file] = settings.sections(file)
            except ConfigError as error:
                self._said[file] = error
        found = self._said[file]
        if isinstance(found, ConfigError):
            raise found
        return found

    def value(self, key: str) -> object:
        """What is said of a key, by the workspace before the user; a file that is wrong says nothing."""
        said: object = None
        for file in (self.own, *self.others):
            with suppress(ConfigError):
                said = self.file(file).get(key, said)
        return said

    def own_value(self, key: str) -> object:
        """What the user's own file says of a key: keys are a person's, and no workspace moves them."""
        with suppress(ConfigError):
            return self.file(self.own).get(key)
        return None
