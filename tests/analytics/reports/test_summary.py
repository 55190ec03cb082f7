"""What the dashboard, the summary, pages of events, health and clean-up show."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics.maintenance.health import Health
from custom_components.llm_analytics.analytics.maintenance.results import CleanUp
from custom_components.llm_analytics.analytics.models import CostSource, Price, StoredEvent
from custom_components.llm_analytics.analytics.periods import Period
from custom_components.llm_analytics.analytics.reports.dashboard import Dashboard
from custom_components.llm_analytics.analytics.reports.rankings import DeviceTotals, EndpointTotals
from custom_components.llm_analytics.analytics.reports.summary import PeriodTotals, Summary
from custom_components.llm_analytics.analytics.totals import Filter, Json, Totals
from custom_components.llm_analytics.analytics.tracking.listing import EventPage

from ..usage_events import usage

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 10, 28, 12, tzinfo=BERLIN)
FIRST = datetime(2026, 10, 1, tzinfo=BERLIN)
EVENT = StoredEvent(
    id=1,
    timestamp=NOON,
    usage=usage(),
    price=Price(picos=0, source=CostSource.FREE),
    device_name=None,
)
DAY = Totals(requests=1, prompt=10, response=5, cost=1)
WEEK = Totals(requests=2, failed=1, prompt=20, response=7, cost=25 * 10**11, unpriced=1)


def summary(device: str | None = None) -> Summary:
    return Summary(
        today=PeriodTotals(Period.DAY, datetime(2026, 10, 28, tzinfo=BERLIN), DAY),
        week=PeriodTotals(Period.WEEK, datetime(2026, 10, 26, tzinfo=BERLIN), WEEK),
        month=PeriodTotals(Period.MONTH, FIRST, Totals()),
        filter=Filter(device=device),
    )


def test_a_period_knows_its_exact_cost() -> None:
    assert PeriodTotals(Period.WEEK, NOON, WEEK).cost == Decimal("2.5")
    assert PeriodTotals(Period.DAY, NOON, DAY).cost == Decimal("0.000000000001")


def test_a_summary_shows_three_periods_under_one_filter() -> None:
    assert summary("ip:192.168.1.2").as_dict() == {
        "today": {
            "requests": 1,
            "tokens": 15,
            "cost_estimate": Decimal("0.000000000001"),
            "unpriced_requests": 0,
            "home_cost": None,
            "unconverted_requests": None,
        },
        "week": {
            "requests": 2,
            "tokens": 27,
            "cost_estimate": Decimal("2.5"),
            "unpriced_requests": 1,
            "home_cost": None,
            "unconverted_requests": None,
        },
        "month": {
            "requests": 0,
            "tokens": 0,
            "cost_estimate": Decimal(0),
            "unpriced_requests": 0,
            "home_cost": None,
            "unconverted_requests": None,
        },
        "home_currency": None,
        "filter_device_ip": "192.168.1.2",
    }


def test_a_household_s_own_currency_stands_beside_dollars() -> None:
    converted = Totals(requests=3, cost=2 * 10**12, home=15 * 10**11, converted=2)
    period = PeriodTotals(Period.DAY, NOON, converted)
    assert period.home_cost == Decimal("1.5")
    answer: Any = Summary(period, period, period, Filter(), "EUR").as_dict()
    assert answer["home_currency"] == "EUR"
    assert answer["today"]["home_cost"] == Decimal("1.5")
    assert answer["today"]["unconverted_requests"] == 1


def test_a_dashboard_adds_what_stands_out() -> None:
    device = DeviceTotals("ip:192.168.1.2", "Tablet", DAY)
    endpoint = EndpointTotals("chat", DAY)
    answer = Dashboard(
        summary=summary(),
        unique_devices={Period.DAY: 1, Period.WEEK: 2, Period.MONTH: 3},
        top_devices=(device,),
        top_endpoints=(endpoint,),
        peak_hours=(9, 17),
        recent_activity=(EVENT,),
        generated_at=NOON,
    ).as_dict()
    expected: dict[str, Json] = {
        "today": {
            "period": "day",
            "start_date": "2026-10-28T00:00:00+01:00",
            "end_date": "2026-10-28T12:00:00+01:00",
            "requests": 1,
            "tokens": 15,
            "tokens_prompt": 10,
            "tokens_response": 5,
            "cost_estimate": Decimal("0.000000000001"),
            "unpriced_requests": 0,
            "home_cost": None,
            "unconverted_requests": None,
            "failed_requests": 0,
            "unique_devices": 1,
        },
        "week": {
            "period": "week",
            "start_date": "2026-10-26T00:00:00+01:00",
            "end_date": "2026-10-28T12:00:00+01:00",
            "requests": 2,
            "tokens": 27,
            "tokens_prompt": 20,
            "tokens_response": 7,
            "cost_estimate": Decimal("2.5"),
            "unpriced_requests": 1,
            "home_cost": None,
            "unconverted_requests": None,
            "failed_requests": 1,
            "unique_devices": 2,
        },
        "month": {
            "period": "month",
            "start_date": "2026-10-01T00:00:00+02:00",
            "end_date": "2026-10-28T12:00:00+01:00",
            "requests": 0,
            "tokens": 0,
            "tokens_prompt": 0,
            "tokens_response": 0,
            "cost_estimate": Decimal(0),
            "unpriced_requests": 0,
            "home_cost": None,
            "unconverted_requests": None,
            "failed_requests": 0,
            "unique_devices": 3,
        },
        "top_devices": [
            {
                "device_ip": "192.168.1.2",
                "device_id": None,
                "device_name": "Tablet",
                "area": None,
                "person": None,
                "request_count": 1,
                "total_tokens": 15,
                "cost_estimate": Decimal("0.000000000001"),
            }
        ],
        "top_endpoints": [
            {
                "endpoint": "chat",
                "request_count": 1,
                "total_tokens": 15,
                "cost_estimate": Decimal("0.000000000001"),
            }
        ],
        "peak_hours": [9, 17],
        "recent_activity": [EVENT.as_dict()],
        "generated_at": "2026-10-28T12:00:00+01:00",
        "home_currency": None,
        "filter_device_ip": None,
    }
    assert answer == expected


def test_a_page_of_events_names_the_next_one() -> None:
    page = EventPage(events=(EVENT,), next="cursor", events_from=FIRST)
    assert page.as_dict() == {
        "events": [EVENT.as_dict()],
        "next": "cursor",
        "events_from": "2026-10-01T00:00:00+02:00",
    }


def test_the_last_page_has_no_next_one() -> None:
    page = EventPage(events=(), next=None, events_from=None)
    assert page.as_dict() == {"events": [], "next": None, "events_from": None}


@pytest.mark.parametrize(("moment", "shown"), [(None, None), (FIRST, "2026-10-01T00:00:00+02:00")])
def test_health_shows_instants_in_the_home_s_zone(
    moment: datetime | None, shown: str | None
) -> None:
    health = Health(
        status="ok",
        schema_version=1,
        events=12,
        first_day="2026-10-01",
        events_from=moment,
        database_bytes=4096,
        queue_depth=0,
        last_write=moment,
        unpriced_models=("openai/new",),
    )
    assert health.as_dict() == {
        "status": "ok",
        "schema_version": 1,
        "events": 12,
        "first_day": "2026-10-01",
        "events_from": shown,
        "database_bytes": 4096,
        "queue_depth": 0,
        "last_write": shown,
        "unpriced_models": ["openai/new"],
    }


@pytest.mark.parametrize(
    ("complete", "status", "moment", "shown"),
    [(True, "ok", None, None), (False, "incomplete", FIRST, "2026-10-01T00:00:00+02:00")],
)
def test_a_clean_up_says_whether_it_has_to_be_called_again(
    *, complete: bool, status: str, moment: datetime | None, shown: str | None
) -> None:
    outcome = CleanUp(
        before=moment,
        events_from=moment,
        events_deleted=10,
        aggregates_deleted=2,
        bytes_reclaimed=8192,
        complete=complete,
    )
    assert outcome.as_dict() == {
        "status": status,
        "cutoff_date": shown,
        "events_from": shown,
        "events_deleted": 10,
        "aggregates_deleted": 2,
        "bytes_reclaimed": 8192,
        "complete": complete,
    }
