"""Briefs: which days are meant, what they are set against, and the household's own currency."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from custom_components.llm_analytics.analytics import ExchangeRate, Part, Stretch
from custom_components.llm_analytics.analytics.periods import Days
from custom_components.llm_analytics.analytics.reports.brief import stretch_days

from ..helpers import DAY, NOON, PLAIN, opened
from ..usage_events import usage

EURO = replace(PLAIN, home_currency="EUR")


@pytest.mark.parametrize(
    ("stretch", "today", "days", "before", "cut"),
    [
        ("today", "2026-03-18", "2026-03-18 2026-03-18", "2026-03-17 2026-03-17", True),
        ("yesterday", "2026-03-01", "2026-02-28 2026-02-28", "2026-02-27 2026-02-27", False),
        ("this_week", "2026-03-18", "2026-03-16 2026-03-18", "2026-03-09 2026-03-11", True),
        ("last_week", "2026-03-22", "2026-03-09 2026-03-15", "2026-03-02 2026-03-08", False),
        ("this_month", "2026-03-18", "2026-03-01 2026-03-18", "2026-02-01 2026-02-18", True),
        # February had no 29th that year: all of it is what came before.
        ("this_month", "2026-03-29", "2026-03-01 2026-03-29", "2026-02-01 2026-02-28", False),
        ("last_month", "2026-01-31", "2025-12-01 2025-12-31", "2025-11-01 2025-11-30", False),
    ],
)
def test_a_stretch_is_set_against_as_much_of_the_one_before(
    stretch: str, today: str, days: str, before: str, *, cut: bool
) -> None:
    found = stretch_days(Stretch(stretch), today=date.fromisoformat(today))
    first, second = (
        Days(*(date.fromisoformat(day) for day in text.split())) for text in (days, before)
    )
    assert found == (first, second, cut)


async def test_the_household_s_own_currency_stands_beside_dollars(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", settings=EURO) as analytics:
        await analytics.tracker.record(usage(timestamp=NOON - DAY, cost_estimate=Decimal(8)))
        await analytics.costs.set_exchange_rate(
            ExchangeRate("EUR", Decimal("1.25"), NOON - DAY / 2)
        )
        await analytics.tracker.record(usage(cost_estimate=Decimal(5), model="gpt-4o"))
        await analytics.tracker.record(usage(cost_estimate=Decimal(10), model="o3"))
        answer: Any = (await analytics.reports.brief(Stretch.TODAY, Part.MODEL)).as_dict()
        assert [answer[name] for name in ("cost_usd", "home_cost", "home_currency")] == [
            15,
            12,
            "EUR",
        ]
        assert answer["unconverted_requests"] == 0
        assert [(row["model"], row["home_cost"]) for row in answer["rows"]] == [
            ("openai/o3", 8),
            ("openai/gpt-4o", 4),
        ]
        for part in Part:
            parts: Any = (await analytics.reports.brief(Stretch.TODAY, part)).as_dict()
            assert sum(row["home_cost"] for row in parts["rows"]) == 12
        week: Any = (await analytics.reports.brief(Stretch.THIS_WEEK)).as_dict()
        assert (week["home_cost"], week["unconverted_requests"]) == (12, 1)


async def test_without_a_currency_of_its_own_there_are_dollars_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as analytics:
        await analytics.tracker.record(usage(cost_estimate=Decimal(5)))
        answer: Any = (await analytics.reports.brief(Stretch.TODAY, Part.USER)).as_dict()
        assert not [name for name in (*answer, *answer["rows"][0]) if "home" in name]
