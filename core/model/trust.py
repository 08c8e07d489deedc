"""What a workspace's configuration would do to its user, and whether that user agreed to it.

Procedures are sandboxed; configuration starts programs, sends keys to addresses and opens folders, and it may come with
a folder that somebody else wrote. So what it does is shown once, and what was agreed to is kept by its digest outside
the workspace. Belongs here: reading, the digest, the record. Never: asking (`tui/`), or starting anything (`tools/`).

What needs an agreement is what the folder decides: the MCP servers of its `config.toml` and `mcp.json`, its Python
tools, and Python modules that lie in it whoever names them; models at addresses that are not on this machine, or that
are given a key; environment variables for templates; a file root outside the folder. Servers and models of the user's
own `config.toml` are the user's word already. The digest is about commands and not about the files that they read:
who may change a script that was agreed to may change what it imports as well, and somebody who writes tools would be
asked after every line.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from ipaddress import ip_address
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
import platformdirs

from ..errors import ConfigError
from .settings import load, sections, workspace_files


class Startable(msgspec.Struct, frozen=True):
    """A program that the workspace would start, or a server that it would connect to."""

    section: str
    """`mcpServers`, `pythonTools`, `models`, `env_allow` or `file_root`."""
    name: str
    command: str
    """The command line as a shell would take it, or the address."""
    environment: tuple[str, ...] = ()
    """Names of the variables, or of the headers, that it is given."""
    folder: str = ""
    """Where it is started, when that is not the workspace."""


class Trusted(msgspec.Struct, frozen=True):
    """What somebody agreed to."""

    workspace: str
    digest: str
    at: float
    commands: list[str]


def programs(workspace: Path) -> list[Startable]:
    """What needs the user's agreement before it is started. Raises `ConfigError`."""
    found: list[Startable] = []
    tables = _tables(workspace)
    for name, server in cast("dict[str, dict[str, object]]", tables.get("mcpServers", {})).items():
        words = [str(server.get("command", "")), *map(str, cast("list[object]", server.get("args", [])))]
        command = shlex.join(words) if words[0] else f"connects to {without_secrets(str(server.get('url', '')))}"
        given = {**_map(server.get("env")), **_map(server.get("headers"))}
        found.append(Startable("mcpServers", name, command, tuple(sorted(given)), str(server.get("cwd", ""))))
    tools = _map(tables.get("pythonTools"))
    interpreter = str(tools.get("interpreter", ""))
    for module in cast("list[str]", tools.get("modules", [])):
        found.append(Startable("pythonTools", module, shlex.join([interpreter, module])))
    for name, model in cast("dict[str, dict[str, str]]", tables.get("models", {})).items():
        key = model.get("api_key_env") or model.get("api_key_keyring")
        address = without_secrets(model.get("base_url", ""))
        sends = (
            f"sends what agents say, and the key in {key}, to {address}"
            if key
            else f"sends what agents say to {address}"
        )
        found.append(Startable("models", name, sends))
    for variable in tables.get("env_allow", {}):
        found.append(Startable("env_allow", variable, f"gives procedures the environment variable {variable}"))
    for folder in tables.get("file_root", {}):
        found.append(Startable("file_root", folder, f"lets procedures read and write files in {folder}"))
    return found


def variables(workspace: Path) -> frozenset[str]:
    """The environment variables that the workspace's own configuration gives to templates. Raises `ConfigError`."""
    return frozenset(_tables(workspace).get("env_allow", {}))


def opens_files(workspace: Path) -> bool:
    """Whether the workspace's own configuration gives procedures a folder outside of it. Raises `ConfigError`."""
    return bool(_tables(workspace).get("file_root"))


def digest(workspace: Path) -> str:
    """Changes whenever anything about these programs does. Raises `ConfigError`."""
    return _digest(workspace, _tables(workspace))


def _digest(workspace: Path, tables: dict[str, dict[str, object]]) -> str:
    said = {name: table for name, table in tables.items() if table or name in ("mcpServers", "pythonTools")}
    content = msgspec.json.encode([str(workspace.resolve()), said], order="sorted")
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def without_secrets(url: str) -> str:
    """An address without the password and the values that may stand in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    place = parts.netloc.rpartition("@")[2]
    query = "&".join(f"{name.partition('=')[0]}=***" for name in parts.query.split("&") if name)
    return urlunsplit(parts._replace(netloc=f"***@{place}" if "@" in parts.netloc else place, query=query, fragment=""))


def _tables(workspace: Path) -> dict[str, dict[str, object]]:
    """The sections of the workspace that start programs, as they hold; without what is switched off."""
    servers: dict[str, object] = {}
    models: dict[str, object] = {}
    opened: dict[str, object] = {}
    variables: dict[str, object] = {}
    tools: dict[str, object] = {}
    for file in workspace_files(workspace):
        said = sections(file)
        servers.update(_map(said.get("mcpServers")))
        tools.update(_map(said.get("pythonTools")))
        models.update(_sending(_map(said.get("models"))))
        allowed = said.get("env_allow")
        variables.update(
            dict.fromkeys(map(str, cast("list[object]", allowed)), True) if isinstance(allowed, list) else {}
        )
        folder = said.get("file_root")
        if isinstance(folder, str) and not (workspace / folder).resolve().is_relative_to(workspace.resolve()):
            opened[str((workspace / folder).resolve())] = True
    servers = {name: server for name, server in servers.items() if _map(server).get("disabled") is not True}
    settings = load(workspace).python_tools
    modules = settings.modules if tools else [name for name in settings.modules if not Path(name).is_absolute()]
    started: dict[str, object] = {"interpreter": settings.interpreter, "modules": modules} if modules else {}
    return {
        "mcpServers": servers,
        "pythonTools": started,
        "models": models,
        "env_allow": variables,
        "file_root": opened,
    }


def _sending(models: dict[str, object]) -> dict[str, object]:
    """Where each model that is not on this machine, or is given a key, is sent what."""
    found: dict[str, object] = {}
    for name, item in models.items():
        model = _map(item)
        told = {key: model[key] for key in ("base_url", "api_key_env", "api_key_keyring") if model.get(key)}
        address = told.get("base_url")
        if isinstance(address, str) and (len(told) > 1 or not _is_here(address)):
            found[name] = told
    return found


def _is_here(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _map(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


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
        tables = _tables(workspace)
        wanted = (str(workspace.resolve()), _digest(workspace, tables))
        return not any(tables.values()) or any((item.workspace, item.digest) == wanted for item in self.all())

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
