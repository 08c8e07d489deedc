"""Settings: the workspace's file over the user's, and mistakes named with file and key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import platformdirs
import pytest
from proc_tui.core.errors import ConfigError
from proc_tui.core.model.settings import Settings, config_files, load
from proc_tui.core.model.workspace import FOLDER, find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
    write(workspace='default_model = "main"\n[models.main]\nmodel = "x"\n[mcpServers.a]\ncommand = "b"\n')
    assert load(tmp_path).durability == "full"


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
        ("[worker]\nwarm = -1", "warm"),
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
