from __future__ import annotations

import base64
import json
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import keyring
import keyring.backend
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from keyring.errors import KeyringLocked
from proc_tui.core.errors import Blocked
from proc_tui.core.model.secrets import REDACTED, SHORTEST, SHORTEST_IN_DATA, Secrets
from proc_tui.core.values import tag_bytes

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class Ring(keyring.backend.KeyringBackend):
    priority = 1  # pyright: ignore[reportAssignmentType]
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("the keyring is locked")
        return "sk-from-the-ring" if (service, username) == ("openai", "me") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    ring = Ring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    return ring


def test_a_variable_is_handed_out_and_redacted_from_then_on() -> None:
    secrets = Secrets({"API_KEY": "sk-12345"})
    assert secrets.redact("the key sk-12345") == "the key sk-12345"
    assert secrets.environment("API_KEY") == "sk-12345"
    assert secrets.redact("the key sk-12345, twice: sk-12345") == "the key ***, twice: ***"
    assert "sk-12345" not in repr(secrets)


@pytest.mark.parametrize("environment", [{}, {"API_KEY": ""}])
def test_a_missing_variable_blocks_and_says_what_to_set(environment: dict[str, str]) -> None:
    with pytest.raises(Blocked, match=r"^needs API_KEY on this worker; set it in the environment of proc-tui$"):
        Secrets(environment).environment("API_KEY")


def test_a_missing_variable_names_the_nearest_one() -> None:
    with pytest.raises(Blocked, match='did you mean "OPENAI_API_KEY"'):
        Secrets({"OPENAI_API_KEY": "x", "HOME": "/"}).environment("OPENAI_APIKEY")


def test_the_environment_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets()
    monkeypatch.setenv("LATE_KEY", "came-later")
    assert secrets.environment("LATE_KEY") == "came-later"


def test_names_in_a_text_are_replaced() -> None:
    secrets = Secrets({"TOKEN": "abc123", "PROC_TUI_PYTHON": "/other"})
    assert secrets.expand("Bearer ${TOKEN}; $TOKEN ${} {TOKEN}") == "Bearer abc123; $TOKEN ${} {TOKEN}"
    assert secrets.expand("${PROC_TUI_PYTHON} -m x") == f"{sys.executable} -m x"
    assert secrets.redact(f"{sys.executable} abc123") == f"{sys.executable} ***"
    with pytest.raises(Blocked, match="needs ABSENT"):
        secrets.expand("${TOKEN} ${ABSENT}")


def test_what_is_no_secret_stays_readable() -> None:
    secrets = Secrets({"HOME": "/home/ada", "PORT": "80", "PATH": "/usr/bin"})
    secrets.expand("${HOME} ${PORT} ${PATH}")
    assert secrets.redact("/home/ada/x:80 /usr/bin") == "/home/ada/x:80 /usr/bin"


def test_a_secret_within_a_longer_one_leaves_no_rest() -> None:
    secrets = Secrets({})
    for value in ("abcd", "abcdefgh", "xxabcdxx"):
        secrets.remember(value)
    assert secrets.redact("abcdefgh xxabcdxx abcd") == "*** *** ***"


@given(st.text(min_size=SHORTEST, max_size=40))
def test_a_secret_is_found_in_every_form_in_which_it_is_written(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        assume(False)
    assume(len(value.strip()) >= SHORTEST and value not in REDACTED)
    secrets = Secrets({"KEY": value})
    secrets.environment("KEY")
    for form in (
        value,
        value.strip(),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value))[3:-3],
        quote(value),
        quote(value, safe="").lower() if value == value.lower() else quote(value, safe=""),
        quote_plus(value),
        repr(value)[1:-1],
    ):
        assert secrets.redact(f"<{form}>") == "<***>", form


@given(st.binary(max_size=6), st.text(min_size=8, max_size=40), st.binary(max_size=6))
def test_a_secret_is_found_wherever_it_stands_in_base64(before: bytes, value: str, after: bytes) -> None:
    assume(len(value.strip()) >= SHORTEST_IN_DATA)
    try:
        secret = value.encode()
    except UnicodeEncodeError:
        assume(False)
    secrets = Secrets({"KEY": value})
    secrets.environment("KEY")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret + after).decode()
        told = secrets.redact_data({"type": "blob", "data": text})
        assert isinstance(told, dict)
        left = str(told["data"])
        assert REDACTED in left
        assert len(left.replace(REDACTED, "")) <= (len(before) + len(after)) * 4 / 3 + 8, "no more than the edges stay"


def test_a_text_that_is_not_utf8_stays_one_without_its_secrets() -> None:
    secrets = Secrets({"KEY": "sk-0123456789"})
    secrets.environment("KEY")
    assert secrets.redact_data(tag_bytes(b"\xff sk-0123456789 \xfe")) == tag_bytes(b"\xff *** \xfe")
    assert secrets.redact_data(tag_bytes(b"\xff")) == tag_bytes(b"\xff")


def test_the_keyring_gives_a_key_that_is_redacted(ring: Ring) -> None:
    secrets = Secrets({})
    assert secrets.keyring("openai/me") == "sk-from-the-ring"
    assert secrets.redact("sk-from-the-ring") == "***"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("openai/you", "store it with: keyring set openai you"),
        ("openai", "is not of the form service/name"),
        ("/me", "is not of the form service/name"),
    ],
)
def test_a_key_that_is_not_in_the_keyring_blocks(ring: Ring, place: str, says: str) -> None:
    with pytest.raises(Blocked, match=says):
        Secrets({}).keyring(place)


def test_a_locked_keyring_blocks(ring: Ring) -> None:
    ring.locked = True
    with pytest.raises(Blocked, match="cannot be read: the keyring is locked"):
        Secrets({}).keyring("openai/me")


def test_data_is_redacted_in_texts_lists_tables_and_keys() -> None:
    secrets = Secrets({"TOKEN": "swordfish-1234"})
    assert not secrets.hides_data
    secrets.environment("TOKEN")
    data: Any = {"a": ["swordfish-1234", 1, None], "the swordfish-1234": {"b": "x swordfish-1234 y"}, "n": 2.5}
    assert secrets.redact_data(data) == {"a": ["***", 1, None], "the ***": {"b": "x *** y"}, "n": 2.5}
    assert data["a"][0] == "swordfish-1234"


def test_no_value_is_lost_where_two_keys_are_secrets() -> None:
    secrets = Secrets({"ONE": "swordfish-1234", "TWO": "tunafish-5678"})
    secrets.environment("ONE")
    secrets.environment("TWO")
    data: Any = {"swordfish-1234": 1, "***": 2, "tunafish-5678": 3}
    assert secrets.redact_data(data) == {"*** (2)": 1, "***": 2, "*** (3)": 3}


def test_places_addresses_and_short_words_stay_in_data(tmp_path: Path) -> None:
    variables = {
        "DATA": str(tmp_path),
        "SITE": "https://example.org/docs",
        "MODE": "fast",
        "DATABASE": "postgres://ada:swordfish@db/x",
        "SIGNED": "https://example.org/?token=swordfish",
        "KEY": "/not-a-path/but+a=key",
    }
    secrets = Secrets(variables)
    for name, value in variables.items():
        secrets.environment(name)
        assert secrets.redact(f"<{value}>") == "<***>"
        kept = name in ("DATA", "SITE", "MODE")
        assert secrets.redact_data(f"<{value}>") == (f"<{value}>" if kept else "<***>"), name


def test_variables_that_are_expected_to_hold_a_key_are_redacted_before_they_are_asked_for() -> None:
    secrets = Secrets({"KEY": "swordfish-1234"})
    secrets.expected(["KEY", "NOT_SET"])
    assert secrets.redact_data("swordfish-1234") == secrets.redact("swordfish-1234") == "***"


def test_threads_may_use_it_at_the_same_time() -> None:
    secrets = Secrets({f"KEY_{number}": f"value-{number:03}" for number in range(60)})
    threads = [threading.Thread(target=secrets.environment, args=(f"KEY_{number}",)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert secrets.redact(" ".join(f"value-{number:03}" for number in range(60))) == " ".join(["***"] * 60)
