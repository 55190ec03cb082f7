"""The household's own prices: dated, kept, given to old events, and never beyond 64 bits."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    CostSource,
    ExchangeRate,
    InvalidInputError,
    NotFoundError,
    Rate,
    Settings,
)
from custom_components.llm_analytics.analytics.pricing import calculator, repricing
from custom_components.llm_analytics.analytics.pricing.catalogue import Catalogue

from ..helpers import DAY, NOON, drift, everything, opened
from ..maintenance.test_clean_up import Ticks
from ..usage_events import usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def acme(**given: Any) -> Any:
    return usage(provider="acme", model="m1", tokens_prompt=1_000_000, tokens_response=0, **given)


def rate(price: str, effective: datetime | None = None, **given: Any) -> Rate:
    return Rate(
        provider="acme",
        model="m1",
        prompt_per_1m=Decimal(price),
        response_per_1m=Decimal(0),
        effective=effective,
        **given,
    )


async def costs(analytics: Analytics) -> list[Decimal | None]:
    events = (await analytics.tracker.events()).as_dict()["events"]
    assert isinstance(events, list)
    return [event["cost_estimate"] for event in events]  # type: ignore[call-overload, index, misc]


async def test_first_price_holds_from_the_beginning_and_the_next_from_now(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.costs.set_rate(rate("1"))
        await analytics.costs.set_rate(rate("2"))
        await analytics.tracker.record(acme(timestamp=NOON - DAY))
        await analytics.tracker.record(acme(timestamp=NOON))
        assert await costs(analytics) == [2, 1]
    async with opened(path) as analytics:  # and after a restart
        await analytics.tracker.record(acme())
        assert await costs(analytics) == [2, 2, 1]


async def test_one_dated_price_is_deleted_or_all_are(path: Path) -> None:
    async with opened(path) as analytics:
        for days in (0, 1, 2):
            await analytics.costs.set_rate(rate("1", NOON - days * DAY))
        assert await analytics.costs.delete_rate("acme", "M1", NOON - DAY) == 1
        assert await analytics.costs.delete_rate("acme", "m1") == 2
        with pytest.raises(NotFoundError):
            await analytics.costs.delete_rate("acme", "m1")
        assert (await analytics.tracker.record(acme())).event.price.source is CostSource.UNPRICED


async def test_price_in_another_currency_needs_its_exchange_rate(path: Path) -> None:
    async with opened(path) as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.set_rate(rate("2", currency="EUR"))
        assert refusal.value.field == "currency"
        await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.25")))
        await analytics.costs.set_exchange_rate(ExchangeRate("EUR", Decimal("1.5"), NOON - DAY))
        await analytics.costs.set_rate(rate("2", currency="EUR"))
        await analytics.tracker.record(acme(timestamp=NOON - 2 * DAY))
        await analytics.tracker.record(acme())
        assert await costs(analytics) == [3, Decimal("2.5")]


async def test_new_price_is_given_to_that_models_events_from_its_date_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 2)
    async with opened(path) as analytics:
        for days in range(5):
            await analytics.tracker.record(acme(timestamp=NOON - days * DAY, tags=("t",)))
        await analytics.tracker.record(acme(cost_estimate=Decimal(7)))
        await analytics.tracker.record(usage(provider="acme", model="m2"))
        outcome = await analytics.costs.set_rate(rate("3", NOON - 2 * DAY), reprice=True)
        assert outcome is not None
        assert (outcome.repriced, outcome.complete) == (3, True)
        assert sorted(str(cost) for cost in await costs(analytics)) == [
            *("3", "3", "3", "7"),
            *("None", "None", "None"),
        ]
        assert (await everything(analytics))["summary"]["cost_estimate"] == 16
        assert await drift(analytics) == 0


async def test_repricing_goes_on_where_it_stopped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 2)
    monkeypatch.setattr(calculator, "time", Ticks())  # a budget of n seconds lasts n - 1 steps
    async with opened(path) as analytics:
        for days in range(5):
            await analytics.tracker.record(acme(timestamp=NOON - days * DAY))
        await analytics.costs.set_rate(rate("3"))
        outcomes = [await analytics.costs.reprice(budget=2) for _ in range(3)]
        assert [outcome.repriced for outcome in outcomes] == [2, 2, 1]
        assert [outcome.complete for outcome in outcomes] == [False, False, True]
        assert await costs(analytics) == [3] * 5
        assert await drift(analytics) == 0


async def test_price_of_a_model_never_used_reprices_nothing(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        outcome = await analytics.costs.set_rate(rate("3"), reprice=True)
        assert outcome is not None
        assert (outcome.repriced, outcome.complete) == (0, True)


async def test_repricing_beyond_64_bits_is_refused_and_changes_nothing(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record_many([usage(cost_estimate=Decimal(100_000))] * 92)
        await analytics.tracker.record(
            usage(provider="acme", model="m1", tokens_prompt=10**9, tokens_response=0)
        )
        await analytics.costs.set_rate(rate("1000"))
        before = await everything(analytics)
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.reprice()
        assert refusal.value.field == "cost_estimate"
        assert await everything(analytics) == before
        assert await drift(analytics) == 0


# Asking for prices


@pytest.mark.parametrize("catalogue", ["with", "without"])
async def test_unknown_model_is_answered_with_the_closest_known(path: Path, catalogue: str) -> None:
    settings = Settings(use_catalogue=catalogue == "with")
    async with opened(path, settings=settings) as analytics:
        with pytest.raises(NotFoundError, match="gpt-4o-mini") as refusal:
            await analytics.costs.estimate(usage(model="gpt4o-minni"))
        assert refusal.value.thing == "price"
        with pytest.raises(NotFoundError) as refusal:
            await analytics.costs.estimate(usage(provider="nobody", model="x"))
        assert refusal.value.key == "nobody/x"


async def test_estimate_is_what_recording_would_cost(path: Path) -> None:
    async with opened(path) as analytics:
        for one in (usage(), usage(provider="ollama"), usage(cost_estimate=Decimal(5))):
            estimate = await analytics.costs.estimate(one)
            plain = usage(provider=one.provider)
            assert estimate.price == (await analytics.tracker.record(plain)).event.price


async def test_price_list_names_each_source_and_what_was_used(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.costs.set_rate(rate("1"))
        for model in ("m1", "m2"):
            await analytics.tracker.record(usage(provider="acme", model=model))
        await analytics.tracker.record(usage(provider="ollama", model="llama3"))
        listed = await analytics.costs.rates("acme")
        assert [(row.model, row.source, row.used) for row in listed.rates] == [
            ("m1", CostSource.OVERRIDE, True),
            ("m2", CostSource.UNPRICED, True),
        ]
        assert [(row.model, row.requests) for row in listed.unpriced] == [("m2", 1)]
        everybody = await analytics.costs.rates()
        sources = {row.source for row in everybody.rates if row.used}
        assert sources == {CostSource.OVERRIDE, CostSource.UNPRICED, CostSource.FREE}


async def test_another_catalogue_prices_what_comes_after_it(path: Path) -> None:
    async with opened(path) as analytics:
        await analytics.tracker.record(usage())
        await analytics.costs.set_catalogue(Catalogue.bundled())
        await analytics.tracker.record(usage())
        assert [event.price.source for event in (await analytics.tracker.events()).events] == [
            CostSource.CATALOGUE,
            CostSource.DEFAULT,
        ]
        listed = await analytics.costs.rates("openai", everything=True)
        assert len(listed.rates) > 20
