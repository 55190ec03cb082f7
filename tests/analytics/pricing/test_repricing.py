"""Repricing moves live events and every sum together, and leaves reported and frozen ones alone."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    EventsRemovedError,
    Filter,
    InvalidInputError,
    Rate,
)
from custom_components.llm_analytics.analytics.models import CostSource
from custom_components.llm_analytics.analytics.pricing import repricing

from ..helpers import DAY, NOON, berlin, drift, everything, opened
from ..usage_events import usage


def rate(model: str = "mystery", price: str = "2", **given: Any) -> Rate:
    values: dict[str, Any] = {"provider": "openai"} | given
    return Rate(model=model, prompt_per_1m=Decimal(price), response_per_1m=Decimal(0), **values)


async def record(analytics: Analytics, ago: int = 0, **given: Any) -> int:
    """Record a million prompt tokens some days ago and return the event's id."""
    event = usage(
        timestamp=NOON - ago * DAY, **({"tokens_prompt": 10**6, "tokens_response": 0} | given)
    )
    return (await analytics.tracker.record(event)).event.id


async def costs(analytics: Analytics) -> list[Decimal | None]:
    """Return the cost of every event, oldest id first."""
    events = sorted(
        (await analytics.tracker.events(limit=1_000)).events, key=lambda event: event.id
    )
    return [event.as_dict()["cost_estimate"] for event in events]


async def test_unpriced_events_get_the_price_that_is_known_now(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as analytics:
        await record(analytics, 3, model="mystery", tags=("a", "b"), user_id="ada")
        await record(analytics, 2, model="mystery-2026-01-01", device_ip="10.0.0.1")
        await record(analytics, 1, model="gpt-4o")
        await record(analytics, model="enigma")
        await analytics.costs.set_rate(rate())
        await analytics.costs.set_rate(rate("gpt-4o", "7"))
        assert await costs(analytics) == [None, None, Decimal("2.5"), None]
        answer = (await analytics.costs.reprice()).as_dict()
        assert answer == {
            "status": "ok",
            "message": "2 events now have the price that holds for them",
            "repriced_events": 2,
            "cost_before": 0,
            "cost_after": 4,
            "still_unpriced": 1,
            "skipped": [],
            "complete": True,
        }
        assert await costs(analytics) == [2, 2, Decimal("2.5"), None]
        assert (await analytics.tracker.event(1)).price.source is CostSource.OVERRIDE
        for wanted in (
            Filter(user="ada"),
            Filter(tag="b"),
            Filter(device="ip:10.0.0.1"),
            Filter(model="mystery"),
        ):
            totals = await analytics.reports.statistics(wanted=wanted)
            assert (totals.cost, totals.unpriced) == (2 * 10**12, 0)
        heat: Any = (await analytics.trends.heatmap()).as_dict()
        assert sum(map(sum, heat["cost"])) == Decimal("6.5")
        report: Any = await everything(analytics)
        assert report["summary"]["cost_estimate"] == Decimal("6.5")
        assert report["summary"]["unpriced_requests"] == 1
        assert await drift(analytics) == 0


async def test_repricing_all_asks_the_whole_ladder_again_but_for_reported_costs(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await record(analytics, model="gpt-4o")
        await record(analytics, model="gpt-4o", cost_estimate=Decimal("0.1"))
        await analytics.costs.set_rate(rate("gpt-4o", "7"))
        answer = await analytics.costs.reprice(only_unpriced=False)
        assert (answer.repriced, answer.cost_before, answer.cost_after) == (
            *(1, 25 * 10**11),
            7 * 10**12,
        )
        assert await costs(analytics) == [7, Decimal("0.1")]
        # Without the price the next step of the ladder answers again.
        await analytics.costs.delete_rate("openai", "gpt-4o")
        assert (await analytics.costs.reprice(only_unpriced=False)).repriced == 1
        assert await costs(analytics) == [Decimal("2.5"), Decimal("0.1")]
        assert await drift(analytics) == 0


async def test_a_price_that_is_gone_leaves_its_events_unpriced(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.costs.set_rate(rate())
        await record(analytics, model="mystery")
        await analytics.costs.delete_rate("openai", "mystery")
        answer = await analytics.costs.reprice(only_unpriced=False)
        assert (answer.repriced, answer.cost_after, answer.still_unpriced) == (1, 0, 1)
        totals = await analytics.reports.statistics()
        assert (totals.cost, totals.unpriced) == (0, 1)
        assert await drift(analytics) == 0


async def test_it_says_why_nothing_changed(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await record(analytics, model="gpt-4o")
        assert (await analytics.costs.reprice(only_unpriced=False)).as_dict()["message"] == (
            "Nothing changed: every event already has the price that holds for it"
        )
        await record(analytics, model="mystery")
        assert (await analytics.costs.reprice()).as_dict()["message"] == (
            "Nothing changed: no price is known for the events that have none"
        )


async def test_only_the_period_asked_for_is_repriced(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in (3, 2, 1, 0):
            await record(analytics, ago, model="mystery")
        await analytics.costs.set_rate(rate())
        moment = NOON - 2 * DAY
        assert (await analytics.costs.reprice(moment, moment + DAY)).repriced == 1
        assert await costs(analytics) == [None, 2, None, None]
        assert (await analytics.costs.reprice(end=moment)).repriced == 1
        assert await costs(analytics) == [2, 2, None, None]
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.reprice(moment, moment)
        assert refusal.value.field == "start"


async def test_a_new_price_can_be_given_to_its_model_s_events_from_its_date_on(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await record(analytics, 9, model="mystery")
        await record(analytics, 1, model="Mystery", provider="acme")
        await record(analytics, 1, model="mystery-latest")
        await record(analytics, 1, model="enigma")
        await record(analytics, 1, model="mystery", cost_estimate=Decimal("0.1"))
        assert await analytics.costs.set_rate(rate(effective=berlin(2026, 3, 10))) is None
        answer = await analytics.costs.set_rate(rate(effective=berlin(2026, 3, 10)), reprice=True)
        assert answer is not None
        assert (answer.repriced, answer.still_unpriced, answer.complete) == (1, 0, True)
        assert await costs(analytics) == [None, None, 2, None, Decimal("0.1")]
        # A model without any event has nothing to reprice.
        nothing = await analytics.costs.set_rate(rate("unused"), reprice=True)
        assert nothing is not None
        assert (nothing.repriced, nothing.complete) == (0, True)
        # Priced events get a new price of theirs too; the first without a date holds always.
        always = await analytics.costs.set_rate(rate("enigma", "3"), reprice=True)
        assert always is not None
        assert always.repriced == 1
        assert await drift(analytics) == 0


async def test_frozen_days_keep_their_costs_and_are_listed(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in (40, 35, 1):
            await record(analytics, ago, model="mystery")
        await analytics.maintenance.clean_up(retention_days=30)
        await record(analytics, 36, model="mystery")  # late: it goes at the next clean-up
        await analytics.costs.set_rate(rate())
        removed = ["2026-02-06", "2026-02-10", "2026-02-11"]
        answer = (await analytics.costs.reprice()).as_dict()
        assert (answer["repriced_events"], answer["skipped"]) == (1, removed)
        assert (await analytics.costs.reprice(berlin(2026, 3, 1))).skipped == []
        assert (await analytics.costs.reprice(end=berlin(2026, 2, 10))).skipped == [
            date(2026, 2, 6)
        ]
        totals = await analytics.reports.statistics()
        assert (totals.requests, totals.cost, totals.unpriced) == (4, 2 * 10**12, 3)
        assert await drift(analytics) == 0
        inside = NOON - 40 * DAY
        for start, end, field in (
            (berlin(2026, 2, 10), None, "start"),
            (inside, None, "start"),
            (None, inside, "end"),
        ):
            with pytest.raises(EventsRemovedError) as refusal:
                await analytics.costs.reprice(start, end)
            assert refusal.value.field == field


async def unpriced_ledger(analytics: Analytics, count: int = 7) -> None:
    for ago in reversed(range(count)):
        await record(analytics, ago, model="mystery" if ago % 2 else "enigma")
    await analytics.costs.set_rate(rate())


async def test_a_budget_of_nothing_does_nothing_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await unpriced_ledger(analytics)
        answer = (await analytics.costs.reprice(budget=0)).as_dict()
        assert (answer["status"], answer["complete"], answer["repriced_events"]) == (
            *("incomplete", False),
            0,
        )
        assert answer["message"] == (
            "There is more to do: reprice with only_unpriced true until it is complete"
        )
        assert (await analytics.costs.reprice()).repriced == 3


class Budget:
    """A clock that lets one step through and then says that time is up."""

    def __init__(self) -> None:
        self.times = iter([0.0, 0.0])

    def monotonic(self) -> float:
        return next(self.times, 100.0)


@pytest.mark.parametrize("only_unpriced", [True, False])
async def test_a_repricing_is_gone_on_with_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, only_unpriced: bool
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 2)
    async with opened(tmp_path / "a.db") as analytics:
        await unpriced_ledger(analytics)
        found = []
        while True:
            with monkeypatch.context() as patch:
                patch.setattr(
                    "custom_components.llm_analytics.analytics.pricing.calculator.time", Budget()
                )
                answer = await analytics.costs.reprice(only_unpriced=only_unpriced)
            found.append((answer.repriced, answer.still_unpriced, answer.complete))
            assert len(found) < 9
            if answer.complete:
                break
        # Two events a step: those of enigma stay unpriced, and are not looked at twice.
        assert found == [*[(1, 1, False)] * 3, (0, 1, True)]
        assert (await analytics.costs.reprice(only_unpriced=only_unpriced)).still_unpriced == 4
        assert await drift(analytics) == 0


async def test_a_new_price_makes_repricing_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 2)
    async with opened(tmp_path / "a.db") as analytics:
        await unpriced_ledger(analytics)
        with monkeypatch.context() as patch:
            patch.setattr(
                "custom_components.llm_analytics.analytics.pricing.calculator.time", Budget()
            )
            assert not (await analytics.costs.reprice()).complete
        await analytics.costs.set_rate(rate("enigma", "3"))
        answer = await analytics.costs.reprice()
        assert (answer.repriced, answer.still_unpriced) == (6, 0)


async def test_another_scope_begins_at_its_own_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repricing, "BATCH", 2)
    async with opened(tmp_path / "a.db") as analytics:
        await unpriced_ledger(analytics)
        with monkeypatch.context() as patch:
            patch.setattr(
                "custom_components.llm_analytics.analytics.pricing.calculator.time", Budget()
            )
            assert not (await analytics.costs.reprice()).complete
        assert (await analytics.costs.reprice(end=NOON + timedelta(hours=1))).still_unpriced == 4


async def test_a_sum_beyond_64_bits_is_refused_and_nothing_is_repriced(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for _ in range(10):
            await record(analytics, model="mystery", tokens_prompt=10**9)
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.costs.set_rate(rate(price="1000"), reprice=True)
        assert "64 bits" in refusal.value.reason
        assert await costs(analytics) == [None] * 10
        # What the refused step had remembered of names is forgotten with it.
        await analytics.costs.set_rate(rate(price="1"))
        assert (await analytics.costs.reprice()).repriced == 10
        assert (await analytics.tracker.event(1)).price.priced_as == "override:openai/mystery"
        assert await drift(analytics) == 0
