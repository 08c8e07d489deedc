from __future__ import annotations

import pytest
from proc_tui.core.agents.prices import cost
from proc_tui.core.model.messages import Usage
from proc_tui.core.model.settings import ModelSettings, PriceSettings

OPENAI = ModelSettings(model="gpt-4o-mini")
MILLION = 1_000_000


def test_the_price_of_a_known_model_comes_from_the_table() -> None:
    assert cost("gpt-4o-mini", Usage(input=MILLION, output=MILLION), OPENAI) == pytest.approx(0.15 + 0.60)


def test_cached_tokens_cost_less() -> None:
    assert cost("gpt-4o-mini", Usage(input=MILLION, output=0, cached=MILLION), OPENAI) == pytest.approx(0.075)


def test_a_dated_name_of_the_server_is_known_too() -> None:
    usage = Usage(input=MILLION, output=0)
    assert cost("gpt-4o-mini-2024-07-18", usage, OPENAI) == pytest.approx(0.15)


def test_the_configured_name_counts_when_the_servers_has_no_price() -> None:
    assert cost("snapshot-77", Usage(input=MILLION, output=0), OPENAI) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("no-such-model", ""),
        ("gpt-4o-mini", "http://127.0.0.1:8080/v1"),
        ("gpt-4o-mini", "https://models.example.org/v1"),
        ("", ""),
    ],
)
def test_what_is_not_known_costs_none_and_not_0(model: str, base_url: str) -> None:
    settings = ModelSettings(model=model or "x", base_url=base_url)
    assert cost(model, Usage(input=1000, output=1000), settings) is None


@pytest.mark.parametrize("usage", [Usage(), Usage(input=5), Usage(output=5), Usage(total=10)])
def test_tokens_that_are_not_known_cost_none(usage: Usage) -> None:
    assert cost("gpt-4o-mini", usage, OPENAI) is None
    assert cost("m", usage, ModelSettings(model="m", price=PriceSettings(input=1, output=1))) is None


def test_a_configured_price_wins() -> None:
    settings = ModelSettings(model="gpt-4o-mini", price=PriceSettings(input=2.0, output=8.0, cached=0.5))
    usage = Usage(input=1000, output=100, cached=400)
    assert cost("gpt-4o-mini", usage, settings) == pytest.approx((600 * 2.0 + 400 * 0.5 + 100 * 8.0) / MILLION)


def test_cached_tokens_cost_as_others_when_no_price_is_configured_for_them() -> None:
    settings = ModelSettings(model="m", price=PriceSettings(input=2.0, output=8.0))
    assert cost("m", Usage(input=1000, output=0, cached=1000), settings) == pytest.approx(2000 / MILLION)


def test_a_model_that_is_free_here_costs_0() -> None:
    settings = ModelSettings(model="m", price=PriceSettings(input=0, output=0))
    assert cost("m", Usage(input=1000, output=1000), settings) == 0.0


def test_more_cached_tokens_than_there_are_count_as_all() -> None:
    assert cost("gpt-4o-mini", Usage(input=MILLION, output=0, cached=2 * MILLION), OPENAI) == pytest.approx(0.075)
