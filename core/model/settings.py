"""What a workspace is configured to do: `.proc-tui/config.toml` over the user's own `config.toml`.

Belongs here: the settings, their defaults and reading them. Never: acting on them.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal, cast

import msgspec
import platformdirs

from ..errors import ConfigError, did_you_mean
from .workspace import FOLDER


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run may use."""

    lua_memory_mb: Annotated[int, msgspec.Meta(ge=1, le=2**20)] = 256
    """Lua memory; past it the run fails, and can be resumed with a raised limit."""
    lua_instructions: Annotated[int, msgspec.Meta(ge=1, le=10**18)] = 3_000_000_000
    """Lua instructions between two operations: about 30 s of computing."""


class WorkerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How runs are driven."""

    lease_seconds: Annotated[float, msgspec.Meta(gt=0, le=86400)] = 10.0
    """How long a dead worker's runs stay untouched."""
    max_active: Annotated[int, msgspec.Meta(ge=1)] = 128
    """How many runs compute at the same time."""
    warm: Annotated[int, msgspec.Meta(ge=0)] = 32
    """How many waiting runs keep their Lua state."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting, with its default."""

    durability: Literal["full", "fast"] = "full"
    """`full`: an outcome is on the disk before the code goes on; `fast`: a power failure may take the last ones."""
    env_allow: list[str] = []
    """Environment variables that `{env.NAME}` may read."""
    file_root: str = "."
    """The folder that `File` is confined to, relative to the workspace."""
    database: str = ""
    """Another place for the database, for workspaces on network file systems."""
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()


LATER = ("default_model", "models", "mcpServers", "pythonTools", "theme", "keys", "notify", "remote")
"""Sections that other parts of the program read."""


def config_files(workspace: Path) -> list[Path]:
    """The configuration files in the order in which later ones win."""
    return [Path(platformdirs.user_config_dir("proc-tui")) / "config.toml", workspace / FOLDER / "config.toml"]


def load(workspace: Path) -> Settings:
    """The settings of a workspace. Raises `ConfigError` that names the file and the key."""
    merged: dict[str, object] = {}
    for file in config_files(workspace):
        for key, value in _read(file).items():
            before = merged.get(key)
            both = isinstance(before, dict) and isinstance(value, dict)
            merged[key] = {**cast("dict[str, object]", before), **cast("dict[str, object]", value)} if both else value
    if os.environ.get("PROC_TUI_DURABILITY"):
        merged["durability"] = os.environ["PROC_TUI_DURABILITY"]
    try:
        return msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"configuration: {error}") from None


def _read(file: Path) -> dict[str, object]:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ConfigError(f"{file} is not a regular file; move it away")
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    known = (*Settings.__struct_fields__, *LATER)
    unknown = [key for key in content if key not in known]
    if unknown:
        raise ConfigError(f'{file}: unknown key "{unknown[0]}"{did_you_mean(unknown[0], known)}')
    kept = {key: value for key, value in content.items() if key not in LATER}
    try:
        msgspec.convert(kept, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {error}") from None
    return kept


class Origin(msgspec.Struct, frozen=True):
    """A setting in effect, and where it comes from."""

    key: str
    """Dotted: `limits.lua_memory_mb`."""
    value: object
    origin: str
    """`default`, a file, or the name of an environment variable."""


def explain(workspace: Path) -> list[Origin]:
    """Every setting with its origin, then the sections that other parts read. Raises `ConfigError`."""
    settings = load(workspace)
    found = {key: Origin(key, value, "default") for key, value in _flat(msgspec.to_builtins(settings))}
    for file in config_files(workspace):
        for key, value in _flat(sections(file)):
            found[key] = Origin(key, value, str(file))
    if os.environ.get("PROC_TUI_DURABILITY"):
        found["durability"] = Origin("durability", settings.durability, "PROC_TUI_DURABILITY")
    return list(found.values())


def _flat(table: object, prefix: str = "") -> list[tuple[str, object]]:
    if not isinstance(table, dict):
        return [(prefix, table)]
    rows = cast("dict[str, object]", table)
    return [row for key, value in rows.items() for row in _flat(value, f"{prefix}.{key}" if prefix else key)]


def sections(file: Path) -> dict[str, object]:
    """All that a configuration file says, sections of other parts included; empty when there is no such file."""
    _read(file)
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
