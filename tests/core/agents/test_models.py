from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.agents.models import Models
from proc_tui.core.errors import Blocked, PrimitiveError
from proc_tui.core.model.messages import Usage
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import ModelSettings, Settings
from proc_tui.core.model.trust import TrustRecord

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = {"model": "llama", "base_url": "http://127.0.0.1:9/v1"}
OPENAI = {"model": "gpt-4o-mini"}


def models(environment: dict[str, str] | None = None, default: str = "", **tables: Any) -> Models:
    settings = msgspec.convert({"default_model": default, "models": tables}, Settings)
    return Models(settings, Secrets({} if environment is None else environment))


def test_a_name_gives_the_one_instance() -> None:
    found = models(main=LOCAL, other=LOCAL)
    assert found.get("main") is found.get("main")
    assert found.get("main") is not found.get("other")
    assert found.get("main").name == "main"
    assert found.names == ["main", "other"]


@pytest.mark.parametrize("name", [None, ""])
def test_the_default_is_meant_when_none_is_named(name: str | None) -> None:
    assert models(default="other", main=LOCAL, other=LOCAL).get(name).name == "other"
    assert models(only=LOCAL).get(name).name == "only"


@pytest.mark.parametrize("name", [None, "main"])
def test_without_any_model_it_says_what_to_write(name: str | None) -> None:
    with pytest.raises(PrimitiveError, match=r'\[models.main\] with model = "gpt-5-mini" into .proc-tui/config.toml'):
        models().get(name)


def test_several_models_without_a_default_are_listed() -> None:
    with pytest.raises(PrimitiveError, match=r"configured are main, other; set default_model"):
        models(main=LOCAL, other=LOCAL).get(None)


@pytest.mark.parametrize(
    ("name", "default", "says"),
    [
        (
            "mian",
            "",
            r'^the agent.s model is "mian", but there is no \[models.mian\] in config.toml; did you mean "main"\?$',
        ),
        ("zzz", "", r"in config.toml; configured are main, other$"),
        (None, "mian", r'^default_model says "mian", but'),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name: str | None, default: str, says: str) -> None:
    with pytest.raises(PrimitiveError, match=says):
        models(default=default, main=LOCAL, other=LOCAL).get(name)


@pytest.mark.parametrize("url", ["127.0.0.1:8080/v1", "localhost:8080", "ftp://x/v1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(PrimitiveError, match=r"base_url of \[models.main\] is no address"):
        models(main={"model": "m", "base_url": url}).get("main")


def test_a_missing_key_blocks_until_it_is_there() -> None:
    environment: dict[str, str] = {}
    found = models(environment, main=OPENAI)
    with pytest.raises(Blocked, match=r'^model "main" needs OPENAI_API_KEY on this worker; set it'):
        found.get("main")
    environment["OPENAI_API_KEY"] = "sk-1234"
    assert found.get("main").name == "main"


def test_the_named_variable_is_the_only_one_that_counts() -> None:
    with pytest.raises(Blocked, match='"main" needs MY_KEY on this worker'):
        models({"OPENAI_API_KEY": "sk-1234"}, main={**LOCAL, "api_key_env": "MY_KEY"}).get("main")


@pytest.mark.parametrize("key", ["sk-12\n34", "sk-schlüssel", "   ", "sk-\u200b1234"])
def test_a_key_that_cannot_be_one_blocks_without_showing_it(key: str) -> None:
    with pytest.raises(Blocked, match="what is in OPENAI_API_KEY is no key") as caught:
        models({"OPENAI_API_KEY": key}, main=OPENAI).get("main")
    assert "sk-" not in str(caught.value)


def test_a_key_may_end_in_a_line_break() -> None:
    assert models({"OPENAI_API_KEY": "sk-1234\n"}, main=OPENAI).get("main").name == "main"


def test_the_price_of_a_configured_model_is_known_or_none() -> None:
    found = models(main=OPENAI, local=LOCAL)
    assert found.price("main", Usage(input=1_000_000, output=0)) == pytest.approx(0.15)
    assert found.price("local", Usage(input=1_000_000, output=0)) is None


async def test_the_check_says_what_is_wrong_with_the_configuration() -> None:
    assert "needs OPENAI_API_KEY" in (await models(main=OPENAI).check("main") or "")
    assert "did you mean" in (await models(main=OPENAI).check("mian") or "")
    await models().aclose()


def test_a_model_of_a_strangers_workspace_is_not_used_before_its_user_agreed(tmp_path: Path) -> None:
    table = {"model": "m", "base_url": "http://evil.example/v1", "api_key_env": "KEY"}
    (tmp_path / ".proc-tui").mkdir()
    lines = "\n".join(f'{name} = "{value}"' for name, value in table.items())
    (tmp_path / ".proc-tui" / "config.toml").write_text(f"[models.main]\n{lines}\n")
    settings = Settings(models={"main": msgspec.convert(table, ModelSettings)})
    models = Models(settings, Secrets({"KEY": "sk-1234567"}), workspace=tmp_path)
    with pytest.raises(Blocked, match=r"sends what agents say, and the key in KEY, to http://evil\.example/v1"):
        models.get(None)
    TrustRecord().agree(tmp_path, 1.0)
    try:
        assert models.get(None).name == "main"
    finally:
        TrustRecord().revoke(tmp_path)


def test_a_model_whose_key_waits_for_a_person_holds_up_no_other_and_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, unlocked = threading.Event(), threading.Event()
    places: list[str] = []

    def keyring(_secrets: Secrets, place: str) -> str:
        places.append(place)
        asked.set()
        assert unlocked.wait(10)
        return "sk-from-the-ring"

    monkeypatch.setattr(Secrets, "keyring", keyring)
    found = models(locked={**LOCAL, "api_key_keyring": "a/b"}, open=LOCAL)
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(found.get, "locked") for _ in range(2)]
        assert asked.wait(10)
        assert pool.submit(found.get, "open").result(10).name == "open"
        unlocked.set()
        first, second = (item.result(10) for item in waiting)
    assert first is second
    assert places == ["a/b"]
