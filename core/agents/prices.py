"""What a reply costs.

Belongs here: the price of tokens, from the configuration or from the table of genai-prices, which is in the package and
needs no network. Never: adding up or limits; that is the budget's. What is not known is None, never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.messages import Usage
    from ..model.settings import ModelSettings

OPENAI_URL = "https://api.openai.com/v1"
"""The address that an empty `base_url` means."""
MILLION = 1_000_000


def cost(model: str, usage: Usage, settings: ModelSettings) -> float | None:
    """US dollars for the tokens of a reply; None when the price or the tokens are not known.

    `model` is what the server called the model that answered; when that has no price, the configured name counts. The
    first call that has to look into the table takes about 0.2 s.
    """
    if usage.input is None or usage.output is None:
        return None
    cached = min(usage.cached or 0, usage.input)
    price = settings.price
    if price is not None:
        rest = (usage.input - cached) * price.input + usage.output * price.output
        return (rest + cached * (price.input if price.cached is None else price.cached)) / MILLION
    for name in dict.fromkeys((model, settings.model)):
        found = _from_table(name, usage.input, cached, usage.output, settings.base_url or OPENAI_URL)
        if found is not None:
            return found
    return None


def _from_table(model: str, given: int, cached: int, written: int, address: str) -> float | None:
    import genai_prices  # noqa: PLC0415  # 0.15 s, and only where a price is asked for

    try:
        usage = genai_prices.Usage(input_tokens=given, cache_read_tokens=cached, output_tokens=written)
        found = genai_prices.calc_price(usage, model, provider_api_url=address)
    except (LookupError, ValueError):
        return None
    known = found.model_price.input_mtok is not None and found.model_price.output_mtok is not None
    return float(found.total_price) if known else None
