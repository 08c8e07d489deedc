"""What is said of failures that `test_openai.py` cannot bring about over HTTP on one machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.agents.failures import LONGEST, Failure, Kind, Place, explain, spoken
from proc_tui.core.model.secrets import Secrets

PLACE = Place("models.main", "gpt-test", "https://models.example.org/v1", "MY_KEY")
NONE = Secrets({})


@pytest.mark.parametrize(
    ("kind", "says", "retryable"),
    [
        ("unknown_host", "no server is known by the name in https://models.example.org/v1: why; check base_url", True),
        ("untrusted", "the certificate of https://models.example.org/v1 is not trusted: why; set SSL_CERT_FILE", False),
    ],
)
def test_a_failure_to_connect_says_what_to_check(kind: Kind, says: str, retryable: bool) -> None:
    error = explain(Failure(kind, "why"), PLACE, NONE)
    assert says in str(error)
    assert error.retryable is retryable


def test_what_will_not_get_better_has_no_moment_to_try_again() -> None:
    final = explain(Failure("status", "no", status=401, retry_after=3.0), PLACE, NONE)
    assert (final.retryable, final.retry_after) == (False, None)
    passing = explain(Failure("status", "later", status=503, retry_after=3.0), PLACE, NONE)
    assert (passing.retryable, passing.retry_after) == (True, 3.0)


@given(st.text())
def test_what_a_server_says_fits_on_one_line_of_bearable_length(text: str) -> None:
    said = spoken(text, NONE)
    assert len(said) <= LONGEST
    assert said.splitlines() in ([], [said])
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in said)


def test_a_secret_at_the_limit_is_not_cut_in_two() -> None:
    secrets = Secrets({"MY_KEY": "sk-" + "a" * 60})
    secrets.environment("MY_KEY")
    assert "sk-" not in spoken("x" * (LONGEST - 20) + " sk-" + "a" * 60, secrets)
