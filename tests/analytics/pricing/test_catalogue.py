"""The catalogue's prices, held against genai-prices' own arithmetic."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
import sys

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
)
from hypothesis import assume, given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.models import ServiceTier, UsageEvent
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue, _aliases

from ..usage_events import usage

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 12, tzinfo=UTC)
DOLLAR = 10**24  # 10^-30 USD per token of 1 USD per million tokens
CONTEXTS = {
    None: None,
    ServiceTier.STANDARD: None,
    ServiceTier.BATCH: {"processing": "batch"},
    ServiceTier.FLEX: {"service_tier": "flex"},
    ServiceTier.PRIORITY: {"service_tier": "priority"},
    ServiceTier.FAST: {"service_tier": "fast", "speed": "fast"},
}
SNAPSHOT = get_snapshot()
CATALOGUE = Catalogue(SNAPSHOT)
OWN = [(provider.id, model.id) for provider in SNAPSHOT.providers for model in provider.models]
BORROWED = [
    (provider.id, model)
    for provider in SNAPSHOT.providers
    for lender in provider.fallback_model_providers or ()
    for owner, model in OWN
    if owner == lender
]
DEEPSEEK = [(provider, model) for provider, model in OWN if provider == "deepseek"]
# On, below and above every size at which the catalogue's prices change.
SIZES = st.one_of(
    st.integers(0, 2_000_000),
    st.sampled_from(
        [
            edge + step
            for edge in (32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 524_288)
            for step in (0, 1)
        ]
    ),
)
MOMENTS = st.datetimes(
    datetime(2023, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2027, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)


@st.composite
def events(draw: st.DrawFn) -> UsageEvent:
    prompt, response = draw(SIZES), draw(st.integers(0, 100_000))
    read = draw(st.integers(0, prompt))
    write = draw(st.integers(0, prompt - read))
    return usage(
        tokens_prompt=prompt,
        tokens_response=response,
        tokens_cache_read=read,
        tokens_cache_write=write,
        tokens_cache_write_1h=draw(st.integers(0, write)),
        tokens_reasoning=draw(st.integers(0, response)),
        service_tier=draw(st.sampled_from([None, *ServiceTier])),
    )


def reference(provider: str, model: str, event: UsageEvent, moment: datetime) -> int:
    """Return what genai-prices itself says, in picos."""
    with localcontext(prec=100):
        answer = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=event.tokens_prompt,
                output_tokens=event.tokens_response,
                cache_read_tokens=event.tokens_cache_read,
                cache_write_tokens=event.tokens_cache_write,
                cache_write_1h_tokens=event.tokens_cache_write_1h,
                output_reasoning_tokens=event.tokens_reasoning,
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=moment,
            price_context=CONTEXTS[event.service_tier],
        )
        return int((answer.total_price * 10**12).to_integral_value(ROUND_HALF_EVEN))


def ours(provider: str, model: str, event: UsageEvent, moment: datetime) -> int | None:
    answer = CATALOGUE.look_up(provider, model, event.service_tier, moment)
    return None if answer is None else answer.quote.rates(event.tokens_prompt).cost(event)


@pytest.mark.parametrize("names", [OWN, BORROWED, DEEPSEEK], ids=["own", "borrowed", "by hour"])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_compiled_price_is_genai_prices_own_to_the_last_place(
    names: list[tuple[str, str]], data: st.DataObject
) -> None:
    provider, model = data.draw(st.sampled_from(names))
    event, moment = data.draw(events()), data.draw(MOMENTS)
    picos = ours(provider, model, event, moment)
    assume(picos is not None)  # not sold by the token
    assert picos == reference(provider, model, event, moment)


def test_every_model_is_priced_or_has_no_price_per_token() -> None:
    """Go through the whole catalogue once, so that the samples above cannot miss most of it."""
    event = usage(
        tokens_prompt=300_000,
        tokens_response=70_000,
        tokens_cache_read=90_000,
        tokens_cache_write=50_000,
        tokens_cache_write_1h=20_000,
        tokens_reasoning=30_000,
    )
    priced = 0
    for provider, model in OWN:
        picos = ours(provider, model, event, NOW)
        if picos is not None:
            assert picos == reference(provider, model, event, NOW), (provider, model)
            priced += 1
    assert priced > 0.85 * len(OWN)


@pytest.mark.parametrize(
    ("tier", "before", "since"),
    [
        (None, "2", "2"),
        (ServiceTier.STANDARD, "2", "2"),
        (ServiceTier.BATCH, "2", "1"),
        (ServiceTier.FLEX, "2", "2"),
        (ServiceTier.PRIORITY, "2", "3.5"),
        (ServiceTier.FAST, "2", "3.5"),
    ],
)
def test_a_tier_costs_its_own_rates_from_the_day_the_catalogue_has_them(
    tier: ServiceTier | None, before: str, since: str
) -> None:
    for moment, price in ((NOW, before), (NOVEMBER, since)):
        answer = CATALOGUE.look_up("openai", "gpt-4.1", tier, moment)
        assert answer is not None
        assert answer.quote.rates(1).prompt == Decimal(price) * DOLLAR


def test_a_tier_of_another_provider_s_model_costs_the_standard_rates() -> None:
    answer = CATALOGUE.look_up("azure", "gpt-4.1", ServiceTier.BATCH, NOVEMBER)
    assert answer is not None
    assert answer.quote.rates(1).prompt == 2 * DOLLAR
    assert answer.quote.name == "azure/gpt-4.1"


def test_a_large_input_raises_the_price_of_every_token() -> None:
    answer = CATALOGUE.look_up("google", "gemini-1.5-flash-002", None, NOW)
    assert answer is not None
    assert [(band.start, band.rates.prompt) for band in answer.quote.bands] == [
        (0, 75 * DOLLAR // 1000),
        (128_001, 150 * DOLLAR // 1000),
    ]
    assert answer.all_day


def test_a_price_per_request_is_part_of_the_cost() -> None:
    # 12 USD per thousand requests
    assert ours("perplexity", "sonar", usage(tokens_prompt=0, tokens_response=0), NOW) == (
        12_000_000_000
    )


@pytest.mark.parametrize(
    ("model", "all_day"), [("deepseek-chat", False), ("deepseek-reasoner", False)]
)
def test_a_price_by_the_hour_does_not_hold_all_day(model: str, *, all_day: bool) -> None:
    answer = CATALOGUE.look_up("deepseek", model, None, NOW)
    assert answer is not None
    assert answer.all_day is all_day


def test_a_price_by_date_holds_all_day() -> None:
    answer = CATALOGUE.look_up("openai", "o3", None, NOW)
    assert answer is not None
    assert answer.all_day


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("no-such-provider", "gpt-4o"),
        ("openai", "no-such-model"),
        # Matched by the catalogue, but to a model of another name.
        ("google", "gemini-1.5-flash-8b"),
        ("anthropic", "claude-3-5-sonnet-foo"),
        # Sold by the hour.
        ("groq", "whisper-large-v3"),
    ],
)
def test_no_rate_is_better_than_another_model_s(provider: str, model: str) -> None:
    assert CATALOGUE.look_up(provider, model, None, NOW) is None


@pytest.mark.parametrize(
    ("match", "names"),
    [
        (ClauseEquals("gpt-4o"), ["gpt-4o"]),
        (ClauseStartsWith("gpt-4o-"), ["gpt-4o-"]),
        (ClauseContains("gpt"), []),
        (ClauseRegex("gpt.*"), []),
        (ClauseAnd([ClauseEquals("a"), ClauseEquals("b")]), []),
        (
            ClauseOr([ClauseEquals("a"), ClauseContains("x"), ClauseOr([ClauseStartsWith("b")])]),
            ["a", "b"],
        ),
    ],
)
def test_only_names_that_a_rule_spells_out_are_aliases(match: MatchLogic, names: list[str]) -> None:
    assert _aliases(match) == names


def test_every_model_is_listed_with_its_provider() -> None:
    models = CATALOGUE.models()
    assert models == OWN
    assert {("openai", "gpt-4o"), ("anthropic", "claude-3-5-sonnet")} <= set(models)
    assert ("anthropic", "gpt-4o") not in models


def test_names_lists_a_provider_s_models_and_nothing_for_a_stranger() -> None:
    assert CATALOGUE.names("openai") == [model for provider, model in OWN if provider == "openai"]
    assert {"gpt-4o", "gpt-4o-mini", "o3"} <= set(CATALOGUE.names("openai"))
    assert CATALOGUE.names("no-such-provider") == []


def test_the_bundled_catalogue_is_found() -> None:
    catalogue = Catalogue.bundled()
    assert catalogue is not None
    assert catalogue.look_up("openai", "gpt-4o", None, NOW) is not None


def test_without_genai_prices_there_is_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    assert Catalogue.bundled() is None


def test_every_price_of_the_catalogue_fits_into_the_rates_places() -> None:
    """A price of more than 24 places per million tokens would be cut off silently."""
    for provider in SNAPSHOT.providers:
        for model in provider.models:
            conditional = model.prices if isinstance(model.prices, list) else []
            tables = [entry.prices for entry in (*conditional, *(model.price_variants or ()))]
            for table in tables if conditional else [*tables, model.get_prices(NOW)]:
                for price in vars(table).values():
                    for amount in (price, *(tier.price for tier in getattr(price, "tiers", ()))):
                        if isinstance(amount, Decimal):
                            assert amount * 10**24 % 1 == 0, (provider.id, model.id)
