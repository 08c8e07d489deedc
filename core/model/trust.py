"""Which programs a workspace's configuration would start, and whether its user agreed to that.

Procedures are sandboxed; tool configuration starts programs, and it may come with a folder that somebody else
wrote. So the commands are shown once, and what was agreed to is kept by its digest outside the workspace. Belongs
here: reading, the digest, the record. Never: asking (`tui/`), or starting anything (`tools/`).
"""

from __future__ import annotations

import hashlib
import os
import shlex
from pathlib import Path
from typing import cast

import msgspec
import platformdirs

from ..errors import ConfigError
from .settings import sections
from .workspace import FOLDER

SECTIONS = ("mcpServers", "pythonTools")
"""Sections of `config.toml` that start programs."""


class Startable(msgspec.Struct, frozen=True):
    """A program that the workspace would start, or a server that it would connect to."""

    section: str
    name: str
    command: str
    """The command line as a shell would take it, or the address."""
    environment: tuple[str, ...] = ()
    """Names of the variables that it is given."""


class Trusted(msgspec.Struct, frozen=True):
    """What somebody agreed to."""

    workspace: str
    digest: str
    at: float
    commands: list[str]


def programs(workspace: Path) -> list[Startable]:
    """What the workspace's own configuration would start. Raises `ConfigError`."""
    found: list[Startable] = []
    tables = _tables(workspace)
    for name, server in _maps(tables.get("mcpServers")).items():
        args = server.get("args")
        words = [
            str(server.get("command", "")),
            *map(str, cast("list[object]", args) if isinstance(args, list) else []),
        ]
        command = shlex.join(words) if words[0] else f"connects to {server.get('url', '(no command, no url)')}"
        found.append(Startable("mcpServers", name, command, tuple(sorted(_map(server.get("env"))))))
    tools = _map(tables.get("pythonTools"))
    if tools:
        interpreter, modules = str(tools.get("interpreter", "python")), tools.get("modules")
        for module in cast("list[object]", modules) if isinstance(modules, list) else []:
            found.append(Startable("pythonTools", str(module), shlex.join([interpreter, str(module)])))
    return found


def digest(workspace: Path) -> str:
    """Changes whenever anything about these programs does. Raises `ConfigError`."""
    tables = _tables(workspace)
    content = msgspec.json.encode([str(workspace.resolve()), tables], order="sorted")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _tables(workspace: Path) -> dict[str, object]:
    found = sections(workspace / FOLDER / "config.toml")
    return {name: found[name] for name in SECTIONS if name in found}


def _map(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _maps(value: object) -> dict[str, dict[str, object]]:
    return {name: _map(item) for name, item in _map(value).items()}


class TrustRecord:
    """What this user agreed to, for all workspaces."""

    def __init__(self, file: Path | None = None) -> None:
        self.file: Path = file or Path(platformdirs.user_data_dir("proc-tui")) / "trust.json"

    def all(self) -> list[Trusted]:
        """Everything that was agreed to. Raises `ConfigError` when the file is damaged."""
        try:
            return msgspec.json.decode(self.file.read_bytes(), type=list[Trusted])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{self.file}: {error}; remove the file to be asked again") from None

    def trusts(self, workspace: Path) -> bool:
        """Whether all that the workspace would start now was agreed to, as it stands. Raises `ConfigError`."""
        wanted = (str(workspace.resolve()), digest(workspace))
        return not programs(workspace) or any((item.workspace, item.digest) == wanted for item in self.all())

    def agree(self, workspace: Path, at: float) -> None:
        """Notes that the user agreed to what the workspace would start now."""
        item = Trusted(str(workspace.resolve()), digest(workspace), at, [one.command for one in programs(workspace)])
        self._write([*(old for old in self.all() if old.workspace != item.workspace), item])

    def revoke(self, workspace: Path) -> bool:
        """Takes an agreement back; False when there was none."""
        before = self.all()
        after = [item for item in before if item.workspace != str(workspace.resolve())]
        self._write(after)
        return len(after) < len(before)

    def _write(self, items: list[Trusted]) -> None:
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = self.file.with_name(f"{self.file.name}.{os.getpid()}")
            new.write_bytes(msgspec.json.format(msgspec.json.encode(items), indent=2))
            new.chmod(0o600)
            new.replace(self.file)
        except OSError as error:
            raise ConfigError(f"{self.file}: {error.strerror or error}") from None
