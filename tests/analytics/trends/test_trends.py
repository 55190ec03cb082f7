"""Trends, comparisons and rhythms as pure functions of their figures."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics.periods import Days
from custom_components.llm_analytics.analytics.totals import Filter, Totals
from custom_components.llm_analytics.analytics.trends.comparison import Comparison, same_time_on
from custom_components.llm_analytics.analytics.trends.metrics import (
    Interval,
    Metric,
    interval_starts,
)
from custom_components.llm_analytics.analytics.trends.patterns import (
    Heatmap,
    PeakHours,
    Weekdays,
    busiest,
)
from custom_components.llm_analytics.analytics.trends.trend import Trend, direction

FIRST = date(2026, 3, 2)  # a Monday
PICO = 10**12


def trend(values: list[int], metric: Metric = Metric.USAGE, **given: Any) -> Trend:
    points = [(FIRST + timedelta(days=number), value) for number, value in enumerate(values)]
    last = FIRST + timedelta(days=len(values) - 1)
    fields: dict[str, Any] = {
        "period_days": 30,
        "window": Days(last - timedelta(days=29), last),
        "days": len(values),
        "unpriced": 0,
        "filter": Filter(),
    }
    return Trend(metric=metric, points=points, **(fields | given))


@pytest.mark.parametrize(
    ("values", "change", "way"),
    [
        ([100, 110], "10", "stable"),
        ([1000, 1101], "10.1", "up"),
        # Rounded to 2 places both are 10: what decides is the exact figure.
        ([10**6, 1_100_001], "10", "up"),
        ([10**6, 899_999], "-10", "down"),
        ([100, 90], "-10", "stable"),
        ([100, 0], "-100", "down"),
        ([0, 5], "100", "up"),
        ([5, 0, 0], "-100", "down"),
        ([0, 0], "0", "stable"),
        # The first half of an odd number of points is the smaller one.
        ([10, 20, 30], "150", "up"),
        ([10, 10, 0, 20, 1], "-30", "down"),
        ([7], "0", "stable"),
        ([], "0", "stable"),
    ],
)
def test_direction_is_decided_before_rounding(values: list[int], change: str, way: str) -> None:
    answer = trend(values).as_dict()
    assert (answer["change_percent"], answer["trend_direction"]) == (Decimal(change), way)


def test_direction_at_exactly_ten_is_stable() -> None:
    nearly = Fraction(1, 10**30)
    assert [direction(Fraction(10)), direction(Fraction(-10))] == ["stable", "stable"]
    assert [direction(10 + nearly), direction(-10 - nearly)] == ["up", "down"]


@pytest.mark.parametrize(
    ("values", "volatility"),
    [([], "0"), ([5], "0"), ([0, 0, 0], "0"), ([5, 5], "0"), ([1, 3], "70.71"), ([0, 4], "141.42")],
)
def test_volatility_is_the_spread_in_per_cent_of_the_mean(
    values: list[int], volatility: str
) -> None:
    assert trend(values).as_dict()["volatility"] == Decimal(volatility)


def test_ties_of_peaks_and_lows_go_to_the_earliest_date() -> None:
    answer = trend([4, 9, 1, 9, 1]).as_dict()
    assert (answer["peak_value"], answer["peak_date"]) == (9, "2026-03-03")
    assert (answer["min_value"], answer["min_date"]) == (1, "2026-03-04")


def test_a_trend_of_money_is_written_in_dollars() -> None:
    answer = trend(
        [PICO, 2 * PICO, 5], Metric.COST, unpriced=3, filter=Filter(device="ip:10.0.0.1")
    ).as_dict()
    assert answer == {
        "metric": "cost",
        "period_days": 30,
        "start_date": "2026-02-03",
        "end_date": "2026-03-04",
        "data_points": [
            {"date": "2026-03-02", "value": Decimal(1)},
            {"date": "2026-03-03", "value": Decimal(2)},
            {"date": "2026-03-04", "value": Decimal("0.000000000005")},
        ],
        "trend_direction": "stable",
        "change_percent": Decimal(0),
        "average_daily": Decimal("1.000000000002"),
        "total": Decimal("3.000000000005"),
        "peak_value": Decimal(2),
        "peak_date": "2026-03-03",
        "min_value": Decimal("0.000000000005"),
        "min_date": "2026-03-04",
        "volatility": Decimal(100),
        "unpriced_requests": 3,
        "filter_device_ip": "10.0.0.1",
    }


def test_a_trend_of_nothing_is_an_empty_list_and_zeros() -> None:
    answer = trend([], window=Days(date(2026, 2, 1), FIRST)).as_dict()
    assert answer["data_points"] == []
    assert [answer[name] for name in ("total", "average_daily", "peak_value", "min_value")] == [
        *(0, 0, 0, 0)
    ]
    assert (answer["peak_date"], answer["min_date"]) == (None, None)


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    days = Days(date(2025, 12, 30), date(2026, 1, 12))
    assert [str(day) for day in interval_starts(Interval.WEEK, days)] == [
        *("2025-12-29", "2026-01-05", "2026-01-12")
    ]
    assert [str(day) for day in interval_starts(Interval.MONTH, days)] == [
        *("2025-12-01", "2026-01-01")
    ]
    assert interval_starts(Interval.DAY, days) == days.dates()


def test_a_comparison_has_changes_and_null_where_nothing_can_be_said() -> None:
    comparison = Comparison(
        period_days=2,
        current_days=Days(date(2026, 3, 3), date(2026, 3, 4)),
        previous_days=Days(date(2026, 3, 1), date(2026, 3, 2)),
        current={
            Metric.REQUESTS: 3,
            Metric.USAGE: 50,
            Metric.COST: 0,
            Metric.DEVICES: 1,
        },
        previous={
            Metric.REQUESTS: 9,
            Metric.USAGE: 0,
            Metric.COST: 3 * PICO,
            Metric.DEVICES: 1,
        },
        to_same_time={Metric.REQUESTS: 4, Metric.USAGE: 0, Metric.COST: PICO},
        unpriced=2,
        filter=Filter(device="ha:abc"),
    )

    def row(*values: object) -> dict[str, object]:
        names = ("current", "previous", "change", "change_percent")
        return dict(
            zip(
                (*names, "previous_to_same_time", "change_percent_to_same_time"),
                values,
                strict=True,
            )
        )

    assert comparison.as_dict() == {
        "period_days": 2,
        "filter_device_ip": None,
        "current_period": {"start": "2026-03-03", "end": "2026-03-04"},
        "previous_period": {"start": "2026-03-01", "end": "2026-03-02"},
        "comparison": {
            "requests": row(3, 9, -6, Decimal("-66.67"), 4, -25),
            "tokens": row(50, 0, 50, 100, 0, 100),
            "cost": row(0, 3, -3, -100, 1, -100),
            "devices": row(1, 1, 0, 0, None, None),
        },
        "unpriced_requests": 2,
    }


def test_all_hours_that_reach_the_maximum_are_peaks() -> None:
    hours = [(0, 0)] * 24
    hours[3], hours[9], hours[20] = (2, 10), (2, 11), (1, 11)
    answer: Any = PeakHours(period_days=7, hours=hours, filter=Filter()).as_dict()
    assert answer["peak_hours_by_requests"] == [3, 9]
    assert answer["peak_hours_by_tokens"] == [9, 20]
    assert answer["summary"] == {"most_active_hour": 3, "least_active_hour": 0}
    assert [row["hour_label"] for row in answer["hourly_data"]][8:10] == ["08:00", "09:00"]
    assert answer["hourly_data"][9] == {
        "hour": 9,
        "hour_label": "09:00",
        "request_count": 2,
        "total_tokens": 11,
        "avg_tokens_per_request": Decimal("5.5"),
    }


def test_hours_of_nothing_are_24_zero_rows_without_peaks() -> None:
    answer: Any = PeakHours(period_days=7, hours=[(0, 0)] * 24, filter=Filter()).as_dict()
    assert len(answer["hourly_data"]) == 24
    assert {row["avg_tokens_per_request"] for row in answer["hourly_data"]} == {0}
    assert (answer["peak_hours_by_requests"], answer["peak_hours_by_tokens"]) == ([], [])
    assert answer["summary"] == {"most_active_hour": None, "least_active_hour": None}
    assert busiest([0, 0]) == []


def weekday_answer(counts: dict[int, int]) -> Any:
    days = [
        (FIRST + timedelta(days=offset), Totals(requests=count, prompt=10 * count))
        for offset, count in counts.items()
    ]
    return Weekdays(period_days=28, days=days, filter=Filter(device="ip:10.0.0.1")).as_dict()


def test_weekdays_are_numbered_from_sunday_and_ties_go_by_number() -> None:
    # Monday the 2nd, Wednesday, Saturday, Sunday, and the next Monday
    answer = weekday_answer({0: 2, 2: 5, 5: 1, 6: 2, 7: 3})
    assert answer["filter_device_ip"] == "10.0.0.1"
    assert [row["request_count"] for row in answer["weekday_data"]] == [2, 5, 0, 5, 0, 0, 1]
    assert answer["weekday_data"][1] == {
        "weekday": 1,
        "weekday_name": "Monday",
        "request_count": 5,
        "total_tokens": 50,
    }
    assert answer["summary"] == {
        "busiest_day": "Monday",
        "quietest_day": "Tuesday",
        "weekday_total_requests": 10,
        "weekend_total_requests": 3,
        "weekday_vs_weekend_ratio": Decimal("3.33"),
    }


def test_the_ratio_to_an_idle_weekend_is_0() -> None:
    assert weekday_answer({0: 2})["summary"]["weekday_vs_weekend_ratio"] == 0
    assert weekday_answer({})["summary"] == {
        "busiest_day": None,
        "quietest_day": None,
        "weekday_total_requests": 0,
        "weekend_total_requests": 0,
        "weekday_vs_weekend_ratio": 0,
    }


def test_a_heat_map_shows_money_in_dollars() -> None:
    rows = [[0] * 24 for _ in range(7)]
    rows[6][23] = PICO // 4
    answer: Any = Heatmap(rows, rows, rows).as_dict()
    assert answer["requests"][6][23] == PICO // 4
    assert answer["cost"][6][23] == Decimal("0.25")


@pytest.mark.parametrize(
    ("zone", "now", "day", "instant"),
    [
        ("UTC", "2026-03-18T12:14:59", "2026-03-11", "2026-03-11T12:00:00"),
        ("UTC", "2026-03-18T12:15:00", "2026-03-11", "2026-03-11T12:15:00"),
        ("Asia/Kathmandu", "2026-03-18T00:10:00", "2026-03-11", "2026-03-11T00:00:00"),
        # Berlin's clocks went forward on 29 March: the same time of day is an hour off.
        ("Europe/Berlin", "2026-03-30T10:20:00", "2026-03-28", "2026-03-28T11:15:00"),
        # An hour that the earlier day skipped counts from after the change.
        ("Europe/Berlin", "2026-03-30T00:30:00", "2026-03-29", "2026-03-29T01:30:00"),
    ],
)
def test_the_same_time_of_day_is_the_last_full_local_quarter(
    zone: str, now: str, day: str, instant: str
) -> None:
    home = ZoneInfo(zone)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(home)
    found = same_time_on(date.fromisoformat(day), moment)
    assert found.astimezone(UTC) == datetime.fromisoformat(instant).replace(tzinfo=UTC)
