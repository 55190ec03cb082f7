"""The user's own prices: dated, in any currency, exact to the last place."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from custom_components.llm_analytics.analytics.models import CostSource, Price, Rate
from custom_components.llm_analytics.analytics.pricing.exchange_rates import ExchangeRate
from custom_components.llm_analytics.analytics.pricing.ladder import PriceBook, token_rates
from custom_components.llm_analytics.analytics.pricing.rates import TokenRates

from ..usage_events import usage

JULY = datetime(2026, 7, 1, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, tzinfo=UTC)
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MICRO = 10**6  # picos of a millionth of a dollar: a token at 1 USD per million


def rate(model: str = "house-model", prompt: str = "2", response: str = "4", **given: Any) -> Rate:
    values: dict[str, Any] = {"provider": "openai"} | given
    return Rate(
        model=model, prompt_per_1m=Decimal(prompt), response_per_1m=Decimal(response), **values
    )


def unpriced() -> Price:
    return Price(picos=None, source=CostSource.UNPRICED)


def test_each_event_has_the_override_of_its_own_time() -> None:
    book = PriceBook(
        overrides=[
            rate(prompt="8", response="8", effective=AUGUST),
            rate(prompt="1", response="1"),
            rate(prompt="2", response="2", effective=JULY),
        ]
    )
    event = usage(model="House-Model-2026-01-01", tokens_prompt=1, tokens_response=0)
    instants = ("2015-01-01", "2026-06-30T23:59:59.999999", "2026-07-01", "2026-07-31")
    picos = [
        book.price(event, datetime.fromisoformat(text).replace(tzinfo=UTC)).picos
        for text in (*instants, "2026-08-01", "2027-01-01")
    ]
    assert picos == [MICRO, MICRO, 2 * MICRO, 2 * MICRO, 8 * MICRO, 8 * MICRO]


def test_before_the_first_override_the_lower_steps_answer() -> None:
    book = PriceBook(overrides=[rate("gpt-4o", effective=AUGUST)])
    assert book.price(usage(), JULY).source is CostSource.DEFAULT
    assert book.price(usage(), AUGUST).source is CostSource.OVERRIDE


def test_the_override_of_the_full_name_goes_before_that_of_its_base() -> None:
    book = PriceBook(overrides=[rate("gpt-4o", prompt="1"), rate("gpt-4o-2024-08-06", prompt="7")])
    event = usage(model="gpt-4o-2024-08-06", tokens_prompt=1, tokens_response=0)
    assert book.price(event, NOW).picos == 7 * MICRO
    assert book.price(usage(tokens_prompt=1, tokens_response=0), NOW).picos == MICRO


def test_an_override_belongs_to_its_provider() -> None:
    book = PriceBook(overrides=[rate("gpt-4o", provider="azure")])
    assert book.price(usage(), NOW).source is CostSource.DEFAULT
    assert book.price(usage(model=None), NOW) == unpriced()


def test_another_currency_is_converted_at_the_rate_of_the_event_s_time() -> None:
    book = PriceBook(
        overrides=[rate(currency="EUR", prompt="2", response="0")],
        exchange_rates=[
            ExchangeRate("EUR", Decimal("1.25"), AUGUST),
            ExchangeRate("EUR", Decimal("1.1"), JULY),
        ],
    )
    event = usage(model="house-model", tokens_prompt=1000)
    assert book.price(event, JULY).picos == 2_200 * MICRO
    assert book.price(event, AUGUST).picos == 2_500 * MICRO
    assert book.price(event, datetime(2026, 6, 30, tzinfo=UTC)) == unpriced()


def test_an_override_without_an_exchange_rate_is_passed_over() -> None:
    book = PriceBook(
        overrides=[rate("gpt-4o-0806", currency="CHF"), rate("gpt-4o", prompt="1", response="0")]
    )
    assert book.price(usage(model="gpt-4o-0806"), NOW).priced_as == "override:openai/gpt-4o"
    assert book.exchange_rate("CHF", NOW) is None
    assert book.exchange_rate("USD", NOW) == 1


def test_an_exchange_rate_without_a_date_always_holds() -> None:
    book = PriceBook(exchange_rates=[ExchangeRate("EUR", Decimal("1.1"))])
    assert book.exchange_rate("EUR", datetime(2015, 1, 1, tzinfo=UTC)) == Decimal("1.1")


def test_a_part_without_a_price_costs_what_its_whole_costs() -> None:
    assert token_rates(rate(prompt="2", response="4"), Decimal(1)) == TokenRates(
        prompt=2 * 10**24,
        response=4 * 10**24,
        cache_read=2 * 10**24,
        cache_write=2 * 10**24,
        cache_write_1h=2 * 10**24,
        reasoning=4 * 10**24,
    )
    writes = rate(cache_write_per_1m=Decimal(3))
    assert token_rates(writes, Decimal(1)).cache_write_1h == 3 * 10**24


def test_a_part_with_a_price_costs_that_price_even_if_it_is_zero() -> None:
    full = rate(
        cache_read_per_1m=Decimal(0),
        cache_write_per_1m=Decimal(5),
        cache_write_1h_per_1m=Decimal(6),
        reasoning_per_1m=Decimal(7),
    )
    assert token_rates(full, Decimal(1)) == TokenRates(
        2 * 10**24, 4 * 10**24, 0, 5 * 10**24, 6 * 10**24, 7 * 10**24
    )


def test_cached_tokens_cost_the_cached_price() -> None:
    book = PriceBook(overrides=[rate("gpt-4o", cache_read_per_1m=Decimal("0.5"))])
    event = usage(tokens_prompt=1000, tokens_cache_read=800, tokens_response=0)
    # 200 at 2 and 800 at 0.5 USD per million
    assert book.price(event, NOW).picos == 800 * MICRO


def test_prices_and_exchange_rates_of_12_places_stay_exact_until_the_end() -> None:
    smallest = rate(prompt="0.000000000001", response="0")
    assert token_rates(smallest, Decimal("0.000000000001")).prompt == 1
    book = PriceBook(
        overrides=[rate(prompt="0.5", response="0.5", currency="EUR")],
        exchange_rates=[ExchangeRate("EUR", Decimal("0.000001"))],
    )
    half = usage(model="house-model", tokens_prompt=1, tokens_response=0)
    whole = usage(model="house-model", tokens_prompt=1, tokens_response=1)
    more = usage(model="house-model", tokens_prompt=2, tokens_response=1)
    # Half a pico, one, one and a half
    assert [book.price(event, NOW).picos for event in (half, whole, more)] == [0, 1, 2]


@pytest.mark.parametrize("provider", ["openrouter", "mistral"])
def test_a_free_variant_is_free_and_never_priced_as_the_model_itself(provider: str) -> None:
    event = usage(provider=provider, model="mistral-small:FREE")
    price = PriceBook().price(event, NOW)
    assert (price.picos, price.source) == (0, CostSource.FREE)
    assert price.priced_as == f"free:{provider}/mistral-small:free"
