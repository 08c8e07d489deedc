"""What a workspace is configured to do: `.proc-tui/config.toml` over the user's own `config.toml`.

Belongs here: the settings, their defaults and reading them. Never: acting on them, or what is wrong with a table
(`misfits.py`).

A workspace may also keep its MCP servers in `.proc-tui/mcp.json`, the file that other programs have, as it is;
`config.toml` wins over it. Between files the tables of a name (`models.main`, `mcpServers.search`) are replaced whole,
so that no server gets the key that was meant for another one; all else is replaced key by key.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
import platformdirs

from ..errors import ConfigError, did_you_mean
from .misfits import misfits, not_finite
from .workspace import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator


DEFAULT_KEY = "OPENAI_API_KEY"
"""The variable with the key of a model at OpenAI that names none."""


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run may use."""

    lua_memory_mb: Annotated[int, msgspec.Meta(ge=1, le=2**20)] = 256
    """Lua memory; past it the run fails, and can be resumed with a raised limit."""
    lua_instructions: Annotated[int, msgspec.Meta(ge=1, le=10**18)] = 3_000_000_000
    """Lua instructions between two operations: about 30 s of computing."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Tokens, in and out, that the models of a run and of all runs below it may use together; past it they stop and can
    be resumed with more."""
    max_cost: Annotated[float, msgspec.Meta(gt=0, le=10**9)] | None = None
    """US dollars that they may spend together on models whose price is known."""


class PriceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model costs, in US dollars for a million tokens."""

    input: Annotated[float, msgspec.Meta(ge=0, le=10**6)]
    """US dollars for a million tokens that it reads."""
    output: Annotated[float, msgspec.Meta(ge=0, le=10**6)]
    """US dollars for a million tokens that it writes."""
    cached: Annotated[float, msgspec.Meta(ge=0, le=10**6)] | None = None
    """Of the input, what the server had kept; as `input` when left out."""


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of an OpenAI-compatible server."""

    model: Annotated[str, msgspec.Meta(min_length=1)]
    """The model's name at the server."""
    base_url: str = ""
    """The server's address, up to `/v1`; empty for OpenAI."""
    api_key_env: str = ""
    """The environment variable that holds the key; `OPENAI_API_KEY` when there is neither this nor a `base_url`."""
    api_key_keyring: str = ""
    """`service/name` of the key in the system's keyring, instead of an environment variable."""
    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """How freely it chooses its words; the server's default when left out."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How many tokens one reply may have."""
    reasoning_effort: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    """How much it thinks, in the server's words: `low`, `medium`, `high`, ..."""
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 600.0
    """Seconds that one reply may take."""
    idle_timeout: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    """Seconds without a sign of life from the server."""
    price: PriceSettings | None = None
    """For a model whose price is not known, or is another one here."""


class ServerSettings(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """An MCP server, in the shape that other programs have too: a `command`, or a `url`."""

    command: str = ""
    """The program."""
    args: list[str] = []
    """Its arguments, one by one: no shell reads them."""
    env: dict[str, str] = {}
    """Variables it is given; `${NAME}` is replaced by the variable of proc-tui's own environment."""
    cwd: str = ""
    """Relative to the workspace; of a server in the user's own configuration to the home folder, and
    `${PROC_TUI_WORKSPACE}` is the workspace."""
    url: str = ""
    """Of a server that speaks streamable HTTP."""
    headers: dict[str, str] = {}
    """Sent with each request; `${NAME}` is replaced as in `env`."""
    type: str = ""
    """Told by `command` and `url`; kept because other programs write it."""
    disabled: bool = False
    """Keeps the server and does not start it."""
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """Seconds that one call may take."""
    connect_timeout: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """Seconds until the server must have answered the first time."""


class PythonToolSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Functions of Python files as tools."""

    interpreter: str = "python"
    """The Python that runs them, with the packages they need; `${NAME}` as in an MCP server's `env`."""
    modules: list[str] = []
    """Files, relative to the workspace; their public functions are tools."""
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """Seconds that one call may take."""


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
    default_model: str = ""
    """The name under `models` of the model for agents that name none; it may be left out when there is just one."""
    models: dict[str, ModelSettings] = {}
    """The models by the names that agents use."""
    mcp_servers: dict[str, ServerSettings] = msgspec.field(default_factory=dict, name="mcpServers")
    """The MCP servers whose tools agents and `Tools` may call, by name."""
    python_tools: PythonToolSettings = msgspec.field(default=PythonToolSettings(), name="pythonTools")
    limits: LimitSettings = LimitSettings()
    worker: WorkerSettings = WorkerSettings()

    def key_variables(self) -> list[str]:
        """The environment variables that hold the keys of models, OpenAI's own among them."""
        return [DEFAULT_KEY, *(model.api_key_env for model in self.models.values() if model.api_key_env)]


LATER = ("theme", "keys", "notify", "remote")
"""Sections that other parts of the program read."""


def config_files(workspace: Path) -> list[Path]:
    """The configuration files in the order in which later ones win."""
    return [Path(platformdirs.user_config_dir("proc-tui")) / "config.toml", *workspace_files(workspace)]


def workspace_files(workspace: Path) -> list[Path]:
    """Those of them that come with the workspace."""
    return [workspace / FOLDER / "mcp.json", workspace / FOLDER / "config.toml"]


def load(workspace: Path) -> Settings:
    """The settings of a workspace. Raises `ConfigError` that names the file and the key."""
    merged = _Merged(config_files(workspace))
    table = {key: value for key, value in merged.table.items() if key not in LATER}
    if os.environ.get(_DURABILITY):
        table["durability"] = os.environ[_DURABILITY]
        _convert({"durability": table["durability"]}, f"the environment variable {_DURABILITY}")
    settings = _at_home(_convert(table, "configuration"), merged, workspace)
    if settings.default_model and settings.default_model not in settings.models:
        hint = did_you_mean(settings.default_model, settings.models)
        known = f"; there are {', '.join(settings.models)}" if settings.models else "; there are no models yet"
        raise ConfigError(
            f"{merged.origin(('default_model',))}: default_model must be the name of a table [models.NAME], "
            f'not "{settings.default_model}"{hint or known}'
        )
    return settings


def _at_home(settings: Settings, merged: _Merged, workspace: Path) -> Settings:
    """The settings with the user's own servers started in the home folder.

    They are agreed to once and for all workspaces, so nothing that lies in one may decide what they load.
    """
    servers = dict(settings.mcp_servers)
    for name, server in servers.items():
        told = server.cwd.startswith("${")  # a folder that is known when the server is started
        if server.command and not told and merged.origin(("mcpServers", name)) not in workspace_files(workspace):
            servers[name] = msgspec.structs.replace(server, cwd=str(Path.home() / Path(server.cwd).expanduser()))
    return msgspec.structs.replace(settings, mcp_servers=servers)


_DURABILITY = "PROC_TUI_DURABILITY"


class _Merged:
    """What several files say together, and which of them says what."""

    def __init__(self, files: list[Path]) -> None:
        self.table: dict[str, object] = {}
        self._origins: dict[tuple[str, ...], Path] = {}
        for file in files:
            for key, value in sections(file).items():
                before = self.table.get(key)
                if not isinstance(value, dict):
                    self.table[key], self._origins[key,] = value, file
                    continue
                inner = cast("dict[str, object]", value)
                self.table[key] = {**(cast("dict[str, object]", before) if isinstance(before, dict) else {}), **inner}
                self._origins.update({(key, name): file for name in inner})

    def origin(self, path: tuple[str, ...]) -> Path | None:
        """The file that a key comes from."""
        return self._origins.get(path[:2]) or self._origins.get(path[:1])


# ---- one file


def sections(file: Path) -> dict[str, object]:
    """All that a configuration file says, sections of other parts included; empty when there is no such file.

    Raises `ConfigError` for everything that is wrong with it by itself.
    """
    text = _text(file)
    if text is None:
        return {}
    content = _servers(file, text) if file.suffix == ".json" else _toml(file, text)
    known = {key: value for key, value in content.items() if key not in LATER}
    settings = _convert(known, str(file))
    problems = list(_nonsense(settings))
    if problems:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in problems))
    return content


def _text(file: Path) -> str | None:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ConfigError(f"{file} is not a regular file; move it away")
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None


def _toml(file: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None


def _servers(file: Path, text: str) -> dict[str, object]:
    """The `mcpServers` of an `mcp.json`, without what only other programs understand."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not JSON: {error}") from None
    found = _tables(content).get("mcpServers")
    if not isinstance(found, dict):
        raise ConfigError(f'{file} must hold the MCP servers by name: {{"mcpServers": {{"NAME": {{"command": ...}}}}}}')
    return {"mcpServers": {name: _server(server) for name, server in cast("dict[str, object]", found).items()}}


def _server(table: object) -> object:
    """A server without nulls and without what only other programs understand; numbers in its variables as texts."""
    if not isinstance(table, dict):
        return table
    known = {field.encode_name for field in msgspec.structs.fields(ServerSettings)}
    kept = {key: value for key, value in cast("dict[str, object]", table).items() if key in known and value is not None}
    for key in ("env", "headers"):
        if isinstance(kept.get(key), dict):
            named = _tables(kept[key]).items()
            kept[key] = {name: str(item) if _is_number(item) else item for name, item in named if item is not None}
    return kept


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tables(content: object) -> dict[str, object]:
    return cast("dict[str, object]", content) if isinstance(content, dict) else {}


def _convert(table: dict[str, object], source: str) -> Settings:
    """Raises `ConfigError` with every problem."""
    problems = list(not_finite(table))
    try:
        if not problems:
            return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        problems = list(misfits(table, Settings)) or [str(error)]
    raise ConfigError("\n".join(f"{source}: {problem}" for problem in problems))


def _nonsense(settings: Settings) -> Iterator[str]:
    """What fits by its type and still means nothing."""
    for name, server in settings.mcp_servers.items():
        if server.disabled:
            continue
        if bool(server.command) == bool(server.url):
            which = 'both a "command" and a "url"; keep one' if server.url else 'neither a "command" nor a "url"'
            yield f"mcpServers.{name} has {which}"
        elif server.url and not server.url.startswith(_WEB):
            yield f"mcpServers.{name}.url must begin with http:// or https://"
    for name, model in settings.models.items():
        if model.base_url and not model.base_url.startswith(_WEB):
            yield f"models.{name}.base_url must begin with http:// or https://"
        if model.api_key_env and model.api_key_keyring:
            yield f"models.{name} has both api_key_env and api_key_keyring; keep one"
        if model.api_key_keyring and not all(model.api_key_keyring.partition("/")):
            yield f'models.{name}.api_key_keyring must be "service/name"'
        if model.api_key_env and not model.api_key_env.replace("_", "a").isalnum():
            yield f"models.{name}.api_key_env must be the name of an environment variable, not the key itself"


_WEB = ("http://", "https://")


# ---- explaining


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
    merged = _Merged(config_files(workspace))
    said = dict(_flat(merged.table))
    found = {**dict(_flat(msgspec.to_builtins(settings))), **said, ("durability",): settings.durability}

    def origin(path: tuple[str, ...]) -> str:
        if path == ("durability",) and os.environ.get(_DURABILITY):
            return _DURABILITY
        return str(merged.origin(path)) if path in said else "default"

    return [Origin(".".join(path), value, origin(path)) for path, value in found.items()]


def _flat(table: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if not isinstance(table, dict):
        yield path, table
        return
    for key, value in cast("dict[str, object]", table).items():
        yield from _flat(value, (*path, key))
