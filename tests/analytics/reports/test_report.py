"""Reports as data: shapes, orders and averages."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.llm_analytics.analytics.directory import Known
from custom_components.llm_analytics.analytics.periods import Period
from custom_components.llm_analytics.analytics.reports.rankings import (
    DeviceTotals,
    EndpointTotals,
    ModelTotals,
    UserTotals,
    average,
    average_latency,
    by_requests,
    by_tokens,
)
from custom_components.llm_analytics.analytics.reports.report import Report
from custom_components.llm_analytics.analytics.totals import Filter, Totals

BERLIN = ZoneInfo("Europe/Berlin")
DOLLAR = 10**12


def report(**given: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "report_id": "r",
        "generated_at": datetime(2026, 10, 28, 9, tzinfo=BERLIN),
        "period": Period.WEEK,
        "start": datetime(2026, 10, 19, tzinfo=BERLIN),
        "end": datetime(2026, 10, 26, tzinfo=BERLIN),
        "events_from": None,
        "filter": Filter(),
        "unique_devices": 0,
        "devices": (),
        "endpoints": (),
        "models": (),
        "users": (),
        "areas": (),
        "persons": (),
        "days": (),
        "totals": Totals(),
    }
    return Report(**(values | given)).as_dict()


def row(count: int, prompt: int, response: int, cost: str, unpriced: int = 0) -> dict[str, Any]:
    return {
        "request_count": count,
        "tokens_prompt": prompt,
        "tokens_response": response,
        "total_tokens": prompt + response,
        "cost_estimate": Decimal(cost),
        "unpriced_requests": unpriced,
        "home_cost": None,
        "unconverted_requests": None,
    }


def device(device_ip: str | None, device_id: str | None, name: str | None) -> dict[str, Any]:
    """Return how the API names a device of which the home knows nothing."""
    return {
        "device_ip": device_ip,
        "device_id": device_id,
        "device_name": name,
        "area": None,
        "person": None,
    }


def test_a_report_has_every_part_in_its_order() -> None:
    small = Totals(requests=3, prompt=10, response=5, cost=DOLLAR)
    large = Totals(requests=1, prompt=100, response=50, cost=DOLLAR // 4, unpriced=1)
    totals = Totals(
        requests=8, failed=2, prompt=105, response=55, cost=DOLLAR, latency=5_000, timed=3
    )
    answer = report(
        events_from=datetime(2026, 10, 1, tzinfo=BERLIN),
        filter=Filter(device="ip:192.168.1.2"),
        unique_devices=2,
        devices=[
            DeviceTotals(None, None, large),
            DeviceTotals("ha:abc", None, small, Known("Speaker", "Hall", "Ada")),
            DeviceTotals("ip:192.168.1.2", "Tablet", large, Known("Pad", None, None)),
        ],
        endpoints=[EndpointTotals("task", large), EndpointTotals("chat", small)],
        models=[
            ModelTotals("openai", "gpt-4o", large),
            ModelTotals("anthropic", None, large),
            ModelTotals("openai", "o3", small),
        ],
        users=[UserTotals(None, small), UserTotals("ada", large, "Ada")],
        areas=[("Hall", small), (None, large + large)],
        persons=[("Ada", small), (None, large)],
        days=[(date(2026, 10, 19), small), (date(2026, 10, 20), Totals())],
        totals=totals,
    )
    small_row, large_row = row(3, 10, 5, "1"), row(1, 100, 50, "0.25", 1)
    assert answer == {
        "report_id": "r",
        "generated_at": "2026-10-28T09:00:00+01:00",
        "period": "week",
        "period_start": "2026-10-19T00:00:00+02:00",
        "period_end": "2026-10-26T00:00:00+01:00",
        "events_from": "2026-10-01T00:00:00+02:00",
        "filter_device_ip": "192.168.1.2",
        "summary": row(8, 105, 55, "1")
        | {
            "unique_devices": 2,
            "failed_requests": 2,
            "avg_tokens_per_request": Decimal(20),
            "avg_latency_ms": Decimal("1.67"),
        },
        "by_device": [
            device("192.168.1.2", None, "Tablet") | large_row,
            device(None, "abc", "Speaker") | {"area": "Hall", "person": "Ada"} | small_row,
            device(None, None, None) | large_row,
        ],
        "by_endpoint": [{"endpoint": "chat"} | small_row, {"endpoint": "task"} | large_row],
        "by_provider": [
            {"provider": "openai", "model": "o3"} | small_row,
            {"provider": "anthropic", "model": None} | large_row,
            {"provider": "openai", "model": "gpt-4o"} | large_row,
        ],
        "by_user": [
            {"user_id": "ada", "user_name": "Ada"} | large_row,
            {"user_id": "anonymous", "user_name": None} | small_row,
        ],
        "by_area": [{"area": "Hall"} | small_row, {"area": None} | row(2, 200, 100, "0.5", 2)],
        "by_person": [{"person": "Ada"} | small_row, {"person": None} | large_row],
        "daily_breakdown": [
            {"date": "2026-10-19"} | small_row,
            {"date": "2026-10-20"} | row(0, 0, 0, "0"),
        ],
        "cost_summary": {
            "total_cost_usd": Decimal(1),
            "currency": "USD",
            "by_provider": {"anthropic": Decimal("0.25"), "openai": Decimal("1.25")},
            "home": None,
        },
    }


def test_a_report_of_nothing_has_zeros_and_no_latency() -> None:
    answer = report()
    assert answer["summary"] == row(0, 0, 0, "0") | {
        "unique_devices": 0,
        "failed_requests": 0,
        "avg_tokens_per_request": 0,
        "avg_latency_ms": None,
    }
    assert (answer["events_from"], answer["filter_device_ip"]) == (None, None)
    assert answer["cost_summary"]["by_provider"] == {}


def test_equals_are_listed_by_name() -> None:
    same = Totals(requests=1, prompt=1)
    answer = report(
        models=[
            ModelTotals("openai", "o3", same),
            ModelTotals("openai", None, same),
            ModelTotals("azure", "o3", same),
        ],
        users=[UserTotals("zoe", same), UserTotals(None, same), UserTotals("ada", same)],
    )
    models = [(entry["provider"], entry["model"]) for entry in answer["by_provider"]]
    assert models == [("azure", "o3"), ("openai", None), ("openai", "o3")]
    assert [entry["user_id"] for entry in answer["by_user"]] == ["ada", "anonymous", "zoe"]


def test_devices_come_by_tokens_and_no_device_comes_last() -> None:
    devices = [
        DeviceTotals(key, None, Totals(requests=requests, prompt=tokens))
        for key, requests, tokens in (
            (None, 9, 900),
            ("ip:2", 1, 5),
            ("ip:1", 1, 5),
            ("ha:x", 1, 90),
            ("ip:3", 9, 1),
        )
    ]
    assert [device.key for device in by_tokens(devices)] == ["ha:x", "ip:1", "ip:2", "ip:3", None]


def test_endpoints_come_by_requests_then_by_name() -> None:
    endpoints = [
        EndpointTotals(name, Totals(requests=requests, prompt=tokens))
        for name, requests, tokens in (("b", 2, 0), ("c", 1, 99), ("a", 2, 0))
    ]
    assert [endpoint.endpoint for endpoint in by_requests(endpoints)] == ["a", "b", "c"]


def test_a_ranking_lists_a_device_with_its_sums() -> None:
    totals = Totals(requests=2, prompt=30, response=12, cost=DOLLAR // 2)
    sums = {"request_count": 2, "total_tokens": 42, "cost_estimate": Decimal("0.5")}
    assert DeviceTotals("ha:abc", "Speaker", totals).as_dict() == {
        **device(None, "abc", "Speaker"),
        **sums,
    }
    assert EndpointTotals("chat", totals).as_dict() == {"endpoint": "chat", **sums}


@pytest.mark.parametrize(
    ("total", "count", "mean"),
    [(0, 0, "0"), (10, 0, "0"), (10, 4, "2.5"), (1, 8, "0.12"), (3, 8, "0.38"), (2, 3, "0.67")],
)
def test_an_average_has_two_places_halves_to_even(total: int, count: int, mean: str) -> None:
    assert str(average(total, count)) == mean


def test_latency_is_averaged_over_the_events_that_gave_one() -> None:
    assert average_latency(Totals(requests=9, latency=3_000_000, timed=2)) == 1500
    assert average_latency(Totals(requests=9)) is None
    assert average_latency(Totals(requests=1, timed=1)) == 0
