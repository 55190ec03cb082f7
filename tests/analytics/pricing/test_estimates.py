"""Estimates and the price list: what a request would cost, and every price that is known."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    ExchangeRate,
    InvalidInputError,
    NotFoundError,
    Rate,
    Settings,
)
from custom_components.llm_analytics.analytics.models import CostSource, Price
from custom_components.llm_analytics.analytics.money import from_pico
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue
from custom_components.llm_analytics.analytics.pricing.estimates import Estimate
from custom_components.llm_analytics.analytics.pricing.rates import TokenRates

from ..helpers import DAY, NOON, berlin, opened
from ..usage_events import usage

DOLLAR = 10**24  # 10^-30 USD per token, of a dollar per million


def rate(model: str = "house-model", prompt: str = "2", response: str = "4", **given: Any) -> Rate:
    values: dict[str, Any] = {"provider": "acme"} | given
    return Rate(
        model=model, prompt_per_1m=Decimal(prompt), response_per_1m=Decimal(response), **values
    )


async def cost(analytics: Analytics, moment: datetime, model: str = "house-model") -> Any:
    """Return what a million tokens in would cost at an instant, None if nobody knows."""
    event = usage(
        provider="acme", model=model, tokens_prompt=10**6, tokens_response=0, timestamp=moment
    )
    try:
        return (await analytics.costs.estimate(event)).as_dict()["cost_usd"]
    except NotFoundError:
        return None


async def test_an_estimate_explains_itself(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.costs.set_rate(
            rate(cache_read_per_1m=Decimal("0.5"), cache_write_per_1m=Decimal(3))
        )
        event = usage(
            provider="acme",
            model="house-model",
            tokens_prompt=1_000,
            tokens_cache_read=600,
            tokens_cache_write=100,
            tokens_response=50,
        )
        assert (await analytics.costs.estimate(event)).as_dict() == {
            "cost_usd": Decimal("0.0014"),
            "currency": "USD",
            "provider": "acme",
            "model": "house-model",
            "priced_as": "override:acme/house-model",
            "cost_source": "override",
            "breakdown": {
                "prompt_tokens": 1_000,
                "response_tokens": 50,
                "prompt_cost": Decimal("0.0006"),
                "response_cost": Decimal("0.0002"),
                "cache_read_cost": Decimal("0.0003"),
                "cache_write_cost": Decimal("0.0003"),
            },
            "rate": {
                "prompt_per_1m": 2,
                "response_per_1m": 4,
                "cache_read_per_1m": Decimal("0.5"),
                "cache_write_per_1m": 3,
            },
        }


@settings(max_examples=200, deadline=None)
@given(
    rates=st.builds(
        TokenRates,
        *[st.integers(0, 10**19) for _ in range(6)],
        request=st.integers(0, 10**19),
    ),
    tokens=st.tuples(*[st.integers(0, 30) for _ in range(4)]),
)
def test_the_parts_of_an_estimate_add_up_and_are_never_negative(
    rates: TokenRates, tokens: tuple[int, int, int, int]
) -> None:
    plain, read, write, response = tokens
    event = usage(
        tokens_prompt=plain + read + write,
        tokens_cache_read=read,
        tokens_cache_write=write,
        tokens_response=response,
    )
    price = Price(picos=rates.cost(event), source=CostSource.OVERRIDE, priced_as="override:x")
    answer: Any = Estimate(usage=event, price=price, rates=rates).as_dict()
    parts = [value for name, value in answer["breakdown"].items() if name.endswith("_cost")]
    assert sum(parts) == answer["cost_usd"] == from_pico(rates.cost(event))
    assert min(parts) >= 0


@pytest.mark.parametrize(
    ("provider", "source"),
    [("ollama", "free"), ("home_assistant_cloud", "subscription")],
)
async def test_free_and_subscription_cost_nothing(
    tmp_path: Path, provider: str, source: str
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        answer: Any = (
            await analytics.costs.estimate(usage(provider=provider, model="anything"))
        ).as_dict()
    assert (answer["cost_usd"], answer["cost_source"]) == (0, source)
    assert answer["priced_as"] == f"{source}:{provider}"
    assert set(answer["rate"].values()) == {0}
    assert [value for name, value in answer["breakdown"].items() if name.endswith("_cost")] == [
        *(0, 0, 0, 0)
    ]


async def test_an_estimate_leaves_out_what_the_provider_reported(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        answer = (await analytics.costs.estimate(usage(cost_estimate=Decimal(9)))).as_dict()
        assert (answer["cost_usd"], answer["cost_source"]) == (Decimal("0.00075"), "default")


@pytest.mark.parametrize("catalogue", [False, True])
async def test_an_unknown_model_is_not_found_with_the_closest_names(
    tmp_path: Path, *, catalogue: bool
) -> None:
    chosen = Settings(use_catalogue=catalogue)
    async with opened(tmp_path / "a.db", settings=chosen) as analytics:
        with pytest.raises(NotFoundError) as refusal:
            await analytics.costs.estimate(usage(model="gpt-4oo"))
        assert refusal.value.thing == "price"
        assert refusal.value.key.startswith("openai/gpt-4oo; the closest known are gpt-4o")
        with pytest.raises(NotFoundError) as refusal:
            await analytics.costs.estimate(usage(provider="nobody", model=None))
        assert refusal.value.key == "nobody/unknown"


async def test_a_known_model_that_is_not_priced_by_tokens_is_not_suggested_for_itself(
    tmp_path: Path,
) -> None:
    catalogue = Catalogue.bundled()
    assert catalogue is not None
    refused = []
    async with opened(tmp_path / "a.db", settings=Settings(use_catalogue=True)) as analytics:
        for provider, model in catalogue.models():
            with suppress(NotFoundError):
                await analytics.costs.estimate(usage(provider=provider, model=model))
                continue
            refused.append((provider, model))
        assert ("openai", "whisper-1") in refused
        for provider, model in refused:
            with pytest.raises(NotFoundError) as refusal:
                await analytics.costs.estimate(usage(provider=provider, model=model))
            named = usage(provider=provider, model=model)
            assert refusal.value.key == (
                f"{named.provider}/{named.model}; the model is known, but it has no price by tokens"
            )


# Dated prices


async def test_the_first_price_without_a_date_holds_from_the_beginning_the_next_from_now(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.costs.set_rate(rate(prompt="2"))
        assert await cost(analytics, datetime(2015, 1, 1, tzinfo=UTC)) == 2
        await analytics.costs.set_rate(rate("House-Model", prompt="3"))
        before = NOON - timedelta(microseconds=1)
        assert [await cost(analytics, moment) for moment in (before, NOON)] == [2, 3]
        # One of the same instant is replaced.
        await analytics.costs.set_rate(rate(prompt="5"))
        assert await cost(analytics, NOON) == 5
        assert await cost(analytics, NOON, "house-model-2026-01-01") == 5


async def test_a_dated_price_holds_from_its_date(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.costs.set_rate(rate(prompt="7", effective=berlin(2026, 3, 1)))
        assert await cost(analytics, berlin(2026, 2, 28)) is None
        assert await cost(analytics, berlin(2026, 3, 1)) == 7
        # It has a price already, so this one holds from now.
        await analytics.costs.set_rate(rate(prompt="9"))
        assert await cost(analytics, NOON - DAY) == 7
        assert await cost(analytics, NOON) == 9
        recorded = await analytics.tracker.record(usage(provider="acme", model="house-model"))
        assert recorded.event.price.priced_as == "override:acme/house-model"


async def test_another_currency_needs_an_exchange_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        euro = rate(currency="EUR", effective=berlin(2026, 3, 1))
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.set_rate(euro)
        assert refusal.value.field == "currency"
        assert (await analytics.costs.rates("acme")).rates == []
        await analytics.costs.set_exchange_rate(
            ExchangeRate("EUR", Decimal("1.1"), berlin(2026, 3, 2))
        )
        with pytest.raises(InvalidInputError):
            await analytics.costs.set_rate(euro)
        await analytics.costs.set_exchange_rate(
            ExchangeRate("EUR", Decimal("1.2"), berlin(2026, 2, 1))
        )
        await analytics.costs.set_rate(euro)
    async with opened(path) as analytics:
        assert await cost(analytics, berlin(2026, 3, 1)) == Decimal("2.4")
        assert await cost(analytics, berlin(2026, 3, 2)) == Decimal("2.2")
        await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal(2), berlin(2026, 3, 2)))
        assert await cost(analytics, berlin(2026, 3, 2)) == 4


async def test_prices_are_deleted_one_or_all(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for effective in (None, berlin(2026, 3, 1), berlin(2026, 3, 10)):
            await analytics.costs.set_rate(rate(prompt="2", effective=effective))
        event = await analytics.tracker.record(usage(provider="acme", model="house-model"))
        with pytest.raises(NotFoundError) as refusal:
            await analytics.costs.delete_rate("acme", "house-model", berlin(2026, 3, 2))
        assert (refusal.value.thing, refusal.value.key) == ("rate", "acme/house-model")
        assert await analytics.costs.delete_rate("acme", "HOUSE-MODEL", berlin(2026, 3, 10)) == 1
        assert await analytics.costs.delete_rate("acme", "house-model") == 2
        with pytest.raises(NotFoundError):
            await analytics.costs.delete_rate("acme", "house-model")
        assert await cost(analytics, NOON) is None
        # What was recorded keeps its price.
        assert (await analytics.tracker.event(event.event.id)).price == event.event.price


# The list


def line(answer: Any, model: str | None) -> Any:
    (row,) = [row for row in answer["rates"] if row["model"] == model]
    return row


async def test_the_list_has_overrides_defaults_used_models_and_unpriced_ones(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal(2)))
        await analytics.costs.set_rate(
            rate(
                currency="EUR",
                notes="ours",
                effective=berlin(2026, 3, 1).astimezone(UTC),
                reasoning_per_1m=Decimal(5),
            )
        )
        for provider, model in (
            ("acme", "house-model"),
            ("acme", "mystery"),
            ("acme", "mystery"),
            ("acme", None),
            ("ollama", "llama3"),
            ("openai", "gpt-4o-2024-08-06"),
        ):
            await analytics.tracker.record(
                usage(provider=provider, model=model, timestamp=NOON - DAY)
            )
        answer: Any = (await analytics.costs.rates()).as_dict()
        assert line(answer, "house-model") == {
            "provider": "acme",
            "model": "house-model",
            "prompt_per_1m": 2,
            "response_per_1m": 4,
            "cache_read_per_1m": None,
            "cache_write_per_1m": None,
            "cache_write_1h_per_1m": None,
            "reasoning_per_1m": 5,
            "currency": "EUR",
            "effective_date": "2026-03-01T00:00:00+01:00",
            "source": "override",
            "notes": "ours",
            "used": True,
        }
        defaults = {
            row["model"]: row["used"] for row in answer["rates"] if row["source"] == "default"
        }
        assert len(defaults) == 14
        assert [model for model, used in defaults.items() if used] == ["gpt-4o"]
        free = line(answer, "llama3")
        assert (free["source"], free["prompt_per_1m"], free["used"]) == ("free", 0, True)
        unpriced = line(answer, "mystery")
        assert (unpriced["source"], unpriced["prompt_per_1m"]) == ("unpriced", None)
        assert answer["unpriced"] == [
            {
                "provider": "acme",
                "model": model,
                "requests": count,
                "tokens": 150 * count,
                "last": "2026-03-17",
            }
            for model, count in (("mystery", 2), (None, 1))
        ]
        acme: Any = (await analytics.costs.rates("acme")).as_dict()
        assert {row["provider"] for row in acme["rates"]} == {"acme"}
        assert (await analytics.costs.rates("openai")).as_dict()["unpriced"] == []


async def test_unpriced_requests_of_frozen_days_stay_in_the_list(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in (0, 20, 30):
            await analytics.tracker.record(usage(model="mystery", timestamp=NOON - ago * DAY))
        await analytics.tracker.record(usage(model="enigma", timestamp=NOON - 20 * DAY))
        await analytics.maintenance.clean_up(retention_days=10)
        assert [
            (row.model, row.requests, str(row.last))
            for row in (await analytics.costs.rates()).unpriced
        ] == [
            ("mystery", 3, "2026-03-18"),
            ("enigma", 1, "2026-02-26"),
        ]


async def test_the_whole_catalogue_is_listed_on_request(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=Settings()) as analytics:
        await analytics.tracker.record(usage(model="gpt-4o"))
        short: Any = (await analytics.costs.rates("openai")).as_dict()
        whole: Any = (await analytics.costs.rates("openai", everything=True)).as_dict()
        listed = [row for row in short["rates"] if row["source"] == "catalogue"]
        assert [(row["model"], row["used"]) for row in listed] == [("gpt-4o", True)]
        assert listed[0]["prompt_per_1m"] == Decimal("2.5")
        unused = [row for row in whole["rates"] if row["source"] == "catalogue" and not row["used"]]
        assert len(unused) > 20
        await analytics.costs.set_catalogue(None)
        assert (await analytics.tracker.record(usage())).event.price.source is CostSource.DEFAULT
