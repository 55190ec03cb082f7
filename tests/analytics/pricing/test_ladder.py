"""The price ladder, step by step, with every amount worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from custom_components.llm_analytics.analytics.models import CostSource, Price, Rate, ServiceTier
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue
from custom_components.llm_analytics.analytics.pricing.default_rates import DEFAULT_RATES
from custom_components.llm_analytics.analytics.pricing.ladder import PriceBook
from custom_components.llm_analytics.analytics.providers import (
    FREE_PROVIDERS,
    SUBSCRIPTION_PROVIDERS,
    normal_provider,
)

from ..usage_events import usage

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MILLION = 1_000_000
MICRO = 10**6  # picos of a millionth of a dollar: a token at 1 USD per million
CLAUDE = "anthropic/claude-3-5-sonnet"


def rate(model: str = "house-model", prompt: str = "2", response: str = "4", **given: Any) -> Rate:
    values: dict[str, Any] = {"provider": "openai"} | given
    return Rate(
        model=model, prompt_per_1m=Decimal(prompt), response_per_1m=Decimal(response), **values
    )


def unpriced() -> Price:
    return Price(picos=None, source=CostSource.UNPRICED)


@pytest.fixture(name="catalogue", scope="module")
def bundled_catalogue() -> Catalogue:
    catalogue = Catalogue.bundled()
    assert catalogue is not None
    return catalogue


def test_a_reported_cost_wins_over_everything() -> None:
    book = PriceBook(overrides=[rate("gpt-4o")])
    for provider in ("openai", "ollama", "cloud", "nobody"):
        event = usage(provider=provider, cost_estimate=Decimal("0.0000000000025"))
        assert book.price(event, NOW) == Price(picos=2, source=CostSource.REPORTED)


def test_an_override_wins_over_free_catalogue_and_default(catalogue: Catalogue) -> None:
    book = PriceBook(
        overrides=[rate("gpt-4o"), rate("llama3", provider="ollama")], catalogue=catalogue
    )
    # 100 tokens at 2 and 50 at 4 USD per million
    assert book.price(usage(), NOW) == Price(
        picos=400 * MICRO, source=CostSource.OVERRIDE, priced_as="override:openai/gpt-4o"
    )
    assert book.price(usage(provider="ollama", model="llama3"), NOW).picos == 400 * MICRO


@pytest.mark.parametrize("model", ["llama3", None])
def test_a_local_provider_is_free_and_not_unpriced(catalogue: Catalogue, model: str | None) -> None:
    book = PriceBook(catalogue=catalogue)
    assert book.price(usage(provider="ollama", model=model), NOW) == Price(
        picos=0, source=CostSource.FREE, priced_as="free:ollama"
    )


def test_the_home_decides_what_is_free() -> None:
    book = PriceBook(free=("openai",))
    assert book.price(usage(), NOW).source is CostSource.FREE
    assert book.price(usage(provider="ollama", model="llama3"), NOW) == unpriced()


def test_a_subscription_costs_nothing_more() -> None:
    assert PriceBook().price(usage(provider="nabu_casa", model=None), NOW) == Price(
        picos=0, source=CostSource.SUBSCRIPTION, priced_as="subscription:home_assistant_cloud"
    )


def test_the_catalogue_wins_over_the_default_table(catalogue: Catalogue) -> None:
    price = PriceBook(catalogue=catalogue).price(usage(), NOW)
    assert price == Price(
        picos=750 * MICRO, source=CostSource.CATALOGUE, priced_as="catalogue:openai/gpt-4o"
    )


def test_the_default_table_answers_without_a_catalogue() -> None:
    assert PriceBook().price(usage(model="gpt-4o-2024-08-06"), NOW) == Price(
        picos=750 * MICRO, source=CostSource.DEFAULT, priced_as="default:openai/gpt-4o"
    )


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "no-such-model"), ("nobody", "gpt-4o"), ("openai", None)]
)
def test_what_no_step_knows_is_unpriced(
    catalogue: Catalogue, provider: str, model: str | None
) -> None:
    book = PriceBook(catalogue=catalogue)
    for _ in range(2):  # worked out, then remembered
        assert book.price(usage(provider=provider, model=model), NOW) == unpriced()


@pytest.mark.parametrize(
    ("model", "day", "prices", "priced_as"),
    [
        ("openai/gpt-4o-mini-2024-07-18", "2026-09-01", (0.15, 0.6), "openai/gpt-4o-mini"),
        ("anthropic/claude-3-5-sonnet-20241022", "2026-09-01", (3, 15), CLAUDE),
        ("anthropic/claude-3.5-sonnet", "2026-09-01", (3, 15), CLAUDE),
        ("openai/gpt-4-turbo", "2026-09-01", (10, 30), "openai/gpt-4-turbo"),
        ("openai/o3", "2025-06-01", (10, 40), "openai/o3"),
        ("openai/o3", "2025-07-01", (2, 8), "openai/o3"),
        ("openai/gpt-4-32k", "2026-09-01", (60, 120), "openai/gpt-4-32k"),
        ("openai/gpt-4.1-mini", "2026-09-01", (0.4, 1.6), "openai/gpt-4.1-mini"),
        ("openai/GPT-4", "2026-09-01", (30, 60), "openai/gpt-4"),
    ],
)
def test_a_model_is_priced_as_itself_at_its_own_time(
    catalogue: Catalogue, model: str, day: str, prices: tuple[float, float], priced_as: str
) -> None:
    book = PriceBook(catalogue=catalogue)
    moment = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    answers = [
        book.price(usage(provider="", model=model, **tokens), moment)
        for tokens in (
            {"tokens_prompt": MILLION, "tokens_response": 0},
            {"tokens_prompt": 0, "tokens_response": MILLION},
        )
    ]
    assert [price.picos for price in answers] == [Decimal(str(usd)) * 10**12 for usd in prices]
    assert {price.priced_as for price in answers} == {f"catalogue:{priced_as}"}


def test_what_the_catalogue_does_not_know_costs_the_default(catalogue: Catalogue) -> None:
    event = usage(
        provider="mistral", model="mistral-small", tokens_prompt=MILLION, tokens_response=MILLION
    )
    assert PriceBook(catalogue=catalogue).price(event, NOW) == Price(
        picos=800_000_000_000, source=CostSource.DEFAULT, priced_as="default:mistral/mistral-small"
    )


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("google", "gemini-1.5-flash-8b"),
        ("anthropic", "claude-3-5-sonnet-foo"),
        ("openai", "gpt-4-32k-foo"),
    ],
)
def test_a_model_is_never_priced_as_another(
    catalogue: Catalogue, provider: str, model: str
) -> None:
    event = usage(provider=provider, model=model)
    assert PriceBook(catalogue=catalogue).price(event, NOW) == unpriced()
    assert PriceBook().price(event, NOW) == unpriced()


@pytest.mark.parametrize("model", ["gpt-4-32k", "gpt-4.1-mini"])
def test_the_default_table_does_not_take_a_longer_name_for_a_known_one(model: str) -> None:
    assert PriceBook().price(usage(model=model), NOW) == unpriced()


def test_prices_that_change_within_the_day_are_asked_for_each_event(
    catalogue: Catalogue,
) -> None:
    book = PriceBook(catalogue=catalogue)
    event = usage(
        provider="deepseek", model="deepseek-chat", tokens_prompt=MILLION, tokens_response=0
    )
    prices = [
        book.price(event, datetime(2025, 3, 1, hour, tzinfo=UTC)).picos for hour in (12, 18, 12)
    ]
    # 0.27 USD by day, 0.135 from 16:30 to 00:30 UTC
    assert prices == [270_000 * MICRO, 135_000 * MICRO, 270_000 * MICRO]


def test_one_book_answers_for_every_day_and_tier(catalogue: Catalogue) -> None:
    book = PriceBook(catalogue=catalogue)
    june, july = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    event = usage(model="o3", tokens_prompt=1, tokens_response=0)
    assert [book.price(event, day).picos for day in (june, july, june)] == [
        10 * MICRO,
        2 * MICRO,
        10 * MICRO,
    ]
    november = datetime(2026, 11, 1, tzinfo=UTC)
    by_tier = {
        tier: book.price(
            usage(model="gpt-4.1", tokens_prompt=10, tokens_response=0, service_tier=tier), november
        ).picos
        for tier in (None, ServiceTier.BATCH, ServiceTier.PRIORITY)
    }
    assert by_tier == {
        None: 20 * MICRO,
        ServiceTier.BATCH: 10 * MICRO,
        ServiceTier.PRIORITY: 35 * MICRO,
    }


def test_any_number_of_models_is_priced_and_few_are_remembered() -> None:
    book = PriceBook()
    for number in range(5_000):
        assert book.price(usage(model=f"model {number}"), NOW) == unpriced()
    assert len(book._steps) <= 4_096
    assert book.price(usage(), NOW).picos == 750 * MICRO


def test_the_tables_are_in_the_ledger_s_own_spelling() -> None:
    for provider in (*FREE_PROVIDERS, *SUBSCRIPTION_PROVIDERS, *(key[0] for key in DEFAULT_RATES)):
        assert normal_provider(provider) == provider
    assert not set(FREE_PROVIDERS) & set(SUBSCRIPTION_PROVIDERS)


def test_every_default_price_is_answered_with_exactly_its_figures() -> None:
    book = PriceBook()
    for (provider, model), (prompt, response) in DEFAULT_RATES.items():
        event = usage(
            provider=provider, model=model, tokens_prompt=MILLION, tokens_response=2 * MILLION
        )
        assert book.price(event, NOW) == Price(
            picos=int((prompt + 2 * response) * 10**12),
            source=CostSource.DEFAULT,
            priced_as=f"default:{provider}/{model}",
        )
