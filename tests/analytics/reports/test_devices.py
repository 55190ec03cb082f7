"""Statistics of single devices, and series for stacked charts."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import Analytics, By, Interval, NotFoundError
from custom_components.llm_analytics.analytics.reports.breakdown import Breakdown, Series
from custom_components.llm_analytics.analytics.totals import Totals

from ..helpers import Clock, opened
from ..small_household import HALL, KITCHEN, at, household
from ..usage_events import usage


async def test_a_device_s_day_by_endpoint(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        answer = (await analytics.reports.device_day(f"ip:{KITCHEN}", date(2026, 3, 10))).as_dict()
        assert answer == {
            "date": "2026-03-10",
            "device_ip": KITCHEN,
            "device_id": None,
            "request_count": 2,
            "total": 160,
            "prompt": 110,
            "response": 50,
            "cost_estimate": Decimal("3.000025"),
            "unpriced_requests": 0,
            "by_endpoint": {"conversation": {"count": 2, "tokens": 160}},
        }
        never = (await analytics.reports.device_day("ha:never")).as_dict()
        assert (never["date"], never["request_count"], never["by_endpoint"]) == (
            *("2026-03-18", 0),
            {},
        )
        assert never["device_id"] == "never"


async def test_a_device_s_summary(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        await analytics.tracker.record(usage(device_ip=KITCHEN, device_name="Kitchen"))
        answer: Any = (await analytics.reports.device_summary(f"ip:{KITCHEN}")).as_dict()
        sums = {
            "request_count": 2,
            "total_tokens": 160,
            "tokens_prompt": 110,
            "tokens_response": 50,
            "cost_estimate": Decimal("0.00075"),
            "unpriced_requests": 1,
        }
        assert answer["stats"] == sums
        assert {name: answer[name] for name in sums} == sums
        assert (answer["device_ip"], answer["device_name"]) == (KITCHEN, "Kitchen")
        assert [answer[name] for name in ("period_days", "start_date", "end_date")] == [
            *(7, "2026-03-12", "2026-03-18")
        ]
        assert answer["daily"][-1] == {
            "date": "2026-03-18",
            "requests": 2,
            "tokens": 160,
            "cost_estimate": Decimal("0.00075"),
        }
        assert answer["trend"] == {
            "direction": "up",
            "change_percent": 100,
            "average_daily_tokens": Decimal("22.86"),
        }
        assert answer["peak_hours"] == [9, 13]
        assert answer["hourly_distribution"][9] == {
            "hour": 9,
            "request_count": 1,
            "total_tokens": 10,
        }
        with pytest.raises(NotFoundError) as refusal:
            await analytics.reports.device_summary("ip:10.9.9.9")
        assert (refusal.value.thing, refusal.value.key) == ("device", "10.9.9.9")


async def test_a_device_that_is_known_but_idle_has_zeros(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        event = await analytics.tracker.record(usage(device_ip=KITCHEN))
        await analytics.tracker.delete_event(event.event.id)
        answer: Any = (await analytics.reports.device_summary(f"ip:{KITCHEN}")).as_dict()
        assert answer["trend"] == {
            "direction": "stable",
            "change_percent": 0,
            "average_daily_tokens": 0,
        }


async def test_top_devices_come_by_tokens_and_no_device_last(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await household(analytics)
        rows = await analytics.reports.top_devices()
        assert [row.key for row in rows] == [f"ip:{KITCHEN}", f"ip:{HALL}", None]
        assert len(await analytics.reports.top_devices(days=30, limit=1)) == 1


async def broken_down(analytics: Analytics, by: By, **given: Any) -> dict[str | None, list[int]]:
    """Return the tokens of each series."""
    answer: Any = (await analytics.reports.breakdown(by, **given)).as_dict()
    assert all(
        len(row[name]) == len(answer["points"])
        for row in answer["series"]
        for name in ("requests", "tokens", "cost")
    )
    return {row["key"]: row["tokens"] for row in answer["series"]}


async def test_a_breakdown_has_a_series_for_each_key(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        assert (await analytics.reports.breakdown(By.MODEL)).as_dict()["points"] == []
        await household(analytics)
        week = {"interval": Interval.WEEK}
        assert await broken_down(analytics, By.PROVIDER, **week) == {
            "openai": [160, 160],
            "google": [0, 10],
        }
        assert await broken_down(analytics, By.MODEL, **week) == {
            "openai/gpt-4o": [160, 150],
            "google/unknown": [0, 10],
            "openai/mystery": [0, 10],
        }
        # What belongs to no device comes last, though it has more tokens than one.
        by_device = await broken_down(analytics, By.DEVICE, **week)
        assert by_device == {f"ip:{KITCHEN}": [160, 10], f"ip:{HALL}": [0, 10], None: [0, 150]}
        assert list(by_device)[-1] is None
        assert await broken_down(analytics, By.ENDPOINT, **week) == {
            "conversation": [160, 20],
            "task": [0, 150],
        }
        assert await broken_down(analytics, By.USER, **week) == {
            "ada": [160, 0],
            "anonymous": [0, 160],
            "ben": [0, 10],
        }
        assert await broken_down(analytics, By.TAG, interval=Interval.MONTH) == {
            "home": [160],
            "night": [150],
        }
        by_day: Any = (await analytics.reports.breakdown(By.DEVICE)).as_dict()
        assert (by_day["points"][0], by_day["points"][-1]) == ("2026-03-10", "2026-03-18")


async def test_a_breakdown_ends_today_though_a_clock_may_be_ahead(tmp_path: Path) -> None:
    clock = Clock(at("2026-03-18T23:58"))
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        await analytics.tracker.record(usage(timestamp=at("2026-03-18T12:00")))
        await analytics.tracker.record(usage(timestamp=at("2026-03-19T00:01"), endpoint="task"))
        assert await broken_down(analytics, By.ENDPOINT) == {"conversation": [150]}


def test_series_beyond_the_top_are_summed_up_as_other() -> None:
    days = [date(2026, 3, 16), date(2026, 3, 17)]
    series = [
        Series(
            key,
            key.upper(),
            {days[0]: Totals(requests=1, prompt=tokens, cost=5 * 10**11), days[1]: Totals()},
        )
        for key, tokens in (("d", 1), ("b", 7), ("a", 7), ("c", 2))
    ]
    answer = Breakdown(
        by=By.ENDPOINT, interval=Interval.DAY, points=days, series=series, top=2
    ).as_dict()
    half = Decimal("0.5")
    assert answer == {
        "by": "endpoint",
        "interval": "day",
        "points": ["2026-03-16", "2026-03-17"],
        "series": [
            {"key": "a", "name": "A", "requests": [1, 0], "tokens": [7, 0], "cost": [half, 0]},
            {"key": "b", "name": "B", "requests": [1, 0], "tokens": [7, 0], "cost": [half, 0]},
            {
                "key": "other",
                "name": "other",
                "requests": [2, 0],
                "tokens": [3, 0],
                "cost": [1, 0],
            },
        ],
    }
