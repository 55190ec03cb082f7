"""Anomalies agree with a slow score written from the contract, and find what a person would."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
import random
import statistics
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.llm_analytics.analytics.totals import Filter, Totals
from custom_components.llm_analytics.analytics.trends.anomalies import Anomalies, Score, scores

FIRST = date(2026, 3, 2)  # a Monday
PICO = 10**12

type Day = tuple[date, int]


def dated(figures: list[int]) -> list[Day]:
    return [(FIRST + timedelta(days=number), figure) for number, figure in enumerate(figures)]


def slow_expected(day: date, others: list[Day]) -> Fraction:
    same = [Fraction(figure) for other, figure in others if other.weekday() == day.weekday()]
    every = [Fraction(figure) for _, figure in others]
    return statistics.median(same if len(same) >= 3 else every)


def slow_scores(
    floor: int, complete: list[Day], today: Day
) -> dict[date, tuple[Fraction, Fraction, Fraction]]:
    """Return (z, expected, scale) of each day, as the contract says it."""
    residuals = {
        day: figure - slow_expected(day, [one for one in complete if one[0] != day])
        for day, figure in complete
        if len(complete) > 1
    }
    found = {}
    for day, figure in [*complete, today]:
        others = [one for one in complete if one[0] != day]
        if len(others) < 5:
            continue
        expected = slow_expected(day, others)
        around = [residuals[other] for other, _ in others]
        middle = statistics.median(around)
        mad = statistics.median([abs(one - middle) for one in around])
        scale = max(Fraction("1.4826") * mad, abs(expected) / 4, Fraction(floor))
        found[day] = (figure - expected) / scale, expected, scale
    return found


FLOORS = {"requests": 5, "tokens": 1_000, "cost": PICO // 20}


@settings(max_examples=200, deadline=None)
@given(
    metric=st.sampled_from(list(FLOORS)),
    size=st.sampled_from([1, 100, 10**9]),
    figures=st.lists(st.integers(0, 50), min_size=1, max_size=36),
)
def test_scores_agree_with_the_slow_ones(metric: str, size: int, figures: list[int]) -> None:
    *complete, today = dated([figure * size for figure in figures])
    found = {
        day: (score.z, score.expected, score.scale)
        for day, score in scores(metric, complete, today)
    }
    assert found == slow_scores(FLOORS[metric], complete, today)


def asked(figures: list[int], threshold: Fraction = Fraction(2), **given: Any) -> Any:
    """Return the answer over days of that many requests of 1,000 tokens, today last."""
    days = [
        (day, Totals(requests=count, prompt=1_000 * count, cost=10**9 * count))
        for day, count in dated(figures)
    ]
    fields: dict[str, Any] = {"period_days": len(figures), "filter": Filter()} | given
    return Anomalies(threshold=threshold, days=days[:-1], today=days[-1], **fields).as_dict()


def found_dates(answer: Any) -> list[str]:
    return [row["date"] for row in answer["anomalies"]]


@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("usual", [5, 40, 2_000])
def test_one_spike_in_seven_quiet_days_is_found(usual: int, place: int) -> None:
    figures = [usual] * 7
    figures[place] = 10 * usual
    answer = asked(figures)
    assert found_dates(answer) == [str(FIRST + timedelta(days=place))]
    types = {one["type"] for one in answer["anomalies"][0]["anomaly_types"]}
    assert {"requests", "tokens"} <= types


@pytest.mark.parametrize("seed", range(10))
def test_sixty_days_of_weekday_rhythm_with_noise_have_no_anomaly(seed: int) -> None:
    noise = random.Random(seed)
    rhythm = [100, 110, 120, 115, 90, 20, 12]
    figures = [
        round(rhythm[(FIRST + timedelta(days=number)).weekday()] * noise.uniform(0.9, 1.1))
        for number in range(60)
    ]
    answer = asked(figures)
    assert answer["anomalies"] == []
    assert answer["summary"] == {
        "total_anomalous_days": 0,
        "anomaly_rate": 0,
        "insufficient_data": False,
        "message": "No day was out of the ordinary",
    }


def test_two_spikes_do_not_hide_each_other() -> None:
    figures = [10] * 12
    figures[3] = figures[9] = 300
    answer = asked(figures)
    assert found_dates(answer) == ["2026-03-05", "2026-03-11"]
    assert answer["summary"]["message"] == "2 days were out of the ordinary"


def test_an_idle_day_among_busy_ones_is_low() -> None:
    (row,) = asked([60, 60, 0, 60, 60, 60, 60, 60])["anomalies"]
    assert row["date"] == "2026-03-04"
    assert [(one["type"], one["direction"]) for one in row["anomaly_types"]] == [
        ("requests", "low"),
        ("tokens", "low"),
    ]


def test_today_can_only_be_high() -> None:
    assert asked([60] * 7 + [0])["anomalies"] == []
    assert found_dates(asked([60] * 7 + [600])) == ["2026-03-09"]


def test_today_is_no_reference() -> None:
    quiet, busy = asked([60] * 6 + [90] + [0]), asked([60] * 6 + [90] + [9_000])
    assert quiet["statistics"] == busy["statistics"]
    assert quiet["anomalies"] == busy["anomalies"][:-1] == []


@pytest.mark.parametrize(
    ("complete", "insufficient", "found"),
    [
        (0, True, []),
        (4, True, []),
        (5, False, ["2026-03-07"]),
        (6, False, ["2026-03-02", "2026-03-08"]),
    ],
)
def test_fewer_than_five_other_complete_days_say_nothing(
    *, complete: int, insufficient: bool, found: list[str]
) -> None:
    figures = [10] * complete + [500]
    figures[0] = 500
    answer = asked(figures)
    assert answer["summary"]["insufficient_data"] == insufficient
    assert found_dates(answer) == found
    if insufficient:
        assert answer["summary"]["message"] == (
            f"{complete} complete days are not enough to tell what is usual; 5 are needed"
        )


def test_the_weekday_is_what_is_expected_once_three_others_exist() -> None:
    mondays = [100, 10, 10, 10, 10, 10, 10] * 4
    assert asked([*mondays, 100])["anomalies"] == []
    # With two other Mondays only all days count, and a Monday stands out.
    assert found_dates(asked([*mondays[:21], 100])) == [*("2026-03-02", "2026-03-09", "2026-03-16")]


@pytest.mark.parametrize(
    ("metric", "floor", "expected", "scale"),
    [
        ("requests", 5, Decimal(0), Decimal(5)),
        ("tokens", 1_000, Decimal(0), Decimal(1_000)),
        ("cost", PICO // 20, Decimal(0), Decimal("0.05")),
    ],
)
def test_small_figures_are_measured_by_a_floor(
    metric: str, floor: int, expected: Decimal, scale: Decimal
) -> None:
    (_, score) = scores(metric, dated([0] * 5), (FIRST, 3 * floor))[-1]
    assert score.as_dict() == {
        "type": metric,
        "z_score": 3,
        "direction": "high",
        "expected": expected,
        "scale": scale,
    }


def test_a_score_at_the_threshold_is_no_anomaly() -> None:
    figures = [0] * 6 + [10]
    assert found_dates(asked(figures, Fraction(3))) == ["2026-03-08"]  # its 10,000 tokens
    at, beyond = asked([0] * 6 + [2]), asked([0] * 6 + [2], Fraction(199, 100))
    assert (found_dates(at), found_dates(beyond)) == ([], ["2026-03-08"])


def test_a_score_is_rounded_only_for_the_eye() -> None:
    score = Score("tokens", 10, Fraction(1, 3), Fraction(3))
    assert score.z == Fraction(29, 9)
    assert score.as_dict() == {
        "type": "tokens",
        "z_score": Decimal("3.22"),
        "direction": "high",
        "expected": Decimal("0.33"),
        "scale": 3,
    }
    low = Score("cost", 0, Fraction(PICO, 3), Fraction(PICO)).as_dict()
    assert (low["direction"], low["expected"]) == ("low", Decimal("0.333333333333"))


def test_the_answer_explains_itself() -> None:
    answer = asked(
        [4, 8, 6, 8, 4, 6, 90, 6],
        Fraction(5, 2),
        filter=Filter(device="ip:10.0.0.1"),
        period_days=30,
    )
    (row,) = answer.pop("anomalies")
    kinds = row.pop("anomaly_types")
    assert row == {
        "date": "2026-03-08",
        "request_count": 90,
        "total_tokens": 90_000,
        "cost_estimate": Decimal("0.09"),
    }
    assert [(one["type"], one["z_score"], one["expected"]) for one in kinds] == [
        ("requests", Decimal("16.8"), 6),
        ("tokens", Decimal("28.33"), 6_000),
    ]
    counts = {"median": 6, "mad": 2, "mean": 18}
    spread = {"requests": Decimal("31.79"), "tokens": Decimal("31790.98")}
    assert answer == {
        "period_days": 30,
        "filter_device_ip": "10.0.0.1",
        "threshold_std": Decimal("2.5"),
        "statistics": {
            "requests": counts | {"std": spread["requests"]},
            "tokens": {"median": 6_000, "mad": 2_000, "mean": 18_000, "std": spread["tokens"]},
            "cost": {
                "median": Decimal("0.006"),
                "mad": Decimal("0.002"),
                "mean": Decimal("0.018"),
                "std": Decimal("0.031790984047"),
            },
        },
        "request_mean": 18,
        "request_std": spread["requests"],
        "token_mean": 18_000,
        "token_std": spread["tokens"],
        "summary": {
            "total_anomalous_days": 1,
            "anomaly_rate": Decimal("3.33"),
            "insufficient_data": False,
            "message": "1 day was out of the ordinary",
        },
    }


def window(figures: list[int], threshold: Fraction = Fraction(2)) -> Anomalies:
    """Return days of that many requests of 1,000 tokens and a tenth of a dollar, today last."""
    days = [
        (day, Totals(requests=count, prompt=1_000 * count, cost=PICO // 10 * count))
        for day, count in dated(figures)
    ]
    return Anomalies(
        period_days=len(days),
        threshold=threshold,
        days=days[:-1],
        today=days[-1],
        filter=Filter(),
    )


@settings(max_examples=100, deadline=None)
@given(
    figures=st.lists(st.integers(0, 50), min_size=1, max_size=30),
    threshold=st.sampled_from([Fraction(1), Fraction(5, 2), Fraction(10)]),
)
def test_the_latest_scores_are_the_slow_ones_of_two_days(
    figures: list[int], threshold: Fraction
) -> None:
    today, yesterday = (FIRST + timedelta(days=len(figures) - back) for back in (1, 2))
    expected_today, expected_beyond = {}, set()
    for metric, size in (("requests", 1), ("tokens", 1_000), ("cost", PICO // 10)):
        *complete, last = dated([size * figure for figure in figures])
        slow = slow_scores(FLOORS[metric], complete, last)
        if today in slow:
            expected_today[metric] = slow[today]
        for day in {today, yesterday} & set(slow):
            z = slow[day][0]
            if z > threshold or (day == yesterday and z < -threshold):
                expected_beyond.add((day, metric))
    latest = window(figures, threshold).latest()
    assert {
        metric: (score.z, score.expected, score.scale) for metric, score in latest.today.items()
    } == expected_today
    assert {(day, score.metric) for day, score in latest.anomalies} == expected_beyond
    cost = expected_today.get("cost")
    assert latest.cost_anomaly == (None if cost is None else cost[0] > threshold)


def test_of_two_unusual_days_yesterday_comes_first() -> None:
    found = window([20] * 9 + [0, 90]).latest()
    assert [(day.isoformat(), score.metric, score.direction) for day, score in found.anomalies] == [
        ("2026-03-11", "requests", "low"),
        ("2026-03-11", "tokens", "low"),
        ("2026-03-11", "cost", "low"),
        ("2026-03-12", "requests", "high"),
        ("2026-03-12", "tokens", "high"),
        ("2026-03-12", "cost", "high"),
    ]
    cost = found.anomalies[-1][1]
    assert (cost.shown_value, cost.shown_expected, cost.shown_z) == (
        Decimal(9),
        Decimal(2),
        Decimal(14),
    )


def test_days_before_yesterday_are_over() -> None:
    assert window([10] * 8 + [90, 10, 10]).latest().anomalies == []
