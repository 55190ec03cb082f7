"""Trends, comparisons and rhythms as they are read from the file."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics import (
    Analytics,
    EventsRemovedError,
    Filter,
    Interval,
    Metric,
    Watch,
)

from ..helpers import BERLIN, NOON, Clock, opened
from ..usage_events import usage

KITCHEN, HALL = "10.0.0.1", "10.0.0.2"
AT_KITCHEN = Filter(device=f"ip:{KITCHEN}")


async def record(analytics: Analytics, *moments: str, **given: Any) -> None:
    """Record one event of 150 tokens at each local time."""
    for text in moments:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=analytics.ledger.zone)
        await analytics.tracker.record(usage(timestamp=moment, cost_estimate=Decimal(1), **given))


def values(answer: Any) -> list[Any]:
    return [point["value"] for point in answer["data_points"]]


async def test_an_empty_ledger_has_no_points(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for metric in Metric:
            answer = (await analytics.trends.trend(metric)).as_dict()
            assert (answer["data_points"], answer["total"]) == ([], 0)
            assert (answer["start_date"], answer["end_date"]) == ("2026-02-17", "2026-03-18")
        found = (await analytics.trends.anomalies()).as_dict()
        assert (found["anomalies"], (await analytics.trends.forecast()).days_used) == ([], 0)
        assert set(values((await analytics.trends.trend(Metric.USAGE, days=7)).as_dict())) == set()


async def test_points_begin_with_the_ledger_and_idle_days_are_0(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await record(analytics, "2026-03-15T00:00", "2026-03-17T23:59", device_ip=KITCHEN)
        await record(analytics, "2026-03-17T12:00", device_ip=HALL)
        await analytics.tracker.record(usage(model="mystery", timestamp=NOON))
        answer = (await analytics.trends.trend(Metric.USAGE)).as_dict()
        assert values(answer) == [150, 0, 300, 150]
        assert (answer["average_daily"], answer["unpriced_requests"]) == (150, 1)
        assert values((await analytics.trends.trend(Metric.REQUESTS)).as_dict()) == [1, 0, 2, 1]
        assert values((await analytics.trends.trend(Metric.COST)).as_dict()) == [1, 0, 2, 0]
        assert values((await analytics.trends.trend(Metric.DEVICES)).as_dict()) == [1, 0, 2, 0]
        # Under a filter the points still begin with the ledger, or with the window.
        kitchen = (await analytics.trends.trend(Metric.DEVICES, wanted=AT_KITCHEN)).as_dict()
        assert (values(kitchen), kitchen["filter_device_ip"]) == ([1, 0, 1, 0], KITCHEN)
        nobody = (
            await analytics.trends.trend(Metric.USAGE, wanted=Filter(user="nobody"))
        ).as_dict()
        assert values(nobody) == [0, 0, 0, 0]
        await record(analytics, "2026-01-01T12:00")
        assert len(values((await analytics.trends.trend(Metric.USAGE, days=7)).as_dict())) == 7


async def test_weeks_and_months_are_summed_and_devices_counted_once_in_each(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await record(analytics, "2026-02-27T12:00", "2026-03-01T12:00", device_ip=KITCHEN)
        await record(analytics, "2026-03-02T12:00", "2026-03-18T12:00", device_ip=KITCHEN)
        await record(analytics, "2026-03-03T12:00", device_ip=HALL)

        async def points(metric: Metric, interval: Interval) -> Any:
            answer: Any = (await analytics.trends.trend(metric, interval=interval)).as_dict()
            return {point["date"]: point["value"] for point in answer["data_points"]}

        assert await points(Metric.REQUESTS, Interval.WEEK) == {
            "2026-02-23": 2,
            "2026-03-02": 2,
            "2026-03-09": 0,
            "2026-03-16": 1,
        }
        assert await points(Metric.DEVICES, Interval.WEEK) == {
            "2026-02-23": 1,
            "2026-03-02": 2,
            "2026-03-09": 0,
            "2026-03-16": 1,
        }
        assert await points(Metric.DEVICES, Interval.MONTH) == {"2026-02-01": 1, "2026-03-01": 2}
        answer = (await analytics.trends.trend(Metric.REQUESTS, interval=Interval.MONTH)).as_dict()
        assert (answer["total"], answer["average_daily"]) == (5, Decimal("0.25"))


async def compared(analytics: Analytics, wanted: Filter, days: int = 7) -> dict[str, Any]:
    """Return (current, previous, previous to the same time) by metric."""
    answer: Any = (await analytics.trends.comparison(days, wanted)).as_dict()
    return {
        metric: (row["current"], row["previous"], row["previous_to_same_time"])
        for metric, row in answer["comparison"].items()
    }


# The earlier days are 5 to 11 March; now is 13:10 in Berlin, so they are cut at 13:00 on the 11th.
TEN_PAST = datetime(2026, 3, 18, 12, 10, tzinfo=UTC)


async def comparable(analytics: Analytics) -> None:
    await record(analytics, "2026-03-05T00:00", "2026-03-11T12:59:59.999999", device_ip=KITCHEN)
    await record(analytics, "2026-03-11T13:00", device_ip=HALL, endpoint="task", tags=("night",))
    await record(analytics, "2026-03-18T12:00", device_ip=KITCHEN, endpoint="task")


async def test_the_earlier_period_is_cut_at_the_last_full_quarter(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", clock=Clock(TEN_PAST)) as analytics:
        await comparable(analytics)
        everything = {
            "requests": (1, 3, 2),
            "tokens": (150, 450, 300),
            "cost": (1, 3, 2),
            "devices": (1, 2, 1),
        }
        assert await compared(analytics, Filter()) == everything
        assert await compared(analytics, Filter(model="gpt-4o")) == everything
        assert await compared(analytics, Filter(user="anonymous")) == everything
        assert (await compared(analytics, AT_KITCHEN))["devices"] == (1, 1, 1)
        assert (await compared(analytics, Filter(device=f"ip:{HALL}")))["requests"] == (0, 1, 0)
        assert (await compared(analytics, Filter(endpoint="task")))["devices"] == (1, 1, 0)
        assert (await compared(analytics, Filter(tag="night")))["tokens"] == (0, 150, 0)
        assert set((await compared(analytics, Filter(tag="never"))).values()) == {(0, 0, 0)}
        assert (await compared(analytics, Filter(), days=1))["requests"] == (1, 0, 0)


async def test_at_a_quarter_to_the_microsecond_the_next_quarter_counts(tmp_path: Path) -> None:
    clock = Clock(TEN_PAST)
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        await comparable(analytics)
        clock.now = TEN_PAST + timedelta(minutes=5) - timedelta(microseconds=1)
        assert (await compared(analytics, Filter()))["requests"] == (1, 3, 2)
        clock.now += timedelta(microseconds=1)
        assert (await compared(analytics, Filter()))["requests"] == (1, 3, 3)


async def test_where_events_are_gone_only_quarter_hours_can_be_cut(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", clock=Clock(TEN_PAST)) as analytics:
        await comparable(analytics)
        await analytics.maintenance.clean_up(retention_days=2)
        assert (await compared(analytics, Filter()))["devices"] == (1, 2, 1)
        assert (await compared(analytics, AT_KITCHEN))["tokens"] == (150, 300, 300)
        by_model = await compared(analytics, Filter(provider="openai"))
        assert (by_model["requests"], by_model["devices"]) == ((1, 3, 2), (1, 2, None))
        by_endpoint = await compared(analytics, Filter(endpoint="task"))
        assert by_endpoint["requests"] == (1, 1, None)
        assert {row[2] for row in by_endpoint.values()} == {None}
        with pytest.raises(EventsRemovedError):
            await analytics.trends.comparison(7, Filter(tag="night"))


async def test_the_same_time_of_day_is_the_wall_clock_s_over_a_clock_change(
    tmp_path: Path,
) -> None:
    clock = Clock(datetime(2026, 4, 2, 12, 0, tzinfo=BERLIN))  # clocks changed on 29 March
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        await record(analytics, "2026-03-26T11:59", "2026-03-26T12:00", endpoint="chat")
        for wanted in (Filter(), Filter(endpoint="chat")):
            assert (await compared(analytics, wanted))["requests"] == (0, 2, 1)


async def test_a_repeated_hour_is_one_bucket(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 10, 25, 20, tzinfo=UTC))
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        await record(analytics, "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", tags=("t",))
        await record(analytics, "2026-10-25T01:30+02:00", "2026-10-24T23:30+02:00")
        answer: Any = (await analytics.trends.peak_hours(days=2)).as_dict()
        assert {row["hour"] for row in answer["hourly_data"] if row["request_count"]} == {1, 2, 23}
        assert (answer["peak_hours_by_requests"], answer["peak_hours_by_tokens"]) == ([2], [2])
        assert answer["summary"] == {"most_active_hour": 2, "least_active_hour": 0}
        tagged: Any = (await analytics.trends.peak_hours(days=2, wanted=Filter(tag="t"))).as_dict()
        assert tagged["peak_hours_by_requests"] == [2]
        hours = await analytics.reports.hourly()
        assert {hour: count for hour, count in enumerate(hours) if count} == {1: 1, 2: 2, 23: 1}
        assert sum(await analytics.reports.hourly(days=1)) == 3


async def test_hours_of_an_empty_ledger_are_zeros(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        assert await analytics.reports.hourly() == [0] * 24
        assert await analytics.reports.hourly(days=30) == [0] * 24


async def test_hours_and_weekdays_are_the_home_s(tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    clock = Clock(datetime(2026, 3, 18, 12, tzinfo=UTC))
    async with opened(tmp_path / "a.db", zone=zone, clock=clock) as analytics:
        # 23:59 on Saturday and midnight on Sunday
        await record(analytics, "2026-03-14T23:59", device_ip=KITCHEN)
        await record(analytics, "2026-03-15T00:00", model="gpt-4o-mini")
        heat: Any = (await analytics.trends.heatmap()).as_dict()
        cells = {
            (weekday, hour): tuple(heat[name][weekday][hour] for name in heat)
            for weekday in range(7)
            for hour in range(24)
            if heat["requests"][weekday][hour]
        }
        assert cells == {(6, 23): (1, 150, 1), (0, 0): (1, 150, 1)}
        mini: Any = (await analytics.trends.heatmap(7, Filter(model="gpt-4o-mini"))).as_dict()
        assert sum(map(sum, mini["tokens"])) == mini["tokens"][0][0] == 150
        weekdays: Any = (await analytics.trends.weekdays()).as_dict()
        assert weekdays["summary"]["weekend_total_requests"] == 2
        kitchen: Any = (await analytics.trends.weekdays(wanted=AT_KITCHEN)).as_dict()
        assert kitchen["summary"]["busiest_day"] == "Saturday"


async def test_a_spike_in_the_file_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in range(1, 8):
            count = 60 if ago == 3 else 6
            moment = NOON - timedelta(days=ago)
            await analytics.tracker.record_many(
                [usage(timestamp=moment, tokens_prompt=300, device_ip=KITCHEN)] * count
            )
        for wanted in (Filter(), AT_KITCHEN):
            answer: Any = (await analytics.trends.anomalies(7, wanted=wanted)).as_dict()
            assert [row["date"] for row in answer["anomalies"]] == ["2026-03-15"]
        # The references are the window's days only: 6 complete ones.
        assert answer["request_mean"] == 15
        quiet: Any = (await analytics.trends.anomalies(wanted=Filter(user="nobody"))).as_dict()
        assert (quiet["anomalies"], quiet["summary"]["insufficient_data"]) == ([], False)


async def test_the_figures_tell_today_s_and_yesterday_s_anomalies(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        for ago in range(2, 10):
            moment = NOON - timedelta(days=ago)
            count = 40 if ago == 2 else 4  # over: it is the day before yesterday
            await analytics.tracker.record_many(
                [usage(timestamp=moment, tokens_prompt=1_000)] * count
            )
        await analytics.tracker.record_many([usage(timestamp=NOON, tokens_prompt=1_000)] * 20)
        yesterday = NOON.date() - timedelta(days=1)
        for threshold in (Fraction(1, 2), Fraction(2), Fraction(10)):
            latest = (await analytics.reports.figures(Watch(anomaly_threshold=threshold))).scores
            answer: Any = (await analytics.trends.anomalies(threshold=threshold)).as_dict()
            assert {
                (day.isoformat(), score.metric, score.shown_z) for day, score in latest.anomalies
            } == {
                (row["date"], one["type"], one["z_score"])
                for row in answer["anomalies"]
                for one in row["anomaly_types"]
                if row["date"] >= yesterday.isoformat()
            }
            assert latest.threshold == threshold
            assert latest.cost_anomaly is (threshold < 1)  # 0.048 dollars more than usual
        assert {score.metric for _, score in latest.anomalies} == {"tokens"}
        clock.now += timedelta(days=1)
        (found,) = {day for day, _ in (await analytics.reports.figures()).scores.anomalies}
        assert found == NOON.date()


async def test_the_forecast_knows_the_month_and_the_days_before_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        for ago in range(1, 41):
            await analytics.tracker.record(
                usage(timestamp=NOON - timedelta(days=ago), cost_estimate=Decimal("0.5"))
            )
        answer: Any = (await analytics.trends.forecast()).as_dict()
        figures = {"month_to_date": 17 * 150, "projected": 31 * 150}
        assert answer["tokens"] == figures | {"low": 31 * 150, "high": 31 * 150}
        assert answer["cost"]["projected"] == Decimal("15.5")
        assert answer["days_used"] == 28
        await analytics.tracker.record(usage(timestamp=NOON))
        assert (await analytics.trends.forecast()).as_dict()["tokens"] == answer["tokens"] | {
            "month_to_date": 18 * 150
        }


async def test_an_event_of_a_few_minutes_ahead_may_be_the_ledger_s_first(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 3, 18, 23, 58, tzinfo=BERLIN))
    async with opened(tmp_path / "a.db", clock=clock) as analytics:
        await record(analytics, "2026-03-19T00:01")
        assert (await analytics.trends.trend(Metric.USAGE)).as_dict()["data_points"] == []
        found: Any = (await analytics.trends.anomalies()).as_dict()
        assert found["summary"]["insufficient_data"]
        assert (await analytics.trends.forecast()).days_used == 0
        assert (await analytics.reports.statistics()).requests == 1
