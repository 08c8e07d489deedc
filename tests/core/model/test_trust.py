from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs
import pytest
from proc_tui.core.errors import ConfigError
from proc_tui.core.model.trust import TrustRecord, digest, opens_files, programs, variables, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[mcpServers.search]
command = "python"
args = ["server.py", "a b"]
env = {TOKEN = "x"}
[mcpServers.remote]
url = "https://example.org/mcp"
[pythonTools]
interpreter = "/usr/bin/python3"
modules = ["tools.py"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / ".proc-tui").mkdir()
    (tmp_path / ".proc-tui" / "config.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def record(tmp_path: Path) -> TrustRecord:
    return TrustRecord(tmp_path / "user" / "trust.json")


def test_programs_are_listed_as_a_shell_would_take_them(workspace: Path) -> None:
    assert [(item.name, item.command, item.environment) for item in programs(workspace)] == [
        ("search", "python server.py 'a b'", ("TOKEN",)),
        ("remote", "connects to https://example.org/mcp", ()),
        ("tools.py", "/usr/bin/python3 tools.py", ()),
    ]


def test_servers_of_the_users_own_configuration_need_no_agreement(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda _name: str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "config.toml").write_text(
        '[mcpServers.mine]\ncommand = "a"\n[mcpServers.search]\ncommand = "b"\n'
    )
    assert {item.name: item.command for item in programs(workspace)} == {
        "search": "python server.py 'a b'",
        "remote": "connects to https://example.org/mcp",
        "tools.py": "/usr/bin/python3 tools.py",
    }


def test_a_module_that_lies_in_the_workspace_needs_an_agreement_whoever_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda _name: str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "config.toml").write_text('[pythonTools]\nmodules = ["/home/me/mine.py", "tools.py"]\n')
    (tmp_path / "there" / ".proc-tui").mkdir(parents=True)
    assert [item.name for item in programs(tmp_path / "there")] == ["tools.py"]
    (tmp_path / "there" / ".proc-tui" / "config.toml").write_text('[pythonTools]\ninterpreter = "./evil"\n')
    assert [item.command for item in programs(tmp_path / "there")] == ["./evil /home/me/mine.py", "./evil tools.py"]


def test_servers_of_a_pasted_mcp_json_are_programs_of_the_workspace(workspace: Path, record: TrustRecord) -> None:
    record.agree(workspace, 1.0)
    file = workspace / ".proc-tui" / "mcp.json"
    file.write_text('{"mcpServers": {"new": {"command": "x", "cwd": "deep", "headers": {}, "autoApprove": ["y"]}}}')
    assert ("new", "deep") in [(item.name, item.folder) for item in programs(workspace)]
    assert not record.trusts(workspace)
    file.write_text('{"mcpServers": {"new": {"command": "x", "disabled": true}}}')
    assert record.trusts(workspace)


def test_what_is_behind_a_command_may_change(workspace: Path, record: TrustRecord) -> None:
    (workspace / "tools.py").write_text("def one(): ...")
    record.agree(workspace, 1.0)
    (workspace / "tools.py").write_text("def two(): ...")
    assert record.trusts(workspace)


def test_an_address_is_shown_without_what_is_secret_in_it() -> None:
    assert (
        without_secrets("https://me:pass@example.org:8/mcp?key=abc&x#y")
        == "https://***@example.org:8/mcp?key=***&x=***"
    )
    assert without_secrets("http://[::1]/v1") == "http://[::1]/v1"
    assert "pass" not in without_secrets("http://me:pass@[/")


def test_trust_holds_until_anything_about_the_programs_changes(workspace: Path, record: TrustRecord) -> None:
    file = workspace / ".proc-tui" / "config.toml"
    assert not record.trusts(workspace)
    record.agree(workspace, 1.0)
    assert record.trusts(workspace)
    file.write_text("durability = 'fast'\n" + CONFIG)
    assert record.trusts(workspace)
    file.write_text(CONFIG.replace('"x"', '"y"'))
    assert not record.trusts(workspace)
    record.agree(workspace, 2.0)
    assert [item.at for item in record.all()] == [2.0]
    assert record.revoke(workspace)
    assert not record.revoke(workspace)
    assert not record.trusts(workspace)


def test_a_copy_of_a_workspace_elsewhere_is_not_trusted(workspace: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    (other / ".proc-tui").mkdir(parents=True)
    (other / ".proc-tui" / "config.toml").write_text(CONFIG)
    assert digest(workspace) != digest(other)


def test_a_workspace_that_starts_nothing_needs_no_trust(tmp_path: Path, record: TrustRecord) -> None:
    assert record.trusts(tmp_path)


def test_the_record_is_for_its_owner_only_and_a_damaged_one_is_named(workspace: Path, record: TrustRecord) -> None:
    record.agree(workspace, 1.0)
    assert record.file.stat().st_mode & 0o777 == 0o600
    record.file.write_text("[")
    with pytest.raises(ConfigError, match=r"trust[.]json"):
        record.trusts(workspace)


def configure(workspace: Path, text: str) -> None:
    (workspace / ".proc-tui" / "config.toml").write_text(text)


@pytest.mark.parametrize(
    ("model", "command"),
    [
        (
            'base_url = "http://evil.example/v1"\napi_key_env = "OPENAI_API_KEY"',
            "sends what agents say, and the key in OPENAI_API_KEY, to http://evil.example/v1",
        ),
        ('base_url = "http://evil.example/v1"', "sends what agents say to http://evil.example/v1"),
        (
            'base_url = "http://127.0.0.1:1/v1"\napi_key_env = "SECRET"',
            "sends what agents say, and the key in SECRET, to http://127.0.0.1:1/v1",
        ),
        ('base_url = "http://localhost:8080/v1"', None),
        ('base_url = "http://[::1]:8080/v1"', None),
        ("", None),
    ],
)
def test_where_a_workspace_sends_keys_and_conversations_is_asked(
    workspace: Path, record: TrustRecord, model: str, command: str | None
) -> None:
    configure(workspace, f'[models.main]\nmodel = "m"\n{model}\n')
    assert [item.command for item in programs(workspace)] == ([command] if command else [])
    assert record.trusts(workspace) is (command is None)
    record.agree(workspace, 1.0)
    assert record.trusts(workspace)
    configure(workspace, '[models.main]\nmodel = "m"\nbase_url = "http://other.example/v1"\n')
    assert not record.trusts(workspace)


def test_a_file_root_outside_the_workspace_is_asked(workspace: Path, record: TrustRecord) -> None:
    configure(workspace, 'file_root = "files"')
    assert programs(workspace) == []
    configure(workspace, 'file_root = "/etc"')
    assert [item.command for item in programs(workspace)] == ["lets procedures read and write files in /etc"]
    assert opens_files(workspace)
    assert not record.trusts(workspace)


def test_environment_variables_for_templates_are_asked(workspace: Path, record: TrustRecord) -> None:
    configure(workspace, 'env_allow = ["REGION", "OPENAI_API_KEY"]')
    assert [item.command for item in programs(workspace)] == [
        "gives procedures the environment variable REGION",
        "gives procedures the environment variable OPENAI_API_KEY",
    ]
    assert variables(workspace) == {"REGION", "OPENAI_API_KEY"}
    assert not record.trusts(workspace)
    record.agree(workspace, 1.0)
    assert record.trusts(workspace)
