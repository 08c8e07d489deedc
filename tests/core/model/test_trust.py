from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from proc_tui.core.errors import ConfigError
from proc_tui.core.model.trust import TrustRecord, digest, programs

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
