"""Settings: the workspace's file over the user's, and mistakes named with file and key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from proc_tui.core.errors import ConfigError
from proc_tui.core.model.settings import (
    ModelSettings,
    PythonToolSettings,
    ServerSettings,
    Settings,
    config_files,
    explain,
    load,
)
from proc_tui.core.model.workspace import FOLDER, find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda _name: str(tmp_path / "user"))

    def write(workspace: str = "", user: str = "") -> None:
        for folder, text in (("user", user), (FOLDER, workspace)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "config.toml").write_text(text)

    return write


def test_without_files_everything_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda _name: str(tmp_path / "nowhere"))
    assert load(tmp_path) == Settings()
    assert config_files(tmp_path)[-1] == tmp_path / FOLDER / "config.toml"


def test_the_workspace_wins_over_the_user_key_by_key(tmp_path: Path, write: Callable[..., None]) -> None:
    write(
        user='durability = "fast"\nfile_root = "files"\n[limits]\nlua_memory_mb = 7\nlua_instructions = 5\n',
        workspace='file_root = "other"\n[limits]\nlua_memory_mb = 9\n[worker]\nwarm = 1\n',
    )
    settings = load(tmp_path)
    assert (settings.durability, settings.file_root) == ("fast", "other")
    assert (settings.limits.lua_memory_mb, settings.limits.lua_instructions, settings.worker.warm) == (9, 5, 1)


def test_sections_of_other_parts_are_left_to_them(tmp_path: Path, write: Callable[..., None]) -> None:
    write(workspace='[theme]\nname = "dark"\n[remote.build]\nhost = "x"\n')
    assert load(tmp_path) == Settings()


def test_models_servers_and_tools_have_the_names_that_other_programs_use(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    write(
        workspace="""
default_model = "main"
[models.main]
model = "gpt-5-mini"
temperature = 1
price = {input = 1, output = 2.5}
[mcpServers.search]
command = "python"
args = ["server.py"]
connectTimeout = 3
[pythonTools]
modules = ["tools.py"]
"""
    )
    settings = load(tmp_path)
    assert settings.models["main"].temperature == 1.0
    assert settings.models["main"].price is not None
    assert settings.models["main"].price.output == 2.5
    assert settings.mcp_servers == {"search": ServerSettings(command="python", args=["server.py"], connect_timeout=3)}
    assert settings.python_tools == PythonToolSettings(modules=["tools.py"])


def test_a_name_of_the_workspace_replaces_the_whole_of_the_users_and_other_names_stay(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    write(
        user="""
[models.main]
model = "mine"
api_key_env = "MY_KEY"
[models.small]
model = "small"
[pythonTools]
interpreter = "/usr/bin/python3"
""",
        workspace='[models.main]\nmodel = "theirs"\nbase_url = "http://x"\n[pythonTools]\nmodules = ["a.py"]\n',
    )
    settings = load(tmp_path)
    assert settings.models == {
        "main": ModelSettings("theirs", base_url="http://x"), "small": ModelSettings("small")
    }  # fmt: skip
    assert settings.python_tools == PythonToolSettings(interpreter="/usr/bin/python3", modules=["a.py"])


class TestMcpJson:
    @pytest.fixture
    def paste(self, tmp_path: Path, write: Callable[..., None]) -> Callable[[str], None]:
        write()

        def paste(text: str) -> None:
            (tmp_path / FOLDER / "mcp.json").write_text(text, encoding="utf-8")

        return paste

    def test_the_file_of_other_programs_is_read_as_it_is(self, tmp_path: Path, paste: Callable[[str], None]) -> None:
        paste(
            """\ufeff{"$schema": "x", "inputs": [], "mcpServers": {
            "files": {"command": "npx", "args": ["-y", "server"], "env": {"PORT": 8080, "OLD": null},
                      "autoApprove": ["read"], "description": "Files", "cwd": null, "type": "stdio"},
            "far": {"type": "http", "url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${KEY}"},
                    "alwaysAllow": []},
            "off": {"disabled": true, "serverUrl": "x"}}}"""
        )
        assert load(tmp_path).mcp_servers == {
            "files": ServerSettings("npx", ["-y", "server"], {"PORT": "8080"}, type="stdio"),
            "far": ServerSettings(
                url="https://example.org/mcp", headers={"Authorization": "Bearer ${KEY}"}, type="http"
            ),
            "off": ServerSettings(disabled=True),
        }

    def test_the_workspaces_config_wins_over_it_and_it_wins_over_the_users(
        self, tmp_path: Path, write: Callable[..., None], paste: Callable[[str], None]
    ) -> None:
        write(
            user='[mcpServers.a]\ncommand = "1"\n[mcpServers.b]\ncommand = "1"\n[mcpServers.c]\ncommand = "1"\n',
            workspace='[mcpServers.a]\ncommand = "3"\n',
        )
        paste('{"mcpServers": {"a": {"command": "2"}, "b": {"command": "2"}}}')
        assert {name: server.command for name, server in load(tmp_path).mcp_servers.items()} == {
            "a": "3", "b": "2", "c": "1"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "is not JSON: Expecting property name"),
            ("[]", 'must hold the MCP servers by name: {"mcpServers"'),
            ('{"servers": {}}', "must hold the MCP servers by name"),
            ('{"mcpServers": {"a": 1}}', "mcpServers.a must be a table, not a number"),
            ('{"mcpServers": {"a": {"serverUrl": "x"}}}', 'mcpServers.a has neither a "command" nor a "url"'),
            ('{"mcpServers": {"a": {"command": "x", "timeout": NaN}}}', "mcpServers.a.timeout must be a finite number"),
            ('{"mcpServers": {"a": {"command": "x", "env": {"A": true}}}}', "env.A must be a text, not true or false"),
            ("[" * 100_000, "is not JSON"),
        ],
    )
    def test_a_mistake_is_named_with_its_file(
        self, tmp_path: Path, paste: Callable[[str], None], text: str, says: str
    ) -> None:
        paste(text)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path)
        assert says in str(caught.value)
        assert str(tmp_path / FOLDER / "mcp.json") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("durabilty = 'fast'", 'unknown key "durabilty"; did you mean "durability"'),
        ("durability = 'quick'", "durability"),
        ("[limits]\nlua_memory_mb = 'much'", "lua_memory_mb"),
        ("[worker]\nwarmth = 1", "warmth"),
        ("env_allow = 'HOME'", "env_allow"),
        ("not toml", "config.toml"),
        ("[limits]\nlua_memory_mb = 0", "lua_memory_mb"),
        ("[limits]\nlua_instructions = -1", "lua_instructions"),
        ("[worker]\nlease_seconds = 0", "lease_seconds"),
        ("[worker]\nmax_active = 0", "max_active"),
        ("[worker]\nlease_seconds = 1e308", "lease_seconds"),
        ("[limits]\nlua_instructions = 99999999999999999999", "lua_instructions"),
        ("[limits]\nlua_memory_mb = 99999999999", "lua_memory_mb"),
        ("[worker]\nwarm = -1", "worker.warm must be a whole number of at least 0, not -1"),
        ("[models.main]\nmodle = 'x'", 'models.main: unknown key "modle"; did you mean "model"?'),
        ("[models.main]\nmodle = 'x'", 'models.main: "model" is missing'),
        ("[models.main]\nmodel = ''", "models.main.model must be a text that is not empty, not an empty one"),
        ("[models]\nmodel = 'x'", "models.model must be a table, not a text"),
        ("[models.main]\nmodel = 'x'\napi_key = 'sk-1'", 'unknown key "api_key"; did you mean "api_key_env"?'),
        ("[models.main]\nmodel = 'x'\napi_key_env = 'sk-1'", "the name of an environment variable, not the key"),
        ("[models.main]\nmodel = 'x'\napi_key_env = 'A'\napi_key_keyring = 'a/b'", "keep one"),
        ("[models.main]\nmodel = 'x'\napi_key_keyring = 'a'", 'must be "service/name"'),
        ("[models.main]\nmodel = 'x'\nbase_url = 'localhost:80'", "must begin with http:// or https://"),
        ("[models.main]\nmodel = 'x'\ntemperature = nan", "models.main.temperature must be a finite number, not nan"),
        ("[models.main]\nmodel = 'x'\nprice = {input = inf, output = 0}", "models.main.price.input must be a finite"),
        ("[models.main]\nmodel = 'x'\ntimeout = 0", "models.main.timeout must be a number greater than 0, not 0"),
        ("[limits]\nmax_cost = -1", "limits.max_cost"),
        ("[limits]\nmax_tokens = 1.5", "limits.max_tokens must be a whole number of at least 1, not 1.5"),
        ("mcp_servers = {}", 'unknown key "mcp_servers"; did you mean "mcpServers"?'),
        ("[mcpservers.a]\ncommand = 'x'", 'did you mean "mcpServers"?'),
        ("[mcpServers.a]", 'mcpServers.a has neither a "command" nor a "url"'),
        ("[mcpServers.a]\ncommand = 'x'\nurl = 'http://x'", 'mcpServers.a has both a "command" and a "url"'),
        ("[mcpServers.a]\nurl = 'x'", "mcpServers.a.url must begin with"),
        ("[mcpServers.a]\ncommand = 'x'\nautoApprove = []", 'mcpServers.a: unknown key "autoApprove"'),
        ("[mcpServers.a]\ncommand = 'x'\nconnect_timeout = 1", 'did you mean "connectTimeout"?'),
        ("[mcpServers.a]\ncommand = 'x'\nargs = 'y'", "mcpServers.a.args must be a list of texts, not a text"),
        ("[pythonTools]\nmodules = [1]", "pythonTools.modules.1 must be a text, not a number"),
        ("[pythonTools]\nmodule = 'x'", 'pythonTools: unknown key "module"; did you mean "modules"?'),
        ("default_model = 'main'", "default_model must be the name of a table [models.NAME]"),
        ("default_model = 'man'\n[models.main]\nmodel = 'x'", 'not "man"; did you mean "main"?'),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(
    tmp_path: Path, write: Callable[..., None], text: str, says: str
) -> None:
    write(workspace=text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert says in str(caught.value)
    assert str(tmp_path / FOLDER / "config.toml") in str(caught.value)


def test_every_mistake_of_a_file_is_named_and_no_text_is_shown(tmp_path: Path, write: Callable[..., None]) -> None:
    write(workspace="[models.a]\nprice = 'secret'\n[mcpServers.b]\ncommand = 'x'\nenv = ['secret']\nheader = 'secret'")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert len(str(caught.value).splitlines()) == 4
    assert "secret" not in str(caught.value)


def test_a_wrong_durability_in_the_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROC_TUI_DURABILITY", "quick")
    with pytest.raises(ConfigError, match=r"environment variable PROC_TUI_DURABILITY: .* \"full\", not \"quick\""):
        load(tmp_path)


def test_the_users_own_servers_start_in_the_home_folder_and_not_in_whatever_workspace(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    own = "".join(
        f'[mcpServers.{name}]\ncommand = "x"\ncwd = "{cwd}"\n'
        for name, cwd in {"a": "", "b": "tools", "c": "~/x", "d": "/opt", "e": "${PROC_TUI_WORKSPACE}/x"}.items()
    )
    write(
        user=own + '[mcpServers.mine]\ncommand = "x"\n[mcpServers.web]\nurl = "http://x"\n',
        workspace='[mcpServers.mine]\ncommand = "y"\n[mcpServers.theirs]\ncommand = "z"\ncwd = "x"\n',
    )
    home = str(Path.home())
    assert {name: server.cwd for name, server in load(tmp_path).mcp_servers.items()} == {
        "a": home, "b": f"{home}/tools", "c": f"{home}/x", "d": "/opt", "e": "${PROC_TUI_WORKSPACE}/x",
        "mine": "", "web": "", "theirs": "x",
    }  # fmt: skip


def test_settings_are_explained_by_the_file_that_they_come_from(tmp_path: Path, write: Callable[..., None]) -> None:
    write(
        user='durability = "fast"\n[models.main]\nmodel = "mine"\napi_key_env = "MY_KEY"\n',
        workspace='[models.main]\nmodel = "theirs"\n[theme]\nname = "dark"\n',
    )
    (tmp_path / FOLDER / "mcp.json").write_text('{"mcpServers": {"a.b": {"command": "x"}}}')
    found = {row.key: (row.value, row.origin) for row in explain(tmp_path)}
    user, pasted, own = map(str, config_files(tmp_path))
    assert found["durability"] == ("fast", user)
    assert found["models.main.model"] == ("theirs", own)
    assert found["models.main.api_key_env"] == ("", "default")
    assert found["mcpServers.a.b.command"] == ("x", pasted)
    assert found["mcpServers.a.b.connectTimeout"] == (20.0, "default")
    assert found["theme.name"] == ("dark", own)


def test_the_example_of_the_documentation_is_valid(tmp_path: Path, write: Callable[..., None], project: Path) -> None:
    page = (project / "docs" / "configuration.md").read_text()
    write(workspace=page.partition("```toml\n")[2].partition("```")[0])
    settings = load(tmp_path)
    assert set(settings.models) == {"main", "local"}
    assert set(settings.mcp_servers) == {"search", "issues"}
    assert settings.python_tools.modules == ["tools.py"]


def test_the_nearest_workspace_above_is_found(tmp_path: Path) -> None:
    (tmp_path / "a" / FOLDER).mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert find_workspace(tmp_path / "a" / "b" / "c") == tmp_path / "a"
    assert find_workspace(tmp_path) == tmp_path


def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    os.mkfifo(tmp_path / FOLDER / "config.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(tmp_path)
