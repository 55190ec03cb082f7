"""Statistics by model, endpoint, tag, user and day."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from custom_components.llm_analytics.analytics import (
    By,
    EventsRemovedError,
    InvalidInputError,
    breakdown_figures,
    daily_rows,
    model_statistics,
    window_statistics,
)
from custom_components.llm_analytics.analytics.reports.rankings import ModelTotals
from custom_components.llm_analytics.analytics.totals import Totals

from ..helpers import NOON, berlin, opened
from ..small_household import at, household
from ..usage_events import usage


async def test_the_statistics_of_everything(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        assert window_statistics(await analytics.reports.statistics()) == {"total_requests": 0}
        await household(analytics)
        assert window_statistics(await analytics.reports.statistics()) == {
            "total_requests": 5,
            "total_tokens": 330,
            "total_cost": Decimal("4.000025"),
            "avg_latency_ms": 750,
            # Three of the five have a price: 3, 0.000025 and 1 dollars.
            "avg_cost_per_request": Decimal("1.333341666667"),
            "unpriced_requests": 2,
        }


async def test_without_a_priced_request_the_average_cost_is_0(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage(model="mystery"))
        answer = window_statistics(await analytics.reports.statistics())
        assert (answer["total_cost"], answer["avg_cost_per_request"]) == (0, 0)
        assert (answer["unpriced_requests"], answer["avg_latency_ms"]) == (1, None)


async def test_models_are_summed_without_regard_to_case(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        answer = model_statistics(await analytics.reports.models())
        assert list(answer) == ["google/unknown", "openai/gpt-4o", "openai/mystery"]
        assert answer["openai/gpt-4o"] == {
            "requests": 3,
            "tokens": 310,
            "cost": Decimal("4.000025"),
            "avg_latency_ms": 750,
            "cost_per_request": Decimal("1.333341666667"),
            "unpriced_requests": 0,
        }
        assert answer["google/unknown"] == {
            "requests": 1,
            "tokens": 10,
            "cost": 0,
            "avg_latency_ms": None,
            "cost_per_request": 0,
            "unpriced_requests": 1,
        }


def test_a_model_called_unknown_shares_the_line_of_those_without_a_name() -> None:
    rows = [
        ModelTotals("openai", None, Totals(requests=2, prompt=5, cost=10**12)),
        ModelTotals("openai", "unknown", Totals(requests=1, prompt=7, unpriced=1)),
    ]
    assert model_statistics(rows) == {
        "openai/unknown": {
            "requests": 3,
            "tokens": 12,
            "cost": 1,
            "avg_latency_ms": None,
            "cost_per_request": Decimal("0.5"),
            "unpriced_requests": 1,
        }
    }


async def test_endpoints_and_tags_list_four_sums(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        endpoints = {
            row.endpoint: breakdown_figures(row.totals)
            for row in await analytics.reports.endpoints()
        }
        assert endpoints == {
            "conversation": {
                "requests": 4,
                "tokens": 180,
                "cost": Decimal("3.000025"),
                "unpriced_requests": 2,
            },
            "task": {"requests": 1, "tokens": 150, "cost": 1, "unpriced_requests": 0},
        }
        # An event counts once for each of its tags.
        assert [
            (tag, breakdown_figures(totals)) for tag, totals in await analytics.reports.tags()
        ] == [
            ("home", {"requests": 2, "tokens": 160, "cost": 3, "unpriced_requests": 1}),
            ("night", {"requests": 1, "tokens": 150, "cost": 3, "unpriced_requests": 0}),
        ]


async def test_users_have_their_models_and_come_by_cost(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        await analytics.tracker.record(usage(user_id="ada", model="alpha"))
        await analytics.tracker.record(usage(user_id="abe", model="beta"))
        users = await analytics.reports.users()
        assert [(row.name, row.as_dict()["models_used"]) for row in users] == [
            ("ada", ["openai/alpha", "openai/gpt-4o"]),
            ("anonymous", ["openai/gpt-4o"]),
            ("abe", ["openai/beta"]),
            ("ben", ["openai/mystery"]),
        ]
        assert users[0].as_dict() == {
            "user_name": None,
            "requests": 3,
            "tokens": 310,
            "cost": Decimal("3.000025"),
            "models_used": ["openai/alpha", "openai/gpt-4o"],
        }
        # The anonymous one also used a model without a name.
        assert users[1].as_dict()["requests"] == 2


async def test_partial_days_come_from_their_events(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        start, end = at("2026-03-10T10:00"), at("2026-03-17T00:00") + timedelta(microseconds=1)
        assert (await analytics.reports.statistics(start, end)).requests == 3
        assert (await analytics.reports.statistics(None, at("2026-03-17T00:00"))).requests == 3
        assert (await analytics.reports.statistics(at("2026-03-17T00:00"))).requests == 2
        assert [name for name, _ in await analytics.reports.tags(start, end)] == ["home"]
        assert list(model_statistics(await analytics.reports.models(start, end))) == [
            *("openai/gpt-4o", "openai/mystery")
        ]
        names = [row.name for row in await analytics.reports.users(start, end)]
        assert names == ["anonymous", "ada", "ben"]
        breakdown = await analytics.reports.breakdown(By.USER, start=start, end=end)
        assert {row.key for row in breakdown.series} == {"anonymous", "ada", "ben"}
        assert len(breakdown.points) == 8
        # Beyond the ledger's end there is nothing, not even a point.
        late = await analytics.reports.breakdown(By.USER, start=berlin(2027, 1, 1))
        assert (late.series, late.points) == ([], [])
        early = await analytics.reports.statistics(None, berlin(2020, 1, 1))
        assert early.requests == 0


async def test_bounds_must_be_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        with pytest.raises(InvalidInputError) as refusal:
            await analytics.reports.statistics(NOON, NOON)
        assert refusal.value.field == "start"


async def test_frozen_days_count_but_cannot_be_cut(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        before = [
            window_statistics(await analytics.reports.statistics()),
            model_statistics(await analytics.reports.models()),
            [row.as_dict() for row in await analytics.reports.users()],
            (await analytics.reports.breakdown(By.TAG)).as_dict(),
        ]
        await analytics.maintenance.clean_up(retention_days=1)
        after = [
            window_statistics(await analytics.reports.statistics()),
            model_statistics(await analytics.reports.models()),
            [row.as_dict() for row in await analytics.reports.users()],
            (await analytics.reports.breakdown(By.TAG)).as_dict(),
        ]
        assert after == before
        for bounds in ((at("2026-03-10T10:00"), None), (None, at("2026-03-10T10:00"))):
            with pytest.raises(EventsRemovedError) as refusal:
                await analytics.reports.users(*bounds)
            assert refusal.value.field == ("start" if bounds[0] else "end")


async def test_a_bound_in_removed_days_is_refused_even_when_their_sums_are_gone(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        await analytics.maintenance.clean_up(retention_days=1, keep_aggregates=False)
        with pytest.raises(EventsRemovedError):
            await analytics.reports.statistics(None, at("2026-03-10T10:00"))


async def test_daily_statistics_end_today_and_have_zeros(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        rows = daily_rows(await analytics.reports.daily(3))
        assert rows == [
            {"date": "2026-03-16", "requests": 1, "tokens": 10, "cost": 0},
            {"date": "2026-03-17", "requests": 1, "tokens": 150, "cost": 1},
            {"date": "2026-03-18", "requests": 1, "tokens": 10, "cost": 0},
        ]
        assert len(daily_rows(await analytics.reports.daily())) == 30
